/* SPDX-License-Identifier: BSD-3-Clause */
/** Alerts of all kinds, as records and as JSON, and the events that they become. */
#include <jansson.h>
#include <nemea/alert_input.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An alert, and members that its event has. */
static const struct sample {
   const char *program, *alert, *event;
} samples[] = {
    {"amplification_detection",
     "{\"DST_IP\":\"198.51.100.7\",\"SRC_IP\":\"192.0.2.53\",\"REQ_BYTES\":250000,\"SRC_PORT\":53,"
     "\"RSP_FLOWS\":4000,\"RSP_PACKETS\":9000,\"RSP_BYTES\":12000000,\"ADDR_CNT\":40,"
     "\"TIME_FIRST\":\"2026-03-01T10:00:00.250\",\"TIME_LAST\":\"2026-03-01T10:04:59.750\"}",
     "{\"kind\":\"amplification\",\"sources\":[{\"ip\":\"192.0.2.53\",\"count\":1},{\"ip\":null,\"count\":39}"
     "],"
     "\"targets\":[{\"ip\":\"198.51.100.7\",\"count\":1}],\"ports\":[53],\"protocol\":17,\"flows\":4000,"
     "\"packets\":9000,\"bytes\":12000000,\"attack\":[\"T1498.002\"],\"confidence\":\"high\","
     "\"begin\":\"2026-03-01T10:00:00.250000Z\",\"end\":\"2026-03-01T10:04:59.750000Z\","
     "\"reason\":\"40 servers sent 12.0 MB, 40.0 kB/s of answers to 198.51.100.7 in 4 min 59 s, up to 48 "
     "times "
     "as much as the queries in its name; 300 large answers of ten times their queries are enough\"}"},
    {"brute_force_detector",
     "{\"SRC_IP\":\"203.0.113.9\",\"DST_IP\":\"198.51.100.7\",\"DST_PORT\":22,\"PROTOCOL\":6,\"EVENT_SCALE\":"
     "67,"
     "\"PACKETS\":2000,\"BYTES\":300000,\"ADDR_CNT\":1,\"DETECTION_TIME\":\"2026-03-01T10:00:13\","
     "\"TIME_FIRST\":\"2026-03-01T10:00:00\",\"TIME_LAST\":\"2026-03-01T10:00:13\"}",
     "{\"kind\":\"password-guessing\",\"sources\":[{\"ip\":\"203.0.113.9\",\"count\":1}],\"ports\":[22],"
     "\"flows\":67,"
     "\"packets\":2000,\"bytes\":300000,\"attack\":[\"T1110\"],\"confidence\":\"high\","
     "\"reason\":\"203.0.113.9 tried 67 SSH log-ins at port 22 of 198.51.100.7 in 13 s, each of the size of "
     "a refused one; 30 such, "
     "or 10 that the server delayed within five minutes, are guessing\"}"},
    {"ddos_detector",
     "{\"DST_IP\":\"198.51.100.7\",\"BYTES\":123456789,\"EVENT_ID\":18446744073709,\"AVG_IP_CNT_CURRENT\":"
     "800,"
     "\"AVG_IP_CNT_ORIGINAL\":12,\"TIME_FIRST\":\"2026-03-01T10:00:00\",\"TIME_LAST\":\"2026-03-01T10:05:"
     "00\"}",
     "{\"kind\":\"flood\",\"sources\":[{\"ip\":null,\"count\":800}],\"bytes\":123456789,\"flows\":null,"
     "\"attack\":[\"T1498\"]}"},
    {"dnsblacklistfilter",
     "{\"SRC_IP\":\"192.0.2.53\",\"DST_IP\":\"192.0.2.33\",\"SRC_PORT\":53,\"DST_PORT\":5000,\"PROTOCOL\":17,"
     "\"PACKETS\":1,"
     "\"BYTES\":90,\"DNS_NAME\":\"evil.example\",\"TIME_FIRST\":\"2026-03-01T10:00:00\",\"TIME_LAST\":\"2026-"
     "03-01T10:00:00\"}",
     "{\"kind\":\"blacklisted-name\",\"sources\":[{\"ip\":\"192.0.2.33\",\"count\":1}],\"targets\":[{\"ip\":"
     "\"192.0.2.53\","
     "\"count\":1}],\"ports\":[53],\"flows\":1,\"packets\":1,\"bytes\":90,\"attack\":[\"T1071.004\"],"
     "\"confidence\":\"low\"}"},
    {"dnstunnel_detection",
     "{\"SRC_IP\":\"192.0.2.33\",\"EVENT_ID\":7,\"TUNNEL_TYPE\":1,\"TUNNEL_CNT_PACKET\":300,\"TUNNEL_PER_NEW_"
     "DOMAIN\":0.97,"
     "\"TIME_FIRST\":\"2026-03-01T10:00:00\",\"TIME_LAST\":\"2026-03-01T10:01:00\"}",
     "{\"kind\":\"dns-tunnel\",\"packets\":300,\"attack\":[\"T1071.004\",\"T1572\"],"
     "\"reason\":\"192.0.2.33: 300 DNS names or answers in 1 min 00 s, long, of many characters, and 97 of "
     "100 hardly seen before: data "
     "is carried in them (150 requests or 50 responses, more than 90 of 100 new, are enough)\"}"},
    {"haddrscan_detector",
     "{\"SRC_IP\":\"203.0.113.9\",\"DST_PORT\":23,\"PROTOCOL\":6,\"ADDR_CNT\":50,\"ADDR_THRSD\":50,\"DST_"
     "IP0\":\"192.0.2.1\","
     "\"DST_IP1\":\"192.0.2.2\",\"DST_IP2\":\"::\",\"DST_IP3\":\"::\",\"TIME_FIRST\":\"2026-03-01T10:00:00\","
     "\"TIME_LAST\":\"2026-03-01T10:00:05\"}",
     "{\"kind\":\"horizontal-scan\",\"targets\":[{\"ip\":\"192.0.2.1\",\"count\":1},{\"ip\":\"192.0.2.2\","
     "\"count\":1},{\"ip\":null,"
     "\"count\":48}],\"flows\":50,\"attack\":[\"T1046\"],\"reason\":\"203.0.113.9 probed TCP port 23 of 50 "
     "hosts in 5 s; 50 hosts "
     "without an ordinary answer are a scan\"}"},
    {"hoststatsnemea",
     "{\"SRC_IP\":\"0.0.0.0\",\"DST_IP\":\"198.51.100.7\",\"EVENT_TYPE\":10,\"PROTOCOL\":6,\"EVENT_SCALE\":"
     "300000,"
     "\"TIME_FIRST\":\"2026-03-01T10:00:00\",\"TIME_LAST\":\"2026-03-01T10:05:00\"}",
     "{\"kind\":\"flood\",\"sources\":[],\"targets\":[{\"ip\":\"198.51.100.7\",\"count\":1}],\"flows\":"
     "300000,\"attack\":[\"T1498\"]}"},
    {"ipblacklistfilter",
     "{\"SRC_IP\":\"192.0.2.33\",\"DST_IP\":\"203.0.113.66\",\"BYTES\":500,\"PACKETS\":5,\"PROTOCOL\":6,"
     "\"SRC_BLACKLIST\":0,"
     "\"DST_BLACKLIST\":4,\"TIME_FIRST\":\"2026-03-01T10:00:00\",\"TIME_LAST\":\"2026-03-01T10:00:01\"}",
     "{\"kind\":\"blacklisted-address\",\"sources\":[{\"ip\":\"203.0.113.66\",\"count\":1}],\"packets\":5,"
     "\"attack\":[\"T1071\"]}"},
    {"sip_bf_detector",
     "{\"SBFD_TARGET\":\"198.51.100.5\",\"SBFD_SOURCE\":\"203.0.113.9\",\"DST_PORT\":5060,\"SBFD_PROTOCOL\":"
     "17,"
     "\"SBFD_EVENT_TYPE\":2,\"SBFD_ATTEMPTS\":60,\"SBFD_EVENT_TIME\":\"2026-03-01T10:00:00\","
     "\"SBFD_CEASE_TIME\":\"2026-03-01T10:02:00\"}",
     "{\"kind\":\"user-scan\",\"ports\":[5060],\"attack\":[\"T1087\"],\"begin\":\"2026-03-01T10:00:00."
     "000000Z\"}"},
    {"urlblacklistfilter",
     "{\"SRC_IP\":\"192.0.2.33\",\"DST_IP\":\"203.0.113.66\",\"DST_PORT\":80,\"PROTOCOL\":6,\"BYTES\":500,"
     "\"PACKETS\":5,"
     "\"HTTP_REQUEST_HOST\":\"evil.example\",\"HTTP_REQUEST_URL\":\"/"
     "x\",\"TIME_FIRST\":\"2026-03-01T10:00:00\","
     "\"TIME_LAST\":\"2026-03-01T10:00:01\"}",
     "{\"kind\":\"blacklisted-url\",\"attack\":[\"T1071.001\"],\"reason\":\"192.0.2.33 requested blacklisted "
     "URLs 1 times in 1 s, first "
     "\\\"evil.example/x\\\"\"}"},
    {"vportscan_detector",
     "{\"SRC_IP\":\"203.0.113.9\",\"DST_IP\":\"198.51.100.7\",\"PROTOCOL\":6,\"PORT_CNT\":50,\"TIME_FIRST\":"
     "\"2026-03-01T10:00:00\","
     "\"TIME_LAST\":\"2026-03-01T10:00:05\"}",
     "{\"kind\":\"vertical-scan\",\"flows\":50,\"ports\":[],\"attack\":[\"T1046\"],\"id\":"
     "\"18b3b3f42958742e15bb6b4e62d2e25b\"}"},
    {"dga",
     "{\"SRC_IP\":\"192.0.2.33\",\"DST_IP\":\"192.0.2.53\",\"TIME_FIRST\":\"2026-03-01T10:00:00.250\","
     "\"TIME_LAST\":\"2026-03-01T10:04:59.750\",\"DNS_Q_NAME\":\"qzxkvjw.example\"}",
     "{\"kind\":\"botnet\",\"sources\":[{\"ip\":\"192.0.2.33\",\"count\":1}],\"attack\":[\"T1568.002\"],"
     "\"reason\":\"192.0.2.33 looked up 1 "
     "generated name in 4 min 59 s, first \\\"qzxkvjw.example\\\": malware finds its servers so\"}"},
    {"sshbruteforceml",
     "{\"SRC_IP\":\"203.0.113.9\",\"DST_IP\":\"198.51.100.7\",\"DST_PORT\":22,\"ATTEMPTS\":57,"
     "\"EVENT_TIME\":\"2026-03-01T10:04:59.750\"}",
     "{\"kind\":\"password-guessing\",\"ports\":[22],\"protocol\":6,\"flows\":57,\"begin\":\"2026-03-01T10:"
     "04:59.750000Z\","
     "\"end\":\"2026-03-01T10:04:59.750000Z\",\"confidence\":\"high\"}"},
    {"venom",
     "{\"DST_IP\":\"198.51.100.7\",\"SRC_IP\":\"203.0.113.9\",\"BYTES\":120,\"TIME_FIRST\":\"2026-03-01T10:"
     "00:00.250\","
     "\"TIME_LAST\":\"2026-03-01T10:04:59.750\",\"PACKETS\":2,\"DST_PORT\":22,\"SRC_PORT\":4444,\"PROTOCOL\":"
     "6,\"VENOM\":255}",
     "{\"kind\":\"malware\",\"ports\":[22],\"packets\":2,\"bytes\":120,\"confidence\":\"high\",\"attack\":["
     "\"T1014\",\"T1205\"]}"},
    {"venom",
     "{\"DST_IP\":\"198.51.100.7\",\"SRC_IP\":\"203.0.113.9\",\"BYTES\":120,\"TIME_FIRST\":\"2026-03-01T10:"
     "00:00.250\","
     "\"TIME_LAST\":\"2026-03-01T10:04:59.750\",\"PACKETS\":2,\"DST_PORT\":22,\"SRC_PORT\":1221,\"PROTOCOL\":"
     "17,\"VENOM\":3}",
     "{\"kind\":\"malware\",\"protocol\":17,\"confidence\":\"low\"}"},
    {"smashedblacklist",
     "{\"source\":\"203.0.113.66\",\"targets\":[\"192.0.2.33\",\"192.0.2.34\"],\"protocol\":6,\"source_"
     "ports\":[3333,4444],"
     "\"blacklist_id\":1,\"ts_first\":1772359200.25,\"ts_last\":1772359499.75,\"agg_win_minutes\":5}",
     "{\"kind\":\"mining\",\"sources\":[{\"ip\":\"192.0.2.33\",\"count\":1},{\"ip\":\"192.0.2.34\",\"count\":"
     "1}],"
     "\"targets\":[{\"ip\":\"203.0.113.66\",\"count\":1}],\"ports\":[3333,4444],\"begin\":\"2026-03-01T10:00:"
     "00.250000Z\","
     "\"end\":\"2026-03-01T10:04:59.750000Z\",\"attack\":[\"T1496\"],\"flows\":null}"},
    {"idea2idea",
     "{\"Format\":\"IDEA0\",\"ID\":\"e214d2d9\",\"DetectTime\":\"2016-06-21T13:08:27Z\",\"Category\":["
     "\"Attempt.Login\"],"
     "\"Source\":[{\"IP4\":[\"203.0.113.9\"],\"Proto\":[\"tcp\",\"ssh\"]},{\"IP6\":[\"2001:db8::1\"]}],"
     "\"Target\":[{\"IP4\":[\"198.51.100.0/24\"],\"Port\":[22]}],\"FlowCount\":9,\"Confidence\":0.2,"
     "\"Node\":[{\"Name\":\"org.example.x\"}]}",
     "{\"kind\":\"password-guessing\",\"sources\":[{\"ip\":\"203.0.113.9\",\"count\":1},{\"ip\":\"2001:db8::"
     "1\",\"count\":1}],"
     "\"targets\":[{\"ip\":null,\"count\":1}],\"ports\":[22],\"protocol\":6,\"flows\":9,\"confidence\":"
     "\"low\",\"attack\":[\"T1110\"],"
     "\"begin\":\"2016-06-21T13:08:27.000000Z\",\"end\":\"2016-06-21T13:08:27.000000Z\",\"detector\":"
     "\"idea2idea\","
     "\"reason\":\"org.example.x: Attempt.Login; from 2 sources against many hosts, as the sender of the "
     "alert says\"}"},
    {"idea2idea",
     "{\"Format\":\"IDEA0\",\"EventTime\":\"2016-06-21T13:00:00Z\",\"DetectTime\":\"2016-06-21T13:08:27Z\","
     "\"Category\":\"Test\","
     "\"Description\":\"Something \\u001b[31m odd\",\"Source\":{\"IP4\":\"203.0.113.9\"}}",
     "{\"kind\":\"other\",\"sources\":[{\"ip\":\"203.0.113.9\",\"count\":1}],\"targets\":[],\"attack\":[],"
     "\"confidence\":\"medium\","
     "\"begin\":\"2016-06-21T13:00:00.000000Z\",\"reason\":\": Something \\\\x1b[31m odd; from 203.0.113.9, "
     "as the sender of the alert "
     "says\"}"},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static json_t *parse(const char *text)
{
   json_error_t error;
   json_t *value = json_loads(text, 0, &error);
   if (value == NULL) {
      print_error("%s at %d of %s\n", error.text, error.position, text);
   }
   assert_non_null(value);
   return value;
}

/* The event of one alert as JSON. */
static json_t *event_of(const char *program, const struct alert *a)
{
   struct events all = {0};
   const struct event *e = events_add(&all, event_description_find(program), a);
   assert_non_null(e);
   json_t *json = event_json(e);
   assert_non_null(json);
   events_free(&all);
   return json;
}

/* A record of the fields of a description with the values of an object. \return size */
static uint32_t make_record(const char *fields, const json_t *values, void *rec)
{
   const char *name;
   json_t *value;
   assert_int_equal(ur_define_set_of_fields(fields), UR_OK);
   ur_template_t *t = ur_create_template_from_ifc_spec(fields);
   assert_non_null(t);
   memset(rec, 0, ur_rec_fixlen_size(t));
   json_object_foreach((json_t *) (uintptr_t) values, name, value)
   {
      char text[128];
      if (json_is_string(value)) {
         snprintf(text, sizeof(text), "%s", json_string_value(value));
      } else if (json_is_real(value)) {
         snprintf(text, sizeof(text), "%f", json_real_value(value));
      } else {
         snprintf(text, sizeof(text), "%lld", (long long) json_integer_value(value));
      }
      assert_int_equal(ur_set_from_string(t, rec, (ur_field_id_t) ur_get_id_by_name(name), text), 0);
   }
   uint32_t size = ur_rec_size(t, rec);
   ur_free_template(t);
   ur_finalize();
   return size;
}

static void check_members(const struct sample *s, const json_t *event)
{
   json_t *expected = parse(s->event), *value;
   const char *key;
   json_object_foreach(expected, key, value)
   {
      json_t *got = json_object_get(event, key);
      if (!json_equal(got, value)) {
         char *text = json_dumps(got, JSON_ENCODE_ANY);
         fail_msg("%s: %s is %s", s->program, key, text);
      }
   }
   json_decref(expected);
}

static void each_kind_of_alert_becomes_an_event(void **state)
{
   static char rec[UR_MAX_SIZE];
   (void) state;
   for (size_t i = 0; i < SAMPLES; i++) {
      const struct sample *s = &samples[i];
      const struct event_description *d = event_description_find(s->program);
      assert_non_null(d);
      json_t *alert = parse(s->alert);
      json_t *event = event_of(s->program, &(struct alert){.json = alert});
      check_members(s, event);
      if (d->fields != NULL) { /* the record says the same as the object */
         ur_layout_t *layout = ur_layout_create(d->fields);
         assert_int_equal(ur_layout_check(layout, rec, make_record(d->fields, alert, rec)), 1);
         json_t *same = event_of(s->program, &(struct alert){.layout = layout, .rec = rec});
         check_members(s, same);
         assert_true(json_equal(event, same));
         json_decref(same);
         ur_layout_free(layout);
      }
      json_decref(event);
      json_decref(alert);
   }
}

static void every_foreign_description_has_a_sample(void **state)
{
   (void) state;
   for (const struct event_description *const *d = event_foreign_descriptions; *d != NULL; d++) {
      size_t i = 0;
      while (i < SAMPLES && strcmp(samples[i].program, (*d)->program) != 0) {
         i++;
      }
      if (i == SAMPLES) {
         fail_msg("%s has no sample here", (*d)->program);
      }
   }
}

static json_t *at(const json_t *root, const char *path)
{
   char copy[128], *save = NULL;
   snprintf(copy, sizeof(copy), "%s", path);
   for (char *key = strtok_r(copy, "/", &save); key != NULL && root != NULL;
        key = strtok_r(NULL, "/", &save)) {
      root = json_object_get(root, key);
   }
   assert_non_null(root);
   return (json_t *) (uintptr_t) root;
}

static void check_enum(const json_t *schema, const char *path, const char *const names[])
{
   json_t *list = at(schema, path);
   size_t n = 0;
   for (; names[n] != NULL; n++) {
      assert_string_equal(json_string_value(json_array_get(list, n)), names[n]);
   }
   assert_int_equal(json_array_size(list), n);
}

/* The schema has the keys of events, in their order, and the lists of values. */
static void events_have_the_keys_of_the_schema(void **state)
{
   (void) state;
   const char *const confidences[] = {event_confidence_names[0], event_confidence_names[1],
                                      event_confidence_names[2], NULL};
   const char *const states[] = {event_state_names[0], event_state_names[1], event_state_names[2],
                                 event_state_names[3], NULL};
   json_t *schema = json_load_file(EVENT_SCHEMA, 0, NULL), *alert = parse(samples[0].alert), *value;
   json_t *event = event_of(samples[0].program, &(struct alert){.json = alert});
   const char *key;
   size_t n = 0;
   assert_non_null(schema);
   json_object_foreach(event, key, value)
   {
      if (n < json_array_size(at(schema, "required"))) { /* those that only some events have come last */
         assert_string_equal(json_string_value(json_array_get(at(schema, "required"), n++)), key);
      }
      assert_non_null(json_object_get(at(schema, "properties"), key));
   }
   assert_int_equal(json_array_size(at(schema, "required")), n);
   check_enum(schema, "properties/kind/enum", event_kinds);
   check_enum(schema, "properties/confidence/enum", confidences);
   check_enum(schema, "properties/state/enum", states);
   json_decref(event);
   json_decref(alert);
   json_decref(schema);
}

/* Values that are absent, of other types, or absurd. */
static void values_that_are_no_good_are_zero(void **state)
{
   ip_addr_t ips[2];
   uint64_t all, numbers[4];
   char text[32];
   (void) state;
   json_t *json =
       parse("{\"n\":-5,\"big\":1e300,\"text\":\"7x\",\"digits\":\"42\",\"null\":null,\"ip\":\"300.1.1.1\","
             "\"t\":1e300,"
             "\"t2\":-1,\"list\":[1,\"x\",[2,{\"a\":3}],null],\"deep\":{\"list\":[{\"ip\":[\"192.0.2.1\",7]},"
             "{\"ip\":\"192.0.2.2\"},{\"ip\":\"192.0.2.3\"}]}}");
   const struct alert a = {.json = json}, empty = {0};
   assert_int_equal(alert_number(&a, "n"), 0);
   assert_int_equal(alert_number(&a, "big"), 0);
   assert_int_equal(alert_number(&a, "text"), 0);
   assert_int_equal(alert_number(&a, "digits"), 42);
   assert_int_equal(alert_number(&a, "list.a"), 3);
   assert_false(alert_has(&a, "null"));
   assert_false(alert_has(&a, "absent"));
   assert_true(alert_has(&a, "ip"));
   ip_addr_t ip = alert_ip(&a, "ip");
   assert_false(event_ip_is_set(&ip));
   assert_true(alert_time(&a, "t") == 0 && alert_time(&a, "t2") == 0 && alert_time(&a, "text") == 0);
   assert_int_equal(alert_ips(&a, "deep.list.ip", ips, 2, &all), 2);
   assert_int_equal(all, 4);
   assert_int_equal(ip_get_v4_as_int(&ips[1]), 0xc0000202);
   assert_int_equal(alert_numbers(&a, "list", numbers, 4, &all), 2);
   assert_int_equal(all, 4);
   assert_string_equal(alert_text(&a, "n", text, sizeof(text)), "");
   assert_int_equal(alert_number(&empty, "n"), 0);
   json_decref(json);
   json = parse("[[[[[[[[[[[[[[[[[[[[{\"n\":1}]]]]]]]]]]]]]]]]]]]]"); /* deeper than paths lead */
   assert_int_equal(alert_number(&(struct alert){.json = json}, "n"), 0);
   json_decref(json);
}

/* An id is the same in all releases: whoever has stored it finds the event again. */
static void ids_are_stable(void **state)
{
   struct events all = {0};
   const struct event_description *d = event_description_find("vportscan_detector");
   (void) state;
   json_t *json =
       parse("{\"SRC_IP\":\"203.0.113.9\",\"DST_IP\":\"2001:db8::7\",\"PROTOCOL\":6,\"PORT_CNT\":50,"
             "\"TIME_FIRST\":\"2026-03-01T10:00:00.25\",\"TIME_LAST\":\"2026-03-01T10:00:05\"}");
   const struct alert a = {.json = json};
   const struct event *e = events_add(&all, d, &a);
   /* printf 'vportscan_detector vertical-scan 203.0.113.9 2001:db8::7 0 6 2026-03-01T10:00:00.250000Z' | sha256sum */
   assert_string_equal(e->id, "3124edbb67eae989e5290b48a806486a");
   json_object_set_new(json, "TIME_FIRST",
                       json_string("2026-03-01T09:59:00")); /* an earlier one comes late */
   e = events_add(&all, d, &a);
   assert_int_equal(e->alerts, 2);
   assert_string_equal(e->id, "3124edbb67eae989e5290b48a806486a");
   events_free(&all);
   json_decref(json);
}

/* One attack, as a detector of floods and one of amplification see it. */
static void an_amplification_that_is_also_a_flood_is_one_event(void **state)
{
   struct events all = {0};
   (void) state;
   for (int order = 0; order < 2; order++) {
      for (int i = 0; i < 2; i++) {
         const struct sample *s = &samples[(order + i) % 2 == 0 ? 0 : 2]; /* of the same victim and time */
         json_t *json = parse(s->alert);
         assert_non_null(events_add(&all, event_description_find(s->program), &(struct alert){.json = json}));
         json_decref(json);
      }
      assert_int_equal(all.n, 2);
      events_sort(&all);
      assert_int_equal(all.n, 1);
      assert_string_equal(all.list[0].kind, "amplification");
      assert_string_equal(all.list[0].attack, "T1498.002");
      assert_int_equal(all.list[0].alerts, 2);
      events_free(&all);
   }
}

/* More hosts than an event names. */
static void the_rest_of_many_hosts_is_counted(void **state)
{
   struct events all = {0};
   const struct event_description *d = event_description_find("brute_force_detector");
   (void) state;
   json_t *json = parse(samples[1].alert), *event = NULL;
   for (int i = 1; i <= EVENT_SAMPLES + 3; i++) {
      char ip[32];
      snprintf(ip, sizeof(ip), "198.51.100.%d", i);
      json_object_set_new(json, "DST_IP", json_string(ip));
      json_object_set_new(json, "ADDR_CNT", json_integer(i));
      const struct event *e = events_add(&all, d, &(struct alert){.json = json});
      json_decref(event);
      event = event_json(e);
      json_t *targets = json_object_get(event, "targets");
      size_t n = json_array_size(targets);
      assert_int_equal(n, i <= EVENT_SAMPLES ? i : EVENT_SAMPLES + 1);
      assert_int_equal(json_integer_value(json_object_get(json_array_get(targets, n - 1), "count")),
                       i <= EVENT_SAMPLES ? 1 : i - EVENT_SAMPLES);
   }
   char text[128];
   assert_string_equal(event_target(&all.list[0], text, sizeof(text)),
                       "port 22 (ssh) of 198.51.100.1, 198.51.100.2 ...");
   json_decref(event);
   event = event_json_v1(&all.list[0]);
   assert_true(json_is_null(json_object_get(event, "victim")));
   assert_int_equal(json_array_size(json_object_get(event, "victim_samples")), 4);
   json_decref(event);
   json_decref(json);
   events_free(&all);
}

static void inputs_know_whose_alerts_they_carry(void **state)
{
   (void) state;
   struct alert_input in[2] = {0};
   char why[ALERT_INPUT_WHY] = "";
   struct event e;
   assert_true(alert_inputs_name(in, 2, NULL, why));
   assert_true(alert_inputs_name(in, 2, "ddos_detector,haddrscan_detector", why));
   assert_false(alert_inputs_name(in, 2, "ddos_detector", why));
   assert_non_null(strstr(why, "1 names for 2 inputs"));
   assert_false(alert_inputs_name(in, 2, "ddos_detector,nobody", why));
   assert_non_null(strstr(why, "\"nobody\" is no detector"));
   assert_false(alert_inputs_name(in, 2, "ddos_detector,", why));

   /* The name counts more than the interface. */
   assert_true(alert_input_format(&in[0], "vportscan_detector", true, "anything", why));
   assert_string_equal(in[0].description->program, "ddos_detector");
   struct alert_input other = {0};
   assert_true(alert_input_format(&other, "/a/vportscan_detector.trapcap", true, "anything", why));
   assert_string_equal(other.description->program, "vportscan_detector");
   assert_false(alert_input_format(&other, "flows", true, "anything", why));
   assert_non_null(strstr(why, "--detectors"));
   assert_false(alert_input_format(&other, "vportscan_detector", false, "no template", why));
   assert_non_null(strstr(why, "other data"));
   alert_inputs_free(&other, 1);

   static const char scan[] =
       "{\"DST_IP\":\"198.51.100.7\",\"BYTES\":12345,\"EVENT_ID\":1,\"TIME_FIRST\":5,\"TIME_LAST\":6}";
   assert_int_equal(alert_input_read(&in[0], scan, strlen(scan), &e), ALERT_EVENT);
   assert_string_equal(e.kind, "flood");
   assert_int_equal(alert_input_read(&in[0], scan, strlen(scan) - 1, &e), ALERT_INVALID);
   assert_int_equal(alert_input_read(&in[0], "[]", 2, &e), ALERT_INVALID);
   assert_true(alert_input_format(&in[0], "x", false, event_description_find("ddos_detector")->fields, why));
   assert_int_equal(alert_input_read(&in[0], scan, 3, &e), ALERT_INVALID);
   alert_inputs_free(in, 2);
   alert_inputs_free(NULL, 2);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(each_kind_of_alert_becomes_an_event),
       cmocka_unit_test(every_foreign_description_has_a_sample),
       cmocka_unit_test(events_have_the_keys_of_the_schema),
       cmocka_unit_test(values_that_are_no_good_are_zero),
       cmocka_unit_test(an_amplification_that_is_also_a_flood_is_one_event),
       cmocka_unit_test(ids_are_stable),
       cmocka_unit_test(the_rest_of_many_hosts_is_counted),
       cmocka_unit_test(inputs_know_whose_alerts_they_carry),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
