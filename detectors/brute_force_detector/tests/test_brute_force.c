/* SPDX-License-Identifier: BSD-3-Clause */
#include "../brute.h"
#include "../../common/test_flow.h"

#include <signal.h>
#include <nemea/module_cmocka.h>

#define BIFLOWS    TEST_FLOWS ",uint64 BYTES_REV,uint32 PACKETS_REV,uint8 TCP_FLAGS_REV"
#define CONTENT    BIFLOWS ",bytes IDP_CONTENT,bytes IDP_CONTENT_REV"
#define NO_MORE(t) assert_null(nm_test_next(t, 0))

static void write_time(unsigned tenths, char *to, size_t size)
{
   unsigned s = tenths / 10;
   snprintf(to, size, "2024-01-01T%02u:%02u:%02u.%u", s / 3600, s / 60 % 60, s % 60, tenths % 10);
}

/* A flow of 15 packets and 2000 bytes with SYN, ACK, PSH and FIN, that lasted so many tenths of a second. */
static void flow(nm_test_t *t, unsigned second, unsigned tenths, const char *src, unsigned src_port,
                 const char *dst, unsigned dst_port)
{
   char text[400], from[40], to[40];
   write_time(second * 10, from, sizeof(from));
   write_time(second * 10 + tenths, to, sizeof(to));
   snprintf(text, sizeof(text), "%s,%s,%s,%s,15,%u,%u,6,27,2000", src, dst, from, to, src_port, dst_port);
   nm_unit_feed(t, text);
}

/* The same in both directions, in one record. rest: further fields */
static void biflow(nm_test_t *t, unsigned second, unsigned tenths, const char *src, const char *dst,
                   unsigned dst_port, unsigned packets, unsigned bytes, const char *rest)
{
   char text[800], from[40], to[40];
   write_time(second * 10, from, sizeof(from));
   write_time(second * 10 + tenths, to, sizeof(to));
   snprintf(text, sizeof(text), "%s,%s,%s,%s,%u,%u,%u,6,27,%u,%u,%u,27%s", src, dst, from, to, packets,
            40000 + second % 20000, dst_port, bytes, bytes, packets, rest);
   nm_unit_feed(t, text);
}

