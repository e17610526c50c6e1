/* SPDX-License-Identifier: BSD-3-Clause */
/** Filters, intervals and the spool of bloom_history. Nobody listens on the port that it sends to. */
#include <nemea/module_cmocka.h>

#include <dirent.h>
#include <unirec/ipaddr.h>

#include "filters.h"

#define FORMAT "ipaddr DST_IP,time TIME_LAST,uint32 PREFIX_TAG"
#define CONFIG                                                                              \
   "[{\"id\": 7, \"api_url\": \"http://127.0.0.1:1/api/\", \"bloom_entries\": 1000, "       \
   "\"bloom_fp_error_rate\": 0.01},"                                                        \
   " {\"id\": 4000000000, \"api_url\": \"http://127.0.0.1:1/b\", \"bloom_entries\": 1000, " \
   "\"bloom_fp_error_rate\": 0.01, \"x\": 1}]"

static char spool[] = "/tmp/nemea-bloom-XXXXXX";

static int set_up(void **state)
{
   return mkdtemp(spool) != NULL ? nm_unit_make_file(state) : -1;
}

static void clear_spool(void)
{
   DIR *dir = opendir(spool);
   for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
      char path[400];
      snprintf(path, sizeof(path), "%s/%s", spool, entry->d_name);
      unlink(path);
   }
   closedir(dir);
}

static int tear_down(void **state)
{
   clear_spool();
   return nm_unit_remove_file(state) != 0 ? -1 : rmdir(spool);
}

static nm_test_t *start(const char *config, const char *more)
{
   char options[300];
   nm_unit_write(config);
   assert_true(nm_test_catch(STDERR_FILENO));
   snprintf(options, sizeof(options), "-c %s --spool %s --wait 0 %s", nm_unit_path(), spool, more);
   return nm_unit_start(options, FORMAT);
}

/* A file of the spool, the first of which has number 1. \return its size; 0: it is not there */
static size_t spooled(unsigned number, char text[4096])
{
   char path[100];
   snprintf(path, sizeof(path), "%s/%020u.upload", spool, number);
   FILE *file = fopen(path, "re");
   size_t n = file != NULL ? fread(text, 1, 4096, file) : 0;
   if (file != NULL) {
      fclose(file);
   }
   return n;
}

static unsigned bits_set(const char *body, size_t size)
{
   unsigned n = 0;
   for (size_t i = BODY_HEADER; i < size; i++) {
      n += (unsigned) __builtin_popcount((uint8_t) body[i]);
   }
   return n;
}

static void filters_are_sent_at_the_end_of_an_interval(void **state)
{
   char text[4096];
   (void) state;
   nm_test_t *t = start(CONFIG, "-t 60");
   nm_unit_feed(t, "192.0.2.1,2024-01-01T12:00:05,7");
   nm_unit_feed(t, "2001:db8::1,2024-01-01T12:00:06,7");
   nm_unit_feed(t, "192.0.2.1,2024-01-01T12:00:59,7");
   nm_unit_feed(t, "192.0.2.1,2024-01-01T12:00:59,8");
   assert_int_equal(spooled(1, text), 0);
   nm_unit_feed(t, "192.0.2.9,2024-01-01T12:01:00,4000000000");
   size_t size = spooled(1, text);
   static const char head[] = "NEMEA upload 1\nhttp://127.0.0.1:1/api/1704110405/1704110460/\n";
   assert_true(size > strlen(head) && memcmp(text, head, strlen(head)) == 0);
   const char *body = text + strlen(head);
   size -= strlen(head);
   assert_int_equal(size, BODY_HEADER + 1199);                           /* 9585 bits */
   assert_memory_equal(body, "\0\0\x04\xbf\0\0\x03\xe8", 8);             /* size and entries, big-endian */
   assert_memory_equal(body + 8, "\x7b\x14\xae\x47\xe1\x7a\x84\x3f", 8); /* 0.01, little-endian */
   assert_in_range(bits_set(body, size), 10, 14);                        /* 7 for each of two addresses */
   size = spooled(2, text);
   assert_non_null(strstr(text, "/b/1704110405/1704110460/\n"));
   assert_int_equal(nm_test_finish(t), NM_OK);
   spooled(3, text);
   assert_non_null(strstr(text, "/api/1704110460/1704110461/\n"));
   assert_true(spooled(4, text) > 0);
   assert_int_equal(nm_test_counter(t, "filters"), 4);
   assert_int_equal(nm_test_counter(t, "unknown tags"), 1);
   nm_test_free(t);
   assert_non_null(strstr(nm_test_caught(), "Error: Received unknown PREFIX_TAG: 8"));
   clear_spool();
}

static void a_gap_is_one_interval(void **state)
{
   char text[4096];
   (void) state;
   nm_test_t *t = start(CONFIG, "-t 60");
   nm_unit_feed(t, "192.0.2.1,2024-01-01T12:00:05,7");
   nm_unit_feed(t, "192.0.2.1,2024-01-01T13:00:05,7");
   assert_int_equal(nm_test_counter(t, "filters"), 2);
   assert_int_equal(nm_test_finish(t), NM_OK);
   spooled(3, text);
   assert_non_null(strstr(text, "/api/1704114000/1704114006/\n"));
   nm_test_free(t);
   nm_test_caught();
   clear_spool();
}

