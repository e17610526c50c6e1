/* SPDX-License-Identifier: BSD-3-Clause */
/** Events as JSON: docs/event.schema.json, and the keys of version 1. */
#include <jansson.h>
#include <nemea/event.h>
#include <nemea/text.h>
#include <string.h>

#define SCHEMA_VERSION 2
#define MAX_REASON     1024

static json_t *time_value(ur_time_t t)
{
   char text[64];
   return json_string(format_rfc3339(t, text, sizeof(text)));
}

static json_int_t integer(uint64_t n)
{
   return n > INT64_MAX ? INT64_MAX : (json_int_t) n;
}

/* A number, or null where it is unknown. */
static json_t *number_value(uint64_t n)
{
   return n == 0 ? json_null() : json_integer(integer(n));
}

static json_t *ip_value(const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN];
   if (!event_ip_is_set(ip)) {
      return json_null();
   }
   ip_to_str(ip, text);
   return json_string(text);
}

/* Text that was cut off may end within a character, which JSON must not. */
static json_t *text_value(char *text)
{
   json_t *value = json_string(text);
   for (size_t n = strlen(text), i = 1; value == NULL && i < 4 && i <= n; i++) {
      text[n - i] = 0;
      value = json_string(text);
   }
   return value != NULL ? value : json_string("");
}

static json_t *reason_value(const struct event *e)
{
   char text[MAX_REASON];
   return text_value(event_reason(e, text, sizeof(text)));
}

/* The hosts that are known by name, each with a count of 1, then the number of the others. */
static json_t *hosts_value(const ip_addr_t *list, unsigned n, uint64_t count, bool more)
{
   json_t *hosts = json_array();
   for (unsigned i = 0; i < n; i++) {
      json_array_append_new(hosts, json_pack("{s:o,s:i}", "ip", ip_value(&list[i]), "count", 1));
   }
   if (count > n || more) {
      json_array_append_new(hosts,
                            json_pack("{s:n,s:o}", "ip", "count", number_value(count > n ? count - n : 0)));
   }
   return hosts;
}

static json_t *ports_value(const struct event *e)
{
   json_t *ports = json_array();
   for (unsigned i = 0; i < e->n_ports; i++) {
      json_array_append_new(ports, json_integer(e->ports[i]));
   }
   return ports;
}

/* Words separated by blanks. */
static json_t *words_value(const char *words)
{
   json_t *list = json_array();
   while (words != NULL && *words != 0) {
      size_t n = strcspn(words, " ");
      json_array_append_new(list, json_stringn(words, n));
      words += n + strspn(words + n, " ");
   }
   return list;
}

static json_t *why_value(const struct event *e)
{
   char text[MAX_REASON];
   return text_value(event_why(e, text, sizeof(text)));
}

/* Bytes and packets a second: the mean, and the highest ten seconds. */
static json_t *rate_value(const struct event *e)
{
   uint64_t seconds = event_seconds(e) + 1;
   return json_pack("{s:o,s:o,s:o,s:o}", "mean_bytes", number_value(e->bytes / seconds), "mean_packets",
                    number_value(e->packets / seconds), "peak_bytes", number_value(e->peak_bytes),
                    "peak_packets", number_value(e->peak_packets));
}

static json_t *parts_value(const struct event *e)
{
   json_t *parts = json_array();
   for (uint32_t i = 0; i < e->n_parts; i++) {
      json_array_append_new(parts, event_json(&e->parts[i]));
   }
   return parts;
}

/* Keys that only some events have. */
static void set_optional(json_t *event, const struct event *e)
{
   if (e->description->rules != NULL || e->unseen > 0) {
      json_object_set_new(event, "confidence_reason", why_value(e));
   }
   if (e->type != NULL) {
      json_object_set_new(event, "type", json_string(e->type));
   }
   if (e->networks > 0) {
      json_object_set_new(event, "source_networks", json_integer(integer(e->networks)));
   }
   if (e->sources_error > 0) {
      json_object_set_new(event, "sources_error", json_integer(integer(e->sources_error)));
   }
   if (e->peak_bytes > 0) {
      json_object_set_new(event, "rate", rate_value(e));
   }
}

struct json_t *event_json_without_parts(const struct event *e)
{
   json_t *event =
       json_pack("{s:s,s:i,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o,s:s,s:I}", "id", e->id,
                 "schema", SCHEMA_VERSION, "kind", e->kind, "detector", e->description->program, "begin",
                 time_value(e->first), "end", time_value(e->last), "sources",
                 hosts_value(e->source_samples, e->n_source_samples, e->sources, e->more_sources), "targets",
                 hosts_value(e->samples, e->n_samples, e->targets, e->more_targets), "ports", ports_value(e),
                 "protocol", number_value(e->protocol), "flows", number_value(e->flows), "packets",
                 number_value(e->packets), "bytes", number_value(e->bytes), "confidence",
                 event_confidence_names[event_confidence(e)], "reason", reason_value(e), "attack",
                 words_value(e->attack), "state", event_state_names[e->state], "alerts", integer(e->alerts));
   if (event != NULL) {
      set_optional(event, e);
   }
   return event;
}

struct json_t *event_json(const struct event *e)
{
   json_t *event = event_json_without_parts(e);
   if (event != NULL && e->n_parts > 0) {
      json_object_set_new(event, "parts", parts_value(e));
   }
   return event;
}

/* Version 1 has up to four of the targets where there are many. */
#define SAMPLES_V1 4

struct json_t *event_json_v1(const struct event *e)
{
   json_t *samples = json_array();
   for (unsigned k = 0; k < e->n_samples && k < SAMPLES_V1 && !event_ip_is_set(&e->target); k++) {
      json_array_append_new(samples, ip_value(&e->samples[k]));
   }
   return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:I,s:s,s:I,s:I,s:s,s:I,s:s,s:o}", "detector",
                    e->description->program, "what", e->title, "first", time_value(e->first), "last",
                    time_value(e->last), "source", ip_value(&e->source), "victim", ip_value(&e->target),
                    "victim_samples", samples, "port", (int) e->port, "protocol", (int) e->protocol, "amount",
                    integer(e->amount), "unit", e->unit, "bytes", integer(e->bytes), "sources",
                    integer(e->sources), "confidence", event_confidence_names[event_confidence(e)], "alerts",
                    integer(e->alerts), "kind", e->kind, "reason", reason_value(e));
}
