/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of vportscan_detector without a process. */
#include <nemea/module_cmocka.h>

#include "fields.h"

#include "../../common/test_probes.h"

#define SYN             2
#define PORT_CNT_COLUMN 9            /* with --details */
#define ALL             (2 + 16 + 8) /* SYN, ACK, PSH: a connection with data */

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

/* A flow with all that differs between the tests: the source port, and RST for a refused port. */
static void probe(nm_test_t *t, unsigned second, unsigned src_port, unsigned dst_port, unsigned protocol,
                  unsigned flags)
{
   char text[256], time[32];
   snprintf(time, sizeof(time), "2024-01-01T%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
   snprintf(text, sizeof(text), "10.0.0.1,10.0.0.2,%s,%s,1,%u,%u,%u,%u,44", time, time, src_port, dst_port,
            protocol, flags);
   nm_unit_feed(t, text);
}

static ur_time_t at(unsigned second)
{
   return (ur_time_t) (1704067200 + second) << 32;
}

/* 84 ports, 25 of them refused: the first alert comes with the last of these, all others are the rest. */
static void all_ports_are_reported_and_the_time_of_the_last_probe(void **state)
{
   nm_test_t *t = nm_unit_start("--details -n 50", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port <= 84; port++) {
      probe(t, port * 600, 30000 + port, port, 6, SYN);
      if (port % 2 != 0 && port < 50) {
         char text[128], time[32];
         snprintf(time, sizeof(time), "2024-01-01T%02u:%02u:%02u", port * 600 / 3600, port * 600 / 60 % 60,
                  port * 600 % 60);
         snprintf(text, sizeof(text), "10.0.0.2,10.0.0.1,%s,%s,1,%u,%u,6,20,40", time, time, port,
                  30000 + port);
         nm_unit_feed(t, text);
      }
   }
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "2024-01-01T00:10:00"));
   nm_test_finish(t);
   unsigned last = 0;
   while (alert != NULL) {
      last += strstr(alert, "T14:00:00") != NULL; /* the last probe */
      alert = nm_test_next(t, 0);
   }
   assert_int_equal(last, 1);
   nm_test_free(t);
}

/* Sum of PORT_CNT of all alerts. */
static unsigned ports_reported(nm_test_t *t)
{
   unsigned sum = 0;
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
      unsigned commas = 0;
      const char *p = alert;
      while (commas < PORT_CNT_COLUMN && *p != '\0') {
         commas += *p++ == ',';
      }
      sum += (unsigned) strtoul(p, NULL, 10);
   }
   return sum;
}

static void ports_that_are_probed_again_count_once(void **state)
{
   nm_test_t *t = nm_unit_start("--details -n 20", TEST_FLOWS);
   (void) state;
   for (unsigned round = 0; round < 3; round++) {
      for (unsigned port = 1; port <= 90; port++) {
         probe(t, round * 100 + port, 40000, port, 6, SYN);
      }
   }
   nm_test_finish(t);
   assert_int_equal(ports_reported(t), 90);
   nm_test_free(t);
}

static void the_rest_is_reported_once_the_scan_is_silent(void **state)
{
   nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port <= 35; port++) {
      probe(t, port, 30000 + port, port, 6, SYN);
   }
   assert_int_equal(nm_test_pending(t, 0), 1);
   nm_test_advance(t, at(200));
   assert_int_equal(nm_test_pending(t, 0), 2);
   probe(t, 201, 30000, 36, 6, SYN); /* too few for an alert of its own */
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 2);
   nm_test_free(t);
}

static void classic_reports_no_rest(void **state)
{
   nm_test_t *t = nm_unit_start("--classic -n 20", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port <= 35; port++) {
      probe(t, port, 30000 + port, port, 6, SYN);
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 1);
   nm_test_free(t);
}

static void tcp_and_udp_from_one_source_port_are_a_scan_of_half_as_many_ports(void **state)
{
   for (unsigned different = 0; different <= 1; different++) {
      nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
      (void) state;
      for (unsigned port = 1; port <= 36; port++) {
         bool udp = port % 6 == 0;
         probe(t, port, 40000 + different * port, 2000 + port, udp ? 17 : 6, udp ? 0 : SYN);
      }
      nm_test_finish(t);
      assert_int_equal(ports_reported(t), different ? 0 : 36);
      nm_test_free(t);
   }
}

static void as_many_ports_of_one_protocol_from_one_port_are_none(void **state)
{
   nm_test_t *t = nm_unit_start("", TEST_FLOWS);
   (void) state;
   for (unsigned port = 1; port <= 49; port++) {
      probe(t, port, 40000, port, 6, SYN);
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

/* More scans at a time than are kept in full: those that give way report their rest and begin anew. */
static void scans_beyond_the_room_are_reported_and_forgotten(void **state)
{
   nm_test_t *t = nm_unit_start("--details -n 20 -c 4", TEST_FLOWS);
   char source[32];
   (void) state;
   for (unsigned host = 1; host <= 12; host++) {
      snprintf(source, sizeof(source), "10.1.0.%u", host);
      for (unsigned port = 1; port <= 30; port++) {
         test_flow(t, host, source, "10.0.0.2", port, 6, SYN, 1);
      }
   }
   nm_test_finish(t);
   assert_int_equal(ports_reported(t), 12 * 30);
   nm_test_free(t);
}

/* Connections are passed over unless their source has probed: one that comes right after the first probe is not. */
static void connections_right_after_the_first_probe_count(void **state)
{
   (void) state;
   for (unsigned used = 0; used <= 1; used++) {
      struct test_probe probes[60];
      nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
      for (uint16_t i = 0; i < 60; i++) { /* 20 probes, 20 connections, 20 of others */
         const bool other = i % 3 == 2, probe = i % 3 == 0;
         probes[i] = (struct test_probe){.src = other || (!probe && !used) ? 0x0a090000u + i : 0x0a000001,
                                         .dst = 0x0a000002,
                                         .dst_port = (uint16_t) (i + 1),
                                         .flags = probe ? SYN : ALL,
                                         .packets = probe ? 1 : 10};
      }
      test_probes(t, probes, 60);
      assert_int_equal(nm_test_pending(t, 0), used ? 0 : 1);
      nm_test_free(t);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(as_many_ports_as_the_threshold_are_one_alert),
       cmocka_unit_test(ipv6_is_watched_too),
       cmocka_unit_test(connections_with_data_are_no_scan),
       cmocka_unit_test(a_flood_of_sources_costs_no_memory_and_hides_no_scan),
       cmocka_unit_test(all_ports_are_reported_and_the_time_of_the_last_probe),
       cmocka_unit_test(ports_that_are_probed_again_count_once),
       cmocka_unit_test(the_rest_is_reported_once_the_scan_is_silent),
       cmocka_unit_test(classic_reports_no_rest),
       cmocka_unit_test(tcp_and_udp_from_one_source_port_are_a_scan_of_half_as_many_ports),
       cmocka_unit_test(as_many_ports_of_one_protocol_from_one_port_are_none),
       cmocka_unit_test(scans_beyond_the_room_are_reported_and_forgotten),
       cmocka_unit_test(connections_right_after_the_first_probe_count),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
