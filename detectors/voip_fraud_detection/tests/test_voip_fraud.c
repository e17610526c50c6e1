/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of voip_fraud_detection without a process. */
#include "../voip.h"

#include <nemea/module_test.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

extern const nm_module_def_t nm_definition;

#define FORMAT                                                                                       \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 LINK_BIT_FIELD,time TIME_FIRST,uint16 SIP_MSG_TYPE,uint16 "   \
   "SIP_STATUS_CODE,string SIP_REQUEST_URI,string SIP_CALLING_PARTY,string SIP_CALLED_PARTY,string " \
   "SIP_CALL_ID,string SIP_USER_AGENT,string SIP_CSEQ"
#define BOTH   FORMAT ",uint32 PACKETS_REV"
#define SERVER "10.0.0.5"
#define SMALL  "--callers 256 --targets 4096 --agents 64 --addresses 64" /* tests are quick */

static nm_test_t *start_with(const char *options, const char *format, unsigned outputs)
{
   char all[512];
   snprintf(all, sizeof(all), "%s " SMALL " %s", strstr(options, "-e ") != NULL ? "" : "-e disabled",
            options);
   nm_test_t *t = nm_test_new_with(&nm_definition, all, 1, outputs);
   assert_non_null(t);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

static nm_test_t *start(const char *options)
{
   return start_with(options, FORMAT, 1);
}

static void feed(nm_test_t *t, const char *text)
{
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

static char *time_text(unsigned second, char to[32])
{
   snprintf(to, 32, "2024-01-%02uT%02u:%02u:%02u", second / 86400 + 1, second / 3600 % 24, second / 60 % 60,
            second % 60);
   return to;
}

static void invite(nm_test_t *t, unsigned second, const char *caller, const char *number, const char *call)
{
   char text[600], time[32];
   snprintf(text, sizeof(text), "%s," SERVER ",1,%s,1,0,sip:%s,sip:me,sip:%s,%s,phone,1 INVITE", caller,
            time_text(second, time), number, number, call);
   feed(t, text);
}

static void answer(nm_test_t *t, unsigned second, const char *caller, const char *called, const char *call)
{
   char text[600], time[32];
   snprintf(text, sizeof(text), SERVER ",%s,1,%s,99,200,,sip:me,sip:%s,%s,,1 INVITE", caller,
            time_text(second, time), called, call);
   feed(t, text);
}

/* n prefixes before one number, beginning with this one, one each second. */
static void guess(nm_test_t *t, unsigned second, const char *caller, unsigned from, unsigned n,
                  const char *number)
{
   for (unsigned i = 0; i < n; i++) {
      char target[128], call[32];
      snprintf(target, sizeof(target), "%u%s", from + i, number);
      snprintf(call, sizeof(call), "%s-%u-%u", caller, second, i);
      invite(t, second + i, caller, target, call);
   }
}

#define NUMBER "420234567890@" SERVER

static const char *next_alert(nm_test_t *t)
{
   return nm_test_next(t, 0);
}

static void test_prefixes(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   guess(t, 0, "192.0.2.7", 100, 12, NUMBER);
   invite(t, 12, "192.0.2.7", "777777777777@" SERVER, "x");
   invite(t, 22, "192.0.2.7", "777777777777@" SERVER, "y");
   assert_string_equal(
       next_alert(t),
       "::,192.0.2.7,2024-01-01T00:00:22.000000,2024-01-01T00:00:00.000000,1,12,12,0,3,40,\"\","
       "\"\",\"100" NUMBER "\",\"phone\"");
   assert_null(next_alert(t));
   assert_int_equal(nm_test_counter(t, "guesses of prefixes"), 1);
   nm_test_free(t);
}

/* A burst of guesses, and then nothing but calls of others. */
static void test_guesses_that_are_over(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   for (unsigned i = 0; i < 20; i++) {
      char number[64];
      snprintf(number, sizeof(number), "%u" NUMBER, i + 10);
      invite(t, 5, "192.0.2.7", number, number);
   }
   invite(t, 14, "192.0.2.8", "7@x", "x");
   assert_null(next_alert(t));
   invite(t, 15, "192.0.2.8", "8@x", "y");
   assert_string_equal(
       next_alert(t),
       "::,192.0.2.7,2024-01-01T00:00:15.000000,2024-01-01T00:00:05.000000,1,20,20,0,2,40,\"\","
       "\"\",\"10" NUMBER "\",\"phone\"");
   invite(t, 100, "192.0.2.8", "9@x", "z");
   assert_null(next_alert(t));
   nm_test_free(t);
}

static void test_ipv6(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   guess(t, 0, "2001:db8::7", 100, 12, "420234567890@[2001:db8::5]");
   invite(t, 22, "2001:db8::7", "7@x", "x");
   const char *alert = next_alert(t);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "::,2001:db8::7,2024-01-01T00:00:22.000000"));
   assert_non_null(strstr(alert, "\"100420234567890@[2001:db8::5]\""));
   nm_test_free(t);
}

