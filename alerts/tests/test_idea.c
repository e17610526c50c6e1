/* SPDX-License-Identifier: BSD-3-Clause */
/** IDEA messages: those of NEMEA 2's reporters (tests/golden/idea), what they did wrong, and messages of events. */
#include <dirent.h>
#include <jansson.h>
#include <nemea/idea.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_MESSAGES 32
#define NOW          1795000000

static const struct idea_blacklist lists[] = {
    {.id = 1, .name = "TestC2", .category = "Intrusion.Botnet", .source = "https://bl.example/c2"},
    {.id = 2, .name = "Pools", .category = "Suspicious.Miner", .source = "https://bl.example/pools"},
    {.id = 3, .name = "Booters", .category = "Suspicious.Booter", .source = "https://bl.example/boot"},
    {.id = 4, .name = "Spam", .category = "Abusive.Spam", .source = "https://bl.example/spam"},
    {.names = true, .id = 1, .name = "UrlMal", .category = "Malware", .source = "https://bl.example/url"},
    {.names = true,
     .id = 2,
     .name = "Phish",
     .category = "Fraud.Phishing",
     .source = "https://bl.example/phish"},
};

static bool is_guarded(const void *context, const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN];
   (void) context;
   ip_to_str(ip, text);
   return strncmp(text, "198.51.100.", 11) == 0;
}

static struct idea_options options_of(const struct idea_reporter *r, char *node, size_t size)
{
   snprintf(node, size, "org.example.nemea.%s", r->module);
   return (struct idea_options){.node = node,
                                .now = NOW,
                                .window = strcmp(r->name, "haddrscan") == 0 ? "00:10:00" : NULL,
                                .blacklists = lists,
                                .n_blacklists = sizeof(lists) / sizeof(lists[0]),
                                .guarded = is_guarded};
}

static json_t *message_of(const char *reporter, const struct alert *a, enum idea_result *result)
{
   char node[128];
   const struct idea_reporter *r = idea_reporter_find(reporter);
   assert_non_null(r);
   struct idea_options o = options_of(r, node, sizeof(node));
   return idea_of_alert(r, a, &o, result);
}

/* The message of an alert in JSON. \return NULL: skipped */
static json_t *of_json(const char *reporter, const char *text)
{
   enum idea_result result;
   json_t *json = json_loads(text, 0, NULL);
   assert_non_null(json);
   json_t *message = message_of(reporter, &(struct alert){.json = json}, &result);
   assert_true(message != NULL ? result == IDEA_OK : result != IDEA_OK && result != IDEA_MEMORY);
   json_decref(json);
   return message;
}

static void has(json_t *message, const char *members)
{
   json_t *expected = json_loads(members, 0, NULL), *value;
   const char *key;
   assert_non_null(message);
   assert_non_null(expected);
   json_object_foreach(expected, key, value)
   {
      if (!json_equal(json_object_get(message, key), value)) {
         char *text = json_dumps(message, 0);
         print_message("%s: %s\n", key, text);
         free(text);
         fail();
      }
   }
   json_decref(expected);
   json_decref(message);
}

/* ----------------------------------------------------------------- recorded cases */

/* What a run cannot have in common with another. */
static char *comparable(json_t *message, json_t *recorded)
{
   static const char *const own[] = {"ID", "CreateTime"};
   const char *create = json_string_value(json_object_get(recorded, "CreateTime"));
   const char *detect = json_string_value(json_object_get(recorded, "DetectTime"));
   if (create != NULL && detect != NULL && strcmp(create, detect) == 0) { /* the time of the run */
      json_object_set_new(message, "DetectTime", json_null());
   }
   for (size_t i = 0; i < 2; i++) {
      if (json_object_get(message, own[i]) != NULL) {
         json_object_set_new(message, own[i], json_null());
      }
   }
   return json_dumps(message, JSON_REAL_PRECISION(15));
}

static void compare(const char *name, json_t *message, json_t *recorded)
{
   json_t *original = json_deep_copy(recorded);
   char *is = comparable(message, original), *should = comparable(recorded, original);
   if (strcmp(is, should) != 0) {
      print_message("%s:\n%s\n%s\n", name, is, should);
      fail();
   }
   free(is);
   free(should);
   json_decref(original);
}

/* A record of the sender's format. The caller frees it. */
static void *record_of(const char *format, json_t *values, uint16_t *size)
{
   const char *field;
   json_t *value;
   assert_int_equal(ur_define_set_of_fields(format), UR_OK);
   ur_template_t *t = ur_create_template_from_ifc_spec(format);
   assert_non_null(t);
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   memset(rec, 0, ur_rec_fixlen_size(t));
   ur_clear_varlen(t, rec);
   json_object_foreach(values, field, value)
   {
      char *text =
          json_is_string(value) ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
      assert_int_equal(ur_set_from_string(t, rec, ur_get_id_by_name(field), text), 0);
      free(text);
   }
   *size = ur_rec_size(t, rec);
   ur_free_template(t);
   return rec;
}

