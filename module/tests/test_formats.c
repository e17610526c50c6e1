/* SPDX-License-Identifier: BSD-3-Clause */
/** Formats of inputs and outputs, by modules as others write them, run by nemea/module_test.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#include "fields.h"

static int forward(nm_module_t *m, const void *rec)
{
   return nm_forward(m, 0, rec);
}

static const nm_module_def_t follow_module = {.name = "follow",
                                              .summary = "",
                                              .in = NM_INPUTS({"flows"}),
                                              .out = NM_OUTPUTS({"same", .format = NM_FOLLOW}),
                                              .record = forward};

static void an_output_follows_its_input_through_format_changes(void **state)
{
   nm_test_t *t = nm_test_new(&follow_module, "");
   (void) state;
   assert_null(nm_test_output_format(t, 0));
   assert_int_equal(nm_test_format(t, 0, "uint32 PACKETS,uint64 BYTES"), NM_OK);
   assert_string_equal(nm_test_output_format(t, 0), "uint64 BYTES,uint32 PACKETS");
   assert_int_equal(nm_test_feed(t, 0, "3,400"), NM_OK);
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,string NOTE"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "10.0.0.1,\"hi\""), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "400,3");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.1,\"hi\"");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static int count_and_send(nm_module_t *m, const void *rec)
{
   void *r = nm_alert(m, rec);
   nm_set(m, r, F_COUNT, 7);
   return nm_send(m, r);
}

static const nm_module_def_t add_module = {.name = "add",
                                           .summary = "",
                                           .in = NM_INPUTS({"flows"}),
                                           .out = NM_OUTPUTS({"counted", "uint32 COUNT", NM_FOLLOW}),
                                           .record = count_and_send};

static void an_output_can_add_fields_to_those_of_its_input(void **state)
{
   nm_test_t *t = nm_test_new(&add_module, "");
   (void) state;
   nm_test_format(t, 0, "uint64 BYTES");
   nm_test_feed(t, 0, "5");
   nm_test_format(t, 0, "uint32 COUNT,uint64 BYTES"); /* the field is there already: it is the same one */
   assert_string_equal(nm_test_output_format(t, 0), "uint64 BYTES,uint32 COUNT");
   nm_test_feed(t, 0, "1,6");
   assert_string_equal(nm_test_next(t, 0), "5,7");
   assert_string_equal(nm_test_next(t, 0), "6,7");
   nm_test_free(t);
}

static int choose_fields(nm_module_t *m)
{
   return nm_follow(m, 0, 0, "PACKETS,NOTE", "uint32 COUNT");
}

static const nm_module_def_t choose_module = {.name = "choose",
                                              .summary = "",
                                              .in = NM_INPUTS({"flows"}),
                                              .out = NM_OUTPUTS({"chosen"}),
                                              .init = choose_fields,
                                              .record = count_and_send};

static void an_output_can_have_chosen_fields_of_its_input(void **state)
{
   nm_test_t *t = nm_test_new(&choose_module, "");
   (void) state;
   nm_test_format(t, 0, "string NOTE,uint64 BYTES,uint32 PACKETS");
   nm_test_feed(t, 0, "\"x\",1,2");
   assert_string_equal(nm_test_output_format(t, 0), "uint32 COUNT,uint32 PACKETS,string NOTE");
   assert_string_equal(nm_test_next(t, 0), "7,2,\"x\"");
   assert_int_equal(nm_test_format(t, 0, "uint64 BYTES"), NM_ERROR);
   assert_string_equal(nm_test_error(t),
                       "input flows: its records have no field \"PACKETS\", which output chosen needs");
   nm_test_free(t);
}

static int choose_all(nm_module_t *m)
{
   return nm_follow(m, 0, 0, "PACKETS,BYTES", NULL);
}

static const nm_module_def_t choose_early_module = {.name = "choose",
                                                    .summary = "",
                                                    .in = NM_INPUTS({"flows"}),
                                                    .out = NM_OUTPUTS({"chosen"}),
                                                    .init = choose_all,
                                                    .record = forward};

/* The output keeps its format, but records of the input can be passed on as they are at first only. */
static void chosen_fields_do_not_move_when_further_ones_come(void **state)
{
   nm_test_t *t = nm_test_new(&choose_early_module, "");
   (void) state;
   nm_test_format(t, 0, "uint64 BYTES,uint32 PACKETS");
   nm_test_feed(t, 0, "1,2");
   nm_test_format(t, 0, "ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS");
   assert_string_equal(nm_test_output_format(t, 0), "uint64 BYTES,uint32 PACKETS");
   nm_test_feed(t, 0, "10.0.0.1,3,4");
   assert_string_equal(nm_test_next(t, 0), "1,2");
   assert_string_equal(nm_test_next(t, 0), "3,4");
   nm_test_free(t);
}

