/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <nemea-common/nc_hash.h>
#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "victim.h"
#include "history.h"
#include "networks.h"

#define FORMAT                                                                                         \
   "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint16 SRC_PORT,uint16 DST_PORT,uint8 " \
   "PROTOCOL,"                                                                                         \
   "uint8 TCP_FLAGS,uint32 PACKETS,uint64 BYTES"
#define SYN_ACK 18
#define RST     4

static nm_test_t *start(const char *arguments)
{
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_non_null(t);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   return t;
}

/* A flow that ends second seconds after noon. */
static void flow(nm_test_t *t, const char *from, const char *to, int second, const char *rest)
{
   char text[256];
   snprintf(text, sizeof(text), "%s,%s,2024-01-01T%02d:%02d:%02d,2024-01-01T%02d:%02d:%02d,%s", from, to,
            12 + second / 3600, second / 60 % 60, second % 60, 12 + second / 3600, second / 60 % 60,
            second % 60, rest);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

/* Answers of a victim to n forged addresses of the network 146.102.0.0/16, one every ten seconds. */
static void attack(nm_test_t *t, const char *victim, int n, int begin, const char *rest)
{
   for (int i = 0; i < n; i++) {
      char to[32];
      snprintf(to, sizeof(to), "146.102.%d.%d", i % 3, i);
      flow(t, victim, to, begin + i * 10, rest);
   }
}

/* What is between commas number n and n + 1. */
static const char *value(const char *record, int n)
{
   static char text[8][64];
   static int next;
   char *to = text[next++ % 8];
   for (; n > 0 && record != NULL; n--) {
      record = strchr(record, ',');
      record = record != NULL ? record + 1 : NULL;
   }
   assert_non_null(record);
   snprintf(to, sizeof(text[0]), "%.*s", (int) strcspn(record, ","), record);
   return to;
}

/* Column of a field in the output. */
static int column(nm_test_t *t, const char *name)
{
   char format[1024], *save = NULL;
   int n = 0;
   snprintf(format, sizeof(format), "%s", nm_test_output_format(t, 0));
   for (char *field = strtok_r(format, ",", &save); field != NULL; field = strtok_r(NULL, ",", &save), n++) {
      if (strcmp(strchr(field, ' ') + 1, name) == 0) {
         return n;
      }
   }
   fail_msg("%s is no field of the output", name);
   return 0;
}

#define assert_field(t, record, name, expected) assert_string_equal(value(record, column(t, name)), expected)

static void a_victim_is_reported_with_its_numbers(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   attack(t, "203.0.113.5", 40, 0, "443,1024,6,18,2,120");
   assert_int_equal(nm_test_finish(t), NM_OK);
   const char *r = nm_test_next(t, 0);
   assert_non_null(r);
   assert_field(t, r, "SRC_IP", "203.0.113.5");
   assert_field(t, r, "PROTOCOL", "6");
   assert_field(t, r, "FLOW_COUNT", "40");
   assert_field(t, r, "PACKET_COUNT", "80");
   assert_field(t, r, "BYTES", "4800");
   assert_field(t, r, "POSIX_START", "1704110400");
   assert_field(t, r, "POSIX_END", "1704110790");
   assert_int_equal(atoi(value(r, column(t, "PPF_AVG"))), 2);
   assert_int_equal(atoi(value(r, column(t, "BYTES_AVG"))), 60);
   assert_int_equal(atoi(value(r, column(t, "BYTES_STD"))), 0);
   assert_field(t, r, "ACKSYN", "40");
   assert_field(t, r, "RST", "0");
   assert_field(t, r, "MAX_FPM", "6");
   assert_field(t, r, "UNIQUE_DST_IPS", "40");
   assert_field(t, r, "UNIQUE_DST_PORTS", "1");
   assert_field(t, r, "UNIQUE_DST_24_SUBNETS", "3");
   assert_field(t, r, "SRC_PORT_1", "443");
   assert_field(t, r, "SRC_PORT_1_COUNT", "40");
   assert_field(t, r, "SRC_PORT_2", "443");
   assert_field(t, r, "SRC_PORT_2_COUNT", "0");
   assert_field(t, r, "EXPORT", "8");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void answers_to_traffic_are_no_backscatter(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 5");
   for (int i = 0; i < 40; i++) {
      char to[32];
      snprintf(to, sizeof(to), "146.102.0.%d", i);
      flow(t, "203.0.113.5", to, i,
           "443,1024,6,18,1,60"); /* the answer may come before the request, since flows end in any order */
      flow(t, to, "203.0.113.5", i, "1024,443,6,2,1,60");
   }
   nm_test_finish(t);
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "answers to traffic"), 40);
   assert_int_equal(nm_test_counter(t, "answers to forged packets"), 0);
   nm_test_free(t);
}

