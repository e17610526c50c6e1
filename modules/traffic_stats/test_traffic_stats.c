/* SPDX-License-Identifier: BSD-3-Clause */
/** What traffic_stats counts, stores and answers. */
#include <nemea/module_cmocka.h>

#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unirec/ipaddr.h>

#include "minute.h"
#include "rank.h"

#define FORMAT                                                                                       \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint64 BYTES_REV,time TIME_LAST,uint32 PACKETS,uint32 " \
   "PACKETS_REV,"                                                                                    \
   "uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL"
#define T0 1704110400 /* 2024-01-01T12:00:00 */

static char directory[] = "/tmp/nemea-traffic-XXXXXX";
static char path[64], answer_text[1 << 18];

static int make_directory(void **state)
{
   (void) state;
   if (mkdtemp(directory) == NULL || setenv("TRAP_SOCKET_DIR", directory, 1) != 0) {
      return -1;
   }
   snprintf(path, sizeof(path), "%s/traffic.db", directory);
   return 0;
}

static int remove_files(void **state)
{
   static const char *const endings[] = {"", "-wal", "-shm"};
   (void) state;
   for (unsigned i = 0; i < 3; i++) {
      char name[80];
      snprintf(name, sizeof(name), "%s%s", path, endings[i]);
      unlink(name);
   }
   return 0;
}

static int remove_directory(void **state)
{
   remove_files(state);
   return rmdir(directory);
}

static nm_test_t *start(const char *options)
{
   char text[200];
   snprintf(text, sizeof(text), "-d %s %s", directory, options);
   return nm_unit_start(text, FORMAT);
}

/* A flow; time: seconds after T0. */
static void flow(nm_test_t *t, const char *from, const char *to, int64_t time, uint64_t bytes,
                 uint64_t bytes_rev, const char *rest)
{
   char text[300];
   time_t seconds = T0 + (time_t) time;
   struct tm tm;
   char stamp[32];
   strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
   snprintf(text, sizeof(text), "%s,%s,%llu,%llu,%s,2,%d,%s", from, to, (unsigned long long) bytes,
            (unsigned long long) bytes_rev, stamp, bytes_rev > 0, rest);
   nm_unit_feed(t, text);
}

/* What the module answers to a request over its socket. */
static const char *ask(const char *request)
{
   struct sockaddr_un name = {.sun_family = AF_UNIX};
   size_t size = 0;
   ssize_t n;
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   snprintf(name.sun_path, sizeof(name.sun_path), "%s/trap-traffic_stats.sock", directory);
   assert_int_equal(connect(fd, (struct sockaddr *) &name, sizeof(name)), 0);
   assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
   assert_int_equal(send(fd, "\n", 1, MSG_NOSIGNAL), 1);
   do {
      n = recv(fd, answer_text + size, sizeof(answer_text) - 1 - size, 0);
      assert_true(n > 0);
      size += (size_t) n;
      answer_text[size] = 0;
   } while (strstr(answer_text, "{\"ok\":") == NULL && strstr(answer_text, "{\"error\":") == NULL);
   close(fd);
   return answer_text;
}

static void minutes_and_hours_of_protocols(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   flow(t, "192.0.2.1", "192.0.2.2", 0, 100, 0, "1000,80,6");
   flow(t, "192.0.2.1", "192.0.2.2", 59, 10, 50, "1000,80,6");
   flow(t, "192.0.2.1", "192.0.2.3", 30, 7, 0, "1000,53,17");
   flow(t, "192.0.2.1", "192.0.2.3", 61, 9, 0, "1000,53,17");
   flow(t, "192.0.2.1", "192.0.2.3", 3605, 1, 0, "1000,53,17");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(
       ask("{\"query\":\"traffic\",\"since\":\"2024-01-01T12:00:00Z\",\"until\":\"2024-01-01T12:01:30Z\"}"),
       "{\"time\":1704110400,\"protocol\":6,\"flows\":2,\"packets\":5,\"bytes\":160}\n"
       "{\"time\":1704110400,\"protocol\":17,\"flows\":1,\"packets\":2,\"bytes\":7}\n"
       "{\"time\":1704110460,\"protocol\":17,\"flows\":1,\"packets\":2,\"bytes\":9}\n{\"ok\":true}\n");
   assert_string_equal(
       ask("{\"query\":\"traffic\",\"since\":0,\"step\":3600}"),
       "{\"time\":1704110400,\"protocol\":6,\"flows\":2,\"packets\":5,\"bytes\":160}\n"
       "{\"time\":1704110400,\"protocol\":17,\"flows\":2,\"packets\":4,\"bytes\":16}\n"
       "{\"time\":1704114000,\"protocol\":17,\"flows\":1,\"packets\":2,\"bytes\":1}\n{\"ok\":true}\n");
   nm_test_free(t);
}