static json_t *load(const char *folder, const char *name, const char *suffix)
{
   char path[512];
   snprintf(path, sizeof(path), "%s/%s.%s", folder, name, suffix);
   json_t *json = json_load_file(path, 0, NULL);
   assert_non_null(json);
   return json;
}

static unsigned load_lines(const char *folder, const char *name, json_t *to[MAX_MESSAGES])
{
   char path[512], line[4096];
   unsigned n = 0;
   snprintf(path, sizeof(path), "%s/%s.idea.jsonl", folder, name);
   FILE *file = fopen(path, "r");
   assert_non_null(file);
   while (fgets(line, sizeof(line), file) != NULL) {
      assert_true(n < MAX_MESSAGES);
      to[n] = json_loads(line, 0, NULL);
      assert_non_null(to[n++]);
   }
   fclose(file);
   return n;
}

static void check_case(const char *name)
{
   json_t *input = load(IDEA_CASES, name, "input.json"), *recorded[MAX_MESSAGES], *records, *values;
   unsigned n = load_lines(IDEA_CASES, name, recorded), sent = 0;
   const char *format = json_string_value(json_object_get(input, "input_spec"));
   const char *reporter = json_string_value(json_object_get(input, "reporter"));
   bool is_record = strcmp(json_string_value(json_object_get(input, "input_type")), "UniRec") == 0;
   ur_layout_t *layout = is_record ? ur_layout_create(format) : NULL;
   size_t i;
   records = json_object_get(input, "records");
   json_array_foreach(records, i, values)
   {
      uint16_t size = 0;
      void *rec = is_record ? record_of(format, values, &size) : NULL;
      enum idea_result result;
      assert_true(rec == NULL || ur_layout_check(layout, rec, size));
      json_t *message = message_of(
          reporter, &(struct alert){.layout = layout, .rec = rec, .json = is_record ? NULL : values},
          &result);
      assert_int_equal(result, message != NULL ? IDEA_OK : IDEA_SKIPPED);
      if (message != NULL) {
         assert_true(sent < n);
         compare(name, message, recorded[sent]);
         json_decref(recorded[sent++]);
      }
      json_decref(message);
      ur_free_record(rec);
   }
   assert_int_equal(sent, n);
   ur_layout_free(layout);
   ur_finalize(); /* the next case has other types of the same names */
   json_decref(input);
}

static void every_reporter_writes_what_was_recorded(void **state)
{
   unsigned cases = 0;
   DIR *folder = opendir(IDEA_CASES);
   assert_non_null(folder);
   for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
      const char *suffix = strstr(entry->d_name, ".input.json");
      if (suffix != NULL) {
         char name[64];
         snprintf(name, sizeof(name), "%.*s", (int) (suffix - entry->d_name), entry->d_name);
         check_case(name);
         cases++;
      }
   }
   closedir(folder);
   assert_int_equal(cases, 16);
}

static void reporters_have_several_names(void **state)
{
   static const char *const names[] = {"sipbf", "sipbf2idea", "sipbf2idea.py", "sipbruteforce",
                                       "sip_bf_detector"};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      assert_string_equal(idea_reporter_find(names[i])->name, "sipbf");
   }
   assert_null(idea_reporter_find("sipbf2ide"));
   assert_null(idea_reporter_find(""));
   for (const struct idea_reporter *const *r = idea_reporters; *r != NULL; r++) {
      assert_true((*r)->detector == NULL || strcmp((*r)->detector, "blacklist_aggregator") == 0 ||
                  strcmp((*r)->detector, "vportscan_aggregator") == 0 ||
                  event_description_find((*r)->detector) != NULL);
      assert_true(((*r)->fields == NULL) == ((*r)->json != NULL));
   }
}

/* --------------------------------------------------------- what was wrong in NEMEA 2 */

static void protocols_without_a_name_are_no_error(void **state)
{
   has(of_json("bruteforce",
               "{\"WARDEN_TYPE\":2,\"PROTOCOL\":58,\"DST_PORT\":22,\"SRC_IP\":\"2001:db8::9\"}"),
       "{\"Source\":[{\"Proto\":[\"ipv6-icmp\",\"ssh\"],\"IP6\":[\"2001:db8::9\"]}]}");
   has(of_json("bruteforce", "{\"WARDEN_TYPE\":2,\"PROTOCOL\":132,\"DST_PORT\":22,\"SRC_IP\":\"192.0.2.9\"}"),
       "{\"Source\":[{\"IP4\":[\"192.0.2.9\"]}],\"Target\":[{\"Port\":[22]}]}");
   has(of_json("smashedblacklist", "{\"source\":\"192.0.2.1\",\"targets\":[\"192.0.2.2\"],\"protocol\":47}"),
       "{\"Target\":[{\"IP4\":[\"192.0.2.1\"],\"Type\":\"MiningPool\"}]}");
}

