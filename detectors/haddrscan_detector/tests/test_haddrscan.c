/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of haddrscan_detector without a process. */
#include <nemea/module_cmocka.h>

#include "fields.h"

#include "../../common/test_probes.h"

#define SYN        2
#define ALL        (2 + 16 + 8) /* SYN, ACK, PSH: a connection with data */
#define ICMP_FLOWS TEST_FLOWS ",uint16 L4_ICMP_TYPE_CODE"
/* Columns of alerts with --details. */
#define ADDR_CNT  8
#define HOSTS_NEW 10

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
   snprintf(target, sizeof(target), "10.1.%u.1", host); /* each in a network of its own */
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
   assert_null(strstr(alert, "10.1.1.1,"));
   assert_non_null(strstr(alert, "10.1.2.1,"));
   assert_non_null(strstr(alert, "10.1.7.1,"));
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

/* Sum of a column of all alerts. */
static unsigned sum(nm_test_t *t, unsigned column)
{
   unsigned all = 0;
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
      for (unsigned commas = 0; commas < column && *alert != '\0'; alert++) {
         commas += *alert == ',';
      }
      all += (unsigned) strtoul(alert, NULL, 10);
   }
   return all;
}

/* A datagram to host number `host`, from 10.0.0.1; apart: each host is in a network of its own. */
static void feed(nm_test_t *t, unsigned second, bool apart, unsigned host, unsigned src_port,
                 unsigned dst_port, unsigned protocol, unsigned bytes, const char *more)
{
   char text[256];
   snprintf(text, sizeof(text),
            "10.0.0.1,10.%u.%u.%u,2024-01-01T%02u:%02u:%02u,2024-01-01T%02u:%02u:%02u,1,%u,%u,%u,%u,%u%s",
            apart ? 2 : 1, apart ? host : 0, apart ? 1 : host, second / 3600, second / 60 % 60, second % 60,
            second / 3600, second / 60 % 60, second % 60, src_port, dst_port, protocol,
            protocol == 6 ? SYN : 0, bytes, more);
   nm_unit_feed(t, text);
}

static void a_source_that_was_never_reported_has_no_rest(void **state)
{
   static const unsigned protocols[] = {6, 17};
   (void) state;
   for (unsigned k = 0; k < 2; k++) {
      for (unsigned details = 0; details <= 1; details++) {
         nm_test_t *t = nm_unit_start(details ? "--details" : "", TEST_FLOWS);
         for (unsigned host = 1; host <= 25; host++) {
            feed(t, host, false, host, 40000 + host, 5060, protocols[k], 44, "");
         }
         feed(t, 25 + 19 * 60, false, 26, 40000, 5060, protocols[k], 44, "");
         nm_test_finish(t);
         assert_int_equal(nm_test_pending(t, 0), 0);
         nm_test_free(t);
      }
   }
}

/* Three rounds over the same hosts: as nmap, which repeats what is not answered. */
static void hosts_that_are_probed_again_count_once(void **state)
{
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 3 * 1088; i++) {
      probe(t, i / 4, i % 1088, SYN, 1);
   }
   nm_test_finish(t);
   assert_int_equal(sum(t, ADDR_CNT), 1088);
   nm_test_free(t);
}

static void hosts_of_a_sweep_over_several_ports_count_once(void **state)
{
   static const unsigned protocols[] = {6, 17};
   (void) state;
   for (unsigned k = 0; k < 2; k++) {
      nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
      for (unsigned i = 0; i < 3 * 200; i++) {
         feed(t, i / 4, false, i / 3 % 200, 50000, 20 + i % 3, protocols[k], 44, "");
      }
      nm_test_finish(t);
      assert_int_equal(sum(t, HOSTS_NEW), 200);
      nm_test_free(t);
   }
}

/* Far more hosts than there is room for, twice: they are estimated, and the alerts say so. */
static void hosts_beyond_the_room_are_estimated(void **state)
{
   nm_test_t *t = nm_unit_start("--details -c 16", TEST_FLOWS);
   unsigned all = 0, estimated = 0;
   (void) state;
   for (unsigned i = 0; i < 2 * 4000; i++) {
      probe(t, i / 40, i % 4000, SYN, 1);
   }
   nm_test_finish(t);
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
      const char *p = alert;
      for (unsigned commas = 0; commas < ADDR_CNT; p++) {
         commas += *p == ',';
      }
      all += (unsigned) strtoul(p, NULL, 10);
      estimated += strstr(alert, ",1,4,6,") != NULL;
   }
   assert_in_range(all, 3200, 4800);
   assert_int_not_equal(estimated, 0);
   nm_test_free(t);
}

