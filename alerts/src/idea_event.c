/* SPDX-License-Identifier: BSD-3-Clause */
/** IDEA messages of events. */
#include "idea_build.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define TECHNIQUES "https://attack.mitre.org/techniques/"

/* In the terms of IDEA; ports are of the sources where they reflect. */
static const struct meaning {
   const char *kind, *category, *description;
   bool source_ports;
} meanings[] = {
    {"amplification", "Availability.DDoS", "Reflected and amplified flood", true},
    {"backscatter", "Availability.DoS", "Answers to a flood with forged addresses", true},
    {"blacklisted-address", "Anomaly.Connection", "Communication with a listed address", false},
    {"blacklisted-name", "Anomaly.Connection", "Query of a listed name", false},
    {"blacklisted-url", "Anomaly.Connection", "Request of a listed URL", false},
    {"block-scan", "Recon.Scanning", "Scan of ports of several hosts", false},
    {"botnet", "Intrusion.Botnet", "Communication of a botnet", false},
    {"dial-plan-guessing", "Attempt.Login", "Guessing of a SIP dial plan", false},
    {"dns-anomaly", "Anomaly.Protocol", "Unusual DNS traffic", false},
    {"dns-tunnel", "Anomaly.Connection", "Tunnel in DNS", false},
    {"flood", "Availability.DoS", "Flood", false},
    {"horizontal-scan", "Recon.Scanning", "Horizontal port scan", false},
    {"intrusion", "Attempt.Exploit", "Attempt at an intrusion", false},
    {"malware", "Malware", "Traffic of malware", false},
    {"mining", "Suspicious.Miner", "Mining of a cryptocurrency", false},
    {"other", "Other", "Other event", false},
    {"password-guessing", "Attempt.Login", "Guessing of passwords", false},
    {"phishing", "Fraud.Phishing", "Phishing", false},
    {"spam", "Abusive.Spam", "Spam", false},
    {"toll-fraud", "Fraud.UnauthorizedUsage", "Fraud with telephone calls", false},
    {"user-scan", "Recon.Scanning", "Search for user accounts", false},
    {"vertical-scan", "Recon.Scanning", "Vertical port scan", false},
    {"web-attack", "Attempt.Exploit", "Attack of a web application", false},
    {NULL, "Other", "Other event", false},
};

static const struct meaning *meaning_of(const char *kind)
{
   const struct meaning *m = meanings;
   while (m->kind != NULL && strcmp(m->kind, kind) != 0) {
      m++;
   }
   return m;
}

static const char *text_of(const json_t *event, const char *key)
{
   const char *text = json_string_value(json_object_get(event, key));
   return text != NULL ? text : "";
}

/* A time of an event, whose fraction is cut. */
static void put_time(struct idea_builder *b, const char *key, const char *text)
{
   char seconds[32];
   snprintf(seconds, sizeof(seconds), "%.19sZ", text);
   idea_text(b, b->root, key, seconds);
}

/* The event's id in the form of a UUID. */
static void put_id(struct idea_builder *b, const char *id)
{
   idea_textf(b, b->root, "ID", "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
}

static json_t *put_hosts(struct idea_builder *b, const char *list, const json_t *hosts)
{
   json_t *end = json_array_size(hosts) > 0 ? idea_end(b, list) : NULL;
   json_int_t others = 0;
   for (size_t i = 0; i < json_array_size(hosts); i++) {
      const json_t *host = json_array_get(hosts, i);
      const char *text = json_string_value(json_object_get(host, "ip"));
      ip_addr_t ip;
      if (text != NULL && ip_from_str(text, &ip) != 0) {
         idea_ip(b, end, &ip);
      } else if (text == NULL) {
         others = json_integer_value(json_object_get(host, "count"));
         idea_put(b, end, "Imprecise", json_true());
      }
   }
   if (others > 0) {
      idea_number(b, end, "Count", (uint64_t) others + json_array_size(hosts) - 1);
   }
   return end;
}

static void put_ends(struct idea_builder *b, const json_t *event, bool source_ports)
{
   const char *protocol = idea_protocol((uint64_t) json_integer_value(json_object_get(event, "protocol")));
   json_t *source = put_hosts(b, "Source", json_object_get(event, "sources"));
   json_t *target = put_hosts(b, "Target", json_object_get(event, "targets"));
   json_t *ports = json_object_get(event, "ports");
   if (json_array_size(ports) > 0) {
      json_t *end = source_ports ? source : target;
      end = end != NULL ? end : idea_end(b, source_ports ? "Source" : "Target");
      idea_put(b, end, "Port", json_deep_copy(ports));
   }
   json_t *ends[] = {source, json_array_get(json_object_get(b->root, "Target"), 0)};
   for (unsigned i = 0; i < 2; i++) {
      if (ends[i] != NULL && protocol != NULL) {
         idea_words(b, ends[i], "Proto", protocol);
      }
   }
}

static void put_counts(struct idea_builder *b, const json_t *event)
{
   static const char *const counts[][2] = {
       {"FlowCount", "flows"}, {"PacketCount", "packets"}, {"ByteCount", "bytes"}};
   for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
      json_int_t n = json_integer_value(json_object_get(event, counts[i][1]));
      if (n > 0) {
         idea_number(b, b->root, counts[i][0], (uint64_t) n);
      }
   }
}