static void hosts_with_their_peers_and_ports(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   flow(t, "192.0.2.1", "2001:db8::2", 0, 100, 1000, "40000,443,6");
   flow(t, "192.0.2.1", "192.0.2.3", 70, 200, 0, "53,40000,17");
   flow(t, "192.0.2.4", "192.0.2.1", 200, 5, 0, "0,0,1");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(
       ask("{\"query\":\"top\",\"limit\":2}"),
       "{\"address\":\"192.0.2.1\",\"flows\":3,\"packets\":7,\"bytes\":1305}\n"
       "{\"address\":\"2001:db8::2\",\"flows\":1,\"packets\":3,\"bytes\":1100}\n{\"ok\":true}\n");
   assert_string_equal(
       ask("{\"query\":\"top\",\"limit\":1,\"direction\":\"out\"}"),
       "{\"address\":\"2001:db8::2\",\"flows\":0,\"packets\":1,\"bytes\":1000}\n{\"ok\":true}\n");
   assert_string_equal(
       ask("{\"query\":\"top\",\"limit\":1,\"direction\":\"in\",\"by\":\"flows\",\"since\":1704110580}"),
       "{\"address\":\"192.0.2.1\",\"flows\":1,\"packets\":2,\"bytes\":5}\n{\"ok\":true}\n");
   assert_string_equal(
       ask("{\"query\":\"host\",\"address\":\"192.0.2.1\"}"),
       "{\"traffic\":[{\"time\":1704110400,\"in\":{\"flows\":0,\"packets\":1,\"bytes\":1000},\"out\":{"
       "\"flows\":1,\"packets\":2,\"bytes\":100}},"
       "{\"time\":1704110460,\"in\":{\"flows\":0,\"packets\":0,\"bytes\":0},\"out\":{\"flows\":1,\"packets\":"
       "2,\"bytes\":200}},"
       "{\"time\":1704110580,\"in\":{\"flows\":1,\"packets\":2,\"bytes\":5},\"out\":{\"flows\":0,\"packets\":"
       "0,\"bytes\":0}}],"
       "\"peers\":[{\"address\":\"2001:db8::2\",\"flows\":1,\"packets\":3,\"bytes\":1100},"
       "{\"address\":\"192.0.2.3\",\"flows\":1,\"packets\":2,\"bytes\":200},{\"address\":\"192.0.2.4\","
       "\"flows\":1,\"packets\":2,\"bytes\":5}],"
       "\"ports\":[{\"port\":443,\"protocol\":6,\"flows\":1,\"packets\":3,\"bytes\":1100},"
       "{\"port\":53,\"protocol\":17,\"flows\":1,\"packets\":2,\"bytes\":200}]}\n{\"ok\":true}\n");
   assert_string_equal(ask("{\"query\":\"host\",\"address\":\"198.51.100.1\"}"),
                       "{\"traffic\":[],\"peers\":[],\"ports\":[]}\n{\"ok\":true}\n");
   nm_test_free(t);
}

/* A minute is kept, and added to, when the process is killed, and when flows of it come to another one. */
static void nothing_is_lost_or_doubled_by_a_restart(void **state)
{
   (void) state;
   for (int i = 0; i < 3; i++) {
      nm_test_t *t = start("");
      flow(t, "192.0.2.1", "192.0.2.2", 10, 100, 0, "1000,80,6");
      flow(t, "192.0.2.1", "192.0.2.2", 70, 1000, 0, "1000,80,6");
      flow(t, "192.0.2.1", "192.0.2.2", 130, 0, 0,
           "1000,80,6"); /* closes the first, stores what there is of the second */
      nm_test_free(t);
   }
   nm_test_t *t = start("");
   assert_string_equal(
       ask("{\"query\":\"top\",\"limit\":1}"),
       "{\"address\":\"192.0.2.1\",\"flows\":6,\"packets\":12,\"bytes\":3300}\n{\"ok\":true}\n");
   assert_string_equal(
       ask("{\"query\":\"traffic\",\"step\":120}"),
       "{\"time\":1704110400,\"protocol\":6,\"flows\":6,\"packets\":12,\"bytes\":3300}\n{\"ok\":true}\n");
   assert_non_null(
       strstr(ask("{\"query\":\"host\",\"address\":\"192.0.2.2\",\"step\":3600}"),
              "\"peers\":[{\"address\":\"192.0.2.1\",\"flows\":6,\"packets\":12,\"bytes\":3300}]"));
   nm_test_free(t);
}

