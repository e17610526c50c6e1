/* SPDX-License-Identifier: BSD-3-Clause */
/** What is watched, exported and written, and whom the program would ask. */
#include <setjmp.h>
#include <stdarg.h>

#include "../common/public_ip.h"
#include "lookup.h"

#include <nemea/module_test.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../blacklist/test_filter.h"

#define NAMES "string DNS_NAME,ipaddr SRC_IP,ipaddr DST_IP,uint64 BLACKLIST,time TIME_FIRST,time TIME_LAST"
#define EVENT(source, list, target)                                                                     \
   "{\"type\": \"ip\", \"source\": \"" source "\", \"blacklist_id\": " list ", \"targets\": [\"" target \
   "\"], \"ts_first\": 1704067200.0, \"ts_last\": 1704067201.0}"

static nm_test_t *module(const char *options)
{
   static const char config[] =
       "<configuration><struct name=\"blacklist_array\"><array type=\"IP\"><struct><element "
       "name=\"id\">3</element><element "
       "name=\"category\">Intrusion.Botnet</element><element name=\"method\">http</element><element "
       "name=\"name\">n</element><element "
       "name=\"file_format\">text</element><element name=\"source\">http://x</element><element "
       "name=\"download_interval\">1</element>"
       "<element name=\"ip_version\">4</element></struct></array></struct></configuration>";
   char arguments[3 * PATH_BYTES];
   write_file("config", config);
   int n = snprintf(arguments, sizeof(arguments), "%s -c %s", options, file_path("config"));
   snprintf(arguments + n, sizeof(arguments) - (size_t) n, " -a %s", file_path("adaptive"));
   setenv("NEMEA_RECORDING", "1", 1);
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 1, NAMES), NM_OK);
   return t;
}

static void event(nm_test_t *t, const char *text)
{
   assert_int_equal(nm_test_feed_bytes(t, 0, text, (uint16_t) strlen(text), 0), NM_OK);
}

static const char *list(void)
{
   static char text[1024];
   FILE *file = fopen(file_path("adaptive"), "re");
   assert_non_null(file);
   text[fread(text, 1, sizeof(text) - 1, file)] = 0;
   fclose(file);
   return text;
}

static void events_of_botnets_are_watched_and_others_go_on(void **state)
{
   nm_test_t *t = module("-e 60 -p 10");
   (void) state;
   event(t, EVENT("192.0.2.1", "1", "10.0.0.1"));
   assert_string_equal(nm_test_next(t, 0), EVENT("192.0.2.1", "1", "10.0.0.1"));
   event(t, "no JSON");
   assert_string_equal(nm_test_next(t, 0), "no JSON");
   event(t, EVENT("192.0.2.1", "4", "2001:db8::1"));
   event(t, EVENT("192.0.2.1", "4", "10.0.0.2"));
   event(t, EVENT("192.0.2.1", "4", "10.0.0.1"));
   event(t, EVENT("192.0.2.2", "4", "10.0.0.1"));
   assert_null(nm_test_next(t, 0));
   assert_int_equal(
       nm_test_feed(t, 1,
                    "\"WWW.Evil.example\",10.0.0.9,192.0.2.53,1,2024-01-01T00:00:02,2024-01-01T00:00:02"),
       NM_OK);
   nm_test_end(t, 0);
   assert_int_equal(
       nm_test_feed(t, 1, "\"evil.example\",10.0.0.9,192.0.2.53,1,2024-01-01T00:00:30,2024-01-01T00:00:30"),
       NM_OK);
   char first[64], second[64];
   assert_int_equal(sscanf(list(), "10.0.0.1,999,%63s 10.0.0.1,999,%63s 10.0.0.2,999,", first, second), 2);
   assert_string_not_equal(first, second);
   assert_non_null(strstr(list(), "\n2001:db8::1,999,"));
   assert_null(nm_test_next(t, 1));
   assert_int_equal(
       nm_test_feed(t, 1, "\"evil.example\",10.0.0.9,192.0.2.53,1,2024-01-01T00:01:20,2024-01-01T00:01:20"),
       NM_OK);
   assert_int_equal(nm_test_pending(t, 1), 2); /* those of the servers are over */
   const char *evidence = nm_test_next(t, 1);
   assert_non_null(strstr(evidence, "\"event_type\":\"BotnetDetection\""));
   assert_non_null(strstr(evidence, "\"grouped_events_cnt\":3"));
   assert_non_null(strstr(evidence, "\"event_scattered\":false"));
   nm_test_next(t, 1);
   assert_string_equal(list(), "");
   assert_int_equal(nm_test_finish(t), NM_OK);
   evidence = nm_test_next(t, 1);
   assert_non_null(strstr(evidence, "\"key\":\"evil.example\""));
   assert_non_null(strstr(evidence, "\"grouped_events_cnt\":3"));
   nm_test_free(t);
}