static void resets_do_not_make_a_connection(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 5");
   for (int i = 0; i < 10; i++) {
      char to[32];
      snprintf(to, sizeof(to), "146.102.0.%d", i);
      flow(t, "203.0.113.5", to, i, "443,1024,6,18,1,60");
      flow(t, to, "203.0.113.5", i,
           "1024,443,6,4,1,40"); /* the host that was forged resets what it did not ask for */
   }
   nm_test_finish(t);
   const char *r = nm_test_next(t, 0);
   assert_non_null(r);
   nm_test_free(t);
}

static void what_is_no_answer_or_of_other_networks_is_left_out(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 1");
   flow(t, "203.0.113.5", "146.102.0.1", 0, "443,1024,6,2,1,60");   /* SYN */
   flow(t, "203.0.113.5", "146.102.0.2", 0, "443,1024,6,24,1,60");  /* data */
   flow(t, "203.0.113.5", "146.102.0.3", 0, "53,1024,17,0,1,60");   /* UDP */
   flow(t, "203.0.113.5", "146.102.0.4", 0, "0,2048,1,0,1,60");     /* echo request */
   flow(t, "203.0.113.5", "198.51.100.7", 0, "443,1024,6,18,1,60"); /* not ours */
   nm_test_finish(t);
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "outside the networks"), 1);
   assert_int_equal(nm_test_counter(t, "answers"), 0);
   nm_test_free(t);
}

static void icmp_has_its_type_as_port(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 2");
   attack(t, "203.0.113.5", 3, 0, "0,769,1,0,1,56"); /* host unreachable */
   attack(t, "203.0.113.6", 3, 40, "0,0,1,0,1,56");  /* echo reply */
   nm_test_finish(t);
   const char *r = nm_test_next(t, 0);
   assert_field(t, r, "SRC_PORT_1", "769");
   assert_field(t, r, "ACKSYN", "3");
   r = nm_test_next(t, 0);
   assert_field(t, r, "SRC_PORT_1", "0");
   assert_field(t, r, "RST", "3");
   nm_test_free(t);
}

/* The file of networks for a test. */
static const char *networks_file(const char *text)
{
   static char path[32];
   snprintf(path, sizeof(path), "/tmp/networks-XXXXXX");
   int fd = mkostemp(path, O_CLOEXEC);
   assert_true(fd >= 0);
   assert_int_equal(write(fd, text, strlen(text)), strlen(text));
   close(fd);
   return path;
}

static void networks_come_from_a_file_and_may_be_ipv6(void **state)
{
   char arguments[64], to[64];
   (void) state;
   const char *path = networks_file("# ours\n2001:db8:7::/48\n");
   snprintf(arguments, sizeof(arguments), "-t 5 -N %s", path);
   nm_test_t *t = start(arguments);
   for (int i = 0; i < 10; i++) {
      snprintf(to, sizeof(to), "2001:db8:7:%x::%x", i % 2, i + 1);
      flow(t, "2001:db8:99::1", to, i, i < 5 ? "443,1024,6,18,1,80" : "443,1024,6,4,1,80");
      flow(t, "203.0.113.5", "146.102.0.1", i, "443,1024,6,18,1,60");
   }
   nm_test_finish(t);
   const char *r = nm_test_next(t, 0);
   assert_field(t, r, "SRC_IP", "2001:db8:99::1");
   assert_field(t, r, "UNIQUE_DST_24_SUBNETS", "2");
   assert_field(t, r, "RST", "5");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "outside the networks"), 10);
   nm_test_free(t);
   unlink(path);
}

