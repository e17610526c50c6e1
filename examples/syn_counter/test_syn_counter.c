/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of syn_counter without a process: records in, alerts out. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#define FLOWS "ipaddr SRC_IP,uint8 TCP_FLAGS,time TIME_FIRST,time TIME_LAST"

static void feed(nm_test_t *t, const char *source, int flags, const char *time)
{
   char text[128];
   snprintf(text, sizeof(text), "%s,%d,2024-01-01T%s,2024-01-01T%s", source, flags, time, time);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void the_third_connection_of_a_minute_is_reported_once(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-l 3");
   (void) state;
   nm_test_format(t, 0, FLOWS);
   feed(t, "10.0.0.1", 2, "00:00:01");
   feed(t, "10.0.0.1", 16, "00:00:02"); /* no SYN */
   feed(t, "10.0.0.2", 2, "00:00:03");
   feed(t, "10.0.0.1", 2, "00:00:04");
   assert_null(nm_test_next(t, 0));
   feed(t, "10.0.0.1", 2, "00:00:05");
   feed(t, "10.0.0.1", 2, "00:00:06");
   assert_string_equal(nm_test_output_format(t, 0),
                       "ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint32 FLOW_COUNT");
   assert_string_equal(nm_test_next(t, 0),
                       "10.0.0.1,2024-01-01T00:00:05.000000,2024-01-01T00:00:05.000000,3");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void a_new_minute_begins_at_zero(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-l 2");
   (void) state;
   nm_test_format(t, 0, FLOWS);
   feed(t, "10.0.0.1", 2, "00:00:59");
   feed(t, "10.0.0.1", 2, "00:01:00");
   assert_null(nm_test_next(t, 0));
   feed(t, "10.0.0.1", 2, "00:01:59");
   assert_non_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void memory_is_bounded(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-c 4");
   char source[32];
   (void) state;
   nm_test_format(t, 0, FLOWS);
   for (int i = 0; i < 100; i++) {
      snprintf(source, sizeof(source), "10.0.0.%d", i);
      feed(t, source, 2, "00:00:01");
   }
   assert_int_equal(nm_test_counter(t, "sources"), 100);
   assert_int_equal(nm_test_counter(t, "sources evicted"), 96);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_third_connection_of_a_minute_is_reported_once),
       cmocka_unit_test(a_new_minute_begins_at_zero),
       cmocka_unit_test(memory_is_bounded),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