static void much_evidence_is_split(void **state)
{
   nm_test_t *t = module("");
   size_t size;
   unsigned parts = 0;
   (void) state;
   for (int i = 0; i < 250; i++) {
      event(t, EVENT("192.0.2.1", "4", "10.0.0.1"));
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   for (const char *part; (part = nm_test_next_bytes(t, 1, &size)) != NULL; parts++) {
      assert_true(size < 65536);
      assert_non_null(memmem(part, size, "\"event_scattered\":true", 22));
   }
   assert_int_equal(parts, 3);
   nm_test_free(t);
}

static void evidence_is_exported_early_when_there_is_no_room(void **state)
{
   nm_test_t *t = module("--capacity 1");
   (void) state;
   event(t, EVENT("192.0.2.1", "4", "10.0.0.1"));
   event(t, EVENT("192.0.2.2", "4", "10.0.0.1"));
   assert_non_null(strstr(nm_test_next(t, 1), "\"key\":\"192.0.2.1\""));
   nm_test_free(t);
}

static void addresses_that_are_not_public(void **state)
{
   static const char *const not_public[] = {
       "0.0.0.0",   "10.1.2.3",        "127.0.0.53", "172.31.0.1", "192.168.1.1", "100.64.0.1", "169.254.1.1",
       "224.0.0.1", "255.255.255.255", "::1",        "fe80::1",    "fd00::1",     "ff02::1",    "::"};
   static const char *const public[] = {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"};
   ip_addr_t ip;
   (void) state;
   for (size_t i = 0; i < sizeof(not_public) / sizeof(not_public[0]); i++) {
      assert_true(ip_from_str(not_public[i], &ip));
      assert_false(ip_is_public(&ip));
   }
   for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
      assert_true(ip_from_str(public[i], &ip));
      assert_true(ip_is_public(&ip));
   }
   write_file("resolv.conf", "# comment\nsearch example\nnameserver 127.0.0.53\nnameserver 9.9.9.9\n");
   assert_true(lookup_system_resolver(file_path("resolv.conf"), &ip));
   assert_false(ip_is_public(&ip));
   assert_false(lookup_system_resolver("/nonexistent", &ip));
}

/* One question at a time and one a second; only the answer to it counts. */
static void a_resolver_is_asked_once_a_second(void **state)
{
   struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, client;
   socklen_t size = sizeof(address), client_size = sizeof(client);
   uint8_t message[512];
   ip_addr_t found[LOOKUP_ADDRESSES], loopback = ip_from_int(0x7f000001);
   uint64_t context;
   int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), n = -1;
   (void) state;
   assert_int_equal(bind(server, (struct sockaddr *) &address, size), 0);
   assert_int_equal(getsockname(server, (struct sockaddr *) &address, &size), 0);
   struct lookup *l = lookup_new(&loopback, ntohs(address.sin_port));
   assert_true(lookup_ask(l, "evil.example", 7, 5000));
   assert_false(lookup_ask(l, "other.example", 8, 9000)); /* a question is under way */
   ssize_t length =
       recvfrom(server, message, sizeof(message) - 16, 0, (struct sockaddr *) &client, &client_size);
   assert_true(length > 12);
   assert_int_equal(lookup_answer(l, 5100, &context, found), -1);
   static const uint8_t answer[16] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 9, 8, 7, 6};
   message[2] |= 0x80;
   message[7] = 1;
   memcpy(message + length, answer, sizeof(answer));
   message[0] ^= 1; /* a guess with another id */
   sendto(server, message, (size_t) length + sizeof(answer), 0, (struct sockaddr *) &client, client_size);
   message[0] ^= 1;
   sendto(server, message, (size_t) length + sizeof(answer), 0, (struct sockaddr *) &client, client_size);
   while (n == -1) {
      n = lookup_answer(l, 5200, &context, found);
   }
   assert_int_equal(n, 1);
   assert_int_equal(context, 7);
   assert_int_equal(ip_get_v4_as_int(&found[0]), 0x09080706);
   assert_false(lookup_ask(l, "other.example", 8, 5999)); /* the second is not over */
   assert_true(lookup_ask(l, "other.example", 8, 6000));
   assert_int_equal(lookup_answer(l, 10999, &context, found), -1);
   assert_int_equal(lookup_answer(l, 11000, &context, found), -2); /* no answer in time */
   assert_false(lookup_ask(l, "bad..name", 9, 20000));
   lookup_free(l);
   close(server);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(events_of_botnets_are_watched_and_others_go_on),
                                      cmocka_unit_test(much_evidence_is_split),
                                      cmocka_unit_test(evidence_is_exported_early_when_there_is_no_room),
                                      cmocka_unit_test(addresses_that_are_not_public),
                                      cmocka_unit_test(a_resolver_is_asked_once_a_second)};
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