/* -t, -s, -m, -p, -q, -x */
static void test_options(void **state)
{
   (void) state;
   nm_test_t *t = start("-t 12"); /* more than 12 */
   guess(t, 0, "192.0.2.7", 100, 12, NUMBER);
   invite(t, 60, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t));
   nm_test_free(t);

   t = start("-m 2"); /* the prefixes have three digits */
   guess(t, 0, "192.0.2.7", 100, 30, NUMBER);
   invite(t, 60, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t));
   nm_test_free(t);

   t = start("-s 100"); /* not checked yet */
   guess(t, 0, "192.0.2.7", 100, 30, NUMBER);
   invite(t, 99, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t));
   invite(t, 100, "192.0.2.7", "7@x", "x");
   assert_non_null(next_alert(t));
   nm_test_free(t);

   t = start("-p 1000"); /* no second alert before */
   guess(t, 0, "192.0.2.7", 100, 30, NUMBER);
   guess(t, 100, "192.0.2.7", 200, 30, "911222333444@" SERVER);
   assert_non_null(next_alert(t));
   invite(t, 1009, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t));
   invite(t, 1200, "192.0.2.7", "7@x", "x");
   const char *alert = next_alert(t);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "911222333444@")); /* what was dialled meanwhile is not forgotten */
   nm_test_free(t);

   t = start("-q 10"); /* never more than ten are kept */
   guess(t, 0, "192.0.2.7", 100, 35, NUMBER);
   invite(t, 60, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t));
   assert_int_equal(nm_test_counter(t, "trees replaced"), 3);
   nm_test_free(t);

   t = start("-x 100"); /* forgotten, with what it dialled before */
   guess(t, 0, "192.0.2.7", 100, 8, NUMBER);
   invite(t, 200, "192.0.2.8", "7@x", "x");
   guess(t, 210, "192.0.2.7", 200, 8, NUMBER);
   invite(t, 250, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t));
   assert_int_equal(nm_test_counter(t, "callers idle"), 1);
   nm_test_free(t);
}

/* An answer belongs to a call, also when the exchange has changed what was dialled. */
static void test_answered_calls(void **state)
{
   (void) state;
   nm_test_t *t = start("");
   for (unsigned i = 0; i < 30; i++) {
      char number[64], call[16];
      snprintf(number, sizeof(number), "%u" NUMBER, i);
      snprintf(call, sizeof(call), "c%u", i);
      invite(t, i, "192.0.2.7", number, call);
      if (i % 3 != 0) {
         answer(t, i, "192.0.2.7", "somebody@else", call);
         answer(t, i, "192.0.2.7", "somebody@else", call); /* repeated */
      }
      answer(t, i, "192.0.2.9", "somebody@else", call); /* who did not call */
   }
   invite(t, 60, "192.0.2.7", "7@x", "x");
   assert_null(next_alert(t)); /* ten are not answered */
   invite(t, 61, "192.0.2.7", "999" NUMBER, "z");
   invite(t, 75, "192.0.2.7", "7@x", "x");
   const char *alert = next_alert(t);
   assert_non_null(alert);
   assert_non_null(strstr(alert, ",1,31,11,20,3,40,")); /* id, INVITEs, prefixes, answered, length, type */
   nm_test_free(t);
}

