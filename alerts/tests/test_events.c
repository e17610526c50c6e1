/* SPDX-License-Identifier: BSD-3-Clause */
/** Joining of alerts to events, texts, and what must hold for the description of any detector. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIELDS                                                                                        \
   "ipaddr SRC_IP,ipaddr DST_IP,uint8 PROTOCOL,uint16 DST_PORT,uint32 PORT_CNT,uint64 EVENT_ID,time " \
   "TIME_FIRST,time TIME_LAST"
#define GAP 100

static ur_layout_t *layout;
static char rec[UR_MAX_SIZE];

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->amount = alert_number(a, "PORT_CNT");
   e->group = alert_number(a, "EVENT_ID");
}

static enum event_confidence confidence(const struct event *e)
{
   return e->alerts > 1 ? EVENT_HIGH : EVENT_LOW;
}

static void reason(const struct event *e, char *to, size_t size)
{
   snprintf(to, size, "%u alerts", (unsigned) e->alerts);
}

static const struct event_description by_pair = {.program = "test",
                                                 .kind = "test",
                                                 .title = "test of pairs",
                                                 .unit = "ports",
                                                 .fields = FIELDS,
                                                 .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PROTOCOL,
                                                 .gap = GAP,
                                                 .read = read_alert,
                                                 .confidence = confidence,
                                                 .reason = reason};

static void set(const char *name, const void *value, size_t size)
{
   uint16_t length;
   const char *at = ur_layout_get(layout, rec, ur_layout_find(layout, name), &length);
   assert_int_equal(length, size);
   memcpy(rec + (at - rec), value, size);
}

/* An alert of 10 ports from source to 10.0.0.1. */
static struct event *add(struct events *all, const struct event_description *d, uint32_t source,
                         uint32_t first, uint32_t last, uint16_t port, uint8_t protocol, uint64_t group)
{
   ip_addr_t src = ip_from_int(source), dst = ip_from_int(0x0a000001);
   ur_time_t from = ur_time_from_sec_usec(first, 0), until = ur_time_from_sec_usec(last, 0);
   uint32_t ports = 10;
   set("SRC_IP", &src, sizeof(src));
   set("DST_IP", &dst, sizeof(dst));
   set("TIME_FIRST", &from, sizeof(from));
   set("TIME_LAST", &until, sizeof(until));
   set("DST_PORT", &port, sizeof(port));
   set("PROTOCOL", &protocol, sizeof(protocol));
   set("PORT_CNT", &ports, sizeof(ports));
   set("EVENT_ID", &group, sizeof(group));
   return events_add(all, d, &(struct alert){.layout = layout, .rec = rec});
}

static void test_alerts_of_one_event_are_joined(void **state)
{
   struct events all = {0};
   (void) state;
   add(&all, &by_pair, 7, 1000, 1010, 22, 6, 0);
   const struct event *e = add(&all, &by_pair, 7, 1110, 1120, 23, 6, 0); /* GAP seconds after the end */
   assert_int_equal(all.n, 1);
   assert_int_equal(e->alerts, 2);
   assert_int_equal(e->amount, 20);
   assert_int_equal(event_seconds(e), 120);
   add(&all, &by_pair, 7, 900, 900, 22, 6, 0); /* late, GAP seconds before the beginning */
   assert_int_equal(all.n, 1);
   assert_int_equal(ur_time_get_sec(all.list[0].first), 900);
   add(&all, &by_pair, 7, 1221, 1221, 22, 6, 0);
   assert_int_equal(all.n, 2);
   add(&all, &by_pair, 8, 1000, 1010, 22, 6, 0);
   add(&all, &by_pair, 7, 1000, 1010, 22, 17, 0);
   assert_int_equal(all.n, 4);
   assert_int_equal(all.received, 6);
   events_free(&all);
}

static void test_totals_are_not_added_up(void **state)
{
   struct event_description total = by_pair;
   struct events all = {0};
   (void) state;
   total.total = true;
   add(&all, &total, 7, 1000, 1010, 22, 6, 0);
   const struct event *e = add(&all, &total, 7, 1000, 1020, 22, 6, 0); /* progress of the same */
   assert_int_equal(e->alerts, 2);
   assert_int_equal(e->amount, 10);
   e = add(&all, &total, 7, 1030, 1040, 22, 6, 0); /* counted anew */
   assert_int_equal(e->amount, 20);
   events_free(&all);
}