static void old_minutes_then_old_hours_are_deleted(void **state)
{
   (void) state;
   nm_test_t *t = start("--minutes 1 --hours 2");
   flow(t, "192.0.2.1", "192.0.2.2", 0, 100, 0, "1000,80,6");
   for (int day = 1; day <= 3; day++) {
      flow(t, "192.0.2.1", "192.0.2.2", 86000 * day + 200, 1, 0, "1000,80,6");
      flow(t, "192.0.2.1", "192.0.2.2", 86000 * day + 800, 1, 0, "1000,80,6");
      if (day == 2) {
         assert_null(strstr(ask("{\"query\":\"traffic\",\"since\":0}"), "{\"time\":1704110400,"));
         assert_non_null(
             strstr(ask("{\"query\":\"traffic\",\"since\":0,\"step\":3600}"), "{\"time\":1704110400,"));
         /* The minutes are not there any more: the whole hour is counted. */
         assert_non_null(
             strstr(ask("{\"query\":\"top\",\"since\":1704110460,\"until\":1704150000}"), "\"bytes\":100}"));
      }
   }
   assert_null(strstr(ask("{\"query\":\"traffic\",\"since\":0,\"step\":3600}"), "{\"time\":1704110400,"));
   assert_true(nm_test_counter(t, "minutes and hours expired") >= 3);
   nm_test_free(t);
}

static void times_that_are_late_or_wrong(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   flow(t, "192.0.2.1", "192.0.2.2", 600, 1, 0, "1000,80,6");
   flow(t, "192.0.2.1", "192.0.2.2", 60, 10, 0, "1000,80,6");      /* counts in the oldest open minute */
   flow(t, "192.0.2.1", "192.0.2.2", 864000, 100, 0, "1000,80,6"); /* nobody confirms it: in the newest */
   flow(t, "192.0.2.1", "192.0.2.2", 601, 1000, 0, "1000,80,6");
   assert_int_equal(nm_test_counter(t, "late flows"), 1);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(
       ask("{\"query\":\"traffic\"}"),
       "{\"time\":1704110940,\"protocol\":6,\"flows\":1,\"packets\":2,\"bytes\":10}\n"
       "{\"time\":1704111000,\"protocol\":6,\"flows\":3,\"packets\":6,\"bytes\":1101}\n{\"ok\":true}\n");
   nm_test_free(t);
}

static void sums_of_impossible_numbers_stop_at_the_greatest(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   for (int i = 0; i < 3; i++) {
      flow(t, "192.0.2.1", "192.0.2.2", 60 * i, UINT64_MAX, UINT64_MAX, "1000,80,6");
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(ask("{\"query\":\"traffic\",\"step\":3600}"), "\"bytes\":9223372036854775807}"));
   assert_non_null(strstr(ask("{\"query\":\"top\"}"), "\"bytes\":9223372036854775807}"));
   assert_non_null(
       strstr(ask("{\"query\":\"host\",\"address\":\"192.0.2.1\"}"), "\"bytes\":9223372036854775807}"));
   nm_test_free(t);
}