static void the_rest_of_a_scan_has_the_time_of_the_last_probe(void **state)
{
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   const char *last = NULL;
   (void) state;
   for (unsigned host = 1; host <= 53; host++) {
      probe(t, host, host, SYN, 1);
   }
   probe(t, 59, 1, SYN, 1);
   assert_int_equal(nm_test_pending(t, 0), 1);
   nm_test_advance(t, (ur_time_t) (1704067200 + 300) << 32); /* long before the source is forgotten */
   assert_int_equal(nm_test_pending(t, 0), 2);
   while (nm_test_pending(t, 0) > 0) {
      last = nm_test_next(t, 0);
   }
   assert_non_null(strstr(last, "2024-01-01T00:00:59"));
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

static void sweeps_of_udp_and_pings_are_found_at_the_threshold(void **state)
{
   static const struct {
      bool apart;
      unsigned dst_port, protocol, bytes;
      const char *more;
      bool found;
   } cases[] = {
       {false, 6881, 17, 60, ",0", true}, /* host by host */
       {true, 161, 17, 60, ",0", true},   /* ports that no peer-to-peer uses */
       {true, 5060, 17, 60, ",0", true},    {true, 6881, 17, 60, ",0", false}, /* peers */
       {true, 53, 17, 60, ",0", false},                                        /* a resolver */
       {false, 443, 17, 1250, ",0", false},                                    /* QUIC */
       {true, 0, 1, 84, ",2048", true},                                        /* echo requests */
       {false, 0, 1, 84, ",771", false},                                       /* port unreachable */
       {false, 0, 58, 104, ",32768", true}, {false, 0, 58, 72, ",34560", false},
   };
   (void) state;
   for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_unit_start("", ICMP_FLOWS);
      for (unsigned host = 1; host <= 60; host++) {
         feed(t, host, cases[i].apart, host, cases[i].protocol == 17 ? 50000 : 0, cases[i].dst_port,
              cases[i].protocol, cases[i].bytes, cases[i].more);
      }
      nm_test_finish(t);
      if ((nm_test_pending(t, 0) > 0) != cases[i].found) {
         fail_msg("case %u: %u alerts", i, nm_test_pending(t, 0));
      }
      nm_test_free(t);
   }
}

/* Without the plugin icmp, the size tells an echo request from an error. */
static void pings_are_told_by_their_size(void **state)
{
   static const struct {
      unsigned bytes;
      bool found;
   } cases[] = {{28, true}, {84, true}, {56, false}, {88, false}};
   (void) state;
   for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_unit_start("", TEST_FLOWS);
      for (unsigned host = 1; host <= 60; host++) {
         feed(t, host, true, host, 0, 0, 1, cases[i].bytes, "");
      }
      assert_int_equal(nm_test_pending(t, 0) > 0, cases[i].found);
      nm_test_free(t);
   }
}

static void ping(nm_test_t *t, unsigned second, const char *src, const char *dst)
{
   char text[160];
   snprintf(text, sizeof(text), "%s,%s,2024-01-01T00:%02u:%02u,2024-01-01T00:%02u:%02u,1,0,0,1,0,84", src,
            dst, second / 60, second % 60, second / 60, second % 60);
   nm_unit_feed(t, text);
}

/* Monitoring: two of three hosts answer, in a record of its own. */
static void pings_that_are_answered_are_no_sweep(void **state)
{
   nm_test_t *t = nm_unit_start("", TEST_FLOWS);
   char target[32];
   (void) state;
   for (unsigned host = 1; host <= 200; host++) {
      snprintf(target, sizeof(target), "10.1.0.%u", host);
      ping(t, host, "10.0.0.1", target);
      if (host % 3 != 0) {
         ping(t, host, target, "10.0.0.1");
      }
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

/* Connections are passed over unless their source has probed: one that comes right after the first probe is not. */
static void connections_right_after_the_first_probe_count(void **state)
{
   (void) state;
   for (unsigned used = 0; used <= 1; used++) {
      struct test_probe probes[60];
      nm_test_t *t = nm_unit_start("-n 20", TEST_FLOWS);
      for (uint32_t i = 0; i < 60; i++) { /* a probe, then two connections */
         const bool probe = i % 3 == 0;
         probes[i] = (struct test_probe){.src = probe || used ? 0x0a000001 : 0x0a090000u + i,
                                         .dst = 0x0a010000u + 7 * i,
                                         .dst_port = 22,
                                         .flags = probe ? SYN : ALL,
                                         .packets = probe ? 1 : 10};
      }
      test_probes(t, probes, 58); /* the last one is a probe */
      assert_int_equal(nm_test_pending(t, 0), used ? 0 : 1);
      nm_test_free(t);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(as_many_hosts_as_the_threshold_are_one_alert),
       cmocka_unit_test(one_host_probed_often_is_one_host),
       cmocka_unit_test(what_is_left_of_a_scan_is_told_when_its_source_falls_silent),
       cmocka_unit_test(hosts_that_answered_are_not_counted_and_not_named),
       cmocka_unit_test(a_source_that_was_never_reported_has_no_rest),
       cmocka_unit_test(hosts_that_are_probed_again_count_once),
       cmocka_unit_test(hosts_of_a_sweep_over_several_ports_count_once),
       cmocka_unit_test(hosts_beyond_the_room_are_estimated),
       cmocka_unit_test(the_rest_of_a_scan_has_the_time_of_the_last_probe),
       cmocka_unit_test(sweeps_of_udp_and_pings_are_found_at_the_threshold),
       cmocka_unit_test(pings_are_told_by_their_size),
       cmocka_unit_test(pings_that_are_answered_are_no_sweep),
       cmocka_unit_test(connections_right_after_the_first_probe_count),
       cmocka_unit_test(options_have_limits),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