/* The answer is in the reverse direction of the record. */
static void test_biflows(void **state)
{
   (void) state;
   nm_test_t *t = start_with("", BOTH, 1);
   for (unsigned i = 0; i < 30; i++) {
      char text[600], time[32];
      time_text(i, time);
      snprintf(text, sizeof(text), "192.0.2.7," SERVER ",1,%s,1,0,sip:%u" NUMBER ",,,c%u,phone,1 INVITE,0",
               time, i, i);
      feed(t, text);
      snprintf(text, sizeof(text), "192.0.2.7," SERVER ",1,%s,99,200,,,sip:%u" NUMBER ",c%u,,1 INVITE,1",
               time, i, i);
      feed(t, text);
   }
   assert_null(next_alert(t));
   nm_test_free(t);
}

/* An exchange calls many numbers, of which some are not answered; a scanner calls many that nobody answers. */
static void test_dial_plan(void **state)
{
   (void) state;
   for (unsigned scanner = 0; scanner < 2; scanner++) {
      nm_test_t *t = start("");
      for (unsigned i = 0; i < 200; i++) {
         char number[32], call[16];
         snprintf(number, sizeof(number), "%u@" SERVER, 234567000 + i * 7);
         snprintf(call, sizeof(call), "c%u", i);
         invite(t, i, "192.0.2.7", number, call);
         if (!scanner && i % 3 != 0) {
            answer(t, i, "192.0.2.7", number, call);
         }
      }
      assert_int_equal(next_alert(t) != NULL, scanner);
      nm_test_free(t);
   }
}

/* More user agents than there is room for: the original crashed. */
static void test_many_agents(void **state)
{
   (void) state;
   nm_test_t *t = start("--agents 16");
   for (unsigned i = 0; i < 400; i++) {
      char text[400], time[32];
      snprintf(text, sizeof(text), "192.0.2.7," SERVER ",1,%s,1,0,sip:%u" NUMBER ",,,c%u,agent %u,1 INVITE",
               time_text(i / 20, time), i, i, i);
      feed(t, text);
   }
   const char *alert = next_alert(t);
   assert_non_null(alert);
   nm_test_free(t);
}

static void test_what_is_no_target(void **state)
{
   static const char *const invalid[] = {"", "tel:1", "sip:", "sips:;x", "xsip:1@y"};
   char text[600], long_name[120];
   (void) state;
   nm_test_t *t = start("");
   memset(long_name, '1', sizeof(long_name));
   for (unsigned i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
      snprintf(text, sizeof(text), "192.0.2.7,::1,1,2024-01-01T00:00:00,1,0,%s,,%s,c,,1 INVITE", invalid[i],
               invalid[i]);
      feed(t, text);
   }
   assert_int_equal(nm_test_counter(t, "invites without a number"), 5);
   snprintf(text, sizeof(text), "192.0.2.7,::1,1,2024-01-01T00:00:00,1,0,sip:%.101s,,sip:,c,,1 INVITE",
            long_name);
   feed(t, text);
   assert_int_equal(nm_test_counter(t, "invites without a number"), 6);
   snprintf(text, sizeof(text), "192.0.2.7,::1,1,2024-01-01T00:00:00,1,0,SIPS:%.100s;x,,,c,,1 INVITE",
            long_name);
   feed(t, text);
   assert_int_equal(nm_test_counter(t, "invites without a number"), 6);
   nm_test_free(t);
}

/* A time far ahead clears nothing; times that go back do no harm. */
static void test_times(void **state)
{
   (void) state;
   nm_test_t *t = start("-x 1000");
   guess(t, 1000, "192.0.2.7", 100, 8, NUMBER);
   feed(t, "192.0.2.8,::1,1,2038-01-01T00:00:00,1,0,sip:1@x,,,c,,1 INVITE");
   guess(t, 500, "192.0.2.7", 200, 8, NUMBER);
   invite(t, 1020, "192.0.2.7", "7@x", "x");
   const char *alert = next_alert(t);
   assert_non_null(alert);
   assert_non_null(strstr(alert, ",16,16,0,3,40,"));
   nm_test_free(t);
}