static void put_techniques(struct idea_builder *b, const json_t *techniques)
{
   json_t *refs = json_array_size(techniques) > 0 ? idea_put(b, b->root, "Ref", json_array()) : NULL;
   for (size_t i = 0; i < json_array_size(techniques); i++) {
      char path[16];
      snprintf(path, sizeof(path), "%s",
               json_string_value(json_array_get(techniques, i)) != NULL
                   ? json_string_value(json_array_get(techniques, i))
                   : "");
      char *dot = strchr(path, '.'); /* of a sub-technique */
      if (dot != NULL) {
         *dot = '/';
      }
      idea_append(b, refs, json_sprintf(TECHNIQUES "%s/", path));
   }
}

static double confidence_of(const char *word)
{
   return strcmp(word, "high") == 0 ? 0.9 : strcmp(word, "medium") == 0 ? 0.6 : 0.3;
}

json_t *idea_of_event_json(const json_t *event, const struct idea_options *o, enum idea_result *result)
{
   static const struct idea_options none;
   enum idea_result ignored;
   struct idea_builder b = {.options = o != NULL ? o : &none};
   const char *id = text_of(event, "id"), *kind = text_of(event, "kind");
   result = result != NULL ? result : &ignored;
   if (strspn(id, "0123456789abcdef") != EVENT_ID_SIZE - 1 || id[EVENT_ID_SIZE - 1] != 0 || *kind == 0 ||
       strlen(text_of(event, "begin")) < 20 || strlen(text_of(event, "end")) < 20) {
      *result = IDEA_INVALID;
      return NULL;
   }
   const struct meaning *m = meaning_of(kind);
   b.root = json_object();
   idea_text(&b, b.root, "Format", "IDEA0");
   put_id(&b, id);
   json_t *names = idea_put(&b, b.root, "AltNames", json_array());
   idea_append(&b, names, json_string(id));
   idea_seconds(&b, "CreateTime", b.options->now != 0 ? b.options->now : (int64_t) time(NULL));
   put_time(&b, "EventTime", text_of(event, "begin"));
   put_time(&b, "CeaseTime", text_of(event, "end"));
   put_time(&b, "DetectTime", text_of(event, "end"));
   idea_words(&b, b.root, "Category", m->category);
   idea_text(&b, b.root, "Description", m->description);
   idea_text(&b, b.root, "Note", text_of(event, "reason"));
   idea_put(&b, b.root, "Confidence", json_real(confidence_of(text_of(event, "confidence"))));
   put_ends(&b, event, m->source_ports);
   put_counts(&b, event);
   put_techniques(&b, json_object_get(event, "attack"));
   idea_node(&b, text_of(event, "detector"), "Flow");
   *result = b.failed ? IDEA_MEMORY : IDEA_OK;
   if (b.failed) {
      json_decref(b.root);
      return NULL;
   }
   return b.root;
}

json_t *idea_of_event(const struct event *e, const struct idea_options *o)
{
   json_t *event = event_json(e);
   json_t *message = event != NULL ? idea_of_event_json(event, o, NULL) : NULL;
   json_decref(event);
   return message;
}
