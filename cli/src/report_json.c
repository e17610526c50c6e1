/* SPDX-License-Identifier: BSD-3-Clause */
/** The report as JSON; docs/analyze.md describes it. */
#include "analysis.h"

#include <jansson.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <string.h>

static json_t *time_value(ur_time_t t)
{
   char text[64];
   return json_string(format_rfc3339(t, text, sizeof(text)));
}

/* Names of files may be no UTF-8, which JSON must be: then as a terminal shows them. */
static json_t *name_value(const char *name)
{
   char safe[4 * PATH_MAX];
   json_t *value = json_string(name);
   if (value == NULL) {
      nc_text_terminal(safe, sizeof(safe), name, strlen(name));
      value = json_string(safe);
   }
   return value;
}

static json_t *ip_value(const ip_addr_t *ip)
{
   char text[64];
   if (!event_ip_is_set(ip)) {
      return json_null();
   }
   ip_to_str(ip, text);
   return json_string(text);
}

static json_t *events(const struct analysis *a, unsigned version)
{
   json_t *list = json_array();
   for (uint32_t i = 0; i < a->events.n; i++) {
      const struct event *e = &a->events.list[i];
      json_array_append_new(list, version == 1 ? event_json_v1(e) : event_json(e));
   }
   return list;
}

static json_t *talkers(const struct traffic *t)
{
   struct talker top[TRAFFIC_TOP];
   unsigned n = traffic_top(t, top);
   json_t *list = json_array();
   for (unsigned i = 0; i < n; i++) {
      json_array_append_new(list, json_pack("{s:o,s:I,s:I,s:I,s:I}", "ip", ip_value(&top[i].ip), "bytes_sent",
                                            (json_int_t) top[i].sent, "bytes_received",
                                            (json_int_t) top[i].received, "packets",
                                            (json_int_t) top[i].packets, "flows", (json_int_t) top[i].flows));
   }
   return list;
}

static json_t *over_time(const struct traffic *t)
{
   json_t *series = json_object();
   for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
      json_t *values = json_array();
      for (uint32_t i = 0; i < t->n_bins; i++) {
         json_array_append_new(values, json_integer((json_int_t) (t->bins[i][c] + 0.5)));
      }
      json_object_set_new(series, traffic_class_names[c], values);
   }
   return json_pack("{s:o,s:I,s:o}", "begin", time_value((ur_time_t) (t->base * t->width) << 32), "seconds",
                    (json_int_t) t->width, "bytes", series);
}

static json_t *traffic_value(const struct traffic *t)
{
   if (t->flows == 0) {
      return json_pack("{s:i,s:i,s:i}", "flows", 0, "packets", 0, "bytes", 0);
   }
   json_t *protocols = json_object();
   for (unsigned c = 0; c < TRAFFIC_CLASSES; c++) {
      json_object_set_new(protocols, traffic_class_names[c],
                          json_pack("{s:I,s:I,s:I}", "flows", (json_int_t) t->classes[c].flows, "packets",
                                    (json_int_t) t->classes[c].packets, "bytes",
                                    (json_int_t) t->classes[c].bytes));
   }
   return json_pack("{s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:I}", "flows", (json_int_t) t->flows, "packets",
                    (json_int_t) t->packets, "bytes", (json_int_t) t->bytes, "first", time_value(t->first),
                    "last", time_value(t->last), "protocols", protocols, "top_hosts", talkers(t), "over_time",
                    over_time(t), "hosts_forgotten", (json_int_t) traffic_forgotten(t));
}

/* Detectors that were not run. */
static json_t *skipped(const struct analysis *a)
{
   json_t *list = json_array();
   for (unsigned i = 0; i < a->n_skipped; i++) {
      json_array_append_new(
          list, json_pack("{s:s,s:s}", "detector", a->skipped[i].detector, "reason", a->skipped[i].reason));
   }
   return list;
}

static void add_address(json_t *to, const struct analysis *a, const ip_addr_t *ip)
{
   struct place place;
   char text[INET6_ADDRSTRLEN];
   if (!event_ip_is_set(ip) || !places_find(a->places, ip, &place)) {
      return;
   }
   ip_to_str(ip, text);
   json_t *value = json_object();
   if (place.country[0] != 0) {
      json_object_set_new(value, "country", json_string(place.country));
   }
   if (place.as != 0) {
      json_object_set_new(value, "as", json_integer(place.as));
      json_object_set_new(value, "as_name", json_string(place.as_name));
   }
   json_object_set_new(to, text, value);
}

/* Country and network of the addresses in this report, where they are known. */
static json_t *addresses(const struct analysis *a)
{
   json_t *all = json_object();
   for (uint32_t i = 0; i < a->events.n; i++) {
      const struct event *e = &a->events.list[i];
      for (unsigned k = 0; k < e->n_source_samples; k++) {
         add_address(all, a, &e->source_samples[k]);
      }
      for (unsigned k = 0; k < e->n_samples; k++) {
         add_address(all, a, &e->samples[k]);
      }
   }
   struct talker top[TRAFFIC_TOP];
   unsigned n = a->traffic.flows > 0 ? traffic_top(&a->traffic, top) : 0;
   for (unsigned i = 0; i < n; i++) {
      add_address(all, a, &top[i].ip);
   }
   return all;
}

/* Packets of captures, and those that are in no flow, by reason. */
static json_t *packets(const struct analysis *a)
{
   const struct packet_counts *c = &a->packets;
   json_t *counts = json_pack("{s:I,s:I,s:I,s:I,s:I}", "read", (json_int_t) c->all, "not_ip",
                              (json_int_t) c->not_ip, "malformed", (json_int_t) c->malformed, "truncated",
                              (json_int_t) c->truncated, "unknown_link", (json_int_t) c->unknown_link);
   if (a->interface != NULL) {
      json_object_set_new(counts, "dropped", json_integer((json_int_t) c->dropped));
   }
   return counts;
}

bool report_json(const struct analysis *a, unsigned version, FILE *to)
{
   json_t *inputs = json_array(), *notes = json_array();
   for (unsigned i = 0; i < a->n_files; i++) {
      json_array_append_new(inputs, name_value(a->files[i]));
   }
   for (unsigned i = 0; i < a->n_notes; i++) {
      json_array_append_new(notes, json_string(a->notes[i]));
   }
   json_t *root =
       json_pack("{s:i,s:o,s:o?,s:o,s:b,s:o,s:I,s:o}", "schema", (int) version, "inputs", inputs, "interface",
                 a->interface != NULL ? name_value(a->interface) : NULL, "notes", notes, "complete",
                 a->status == CLI_OK && a->n_notes == 0, "events", events(a, version), "alerts_not_shown",
                 (json_int_t) a->events.dropped, "traffic", traffic_value(&a->traffic));
   if (root != NULL && version > 1) {
      json_object_set_new(root, "skipped", skipped(a));
      json_object_set_new(root, "packets", packets(a));
      if (a->collect != NULL) {
         json_object_set_new(root, "collect", name_value(a->collect));
      }
      if (a->places != NULL) {
         json_object_set_new(root, "addresses", addresses(a));
      }
   }
   bool done =
       root != NULL && json_dumpf(root, to, JSON_INDENT(2)) == 0 && fputc('\n', to) != EOF && fflush(to) == 0;
   json_decref(root);
   return done;
}
