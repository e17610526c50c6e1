/* SPDX-License-Identifier: BSD-3-Clause */
/** Events as JSON: in the manner of EVE, and as OCSF's class Detection Finding. */
#include "format.h"

#include <jansson.h>
#include <nemea/text.h>
#include <string.h>

/* OCSF (https://schema.ocsf.io, class detection_finding). */
#define OCSF_VERSION   "1.4.0"
#define OCSF_CATEGORY  2 /* Findings */
#define OCSF_CLASS     2004
#define OCSF_CREATE    1
#define OCSF_NEW       1
#define OCSF_BEHAVIOUR 2 /* type of the analytic */

static json_t *ip_of(const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN];
   if (!event_ip_is_set(ip)) {
      return json_null();
   }
   ip_to_str(ip, text);
   return json_string(text);
}

static json_t *count_of(uint64_t n)
{
   return n == 0 ? json_null() : json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t) n);
}

/* ---------------------------------------------------------------------------- EVE */

static const char *protocol_of(const struct event *e)
{
   const char *name = event_protocol(e);
   return name != NULL ? name : "";
}

/* 3: severe in our terms, 1: severe in those of EVE. */
static int eve_severity(const struct event *e)
{
   return 4 - (int) format_severity(e);
}

/* The id of a signature depends on the kind alone: a hash of it, so that new kinds change no other. */
static int signature_of(const struct event *e)
{
   uint32_t hash = 2166136261u; /* FNV-1a */
   for (const char *p = e->kind; *p != 0; p++) {
      hash = (hash ^ (uint8_t) *p) * 16777619u;
   }
   return 9000000 + (int) (hash % 1000000);
}

struct json_t *format_eve(const struct event *e, const struct format_options *o)
{
   char timestamp[64], begin[64], end[64], title[256];
   json_t *event = event_json(e);
   if (event == NULL) {
      return NULL;
   }
   format_rfc3339(e->last, timestamp, sizeof(timestamp));
   event_title(e, title, sizeof(title));
   return json_pack(
       "{s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:{s:s,s:i,s:i,s:i,s:s,s:s,s:i},s:{s:s,s:s,s:i,s:o,s:o,s:o},s:o}",
       "timestamp", timestamp, "event_type", "alert", "host", o->host, "src_ip", ip_of(&e->source), "dest_ip",
       ip_of(&e->target), "dest_port", count_of(e->port), "proto", protocol_of(e), "alert", "action",
       "allowed", "gid", 1, "signature_id", signature_of(e), "rev", 1, "signature", title, "category",
       e->kind, "severity", eve_severity(e), "flow", "start", format_rfc3339(e->first, begin, sizeof(begin)),
       "end", format_rfc3339(e->last, end, sizeof(end)), "age",
       (int) (event_seconds(e) < INT32_MAX ? event_seconds(e) : INT32_MAX), "flows", count_of(e->flows),
       "pkts", count_of(e->packets), "bytes", count_of(e->bytes), "nemea", event);
}

/* --------------------------------------------------------------------------- OCSF */

static json_int_t milliseconds(ur_time_t t)
{
   return (json_int_t) ur_time_get_sec(t) * 1000 + ur_time_get_msec(t);
}

/* Names of the techniques that descriptions name (https://attack.mitre.org). */
static const char *technique_name(const char *id)
{
   static const char *const names[][2] = {{"T1014", "Rootkit"},
                                          {"T1046", "Network Service Discovery"},
                                          {"T1071", "Application Layer Protocol"},
                                          {"T1071.001", "Web Protocols"},
                                          {"T1071.003", "Mail Protocols"},
                                          {"T1071.004", "DNS"},
                                          {"T1087", "Account Discovery"},
                                          {"T1110", "Brute Force"},
                                          {"T1190", "Exploit Public-Facing Application"},
                                          {"T1205", "Traffic Signaling"},
                                          {"T1496", "Resource Hijacking"},
                                          {"T1498", "Network Denial of Service"},
                                          {"T1498.001", "Direct Network Flood"},
                                          {"T1498.002", "Reflection Amplification"},
                                          {"T1499", "Endpoint Denial of Service"},
                                          {"T1566", "Phishing"},
                                          {"T1568.002", "Domain Generation Algorithms"},
                                          {"T1572", "Protocol Tunneling"},
                                          {"T1595", "Active Scanning"},
                                          {"T1595.001", "Scanning IP Blocks"}};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (strcmp(names[i][0], id) == 0) {
         return names[i][1];
      }
   }
   return NULL;
}

static json_t *technique_of(const char *id)
{
   const char *name = technique_name(id);
   json_t *technique = json_pack("{s:s}", "uid", id);
   if (name != NULL) {
      json_object_set_new(technique, "name", json_string(name));
   }
   return technique;
}

