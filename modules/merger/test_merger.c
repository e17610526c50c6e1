/* SPDX-License-Identifier: BSD-3-Clause */
/** merger: formats, ends and options. That it waits for the first records of all inputs is seen in the recorded cases. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <string.h>

#include <cmocka.h>

static void the_output_has_the_fields_of_all_inputs(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, "uint16 ID,string S");
   nm_test_format(t, 1, "uint16 ID,uint32 X");
   nm_test_feed(t, 0, "1,\"a\"");
   nm_test_feed(t, 1, "2,11");
   assert_string_equal(nm_test_output_format(t, 0), "uint32 X,uint16 ID,string S");
   assert_string_equal(nm_test_next(t, 0), "0,1,\"a\"");
   assert_string_equal(nm_test_next(t, 0), "11,2,\"\"");
   nm_test_format(t, 1, "uint8 NEW");
   nm_test_feed(t, 1, "3");
   assert_string_equal(nm_test_output_format(t, 0), "uint16 ID,uint8 NEW,string S");
   assert_string_equal(nm_test_next(t, 0), "0,3,\"\"");
   nm_test_free(t);
}

static void chosen_fields(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-u uint16~ID,uint8~NEW");
   (void) state;
   assert_non_null(nm_test_error(t)); /* ~ is no blank */
   assert_int_equal(nm_test_status(t), 254);
   assert_non_null(strstr(nm_test_error(t), "-u: \"uint16~ID,uint8~NEW\" is not of the form"));
   nm_test_free(t);
}

static void an_input_with_a_field_of_another_type_is_closed(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, "uint16 ID");
   assert_int_equal(nm_test_format(t, 1, "uint32 ID"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "5"), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "5");
   assert_int_equal(nm_test_feed_bytes(t, 1, "abcd", 4, 0), NM_STOP); /* no longer read */
   assert_null(nm_test_error(t));
   nm_test_free(t);
}

static void an_end_of_stream_is_no_record(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, "uint16 ID");
   nm_test_format(t, 1, "uint16 ID");
   assert_int_equal(nm_test_feed_bytes(t, 0, "", 1, 0), NM_OK);
   assert_int_equal(nm_test_feed(t, 1, "7"), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "7");
   assert_int_equal(nm_test_feed_bytes(t, 1, "", 1, 0), NM_STOP);
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void old_and_wrong_command_lines(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-n 3");
   (void) state;
   assert_null(nm_test_error(t));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-x");
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
   t = nm_test_new_with(&nm_definition, "", 0, 1);
   assert_string_equal(nm_test_error(t), "at least one input and one output needed");
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_output_has_the_fields_of_all_inputs),
       cmocka_unit_test(chosen_fields),
       cmocka_unit_test(an_input_with_a_field_of_another_type_is_closed),
       cmocka_unit_test(an_end_of_stream_is_no_record),
       cmocka_unit_test(old_and_wrong_command_lines),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
