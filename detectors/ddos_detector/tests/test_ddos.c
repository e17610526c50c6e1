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

/* The value of a field of the next alert with --details, as text. */
static void check_alert(const char *alert, const char *name, const char *expected)
{
   /* As in the alert: by size and name. */
   static const char *const names[] = {"DST_IP",        "AVG_BYTES_CURRENT",  "AVG_BYTES_ORIGINAL",
                                       "BYTES",         "EVENT_ID",           "FLOOD_PACKETS",
                                       "PEAK_BYTES",    "PEAK_PACKETS",       "TIME_FIRST",
                                       "TIME_LAST",     "AVG_IP_CNT_CURRENT", "AVG_IP_CNT_ORIGINAL",
                                       "FLOOD_MARGIN",  "FLOW_COUNT",         "SRC_CNT",
                                       "SRC_CNT_ERROR", "SRC_NET_CNT",        "DST_PORT",
                                       "EVENT_SEQ",     "SRC_PORT",           "PROTOCOL",
                                       "FLOOD_TYPE"};
   const char *p = alert;
   unsigned i = 0;
   assert_non_null(alert);
   while (strcmp(names[i], name) != 0) {
      p = strchr(p, ',') + 1;
      i++;
   }
   if (strncmp(p, expected, strlen(expected)) != 0 ||
       (p[strlen(expected)] != ',' && p[strlen(expected)] != 0)) {
      fail_msg("%s is not %s in %s", name, expected, alert);
   }
}