static void reflectors_are_named(void **state)
{
   has(of_json("amplification", "{\"SRC_PORT\":11211}"), "{\"Description\":\"Memcached amplification\"}");
   has(of_json("amplification", "{\"SRC_PORT\":4000}"), "{\"Category\":[\"Availability.DDoS\"]}");
}

static void unknown_types_are_skipped(void **state)
{
   assert_null(of_json("sipbf", "{\"SBFD_EVENT_TYPE\":3}"));
   assert_null(of_json("hoststats", "{\"EVENT_TYPE\":1}"));
   assert_null(of_json("voipfraud", "{}"));
}

static void an_address_on_two_lists_names_both(void **state)
{
   has(of_json("blacklist",
               "{\"type\":\"ip\",\"source\":\"192.0.2.1\",\"targets\":[\"192.0.2.2\"],\"blacklist_id\":10,"
               "\"tgt_sent_flows\":1,\"src_sent_flows\":1}"),
       "{\"Category\":[\"Suspicious.Miner\"],\"Ref\":[\"https://bl.example/pools\",\"https://bl.example/"
       "spam\"],"
       "\"Description\":\"Suspicious communication with IP listed on Pools, Spam blacklist\"}");
}

static void attacks_of_web_applications_are_reported(void **state)
{
   has(of_json(
           "waintrusion_detector2idea.py",
           "{\"SRC_IP\":\"192.0.2.1\",\"DST_IP\":\"192.0.2.2\",\"SRC_PORT\":4000,\"DST_PORT\":80,"
           "\"EVENT_TIME\":\"2026-03-01T10:00:00.250\",\"WAI_RULE\":\"sql\",\"WAI_MALICIOUS_FIELD\":\"URL\","
           "\"WAI_MALICIOUS_VALUE\":\"/?id=1' OR\\n1\"}"),
       "{\"Category\":[\"Recon.Scanning\",\"Attempt.Exploit\"],\"EventTime\":\"2026-03-01T10:00:00Z\","
       "\"DetectTime\":\"2026-03-01T10:00:00Z\",\"Source\":[{\"Port\":[4000],\"Proto\":[\"tcp\",\"http\"],"
       "\"IP4\":[\"192.0.2.1\"]}],\"Note\":\"Detection Rule: sql, HTTP request Field: URL, HTTP request "
       "field "
       "contained value: /?id=1' OR\\n1\"}");
}

/* ------------------------------------------------------------------ foreign values */

static void values_of_other_types_are_no_error(void **state)
{
   static const char *const alerts[] = {
       "{}",
       "{\"source\":5,\"targets\":{\"a\":1},\"type\":[],\"blacklist_id\":\"x\"}",
       "{\"source\":\"x\",\"src_ip\":[1],\"dst_ips\":[\"192.0.2.1\"]}",
       "{\"dst_ips\":{\"no address\":5,\"192.0.2.1\":-1},\"ts_first\":-5e300}",
       "{\"Node\":5}",
       "{\"Node\":[5,6]}",
       "{\"TIME_LAST\":\"?\",\"DST_IP\":\"x\",\"WARDEN_TYPE\":2,\"EVENT_TYPE\":40}"};
   for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
      for (const struct idea_reporter *const *r = idea_reporters; *r != NULL; r++) {
         json_t *message = of_json((*r)->name, alerts[i]);
         assert_true(message == NULL || json_is_string(json_object_get(message, "ID")) ||
                     strcmp((*r)->name, "idea") == 0);
         json_decref(message);
      }
   }
   json_t *list = json_array();
   enum idea_result result;
   assert_null(message_of("ddos_detector", &(struct alert){.json = list}, &result));
   assert_int_equal(result, IDEA_INVALID);
   json_decref(list);
}

