/* SPDX-License-Identifier: BSD-3-Clause */
#include "../amplification.h"
#include "../../common/test_flow.h"

#include <nemea/module_cmocka.h>
#include <sys/stat.h>

#define BIFLOWS    TEST_FLOWS ",uint64 BYTES_REV,uint32 PACKETS_REV"
#define NO_MORE(t) assert_null(nm_test_next(t, 0))

static void feed(nm_test_t *t, unsigned second, const char *src, unsigned src_port, const char *dst,
                 unsigned dst_port, unsigned packets, unsigned bytes, const char *rest)
{
   char text[300], time[40];
   snprintf(time, sizeof(time), "2024-01-01T%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
   snprintf(text, sizeof(text), "%s,%s,%s,%s,%u,%u,%u,17,0,%u%s", src, dst, time, time, packets, src_port,
            dst_port, bytes, rest);
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

/* A query and its response. */
static void ask(nm_test_t *t, unsigned second, unsigned packets, unsigned bytes)
{
   feed(t, second, "203.0.113.9", 40000, "198.51.100.53", 53, 1, 60, "");
   feed(t, second, "198.51.100.53", 53, "203.0.113.9", 40000, packets, bytes, "");
}

static void test_biflows(void **state)
{
   char alert[512];
   nm_test_t *t = nm_unit_start("-t 50 -w 120 -s 60", BIFLOWS);
   (void) state;
   for (unsigned i = 0; i < 130; i++) {
      feed(t, i, "2001:db8::9", 40000, "2001:db8::53", 53, 1, 60, ",3000,3");
   }
   snprintf(alert, sizeof(alert), "%s", nm_test_next(t, 0));
   /* The query of the second 121 completes the window; it is in the alert, its response is not. */
   assert_string_equal(
       alert, "2001:db8::9,2001:db8::53,7320,363000,2024-01-01T00:00:00.000000,2024-01-01T00:02:01.000000,1,"
              "122,122,121,363,53");
   NO_MORE(t);
   nm_test_free(t);
}

/* The bytes of a flow are spread evenly over it: 30 seconds with 60 kB more, in three bins of which one has a burst, too. */
static void test_peak(void **state)
{
   struct peak p = {.newest = 0};
   ur_time_t t = ur_time_from_sec_msec(1704067200, 0);
   (void) state;
   peak_add(&p, t, t + ((ur_time_t) 30 << 32), 60000, 60);
   assert_int_equal(peak_rate(p.best_bytes), 2000);
   peak_add(&p, t + ((ur_time_t) 12 << 32), t + ((ur_time_t) 12 << 32), 5000, 10);
   assert_int_equal(peak_rate(p.best_bytes), 2500);
   assert_int_equal(peak_rate(p.best_packets), 3);
   peak_add(&p, t + ((ur_time_t) 86400 << 32), t + ((ur_time_t) 86400 << 32), 100,
            1);                        /* the ring begins anew */
   peak_add(&p, t, t, 1000000, 1);     /* too old */
   peak_add(&p, t + 1, t, 1000000, 1); /* no flow ends before it begins */
   assert_int_equal(peak_rate(p.best_bytes), 2500);
   peak_add(&p, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX); /* forged */
   assert_true(peak_rate(p.best_bytes) > 2500);
}

static void test_peak_of_a_pair(void **state)
{
   nm_test_t *t = nm_unit_start("-t 50 -w 120 -s 60 --details", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 130; i++) {
      ask(t, i, 3, 3000);
   }
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "203.0.113.9,198.51.100.53,3000,3,"));
   nm_test_free(t);
}

/* Servers that answer a few times each in 28 s, to a host without a past that asked nothing. */
static uint32_t unasked(unsigned servers, unsigned answers, unsigned packets, unsigned bytes, unsigned ports)
{
   nm_test_t *t = nm_unit_start("", TEST_FLOWS);
   char server[32];
   for (unsigned i = 0; i < servers * answers; i++) {
      snprintf(server, sizeof(server), "198.51.100.%u", 1 + i % servers);
      feed(t, i * 28 / (servers * answers), server, 53, "203.0.113.9", 1024 + i * 7919 % ports, packets,
           bytes, "");
   }
   nm_test_finish(t);
   uint32_t n = nm_test_pending(t, 0);
   nm_test_free(t);
   return n;
}

