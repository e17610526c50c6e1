/* SPDX-License-Identifier: BSD-3-Clause */
/** topn: what is counted, the order of rows, intervals, and what happens beyond the capacity. */
#include <nemea/module_cmocka.h>

#include "tables.h"

#define TIMED                                                                                                \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_LAST,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT," \
   "uint8 PROTOCOL"
#define NO_TIME \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL"

static nm_test_t *start(const char *options)
{
   setenv("TZ", "UTC", 1);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, TIMED), NM_OK);
   return t;
}

static void feed(nm_test_t *t, const char *source, unsigned source_port, unsigned port, uint64_t bytes,
                 unsigned packets, const char *time)
{
   char text[256];
   snprintf(text, sizeof(text), "198.51.100.1,%s,%llu,2024-01-01T%s,%u,%u,%u,6", source,
            (unsigned long long) bytes, time, packets, port, source_port);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

/* Runs the last interval and gives what is printed since nm_test_catch(). */
static const char *end(nm_test_t *t)
{
   nm_test_finish(t);
   assert_null(nm_test_error(t));
   return nm_test_caught();
}

/* The rows of a table, without title and header, blanks for tabs. */
static const char *rows(const char *output, const char *title)
{
   static char text[8192];
   char line[200];
   snprintf(line, sizeof(line), "\n%s\n", title);
   const char *at = strstr(output, line);
   if (at == NULL) {
      return NULL;
   }
   at += strlen(line);
   for (int i = 0; i < 2; i++) {
      at = strchr(at, '\n') + 1;
   }
   const char *stop = strstr(at, "\n\n");
   size_t n = *at == '\n' ? 0 : stop != NULL ? (size_t) (stop - at) + 1 : strlen(at);
   assert_true(n < sizeof(text));
   memcpy(text, at, n);
   text[n] = 0;
   for (char *c = text; *c != 0; c++) {
      *c = *c == '\t' ? ' ' : *c;
   }
   return text;
}

static void every_table_counts_what_it_says(void **state)
{
   (void) state;
   nm_test_t *t = start("-n 2 -l 60 -c 64 -p 53 -m 12,32");
   nm_test_catch(STDOUT_FILENO);
   feed(t, "192.168.3.3", 1000, 53, 5000000000, 1, "00:00:01"); /* more than 32 bits */
   feed(t, "192.175.0.1", 1000, 80, 10, 7, "00:00:01");
   feed(t, "2001:db8:1::1", 53, 53, 20, 7, "00:00:02");
   feed(t, "192.168.3.3", 53, 1001, 10, 2, "00:00:03");
   const char *out = end(t);
   assert_string_equal(
       rows(out, "Top flows based on transferred bytes"),
       "1 192.168.3.3 198.51.100.1 1000 53 6 5000000000\n2 2001:db8:1::1 198.51.100.1 53 53 6 20\n");
   /* Of equal values, the earlier one first. */
   assert_string_equal(rows(out, "Top flows based on transferred packets"),
                       "1 192.175.0.1 198.51.100.1 1000 80 6 7\n2 2001:db8:1::1 198.51.100.1 53 53 6 7\n");
   assert_string_equal(rows(out, "Top flows based on transferred packets by port 53"),
                       "1 2001:db8:1::1 198.51.100.1 53 53 6 7\n2 192.168.3.3 198.51.100.1 53 1001 6 2\n");
   assert_string_equal(rows(out, "Top ports based on transferred flows"), "1 53 4\n2 1000 2\n");
   assert_string_equal(rows(out, "Top ports based on transferred packets"), "1 53 17\n2 1000 8\n");
   /* The other port; of 53 to 53 both are. Of equal values the lower port comes first. */
   assert_string_equal(
       rows(out, "Top ports based on transferred flows who communicated the most with port 53"),
       "1 53 2\n2 1000 1\n");
   assert_string_equal(rows(out, "Top IPs based on transferred flows"), "1 192.168.3.3 2\n2 192.175.0.1 1\n");
   assert_string_equal(rows(out, "Top IPs based on transferred bytes"),
                       "1 192.168.3.3 5000000010\n2 2001:db8:1::1 20\n");
   assert_string_equal(rows(out, "Top IPs based on transferred packets by port 53"),
                       "1 2001:db8:1::1 7\n2 192.168.3.3 3\n");
   /* A prefix may end within a byte. */
   assert_string_equal(rows(out, "Top networks based on transferred packets"), "1 192.160.0.0 10\n");
   assert_string_equal(rows(out, "Top networks based on transferred flows by port 53"), "1 192.160.0.0 2\n");
   assert_non_null(strstr(out, "\nTop networks based on transferred flows\n"
                               "------------------------------------\n"
                               "N\tIP\t\tFlows\n1\t2001:db8::\t1\n"));
   nm_test_free(t);
}

static void tables_come_in_the_order_of_the_original(void **state)
{
   (void) state;
   nm_test_t *t = start("-n 1 -l 60 -c 64 -p 80,443,80 -m 8");
   nm_test_catch(STDOUT_FILENO);
   feed(t, "10.0.0.1", 80, 443, 1, 1, "00:00:01");
   const char *out = end(t);
   static const char head[] = "\n===================\n2024-01-01 00:00:01\n===================\n\n"
                              "Top flows based on transferred bytes\n";
   static const char *const titles[] = {
       head,
       "\nTop flows based on transferred packets\n",
       "\nTop flows based on transferred bytes by port 80\n",
       "\nTop flows based on transferred packets by port 443\n",
       "\nTop ports based on transferred flows\n",
       "\nTop ports based on transferred bytes\n",
       "\nTop ports based on transferred flows who communicated the most with port 80\n",
       "\nTop ports based on transferred bytes who communicated the most with port 443\n",
       "\nTop IPs based on transferred flows\n",
       "\nTop IPs based on transferred flows by port 80\n",
       "\nTop IPs based on transferred bytes by port 443\n",
       "\nTop networks based on transferred flows\n",
       "\nTop networks based on transferred bytes by port 443\n"};
   assert_ptr_equal(strstr(out, titles[0]), out);
   for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
      const char *at = strstr(out, titles[i]);
      if (at == NULL) {
         fail_msg("\"%s\" is missing or too early", titles[i]);
      }
      out = at + 1;
   }
   nm_test_free(t);
}