/* It begins in the last seconds of a minute, and stops in the first ones of another. */
static void details_count_each_source_once(void **state)
{
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   char source[32];
   (void) state;
   for (unsigned second = 0; second < 3600; second += 10) { /* a client all the time */
      test_flow(t, second, "10.9.0.1", "10.0.0.2", 80, 6, ALL, 10);
   }
   for (unsigned i = 0; i < 7056; i++) {
      snprintf(source, sizeof(source), "172.%u.%u.%u", 16 + i % 7, i / 7 % 168, 1 + i / 1176);
      test_flow(t, 3658 + i / 110, source, "10.0.0.2", 443, 6, SYN, 1);
   }
   nm_test_finish(t);
   const char *alert = nm_test_next(t, 0);
   check_alert(alert, "SRC_CNT", "6820"); /* 62 seconds */
   check_alert(alert, "BYTES", "409200");
   check_alert(alert, "FLOW_COUNT", "6820");
   check_alert(alert, "SRC_CNT_ERROR", "0");
   check_alert(alert, "SRC_NET_CNT", "1176");
   check_alert(alert, "PEAK_BYTES", "6600");
   check_alert(alert, "PEAK_PACKETS", "110");
   check_alert(alert, "DST_PORT", "443");
   check_alert(alert, "SRC_PORT", "40000");
   check_alert(alert, "PROTOCOL", "6");
   check_alert(alert, "FLOOD_TYPE", "\"syn\"");
   check_alert(alert, "TIME_FIRST", "2024-01-01T01:00:58.000000");
   alert = nm_test_next(t, 0); /* the rest, and the sources of all */
   check_alert(alert, "SRC_CNT", "7056");
   check_alert(alert, "BYTES", "14160");
   check_alert(alert, "TIME_LAST", "2024-01-01T01:02:02.000000");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* With --early the flood is told when it crosses the threshold; what was told is not told again when the minute ends. */
static void a_running_minute_is_judged_early(void **state)
{
   nm_test_t *t = nm_unit_start("--details --early", TEST_FLOWS);
   char source[32];
   (void) state;
   for (unsigned second = 0; second < 3600; second += 10) { /* a client all the time */
      test_flow(t, second, "10.9.0.1", "10.0.0.2", 80, 6, ALL, 10);
   }
   for (unsigned i = 0; i < 3000; i++) {
      snprintf(source, sizeof(source), "172.%u.%u.%u", 16 + i % 7, i / 7 % 168, 1 + i / 1176);
      test_flow(t, 3660 + i / 100, source, "10.0.0.2", 443, 6, SYN, 1);
      assert_int_equal(nm_test_pending(t, 0), i >= 999);
   }
   const char *alert = nm_test_next(t, 0);
   check_alert(alert, "FLOW_COUNT", "1000");
   check_alert(alert, "BYTES", "60000");
   check_alert(alert, "FLOOD_TYPE", "\"syn\"");
   check_alert(alert, "FLOOD_MARGIN", "100");
   check_alert(alert, "EVENT_SEQ", "0");
   assert_null(nm_test_next(t, 0));
   nm_test_advance(t, (ur_time_t) (1704067200 + 3720) << 32);
   alert = nm_test_next(t, 0); /* the rest of the minute */
   check_alert(alert, "FLOW_COUNT", "2000");
   check_alert(alert, "BYTES", "120000");
   check_alert(alert, "SRC_CNT", "3000");
   check_alert(alert, "FLOOD_MARGIN", "300");
   check_alert(alert, "EVENT_SEQ", "1");
   nm_test_finish(t);
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* The sums of all alerts of a flood by volume, and the second in which the first one came, 0: none came before the end. */
static void sum_volume(const char *options, uint64_t *bytes, unsigned *alerts, unsigned *first)
{
   nm_test_t *t = nm_unit_start(options, TEST_FLOWS);
   char source[32];
   *bytes = *alerts = *first = 0;
   for (unsigned second = 0; second < 900; second++) {
      test_flow(t, second, "10.9.0.1", "10.0.0.2", 80, 6, ALL, 10);
      for (unsigned i = 0; second >= 600 && i < 20; i++) {
         snprintf(source, sizeof(source), "172.%u.%u.9", 16 + i % 7, i % 200);
         test_flow(t, second, source, "10.0.0.2", 80, 6, ALL, 1000);
      }
      *first = *first == 0 && nm_test_pending(t, 0) > 0 ? second : *first;
   }
   nm_test_finish(t);
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL; ++*alerts) {
      char *end;
      for (unsigned i = 0; i < 3; i++) {
         alert = strchr(alert, ',') + 1;
      }
      *bytes += strtoull(alert, &end, 10);
   }
   nm_test_free(t);
}

static void floods_by_volume_are_told_early_too(void **state)
{
   uint64_t late_bytes, bytes;
   unsigned late, alerts, late_first, first;
   (void) state;
   sum_volume("", &late_bytes, &late, &late_first);
   sum_volume("--early", &bytes, &alerts, &first);
   assert_int_equal(late, 1);
   assert_int_equal(alerts, 2);
   assert_int_equal(late_first, 0);
   assert_in_range(first, 660, 720); /* in the second interval of the flood */
   assert_int_equal(bytes, late_bytes);
}

/* Beyond the set the number is an estimate, and says so. */
static void very_many_sources_are_estimated(void **state)
{
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   char source[32], *end;
   (void) state;
   for (unsigned i = 0; i < 100000; i++) {
      snprintf(source, sizeof(source), "172.%u.%u.%u", 16 + i / 25600, i / 100 % 256, 1 + i % 100);
      test_flow(t, i / 2000, source, "10.0.0.2", 443, 6, SYN, 1);
   }
   nm_test_finish(t);
   const char *alert = nm_test_next(t, 0);
   for (unsigned i = 0; alert != NULL && i < 14; i++) {
      alert = strchr(alert, ',') + 1;
   }
   assert_non_null(alert);
   long n = strtol(alert, &end, 10), error = strtol(end + 1, NULL, 10);
   assert_true(error > 1000 && error < 2500);
   assert_true(labs(n - 100000) < 3 * error); /* of any key of the hash */
   nm_test_free(t);
}

static uint32_t alerts_of_flow(const char *target, unsigned protocol, unsigned flags, unsigned packets,
                               unsigned bytes, unsigned answers)
{
   nm_test_t *t = nm_unit_start("", TEST_FLOWS ",uint32 PACKETS_REV,uint8 TCP_FLAGS_REV");
   char text[256];
   snprintf(text, sizeof(text),
            "10.9.0.1,%s,2024-01-01T00:00:00,2024-01-01T00:00:00,%u,40000,9999,%u,%u,%u,%u,0", target,
            packets, protocol, flags, bytes, answers);
   nm_unit_feed(t, text);
   nm_test_finish(t);
   uint32_t n = nm_test_pending(t, 0);
   nm_test_free(t);
   return n;
}

static void a_flood_inside_one_flow_is_found(void **state)
{
   (void) state;
   assert_int_equal(alerts_of_flow("10.0.0.255", 17, 0, 10000, 10000000, 0), 1);
   assert_int_equal(alerts_of_flow("255.255.255.255", 17, 0, 10000, 280000, 0), 1);
   assert_int_equal(alerts_of_flow("ff02::1", 58, 0, 10000, 640000, 0), 1);
   assert_int_equal(alerts_of_flow("10.0.0.2", 6, SYN, 10000, 400000, 0), 1);
   assert_int_equal(alerts_of_flow("10.0.0.2", 17, 0, 10000, 280000, 0), 1);
   assert_int_equal(alerts_of_flow("10.0.0.2", 17, 0, 10000, 12000000, 0), 0);    /* may be a stream */
   assert_int_equal(alerts_of_flow("239.1.1.255", 17, 0, 10000, 12000000, 0), 0); /* multicast */
   assert_int_equal(alerts_of_flow("10.0.0.2", 17, 0, 10000, 280000, 10000), 0);  /* answered */
   assert_int_equal(alerts_of_flow("10.0.0.2", 6, ALL, 10000, 400000, 0), 0);
   assert_int_equal(alerts_of_flow("10.0.0.255", 17, 0, 3000, 3000000, 0), 0);
}

static void details_count_a_large_flow_once(void **state)
{
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   (void) state;
   test_flow(t, 5, "10.9.0.1", "10.0.0.2", 0, 1, 0, 10000);
   nm_test_finish(t);
   const char *alert = nm_test_next(t, 0);
   check_alert(alert, "FLOOD_PACKETS", "10000");
   check_alert(alert, "BYTES", "600000");
   check_alert(alert, "FLOW_COUNT", "1");
   check_alert(alert, "SRC_CNT", "1");
   nm_test_free(t);
}

/* A server that repeats SYN+ACK to one who never asked, nor says a word, is abused by somebody else. */
static void syn_ack_that_a_server_repeats_is_reflection(void **state)
{
   (void) state;
   assert_int_equal(alerts_of_flow("10.0.0.2", 6, SYN | 16, 150, 6000, 0), 1);
   assert_int_equal(alerts_of_flow("10.0.0.2", 6, SYN | 16, 12, 480, 0), 0); /* a handshake that was lost */
   assert_int_equal(alerts_of_flow("10.0.0.2", 6, ALL, 150, 60000, 0), 0);   /* the side of a server */
}

static uint32_t alerts_of_pings(unsigned sources, unsigned packets, unsigned bytes)
{
   nm_test_t *t = nm_unit_start("", TEST_FLOWS ",uint32 PACKETS_REV,uint8 TCP_FLAGS_REV");
   char text[256];
   for (unsigned i = 0; i < sources; i++) {
      snprintf(text, sizeof(text),
               "192.%u.9.9,10.0.0.2,2024-01-01T00:00:00,2024-01-01T00:00:30,%u,0,0,1,0,%u,%u,0", 30 + i,
               packets, packets * bytes, packets);
      nm_unit_feed(t, text);
   }
   nm_test_finish(t);
   uint32_t n = nm_test_pending(t, 0);
   nm_test_free(t);
   return n;
}

static void large_pings_of_many_hosts_are_a_flood(void **state)
{
   (void) state;
   assert_int_equal(alerts_of_pings(30, 60, 1028), 1);
   assert_int_equal(alerts_of_pings(30, 60, 84), 0);    /* monitoring */
   assert_int_equal(alerts_of_pings(2, 1000, 1028), 0); /* ping -f of an administrator */
   assert_int_equal(alerts_of_pings(30, 5, 1028), 0);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(syns_from_many_networks_are_a_flood),
       cmocka_unit_test(ordinary_traffic_is_none),
       cmocka_unit_test(details_count_each_source_once),
       cmocka_unit_test(a_running_minute_is_judged_early),
       cmocka_unit_test(floods_by_volume_are_told_early_too),
       cmocka_unit_test(very_many_sources_are_estimated),
       cmocka_unit_test(a_flood_inside_one_flow_is_found),
       cmocka_unit_test(syn_ack_that_a_server_repeats_is_reflection),
       cmocka_unit_test(large_pings_of_many_hosts_are_a_flood),
       cmocka_unit_test(details_count_a_large_flow_once),
       cmocka_unit_test(masks_have_limits),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
