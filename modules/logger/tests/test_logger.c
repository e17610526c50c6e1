/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of logger without a process: lines, titles, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

static char path[] = "/tmp/logger-test-XXXXXX";

static int make_file(void **state)
{
   (void) state;
   int fd = mkstemp(path);
   return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
   (void) state;
   return unlink(path);
}

static void assert_file(const char *expected)
{
   char text[512] = "";
   FILE *f = fopen(path, "r");
   assert_non_null(f);
   text[fread(text, 1, sizeof(text) - 1, f)] = 0;
   fclose(f);
   assert_string_equal(text, expected);
}

static nm_test_t *start(const char *options)
{
   char arguments[128];
   snprintf(arguments, sizeof(arguments), "-w %s %s", path, options);
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_null(nm_test_error(t));
   return t;
}

static void a_title_stands_above_lines_of_each_format(void **state)
{
   nm_test_t *t = start("-t");
   (void) state;
   nm_test_format(t, 0, "ipaddr SRC_IP,string NOTE");
   nm_test_feed(t, 0, "10.0.0.1,\"a\"");
   nm_test_format(t, 0, "uint32 N");
   nm_test_feed(t, 0, "5");
   nm_test_finish(t);
   assert_file("ipaddr SRC_IP,string NOTE\n10.0.0.1,\"a\"\nuint32 N\n5\n");
   nm_test_free(t);
}

static void it_stops_after_as_many_records_as_it_was_told(void **state)
{
   nm_test_t *t = start("-c 2");
   (void) state;
   nm_test_format(t, 0, "uint32 N");
   assert_int_equal(nm_test_feed(t, 0, "1"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "2"), NM_STOP);
   nm_test_finish(t);
   assert_file("1\n2\n");
   nm_test_free(t);
}

static void only_records_that_match_the_filter_are_written(void **state)
{
   nm_test_t *t = start("--filter DST_PORT==53 -c 2");
   (void) state;
   nm_test_format(t, 0, "uint32 N,uint16 DST_PORT");
   assert_int_equal(nm_test_feed(t, 0, "1,53"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "2,80"), NM_OK);
   nm_test_format(t, 0, "uint32 N"); /* has no such field: nothing matches, which is no error further down */
   assert_int_equal(nm_test_feed(t, 0, "3"), NM_OK);
   nm_test_format(t, 0, "uint32 N,uint16 DST_PORT");
   assert_int_equal(nm_test_feed(t, 0, "4,53"), NM_STOP);
   nm_test_finish(t);
   assert_file("1,53\n4,53\n");
   nm_test_free(t);
}

static void a_filter_that_is_wrong_is_an_error(void **state)
{
   char arguments[128];
   (void) state;
   snprintf(arguments, sizeof(arguments), "-w %s -F DST_PORT==", path);
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_non_null(strstr(nm_test_error(t), "--filter \"DST_PORT==\", byte 10"));
   nm_test_free(t);
   t = start("-F DST_PORT==53");
   nm_test_format(t, 0, "uint32 N");
   assert_int_equal(nm_test_feed(t, 0, "1"), NM_ERROR);
   assert_string_equal(nm_test_error(t), "--filter \"DST_PORT==53\" does not suit the records of the input");
   nm_test_free(t);
}

static void lines_are_there_when_no_record_is_waiting(void **state)
{
   nm_test_t *t = start("-d ;");
   (void) state;
   nm_test_format(t, 0, "uint32 N,uint8 M");
   nm_test_feed(t, 0, "1,2");
   assert_int_equal(nm_test_idle(t), NM_OK);
   assert_file("1;2\n");
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_title_stands_above_lines_of_each_format),
       cmocka_unit_test(it_stops_after_as_many_records_as_it_was_told),
       cmocka_unit_test(only_records_that_match_the_filter_are_written),
       cmocka_unit_test(a_filter_that_is_wrong_is_an_error),
       cmocka_unit_test(lines_are_there_when_no_record_is_waiting),
   };
   return cmocka_run_group_tests(tests, make_file, remove_file);
}