static int count_of(const char *text, const char *what)
{
   int n = 0;
   while ((text = strstr(text, what)) != NULL) {
      n++;
      text++;
   }
   return n;
}

static void intervals_are_of_stream_time(void **state)
{
   (void) state;
   nm_test_t *t = start("-n 5 -l 60");
   nm_test_catch(STDOUT_FILENO);
   feed(t, "10.0.0.1", 1, 2, 100, 1, "00:00:59.999");
   feed(t, "10.0.0.1", 1, 2, 100, 1, "00:01:00");
   feed(t, "10.0.0.1", 1, 2, 100, 1, "00:01:10");
   feed(t, "10.0.0.1", 1, 2, 100, 1, "00:10:00"); /* the minutes between have no records and no tables */
   const char *out = end(t);
   assert_int_equal(count_of(out, "Top flows based on transferred bytes\n"), 3);
   const char *second = strstr(out, "2024-01-01 00:02:00\n"), *third = strstr(out, "2024-01-01 00:10:00\n");
   assert_non_null(strstr(out, "2024-01-01 00:01:00\n"));
   assert_non_null(second);
   assert_non_null(third);
   assert_string_equal(rows(second, "Top ports based on transferred flows"), "1 1 2\n2 2 2\n");
   assert_string_equal(rows(third, "Top IPs based on transferred flows"), "1 10.0.0.1 1\n");
   assert_int_equal(nm_test_counter(t, "intervals"), 3);
   nm_test_free(t);
}

