/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of hoststatsnemea without a process: rules, windows, bounds, what the original gets wrong. */
#include "../hoststats.h"

#include <nemea/module_test.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define SYN 2
#define ALL 27 /* FIN, SYN, PSH, ACK */
#define FLOW                                                                                           \
   "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 SRC_PORT,uint16 " \
   "DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint64 BYTES"
#define BIFLOW   FLOW ",uint32 PACKETS_REV,uint64 BYTES_REV,uint8 TCP_FLAGS_REV"
#define SWITCHES "rules-generic = 1\nrules-ssh = 1\nrules-dns = 1\nport-flowdir = 1\n"

static char path[] = "/tmp/test-hoststats-XXXXXX";

static void write_config(const char *text)
{
   FILE *file = fopen(path, "w");
   assert_non_null(file);
   fputs(text, file);
   fclose(file);
}

static nm_test_t *start_format(const char *config, const char *format)
{
   char options[128];
   write_config(config);
   snprintf(options, sizeof(options), "-F -c %s", path);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

static nm_test_t *start(const char *config)
{
   return start_format(config, FLOW);
}

struct line {
   unsigned ms; /* since the beginning */
   const char *src, *dst;
   unsigned packets, src_port, dst_port, protocol, flags, bytes;
   unsigned packets_rev, bytes_rev, flags_rev;
};

static void feed(nm_test_t *t, struct line l)
{
   char text[300], time[40];
   snprintf(time, sizeof(time), "2024-01-%02uT%02u:%02u:%02u.%03u", 1 + l.ms / 86400000, l.ms / 3600000 % 24,
            l.ms / 60000 % 60, l.ms / 1000 % 60, l.ms % 1000);
   snprintf(text, sizeof(text), "%s,%s,%s,%s,%u,%u,%u,%u,%u,%u,%u,%u,%u", l.src, l.dst, time, time, l.packets,
            l.src_port, l.dst_port, l.protocol, l.flags, l.bytes, l.packets_rev, l.bytes_rev, l.flags_rev);
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

static unsigned count(nm_test_t *t, const char *what)
{
   unsigned n = 0;
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
      n += strstr(alert, what) != NULL;
   }
   return n;
}

static void scan(nm_test_t *t, const char *prefix, const char *source, unsigned hosts, unsigned from_ms)
{
   char target[64];
   for (unsigned i = 0; i < hosts; i++) {
      snprintf(target, sizeof(target), "%s%x", prefix, i + 1);
      feed(t, (struct line){from_ms + i * 10, source, target, 1, 50000, 80, 6, SYN, 40, 0, 0, 0});
   }
}

static void a_scan_of_ipv6_hosts_is_found(void **state)
{
   nm_test_t *t = start(SWITCHES);
   (void) state;
   scan(t, "2001:db8:1::", "2001:db8::7", 201, 0);
   nm_test_finish(t);
   assert_string_equal(nm_test_next(t, 0),
                       "0.0.0.0,2001:db8::7,2024-01-01T00:00:00.000000,2024-01-01T00:00:02.000000,201,"
                       "0,0,2,6,\"horizontal SYN scan\"");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* The original has the stream time of the first update there. */
static void time_first_is_that_of_the_flow(void **state)
{
   nm_test_t *t = start(SWITCHES);
   (void) state;
   feed(t, (struct line){9000, "10.0.0.1", "10.0.0.2", 9, 50000, 80, 6, ALL, 4000, 0, 0, 0});
   scan(t, "2001:db8:1::", "2001:db8::7", 250, 5000); /* late: they begin before the time that was reached */
   nm_test_finish(t);
   assert_non_null(strstr(nm_test_next(t, 0), "2024-01-01T00:00:05.000000,2024-01-01T00:00:09.000000,250"));
   nm_test_free(t);
}

static void hosts_are_judged_when_they_fall_silent(void **state)
{
   nm_test_t *t = start(SWITCHES);
   (void) state;
   scan(t, "2001:db8:1::", "2001:db8::7", 201, 0);
   feed(t, (struct line){31000, "10.0.0.1", "10.0.0.2", 9, 50000, 80, 6, ALL, 4000, 0, 0, 0});
   assert_int_equal(nm_test_pending(t, 0), 0); /* last flow at 2 s, 30 s on: looked for at 40 s */
   feed(t, (struct line){40000, "10.0.0.1", "10.0.0.2", 9, 50000, 80, 6, ALL, 4000, 0, 0, 0});
   assert_int_equal(count(t, "horizontal SYN scan"), 1);
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_free(t);
}

static void hosts_that_go_on_are_judged_after_the_active_timeout(void **state)
{
   nm_test_t *t = start(SWITCHES "timeout-active = 60\n");
   (void) state;
   for (unsigned round = 0; round < 12; round++) {
      scan(t, "2001:db8:1::", "2001:db8::7", 250, round * 10000);
   }
   feed(t, (struct line){125000, "10.0.0.1", "10.0.0.2", 9, 50000, 80, 6, ALL, 4000, 0, 0, 0});
   assert_int_equal(count(t, "2001:db8::7"), 2); /* the second watch counts its peers anew */
   nm_test_free(t);
}

/* More distinct peers than 16 bits hold. */
static void distinct_peers_are_counted_beyond_65535(void **state)
{
   nm_test_t *t = start(SWITCHES "dos-victim-connections-synflood = 69999\ntable-size = 200000\n");
   char source[32];
   (void) state;
   for (unsigned i = 0; i < 70000; i++) {
      snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
      feed(t, (struct line){i / 100, source, "192.0.2.1", 1, 50000, 80, 6, SYN, 40, 0, 0, 0});
   }
   nm_test_finish(t);
   const char *note = strstr(nm_test_next(t, 0), "approx. ");
   unsigned long peers = strtoul(note + strlen("approx. "), NULL, 10);
   assert_in_range(peers, 69000, 70000);
   assert_non_null(strstr(note, "source addresses; SYN flood (probably spoofed)"));
   nm_test_free(t);
}

static void both_directions_in_one_record_or_in_two_are_the_same(void **state)
{
   char alerts[2][4096] = {"", ""};
   (void) state;
   for (unsigned both = 0; both < 2; both++) {
      nm_test_t *t = start_format(SWITCHES, both ? BIFLOW : FLOW);
      for (unsigned i = 0; i < 100; i++) {
         struct line l = {i * 100, "192.0.2.7", "10.0.0.1", 15, 40000 + i, 22, 6, ALL, 1800, 0, 0, 0};
         if (both) {
            l.packets_rev = 14;
            l.bytes_rev = 1680;
            l.flags_rev = ALL;
         }
         feed(t, l);
         if (!both) {
            feed(t,
                 (struct line){i * 100, "10.0.0.1", "192.0.2.7", 14, 22, 40000 + i, 6, ALL, 1680, 0, 0, 0});
         }
      }
      nm_test_finish(t);
      for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
         strncat(alerts[both], alert, 1000);
      }
      nm_test_free(t);
   }
   assert_non_null(strstr(alerts[0], "attacker"));
   assert_non_null(strstr(alerts[0], "victim"));
   assert_string_equal(alerts[0], alerts[1]);
}

static void direction_flags_are_used_when_the_configuration_says_so(void **state)
{
   char options[128];
   (void) state;
   write_config("rules-dns = 1\nport-flowdir = 0\ndns-amplif-threshold = 10\n");
   snprintf(options, sizeof(options), "-c %s", path);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_int_equal(nm_test_format(t, 0, FLOW), NM_ERROR);
   assert_non_null(strstr(nm_test_error(t), "DIRECTION_FLAGS"));
   nm_test_free(t);
   for (unsigned flags = 4; flags <= 8; flags += 4) { /* response, request */
      t = start_format("rules-dns = 1\nport-flowdir = 0\ndns-amplif-threshold = 10\n",
                       FLOW ",uint8 DIRECTION_FLAGS");
      for (unsigned i = 0; i < 11; i++) {
         feed(t, (struct line){i, "10.0.0.53", "192.0.2.7", 1, 53, 53, 17, 0, 3000, flags, 0, 0});
      }
      nm_test_finish(t);
      assert_int_equal(count(t, "DNS amplification"), flags == 4 ? 2 : 0);
      nm_test_free(t);
   }
}

/* In the original such flows end the program by a division by zero, and counters wrap. */
static void nothing_is_divided_by_zero_and_nothing_wraps(void **state)
{
   nm_test_t *t =
       start(SWITCHES "dos-victim-connections-others = 100\ndos-attacker-connections-others = 100\n");
   (void) state;
   for (unsigned i = 0; i < 200; i++) {
      feed(t, (struct line){i, "10.0.0.1", "10.0.0.2", 0, 50000, 123, 17, 0, 0, 0, 0, 0});
      feed(t, (struct line){i, "10.0.0.3", "10.0.0.4", UINT32_MAX, 50000, 22, 6, ALL, UINT32_MAX, 0, 0, 0});
   }
   nm_test_finish(t);
   assert_int_equal(count(t, "; out: 0 flows, 0 packets; approx. 1 source addresses"), 1);
   nm_test_free(t);
}

static void a_flood_of_hosts_costs_no_memory_and_hides_no_scan(void **state)
{
   nm_test_t *t = start(SWITCHES "table-size = 1\n"); /* 65536 at least */
   char source[32], target[32];
   (void) state;
   for (unsigned i = 0; i < 100000; i++) {
      snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
      feed(t, (struct line){i / 10, source, "192.0.2.1", 1, 50000, 80, 6, SYN, 40, 0, 0, 0});
      if (i % 400 == 0) {
         snprintf(target, sizeof(target), "172.16.0.%u", i / 400);
         feed(t, (struct line){i / 10, "192.0.2.7", target, 1, 50000, 80, 6, SYN, 40, 0, 0, 0});
      }
   }
   assert_true(nm_test_counter(t, "hosts") - nm_test_counter(t, "hosts evicted") <= 65536);
   assert_true(nm_test_counter(t, "hosts evicted") > 30000);
   nm_test_finish(t);
   assert_int_equal(count(t, "192.0.2.7"), 1);
   nm_test_free(t);
}

/* What is pushed out of a full table is judged then, not lost. */
static void evicted_hosts_are_judged(void **state)
{
   nm_test_t *t = start(SWITCHES "syn-scan-threshold = 0\nsyn-scan-ips = 1\n");
   char source[32];
   (void) state;
   for (unsigned i = 0; i < 70000; i++) {
      snprintf(source, sizeof(source), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
      feed(t, (struct line){i / 100, source, "192.0.2.1", 1, 50000, 80, 6, SYN, 40, 0, 0, 0});
   }
   nm_test_finish(t);
   assert_in_range(count(t, "horizontal SYN scan"), 69000, 70000); /* a few peers are taken for known */
   nm_test_free(t);
}

static void the_log_has_a_line_for_each_event(void **state)
{
   char directory[] = "/tmp/test-hoststats-log-XXXXXX", config[256], log[64], line[256];
   (void) state;
   assert_non_null(mkdtemp(directory));
   snprintf(config, sizeof(config), SWITCHES "detection-log = %s\ndns-amplif-threshold = 3\n", directory);
   nm_test_t *t = start(config);
   for (unsigned i = 0; i < 4; i++) {
      feed(t,
           (struct line){86399000 + i * 1000, "10.0.0.53", "10.0.0.9", 1, 53, 50000, 17, 0, 3000, 0, 0, 0});
   }
   nm_test_finish(t);
   snprintf(log, sizeof(log), "%s/20240101.log", directory);
   FILE *file = fopen(log, "r");
   assert_non_null(file);
   assert_non_null(fgets(line, sizeof(line), file));
   assert_string_equal(
       line, "202401012359;202401020000;dnsamp;;10.0.0.53;;53;;4;DNS amplification - misused server\n");
   assert_non_null(fgets(line, sizeof(line), file));
   assert_string_equal(line,
                       "202401012359;202401020000;dnsamp;;;10.0.0.9;;53;4;DNS amplification - victim\n");
   assert_null(fgets(line, sizeof(line), file));
   fclose(file);
   unlink(log);
   rmdir(directory);
   nm_test_free(t);
}

static void refuses(const char *config, const char *error)
{
   char options[128];
   write_config(config);
   snprintf(options, sizeof(options), "-c %s", path);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(nm_test_error(t));
   if (strstr(nm_test_error(t), error) == NULL) {
      fail_msg("\"%s\" does not say \"%s\"", nm_test_error(t), error);
   }
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
}

static void bad_configurations_are_refused_by_name(void **state)
{
   (void) state;
   refuses("# comment\n\ntimeout-active = 0\n",
           "line 3: timeout-active = \"0\": expected a whole number from 1 to 86400");
   refuses("syn-scan-threshold = many\n", "line 1: syn-scan-threshold = \"many\": expected a number");
   refuses("det-start-time = 1.5\n", "expected a whole number");
   refuses("log-upto-level = INFO\n", "expected LOG_EMERG ... LOG_DEBUG");
   nm_test_t *t = nm_test_new(&nm_definition, "-c /nonexistent");
   assert_non_null(strstr(nm_test_error(t), "cannot read the configuration file \"/nonexistent\""));
   nm_test_free(t);
}

static void missing_numbers_and_unknown_names_are_warned_of(void **state)
{
   (void) state;
   nm_test_catch(STDOUT_FILENO);
   nm_test_t *t = start(SWITCHES "log-upto-level = LOG_WARNING\nno-such-name = 3\n");
   fflush(stdout);
   const char *text = nm_test_caught();
   assert_non_null(strstr(text, "unknown name \"no-such-name\" is ignored"));
   assert_non_null(
       strstr(text, "dns-amplif-threshold is not specified in the configuration file, 10000 is used"));
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_scan_of_ipv6_hosts_is_found),
       cmocka_unit_test(time_first_is_that_of_the_flow),
       cmocka_unit_test(hosts_are_judged_when_they_fall_silent),
       cmocka_unit_test(hosts_that_go_on_are_judged_after_the_active_timeout),
       cmocka_unit_test(distinct_peers_are_counted_beyond_65535),
       cmocka_unit_test(both_directions_in_one_record_or_in_two_are_the_same),
       cmocka_unit_test(direction_flags_are_used_when_the_configuration_says_so),
       cmocka_unit_test(nothing_is_divided_by_zero_and_nothing_wraps),
       cmocka_unit_test(a_flood_of_hosts_costs_no_memory_and_hides_no_scan),
       cmocka_unit_test(evicted_hosts_are_judged),
       cmocka_unit_test(the_log_has_a_line_for_each_event),
       cmocka_unit_test(bad_configurations_are_refused_by_name),
       cmocka_unit_test(missing_numbers_and_unknown_names_are_warned_of),
   };
   int fd = mkstemp(path);
   if (fd < 0) {
      return 1;
   }
   close(fd);
   int failed = cmocka_run_group_tests(tests, NULL, NULL);
   unlink(path);
   return failed;
}