static void test_a_group_joins_over_any_gap(void **state)
{
   struct events all = {0};
   (void) state;
   add(&all, &by_pair, 7, 1000, 1010, 22, 6, 5);
   add(&all, &by_pair, 7, 9000, 9010, 22, 6, 5);
   assert_int_equal(all.n, 1);
   add(&all, &by_pair, 7, 20000, 20010, 22, 6, 6);
   assert_int_equal(all.n, 2);
   events_free(&all);
}

/* An event of a program that names one end only: 0: unknown. */
static void add_ends(struct events *all, const struct event_description *d, uint32_t source, uint32_t target,
                     uint32_t amount, uint16_t port)
{
   ip_addr_t none = {0}, dst = ip_from_int(target);
   struct event *e = add(all, d, source, 1000, 1010, port, 6, 0);
   e->source = source != 0 ? e->source : none;
   e->target = target != 0 ? dst : none;
   e->amount = amount;
}

static void test_one_attack_is_one_event_whoever_saw_it(void **state)
{
   struct event_description other = by_pair, elsewhere = by_pair;
   struct events all = {0};
   (void) state;
   other.program = "other";
   elsewhere.program = "elsewhere";
   elsewhere.kind = "something else";
   add_ends(&all, &other, 0, 9, 100, 0);
   add_ends(&all, &by_pair, 7, 9, 60, 22);
   add_ends(&all, &other, 7, 0, 100, 0);
   add_ends(&all, &other, 0, 10, 100, 0); /* another target */
   add_ends(&all, &elsewhere, 7, 9, 60, 22);
   events_sort(&all);
   assert_int_equal(all.n, 3);
   for (uint32_t i = 0; i < all.n; i++) {
      assert_int_equal(all.list[i].alerts, all.list[i].description == &by_pair ? 3 : 1);
      assert_int_equal(all.list[i].amount, all.list[i].description == &other ? 100 : 60);
   }
   events_free(&all);
}

static void test_two_ends_that_one_program_saw_are_one_event(void **state)
{
   struct events all = {0};
   (void) state;
   add_ends(&all, &by_pair, 7, 0, 100, 0);
   add_ends(&all, &by_pair, 0, 9, 95, 0);
   add_ends(&all, &by_pair, 8, 0, 50, 0); /* much less: not the other end of the same */
   events_sort(&all);
   assert_int_equal(all.n, 2);
   assert_int_equal(all.list[0].source.ui32[2], ip_from_int(7).ui32[2]);
   assert_int_equal(all.list[0].target.ui32[2], ip_from_int(9).ui32[2]);
   events_free(&all);
}

/* A scan of source 7 against one host, or a sweep over many (target 0). */
static void add_scan(struct events *all, const char *kind, uint32_t first, uint32_t last, uint32_t target,
                     uint16_t port)
{
   static struct event_description scans[2];
   struct event_description *d = &scans[strcmp(kind, "vertical-scan") == 0];
   ip_addr_t none = {0}, host = ip_from_int(target);
   *d = by_pair;
   d->kind = kind;
   d->key = EVENT_BY_SOURCE | EVENT_BY_PORT;
   uint32_t n = all->n;
   struct event *e = add(all, d, 7, first, last, port, 6, all->received + 1);
   assert_int_equal(all->n, n + 1);
   e->target = target != 0 ? host : none;
   e->samples[0] = target != 0 ? host : ip_from_int(0x0a000100u + port);
   e->targets = target != 0 ? 0 : 60;
   e->flows = 100;
}

static void test_scans_of_one_source_are_a_run(void **state)
{
   struct events all = {0};
   char text[1024];
   (void) state;
   add_scan(&all, "horizontal-scan", 1000, 1010, 0, 22);
   add_scan(&all, "horizontal-scan", 1011 + RUN_GAP, 1500, 0, 23); /* a second too late */
   add_scan(&all, "horizontal-scan", 1500 + RUN_GAP, 1900, 0, 80);
   events_sort(&all);
   assert_int_equal(all.n, 2);
   const struct event *run = &all.list[1];
   assert_string_equal(run->kind, "horizontal-scan");
   assert_int_equal(run->n_parts, 2);
   assert_int_equal(run->targets, 60); /* of each: they may be the same */
   assert_int_equal(run->flows, 200);
   assert_int_equal(run->n_ports, 2);
   assert_int_equal(event_seconds(run), 1900 - 1011 - RUN_GAP);
   assert_int_equal(run->parts[1].port, 80);
   assert_non_null(strstr(event_reason(run, text, sizeof(text)), "joined of 2 scans"));
   assert_int_equal(strlen(run->id), EVENT_ID_SIZE - 1);
   assert_string_not_equal(run->id, run->parts[0].id);
   events_free(&all);
}