static void wall_clock_and_records_without_time_have_one_interval_here(void **state)
{
   (void) state;
   nm_test_t *t = start("-n 5 -l 4000000000 --wall-clock");
   nm_test_catch(STDOUT_FILENO);
   feed(t, "10.0.0.1", 1, 2, 100, 1, "00:00:01");
   feed(t, "10.0.0.1", 1, 2, 100, 1, "20:00:01");
   const char *out = end(t);
   assert_int_equal(count_of(out, "Top flows based on transferred bytes\n"), 1);
   assert_null(strstr(out, "2024-01-01"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-n 5 -l 4000000000");
   nm_test_catch(STDERR_FILENO);
   nm_test_format(t, 0, NO_TIME);
   assert_non_null(strstr(nm_test_caught(), "records have no time"));
   nm_test_catch(STDOUT_FILENO);
   nm_test_feed(t, 0, "1.1.1.1,2.2.2.2,1,1,1,1,6");
   assert_int_equal(count_of(end(t), "Top flows based on transferred bytes\n"), 1);
   nm_test_free(t);
}

static void without_records_there_are_tables_without_rows(void **state)
{
   (void) state;
   nm_test_t *t = start("-n 5 -l 1");
   nm_test_catch(STDOUT_FILENO);
   const char *out = end(t);
   assert_string_equal(rows(out, "Top flows based on transferred bytes"), "");
   assert_string_equal(rows(out, "Top ports based on transferred bytes"), "");
   assert_null(strstr(out, "Top IPs"));
   nm_test_free(t);
}

/* A thousand addresses in tables of 64: the great ones are found, and no value is below the true one. */
static void beyond_the_capacity_values_are_upper_bounds(void **state)
{
   (void) state;
   nm_test_t *t = start("-n 3 -l 60 -c 64");
   for (unsigned i = 0; i < 5000; i++) {
      char ip[32];
      unsigned k = i % 5 < 3 ? i % 5 : i % 1000 + 256;
      snprintf(ip, sizeof(ip), "10.0.%u.%u", k / 256, k % 256);
      feed(t, ip, 1, 2, k < 3 ? 1000 : 1, k < 3 ? 100 : 1, "00:00:01");
   }
   nm_test_catch(STDOUT_FILENO);
   const char *out = end(t);
   for (unsigned i = 0; i < 3; i++) {
      char ip[32], *text = (char *) (uintptr_t) rows(out, "Top IPs based on transferred bytes");
      snprintf(ip, sizeof(ip), " 10.0.0.%u ", i);
      const char *at = strstr(text, ip);
      assert_non_null(at);
      long long value = atoll(at + strlen(ip));
      assert_in_range(value, 1000000, 1000000 + 5000);
   }
   assert_true(nm_test_counter(t, "addresses evicted") > 1000);
   nm_test_free(t);
}

static void networks_have_every_length(void **state)
{
   static const struct {
      const char *ip;
      uint8_t length;
      const char *network;
   } cases[] = {{"192.168.3.3", 12, "192.160.0.0"},
                {"255.255.255.255", 1, "128.0.0.0"},
                {"255.255.255.255", 32, "255.255.255.255"},
                {"10.1.2.3", 24, "10.1.2.0"},
                {"10.1.2.255", 31, "10.1.2.254"},
                {"2001:db8:ffff::1", 33, "2001:db8:8000::"},
                {"ffff::1", 128, "ffff::1"},
                {"ffff::", 1, "8000::"}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      ip_addr_t ip, network;
      char text[INET6_ADDRSTRLEN];
      ip_from_str(cases[i].ip, &ip);
      network = address_network(&ip, cases[i].length);
      ip_to_str(&network, text);
      assert_string_equal(text, cases[i].network);
   }
}

static void rankings_keep_the_greatest(void **state)
{
   struct ranking r;
   (void) state;
   assert_true(ranking_open(&r, 10));
   for (uint64_t i = 0; i < 1000; i++) {
      ranking_add(&r, i * 7919 % 1000 / 2, i, 0); /* each value twice */
   }
   ranking_sort(&r);
   unsigned slots = 0;
   for (uint32_t i = 0; i < 10; i++) {
      assert_int_equal(r.ranks[i].value, 499 - i / 2);
      assert_true(i % 2 == 0 || r.ranks[i].order[0] > r.ranks[i - 1].order[0]);
      slots |= 1u << r.ranks[i].slot;
   }
   assert_int_equal(slots, 1023);
   ranking_close(&r);
}

static void wrong_options(void **state)
{
   static const char *const cases[][2] = {
       {"-n 3", "Parameter -l missing."},
       {"-l 3", "Parameter -n missing."},
       {"-n 0 -l 3", "Invalid argument for parameter -n"},
       {"-n 65537 -l 3", "Invalid argument for parameter -n"},
       {"-n x -l 3", "Invalid argument for parameter -n"},
       {"-n 3 -l 0", "Invalid argument for parameter -l"},
       {"-n 3 -l 3s", "Invalid argument for parameter -l"},
       {"-n 3 -l 3 -p x", "Error during processing -p parameter"},
       {"-n 3 -l 3 -p 80,", "Error during processing -p parameter"},
       {"-n 3 -l 3 -p 80,,81", "Error during processing -p parameter"},
       {"-n 3 -l 3 -p 65536", "Error during processing -p parameter"},
       {"-n 3 -l 3 -p 000000000080", "Error during processing -p parameter"},
       {"-n 3 -l 3 -m 33", "Error during processing -m parameter"},
       {"-n 3 -l 3 -m 0", "Error during processing -m parameter"},
       {"-n 3 -l 3 -m 16,129", "Error during processing -m parameter"},
       {"-n 3 -l 3 -m 16,48,1", "Error during processing -m parameter"},
       {"-n 3 -l 3 -m 16,", "Error during processing -m parameter"},
       {"-n 3 -l 3 -c 1", "-c, --capacity"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, cases[i][0]);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL ||
          nm_test_status(t) != 1) {
         fail_msg("%s: %s (status %d)", cases[i][0], nm_test_error(t), nm_test_status(t));
      }
      nm_test_free(t);
   }
   char text[1000] = "-n 3 -l 3 -c 16 -p 1";
   for (int i = 2; i <= 64; i++) {
      snprintf(text + strlen(text), sizeof(text) - strlen(text), ",%d", i);
   }
   nm_test_t *t = nm_test_new(&nm_definition, text);
   assert_null(nm_test_error(t));
   nm_test_free(t);
   strcat(text, ",65");
   t = nm_test_new(&nm_definition, text);
   assert_non_null(strstr(nm_test_error(t), "more than 64 ports"));
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(every_table_counts_what_it_says),
       cmocka_unit_test(tables_come_in_the_order_of_the_original),
       cmocka_unit_test(intervals_are_of_stream_time),
       cmocka_unit_test(wall_clock_and_records_without_time_have_one_interval_here),
       cmocka_unit_test(without_records_there_are_tables_without_rows),
       cmocka_unit_test(beyond_the_capacity_values_are_upper_bounds),
       cmocka_unit_test(networks_have_every_length),
       cmocka_unit_test(rankings_keep_the_greatest),
       cmocka_unit_test(wrong_options),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