static void test_few_servers_with_large_answers(void **state)
{
   (void) state;
   assert_int_equal(unasked(54, 9, 3, 3400, 60000), 1);
   assert_int_equal(unasked(54, 1, 24, 30000, 1), 1);
   assert_int_equal(unasked(90, 9, 2, 1900, 1), 1);
   assert_int_equal(unasked(90, 9, 2, 1900, 60000),
                    0); /* as large as answers to those who ask, to many ports */
   assert_int_equal(unasked(54, 9, 2, 2050, 60000), 0); /* less than a megabyte */
   assert_int_equal(unasked(12, 9, 30, 40000, 1), 0);   /* a host may use so many relays or game servers */
}

/* Values that share a bin are added: 16 sizes in pairs make eight bins, of which five have 62 % of the values. */
static void test_bins_add(void **state)
{
   nm_test_t *t = nm_unit_start("-t 50 -w 120 -s 60 -I 0.6", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 160; i++) {
      ask(t, i, 3, 3000 + i % 16);
   }
   assert_non_null(nm_test_next(t, 0));
   nm_test_free(t);
   t = nm_unit_start("-t 50 -w 120 -s 60 -I 0.7", TEST_FLOWS);
   for (unsigned i = 0; i < 160; i++) {
      ask(t, i, 3, 3000 + i % 16);
   }
   NO_MORE(t);
   nm_test_free(t);
}

/* Strong amplification, also of queries without a byte. */
static void test_big(void **state)
{
   nm_test_t *t = nm_unit_start("-w 120 -s 60", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 130; i++) {
      feed(t, i, "203.0.113.9", 40000, "198.51.100.53", 53, 1, 0, "");
      feed(t, i, "198.51.100.53", 53, "203.0.113.9", 40000, 1500, 200000, "");
   }
   assert_non_null(nm_test_next(t, 0));
   NO_MORE(t);
   nm_test_free(t);
   t = nm_unit_start("-w 120 -s 60 --classic", TEST_FLOWS);
   for (unsigned i = 0; i < 130; i++) {
      ask(t, i, 1500, 200000);
   }
   NO_MORE(t);
   nm_test_free(t);
}

static void read_file(const char *path, char *text, size_t size)
{
   FILE *file = fopen(path, "re");
   assert_non_null(file);
   text[fread(text, 1, size - 1, file)] = 0;
   fclose(file);
}

/* All flows are in the log, in the order of time, also where one direction has more of them. */
static void test_log(void **state)
{
   char dir[] = "/tmp/amplification-XXXXXX", options[100], path[200], text[32768], *line;
   (void) state;
   assert_non_null(mkdtemp(dir));
   snprintf(options, sizeof(options), "-t 20 -w 120 -s 60 -d %s", dir);
   nm_test_t *t = nm_unit_start(options, TEST_FLOWS);
   for (unsigned i = 0; i < 60; i++) {
      feed(t, i, "203.0.113.9", 40000, "198.51.100.53", 53, 1, 60, "");
   }
   for (unsigned i = 60; i < 122; i++) {
      ask(t, i, 3, 3000);
   }
   assert_non_null(nm_test_next(t, 0));
   nm_test_free(t);
   snprintf(path, sizeof(path), "%s/198.51.100.53-203.0.113.9.log", dir);
   read_file(path, text, sizeof(text));
   unsigned queries = 0, responses = 0;
   char last[32] = "";
   for (line = strchr(text, '\n') + 1; *line != 0; line = strchr(line, '\n') + 1) {
      assert_true(strncmp(last, line, 23) <= 0);
      snprintf(last, 24, "%s", line);
      queries += line[24] == 'Q';
      responses += line[24] == 'R';
   }
   assert_int_equal(queries, 122);
   assert_int_equal(responses, 61);
   /* A link in place of the file is not followed, a directory that is not there is a warning. */
   assert_int_equal(unlink(path), 0);
   assert_int_equal(symlink("/nonexistent/target", path), 0);
   t = nm_unit_start(options, TEST_FLOWS);
   for (unsigned i = 0; i < 125; i++) {
      ask(t, i, 3, 3000);
   }
   assert_true(nm_test_counter(t, "log files not written") > 0);
   nm_test_free(t);
   assert_int_equal(unlink(path), 0);
   assert_int_equal(rmdir(dir), 0);
}

