/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of vportscan_detector without a process. */
#include <nemea/module_cmocka.h>

#include "../../common/test_flow.h"

#define SYN 2
#define ALL (2 + 16 + 8) /* SYN, ACK, PSH: a connection with data */

static void as_many_ports_as_the_threshold_are_one_alert(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port < 20; port++) {
      test_flow(t, port, "10.0.0.1", "10.0.0.2", port, 6, SYN, 1);
   }
   assert_int_equal(nm_test_pending(t, 0), 0);
   test_flow(t, 20, "10.0.0.1", "10.0.0.2", 20, 6, SYN, 1);
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "10.0.0.1"));
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void ipv6_is_watched_too(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port <= 20; port++) {
      test_flow(t, port, "2001:db8::1", "2001:db8::2", port, 6, SYN, 1);
   }
   assert_int_equal(nm_test_pending(t, 0), 1);
   nm_test_free(t);
}

static void connections_with_data_are_no_scan(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port <= 200; port++) {
      test_flow(t, port, "10.0.0.1", "10.0.0.2", port, 6, ALL, 10);
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

static void a_flood_of_sources_costs_no_memory_and_hides_no_scan(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20 -c 64", TEST_FLOWS);
   char source[32];
   (void) state;
   for (unsigned i = 0; i < 2000; i++) {
      snprintf(source, sizeof(source), "10.1.%u.%u", i / 250, i % 250);
      test_flow(t, 1 + i / 100, source, "10.0.0.2", 80, 6, SYN, 1);
      if (i % 100 == 0) {
         test_flow(t, 1 + i / 100, "10.0.0.1", "10.0.0.2", 1 + i / 100, 6, SYN, 1);
      }
   }
   assert_true(nm_test_counter(t, "pairs of source and target evicted") >= 1900);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(as_many_ports_as_the_threshold_are_one_alert),
       cmocka_unit_test(ipv6_is_watched_too),
       cmocka_unit_test(connections_with_data_are_no_scan),
       cmocka_unit_test(a_flood_of_sources_costs_no_memory_and_hides_no_scan),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