/* Addresses that call once do not push out one that guesses, and memory stays as it is. */
static void test_flood_of_callers(void **state)
{
   (void) state;
   nm_test_t *t = start("--callers 64 --targets 128");
   for (unsigned i = 0; i < 5000; i++) {
      char caller[32], number[64], call[32];
      snprintf(caller, sizeof(caller), "10.%u.%u.1", i / 250, i % 250);
      snprintf(call, sizeof(call), "f%u", i);
      snprintf(number, sizeof(number), "%u@" SERVER, i);
      invite(t, i / 100, caller, number, call);
      if (i % 20 == 0) {
         snprintf(number, sizeof(number), "%u" NUMBER, i / 20 + 10);
         invite(t, i / 100, "192.0.2.7", number, number);
      }
   }
   const char *alert = next_alert(t);
   assert_non_null(alert);
   assert_non_null(strstr(alert, "::,192.0.2.7,"));
   const struct voip *self = nm_self(nm_test_module(t));
   assert_in_range(self->n_targets, 1, 128);
   assert_in_range(self->next_node, 1, self->n_nodes);
   assert_true(nm_test_counter(t, "callers evicted") > 4000);
   nm_test_free(t);

   t = start("--callers 64 --targets 32"); /* less room for targets than for callers */
   for (unsigned i = 0; i < 2000; i++) {
      char caller[32], number[64];
      snprintf(caller, sizeof(caller), "10.0.0.%u", i * 7 % 61);
      snprintf(number, sizeof(number), "%u@" SERVER, i * 31);
      invite(t, i / 10, caller, number, number);
   }
   self = nm_self(nm_test_module(t));
   assert_in_range(self->n_targets, 1, 32);
   assert_in_range(self->next_node, 1, self->n_nodes);
   assert_true(nm_test_counter(t, "callers given up for room") > 0);
   nm_test_free(t);
}

/* ------------------------------------------------- the tree against plain counting */

#define MOST   40
#define PREFIX 3

/* Texts with the second one are longer than TARGET_SHORT, or not, by their numbers. */
static const char *const domains[] = {"@x", "@exchange.of.example"};

static unsigned common_end(const char *a, const char *b)
{
   unsigned la = (unsigned) strlen(a), lb = (unsigned) strlen(b), n = 0;
   while (n < la && n < lb && a[la - 1 - n] == b[lb - 1 - n]) {
      n++;
   }
   return n;
}

/* Is there an end that more than limit of the targets have, with at most PREFIX characters before it? */
static bool is_guess(char (*targets)[32], unsigned n, unsigned shortest_end, unsigned limit)
{
   for (unsigned i = 0; i < n; i++) {
      unsigned length = (unsigned) strlen(targets[i]);
      for (unsigned end = shortest_end; end <= length; end++) {
         unsigned found = 0, depth = length;
         for (unsigned k = 0; k < n; k++) {
            unsigned common = common_end(targets[i], targets[k]);
            depth = common >= end && common < depth ? common : depth; /* the node's */
         }
         for (unsigned k = 0; k < n; k++) {
            found += common_end(targets[i], targets[k]) >= end && strlen(targets[k]) - depth <= PREFIX;
         }
         if (found > limit) {
            return true;
         }
      }
   }
   return false;
}

static void test_tree_counts_as_a_plain_search(void **state)
{
   uint32_t x = 1;
   unsigned guesses = 0;
   (void) state;
   for (unsigned round = 0; round < 300; round++) {
      char targets[MOST][32];
      unsigned n = 0;
      const char *domain = domains[round / 4 % 2];
      nm_test_t *t = start("-d 0 -m 3 -t 6 -s 1000 --targets 64 --callers 4");
      unsigned wanted = 8 + round % (MOST - 8);
      for (unsigned i = 0; i < wanted; i++) {
         char text[32] = "";
         unsigned digits = (round / 4 % 2 == 0 ? 2 : 4) + (x >> 8) % 5, k = 0;
         for (unsigned d = 0; d < digits; d++) {
            x = x * 1664525u + 1013904223u;
            text[d] = "0123*"[(x >> 16) % (2 + round % 4)];
         }
         strcat(text, domain);
         while (k < n && strcmp(targets[k], text) != 0) {
            k++;
         }
         if (k == n) {
            strcpy(targets[n++], text);
         }
         invite(t, 0, "192.0.2.7", text, text);
      }
      invite(t, 2000, "192.0.2.7", "another@y", "z");
      bool expected = is_guess(targets, n, (unsigned) strlen(domain), 6);
      if ((next_alert(t) != NULL) != expected) {
         fail_msg("round %u: expected %d", round, expected);
      }
      guesses += expected;
      nm_test_free(t);
   }
   assert_in_range(guesses, 30, 270); /* both happen */
}

