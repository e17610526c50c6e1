/* SPDX-License-Identifier: BSD-3-Clause */
/** Which records prefix_tags sends, with which tags, and what is wrong with its files. */
#include <nemea/module_cmocka.h>
#include <signal.h>

static nm_test_t *module(const char *options)
{
   char line[200];
   snprintf(line, sizeof(line), "-c %s %s", nm_unit_path(), options);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   return t;
}

static void feed(nm_test_t *t, const char *source, const char *destination)
{
   char text[200];
   snprintf(text, sizeof(text), "%s,%s", source, destination);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void check_tags(const char *options, const char *const expected[4])
{
   static const char *const pairs[4][2] = {
       {"10.1.2.3", "192.0.2.1"}, {"8.8.8.8", "10.0.0.1"}, {"192.0.2.1", "10.0.0.1"}, {"8.8.8.8", "9.9.9.9"}};
   nm_test_t *t = module(options);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,ipaddr DST_IP"), NM_OK);
   for (int i = 0; i < 4; i++) {
      feed(t, pairs[i][0], pairs[i][1]);
      const char *got = nm_test_next(t, 0);
      if (expected[i] == NULL) {
         assert_null(got);
      } else {
         char text[200];
         snprintf(text, sizeof(text), "%s,%s,%s", pairs[i][1], pairs[i][0], expected[i]);
         assert_string_equal(got, text);
      }
   }
   nm_test_free(t);
}

/* 10.0.0.0/8 is the widest around its addresses, and the first of two equal ones; a tag may be 0 and -1. */
static void tags(void **state)
{
   (void) state;
   nm_unit_write(
       "[{\"id\":2,\"ip_prefix\":\"10.1.0.0/16\"},{\"id\":-1,\"ip_prefix\":\"10.0.0.0/8\"},"
       "{\"id\":7,\"ip_prefix\":\"10.0.0.0/8\",\"x\":1},{\"id\":0,\"ip_prefix\":\"192.0.2.0/25\"}]");
   check_tags("", (const char *const[4]){"4294967295,0", "4294967295,0", "0,0", NULL});
   check_tags("-s", (const char *const[4]){"4294967295,0", NULL, "0,0", NULL});
   check_tags("-d", (const char *const[4]){"0,0", "4294967295,0", "4294967295,0", NULL});
   check_tags("-b", (const char *const[4]){"4294967295,0", "0,4294967295", "0,4294967295", NULL});
}

static void wrong_files(void **state)
{
   static const char *const cases[][2] = {
       {"[{\"id\":1,\"ip_prefix\":\"10.0.0.0/33\"}]", "entry 1"},
       {"[{\"id\":1,\"ip_prefix\":\"10.0.0.0/8\"},{\"id\":1,\"ip_prefix\":\"::/129\"}]", "entry 2"},
       {"[{\"id\":1,\"ip_prefix\":\"10.0.0.0/200\"}]", "Malformed IP prefix \"10.0.0.0/200\""},
       {"[{\"id\":1,\"ip_prefix\":\"10.0.0.0/\"}]", "Malformed"},
       {"[{\"id\":1,\"ip_prefix\":\"10.0.0.0/-1\"}]", "Malformed"},
       {"[{\"id\":1,\"ip_prefix\":\"10.0.0.0\"}]", "Malformed"},
       {"[{\"id\":\"1\",\"ip_prefix\":\"10.0.0.0/8\"}]", "bad config format"},
       {"[{\"id\":4294967296,\"ip_prefix\":\"10.0.0.0/8\"}]", "32 bits"},
       {"[1]", "bad config format"},
       {"[]", "bad JSON format"},
       {"{}", "bad JSON format"},
       {"[\n{\"id\":1,]", "line 2, column"},
       {"[{\"id\":1,\"id\":2,\"ip_prefix\":\"10.0.0.0/8\"}]", "duplicate"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_unit_write(cases[i][0]);
      nm_test_t *t = module("");
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL ||
          nm_test_status(t) != 255) {
         fail_msg("%s: %s (status %d)", cases[i][0], nm_test_error(t), nm_test_status(t));
      }
      nm_test_free(t);
   }
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_int_equal(nm_test_status(t), 255);
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-c /nonexistent");
   assert_int_equal(nm_test_status(t), 255);
   nm_test_free(t);
   nm_unit_write("[{\"id\":1,\"ip_prefix\":\"10.0.0.0/8\"}]");
   t = module("-s -d");
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
}

static void a_file_that_is_read_again(void **state)
{
   (void) state;
   nm_unit_write("[{\"id\":1,\"ip_prefix\":\"10.0.0.0/8\"}]");
   nm_test_t *t = module("");
   nm_test_format(t, 0, "ipaddr SRC_IP,ipaddr DST_IP");
   nm_unit_write("[{\"id\":1,");
   nm_test_signal(t, SIGHUP); /* broken: the old one stays */
   feed(t, "10.0.0.1", "::");
   assert_string_equal(nm_test_next(t, 0), "::,10.0.0.1,1,0");
   nm_unit_write("[{\"id\":3,\"ip_prefix\":\"10.0.0.0/8\"}]");
   nm_test_signal(t, SIGHUP);
   feed(t, "10.0.0.1", "::");
   assert_string_equal(nm_test_next(t, 0), "::,10.0.0.1,3,0");
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(tags), cmocka_unit_test(wrong_files),
                                      cmocka_unit_test(a_file_that_is_read_again)};
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
