/* SPDX-License-Identifier: BSD-3-Clause */
/** Which records sampler sends. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Numbers of the records that are sent, of records fed in batches of this size. */
static void check(const char *options, uint32_t batch, uint32_t n, const char *expected)
{
   char got[200] = "";
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   nm_test_format(t, 0, "uint32 ID");
   for (uint32_t i = 1; i <= n; i += batch) {
      uint32_t ids[8];
      nm_record_t recs[8];
      for (uint32_t k = 0; k < batch; k++) {
         ids[k] = i + k;
         recs[k] = (nm_record_t){.data = (void *) &ids[k], .size = sizeof(ids[k]), .seq = i + k};
      }
      assert_int_equal(nm_test_feed_batch(t, 0, recs, batch), NM_OK);
   }
   for (const char *id; (id = nm_test_next(t, 0)) != NULL;) {
      strcat(strcat(got, id), " ");
   }
   assert_string_equal(got, expected);
   assert_int_equal(nm_test_counter(t, "totalRecords"), n);
   assert_int_equal(nm_test_counter(t, "sampledRecords"), nm_test_counter(t, "sent"));
   nm_test_end(t, 0);
   nm_test_free(t);
}

static void every_nth_record_whatever_the_batches(void **state)
{
   (void) state;
   check("-r 1", 1, 4, "1 2 3 4 ");
   check("-r 1", 4, 4, "1 2 3 4 ");
   check("-r 3", 1, 10, "3 6 9 ");
   check("-r 3", 2, 10, "3 6 9 ");
   check("-r 3", 8, 16, "3 6 9 12 15 ");
   check("--rate 7", 3, 15, "7 14 ");
   check("-r 100", 8, 16, "");
   check("-r 18446744073709551615", 8, 16, "");
}

static void records_go_on_in_the_format_of_the_input(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-r 2");
   nm_test_format(t, 0, "uint32 ID,string NAME");
   nm_test_feed(t, 0, "1,a");
   nm_test_format(t, 0, "ipaddr SRC_IP");
   nm_test_feed(t, 0, "10.0.0.1");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.1");
   assert_string_equal(nm_test_output_format(t, 0), "ipaddr SRC_IP");
   nm_test_free(t);
}

static void wrong_rates(void **state)
{
   static const char *const options[] = {"-r 0", "-r -1", "-r 2x", "-r 18446744073709551616"};
   (void) state;
   for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, options[i]);
      assert_non_null(strstr(nm_test_error(t), "Sampling rate must be higher than zero."));
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_non_null(strstr(nm_test_error(t), "--rate is needed"));
   nm_test_free(t);
}

#ifdef HAVE_FUSE
static void statistics_are_files(void **state)
{
   char folder[] = "/tmp/sampler-XXXXXX", path[64], line[64], text[256];
   (void) state;
   assert_non_null(mkdtemp(folder));
   snprintf(line, sizeof(line), "-r 2 -m %s", folder);
   nm_test_t *t = access("/dev/fuse", R_OK | W_OK) == 0 ? nm_test_new(&nm_definition, line) : NULL;
   if (t == NULL || nm_test_error(t) != NULL) {
      print_message("skipped: %s\n", t != NULL ? nm_test_error(t) : "no /dev/fuse");
      nm_test_free(t);
      rmdir(folder);
      skip();
   }
   nm_test_format(t, 0, "uint32 ID");
   nm_test_feed(t, 0, "1");
   nm_test_feed(t, 0, "2");
   nm_test_feed(t, 0, "3");
   nm_test_idle(t);
   for (int i = 0; i < 2; i++) {
      snprintf(path, sizeof(path), "%s/%s/stats", folder, i == 0 ? "sampler" : "input");
      FILE *file = fopen(path, "re");
      assert_non_null(file);
      text[fread(text, 1, sizeof(text) - 1, file)] = 0;
      fclose(file);
      assert_string_equal(
          text, i == 0 ? "totalRecords: 3\nsampledRecords: 1\n"
                       : "receivedBytes: 12\nreceivedRecords: 3\nmissedRecords: 0\nmissed: 0.00 %\n");
   }
   nm_test_free(t);
   assert_int_equal(rmdir(folder), 0);
}
#endif

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(every_nth_record_whatever_the_batches),
       cmocka_unit_test(records_go_on_in_the_format_of_the_input),
       cmocka_unit_test(wrong_rates),
#ifdef HAVE_FUSE
       cmocka_unit_test(statistics_are_files),
#endif
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