/* -------------------------------------------------------------------------- files */

static char folder[] = "/tmp/voip-XXXXXX";

static const char *path_of(const char *name)
{
   static char paths[4][64];
   static unsigned next;
   char *path = paths[next++ % 4];
   snprintf(path, 64, "%s/%s", folder, name);
   return path;
}

static void write_file(const char *name, const char *text)
{
   FILE *file = fopen(path_of(name), "we");
   assert_non_null(file);
   fputs(text, file);
   fclose(file);
}

static char *read_file(const char *name)
{
   static char text[4096];
   FILE *file = fopen(path_of(name), "re");
   size_t n = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
   text[n] = 0;
   if (file != NULL) {
      fclose(file);
   }
   return text;
}

/* Options with a file between them. */
static const char *options(const char *before, const char *name, const char *after)
{
   static char text[256];
   snprintf(text, sizeof(text), "%s %s %s", before, path_of(name), after);
   return text;
}

static void test_event_ids(void **state)
{
   (void) state;
   write_file("id", "41\n");
   nm_test_t *t = start(options("-e", "id", ""));
   guess(t, 0, "192.0.2.7", 100, 30, NUMBER);
   guess(t, 100, "192.0.2.7", 100, 30, NUMBER);                 /* goes on: the same event */
   guess(t, 200, "192.0.2.7", 100, 30, "911222333444@" SERVER); /* another number */
   invite(t, 300, "192.0.2.7", "7@x", "x");
   for (unsigned i = 0; i < 4; i++) {
      const char *alert = next_alert(t);
      assert_non_null(alert);
      assert_non_null(strstr(alert, i < 3 ? ":00.000000,42," : ":00.000000,43,"));
   }
   assert_null(next_alert(t));
   assert_string_equal(read_file("id"), "141\n"); /* in reserve, should it crash now */
   nm_test_finish(t);
   nm_test_free(t);
   assert_string_equal(read_file("id"), "43\n");
   assert_int_not_equal(access(path_of("id.new"), F_OK), 0);

   t = start(options("-e", "new-id", "")); /* there is none yet */
   guess(t, 0, "192.0.2.7", 100, 30, NUMBER);
   nm_test_finish(t);
   nm_test_free(t);
   assert_string_equal(read_file("new-id"), "1\n");

   write_file("id", "x\n");
   t = nm_test_new(&nm_definition, options("-e", "id", ""));
   assert_non_null(strstr(nm_test_error(t), "/id\": expected the last event id, a number up to 4294967295"));
   nm_test_free(t);
}

static void test_log_and_prefixes(void **state)
{
   char all[256];
   (void) state;
   snprintf(all, sizeof(all), "-l %s -n %s", path_of("log"), path_of("prefixes"));
   nm_test_t *t = start(all);
   guess(t, 0, "192.0.2.7", 100, 12, NUMBER);
   answer(t, 12, "192.0.2.7", "x", "192.0.2.7-0-3");
   invite(t, 20, "192.0.2.7", "7\x1b@x", "x");
   nm_test_finish(t);
   nm_test_free(t);
   assert_non_null(strstr(read_file("log"), "    - max_prefix_length=10\n"));
   assert_non_null(
       strstr(read_file("log"),
              "2024-01-01 00:00:20;==> Detected Prefix Examination!; event_id=1; "
              "detection_time=\"2024-01-01 00:00:20\"; time_first=\"2024-01-01 00:00:00\"; "
              "SRC_IP=192.0.2.7; SIP_TO=\"100420234567890@10.0.0.5\"; User-Agent=\"phone\"; prefix_length=3; "
              "prefix_examination_count=11; successful_call_count=1; invite_count=12; "
              "IP_detection_event_count=1; IP_attack_detected_count=1 <== # \n"));
   assert_non_null(strstr(read_file("log"), "   - received_invite_flow=13\n"));
   assert_non_null(strstr(read_file("prefixes"), "2024-01-01 00:00:20;103;3;1;\n"));
   assert_non_null(strstr(read_file("prefixes"), "2024-01-01 00:00:20;104;3;0;\n"));
   t = nm_test_new(&nm_definition, "-e disabled -l /nowhere/log");
   assert_string_equal(nm_test_error(t), "-l: cannot write \"/nowhere/log\": No such file or directory");
   nm_test_free(t);
}