/* Words separated by blanks; T1498.002 is a sub-technique of T1498. */
static json_t *attacks_of(const char *words)
{
   json_t *list = json_array();
   while (words != NULL && *words != 0) {
      char id[16];
      size_t n = strcspn(words, " ");
      if (n < sizeof(id)) {
         memcpy(id, words, n);
         id[n] = 0;
         json_t *attack = json_object();
         if (strchr(id, '.') != NULL) {
            json_object_set_new(attack, "sub_technique", technique_of(id));
            *strchr(id, '.') = 0;
         }
         json_object_set_new(attack, "technique", technique_of(id));
         json_array_append_new(list, attack);
      }
      words += n + strspn(words + n, " ");
   }
   return list;
}

static json_t *evidence(const struct event *e, const ip_addr_t *source, const ip_addr_t *target)
{
   json_t *object = json_object();
   if (event_ip_is_set(source)) {
      json_object_set_new(object, "src_endpoint", json_pack("{s:o}", "ip", ip_of(source)));
   }
   if (event_ip_is_set(target)) {
      json_t *end = json_pack("{s:o}", "ip", ip_of(target));
      if (e->port != 0) {
         json_object_set_new(end, "port", json_integer(e->port));
      }
      json_object_set_new(object, "dst_endpoint", end);
   }
   json_t *connection = json_pack("{s:i}", "direction_id", 0); /* unknown */
   if (e->protocol != 0) {
      json_object_set_new(connection, "protocol_num", json_integer(e->protocol));
   }
   json_object_set_new(object, "connection_info", connection);
   return object;
}

/* Each address that is known is an evidence: sources with the target, or the other way round. */
static json_t *evidences_of(const struct event *e)
{
   json_t *list = json_array();
   static const ip_addr_t none;
   unsigned n = e->n_source_samples > e->n_samples ? e->n_source_samples : e->n_samples;
   for (unsigned i = 0; i < n || i == 0; i++) {
      const ip_addr_t *source = event_ip_is_set(&e->source) ? &e->source
                                : i < e->n_source_samples   ? &e->source_samples[i]
                                                            : &none;
      const ip_addr_t *target = event_ip_is_set(&e->target) ? &e->target
                                : i < e->n_samples          ? &e->samples[i]
                                                            : &none;
      json_array_append_new(list, evidence(e, source, target));
   }
   return list;
}

static json_t *finding_of(const struct event *e, const char *reason)
{
   char title[256];
   return json_pack("{s:s,s:s,s:s,s:[s],s:I,s:I,s:{s:s,s:s,s:i},s:o}", "uid", e->id, "title",
                    event_title(e, title, sizeof(title)), "desc", reason, "types", e->kind, "first_seen_time",
                    milliseconds(e->first), "last_seen_time", milliseconds(e->last), "analytic", "uid",
                    e->description->program, "name", e->description->program, "type_id", OCSF_BEHAVIOUR,
                    "attacks", attacks_of(e->attack));
}

struct json_t *format_ocsf(const struct event *e, const struct format_options *o)
{
   /* Ours and OCSF's: 1 low, 2 medium, 3 high, which are 2, 3 and 4 there. */
   static const char *const severities[] = {"", "Low", "Medium", "High"};
   static const char *const confidences[] = {"Low", "Medium", "High"};
   unsigned severity = format_severity(e), confidence = (unsigned) event_confidence(e);
   json_t *event = event_json(e);
   if (event == NULL) {
      return NULL;
   }
   const char *reason = json_string_value(json_object_get(event, "reason"));
   json_t *ocsf = json_pack(
       "{s:i,s:i,s:i,s:i,s:s,s:s,s:I,s:I,s:I,s:i,s:s,s:i,s:s,s:i,s:s,s:b,s:s,s:{s:s,s:s,s:{s:s,s:s,s:s}},s:o,"
       "s:o,s:I,s:O}",
       "activity_id", OCSF_CREATE, "category_uid", OCSF_CATEGORY, "class_uid", OCSF_CLASS, "type_uid",
       OCSF_CLASS * 100 + OCSF_CREATE, "activity_name", "Create", "class_name", "Detection Finding", "time",
       milliseconds(o->now), "start_time", milliseconds(e->first), "end_time", milliseconds(e->last),
       "severity_id", (int) severity + 1, "severity", severities[severity], "confidence_id",
       (int) confidence + 1, "confidence", confidences[confidence], "status_id", OCSF_NEW, "status", "New",
       "is_alert", 1, "message", reason, "metadata", "version", OCSF_VERSION, "uid", e->id, "product", "name",
       "NEMEA", "vendor_name", "CESNET", "version", o->version, "finding_info", finding_of(e, reason),
       "evidences", evidences_of(e), "count", (json_int_t) e->alerts, "unmapped", event);
   json_decref(event);
   return ocsf;
}
