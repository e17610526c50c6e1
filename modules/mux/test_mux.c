/* SPDX-License-Identifier: BSD-3-Clause */
/** mux: its messages, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <string.h>

#include <cmocka.h>

#include "message.h"

static void expect(nm_test_t *t, uint16_t id, uint16_t link, const void *payload, size_t size)
{
   struct mux_header header = {.id = id, .link = link, .type = TRAP_FMT_UNIREC};
   size_t got;
   const char *bytes = nm_test_next_bytes(t, 0, &got);
   assert_non_null(bytes);
   assert_int_equal(got, 5 + size); /* and no junk after */
   assert_memory_equal(bytes, &header, 5);
   assert_memory_equal(bytes + 5, payload, size);
}

static nm_test_t *two_links(void)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-n 2");
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, "uint16 ID"), NM_OK);
   assert_int_equal(nm_test_format(t, 1, "uint8 X"), NM_OK);
   expect(t, MUX_HELLO, 0, "uint16 ID", 10);
   expect(t, MUX_HELLO, 1, "uint8 X", 8);
   return t;
}

static void records_have_the_number_of_their_input(void **state)
{
   (void) state;
   nm_test_t *t = two_links();
   nm_test_feed(t, 1, "5");
   nm_test_feed(t, 0, "257");
   expect(t, MUX_DATA, 1, "\5", 1);
   expect(t, MUX_DATA, 0, "\1\1", 2);
   nm_test_format(t, 0, "uint8 X");
   expect(t, MUX_HELLO, 0, "uint8 X", 8);
   nm_test_free(t);
}

static void formats_are_repeated_until_the_end_of_the_input(void **state)
{
   (void) state;
   nm_test_t *t = two_links();
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   expect(t, MUX_HELLO, 0, "uint16 ID", 10);
   expect(t, MUX_HELLO, 1, "uint8 X", 8);
   assert_int_equal(nm_test_end(t, 0), NM_OK);
   expect(t, MUX_DATA, 0, "", 1);
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   expect(t, MUX_HELLO, 1, "uint8 X", 8);
   assert_int_equal(nm_test_end(t, 1), NM_STOP);
   expect(t, MUX_DATA, 1, "", 0); /* one byte is a record of this format */
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void what_does_not_fit_after_the_header_is_counted(void **state)
{
   static char record[UR_MAX_SIZE];
   uint16_t size[2] = {0, UINT16_MAX - 4 - 4};
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "");
   nm_test_format(t, 0, "string S");
   nm_test_next(t, 0);
   memcpy(record, size, sizeof(size));
   assert_int_equal(nm_test_feed_bytes(t, 0, record, (uint16_t) (size[1] + 4), 0), NM_OK);
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "too long"), 1);
   nm_test_free(t);
}

static void wrong_numbers_of_links_are_named(void **state)
{
   static const struct {
      const char *options, *text;
      int status;
   } cases[] = {{"-n 0", "Error: Number of input interfaces must be positive integer.", 2},
                {"-n x", "Error: Number of input interfaces must be positive integer.", 2},
                {"-n 33", "Error: More than 32 interfaces is not allowed by TRAP library.", 2},
                {"-n 3", "-i has 2 inputs, but -n says 3", 3},
                {"-x", "invalid option -- 'x' (see mux -h)", 1}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, cases[i].options);
      assert_string_equal(nm_test_error(t), cases[i].text);
      assert_int_equal(nm_test_status(t), cases[i].status);
      nm_test_free(t);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(records_have_the_number_of_their_input),
       cmocka_unit_test(formats_are_repeated_until_the_end_of_the_input),
       cmocka_unit_test(what_does_not_fit_after_the_header_is_counted),
       cmocka_unit_test(wrong_numbers_of_links_are_named),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
