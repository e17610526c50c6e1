/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of ddos_detector without a process. */
#include <nemea/module_cmocka.h>

#include "../../common/test_flow.h"

#define SYN 2
#define ALL (2 + 16 + 8) /* SYN, ACK, PSH: a connection with data */

/* Ten minutes of ordinary traffic, then a minute with flows from many networks. */
static uint32_t alerts_after(unsigned flags, unsigned packets)
{
   nm_test_t *t = nm_unit_start("--flood_flows 500 --flood_networks 64", TEST_FLOWS);
   char source[32];
   for (unsigned second = 0; second < 600; second++) {
      test_flow(t, second, "10.9.0.1", "10.0.0.2", 80, 6, ALL, 10);
   }
   for (unsigned i = 0; i < 3000; i++) {
      snprintf(source, sizeof(source), "172.%u.%u.9", 16 + i % 7, i % 200);
      test_flow(t, 600 + i / 50, source, "10.0.0.2", 80, 6, flags, packets);
   }
   nm_test_advance(t, (ur_time_t) (1704067200 + 3600) << 32);
   nm_test_finish(t);
   uint32_t n = nm_test_pending(t, 0);
   nm_test_free(t);
   return n;
}

static void syns_from_many_networks_are_a_flood(void **state)
{
   (void) state;
   assert_true(alerts_after(SYN, 1) > 0);
}

static void ordinary_traffic_is_none(void **state)
{
   nm_test_t *t = nm_unit_start("", TEST_FLOWS);
   (void) state;
   for (unsigned second = 0; second < 3000; second++) {
      test_flow(t, second, "10.9.0.1", "10.0.0.2", 80, 6, ALL, 10);
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

static void masks_have_limits(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-s 40");
   (void) state;
   assert_non_null(strstr(nm_test_error(t), "-s, --mask_source_addresses"));
   assert_int_equal(nm_test_status(t), 255);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(syns_from_many_networks_are_a_flood),
       cmocka_unit_test(ordinary_traffic_is_none),
       cmocka_unit_test(masks_have_limits),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