static void a_new_file_ends_the_interval(void **state)
{
   char text[4096];
   (void) state;
   nm_test_t *t = start(CONFIG, "");
   nm_unit_feed(t, "192.0.2.1,2024-01-01T12:00:05,7");
   nm_unit_write(
       "[{\"id\": 9, \"api_url\": \"https://x\", \"bloom_entries\": 1000, \"bloom_fp_error_rate\": 0.5}]");
   assert_int_equal(nm_test_signal(t, 1), NM_OK);
   assert_true(spooled(1, text) > 0 && spooled(2, text) > 0);
   nm_unit_feed(t, "192.0.2.1,2024-01-01T12:00:07,9");
   assert_int_equal(nm_test_counter(t, "unknown tags"), 0);
   assert_int_equal(nm_test_finish(t), NM_OK);
   spooled(3, text);
   assert_non_null(strstr(text, "https://x/1704110406/1704110408/\n"));
   nm_test_free(t);
   nm_test_caught();
   clear_spool();
}

/* What waits is bounded, and the oldest give way. */
static void the_spool_is_bounded(void **state)
{
   char text[4096];
   (void) state;
   nm_test_t *t = start("[{\"id\": 7, \"api_url\": \"http://127.0.0.1:1\", \"bloom_entries\": 300000, "
                        "\"bloom_fp_error_rate\": 0.01}]",
                        "-t 1 --spool-size 1");
   for (int i = 0; i < 6; i++) {
      snprintf(text, sizeof(text), "192.0.2.1,2024-01-01T12:00:%02d,7", i);
      nm_unit_feed(t, text);
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "filters"), 6);
   assert_int_equal(nm_test_counter(t, "filters waiting"), 2);
   assert_int_equal(nm_test_counter(t, "filters dropped"), 4);
   assert_true(spooled(6, text) > 0);
   nm_test_free(t);
   nm_test_caught();
   clear_spool();
}

static void filters_are_those_of_libbloom(void **state)
{
   static const char json[] =
       "[{\"id\": 1, \"api_url\": \"http://a\", \"bloom_entries\": 1000, \"bloom_fp_error_rate\": 0.001}]";
   char error[FILTERS_ERROR];
   (void) state;
   struct filters *fs = filters_read(json, strlen(json), error);
   assert_non_null(fs);
   struct filter *f = filters_find(fs, 1);
   assert_int_equal(f->bits, 14377);
   assert_int_equal(f->hashes, 10);
   assert_true(filter_begin(f));
   for (uint32_t i = 0; i < 1000; i++) {
      filter_add(f, &i, sizeof(i));
   }
   unsigned set = bits_set((const char *) f->body, f->body_size);
   assert_in_range(set, 6900, 7500); /* half of them */
   filters_free(fs);
}

static void configurations_that_are_wrong(void **state)
{
   static const struct {
      const char *text, *error;
   } cases[] = {
       {"", "line 1"},
       {"{}", "bad JSON format: expected an array"},
       {"[]", "at least one network prefix has to be specified in configuration file"},
       {"[{\"id\":1,}]", "line 1"},
       {"[{\"id\":1,\"id\":2}]", "line 1"},
       {"[{}]", "entry 1: \"id\""},
       {"[{\"id\":5000000000}]", "entry 1: \"id\""},
       {"[{\"id\":1,\"api_url\":\"ftp://a\"}]", "\"api_url\""},
       {"[{\"id\":1,\"api_url\":\"http://a\\nb\"}]", "\"api_url\""},
       {"[{\"id\":1,\"api_url\":\"http://a\",\"bloom_entries\":999}]", "\"bloom_entries\""},
       {"[{\"id\":1,\"api_url\":\"http://a\",\"bloom_entries\":1000,\"bloom_fp_error_rate\":1}]",
        "with a decimal point"},
       {"[{\"id\":1,\"api_url\":\"http://a\",\"bloom_entries\":1000,\"bloom_fp_error_rate\":0.0}]",
        "between 0 and 1"},
       {"[{\"id\":1,\"api_url\":\"http://a\",\"bloom_entries\":2000000000,\"bloom_fp_error_rate\":0.01}]",
        "expected 1 to 2147483647"},
       {"[{\"id\":1,\"api_url\":\"http://a\",\"bloom_entries\":1000,\"bloom_fp_error_rate\":0.01},"
        "{\"id\":1,\"api_url\":\"http://a\",\"bloom_entries\":1000,\"bloom_fp_error_rate\":0.01}]",
        "entry 2: id 1 is that of an entry before"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char error[FILTERS_ERROR] = "";
      assert_null(filters_read(cases[i].text, strlen(cases[i].text), error));
      if (strstr(error, cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].text, error);
      }
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-c /nowhere");
   assert_non_null(
       strstr(nm_test_error(t), "Error: unable to parse config file '/nowhere': No such file or directory"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-t 0");
   assert_string_equal(nm_test_error(t), "Error: Uload interval must be > 0");
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(filters_are_sent_at_the_end_of_an_interval),
       cmocka_unit_test(a_gap_is_one_interval),
       cmocka_unit_test(a_new_file_ends_the_interval),
       cmocka_unit_test(the_spool_is_bounded),
       cmocka_unit_test(filters_are_those_of_libbloom),
       cmocka_unit_test(configurations_that_are_wrong),
   };
   return cmocka_run_group_tests(tests, set_up, tear_down);
}