static void test_counts(void **state)
{
   (void) state;
   nm_test_t *t = start_with("", FORMAT, 2);
   invite(t, 0, "192.0.2.7", "1@x", "a");
   invite(t, 0, "192.0.2.7", "2@x", "b");
   invite(t, 0, "192.0.2.8", "2@x", "c");
   invite(t, 2, "192.0.2.8", "2@x", "d");
   assert_string_equal(nm_test_next(t, 1),
                       "3,2,4"); /* callees, callers, INVITEs, before the fourth was added */
   nm_test_finish(t);
   assert_string_equal(nm_test_next(t, 1), "3,2,4");
   nm_test_free(t);
}

/* --------------------------------------------------------------------- countries */

static void test_numbering(void **state)
{
   static const struct {
      const char *digits, *country;
   } numbers[] = {{"420234567890", "CZ"},
                  {"12125550100", "US"},
                  {"14165550100", "CA"},
                  {"18765550100", "JM"},
                  {"73952123456", "RU"},
                  {"77012345678", "KZ"},
                  {"441534123456", "JE"},
                  {"442079460000", "GB"},
                  {"3906698123", "VA"},
                  {"390612345", "IT"},
                  {"5993123456", "BQ"},
                  {"59991234567", "CW"},
                  {"97517123456", "BT"},
                  {"88213123456", "XN"},
                  {"53", "CU"},
                  {"21", NULL},
                  {"", NULL},
                  {"999123456", NULL}};
   (void) state;
   for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      const char *country = numbering_country(numbers[i].digits, (uint32_t) strlen(numbers[i].digits));
      if (numbers[i].country == NULL) {
         assert_null(country);
      } else {
         assert_non_null(country);
         assert_string_equal(country, numbers[i].country);
      }
   }
}

static void test_unusual_countries(void **state)
{
   (void) state;
   write_file("countries", "# comment\nALLOWED_COUNTRIES=CZ:SK:\n-192.0.2.7\n=DE:\n");
   nm_test_t *t = start(options("-c", "countries", "-a 100 -p 30"));
   invite(t, 0, "192.0.2.7", "+43 1@x", "a");     /* a blank: no number */
   invite(t, 1, "192.0.2.7", "+43-1-234@x", "b"); /* learned: Austria */
   invite(t, 200, "192.0.2.7", "0043123456@x", "c");
   invite(t, 201, "192.0.2.7", "0049123456@x", "d");  /* from the file */
   invite(t, 202, "192.0.2.7", "00420123456@x", "e"); /* allowed to all */
   invite(t, 203, "192.0.2.7", "123456@x", "f");      /* at home */
   assert_null(next_alert(t));
   invite(t, 204, "192.0.2.7", "+5351234567@x", "g"); /* Cuba */
   assert_string_equal(
       next_alert(t),
       "10.0.0.5,192.0.2.7,2024-01-01T00:03:24.000000,2024-01-01T00:00:00.000000,1,1,0,0,0,41,\"CU\","
       "\"sip:me\",\"+5351234567@x\",\"phone\"");
   invite(t, 210, "192.0.2.7", "+5351234567@x", "h"); /* not so soon again */
   assert_null(next_alert(t));
   invite(t, 240, "192.0.2.7", "+5351234567@x", "i"); /* the same event */
   assert_non_null(strstr(next_alert(t), ",1,1,0,0,0,41,"));
   invite(t, 280, "192.0.2.7", "+25261234567@x", "j"); /* Somalia: another one */
   assert_non_null(strstr(next_alert(t), ",2,1,0,0,0,41,"));
   invite(t, 281, "192.0.2.9", "+4912345@x", "k"); /* an address that never called abroad */
   assert_non_null(strstr(next_alert(t), ",3,1,0,0,0,41,\"DE\""));
   nm_test_finish(t);
   nm_test_free(t);
   assert_string_equal(
       read_file("countries"),
       "# Written by voip_fraud_detection: countries that all may call, and those of each address.\n"
       "ALLOWED_COUNTRIES=CZ:SK:\n-192.0.2.7\n=DE:AT:\n");
}