static void test_ipv6(void **state)
{
   nm_test_t *t = nm_unit_start("-S", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 30; i++) {
      flow(t, 2 * i, 5, "2001:db8::7", 40000 + i, "2001:db8::1", 22);
   }
   assert_string_equal(nm_test_next(t, 0),
                       "2001:db8::7,2024-01-01T00:00:58.500000,30,22,6,2,\"I:2001:db8::1,O:\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* One record of both directions, or one of each: the same alerts. */
static void test_both_directions(void **state)
{
   char together[256];
   nm_test_t *t = nm_unit_start("-S", BIFLOWS);
   (void) state;
   for (unsigned i = 0; i < 31; i++) {
      biflow(t, 2 * i, 5, "192.0.2.7", "10.0.0.1", 22, 15, 2000, "");
   }
   snprintf(together, sizeof(together), "%s", nm_test_next(t, 0));
   NO_MORE(t);
   nm_test_free(t);
   t = nm_unit_start("-S", TEST_FLOWS);
   for (unsigned i = 0; i < 31; i++) {
      flow(t, 2 * i, 5, "192.0.2.7", 40000 + i, "10.0.0.1", 22);
      flow(t, 2 * i, 5, "10.0.0.1", 22, "192.0.2.7", 40000 + i);
   }
   const char *apart = nm_test_next(t, 0);
   assert_string_equal(apart, "192.0.2.7,2024-01-01T00:00:58.500000,30,22,6,2,\"I:10.0.0.1,O:10.0.0.1,\"");
   assert_string_equal(apart, together);
   NO_MORE(t);
   nm_test_free(t);
}

/* Ten log-ins are enough where the server delayed each of them. */
static void test_few_delayed(void **state)
{
   nm_test_t *t = nm_unit_start("-S --details", BIFLOWS);
   (void) state;
   for (unsigned i = 0; i < 11; i++) {
      biflow(t, 6 * i, 45, "192.0.2.7", "10.0.0.1", 22, 17, 3400, "");
   }
   assert_string_equal(nm_test_next(t, 0),
                       "10.0.0.1,192.0.2.7,68000,2024-01-01T00:00:58.500000,2024-01-01T00:00:00.000000,"
                       "2024-01-01T00:00:58.500000,1,10,340,22,6,2,\"I:10.0.0.1,O:10.0.0.1,\",\"SSH\"");
   NO_MORE(t);
   nm_test_finish(t); /* the eleventh */
   assert_string_equal(nm_test_next(t, 0),
                       "10.0.0.1,192.0.2.7,6800,2024-01-01T00:01:04.500000,2024-01-01T00:01:00.000000,"
                       "2024-01-01T00:01:04.500000,1,1,34,22,6,2,\"I:10.0.0.1,O:10.0.0.1,\",\"SSH\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* Scripts that log in for a moment, ten log-ins in a long time, log-ins at as many hosts, and --classic. */
static void test_few_others(void **state)
{
   char host[32];
   nm_test_t *t = nm_unit_start("-S", BIFLOWS);
   (void) state;
   for (unsigned i = 0; i < 20; i++) {
      biflow(t, 6 * i, 9, "192.0.2.7", "10.0.0.1", 22, 17, 3400, "");
      biflow(t, 60 * i, 45, "192.0.2.8", "10.0.0.1", 22, 17, 3400, "");
      snprintf(host, sizeof(host), "10.0.1.%u", i);
      biflow(t, 6 * i, 45, "192.0.2.9", host, 22, 17, 3400, "");
   }
   nm_test_finish(t);
   NO_MORE(t);
   nm_test_free(t);
   t = nm_unit_start("-S --classic", BIFLOWS);
   for (unsigned i = 0; i < 20; i++) {
      biflow(t, 6 * i, 45, "192.0.2.7", "10.0.0.1", 22, 17, 3400, "");
   }
   NO_MORE(t);
   nm_test_free(t);
}

/* Three passwords in one connection, and log-in screens that nobody uses; not when they last for a moment, nor sessions. */
static void test_several_tries(void **state)
{
   static const unsigned packets[] = {17, 51, 14}, bytes[] = {980, 2750, 1850}, ports[] = {21, 23, 3389};
   char alert[128];
   nm_test_t *t = nm_unit_start("-T -R -F", BIFLOWS);
   (void) state;
   for (unsigned service = 0; service < 3; service++) {
      for (unsigned i = 0; i < 10; i++) {
         biflow(t, 10 * i, 90, "192.0.2.7", "10.0.0.1", ports[service], packets[service], bytes[service], "");
         biflow(t, 10 * i, 5, "192.0.2.8", "10.0.0.1", ports[service], packets[service], bytes[service], "");
         biflow(t, 10 * i, 90, "192.0.2.9", "10.0.0.1", ports[service], 300, 90000, "");
      }
      snprintf(alert, sizeof(alert),
               "192.0.2.7,2024-01-01T00:01:39.000000,10,%u,6,2,\"I:10.0.0.1,O:10.0.0.1,\"", ports[service]);
      assert_string_equal(nm_test_next(t, 0), alert);
   }
   NO_MORE(t);
   nm_test_free(t);
}

/* A script that logs in with a key sends more than a guesser, though what it gets has the size of a refusal. */
static void test_key_logins(void **state)
{
   (void) state;
   for (unsigned classic = 0; classic < 2; classic++) {
      nm_test_t *t = nm_unit_start(classic ? "-S --classic" : "-S", BIFLOWS);
      for (unsigned i = 0; i < 30; i++) {
         char text[400];
         snprintf(
             text, sizeof(text),
             "192.0.2.7,10.0.0.1,2024-01-01T00:00:%02u,2024-01-01T00:00:%02u.5,27,%u,22,6,27,5177,5297,27,27",
             i, i, 40000 + i);
         nm_unit_feed(t, text);
      }
      assert_int_equal(nm_unit_count(t), classic);
      nm_test_free(t);
   }
}

static void test_other_port(void **state)
{
   nm_test_t *t = nm_unit_start("-S", CONTENT);
   (void) state;
   for (unsigned i = 0; i < 30; i++) {
      biflow(t, 2 * i, 5, "192.0.2.7", "10.0.0.1", 2222, 15, 2000,
             ",5353482d322e30,5353482d322e30");                                             /* SSH-2.0 */
      biflow(t, 2 * i, 5, "192.0.2.8", "10.0.0.1", 8080, 15, 2000, ",474554202f,48545450"); /* HTTP */
   }
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.7,2024-01-01T00:00:58.500000,30,2222,6,2,\"I:10.0.0.1,O:10.0.0.1,\"");
   NO_MORE(t);
   nm_test_free(t);
}

static void test_ftp(void **state)
{
   nm_test_t *t = nm_unit_start("-F", CONTENT);
   (void) state;
   for (unsigned i = 0; i < 10; i++) {
      biflow(t, 3 * i, 20, "192.0.2.7", "10.0.0.1", 21, 11, 613, ",5553455220,32323020");
      biflow(t, 3 * i, 20, "192.0.2.8", "10.0.0.1", 2121, 11, 613, ",5553455220,32323020");
      biflow(t, 3 * i, 20, "192.0.2.9", "10.0.0.1", 25, 11, 613, ",45484c4f20,32323020"); /* a mail server */
   }
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.7,2024-01-01T00:00:29.000000,10,21,6,2,\"I:10.0.0.1,O:10.0.0.1,\"");
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.8,2024-01-01T00:00:29.000000,10,2121,6,2,\"I:10.0.0.1,O:10.0.0.1,\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* Two full lists of IPv6 victims would be longer than a record. */
static void test_many_victims(void **state)
{
   char victim[64];
   nm_test_t *t = nm_unit_start("-S", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 1000; i++) {
      snprintf(victim, sizeof(victim), "2001:db8:1111:2222:3333:4444:5555:%x", 0x1000 + i);
      flow(t, i, 5, "2001:db8::7", 40000 + i, victim, 22);
      flow(t, i, 5, victim, 22, "2001:db8::7", 40000 + i);
   }
   assert_true(nm_unit_count(t) >= 3);
   assert_true(nm_test_counter(t, "victims omitted") > 0);
   nm_test_free(t);
}

static void test_scans_take_no_memory(void **state)
{
   char text[200];
   nm_test_t *t = nm_unit_start("-S -R -T", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 100; i++) {
      snprintf(text, sizeof(text),
               "192.0.2.%u,10.0.0.1,2024-01-01T00:00:00,2024-01-01T00:00:00,1,40000,22,6,2,40", i);
      nm_unit_feed(t, text);
   }
   assert_int_equal(nm_test_counter(t, "hosts"), 0);
   nm_test_free(t);
}

/* A flood of clients, each with a flow that is no log-in: memory stays, and the attack is found all the same. */
static void test_flood_of_clients(void **state)
{
   char client[32];
   nm_test_t *t = nm_unit_start("-S --capacity 64 --flows 1024", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 3000; i++) {
      if (i % 50 == 0) {
         flow(t, i / 25, 5, "192.0.2.7", 40000 + i / 50, "10.0.0.1", 22);
      }
      snprintf(client, sizeof(client), "10.1.%u.%u", i / 256, i % 256);
      test_flow(t, i / 25, client, "10.0.0.1", 22, 6, 24, 9);
   }
   assert_int_equal(nc_table_count(((struct brute *) nm_self(nm_test_module(t)))->hosts), 64);
   assert_true(nm_test_counter(t, "hosts evicted") > 2500);
   assert_int_equal(nm_test_counter(t, "attacks"), 1);
   nm_test_free(t);
}

/* The pool of flows is smaller than what hosts keep: those that are silent give theirs. */
static void test_pool(void **state)
{
   char client[32];
   nm_test_t *t = nm_unit_start("-S --flows 64", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 100; i++) {
      snprintf(client, sizeof(client), "192.0.2.%u", i);
      flow(t, i, 5, client, 40000, "10.0.0.1", 22);
   }
   assert_true(nm_test_counter(t, "hosts displaced") > 80);
   for (unsigned i = 0; i < 100; i++) { /* more flows of one host than there is room for */
      flow(t, 100 + i, 5, "192.0.2.200", 40000 + i, "10.0.0.1", 22);
   }
   assert_int_equal(nm_unit_count(t), 1);
   nm_test_free(t);
}

static void test_telnet_profiles(void **state)
{
   char server[32], text[256];
   nm_test_t *t = nm_unit_start("-T --servers 16", TEST_FLOWS);
   (void) state;
   for (unsigned i = 0; i < 100; i++) {
      snprintf(server, sizeof(server), "10.0.0.%u", i);
      flow(t, i, 5, server, 23, "192.0.2.7", 40000);
   }
   assert_int_equal(nc_table_count(((struct brute *) nm_self(nm_test_module(t)))->profiles), 16);
   /* Once 15 flows of a server are known, what is of their size matches: of 50 the last 36. */
   for (unsigned i = 0; i < 50; i++) {
      snprintf(text, sizeof(text),
               "10.1.0.1,192.0.2.9,2024-01-01T00:02:%02u,2024-01-01T00:02:%02u,20,23,%u,6,27,1000", i, i,
               40000 + i);
      nm_unit_feed(t, text);
   }
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.9,2024-01-01T00:02:43.000000,30,23,6,2,\"I:O:10.1.0.1,\"");
   NO_MORE(t);
   nm_test_free(t);
}

/* ---------------------------------------------------------------------- files */

static char path[] = "/tmp/brute-test-XXXXXX";

static void write_file(const char *text)
{
   FILE *file = fopen(path, "we");
   assert_non_null(file);
   assert_true(fputs(text, file) >= 0);
   assert_int_equal(fclose(file), 0);
}

static int make_file(void **state)
{
   (void) state;
   int fd = mkstemp(path);
   if (fd >= 0) {
      close(fd);
   }
   return fd >= 0 ? 0 : -1;
}

static int remove_file(void **state)
{
   (void) state;
   return unlink(path);
}

static void test_config(void **state)
{
   char text[512];
   (void) state;
   write_file("# comment\n\nSSH_LIST_THRESHOLD = 5\nSSH_BRUTEFORCE_INC_MAX_BYTES = 100000\nBAD=1\nno equals\n"
              "SSH_LIST_SIZE = -1\nGENERAL_ATTACK_MIN_RATIO_TO_KEEP_TRACKING_HOST = "
              "12.5\nTELNET_BRUTEFORCE_OUT_MIN_BYTES=1");
   snprintf(text, sizeof(text), "-S -c %s", path);
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_test_t *t = nm_unit_start(text, TEST_FLOWS);
   const char *said = nm_test_caught();
   assert_non_null(strstr(said, "line 5: unknown keyword BAD"));
   assert_non_null(strstr(said, "line 6: invalid line \"noequals\""));
   assert_non_null(strstr(said, "line 7: SSH_LIST_SIZE: \"-1\" is not a number from 1 to 65535"));
   assert_non_null(strstr(said, "line 9: unknown keyword TELNET_BRUTEFORCE_OUT_MIN_BYTES"));
   const struct brute *self = nm_self(nm_test_module(t));
   assert_int_equal(self->file->service[SSH].list_threshold, 5);
   assert_int_equal(self->file->service[SSH].range[INCOMING].max_bytes, 100000); /* not cut to 16 bits */
   assert_int_equal(self->file->service[SSH].list_size, 1000);
   assert_int_equal(self->file->service[RDP].list_threshold, 30);
   assert_true(self->file->min_ratio == 12.5);
   /* SIGUSR1 reads it again; the period too changes at once. */
   write_file("SSH_LIST_THRESHOLD = 3\nGENERAL_CHECK_FOR_REPORT_TIMEOUT=7\n");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   assert_int_equal(nm_test_signal(t, SIGUSR1), NM_OK);
   assert_int_equal(self->file->service[SSH].list_threshold, 3);
   assert_int_equal(self->file->check_report, 7);
   nm_test_free(t);
}

static void test_whitelist(void **state)
{
   char text[512];
   (void) state;
   write_file("# comment\nsrc 192.0.2.0/24/40000-40009,41000 # office\ndst 2001:db8::/32/22\nx\n10.0.0.1/33\n"
              "10.9.9.9/32"); /* without a newline at its end */
   snprintf(text, sizeof(text), "-S -W -w %s", path);
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_test_t *t = nm_unit_start(text, TEST_FLOWS);
   const char *said = nm_test_caught();
   assert_non_null(strstr(said, "line 4: \"x\" is no rule"));
   assert_non_null(strstr(said, "line 5: \"10.0.0.1/33\" is no rule"));
   const struct whitelist *list = ((const struct brute *) nm_self(nm_test_module(t)))->whitelist;
   ip_addr_t office, other, six, last;
   assert_int_equal(ip_from_str("192.0.2.9", &office) + ip_from_str("192.0.3.9", &other) +
                        ip_from_str("2001:db8::5", &six) + ip_from_str("10.9.9.9", &last),
                    4);
   assert_true(whitelist_has(list, &office, 40005, &other, 22));
   assert_true(whitelist_has(list, &office, 41000, &other, 22));
   assert_false(whitelist_has(list, &office, 40010, &other, 22));
   assert_false(whitelist_has(list, &other, 40005, &office, 22));
   assert_true(whitelist_has(list, &six, 1, &six, 22));
   assert_false(whitelist_has(list, &six, 22, &six, 23));
   assert_true(whitelist_has(list, &last, 1, &other, 22));
   assert_true(whitelist_has(list, &other, 1, &last, 22));
   assert_false(whitelist_has(NULL, &office, 40005, &other, 22));
   nm_test_free(t);
}

static void expect_error(const char *options, int status, const char *message)
{
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(t);
   assert_non_null(nm_test_error(t));
   assert_non_null(strstr(nm_test_error(t), message));
   assert_int_equal(nm_test_status(t), status);
   nm_test_free(t);
}

static void test_errors(void **state)
{
   (void) state;
   expect_error("", 3, "detection mode is not set");
   expect_error("-S -c /nonexistent/a", 5, "cannot open configuration file \"/nonexistent/a\"");
   expect_error("-S -w /nonexistent/b", 5, "cannot open whitelist file \"/nonexistent/b\"");
   expect_error("-S -c /", 5, "cannot read configuration file \"/\"");
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_ipv6),
       cmocka_unit_test(test_both_directions),
       cmocka_unit_test(test_few_delayed),
       cmocka_unit_test(test_few_others),
       cmocka_unit_test(test_several_tries),
       cmocka_unit_test(test_key_logins),
       cmocka_unit_test(test_other_port),
       cmocka_unit_test(test_ftp),
       cmocka_unit_test(test_many_victims),
       cmocka_unit_test(test_scans_take_no_memory),
       cmocka_unit_test(test_flood_of_clients),
       cmocka_unit_test(test_pool),
       cmocka_unit_test(test_telnet_profiles),
       cmocka_unit_test(test_config),
       cmocka_unit_test(test_whitelist),
       cmocka_unit_test(test_errors),
   };
   return cmocka_run_group_tests(tests, make_file, remove_file);
}
