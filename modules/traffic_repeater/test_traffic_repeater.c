/* SPDX-License-Identifier: BSD-3-Clause */
/** traffic_repeater: records come out as they came in, and are counted. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void records_come_out_as_they_came_in(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, "uint32 N,string S");
   assert_int_equal(nm_test_feed(t, 0, "1,\"a\""), NM_OK);
   nm_test_format(t, 0, "ipaddr A");
   assert_int_equal(nm_test_feed(t, 0, "10.0.0.1"), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "1,\"a\"");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.1");
   assert_null(nm_test_next(t, 0));
   assert_string_equal(nm_test_output_format(t, 0), "ipaddr A");
   nm_test_free(t);
}

static void a_record_of_one_byte_is_no_end(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, "uint8 ID");
   assert_int_equal(nm_test_feed(t, 0, "7"), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "7");
   assert_int_equal(nm_test_feed_bytes(t, 0, "", 0, 0), NM_STOP);
   nm_test_free(t);
}

static void counts_are_exact_without_end_of_stream_too(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-n");
   nm_test_format(t, 0, "uint32 N");
   nm_test_feed(t, 0, "1");
   nm_test_drop(t, true);
   nm_test_feed(t, 0, "2");
   nm_test_drop(t, false);
   nm_test_feed(t, 0, "3");
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_test_free(t);
   const char *text = nm_test_caught();
   assert_non_null(strstr(text, "Info: Flows received:                 3\n"));
   assert_non_null(strstr(text, "Info: Flows sent:                     2\n"));
   assert_non_null(strstr(text, "Info: Timeouts:                       1\n"));
   assert_non_null(strstr(text, "Info: Time elapsed:               0."));
}

static void unknown_options_are_ignored(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-x --strange");
   assert_null(nm_test_error(t));
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(records_come_out_as_they_came_in),
       cmocka_unit_test(a_record_of_one_byte_is_no_end),
       cmocka_unit_test(counts_are_exact_without_end_of_stream_too),
       cmocka_unit_test(unknown_options_are_ignored),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