/* Flows of servers that were not asked: n of them, with so many ports of the victim. */
static void flood(nm_test_t *t, unsigned second, unsigned n, unsigned ports, unsigned bytes)
{
   char server[32];
   for (unsigned i = 0; i < n; i++) {
      snprintf(server, sizeof(server), "10.%u.%u.%u", second % 200, i / 250, i % 250);
      feed(t, second, server, 161, "203.0.113.9", 1024 + i % ports, 1, bytes, "");
   }
}

static void test_one_direction(void **state)
{
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   (void) state;
   flood(t, 10, 150, 3, 60); /* small ones to few ports */
   flood(t, 70, 150, 3, 60);
   assert_string_equal(nm_test_next(t, 0),
                       "203.0.113.9,10.10.0.0,900,15,0,9000,2024-01-01T00:00:10.000000,2024-01-01T00:00:10."
                       "000000,150,0,0,150,150,161");
   nm_test_finish(t);
   assert_string_equal(nm_test_next(t, 0),
                       "203.0.113.9,10.70.0.0,900,15,0,9000,2024-01-01T00:01:10.000000,2024-01-01T00:01:10."
                       "000000,150,0,0,150,150,161");
   NO_MORE(t);
   nm_test_free(t);
   t = nm_unit_start("", TEST_FLOWS);
   flood(t, 10, 150, 60000, 1200); /* large ones to many ports */
   nm_test_finish(t);
   assert_non_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* Fewer servers, small answers to many ports, answers that were asked for, and --classic. */
static void test_one_direction_ordinary(void **state)
{
   char server[32];
   nm_test_t *t = nm_unit_start("", TEST_FLOWS);
   (void) state;
   flood(t, 10, 99, 3, 1200);
   flood(t, 70, 150, 60000, 200);
   for (unsigned i = 0; i < 400; i++) {
      snprintf(server, sizeof(server), "10.1.%u.%u", i / 250, i % 250);
      feed(t, 130, "203.0.113.9", 161, server, 161, 1, 60, "");
      feed(t, 130, server, 161, "203.0.113.9", 161, 1, 1200, "");
   }
   nm_test_finish(t);
   NO_MORE(t);
   nm_test_free(t);
   t = nm_unit_start("--classic", TEST_FLOWS);
   flood(t, 10, 150, 3, 1200);
   nm_test_finish(t);
   NO_MORE(t);
   nm_test_free(t);
}

/* One server that answers 400 times in a minute, each time much more than it was asked, is an attack at any port of a reflector; servers that are asked a few
 * times each are not, nor is one whose answers are as large as the questions. */
static void test_repeated(void **state)
{
   char server[32];
   nm_test_t *t = nm_unit_start("--details", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 400; i++) {
      feed(t, 10 + i / 20, "203.0.113.9", 1024 + i, "198.51.100.7", 123, 1, 60, "");
      feed(t, 10 + i / 20, "198.51.100.7", 123, "203.0.113.9", 1024 + i, 8, 3800, "");
      snprintf(server, sizeof(server), "10.1.0.%u", i % 50); /* each eight times */
      feed(t, 10 + i / 20, "203.0.113.10", 1024 + i, server, 161, 1, 60, "");
      feed(t, 10 + i / 20, server, 161, "203.0.113.10", 1024 + i, 1, 1400, "");
      feed(t, 10 + i / 20, "203.0.113.11", 1024 + i, "198.51.100.8", 3478, 1, 1200, "");
      feed(t, 10 + i / 20, "198.51.100.8", 3478, "203.0.113.11", 1024 + i, 1, 1400, "");
   }
   nm_test_finish(t);
   assert_string_equal(
       nm_test_next(t, 0),
       "203.0.113.9,198.51.100.7,76000,160,24000,1520000,2024-01-01T00:00:10.000000,2024-01-01T00:00:29."
       "000000,1,400,400,400,3200,123");
   NO_MORE(t);
   nm_test_free(t);
}

/* With --early a flood is told when it crosses the threshold; what was told is not told again when the minute ends. */
static void test_early(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("--early --details", TEST_FLOWS);
   flood(t, 10, 99, 3, 60);
   NO_MORE(t);
   flood(t, 11, 51, 3, 60);
   assert_string_equal(nm_test_next(t, 0),
                       "203.0.113.9,10.10.0.0,600,10,0,6000,2024-01-01T00:00:10.000000,2024-01-01T00:00:11."
                       "000000,100,0,0,100,100,161");
   NO_MORE(t);
   nm_test_finish(t);
   assert_string_equal(nm_test_next(t, 0),
                       "203.0.113.9,10.10.0.0,900,15,0,3000,2024-01-01T00:00:10.000000,2024-01-01T00:00:11."
                       "000000,150,0,0,50,50,161");
   NO_MORE(t);
   nm_test_free(t);
}

/* Answers that come in another minute than what was asked, to one who asks many at a time. */
static void test_early_over_two_minutes(void **state)
{
   char server[32];
   nm_test_t *t = nm_unit_start("--early", TEST_FLOWS);
   (void) state;
   for (unsigned answer = 0; answer < 2; answer++) {
      for (unsigned i = 0; i < 400; i++) {
         snprintf(server, sizeof(server), "10.1.%u.%u", i / 250, i % 250);
         if (answer) {
            feed(t, 60, server, 161, "203.0.113.9", 161, 1, 1200, "");
            feed(t, 60, "203.0.113.9", 161, server, 161, 1, 60, "");
         } else {
            feed(t, 59, "203.0.113.9", 161, server, 161, 1, 60, "");
         }
      }
   }
   NO_MORE(t);
   nm_test_finish(t);
   NO_MORE(t);
   nm_test_free(t);
}

/* Memory stays under a flood of new pairs, and an attack that goes on is found. */
static void test_flood_of_pairs(void **state)
{
   char client[32];
   nm_test_t *t = nm_unit_start("-t 50 -w 120 -s 60 --capacity 256 --flows 8192", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 130; i++) {
      ask(t, i, 3, 3000);
      for (unsigned k = 0; k < 50; k++) {
         snprintf(client, sizeof(client), "10.%u.%u.1", i, k);
         feed(t, i, client, 40000, "198.51.100.1", 53, 1, 60, "");
      }
   }
   assert_int_equal(nc_table_count(((struct amplification *) nm_self(nm_test_module(t)))->pairs), 256);
   assert_non_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* The pool is smaller than what pairs keep. */
static void test_pool(void **state)
{
   char client[32];
   nm_test_t *t = nm_unit_start("--flows 64", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 100; i++) {
      snprintf(client, sizeof(client), "10.0.0.%u", i);
      feed(t, 1, client, 40000, "198.51.100.1", 53, 1, 60, "");
   }
   assert_true(nm_test_counter(t, "pairs displaced") > 80);
   for (unsigned i = 0; i < 200; i++) {
      ask(t, 2, 3, 3000);
   }
   struct amplification *self = nm_self(nm_test_module(t));
   const struct link *newest = self->by_age.prev;
   const struct pair *pair = (const struct pair *) (const void *) newest;
   assert_true(pair->items[QUERIES].n + pair->items[RESPONSES].n <= 64);
   assert_int_equal(pair->total[QUERIES].flows, 200);
   nm_test_free(t);
}

static void test_errors(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-S 9999");
   assert_non_null(nm_test_error(t));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "--min_count 0.5 -I 0.4");
   assert_null(nm_test_error(t));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-p 5x");
   assert_non_null(nm_test_error(t));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_biflows),
       cmocka_unit_test(test_peak),
       cmocka_unit_test(test_peak_of_a_pair),
       cmocka_unit_test(test_few_servers_with_large_answers),
       cmocka_unit_test(test_bins_add),
       cmocka_unit_test(test_big),
       cmocka_unit_test(test_log),
       cmocka_unit_test(test_one_direction),
       cmocka_unit_test(test_one_direction_ordinary),
       cmocka_unit_test(test_repeated),
       cmocka_unit_test(test_early),
       cmocka_unit_test(test_early_over_two_minutes),
       cmocka_unit_test(test_flood_of_pairs),
       cmocka_unit_test(test_pool),
       cmocka_unit_test(test_errors),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
