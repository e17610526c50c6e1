/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>

#include "../miner.h"

#include <nemea/module_test.h>
#include <signal.h>

#include <cmocka.h>

#include "../../blacklist/test_filter.h"

#define FLOWS                                                                                       \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 " \
   "SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS"
#define CONTENTS \
   FLOWS ",uint32 PACKETS_REV,uint8 TCP_FLAGS_REV,uint64 BYTES_REV,bytes IDP_CONTENT,bytes IDP_CONTENT_REV"
#define ACK        16
#define ACK_PSH    24
#define NO_MORE(t) assert_null(nm_test_next(t, 0))

extern const nm_module_def_t nm_definition;

static void config_text(char *to, size_t size, const char *change)
{
   static const char *const lines[] = {"blacklist_file",
                                       "-",
                                       "whitelist_file",
                                       "-",
                                       "store_blacklist_file",
                                       "-",
                                       "store_whitelist_file",
                                       "-",
                                       "conn_timeout",
                                       "1",
                                       "read_timeout",
                                       "1",
                                       "timeout_active",
                                       "300",
                                       "timeout_inactive",
                                       "60",
                                       "check_period",
                                       "60",
                                       "stratum_check",
                                       "false",
                                       "score_treshold",
                                       "7",
                                       "suspect_db_size",
                                       "64",
                                       "suspect_db_stash_size",
                                       "0",
                                       "blacklist_db_size",
                                       "16",
                                       "blacklist_db_stash_size",
                                       "0",
                                       "whitelist_db_size",
                                       "16",
                                       "whitelist_db_stash_size",
                                       "0",
                                       NULL};
   int n = snprintf(to, size, "<configuration><struct name=\"main struct\">%s", change);
   for (size_t i = 0; lines[i] != NULL; i += 2) { /* of a name given twice the first counts */
      n += snprintf(to + n, size - (size_t) n, "<element name=\"%s\">%s</element>", lines[i], lines[i + 1]);
   }
   snprintf(to + n, size - (size_t) n, "</struct></configuration>");
}

#define SET(name, value) "<element name=\"" name "\">" value "</element>"

static void write_configuration(const char *change)
{
   char text[4096];
   config_text(text, sizeof(text), change);
   write_file("m.xml", text);
}

/* With a configuration that differs from the usual one in these elements. */
static nm_test_t *start(const char *options, const char *change, const char *format, bool live)
{
   char arguments[2 * PATH_BYTES];
   write_configuration(change);
   snprintf(arguments, sizeof(arguments), "-u %s %s", file_path("m.xml"), options);
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_non_null(t);
   if (nm_test_error(t) == NULL) {
      assert_int_equal(nm_test_format(t, 0, format), NM_OK);
      ((struct miner *) nm_self(nm_test_module(t)))->live = live; /* unit tests are recordings */
      assert_int_equal(checks_open(nm_test_module(t)), NM_OK);
   }
   return t;
}