static void test_scans_of_several_hosts_are_a_block_scan(void **state)
{
   struct events all = {0};
   char text[256];
   (void) state;
   for (uint32_t i = 0; i < 20; i++) {
      add_scan(&all, "vertical-scan", 1000 + 100 * i, 1010 + 100 * i, 0x0a000001 + i, (uint16_t) (1 + i));
   }
   events_sort(&all);
   assert_int_equal(all.n, 1);
   assert_string_equal(all.list[0].kind, "block-scan");
   assert_int_equal(all.list[0].targets, 20);
   assert_int_equal(all.list[0].n_samples, EVENT_SAMPLES);
   assert_true(all.list[0].more_targets);
   assert_false(event_ip_is_set(&all.list[0].target));
   assert_string_equal(event_amount(&all.list[0], text, sizeof(text)), "20 hosts, 2000 probes");
   assert_int_equal(event_confidence(&all.list[0]), EVENT_LOW); /* as of its parts */
   events_free(&all);
}

/* While alerts come in, one source that scans many hosts is one line, which is due when its alerts have doubled. */
static void test_a_run_is_one_line_while_it_grows(void **state)
{
   struct events all = {0};
   struct event_lines lines = {0};
   const struct event *shown = NULL;
   char text[256];
   bool grown = false;
   uint32_t due = 0;
   (void) state;
   for (uint32_t i = 0; i < 20; i++) {
      add_scan(&all, "vertical-scan", 1000 + 10 * i, 1010 + 10 * i, 0x0a000001 + i, (uint16_t) (1 + i));
      uint32_t number = event_lines_add(&lines, &all, &all.list[all.n - 1], &shown, &grown);
      assert_true(number == 0 || number == 1);
      assert_true(number == 0 || grown == (i > 0));
      due += number;
      if (i == 15) {
         assert_string_equal(shown->kind, "block-scan");
         assert_string_equal(event_amount(shown, text, sizeof(text)), "16 hosts, 1600 probes");
      }
   }
   assert_int_equal(due, 5);                                    /* at 1, 2, 4, 8 and 16 scans */
   add_scan(&all, "vertical-scan", 2000, 2010, 0x0a000001, 22); /* long after it */
   assert_int_equal(event_lines_add(&lines, &all, &all.list[all.n - 1], &shown, &grown), 2);
   assert_false(grown);
   assert_int_equal(all.n, 21); /* the list is as it was */
   event_lines_free(&lines);
   events_free(&all);
}

static void test_both_ends_of_an_attack_are_one_line(void **state)
{
   struct events all = {0};
   struct event_lines lines = {0};
   const struct event *shown = NULL;
   bool grown = false;
   (void) state;
   add_ends(&all, &by_pair, 7, 0, 100, 0);
   assert_int_equal(event_lines_add(&lines, &all, &all.list[0], &shown, &grown), 1);
   add_ends(&all, &by_pair, 0, 9, 95, 0);
   assert_int_equal(event_lines_add(&lines, &all, &all.list[1], &shown, &grown), 1);
   assert_true(grown);
   assert_int_equal(shown->source.ui32[2], ip_from_int(7).ui32[2]);
   assert_int_equal(shown->target.ui32[2], ip_from_int(9).ui32[2]);
   event_lines_free(&lines);
   events_free(&all);
}

/* A sweep over 60 hosts of 10.0.NET.0/24, and a scan of one host. */
static void add_sweep(struct events *all, unsigned net, uint16_t port)
{
   add_scan(all, "horizontal-scan", 1000, 1010, 0, port);
   struct event *e = &all->list[all->n - 1];
   e->samples[0] = ip_from_int(0x0a000001u + (net << 8));
   e->samples[1] = ip_from_int(0x0a000009u + (net << 8));
   e->n_samples = 2;
}

