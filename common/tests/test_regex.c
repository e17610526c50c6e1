/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <nemea-common/nc_regex.h>

static void test_places_that_repetitions_add(void **state)
{
   static const struct {
      const char *pattern;
      uint32_t copies;
   } cases[] = {
       {"", 0},
       {"abc*d?", 0},
       {"a|b", 0},
       {"a+", 1},
       {"a++", 3},
       {"[0-9]{1,3}", 2},
       {"(ab+c){4}", 13},
       {"(a{10}){10}", 99},
       {"(a|b){3}", 6},
       {"a{2,}", 2},
       {"a{,3}", 2},
       {"a{x", 0},
       {"[+]{2}", 1},
       {"[]+{9}]", 0},
       {"[^]+]{2}", 1},
       {"\\+\\{9}", 0},
       {"(a+", 1},
       {"[[:alpha:]]{2}", 1},
       {"[[.].]+]{2}", 1},
       {"[a", 0},
       {"(){5}", 5},
       {"a\\", 0},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
      if (nc_regex_copies(cases[i].pattern) != cases[i].copies) {
         fail_msg("%s: %u, expected %u", cases[i].pattern, nc_regex_copies(cases[i].pattern),
                  cases[i].copies);
      }
   }
   assert_int_equal(nc_regex_copies("((((((((a{99}){99}){99}){99}){99}){99}){99}){99})"), UINT32_MAX);
   assert_int_equal(nc_regex_copies("a{99999999999999999999}"), UINT32_MAX);
}

static void test_what_would_take_all_memory_is_refused(void **state)
{
   regex_t regex;
   uint32_t total = 0;
   char reason[100], text[NC_REGEX_MAX_LENGTH + 2];
   (void) state;
   assert_int_not_equal(
       nc_regex_compile(&regex, "a++++++++++++++++++++++++++++++++", &total, reason, sizeof(reason)), 0);
   assert_string_equal(reason, "its repetitions add more than 512 places");
   memset(text, 'a', sizeof(text));
   text[sizeof(text) - 1] = 0;
   assert_int_not_equal(nc_regex_compile(&regex, text, &total, reason, sizeof(reason)), 0);
   assert_string_equal(reason, "it has 4097 bytes, at most 4096 are allowed");
   assert_int_not_equal(nc_regex_compile(&regex, "(", &total, reason, sizeof(reason)), 0);
   assert_int_equal(total, 0);
   assert_int_equal(nc_regex_compile(&regex, "^a{2,255}$", &total, reason, sizeof(reason)), 0);
   assert_int_equal(total, 254);
   assert_int_equal(regexec(&regex, "aaa", 0, NULL, 0), 0);
   assert_int_not_equal(regexec(&regex, "a", 0, NULL, 0), 0);
   regfree(&regex);
   total = NC_REGEX_MAX_TOTAL - 1;
   assert_int_not_equal(nc_regex_compile(&regex, "a{3}", &total, reason, sizeof(reason)), 0);
   assert_string_equal(reason, "repetitions up to here add more than 65536 places");
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_places_that_repetitions_add),
       cmocka_unit_test(test_what_would_take_all_memory_is_refused),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