static void wrong_networks_are_named(void **state)
{
   static const char *const bad[][2] = {{"192.0.2.0/24\n192.0.2.0/33\n", "line 2: '192.0.2.0"},
                                        {"", "no network"},
                                        {"x\n", "line 1: 'x'"},
                                        {"192.0.2.0/\n", "line 1"},
                                        {"192.0.2.0/2x\n", "line 1"}};
   (void) state;
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      char arguments[64];
      const char *path = networks_file(bad[i][0]);
      snprintf(arguments, sizeof(arguments), "-N %s", path);
      nm_test_t *t = nm_test_new(&nm_definition, arguments);
      assert_non_null(nm_test_error(t));
      assert_non_null(strstr(nm_test_error(t), bad[i][1]));
      nm_test_free(t);
      unlink(path);
   }
}

static void timeouts_send_reports(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 5 -p 150 -a 300 -s 10");
   attack(t, "203.0.113.5", 40, 0, "443,1024,6,18,1,60"); /* 400 s: longer than the active timeout */
   const char *r = nm_test_next(t, 0);
   assert_non_null(r);
   assert_field(t, r, "EXPORT", "4");
   attack(t, "203.0.113.6", 40, 400, "80,1024,6,4,1,40");
   r = nm_test_next(t, 0);
   assert_non_null(r);
   assert_field(t, r, "SRC_IP", "203.0.113.5");
   assert_field(t, r, "EXPORT", "3"); /* passive, and one was sent before */
   nm_test_free(t);
}

static void a_full_table_sends_what_it_forgets(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 3 -s 1 --victims 1");
   attack(t, "203.0.113.5", 5, 0, "443,1024,6,18,1,60");
   attack(t, "203.0.113.6", 5, 50, "443,1024,6,18,1,60");
   nm_test_finish(t);
   const char *r = nm_test_next(t, 0);
   assert_field(t, r, "SRC_IP", "203.0.113.5");
   assert_field(t, r, "EXPORT", "16");
   r = nm_test_next(t, 0);
   assert_field(t, r, "SRC_IP", "203.0.113.6");
   nm_test_free(t);
}

/* A link on which nothing happens for a minute, and one record with a wrong clock. */
static void gaps_and_wrong_clocks(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 5");
   attack(t, "203.0.113.5", 5, 0, "443,1024,6,18,1,60");
   flow(t, "203.0.113.5", "146.102.0.90", 20000, "443,1024,6,18,1,60");
   attack(t, "203.0.113.5", 5, 50, "443,1024,6,18,1,60");
   assert_int_equal(nm_test_counter(t, "skipped by their time"), 1);
   for (int i = 0; i < 20; i++) {
      flow(t, "203.0.113.9", "146.102.0.90", 4000 + i, "443,1024,6,18,1,60");
   }
   assert_int_equal(nm_test_counter(t, "skipped by their time"), 1 + 7);
   flow(t, "203.0.113.9", "146.102.0.90", 30, "443,1024,6,18,1,60");
   assert_int_equal(nm_test_counter(t, "skipped by their time"), 1 + 8);
   nm_test_free(t);
}

static void a_full_queue_counts(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 1 -s 1 -R 3");
   for (int i = 0; i < 10; i++) {
      flow(t, "203.0.113.5", "146.102.0.90", 0, "443,1024,6,18,1,60");
   }
   assert_int_equal(nm_test_counter(t, "answers without room"), 7);
   nm_test_free(t);
}

/* ----------------------------------------------------------------- history */

static void a_history_forgets_nothing_and_little_else(void **state)
{
   enum { N = 200000 };
   struct history_config config = {.false_positives = 0.05, .seconds = 10, .items = 10 * N};
   history_t *h = history_new(&config);
   unsigned wrong = 0;
   (void) state;
   history_advance(h, 1000);
   for (uint64_t i = 0; i < N; i++) {
      history_add(h, nc_hash_u64(i));
   }
   for (uint64_t i = 0; i < N; i++) {
      assert_true(history_has(h, nc_hash_u64(i)));
      wrong += history_has(h, nc_hash_u64(i + N));
   }
   assert_true(wrong < N / 5); /* filters of growing sizes: a few times the share of one */
   history_advance(h, 1019);
   assert_true(history_has(h, nc_hash_u64(7)));
   history_advance(h, 1029);
   assert_false(history_has(h, nc_hash_u64(7)));
   history_free(h);
}