static void test_hosts_of_a_run_are_those_of_all_its_networks(void **state)
{
   struct events all = {0};
   (void) state;
   add_sweep(&all, 1, 22);
   add_sweep(&all, 1, 23); /* the same hosts */
   add_sweep(&all, 9, 80);
   add_scan(&all, "vertical-scan", 1000, 1010, 0x0a000105, 1); /* one of them */
   add_scan(&all, "vertical-scan", 1000, 1010, 0x0a000205, 2);
   add_scan(&all, "vertical-scan", 1020, 1030, 0x0a000205, 3); /* the same host */
   add_scan(&all, "vertical-scan", 1000, 1010, 0x0a000206, 4);
   events_sort(&all);
   assert_int_equal(all.n, 1);
   assert_string_equal(all.list[0].kind, "block-scan");
   assert_int_equal(all.list[0].targets, 60 + 60 + 2);
   assert_int_equal(all.list[0].flows, 400); /* four vertical scans; the sweeps may be the same probes */
   events_free(&all);
}

static enum event_confidence surely(const struct event *e)
{
   (void) e;
   return EVENT_HIGH;
}

static void test_packets_that_were_not_seen_lower_the_confidence(void **state)
{
   struct event_description d = by_pair;
   struct events all = {0};
   char text[256];
   (void) state;
   d.confidence = surely;
   add(&all, &d, 7, 1000, 1010, 22, 6, 0);
   assert_int_equal(event_confidence(&all.list[0]), EVENT_HIGH);
   assert_string_equal(event_why(&all.list[0], text, sizeof(text)), "");
   events_set_unseen(&all, 90);
   assert_int_equal(event_confidence(&all.list[0]), EVENT_MEDIUM);
   assert_non_null(strstr(event_why(&all.list[0], text, sizeof(text)), "90 % of the packets were not seen"));
   events_free(&all);
}

static void test_only_the_key_is_compared(void **state)
{
   struct event_description by_port = by_pair;
   struct events all = {0};
   (void) state;
   by_port.key = EVENT_BY_PORT;
   add(&all, &by_port, 7, 1000, 1010, 22, 6, 0);
   add(&all, &by_port, 8, 1000, 1010, 22, 17, 0);
   assert_int_equal(all.n, 1);
   add(&all, &by_port, 7, 1000, 1010, 23, 6, 0);
   assert_int_equal(all.n, 2);
   add(&all, &by_pair, 7, 1000, 1010, 22, 6, 0); /* of another detector */
   assert_int_equal(all.n, 3);
   events_free(&all);
}

static void test_full_list_goes_on_joining(void **state)
{
   struct events all = {0};
   (void) state;
   for (uint32_t i = 1; i <= EVENTS_MAX; i++) {
      assert_non_null(add(&all, &by_pair, i, 1000, 1010, 22, 6, 0));
   }
   assert_null(add(&all, &by_pair, EVENTS_MAX + 1, 1000, 1010, 22, 6, 0));
   assert_int_equal(all.n, EVENTS_MAX);
   assert_int_equal(all.dropped, 1);
   assert_int_equal(add(&all, &by_pair, 1, 1000, 1010, 22, 6, 0)->alerts, 2);
   assert_int_equal(all.dropped, 1);
   events_free(&all);
}

static void test_order_does_not_depend_on_arrival(void **state)
{
   (void) state;
   for (int backwards = 0; backwards < 2; backwards++) {
      struct events all = {0};
      for (uint32_t i = 0; i < 9; i++) {
         uint32_t k = backwards ? 8 - i : i;
         add(&all, &by_pair, 1 + k % 3, 1000 + 1000 * (k / 3), 1010 + 1000 * (k / 3), 22, 6, 0);
      }
      events_sort(&all);
      for (uint32_t i = 0; i < 9; i++) {
         assert_int_equal(ur_time_get_sec(all.list[i].first), 1000 + 1000 * (i / 3));
         assert_int_equal(ip_get_v4_as_int(&all.list[i].source), 1 + i % 3);
      }
      events_free(&all);
   }
}

static void test_fields_that_are_absent_are_zero(void **state)
{
   const struct alert a = {.layout = layout, .rec = rec};
   (void) state;
   memset(rec, 0xff, sizeof(rec));
   ip_addr_t ip = alert_ip(&a, "NO_SUCH_FIELD");
   assert_false(event_ip_is_set(&ip));
   assert_int_equal(alert_number(&a, "NO_SUCH_FIELD"), 0);
   assert_int_equal(alert_number(&a, "SRC_IP"), 0); /* another type */
   assert_int_equal(alert_time(&a, "PORT_CNT"), 0);
   assert_int_equal(alert_number(&a, "PROTOCOL"), UINT8_MAX);
   assert_int_equal(alert_number(&a, "DST_PORT"), UINT16_MAX);
   assert_int_equal(alert_number(&a, "PORT_CNT"), UINT32_MAX);
   assert_true(alert_number(&a, "EVENT_ID") == UINT64_MAX);
}