/* Of many hosts those are kept that lead in bytes, flows or packets. */
static void a_thousand_hosts_are_kept(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   for (int minute = 0; minute < 2; minute++) {
      for (int i = 0; i < 1500; i++) {
         char name[32];
         snprintf(name, sizeof(name), "10.%d.%d.%d", minute, i / 200, i % 200 + 1);
         flow(t, name, "192.0.2.2", 60 * minute, 1000 + (uint64_t) i, 0, "1000,80,6");
      }
   }
   for (int i = 0; i < 3; i++) {
      flow(t, "198.51.100.1", "192.0.2.2", 60, 1, 0, "1000,80,6"); /* has few bytes, but most flows */
   }
   flow(t, "192.0.2.1", "192.0.2.2", 7200, 1, 0, "1000,80,6"); /* the hour is cut */
   assert_int_equal(nm_test_finish(t), NM_OK);
   ask("{\"query\":\"top\",\"since\":1704110460,\"until\":1704110520,\"limit\":1000,\"by\":\"flows\"}");
   unsigned lines = 0;
   for (const char *at = answer_text; (at = strchr(at, '\n')) != NULL; at++) {
      lines++;
   }
   assert_int_equal(lines, 1001);
   assert_non_null(strstr(answer_text, "{\"address\":\"198.51.100.1\",\"flows\":3,"));
   ask("{\"query\":\"top\",\"since\":1704110400,\"until\":1704114000,\"limit\":3,\"by\":\"bytes\"}");
   assert_non_null(strstr(answer_text, "{\"address\":\"192.0.2.2\",\"flows\":3003,"));
   assert_non_null(
       strstr(answer_text, "{\"address\":\"10.0.7.100\",\"flows\":1,\"packets\":2,\"bytes\":2499}"));
   nm_test_free(t);
   sqlite3 *sql = NULL;
   sqlite3_stmt *s = NULL;
   assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
   assert_int_equal(sqlite3_prepare_v2(sql,
                                       "SELECT count(*) FROM host WHERE step = 3600 AND time = 1704110400",
                                       -1, &s, NULL),
                    SQLITE_OK);
   assert_int_equal(sqlite3_step(s), SQLITE_ROW);
   assert_int_equal(sqlite3_column_int(s, 0), 1000);
   sqlite3_finalize(s);
   sqlite3_close(sql);
}

/* Sources that never come back do not push out a host that does. */
static void a_flood_of_sources_leaves_the_heavy_ones(void **state)
{
   (void) state;
   struct minute m;
   struct flow flows[MINUTE_FLOWS];
   ip_addr_t heavy = ip_from_int(7);
   assert_true(minute_create(&m, 1024));
   minute_begin(&m, 60);
   for (uint32_t i = 0; i < 100000; i += MINUTE_FLOWS) {
      for (uint32_t k = 0; k < MINUTE_FLOWS; k++) {
         flows[k] = (struct flow){.source = ip_from_int(0x0a000000 + i + k),
                                  .destination = heavy,
                                  .port = 6 << 16 | 80,
                                  .protocol = 6,
                                  .forward = {1, 1, 100}};
      }
      flows[0].source = ip_from_int(1);
      minute_add(&m, flows, MINUTE_FLOWS);
   }
   const struct host *h = nc_table_find(m.hosts, &heavy), *one;
   ip_addr_t other = ip_from_int(1);
   assert_non_null(h);
   assert_int_equal(h->in.flows, 100000);
   assert_int_equal(minute_detail(&m, h)->port_amounts[0].bytes, 10000000);
   assert_non_null(one = nc_table_find(m.hosts, &other));
   assert_int_equal(one->out.flows, 3125);
   assert_int_equal(nc_table_count(m.hosts), 1024);
   minute_free(&m);
}

/* Of more hosts than there are places for, those with much traffic get one. */
static void a_heavy_host_gets_the_place_of_a_light_one(void **state)
{
   (void) state;
   struct minute m;
   struct flow f = {.port = NO_PORT, .forward = {1, 1, 100}};
   assert_true(minute_create(&m, 16384));
   minute_begin(&m, 60);
   for (uint32_t i = 0; i < 4096; i++) {
      f.source = ip_from_int(2 * i);
      f.destination = ip_from_int(2 * i + 1);
      minute_add(&m, &f, 1);
   }
   f.source = ip_from_int(100000);
   f.destination = ip_from_int(100001);
   f.forward.bytes = 1000000;
   for (int i = 0; i < 4; i++) {
      minute_add(&m, &f, 1);
   }
   const struct host *h = nc_table_find(m.hosts, &f.source);
   assert_non_null(minute_detail(&m, h));
   assert_int_equal(ip_cmp(&minute_detail(&m, h)->peers[0], &f.destination), 0);
   minute_free(&m);
}

