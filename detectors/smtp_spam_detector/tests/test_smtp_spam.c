/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of smtp_spam_detector without a process. */
#include <nemea/module_test.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const nm_module_def_t nm_definition;

#define BASIC                                                                                                \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint16 SRC_PORT," \
   "uint16 DST_PORT,uint8 PROTOCOL"
#define SMTP                                                                                        \
   BASIC ",uint32 SMTP_COMMAND_FLAGS,uint32 SMTP_MAIL_CMD_COUNT,uint32 SMTP_RCPT_CMD_COUNT,uint32 " \
         "SMTP_STAT_CODE_FLAGS,string SMTP_DOMAIN,string SMTP_FIRST_SENDER"
#define BOTH SMTP ",uint32 PACKETS_REV,uint64 BYTES_REV"

#define ACCEPTED 0xd4u     /* 220, 250, 354 and 221 less one: any good codes */
#define REFUSED  0x040044u /* 220, 250, 550 */
#define GREYLIST 0x200u    /* 450 */
#define SPAM     0x40000000u
#define COMMANDS 0x41du /* EHLO, MAIL, RCPT, DATA, QUIT */

struct session {
   const char *client, *server;
   unsigned second, codes, commands, mails, recipients;
   const char *host, *from;
};

static nm_test_t *start(const char *options, const char *format)
{
   char all[256];
   snprintf(all, sizeof(all), "-L /dev/null --senders 2048 --destinations 4096 --names 64 %s", options);
   nm_test_t *t = nm_test_new_with(&nm_definition, all, 1, 1);
   assert_non_null(t);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

static void feed(nm_test_t *t, const char *text)
{
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

static void format_time(unsigned second, char to[32])
{
   snprintf(to, 32, "2024-01-01T%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
}

/* A connection as a record that has both what the client and what the server said. */
static void mail(nm_test_t *t, const struct session *s)
{
   char text[512], time[32];
   format_time(s->second, time);
   snprintf(text, sizeof(text), "%s,%s,1000,%s,%s,10,40000,25,6,%u,%u,%u,%u,%s,%s", s->client, s->server,
            time, time, s->commands, s->mails, s->recipients, s->codes, s->host, s->from);
   feed(t, text);
}

/* n mails from the client to as many servers, one each second; every k-th is refused. */
static void campaign(nm_test_t *t, const char *client, unsigned from, unsigned n, unsigned k, unsigned codes)
{
   for (unsigned i = 0; i < n; i++) {
      char server[32];
      snprintf(server, sizeof(server), "198.51.%u.%u", i / 200, i % 200 + 1);
      const struct session s = {client,         server, from + i, i % k == 0 ? codes : ACCEPTED,
                                COMMANDS,       1,      1,        "pc.example",
                                "a@example.com"};
      mail(t, &s);
   }
}

static const char *end(nm_test_t *t)
{
   assert_int_equal(nm_test_finish(t), NM_OK);
   return nm_test_next(t, 0);
}

static void test_spam_is_reported_as_idea(void **state)
{
   (void) state;
   nm_test_t *t = start("", SMTP);
   campaign(t, "192.0.2.7", 0, 40, 2, REFUSED);
   const char *text = end(t);
   assert_non_null(text);
   assert_string_equal(
       text,
       "{\"Format\": \"IDEA0\", \"ID\": \"10388a38-069a-8626-a45c-fd248970e5c6\", "
       "\"DetectTime\": \"2024-01-01T00:00:39Z\", \"CreateTime\": \"2024-01-01T00:00:39Z\", "
       "\"EventTime\": \"2024-01-01T00:00:00Z\", \"CeaseTime\": \"2024-01-01T00:00:39Z\", "
       "\"Category\": [\"Abusive.Spam\"], \"Note\": \"CONN_CNT TR_RAT [40, 0, 40, 0.500, 5.189, 40, 20, 0, "
       "40000]\", \"Confidence\": 0.93, \"Source\": [{\"Hostname\": [\"pc.example\"], \"Email\": "
       "[\"a@example.com\"], \"IP4\": [\"192.0.2.7\"], \"Proto\": [\"tcp\", \"smtp\"]}], \"ByteCount\": "
       "40000, "
       "\"FlowCount\": 40, \"PacketCount\": 400, \"ConnCount\": 40, \"Anonymised\": false}");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void test_ipv6_and_records(void **state)
{
   (void) state;
   nm_test_t *t = start("-u", SMTP);
   campaign(t, "2001:db8::7", 0, 40, 1, REFUSED | SPAM);
   assert_string_equal(end(t),
                       "2001:db8::7,40000,2024-01-01T00:00:39.000000,2024-01-01T00:00:00.000000,"
                       "2024-01-01T00:00:39.000000,40,400,40,40,40,99,\"pc.example\",\"a@example.com\"");
   nm_test_free(t);
}

/* What is not spam, however much it is. */
static void test_ordinary_senders(void **state)
{
   (void) state;
   nm_test_t *t = start("", SMTP);
   campaign(t, "192.0.2.1", 0, 280, 20, REFUSED);              /* a mailing list with some dead members */
   campaign(t, "192.0.2.2", 300, 280, 2, GREYLIST | ACCEPTED); /* first tries at servers that greylist */
   for (unsigned i = 0; i < 100; i++) {                        /* encrypted: no command after EHLO is seen */
      const struct session s = {"192.0.2.3", "198.51.100.1", 600 + i, ACCEPTED, 1, 0, 0, "mx.example", ""};
      mail(t, &s);
   }
   for (unsigned i = 0; i < 5; i++) { /* somebody who mistypes an address */
      const struct session s = {"192.0.2.4", "198.51.100.1", 700 + i,        REFUSED, COMMANDS, 1,
                                1,           "pc",           "b@example.com"};
      mail(t, &s);
   }
   assert_null(end(t));
   nm_test_free(t);
}

/* A mail server whose user sends spam: it receives mail, too, so it takes the word of the receivers. */
static void test_server_that_is_abused(void **state)
{
   (void) state;
   nm_test_t *t = start("", SMTP);
   const struct session in = {"203.0.113.9", "192.0.2.7", 0, ACCEPTED, COMMANDS, 1, 1, "mx", "x@example.org"};
   mail(t, &in);
   campaign(t, "192.0.2.7", 1, 40, 2, REFUSED);
   assert_null(end(t));
   nm_test_free(t);
   t = start("", SMTP);
   mail(t, &in);
   campaign(t, "192.0.2.7", 1, 40, 1, REFUSED | SPAM);
   assert_non_null(end(t));
   nm_test_free(t);
}

/* Both directions in one record, in two, and in one that begins with the server's. */
static void test_directions(void **state)
{
   (void) state;
   for (unsigned way = 0; way < 3; way++) {
      nm_test_t *t = start("-u", way == 1 ? SMTP : BOTH);
      for (unsigned i = 0; i < 40; i++) {
         char text[512], time[32];
         format_time(i, time);
#define CLIENT "192.0.2.7,198.51.100.%u,1000,%s,%s,10,40000,25,6,%u,1,1,%u,pc.example,a@example.com"
#define SERVER "198.51.100.%u,192.0.2.7,%u,%s,%s,%u,25,40000,6,%u,%u,%u,%u,%s,%s"
         if (way == 0) {
            snprintf(text, sizeof(text), CLIENT ",12,2000", i, time, time, COMMANDS, REFUSED);
         } else if (way == 1) {
            snprintf(text, sizeof(text), CLIENT, i, time, time, COMMANDS, 0);
            feed(t, text);
            snprintf(text, sizeof(text), SERVER, i, 2000, time, time, 12, 0, 0, 0, REFUSED, "", "");
         } else {
            snprintf(text, sizeof(text), SERVER ",10,1000", i, 2000, time, time, 12, COMMANDS, 1, 1, REFUSED,
                     "pc.example", "a@example.com");
         }
         feed(t, text);
      }
      assert_string_equal(end(t),
                          "192.0.2.7,40000,2024-01-01T00:00:39.000000,2024-01-01T00:00:00.000000,"
                          "2024-01-01T00:00:39.000000,40,400,40,40,40,94,\"pc.example\",\"a@example.com\"");
      nm_test_free(t);
   }
}

/* A window begins with the first mail of a sender, not at fixed instants; the stream's clock ends it. */
static void test_windows(void **state)
{
   (void) state;
   nm_test_t *t = start("-u -t 60", SMTP);
   campaign(t, "192.0.2.9", 0, 1, 1, ACCEPTED);
   campaign(t, "192.0.2.7", 40, 40, 1, REFUSED); /* 40 to 79 */
   assert_int_equal(nm_test_pending(t, 0), 0);
   campaign(t, "192.0.2.9", 101, 1, 1, ACCEPTED);
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.7,40000,2024-01-01T00:01:40.000000,2024-01-01T00:00:40.000000,"
                       "2024-01-01T00:01:19.000000,40,400,40,40,40,94,\"pc.example\",\"a@example.com\"");
   assert_null(end(t));
   nm_test_free(t);
}

/* With -c what is known stays as long as the sender goes on. */
static void test_slow_sender(void **state)
{
   (void) state;
   for (unsigned keep = 0; keep < 2; keep++) {
      nm_test_t *t = start(keep ? "-u -t 10 -c 100" : "-u -t 10", SMTP);
      campaign(t, "192.0.2.7", 0, 9, 1, REFUSED);
      campaign(t, "192.0.2.7", 20, 9, 1, REFUSED);
      for (unsigned i = 0; i < 3; i++) {
         campaign(t, "192.0.2.7", 40 + 20 * i, 20, 1, REFUSED); /* other servers come with the 19th */
      }
      const char *text = end(t);
      assert_int_equal(text != NULL, keep == 1);
      nm_test_free(t);
   }
   for (unsigned keep = 0; keep < 2; keep++) { /* a silence of 280 s */
      nm_test_t *t = start(keep ? "-u -t 10 -c 1000" : "-u -t 10 -c 100", SMTP);
      campaign(t, "192.0.2.7", 0, 20, 1, REFUSED);
      campaign(t, "192.0.2.8", 150, 1, 1, ACCEPTED);
      campaign(t, "192.0.2.7", 300, 20, 1, REFUSED);
      char text[300] = "";
      for (const char *next = end(t); next != NULL; next = nm_test_next(t, 0)) {
         snprintf(text, sizeof(text), "%s", next); /* the last one */
      }
      assert_non_null(strstr(text, keep ? ",40,400,20,40,40," : ",20,200,20,20,20,"));
      nm_test_free(t);
   }
}

/* Two inputs: flows without SMTP fields, and SMTP flows. Neither has TOS or TTL. */
static void test_two_inputs(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new_with(&nm_definition, "-L /dev/null -u", 2, 1);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, BASIC), NM_OK);
   assert_int_equal(nm_test_format(t, 1, SMTP), NM_OK);
   for (unsigned i = 0; i < 40; i++) {
      char text[512], time[32];
      format_time(i, time);
      snprintf(text, sizeof(text), "192.0.2.7,198.51.100.%u,40,%s,%s,1,40001,%u,6", i, time, time,
               i % 4 == 0   ? 993
               : i % 4 == 1 ? 110
                            : 25); /* mail that is fetched is no mail that is sent */
      assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
      snprintf(text, sizeof(text),
               "192.0.2.7,198.51.101.%u,1000,%s,%s,10,40000,25,6,%u,1,1,%u,pc,a@example.com", i, time, time,
               COMMANDS, REFUSED);
      assert_int_equal(nm_test_feed(t, 1, text), NM_OK);
   }
   const char *text = end(t);
   assert_non_null(text);
   assert_non_null(strstr(text, ",60,420,60,40,40,")); /* flows, packets, destinations, refused, sessions */
   nm_test_free(t);
}

/* Senders that never come back push out neither the table nor the one that sends spam. */
static void test_flood_of_addresses(void **state)
{
   (void) state;
   nm_test_t *t = start("-u -t 100000 --senders 64 --destinations 256 --names 16", SMTP);
   for (unsigned i = 0; i < 4000; i++) {
      char client[32], server[32];
      snprintf(client, sizeof(client), "10.1.%u.%u", i / 250, i % 250);
      snprintf(server, sizeof(server), "198.51.100.%u", i / 100 % 40);
      const struct session noise = {client, "203.0.113.1", i, ACCEPTED, COMMANDS, 1, 1, "x", "y"};
      mail(t, &noise);
      if (i % 8 == 0) {
         const struct session s = {"192.0.2.7", server, i, REFUSED, COMMANDS, 1, 1, "pc", "a@example.com"};
         mail(t, &s);
      }
   }
   assert_in_range(nm_test_counter(t, "senders and receivers evicted"), 3000, 5000);
   const char *text = end(t);
   assert_non_null(text);
   assert_ptr_equal(strstr(text, "192.0.2.7,"), text);
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* Five names of each kind, and none twice. */
static void test_names(void **state)
{
   (void) state;
   nm_test_t *t = start("", SMTP);
   for (unsigned i = 0; i < 60; i++) {
      char server[32], from[128];
      snprintf(server, sizeof(server), "198.51.100.%u", i);
      snprintf(from, sizeof(from), "%.*s%u@example.com", i == 0 ? 80 : 1,
               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", i % 7);
      const struct session s = {"192.0.2.7", server, i, REFUSED, COMMANDS, 1, 1, "pc", from};
      mail(t, &s);
   }
   const char *text = end(t);
   assert_non_null(text);
   assert_non_null(strstr(text, "\"Hostname\": [\"pc\"]"));
   assert_non_null(strstr(
       text, "aaaa\", \"a1@example.com\", \"a2@example.com\", \"a3@example.com\", \"a4@example.com\"]"));
   assert_true(nm_test_counter(t, "names cut or left out") > 0);
   nm_test_free(t);
}

static void test_log(void **state)
{
   char path[] = "/tmp/smtp-spam-XXXXXX", options[64], text[600] = "";
   (void) state;
   int fd = mkstemp(path);
   assert_true(fd >= 0);
   snprintf(options, sizeof(options), "--log %s --debug True", path);
   nm_test_t *t = nm_test_new_with(&nm_definition, options, 1, 1);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, SMTP), NM_OK);
   campaign(t, "192.0.2.7", 0, 40, 1, REFUSED);
   campaign(t, "192.0.2.8", 0, 1, 1, ACCEPTED);
   assert_non_null(end(t));
   nm_test_free(t);
   assert_true(read(fd, text, sizeof(text) - 1) > 0);
   assert_non_null(
       strstr(text, "2024-01-01T00:00:39Z spam 192.0.2.7: 40 sent to 40 destinations, 0 received, 40 of 40 "
                    "sessions refused, 0 called spam; score 5.689, confidence 0.95\n"));
   assert_non_null(strstr(text, "debug 192.0.2.8: 1 sent"));
   close(fd);
   unlink(path);
   t = nm_test_new_with(&nm_definition, "--log /nowhere/x.log", 1, 1);
   assert_string_equal(nm_test_error(t), "--log: cannot write \"/nowhere/x.log\": No such file or directory");
   nm_test_free(t);
   t = nm_test_new_with(&nm_definition, "--debug Maybe", 1, 1);
   assert_non_null(nm_test_error(t));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_spam_is_reported_as_idea),
       cmocka_unit_test(test_ipv6_and_records),
       cmocka_unit_test(test_ordinary_senders),
       cmocka_unit_test(test_server_that_is_abused),
       cmocka_unit_test(test_directions),
       cmocka_unit_test(test_windows),
       cmocka_unit_test(test_slow_sender),
       cmocka_unit_test(test_two_inputs),
       cmocka_unit_test(test_flood_of_addresses),
       cmocka_unit_test(test_names),
       cmocka_unit_test(test_log),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