static void test_texts(void **state)
{
   struct event e = {.description = &by_pair,
                     .title = by_pair.title,
                     .unit = by_pair.unit,
                     .amount = 12345,
                     .alerts = 1,
                     .port = 22};
   char text[64], small[8];
   (void) state;
   assert_string_equal(format_counted(1, "flow", text, sizeof(text)), "1 flow");
   assert_string_equal(format_counted(0, "flow", text, sizeof(text)), "0 flows");
   assert_string_equal(format_counted(20000, "flow", text, sizeof(text)), "20 000 flows");
   assert_string_equal(event_amount(&e, text, sizeof(text)), "12 345 ports");
   assert_string_equal(event_title(&e, text, sizeof(text)), "test of pairs");
   e.protocol = 17;
   assert_string_equal(event_title(&e, text, sizeof(text)), "test of pairs, UDP");
   e.sources = 3;
   assert_string_equal(event_source(&e, text, sizeof(text)), "3 sources");
   e.samples[0] = ip_from_int(0x0a000001);
   e.samples[1] = ip_from_int(0x0a000002);
   e.n_samples = 2;
   e.targets = 3;
   assert_string_equal(event_target(&e, text, sizeof(text)), "port 22 (ssh) of 10.0.0.1, 10.0.0.2 ...");
   assert_string_equal(event_target(&e, small, sizeof(small)), "port 22");
   e.source = ip_from_int(0x0a000003);
   assert_string_equal(event_source(&e, text, sizeof(text)), "10.0.0.3");
   e.bytes = 1000000;
   e.last = ur_time_from_sec_usec(9, 0);
   assert_string_equal(event_amount(&e, text, sizeof(text)), "1.0 MB, 100 kB/s");
   assert_string_equal(format_rfc3339(ur_time_from_sec_usec(0, 123456), text, sizeof(text)),
                       "1970-01-01T00:00:00.123456Z");
   assert_string_equal(format_duration(0, text, sizeof(text)), "under 1 s");
   assert_string_equal(format_duration(3661, text, sizeof(text)), "1 h 01 min");
}

/* Words separated by blanks. */
static bool has_word(const char *words, const char *word)
{
   size_t n = strlen(word);
   for (const char *p = words; p != NULL && (p = strstr(p, word)) != NULL; p++) {
      if ((p == words || p[-1] == ' ') && (p[n] == 0 || p[n] == ' ')) {
         return true;
      }
   }
   return false;
}

static bool is_kind(const char *kind)
{
   unsigned i = 0;
   while (event_kinds[i] != NULL && strcmp(event_kinds[i], kind) != 0) {
      i++;
   }
   return event_kinds[i] != NULL;
}

static void check_event(const struct event_description *d, const struct event *e)
{
   char text[1024];
   assert_true(is_kind(e->kind));
   assert_true(strcmp(e->kind, d->kind) == 0 || has_word(d->kinds, e->kind));
   assert_true(d->confidence(e) <= EVENT_HIGH);
   assert_true(strlen(event_reason(e, text, sizeof(text))) > 10);
   assert_true(strlen(text) < sizeof(text) - 1);
   assert_int_equal(strlen(e->id), EVENT_ID_SIZE - 1);
}

/* Fixed-length fields are full of the octet, those of variable length are empty. */
static void fill_record(const ur_layout_t *l, int byte)
{
   size_t fixed = 0;
   uint16_t length;
   memset(rec, 0, sizeof(rec));
   for (int i = 0; i < ur_layout_count(l); i++) {
      const char *at = ur_layout_get(l, rec, i, &length);
      fixed = length > 0 && (size_t) (at - rec) + length > fixed ? (size_t) (at - rec) + length : fixed;
   }
   memset(rec, byte, fixed);
   assert_true(ur_layout_check(l, rec, sizeof(rec)));
}