static void an_eighth_of_the_bytes_is_always_found(void **state)
{
   (void) state;
   struct detail d = {.peer_ranks = {0}}, read;
   uint8_t bytes[DETAIL_MAX];
   const struct amount small = {1, 1, 10}, large = {1, 1, 20};
   ip_addr_t heavy = ip_from_int(1);
   for (uint32_t i = 0; i < 1000; i++) {
      ip_addr_t peer = ip_from_int(1000 + i);
      detail_add_peer(&d, &peer, &small);
      if (i % 8 == 0) {
         detail_add_peer(&d, &heavy, &large);
      }
   }
   unsigned found = 0;
   assert_true(detail_read(&read, bytes, detail_write(&d, bytes)));
   for (unsigned i = 0; i < DETAIL_ENTRIES; i++) {
      found += ip_cmp(&read.peers[i], &heavy) == 0;
   }
   assert_int_equal(found, 1);
   assert_false(detail_read(&read, bytes, 5));
}

static void requests_that_are_wrong(void **state)
{
   static const struct {
      const char *request, *error;
   } cases[] = {
       {"nonsense", "expected a JSON object"},
       {"[]", "this is another value"},
       {"{\"query\":\"all\"}", "\\\"query\\\": expected traffic, top or host"},
       {"{\"query\":\"traffic\",\"step\":90}", "\\\"step\\\": 90: expected a multiple of 60"},
       {"{\"query\":\"traffic\",\"limit\":5}", "\\\"traffic\\\" has no key \\\"limit\\\""},
       {"{\"query\":\"top\",\"by\":\"size\"}", "\\\"by\\\": \\\"size\\\": expected bytes, packets or flows"},
       {"{\"query\":\"top\",\"direction\":1}", "\\\"direction\\\": expected a text"},
       {"{\"query\":\"top\",\"limit\":1001}", "limit"},
       {"{\"query\":\"top\",\"since\":\"yesterday\"}", "since"},
       {"{\"query\":\"top\",\"since\":5,\"until\":4}", "\\\"since\\\" is after \\\"until\\\""},
       {"{\"query\":\"host\"}", "\\\"host\\\" needs an \\\"address\\\""},
       {"{\"query\":\"host\",\"address\":\"1.2.3\"}", "\\\"1.2.3\\\" is no address"},
   };
   (void) state;
   nm_test_t *t = start("");
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      if (strstr(ask(cases[i].request), cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].request, answer_text);
      }
   }
   assert_string_equal(ask("{\"query\":\"top\"}"), "{\"ok\":true}\n"); /* of a database without anything */
   nm_test_free(t);
}

static void a_database_of_something_else_is_refused(void **state)
{
   (void) state;
   char options[100];
   sqlite3 *sql = NULL;
   assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
   assert_int_equal(sqlite3_exec(sql, "CREATE TABLE other(x)", NULL, NULL, NULL), SQLITE_OK);
   sqlite3_close(sql);
   snprintf(options, sizeof(options), "-d %s", directory);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(strstr(nm_test_error(t), "is a database of something else"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "");
   assert_string_equal(nm_test_error(t), "option --dir: missing, expected the directory of the database");
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-d /nowhere/at/all");
   assert_non_null(strstr(nm_test_error(t), "cannot make the directory /nowhere/at/all"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test_teardown(minutes_and_hours_of_protocols, remove_files),
       cmocka_unit_test_teardown(hosts_with_their_peers_and_ports, remove_files),
       cmocka_unit_test_teardown(nothing_is_lost_or_doubled_by_a_restart, remove_files),
       cmocka_unit_test_teardown(old_minutes_then_old_hours_are_deleted, remove_files),
       cmocka_unit_test_teardown(times_that_are_late_or_wrong, remove_files),
       cmocka_unit_test_teardown(sums_of_impossible_numbers_stop_at_the_greatest, remove_files),
       cmocka_unit_test_teardown(a_thousand_hosts_are_kept, remove_files),
       cmocka_unit_test(a_flood_of_sources_leaves_the_heavy_ones),
       cmocka_unit_test(a_heavy_host_gets_the_place_of_a_light_one),
       cmocka_unit_test(an_eighth_of_the_bytes_is_always_found),
       cmocka_unit_test_teardown(requests_that_are_wrong, remove_files),
       cmocka_unit_test_teardown(a_database_of_something_else_is_refused, remove_files),
   };
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
