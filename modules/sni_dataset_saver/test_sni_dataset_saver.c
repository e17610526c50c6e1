/* SPDX-License-Identifier: BSD-3-Clause */
/** Which flows sni_dataset_saver chooses, and what it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <nemea/module_cmocka.h>
#include <stdlib.h>

#include "tags.h"

#define FORMAT "time TIME_FIRST,time TIME_LAST,uint32 ID,string TLS_SNI"
#define FILE_TEXT                              \
   "Id,Tag,Merged Domains\n"                   \
   "1,Video,\"*.video.example,cdn.example\"\n" \
   "2,News,\"*.news.example,*.eu.video.example\"\n"

static tags_t *read_text(const char *text, char *error)
{
   FILE *file = fmemopen((void *) (uintptr_t) text, strlen(text), "r");
   assert_non_null(file);
   tags_t *tags = tags_read(file, error);
   fclose(file);
   return tags;
}

static void the_longest_name_counts(void **state)
{
   (void) state;
   static const struct {
      const char *name;
      int tag; /* -1: none */
   } names[] = {
       {"video.example", 0},
       {"a.b.video.example", 0},
       {"VIDEO.example.", 0},
       {"myvideo.example", -1},
       {"cdn.example", 0},
       {"a.cdn.example", -1},
       {"eu.video.example", 1},
       {"x.eu.video.example", 1},
       {"eeu.video.example", 0},
       {"video.example.org", -1},
       {"", -1},
       {".", -1},
       {"news.example", 1},
       {"..news.example", 1},
   };
   char error[TAGS_ERROR];
   tags_t *tags = read_text(FILE_TEXT, error);
   assert_non_null(tags);
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      uint32_t tag = 99;
      bool found = tags_find(tags, names[i].name, strlen(names[i].name), &tag);
      if ((found ? (int) tag : -1) != names[i].tag) {
         fail_msg("%s: %d", names[i].name, found ? (int) tag : -1);
      }
   }
   tags_free(tags);
}

static void wrong_files_are_named_with_their_line(void **state)
{
   (void) state;
   static const char *const wrong[][2] = {
       {"1,Video,a.example\n", "line 1: expected the header Id,Tag,Merged Domains"},
       {"Id,Tag,Merged Domains\n", "no domain name in it"},
       {"Id,Tag,Merged Domains\n1,,a.example\n", "line 2: no tag"},
       {"Id,Tag,Merged Domains\n1,A,\"a.example, b c\"\n", "line 2: ' b c' is no domain name"},
       {"Id,Tag,Merged Domains\n1,A,a.example\n2,B,a.example\n",
        "line 3: 'a.example' has another tag already"},
       {"Id,Tag,Merged Domains\n1,A,\"a.example\n", "line 2: a quote is not closed"},
   };
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      char error[TAGS_ERROR];
      assert_null(read_text(wrong[i][0], error));
      assert_non_null(strstr(error, wrong[i][1]));
   }
}

static nm_test_t *start(const char *options)
{
   char text[200];
   snprintf(text, sizeof(text), "-f %s %s", nm_unit_path(), options);
   nm_test_t *t = nm_test_new(&nm_definition, text);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   return t;
}