/* Any record of its fields is read; each number of an octet comes, so that all types of its events do. */
static void check_records(const struct event_description *d)
{
   struct events all = {0};
   ur_layout_t *l = ur_layout_create(d->fields);
   assert_non_null(l);
   assert_true(ur_layout_find(l, d->first != NULL ? d->first : "TIME_FIRST") >= 0);
   assert_true(ur_layout_find(l, d->last != NULL ? d->last : "TIME_LAST") >= 0);
   for (int byte = 0; byte < 256; byte++) {
      fill_record(l, byte);
      struct event *e = events_add(&all, d, &(struct alert){.layout = l, .rec = rec});
      if (e != NULL) {
         check_event(d, e);
      }
   }
   assert_true(all.n > 0 && all.n + all.ignored <= 256);
   events_free(&all);
   ur_layout_free(l);
}

/* Each detector's description is complete, and reads any record of the fields that it names. */
static void check_description(const struct event_description *d)
{
   assert_ptr_equal(event_description_find(d->program), d);
   assert_true(d->title != NULL && d->unit != NULL && d->key != 0);
   assert_true(is_kind(d->kind) && !has_word(d->kinds, d->kind));
   assert_true(d->plugins != NULL || !d->plugins_optional);
   assert_true((d->fields == NULL) == (d->json != NULL));
   if (d->fields != NULL) {
      check_records(d);
   }
}

/* The README of a detector has the rows of its rule, or says in its own way how sure it is. */
static void check_rules(const struct event_description *d)
{
   static char text[65536];
   char row[512], path[512];
   unsigned n = 0;
   assert_non_null(d->rules);
   snprintf(path, sizeof(path), DETECTORS "/%s/README.md", d->program);
   FILE *file = fopen(path, "r");
   assert_non_null(file);
   text[fread(text, 1, sizeof(text) - 1, file)] = 0;
   fclose(file);
   assert_non_null(strstr(text, "How sure"));
   bool rows = strstr(text, "| how sure | why |") != NULL;
   for (const struct event_rule *r = d->rules; n == 0 || r[-1].holds != NULL; r++, n++) {
      snprintf(row, sizeof(row), "| %s | %s |\n", event_confidence_names[r->confidence], r->why);
      if (rows && strstr(text, row) == NULL) {
         fail_msg("%s does not have the row %s", path, row);
      }
   }
}

static void test_descriptions(void **state)
{
   (void) state;
   assert_non_null(event_descriptions[0]);
   for (unsigned i = 0; event_descriptions[i] != NULL; i++) {
      const struct event_description *d = event_descriptions[i];
      check_description(d);
      assert_true(i == 0 || strcmp(event_descriptions[i - 1]->program, d->program) < 0);
      check_rules(d);
      assert_non_null(d->needs);
      ur_layout_t *l = ur_layout_create(d->needs);
      assert_non_null(l);
      ur_layout_free(l);
      assert_ptr_equal(event_description_aggregated_by(d->program), NULL);
   }
   for (unsigned i = 0; event_foreign_descriptions[i] != NULL; i++) {
      check_description(event_foreign_descriptions[i]);
   }
   assert_null(event_description_find("no_such_detector"));
   assert_string_equal(event_description_aggregated_by("vportscan_aggregator")->program,
                       "vportscan_detector");
   assert_null(event_description_aggregated_by("vportscan_detector"));
}

int main(void)
{
   layout = ur_layout_create(FIELDS);
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_alerts_of_one_event_are_joined),
       cmocka_unit_test(test_totals_are_not_added_up),
       cmocka_unit_test(test_a_group_joins_over_any_gap),
       cmocka_unit_test(test_one_attack_is_one_event_whoever_saw_it),
       cmocka_unit_test(test_two_ends_that_one_program_saw_are_one_event),
       cmocka_unit_test(test_scans_of_one_source_are_a_run),
       cmocka_unit_test(test_scans_of_several_hosts_are_a_block_scan),
       cmocka_unit_test(test_a_run_is_one_line_while_it_grows),
       cmocka_unit_test(test_both_ends_of_an_attack_are_one_line),
       cmocka_unit_test(test_hosts_of_a_run_are_those_of_all_its_networks),
       cmocka_unit_test(test_packets_that_were_not_seen_lower_the_confidence),
       cmocka_unit_test(test_only_the_key_is_compared),
       cmocka_unit_test(test_full_list_goes_on_joining),
       cmocka_unit_test(test_order_does_not_depend_on_arrival),
       cmocka_unit_test(test_fields_that_are_absent_are_zero),
       cmocka_unit_test(test_texts),
       cmocka_unit_test(test_descriptions),
   };
   int failed = cmocka_run_group_tests(tests, NULL, NULL);
   ur_layout_free(layout);
   return failed;
}