static int follow_too_far(nm_module_t *m)
{
   return nm_follow(m, 1, 0, NULL, NULL);
}

static int follow_nothing(nm_module_t *m)
{
   return nm_follow(m, 0, 1, NULL, NULL);
}

static int set_too_far(nm_module_t *m)
{
   return nm_set_output(m, 1, "uint32 COUNT");
}

static void interfaces_that_do_not_exist_are_errors(void **state)
{
   static const struct {
      int (*init)(nm_module_t *m);
      const char *error;
   } cases[] = {{follow_too_far, "output 1 does not exist: there are 1"},
                {follow_nothing, "input 1 does not exist: there are 1"},
                {set_too_far, "output 1 does not exist: there are 1"}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      const nm_module_def_t def = {.name = "far",
                                   .summary = "",
                                   .in = NM_INPUTS({"flows"}),
                                   .out = NM_OUTPUTS({"same"}),
                                   .init = cases[i].init,
                                   .record = forward};
      nm_test_t *t = nm_test_new(&def, "");
      assert_string_equal(nm_test_error(t), cases[i].error);
      nm_test_free(t);
   }
}

static const nm_module_def_t merger_module = {.name = "merger",
                                              .summary = "",
                                              .in = NM_INPUTS({"part", .min = 1, .max = NM_VARIABLE}),
                                              .out = NM_OUTPUTS({"whole", .format = NM_UNION}),
                                              .flags = NM_SKIP_MISMATCH,
                                              .record = forward};

static void a_union_has_the_fields_of_all_inputs(void **state)
{
   nm_test_t *t = nm_test_new_with(&merger_module, "", 3, 1);
   (void) state;
   nm_test_format(t, 0, "uint64 BYTES");
   nm_test_feed(t, 0, "1");
   nm_test_format(t, 1, "uint32 PACKETS");
   nm_test_feed(t, 1, "2");
   nm_test_feed(t, 0, "3");
   assert_string_equal(nm_test_next(t, 0), "1");
   assert_string_equal(nm_test_next(t, 0), "0,2");
   assert_string_equal(nm_test_next(t, 0), "3,0");
   assert_int_equal(nm_test_format(t, 2, "uint8 BYTES"), NM_OK); /* another type: closed, the others go on */
   nm_test_feed(t, 1, "4");
   assert_string_equal(nm_test_next(t, 0), "0,4");
   assert_string_equal(nm_input_name(nm_test_module(t), 1), "part 2");
   nm_test_free(t);
}

static const nm_module_def_t json_module = {.name = "json",
                                            .summary = "",
                                            .in = NM_INPUTS({"texts", .data = NM_JSON}),
                                            .out = NM_OUTPUTS({"same", .format = NM_FOLLOW}),
                                            .record = forward};

static void another_data_type_is_named(void **state)
{
   nm_test_t *t = nm_test_new(&json_module, "");
   (void) state;
   assert_int_equal(nm_test_format(t, 0, "alert"), NM_OK);
   assert_int_equal(nm_test_feed_bytes(t, 0, "{\"a\":1}", 7, 0), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "{\"a\":1}");
   nm_test_free(t);
}

/* A set of fields that no record can hold; that memory has not run out is part of the message. */
static char wide_fields[5000 * 18];

static int set_wide_output(nm_module_t *m)
{
   size_t n = 0;
   for (int i = 0; i < 5000; i++) {
      n += (size_t) sprintf(wide_fields + n, "%sipaddr W%d", i > 0 ? "," : "", i);
   }
   return nm_set_output(m, 0, wide_fields);
}

static const nm_module_def_t wide_module = {
    .name = "wide", .summary = "", .out = NM_OUTPUTS({"alerts"}), .init = set_wide_output};

static void fields_that_cannot_be_a_template_say_why(void **state)
{
   nm_test_t *t = nm_test_new(&wide_module, "");
   const char *error = nm_test_error(t);
   (void) state;
   assert_non_null(error);
   assert_non_null(strstr(error, "output alerts: fields \""));
   assert_non_null(strstr(error, "the record would be longer than 65535 bytes"));
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(an_output_follows_its_input_through_format_changes),
       cmocka_unit_test(an_output_can_add_fields_to_those_of_its_input),
       cmocka_unit_test(an_output_can_have_chosen_fields_of_its_input),
       cmocka_unit_test(chosen_fields_do_not_move_when_further_ones_come),
       cmocka_unit_test(interfaces_that_do_not_exist_are_errors),
       cmocka_unit_test(a_union_has_the_fields_of_all_inputs),
       cmocka_unit_test(another_data_type_is_named),
       cmocka_unit_test(fields_that_cannot_be_a_template_say_why),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