/* The second generation knows how large it must be. */
static void a_steady_history_has_its_share_of_false_positives(void **state)
{
   enum { N = 100000 };
   struct history_config config = {.false_positives = 0.01, .seconds = 10, .items = 10 * N};
   history_t *h = history_new(&config);
   unsigned wrong = 0;
   (void) state;
   for (uint64_t generation = 0; generation < 3; generation++) {
      history_advance(h, 1000 + generation * 10);
      for (uint64_t i = 0; i < N; i++) {
         history_add(h, nc_hash_u64(generation * N + i));
      }
   }
   for (uint64_t i = 0; i < N; i++) {
      wrong += history_has(h, nc_hash_u64(i + 10 * N));
   }
   assert_true(wrong < N * 3 / 100); /* two generations of one percent */
   assert_true(history_memory(h) < 2 * N * 2 * 3);
   history_free(h);
}

static void a_history_has_a_maximum(void **state)
{
   struct history_config config = {.false_positives = 0.05, .seconds = 10, .items = 1000};
   history_t *h = history_new(&config);
   (void) state;
   history_advance(h, 1);
   for (uint64_t i = 0; i < 100000; i++) {
      history_add(h, nc_hash_u64(i));
   }
   assert_true(history_memory(h) < 4096);
   assert_true(history_overfull(h) > 0);
   history_free(h);
}

static void top_ports_are_those_of_many_flows(void **state)
{
   struct victim v;
   struct port_count ports[PORTS_SHOWN];
   struct history_config config = {.false_positives = 0.01, .seconds = 10, .items = 1000};
   history_t *h = history_new(&config);
   (void) state;
   memset(&v, 0, sizeof(v));
   history_advance(h, 1);
   for (int i = 0; i < 1000; i++) {
      struct answer a = {.protocol = 6,
                         .kind = i % 4 == 3 ? RST : SYN_ACK,
                         .source_port = (uint16_t) (i % 2 == 0   ? 80
                                                    : i % 4 == 1 ? 443
                                                                 : 5000 + i),
                         .packets = i % 2 == 0 ? 1 : 3,
                         .bytes = 100,
                         .first = 1,
                         .last = 1};
      victim_add(&v, &a, h);
   }
   victim_ports(&v, ports);
   assert_int_equal(ports[0].port, 80);
   assert_int_equal(ports[1].port, 443);
   assert_true(fabs((double) victim_packets_per_flow(&v).average - 2) < 0.001);
   assert_true(fabs((double) victim_packets_per_flow(&v).deviation - 1) < 0.001);
   assert_int_equal(v.resets, 250);
   assert_int_equal(v.most_in_a_minute, 1000);
   history_free(h);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_victim_is_reported_with_its_numbers),
       cmocka_unit_test(answers_to_traffic_are_no_backscatter),
       cmocka_unit_test(resets_do_not_make_a_connection),
       cmocka_unit_test(what_is_no_answer_or_of_other_networks_is_left_out),
       cmocka_unit_test(icmp_has_its_type_as_port),
       cmocka_unit_test(networks_come_from_a_file_and_may_be_ipv6),
       cmocka_unit_test(wrong_networks_are_named),
       cmocka_unit_test(timeouts_send_reports),
       cmocka_unit_test(a_full_table_sends_what_it_forgets),
       cmocka_unit_test(gaps_and_wrong_clocks),
       cmocka_unit_test(a_full_queue_counts),
       cmocka_unit_test(a_history_forgets_nothing_and_little_else),
       cmocka_unit_test(a_steady_history_has_its_share_of_false_positives),
       cmocka_unit_test(a_history_has_a_maximum),
       cmocka_unit_test(top_ports_are_those_of_many_flows),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