static void flow(nm_test_t *t, int second, int id, const char *name)
{
   char text[200];
   snprintf(text, sizeof(text), "2024-01-01T12:%02d:%02d,2024-01-01T12:%02d:%02d,%d,\"%s\"", second / 60,
            second % 60, second / 60, second % 60, id, name);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void frequent_tags_are_sampled(void **state)
{
   (void) state;
   nm_unit_write(FILE_TEXT);
   nm_test_t *t = start("-t 60");
   flow(t, 0, 0, "unknown.example");
   for (int i = 1; i <= 20; i++) { /* the first one after a silence, then every tenth */
      flow(t, 1, i, "cdn.example");
   }
   assert_non_null(strstr(nm_test_next(t, 0), ",1,"));
   assert_non_null(strstr(nm_test_next(t, 0), ",10,"));
   assert_non_null(strstr(nm_test_next(t, 0), ",20,"));
   assert_null(nm_test_next(t, 0));
   flow(t, 62, 21, "cdn.example");
   assert_non_null(strstr(nm_test_next(t, 0), ",21,"));
   flow(t, 300, 22, "news.example");
   flow(t, 301, 23, "news.example");
   /* Five minutes: News had nothing yet and is rare, Video is the other half of the tags. */
   assert_string_equal(
       nm_test_next(t, 1),
       "2024-01-01T12:00:00.000000,2024-01-01T12:05:00.000000,\"{\"\"Video\"\":21,\"\"News\"\":0}\"");
   assert_int_equal(nm_unit_count(t), 2);
   for (int i = 24; i < 24 + 7; i++) { /* totals 22 to 28 at one of four */
      flow(t, 310, i, "video.example");
   }
   assert_int_equal(nm_unit_count(t), 3); /* after the silence, and totals 24 and 28 */
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_next(t, 1), "2024-01-01T12:05:10"));
   nm_test_free(t);
}

static void counters_of_an_earlier_run(void **state)
{
   (void) state;
   char path[100], options[120];
   nm_unit_write(FILE_TEXT);
   snprintf(path, sizeof(path), "%s.stats", nm_unit_path());
   snprintf(options, sizeof(options), "-s %s", path);
   FILE *file = fopen(path, "we");
   assert_non_null(file);
   fputs("time TIME_FIRST,time TIME_LAST,string TLS_SNI_STATS\n1,2,\"{\"\"Video\"\":1000}\"\n"
         "1,2,\"{\"\"News\"\":5,\"\"Gone\"\":7}\"\n2,3,\"{\"\"Video\"\":1}\"\n",
         file);
   assert_int_equal(fclose(file), 0);
   nm_test_t *t = start(options);
   flow(t, 1, 1, "cdn.example");
   assert_int_equal(nm_test_finish(t), NM_OK);
   nm_test_free(t);
   t = start(options);
   flow(t, 0, 1, "cdn.example");
   flow(t, 2, 1, "cdn.example");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_next(t, 1), "\"{\"\"Video\"\":1002,\"\"News\"\":5}\""));
   nm_test_free(t);
   unlink(path);
}

static void large_statistics_are_several_records(void **state)
{
   (void) state;
   char *text = malloc(20000 * 40), *end = text;
   assert_non_null(text);
   end += sprintf(end, "Id,Tag,Merged Domains\n");
   for (int i = 0; i < 10000; i++) {
      end += sprintf(end, "%d,service %d,d%d.example\n", i, i, i);
   }
   nm_unit_write(text);
   free(text);
   nm_test_t *t = start("");
   flow(t, 0, 1, "d9999.example");
   flow(t, 300, 1, "d9999.example");
   unsigned records = 0, tags = 0;
   for (const char *rec; (rec = nm_test_next(t, 1)) != NULL; records++) {
      for (const char *at = rec; (at = strstr(at, "\"\"service ")) != NULL; at++) {
         tags++;
      }
   }
   assert_in_range(records, 2, 20);
   assert_int_equal(tags, 10000);
   nm_test_free(t);
}

static void wrong_options_are_named(void **state)
{
   (void) state;
   static const char *const wrong[][2] = {
       {"", "option -f, --filename is needed"},
       {"-f /nowhere/names.csv", "cannot open '/nowhere/names.csv'"},
   };
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, wrong[i][0]);
      assert_non_null(strstr(nm_test_error(t), wrong[i][1]));
      nm_test_free(t);
   }
   nm_unit_write(FILE_TEXT);
   char options[200];
   snprintf(options, sizeof(options), "-f %s -s %s", nm_unit_path(), nm_unit_path());
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(strstr(nm_test_error(t), "third column"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_longest_name_counts),
       cmocka_unit_test(wrong_files_are_named_with_their_line),
       cmocka_unit_test(frequent_tags_are_sampled),
       cmocka_unit_test(counters_of_an_earlier_run),
       cmocka_unit_test(large_statistics_are_several_records),
       cmocka_unit_test(wrong_options_are_named),
   };
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