static void text_that_is_not_utf8_is_made_valid(void **state)
{
   static const char format[] = "string DNS_Q_NAME";
   ur_layout_t *layout = ur_layout_create(format);
   const uint8_t rec[] = {0, 0, 5, 0, 'a', 0xff, 0xc3, 0xa9, 0xc3};
   enum idea_result result;
   assert_true(ur_layout_check(layout, rec, sizeof(rec)));
   json_t *message = message_of("dgadetection", &(struct alert){.layout = layout, .rec = rec}, &result);
   const json_t *host = json_object_get(json_array_get(json_object_get(message, "Source"), 1), "Hostname");
   assert_string_equal(json_string_value(json_array_get(host, 0)), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd");
   json_decref(message);
   ur_layout_free(layout);
}

/* ----------------------------------------------------------------------- events */

static void events_become_messages(void **state)
{
   struct events all = {0};
   json_t *json = json_loads(
       "{\"SRC_IP\":\"203.0.113.9\",\"DST_PORT\":23,\"PROTOCOL\":6,\"ADDR_CNT\":50,\"ADDR_THRSD\":"
       "50,\"DST_IP0\":\"192.0.2.1\",\"DST_IP1\":\"2001:db8::2\",\"TIME_FIRST\":\"2026-03-01T10:00:"
       "00.5\",\"TIME_LAST\":\"2026-03-01T10:00:05.9\"}",
       0, NULL);
   const struct event *e =
       events_add(&all, event_description_find("haddrscan_detector"), &(struct alert){.json = json});
   assert_non_null(e);
   const struct idea_options o = {.node = "org.example.nemea.store", .now = NOW};
   char id[64], members[512];
   snprintf(id, sizeof(id), "%.8s-%.4s-%.4s-%.4s-%s", e->id, e->id + 8, e->id + 12, e->id + 16, e->id + 20);
   snprintf(members, sizeof(members), "{\"Format\":\"IDEA0\",\"ID\":\"%s\",\"AltNames\":[\"%s\"]}", id,
            e->id);
   has(idea_of_event(e, &o), members);
   has(idea_of_event(e, &o),
       "{\"CreateTime\":\"2026-11-18T11:06:40Z\",\"EventTime\":\"2026-03-01T10:00:00Z\",\"CeaseTime\":\"2026-"
       "03-01T10:00:05Z\","
       "\"Category\":[\"Recon.Scanning\"],\"Source\":[{\"IP4\":[\"203.0.113.9\"],\"Proto\":[\"tcp\"]}],"
       "\"Target\":[{"
       "\"IP4\":[\"192.0.2.1\"],\"IP6\":[\"2001:db8::2\"],\"Imprecise\":true,\"Count\":50,\"Port\":[23],"
       "\"Proto\":[\"tcp\"]"
       "}],\"FlowCount\":50,\"Ref\":[\"https://attack.mitre.org/techniques/T1046/\"],\"Node\":[{\"Name\":"
       "\"org.example.nemea.store\",\"SW\":[\"Nemea\",\"haddrscan_detector\"],\"Type\":[\"Flow\"]}]}");
   json_decref(json);
   events_free(&all);
}

static void what_is_no_event_is_no_message(void **state)
{
   static const char *const texts[] = {
       "{}", "{\"id\":\"x\"}", "{\"id\":\"0123456789abcdef0123456789abcdef\"}",
       "{\"id\":\"0123456789abcdef0123456789abcdefa\",\"kind\":\"flood\"}", "[]"};
   for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
      json_t *json = json_loads(texts[i], 0, NULL);
      enum idea_result result = IDEA_OK;
      assert_null(idea_of_event_json(json, NULL, &result));
      assert_int_equal(result, IDEA_INVALID);
      json_decref(json);
   }
}

static void every_kind_has_a_category(void **state)
{
   for (unsigned i = 0; event_kinds[i] != NULL; i++) {
      json_t *event =
          json_pack("{s:s,s:s,s:s,s:s}", "id", "0123456789abcdef0123456789abcdef", "kind", event_kinds[i],
                    "begin", "2026-03-01T10:00:00.000000Z", "end", "2026-03-01T10:00:00.000000Z");
      json_t *message = idea_of_event_json(event, NULL, NULL);
      const char *category = json_string_value(json_array_get(json_object_get(message, "Category"), 0));
      assert_non_null(category);
      assert_true(strcmp(category, "Other") != 0 || strcmp(event_kinds[i], "other") == 0);
      json_decref(message);
      json_decref(event);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(every_reporter_writes_what_was_recorded),
       cmocka_unit_test(reporters_have_several_names),
       cmocka_unit_test(protocols_without_a_name_are_no_error),
       cmocka_unit_test(reflectors_are_named),
       cmocka_unit_test(unknown_types_are_skipped),
       cmocka_unit_test(an_address_on_two_lists_names_both),
       cmocka_unit_test(attacks_of_web_applications_are_reported),
       cmocka_unit_test(values_of_other_types_are_no_error),
       cmocka_unit_test(text_that_is_not_utf8_is_made_valid),
       cmocka_unit_test(events_become_messages),
       cmocka_unit_test(what_is_no_event_is_no_message),
       cmocka_unit_test(every_kind_has_a_category),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
