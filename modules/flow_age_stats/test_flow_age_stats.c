/* SPDX-License-Identifier: BSD-3-Clause */
/** flow_age_stats: bins, extremes and what is printed. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ages.h"

#define NOW 1700000000

/* A time this many milliseconds before NOW. */
static ur_time_t before(uint64_t ms)
{
   uint64_t then = (uint64_t) NOW * 1000 - ms;
   return ur_time_from_sec_msec(then / 1000, then % 1000);
}

static void ages_fall_into_the_first_bin_that_holds_them(void **state)
{
   static const struct {
      uint64_t ms;
      uint32_t bin;
   } cases[] = {{0, 0},     {1999, 0},    {2000, 1},    {10999, 1},   {11000, 2},
                {20000, 2}, {599999, 60}, {600999, 60}, {601000, 61}, {100000000, 61}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct ages a = {0};
      ages_add(&a, NOW, before(cases[i].ms));
      assert_int_equal(a.bins[cases[i].bin], 1);
   }
}

static void one_flow_is_smallest_largest_and_mean(void **state)
{
   struct ages a = {0};
   (void) state;
   ages_add(&a, NOW, before(2500));
   assert_int_equal(a.min, 2500);
   assert_int_equal(a.max, 2500);
   ages_add(&a, NOW, before(500));
   assert_int_equal(a.min, 500);
   assert_true(nm_test_catch(STDOUT_FILENO));
   ages_print(&a, "x", stdout);
   assert_string_equal(nm_test_caught(),
                       "Minimal age of x: 0.50 s\nMaximal age of x: 2.50 s\nAverage age of x: 1.50 s\n");
}

static void a_time_to_come_is_no_age(void **state)
{
   struct ages a = {0};
   (void) state;
   ages_add(&a, NOW, ur_time_from_sec_msec(NOW + 5, 0));
   ages_add(&a, NOW, ur_time_from_sec_msec(NOW, 999)); /* this very second */
   assert_int_equal(a.max, 0);
   assert_int_equal(a.future, 1);
}

static void no_flow_is_no_division_by_zero(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_true(nm_test_catch(STDOUT_FILENO));
   nm_test_free(t);
   const char *text = nm_test_caught();
   assert_non_null(strstr(text, "\nNumber of flows processed: 0\n \nMinimal age of time_first: 0.00 s\n"));
   assert_non_null(strstr(text, "\nAverage age of time_last: 0.00 s\n"));
}

static void tables_have_a_row_for_each_bin(void **state)
{
   char folder[] = "/tmp/ages-XXXXXX", line[100];
   unsigned rows = 0;
   (void) state;
   assert_non_null(mkdtemp(folder));
   assert_int_equal(chdir(folder), 0);
   nm_test_t *t = nm_test_new(&nm_definition, "-t");
   nm_test_format(t, 0, "time TIME_FIRST,time TIME_LAST");
   nm_test_feed(t, 0, "1970-01-02T00:00:00,2100-01-01T00:00:00");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_true(nm_test_catch(STDOUT_FILENO));
   nm_test_free(t);
   const char *text = nm_test_caught();
   assert_non_null(strstr(text, "Flows whose time_last is still to come (age 0): 1\n"));
   FILE *file = fopen("time_first.txt", "re");
   assert_non_null(file);
   while (fgets(line, sizeof(line), file) != NULL) {
      rows++;
   }
   fclose(file);
   assert_int_equal(rows, AGE_BINS);
   assert_string_equal(line, "600+\t100.00%\t1\n");
   file = fopen("time_last.txt", "re");
   assert_non_null(file);
   assert_non_null(fgets(line, sizeof(line), file));
   assert_string_equal(line, "1\t100.00%\t1\n");
   fclose(file);
   unlink("time_first.txt");
   unlink("time_last.txt");
   assert_int_equal(chdir("/"), 0);
   rmdir(folder);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(ages_fall_into_the_first_bin_that_holds_them),
       cmocka_unit_test(one_flow_is_smallest_largest_and_mean),
       cmocka_unit_test(a_time_to_come_is_no_age),
       cmocka_unit_test(no_flow_is_no_division_by_zero),
       cmocka_unit_test(tables_have_a_row_for_each_bin),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