static void feed(nm_test_t *t, const char *text)
{
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

static void flow(nm_test_t *t, unsigned second, const char *src, unsigned src_port, const char *dst,
                 unsigned dst_port, unsigned flags, unsigned packets)
{
   char text[256], time[32];
   snprintf(time, sizeof(time), "2024-01-01T%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
   snprintf(text, sizeof(text), "%s,%s,%u,%s,%s,%u,%u,%u,6,%u", src, dst, packets * 80, time, time, packets,
            src_port, dst_port, flags);
   feed(t, text);
}

static const char *end(nm_test_t *t)
{
   assert_int_equal(nm_test_finish(t), NM_OK);
   return nm_test_next(t, 0);
}

static struct miner *self_of(nm_test_t *t)
{
   return nm_self(nm_test_module(t));
}

/* ------------------------------------------------------------------------- lists */

static bool parses(const char *text, const char *ip, unsigned port)
{
   struct pool pool;
   ip_addr_t expected;
   return pool_parse(text, strlen(text), &pool) && ip_from_str(ip, &expected) &&
          memcmp(&expected, &pool.ip, sizeof(expected)) == 0 && pool.port == port;
}

static void entries_of_lists(void **state)
{
   static const char *const wrong[] = {"",
                                       "1.2.3",
                                       "1.2.3.4:",
                                       "1.2.3.4:x",
                                       "1.2.3.4:65536",
                                       "[1.2.3.4]:80",
                                       "[::1",
                                       "[::1]80",
                                       "x",
                                       "pool.example:3333",
                                       "1.2.3.4:-1",
                                       "1.2.3.4:1:2",
                                       "1111111111111111111111111111111111111111111111111111111111111111111"};
   struct pool pool;
   (void) state;
   assert_true(parses("192.0.2.1:3333", "192.0.2.1", 3333));
   assert_true(parses(" 192.0.2.1 : 3333 ", "192.0.2.1", 3333));
   assert_true(parses("192.0.2.1", "192.0.2.1", 0));
   assert_true(parses("2001:db8::1", "2001:db8::1", 0));
   assert_true(parses("[2001:db8::1]", "2001:db8::1", 0));
   assert_true(parses("[2001:db8::1]:3333", "2001:db8::1", 3333));
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      if (pool_parse(wrong[i], strlen(wrong[i]), &pool)) {
         fail_msg("\"%s\" is taken for an entry", wrong[i]);
      }
   }
}

/* An entry without a port is one of all ports; comments and wrong lines are skipped; IPv6. */
static void pools_of_lists_are_reported(void **state)
{
   char change[3 * PATH_BYTES];
   (void) state;
   write_file("black", "# pools\n192.0.2.1\r\n\nnonsense\n[2001:db8::1]:3333\n192.0.2.3:3333");
   write_file("white", "192.0.2.3:3333\n");
   int n = snprintf(change, sizeof(change), SET("blacklist_file", "%s"), file_path("black"));
   snprintf(change + n, sizeof(change) - (size_t) n, SET("whitelist_file", "%s"), file_path("white"));
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_test_t *t = start("", change, FLOWS, false);
   assert_non_null(strstr(nm_test_caught(), "line 4"));
   flow(t, 0, "10.0.0.1", 40000, "192.0.2.1", 1234, 2, 1);
   flow(t, 1, "10.0.0.1", 40000, "192.0.2.1", 1234, ACK, 0);
   flow(t, 2, "192.0.2.1", 1234, "10.0.0.1", 40000, ACK, 5); /* of the pool */
   flow(t, 3, "2001:db8::7", 40000, "2001:db8::1", 3333, ACK, 2);
   flow(t, 3, "2001:db8::7", 40000, "2001:db8::1", 3334, ACK, 2);
   flow(t, 3, "10.0.0.1", 40000, "192.0.2.3", 3333, ACK, 2);
   assert_string_equal(nm_test_output_format(t, 0),
                       "ipaddr DST_IP,ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint32 "
                       "EVENT_SCALE,uint16 DST_PORT");
   assert_string_equal(end(t),
                       "192.0.2.1,10.0.0.1,2024-01-01T00:00:00.000000,2024-01-01T00:00:01.000000,1,1234");
   assert_string_equal(
       nm_test_next(t, 0),
       "2001:db8::1,2001:db8::7,2024-01-01T00:00:03.000000,2024-01-01T00:00:03.000000,2,3333");
   NO_MORE(t);
   nm_test_free(t);
}

static void a_list_that_is_too_long_is_an_error(void **state)
{
   char change[PATH_BYTES + 128];
   (void) state;
   write_file("black", "192.0.2.1\n192.0.2.2\n192.0.2.3\n");
   snprintf(change, sizeof(change), SET("blacklist_db_size", "2") SET("blacklist_file", "%s"),
            file_path("black"));
   nm_test_t *t = start("", change, FLOWS, false);
   assert_non_null(strstr(nm_test_error(t), "more than the 2 entries"));
   nm_test_free(t);
}

static void lists_are_read_again_on_a_signal(void **state)
{
   char change[PATH_BYTES + 128];
   (void) state;
   write_file("black", "192.0.2.1\n");
   snprintf(change, sizeof(change), SET("blacklist_file", "%s"), file_path("black"));
   nm_test_t *t = start("", change, FLOWS, false);
   flow(t, 0, "10.0.0.1", 40000, "192.0.2.2", 1234, 2, 1);
   write_file("black", "192.0.2.2\n");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   flow(t, 1, "10.0.0.1", 40000, "192.0.2.1", 1234, 2, 1);
   flow(t, 1, "10.0.0.1", 40000, "192.0.2.2", 1234, 2, 1);
   assert_non_null(strstr(end(t), "192.0.2.2,"));
   NO_MORE(t);
   nm_test_free(t);
}

/* Both lists, with what checks found, sorted; entries that have expired are left out. */
static void lists_are_stored(void **state)
{
   char change[4 * PATH_BYTES], text[256];
   struct pool pool = {.port = 4444};
   (void) state;
   write_file("black", "192.0.2.9\n[2001:db8::1]:3333\n192.0.2.1:3333\n");
   int n = snprintf(change, sizeof(change), SET("blacklist_file", "%s"), file_path("black"));
   snprintf(change + n, sizeof(change) - (size_t) n, SET("store_blacklist_file", "%s"), file_path("stored"));
   nm_test_t *t = start("", change, FLOWS, false);
   flow(t, 0, "10.0.0.1", 40000, "192.0.2.1", 1234, 2, 1);
   ip_from_str("192.0.2.2", &pool.ip);
   assert_true(pool_list_add(&self_of(t)->confirmed, &pool, self_of(t)->now + 10));
   pool.port = 5555;
   assert_true(pool_list_add(&self_of(t)->confirmed, &pool, self_of(t)->now));
   NO_MORE(t);
   assert_int_equal(nm_test_finish(t), NM_OK);
   FILE *file = fopen(file_path("stored"), "re");
   assert_non_null(file);
   text[fread(text, 1, sizeof(text) - 1, file)] = 0;
   fclose(file);
   assert_string_equal(text, "192.0.2.1:3333\n192.0.2.2:4444\n192.0.2.9\n[2001:db8::1]:3333\n");
   nm_test_free(t);
}

/* --------------------------------------------------------------------- statistics */

static void score(void **state)
{
   struct suspect s;
   (void) state;
   memset(&s, 0, sizeof(s));
   assert_int_equal(judge_score(&s), 0);
   assert_false(judge_tree(&s));
   s = (struct suspect){.bytes = 8000,
                        .packets = 100,
                        .ackpush = 10,
                        .req = 10,
                        .first = 1000,
                        .last = 1299,
                        .exported = 1000};
   assert_int_equal(judge_score(&s), 2 + 2 + 2 + 3); /* ppf 10, 299 s */
   s.packets = 99;
   assert_int_equal(judge_score(&s), 2 + 2 + 1 + 2 + 3);
   s.last++;
   assert_int_equal(judge_score(&s), 13);
   s.other = 3; /* 76 % */
   assert_int_equal(judge_score(&s), 1 + 2 + 2 + 3);
   s = (struct suspect){.ack = 1, .first = 1000, .last = 1004, .exported = 1000}; /* no packets, no time */
   assert_int_equal(judge_score(&s), 2 + 1);
   assert_true(judge_tree(&s)); /* packets per minute are unknown: at most 1 */
}

static void decision_tree(void **state)
{
   struct suspect s = {.bytes = 8000, .packets = 100, .ackpush = 10, .req = 7, .last = 600};
   (void) state;
   assert_true(judge_tree(&s)); /* leaf 24 */
   s.req = 8;
   assert_false(judge_tree(&s));
   s = (struct suspect){.bytes = 105 * 300, .packets = 300, .ackpush = 10, .req = 10, .last = 120};
   assert_true(judge_tree(&s)); /* leaf 26 */
   s.bytes = 109 * 300;
   assert_false(judge_tree(&s));
   s = (struct suspect){.bytes = 110 * 200, .packets = 200, .ackpush = 10, .req = 10, .last = 120};
   assert_true(judge_tree(&s)); /* leaf 25 */
   s.other = 1;
   assert_false(judge_tree(&s));
   s = (struct suspect){.bytes = 60 * 20, .packets = 20, .ack = 8, .req = 8, .last = 300};
   assert_true(judge_tree(&s)); /* leaf 18: 4 packets a minute, 2 a flow, 60 bytes */
   s.fin = 1;
   assert_false(judge_tree(&s));
}

/* Nobody is reported for statistics alone, unless that is wanted. */
static void suspects_without_confirmation(void **state)
{
   (void) state;
   for (int unconfirmed = 0; unconfirmed < 2; unconfirmed++) {
      nm_test_t *t = start(unconfirmed ? "--unconfirmed --details" : "--details", "", FLOWS, false);
      for (unsigned i = 0; i < 20; i++) {
         flow(t, 10 * i, "10.0.0.1", i % 4 == 0 ? 80 : 40000, "192.0.2.1", 3333, ACK_PSH, 4);
         flow(t, 10 * i, "10.0.0.2", 40000, "192.0.2.1", 3334, 27, 4);
      }
      const char *alert = end(t);
      if (unconfirmed) {
         assert_string_equal(
             alert, "192.0.2.1,10.0.0.1,6400,2024-01-01T00:00:00.000000,2024-01-01T00:03:10.000000,80,"
                    "20,3333,4,7");
         NO_MORE(t);
      } else {
         assert_null(alert);
      }
      nm_test_free(t);
   }
}

/* ------------------------------------------------------------------------ content */

static bool in(bool (*is)(const char *, size_t), const char *text)
{
   return is(text, strlen(text));
}

static void protocols_of_pools(void **state)
{
   (void) state;
   assert_true(in(stratum_is_request, "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": []}\n"));
   assert_true(in(stratum_is_request, "{\"method\":\"mining.submit\""));
   assert_true(in(stratum_is_request,
                  "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"4"));
   assert_true(in(stratum_is_request, "{\"worker\":\"\",\"jsonrpc\":\"2.0\",\"method\":\"eth_submitLogin\""));
   assert_true(
       in(stratum_is_request, "{\"worker\": \"eth1.0\", \"jsonrpc\": \"2.0\", \"params\": [\"0x9c99d212"));
   assert_false(in(stratum_is_request, "{\"method\":\"login\",\"params\":{\"user\":\"x\""));
   assert_false(in(stratum_is_request, "{\"mining.subscribe\":1}"));
   assert_false(in(stratum_is_request, "GET /?q={\"method\":\"mining.subscribe\"} HTTP/1.1"));
   assert_false(in(stratum_is_request, ""));
   assert_true(in(stratum_is_answer, "{\"id\":1,\"result\":[[],\"00\",4],\"error\":null}"));
   assert_false(in(stratum_is_answer, "HTTP/1.1 200 OK"));
   assert_true(in(stratum_is_job, "{\"method\":\"mining.notify\",\"params\":["));
   assert_true(in(stratum_is_job, "{\"jsonrpc\": \"2.0\", \"method\": \"job\", \"params\": {"));
   assert_false(in(stratum_is_job, "{\"result\":\"mining.notify\"}"));
}

static void hex(char *to, const char *text)
{
   for (; *text != 0; text++, to += 2) {
      snprintf(to, 3, "%02x", (unsigned char) *text);
   }
   *to = 0;
}

static void dialogue(nm_test_t *t, const char *src, const char *dst, unsigned packets, unsigned packets_rev,
                     const char *content, const char *content_rev)
{
   char one[256], two[256], text[1024];
   hex(one, content);
   hex(two, content_rev);
   snprintf(text, sizeof(text),
            "%s,%s,%u,2024-01-01T00:00:00,2024-01-01T00:00:05,%u,40000,3333,6,27,%u,27,%u,%s,%s", src, dst,
            packets * 80, packets, packets_rev, packets_rev * 80, one, two);
   feed(t, text);
}

#define REQUEST "{\"method\":\"mining.subscribe\""
#define ANSWER  "{\"result\":["
#define JOB     "{\"method\":\"mining.notify\""

static void miners_are_told_by_what_they_say(void **state)
{
   nm_test_t *t = start("--details", "", CONTENTS, false);
   (void) state;
   dialogue(t, "10.0.0.1", "192.0.2.1", 5, 5, REQUEST, ANSWER);
   dialogue(t, "2001:db8::7", "2001:db8::1", 5, 5, REQUEST, JOB);
   dialogue(t, "10.0.0.2", "192.0.2.1", 5, 0, REQUEST, "");     /* one direction: too little */
   dialogue(t, "10.0.0.3", "192.0.2.1", 20, 0, REQUEST, "");    /* one direction, a long dialogue */
   dialogue(t, "10.0.0.4", "192.0.2.1", 5, 5, REQUEST, "HTTP"); /* a probe of a server that is none */
   dialogue(t, "192.0.2.9", "10.0.0.5", 5, 0, JOB, "");         /* its sender may be forged */
   dialogue(t, "10.0.0.6", "192.0.2.1", 5, 5, ANSWER, ANSWER);
   assert_non_null(strstr(end(t), "192.0.2.1,10.0.0.1,400,"));
   assert_non_null(strstr(nm_test_next(t, 0), "2001:db8::1,2001:db8::7,400,"));
   const char *alert = nm_test_next(t, 0);
   assert_non_null(strstr(alert, "192.0.2.1,10.0.0.3,1600,"));
   assert_non_null(strstr(alert, ",3333,3,")); /* the evidence: EVIDENCE_CONTENT */
   NO_MORE(t);
   nm_test_free(t);
}

/* The capture begins in the middle, and the first record is the server's. */
static void work_from_a_pool(void **state)
{
   nm_test_t *t = start("", "", CONTENTS, false);
   (void) state;
   feed(t, "192.0.2.1,10.0.0.1,400,2024-01-01T00:00:00,2024-01-01T00:00:05,5,3333,40000,6,24,3,16,180,"
           "7b226d6574686f64223a226d696e696e672e6e6f74696679222c,");
   assert_string_equal(end(t),
                       "192.0.2.1,10.0.0.1,2024-01-01T00:00:05.000000,2024-01-01T00:00:05.000000,3,3333");
   NO_MORE(t);
   nm_test_free(t);
}

/* A pool on the whitelist is none, whatever it says. */
static void whitelisted_pools_may_talk(void **state)
{
   char change[PATH_BYTES + 128];
   (void) state;
   write_file("white", "192.0.2.1:3333\n");
   snprintf(change, sizeof(change), SET("whitelist_file", "%s"), file_path("white"));
   nm_test_t *t = start("", change, CONTENTS, false);
   dialogue(t, "10.0.0.1", "192.0.2.1", 5, 5, REQUEST, JOB);
   assert_null(end(t));
   nm_test_free(t);
}

/* --------------------------------------------------------------------------- time */

static void list_of_one(char *change, size_t size)
{
   write_file("black", "192.0.2.1\n");
   snprintf(change, size, SET("blacklist_file", "%s"), file_path("black"));
}

static void silent_miners_are_reported(void **state)
{
   char change[PATH_BYTES + 128];
   (void) state;
   list_of_one(change, sizeof(change));
   nm_test_t *t = start("", change, FLOWS, false);
   flow(t, 0, "10.0.0.1", 40000, "192.0.2.1", 3333, ACK, 2);
   flow(t, 0, "10.0.0.9", 40000, "192.0.2.9", 3333, ACK, 2);
   flow(t, 59, "10.0.0.3", 40000, "192.0.2.9", 3333, ACK, 2);
   NO_MORE(t);
   flow(t, 200, "10.0.0.3", 40000, "192.0.2.9", 3333, ACK, 2);
   assert_non_null(strstr(nm_test_next(t, 0), "192.0.2.1,10.0.0.1,"));
   assert_int_equal(nc_table_count(self_of(t)->suspects), 1);
   assert_null(end(t));
   nm_test_free(t);
}

/* A miner that goes on is reported every timeout_active, but not of a recording, where the last report says it all. */
static void long_miners_are_reported_again(void **state)
{
   char change[PATH_BYTES + 128];
   (void) state;
   for (int live = 0; live < 2; live++) {
      unsigned alerts = 0;
      list_of_one(change, sizeof(change));
      nm_test_t *t = start("", change, FLOWS, live);
      for (unsigned i = 0; i < 1000; i += 10) {
         flow(t, i, "10.0.0.1", 40000, "192.0.2.1", 3333, ACK, 1);
      }
      while (nm_test_next(t, 0) != NULL) {
         alerts++;
      }
      assert_int_equal(alerts, live ? 3 : 0);
      assert_string_equal(
          end(t), "192.0.2.1,10.0.0.1,2024-01-01T00:00:00.000000,2024-01-01T00:16:30.000000,100,3333");
      NO_MORE(t);
      nm_test_free(t);
   }
}

/* A time that is wrong keeps no place for ever. */
static void times_of_the_far_future(void **state)
{
   nm_test_t *t = start("", "", FLOWS, false);
   (void) state;
   flow(t, 0, "10.0.0.2", 40000, "192.0.2.1", 3333, ACK, 1);
   feed(t, "10.0.0.1,192.0.2.1,80,2099-01-01T00:00:00,2099-01-01T00:00:00,1,40000,3333,6,16");
   for (unsigned i = 0; i < 10; i++) {
      flow(t, 60 * i, "10.0.0.2", 40000, "192.0.2.1", 3333, ACK, 1);
   }
   assert_int_equal(nc_table_count(self_of(t)->suspects), 1);
   nm_test_free(t);
}

/* ------------------------------------------------------------------------- bounds */

/* A flood of new pairs takes no more memory; what is known of a miner is reported when it has to go. */
static void floods_take_no_memory(void **state)
{
   char change[PATH_BYTES + 128], src[32];
   unsigned alerts = 0;
   (void) state;
   list_of_one(change, sizeof(change));
   nm_test_t *t = start("", change, FLOWS, false);
   flow(t, 0, "10.9.9.9", 40000, "192.0.2.1", 3333, ACK, 2);
   for (unsigned i = 0; i < 2000; i++) {
      snprintf(src, sizeof(src), "10.%u.%u.1", i / 200, i % 200);
      flow(t, 0, src, 40000, "192.0.2.7", 3333, ACK, 1);
   }
   assert_int_equal(nc_table_count(self_of(t)->suspects), 64);
   assert_true(nm_test_counter(t, "suspects evicted") > 1900);
   for (const char *alert = end(t); alert != NULL; alert = nm_test_next(t, 0)) {
      assert_non_null(strstr(alert, "192.0.2.1,10.9.9.9,"));
      alerts++;
   }
   assert_int_equal(alerts, 1);
   nm_test_free(t);
}

/* ------------------------------------------------------------------------- checks */

static void clients_of(nm_test_t *t, const char *server)
{
   for (unsigned i = 0; i < 20; i++) {
      flow(t, 10 * i, "10.0.0.1", i % 4 == 0 ? 80 : 40000, server, 3333, ACK_PSH, 4);
   }
}

static void nobody_is_asked_about_recordings(void **state)
{
   (void) state;
   nm_test_t *t = start("--allow-private", SET("stratum_check", "true"), FLOWS, false);
   assert_null(self_of(t)->probe);
   nm_test_free(t);
   t = start("--no-check --allow-private", SET("stratum_check", "true"), FLOWS, true);
   assert_null(self_of(t)->probe);
   nm_test_free(t);
   t = start("", "", FLOWS, true);
   assert_null(self_of(t)->probe);
   nm_test_free(t);
}

static void private_servers_are_not_asked(void **state)
{
   static const char *const servers[] = {"10.0.0.9", "127.0.0.1", "192.168.1.1", "::1", "fd00::1"};
   (void) state;
   for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
      nm_test_t *t = start("", SET("stratum_check", "true"), FLOWS, true);
      assert_non_null(self_of(t)->probe);
      clients_of(t, servers[i]);
      assert_int_equal(nm_test_counter(t, "checks"), 0);
      assert_int_equal(nm_test_counter(t, "servers not asked: address not public"), 1); /* said once */
      assert_null(end(t));
      nm_test_free(t);
   }
}

/* ------------------------------------------------------------------ configuration */

static void wrong_configurations(void **state)
{
   static const char *const wrong[][2] = {
       {SET("stratum_check", "maybe"), "stratum_check is \"maybe\""},
       {SET("check_period", "0"), "check_period is 0"},
       {SET("suspect_db_size", "4000000000"), "suspect_db_size is 4000000000"},
       {SET("conn_timeout", "x"), "cannot be used"},
       {SET("blacklist_file", "/nonexistent/list"), "/nonexistent/list"},
       {"<", "cannot be used"}};
   (void) state;
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      assert_true(nm_test_catch(STDERR_FILENO));
      nm_test_t *t = start("", wrong[i][0], FLOWS, false);
      nm_test_caught();
      assert_non_null(nm_test_error(t));
      assert_int_equal(nm_test_status(t), 1);
      if (strstr(nm_test_error(t), wrong[i][1]) == NULL) {
         fail_msg("\"%s\" is not in \"%s\"", wrong[i][1], nm_test_error(t));
      }
      nm_test_free(t);
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-u /nonexistent/m.xml");
   assert_non_null(nm_test_error(t));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(entries_of_lists),
       cmocka_unit_test(pools_of_lists_are_reported),
       cmocka_unit_test(a_list_that_is_too_long_is_an_error),
       cmocka_unit_test(lists_are_read_again_on_a_signal),
       cmocka_unit_test(lists_are_stored),
       cmocka_unit_test(score),
       cmocka_unit_test(decision_tree),
       cmocka_unit_test(suspects_without_confirmation),
       cmocka_unit_test(protocols_of_pools),
       cmocka_unit_test(miners_are_told_by_what_they_say),
       cmocka_unit_test(work_from_a_pool),
       cmocka_unit_test(whitelisted_pools_may_talk),
       cmocka_unit_test(silent_miners_are_reported),
       cmocka_unit_test(long_miners_are_reported_again),
       cmocka_unit_test(times_of_the_far_future),
       cmocka_unit_test(floods_take_no_memory),
       cmocka_unit_test(nobody_is_asked_about_recordings),
       cmocka_unit_test(private_servers_are_not_asked),
       cmocka_unit_test(wrong_configurations),
   };
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