/* -o, -w, --international, a file that is not there */
static void test_options_of_countries(void **state)
{
   (void) state;
   nm_test_t *t = start(options("-c", "none", "-o --international 011"));
   invite(t, 0, "2001:db8::7", "0114412345@x", "a");
   assert_non_null(next_alert(t));
   nm_test_finish(t);
   nm_test_free(t);
   assert_int_not_equal(access(path_of("none"), F_OK), 0); /* nothing was learned */
   t = start(options("-c", "none", "-w"));
   invite(t, 0, "2001:db8::7", "004412345@x", "a");
   nm_test_finish(t);
   nm_test_free(t);
   assert_int_not_equal(access(path_of("none"), F_OK), 0);
   t = start(options("-c", "hourly", ""));
   invite(t, 0, "2001:db8::7", "004412345@x", "a");
   invite(t, 3600, "2001:db8::7", "1@x", "a");
   assert_non_null(strstr(read_file("hourly"), "ALLOWED_COUNTRIES=\n-2001:db8::7\n=GB:\n"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "--international x");
   assert_string_equal(nm_test_error(t), "--international: \"x\": expected 1 to 7 digits");
   nm_test_free(t);
}

static void test_bad_countries(void **state)
{
   static const struct {
      const char *text, *error;
   } files[] = {
       {"ALLOWED_COUNTRIES=cz:\n",
        ":1: \"cz:\": expected country codes of two letters, each followed by ':'"},
       {"\nALLOWED_COUNTRIES=CZ:\nALLOWED_COUNTRIES=SK:\n",
        ":3: \"ALLOWED_COUNTRIES=\": expected one line of these only"},
       {"-1.2.3\n", ":1: \"1.2.3\": expected an address"},
       {"-1.2.3.4\n-1.2.3.5\n", ":2: \"-1.2.3.5\": expected '=' and the countries of the address before"},
       {"-1.2.3.4\n", ":1: \"\": expected '=' and the countries of the last address"},
       {"=CZ:\n",
        ":1: \"=CZ:\": expected \"ALLOWED_COUNTRIES=\", '-' and an address, or '=' and its countries"},
       {"-1.2.3.4\n=AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:\n",
        ":2: more than 20 countries"},
   };
   (void) state;
   for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
      write_file("bad", files[i].text);
      nm_test_t *t = nm_test_new(&nm_definition, options("-e disabled -c", "bad", ""));
      assert_non_null(nm_test_error(t));
      if (strstr(nm_test_error(t), files[i].error) == NULL) {
         fail_msg("%s: %s", files[i].text, nm_test_error(t));
      }
      nm_test_free(t);
   }
}

static int make_folder(void **state)
{
   (void) state;
   return mkdtemp(folder) == NULL || freopen("/dev/null", "we", stdout) == NULL;
}

static int remove_folder(void **state)
{
   static const char *const names[] = {"id", "new-id", "log", "prefixes", "countries", "hourly", "bad"};
   (void) state;
   for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      unlink(path_of(names[i]));
   }
   return rmdir(folder);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_prefixes),
       cmocka_unit_test(test_guesses_that_are_over),
       cmocka_unit_test(test_ipv6),
       cmocka_unit_test(test_options),
       cmocka_unit_test(test_answered_calls),
       cmocka_unit_test(test_biflows),
       cmocka_unit_test(test_dial_plan),
       cmocka_unit_test(test_many_agents),
       cmocka_unit_test(test_what_is_no_target),
       cmocka_unit_test(test_times),
       cmocka_unit_test(test_flood_of_callers),
       cmocka_unit_test(test_tree_counts_as_a_plain_search),
       cmocka_unit_test(test_event_ids),
       cmocka_unit_test(test_log_and_prefixes),
       cmocka_unit_test(test_counts),
       cmocka_unit_test(test_numbering),
       cmocka_unit_test(test_unusual_countries),
       cmocka_unit_test(test_options_of_countries),
       cmocka_unit_test(test_bad_countries),
   };
   return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
