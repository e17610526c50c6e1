/* SPDX-License-Identifier: BSD-3-Clause */
/** flowcounter: totals, increments, and what it sends. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FLOWS "uint32 PACKETS,uint64 BYTES,ipaddr SRC_IP"

static nm_test_t *module(const char *options, uint32_t outputs)
{
   nm_test_t *t = nm_test_new_with(&nm_definition, options, 1, outputs);
   assert_non_null(t);
   return t;
}

static void totals_or_increments_are_sent(void **state)
{
   static const char *const second[] = {"1000,3,17", "700,1,10"};
   (void) state;
   for (int relative = 0; relative < 2; relative++) {
      nm_test_t *t = module(relative ? "-o 5 -r" : "-o 5", 1);
      nm_test_format(t, 0, FLOWS);
      nm_test_feed(t, 0, "3,100,10.0.0.1");
      nm_test_feed(t, 0, "4,200,10.0.0.1");
      assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
      nm_test_feed(t, 0, "10,700,10.0.0.1");
      assert_int_equal(nm_test_finish(t), NM_OK);
      assert_string_equal(nm_test_output_format(t, 0), "uint64 BYTES,uint64 FLOWS,uint32 PACKETS");
      assert_string_equal(nm_test_next(t, 0), "300,2,7");
      assert_string_equal(nm_test_next(t, 0), second[relative]);
      nm_test_free(t);
   }
}

static void packets_do_not_wrap(void **state)
{
   (void) state;
   nm_test_t *t = module("-o 5", 1);
   nm_test_format(t, 0, FLOWS);
   nm_test_feed(t, 0, "4294967295,1,10.0.0.1");
   nm_test_feed(t, 0, "4294967295,1,10.0.0.1");
   nm_test_finish(t);
   assert_string_equal(nm_test_next(t, 0), "2,2,4294967295");
   assert_int_equal(nm_test_counter(t, "packets"), UINT64_C(8589934590));
   nm_test_free(t);
}

/* What the module writes while it gets a signal and ends. */
static const char *the_rest(nm_test_t *t)
{
   assert_true(nm_test_catch(STDOUT_FILENO));
   nm_test_signal(t, SIGUSR1);
   nm_test_free(t);
   const char *text = nm_test_caught();
   assert_non_null(text);
   return text;
}

static void totals_are_printed_on_a_signal_and_after_an_error(void **state)
{
   static const char totals[] =
       "\nFlows:                      1\nPackets:                    3\nBytes:                    100\n";
   (void) state;
   nm_test_t *t = module("-p 5", 0);
   nm_test_format(t, 0, FLOWS);
   nm_test_feed(t, 0, "3,100,10.0.0.1");
   const char *text = the_rest(t);
   assert_memory_equal(text, "Time: ", 6);
   const char *first = strstr(text, totals);
   assert_non_null(first);
   assert_string_equal(first + strlen(totals), totals);

   t = module("", 0);
   nm_test_format(t, 0, FLOWS);
   nm_test_feed(t, 0, "3,100,10.0.0.1");
   assert_int_equal(nm_test_format(t, 0, "uint32 BYTES"), NM_ERROR);
   assert_string_equal(the_rest(t), totals + 1);
}

static void wrong_options_are_named(void **state)
{
   static const struct {
      const char *options, *text;
      uint32_t outputs;
      int status;
   } cases[] = {
       {"-p 0", "Error: 'progress' argument has to be greater than zero.", 0, 1},
       {"-p -1", "Error: 'progress' argument has to be greater than zero.", 0, 1},
       {"-o 1000", "bad interval range", 1, 1},
       {"-o 0", "bad interval range", 1, 1},
       {"-o 5x", "bad argument", 1, 1},
       {"-o", "needs an argument", 1, 3},
       {"-P ab", "not one character", 0, 1},
       {"-x", "invalid option -- 'x'", 0, 3},
       {"-o 5", "-i has 0 outputs, expected 1", 0, 1},
       {"", "-i has 1 outputs, expected 0", 1, 1},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = module(cases[i].options, cases[i].outputs);
      assert_non_null(nm_test_error(t));
      assert_non_null(strstr(nm_test_error(t), cases[i].text));
      assert_int_equal(nm_test_status(t), cases[i].status);
      nm_test_free(t);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(totals_or_increments_are_sent),
       cmocka_unit_test(packets_do_not_wrap),
       cmocka_unit_test(totals_are_printed_on_a_signal_and_after_an_error),
       cmocka_unit_test(wrong_options_are_named),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
