/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of haddrscan_detector without a process. */
#include <nemea/module_cmocka.h>

#include "../../common/test_flow.h"

#define SYN 2

static void probe(nm_test_t *t, unsigned second, unsigned host, unsigned flags, unsigned packets)
{
   char target[32];
   snprintf(target, sizeof(target), "10.1.%u.%u", host / 250, host % 250);
   test_flow(t, second, "10.0.0.1", target, 22, 6, flags, packets);
}

static void as_many_hosts_as_the_threshold_are_one_alert(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
   (void) state;
   for (unsigned host = 1; host <= 20; host++) {
      assert_int_equal(nm_test_pending(t, 0), 0);
      probe(t, host, host, SYN, 1);
   }
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "10.0.0.1"));
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void one_host_probed_often_is_one_host(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
   (void) state;
   for (unsigned i = 1; i <= 200; i++) {
      probe(t, i, 7, SYN, 1);
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

static void what_is_left_of_a_scan_is_told_when_its_source_falls_silent(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20 -d 60", TEST_FLOWS);
   (void) state;
   for (unsigned host = 1; host <= 35; host++) {
      probe(t, host, host, SYN, 1);
   }
   assert_int_equal(nm_test_pending(t, 0), 1);
   nm_test_advance(t, (ur_time_t) (1704067200 + 600) << 32);
   assert_int_equal(nm_test_pending(t, 0), 2);
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 2);
   nm_test_free(t);
}

/* 40000 is the source port of all flows of test_flow(). */
static void datagram(nm_test_t *t, unsigned second, unsigned host, bool answer)
{
   char target[32];
   snprintf(target, sizeof(target), "10.1.0.%u", host);
   test_flow(t, second, answer ? target : "10.0.0.1", answer ? "10.0.0.1" : target, 40000, 17, 0, 1);
}

static void hosts_that_answered_are_not_counted_and_not_named(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-n 10");
   (void) state;
   nm_test_format(t, 0, TEST_FLOWS);
   for (unsigned host = 1; host <= 6; host++) {
      datagram(t, host, host, false);
   }
   datagram(t, 7, 1, true); /* one of the first hosts, and one that came after them */
   datagram(t, 7, 6, true);
   for (unsigned host = 1; host <= 22; host++) { /* those that are known count once, answered or not */
      assert_int_equal(nm_test_pending(t, 0), 0);
      datagram(t, 10 + host, host, false);
   }
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_null(strstr(alert, "10.1.0.1,"));
   assert_non_null(strstr(alert, "10.1.0.2,"));
   assert_non_null(strstr(alert, "10.1.0.7,"));
   assert_non_null(strstr(alert, ",20,10,")); /* as many hosts as weigh twice the threshold */
   nm_test_free(t);
}

static void options_have_limits(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-n 1");
   (void) state;
   assert_non_null(strstr(nm_test_error(t), "-n, --numaddrs-threshold"));
   assert_int_equal(nm_test_status(t), 255);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(as_many_hosts_as_the_threshold_are_one_alert),
       cmocka_unit_test(one_host_probed_often_is_one_host),
       cmocka_unit_test(what_is_left_of_a_scan_is_told_when_its_source_falls_silent),
       cmocka_unit_test(hosts_that_answered_are_not_counted_and_not_named),
       cmocka_unit_test(options_have_limits),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
