/* SPDX-License-Identifier: BSD-3-Clause */
/** blacklist_aggregator: alerts of the blacklist filters joined to events of a few minutes. */
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_json.h>
#include <nemea/module.h>
#include <stdlib.h>

#include "fields.h"

NM_FIELDS(ipaddr DST_IP, ipaddr SRC_IP, uint64 BYTES, uint64 DST_BLACKLIST, uint64 SRC_BLACKLIST,
          uint64 BLACKLIST, time TIME_FIRST, time TIME_LAST, uint32 COUNT, uint32 PACKETS, uint16 DST_PORT,
          uint8 PROTOCOL, string HTTP_REQUEST_HOST, string HTTP_REQUEST_REFERER, string HTTP_REQUEST_URL)

#define MAX_TARGETS  1000 /* of a message */
#define MAX_PORTS    1000 /* of an event; more are left out */
#define MAX_MESSAGE  65000
#define MAX_URL      4096 /* bytes; what is longer is cut off */
#define MAX_REFERER  1024
#define MAX_PORT     49152 /* ports above are those of clients */
#define MEMBERS_EACH 8     /* capacity of the table of targets and ports per event */

enum type { TYPE_IP, TYPE_URL };

struct event_key {
   ip_addr_t listed; /* of URLs: the server */
   uint64_t url;     /* hash of host and path */
   uint64_t list;    /* one bit */
   uint16_t type, protocol;
   uint32_t zero;
};

struct event {
   uint64_t id; /* in the order of their begins, from 1 */
   ur_time_t first, last;
   uint64_t from_bytes, from_flows, from_packets; /* sent by the listed side */
   uint64_t to_bytes, to_flows, to_packets;       /* sent by the others */
   char *url, *referer;                           /* of TYPE_URL */
   bool only_host;
};

enum kind { MEMBER_TARGET, MEMBER_PORT };

/* A target or a port of an event. */
struct member {
   uint64_t event;
   ip_addr_t target;
   uint16_t port, kind;
   uint32_t zero;
};

struct blacklist_aggregator {
   double minutes;
   nc_table_t *events;  /* event_key -> struct event */
   nc_table_t *members; /* struct member */
   uint64_t last_id;
   ur_time_t begin; /* earliest time since the last report; 0: nothing is waiting */
   nc_json_t text;
   uint64_t early, reported, ports_left_out;
};

static uint64_t max_members(nm_module_t *m)
{
   return (uint64_t) nc_table_capacity(((struct blacklist_aggregator *) nm_self(m))->events) * MEMBERS_EACH;
}

static const nm_option_t options[] = {
    NM_DOUBLE('t', "time", struct blacklist_aggregator, minutes, 5, 0.01, 1440,
              "Report events each so many minutes of stream time."),
    NM_TABLE(0, "capacity", struct blacklist_aggregator, events, "events", struct event_key, struct event,
             16384, .full = NC_TABLE_REFUSE),
    NM_TABLE_OF(struct blacklist_aggregator, members, "targets and ports", struct member, uint8_t,
                max_members, .full = NC_TABLE_REFUSE),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct blacklist_aggregator *self = nm_self(m);
   nm_counter(m, "reported", &self->reported);
   nm_counter(m, "reported early", &self->early);
   nm_counter(m, "ports left out", &self->ports_left_out);
   return NM_OK;
}

/* ------------------------------------------------------------------- reporting */

static double seconds(ur_time_t t)
{
   uint64_t microseconds = ur_time_get_usec(t);
   return (double) ur_time_get_sec(t) + (double) microseconds / 1e6;
}

static void put_raw(nc_json_t *to, const char *text)
{
   nc_json_raw(to, text, strlen(text));
}

static void put_number(nc_json_t *to, const char *name, uint64_t value)
{
   put_raw(to, name);
   nc_json_u64(to, value);
}

static void put_ip(nc_json_t *to, const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(ip, text);
   nc_json_string(to, text, strlen(text));
}

static void put_ports(struct blacklist_aggregator *self, const struct member *ports, size_t n)
{
   nc_json_t *to = &self->text;
   put_raw(to, ", \"source_ports\": [");
   self->ports_left_out += n > MAX_PORTS ? n - MAX_PORTS : 0;
   for (size_t i = 0; i < n && i < MAX_PORTS; i++) {
      put_number(to, i > 0 ? ", " : "", ports[i].port);
   }
   put_raw(to, "]");
}

/* The event but for its targets. */
static void put_event(struct blacklist_aggregator *self, const struct event_key *key, const struct event *e,
                      const struct member *ports, size_t n_ports)
{
   nc_json_t *to = &self->text;
   nc_json_clear(to);
   put_raw(to,
           key->type == TYPE_IP ? "{\"type\": \"ip\", \"source\": " : "{\"type\": \"url\", \"source_ip\": ");
   put_ip(to, &key->listed);
   if (key->type == TYPE_URL) {
      put_raw(to, ", \"source_url\": ");
      nc_json_string(to, e->url, strlen(e->url));
      put_raw(to, ", \"referer\": ");
      nc_json_string(to, e->referer, strlen(e->referer));
      put_raw(to, e->only_host ? ", \"is_only_fqdn\": true" : ", \"is_only_fqdn\": false");
   } else {
      put_number(to, ", \"src_sent_bytes\": ", e->from_bytes);
      put_number(to, ", \"src_sent_flows\": ", e->from_flows);
      put_number(to, ", \"src_sent_packets\": ", e->from_packets);
   }
   put_number(to, ", \"tgt_sent_bytes\": ", e->to_bytes);
   put_number(to, ", \"tgt_sent_flows\": ", e->to_flows);
   put_number(to, ", \"tgt_sent_packets\": ", e->to_packets);
   put_number(to, ", \"protocol\": ", key->protocol);
   put_number(to, ", \"blacklist_id\": ", key->list);
   put_raw(to, ", \"agg_win_minutes\": ");
   nc_json_double(to, self->minutes);
   put_raw(to, ", \"ts_first\": ");
   nc_json_double(to, seconds(e->first));
   put_raw(to, ", \"ts_last\": ");
   nc_json_double(to, seconds(e->last));
   put_ports(self, ports, n_ports);
   put_raw(to, ", \"targets\": [");
}

static int send_event(nm_module_t *m, const struct event_key *key, const struct event *e,
                      const struct member *targets, size_t n_targets, const struct member *ports,
                      size_t n_ports)
{
   struct blacklist_aggregator *self = nm_self(m);
   int rc = NM_OK;
   size_t next = 0;
   self->reported++;
   put_event(self, key, e, ports, n_ports);
   size_t begin = self->text.length;
   do {
      self->text.length = begin;
      for (size_t n = 0; next < n_targets && n < MAX_TARGETS && self->text.length < MAX_MESSAGE;
           next++, n++) {
         put_raw(&self->text, n > 0 ? ", " : "");
         put_ip(&self->text, &targets[next].target);
      }
      put_raw(&self->text, "]}");
      rc = self->text.failed != NULL ? nm_fail(m, "out of memory for a message")
                                     : nm_send_raw(m, 0, self->text.data, (uint16_t) self->text.length);
   } while (rc == NM_OK && next < n_targets);
   return rc;
}

static int compare_members(const void *one, const void *two)
{
   const struct member *a = one, *b = two;
   if (a->event != b->event) {
      return a->event < b->event ? -1 : 1;
   }
   if (a->kind != b->kind) {
      return a->kind - b->kind;
   }
   int order = ip_cmp(&a->target, &b->target);
   return order != 0 ? order : a->port - b->port;
}

struct report {
   struct event_key key;
   const struct event *event;
};

static int compare_reports(const void *one, const void *two)
{
   const struct report *a = one, *b = two;
   return a->event->id < b->event->id ? -1 : a->event->id > b->event->id;
}

static void free_texts(struct blacklist_aggregator *self)
{
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (self->events != NULL && nc_table_next(self->events, &cursor, &key, &value)) {
      free(((struct event *) value)->url);
      free(((struct event *) value)->referer);
   }
}

/* Sends all events, in the order of their begins, and forgets them. */
static int report(nm_module_t *m)
{
   struct blacklist_aggregator *self = nm_self(m);
   size_t n = 0, n_members = 0, at = 0;
   struct report *reports = calloc((size_t) nc_table_count(self->events) + 1, sizeof(*reports));
   struct member *members = calloc((size_t) nc_table_count(self->members) + 1, sizeof(*members));
   int rc = reports != NULL && members != NULL ? NM_OK : nm_fail(m, "out of memory for a report");
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (rc == NM_OK && nc_table_next(self->events, &cursor, &key, &value)) {
      memcpy(&reports[n].key, key, sizeof(reports[n].key));
      reports[n++].event = value;
   }
   for (cursor = 0; rc == NM_OK && nc_table_next(self->members, &cursor, &key, &value);) {
      memcpy(&members[n_members++], key, sizeof(*members));
   }
   if (rc == NM_OK) {
      qsort(reports, n, sizeof(*reports), compare_reports);
      qsort(members, n_members, sizeof(*members), compare_members);
   }
   for (size_t i = 0; i < n && rc == NM_OK; i++) {
      size_t targets = at, ports;
      for (; at < n_members && members[at].event == reports[i].event->id && members[at].kind == MEMBER_TARGET;
           at++) {
      }
      for (ports = at; at < n_members && members[at].event == reports[i].event->id; at++) {
      }
      rc = send_event(m, &reports[i].key, reports[i].event, members + targets, ports - targets,
                      members + ports, at - ports);
   }
   free(reports);
   free(members);
   free_texts(self);
   nc_table_clear(self->events);
   nc_table_clear(self->members);
   self->begin = 0;
   return rc;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   struct blacklist_aggregator *self = nm_self(m);
   ur_time_t interval = (ur_time_t) (self->minutes * 60 * 4294967296.0);
   return self->begin != 0 && now >= self->begin && now - self->begin >= interval ? report(m) : NM_OK;
}

/* ------------------------------------------------------------------- collecting */

/* An event; when there is no room, all are reported before their time. \return NM_OK; what report() returned */
static int open_event(nm_module_t *m, const struct event_key *key, struct event **event)
{
   struct blacklist_aggregator *self = nm_self(m);
   bool is_new = false;
   int rc = NM_OK;
   bool room = nc_table_count(self->members) + 2 <= nc_table_capacity(self->members);
   *event = room ? nc_table_upsert(self->events, key, &is_new) : NULL;
   if (*event == NULL) {
      self->early++;
      rc = report(m);
      *event = rc == NM_OK ? nc_table_upsert(self->events, key, &is_new) : NULL;
   }
   if (*event != NULL && is_new) {
      (*event)->id = ++self->last_id;
   }
   return rc == NM_OK && *event == NULL ? nm_fail(m, "no room for an event in an empty table") : rc;
}

static void add_member(struct blacklist_aggregator *self, const struct event *e, const ip_addr_t *target,
                       bool port_counts, uint16_t port)
{
   struct member member = {.event = e->id, .kind = MEMBER_TARGET};
   memcpy(&member.target, target, sizeof(member.target));
   nc_table_upsert(self->members, &member, NULL);
   if (port_counts) {
      member = (struct member){.event = e->id, .kind = MEMBER_PORT, .port = port};
      nc_table_upsert(self->members, &member, NULL);
   }
}

static void add_times(nm_module_t *m, struct event *e, const void *rec)
{
   struct blacklist_aggregator *self = nm_self(m);
   ur_time_t first = nm_get(m, rec, F_TIME_FIRST), last = nm_get(m, rec, F_TIME_LAST);
   e->first = e->first == 0 || first < e->first ? first : e->first;
   e->last = last > e->last ? last : e->last;
   self->begin = self->begin == 0 || last < self->begin ? last : self->begin;
}

static int add_ip(nm_module_t *m, const void *rec, bool source_listed, uint64_t list)
{
   struct blacklist_aggregator *self = nm_self(m);
   struct event_key key = {.type = TYPE_IP, .protocol = nm_get(m, rec, F_PROTOCOL), .list = list};
   memcpy(&key.listed, nm_get_ptr(m, rec, F_SRC_IP), sizeof(key.listed));
   const ip_addr_t *other = nm_get_ptr(m, rec, F_DST_IP);
   if (!source_listed) {
      memcpy(&key.listed, nm_get_ptr(m, rec, F_DST_IP), sizeof(key.listed));
      other = nm_get_ptr(m, rec, F_SRC_IP);
   }
   struct event *e;
   int rc = open_event(m, &key, &e);
   if (rc != NM_OK) {
      return rc;
   }
   uint64_t bytes = nm_get(m, rec, F_BYTES), flows = nm_get(m, rec, F_COUNT),
            packets = nm_get(m, rec, F_PACKETS);
   uint16_t port = nm_get(m, rec, F_DST_PORT);
   *(source_listed ? &e->from_bytes : &e->to_bytes) += bytes;
   *(source_listed ? &e->from_flows : &e->to_flows) += flows;
   *(source_listed ? &e->from_packets : &e->to_packets) += packets;
   add_times(m, e, rec);
   add_member(self, e, other, !source_listed && port <= MAX_PORT, port);
   return NM_OK;
}

/* Bytes of text that are not more than max and end with a whole character. */
static size_t cut(const char *text, size_t length, size_t max)
{
   size_t n = length < max ? length : max;
   while (n < length && n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80) {
      n--;
   }
   return n;
}

static int set_texts(nm_module_t *m, struct event *e, const char *host, size_t host_length, const char *url,
                     size_t url_length, const void *rec)
{
   const char *referer = nm_get_ptr(m, rec, F_HTTP_REQUEST_REFERER);
   size_t n = cut(host, host_length, MAX_URL / 2), rest = cut(url, url_length, MAX_URL - n),
          n_referer = cut(referer, nm_get_len(m, rec, F_HTTP_REQUEST_REFERER), MAX_REFERER);
   e->only_host = url_length <= 1;
   rest = e->only_host ? 0 : rest;
   e->url = malloc(n + rest + 1);
   e->referer = strndup(referer, n_referer);
   if (e->url == NULL || e->referer == NULL) {
      return nm_fail(m, "out of memory for a URL");
   }
   memcpy(e->url, host, n);
   memcpy(e->url + n, url, rest);
   e->url[n + rest] = 0;
   return NM_OK;
}

static int add_url(nm_module_t *m, const void *rec, uint64_t list)
{
   struct blacklist_aggregator *self = nm_self(m);
   const char *host = nm_get_ptr(m, rec, F_HTTP_REQUEST_HOST), *url = nm_get_ptr(m, rec, F_HTTP_REQUEST_URL);
   size_t n = nm_get_len(m, rec, F_HTTP_REQUEST_HOST), n_url = nm_get_len(m, rec, F_HTTP_REQUEST_URL);
   if (n >= 4 && memcmp(host, "www.", 4) == 0) {
      host += 4;
      n -= 4;
   }
   uint64_t parts[2] = {nc_hash(host, n), nc_hash(url, n_url)};
   struct event_key key = {.type = TYPE_URL,
                           .protocol = nm_get(m, rec, F_PROTOCOL),
                           .list = list,
                           .url = nc_hash(parts, sizeof(parts))};
   memcpy(&key.listed, nm_get_ptr(m, rec, F_DST_IP), sizeof(key.listed));
   struct event *e;
   int rc = open_event(m, &key, &e);
   if (rc == NM_OK && e->url == NULL) {
      rc = set_texts(m, e, host, n, url, n_url, rec);
   }
   if (rc != NM_OK) {
      return rc;
   }
   e->to_bytes += nm_get(m, rec, F_BYTES);
   e->to_flows++;
   e->to_packets += nm_get(m, rec, F_PACKETS);
   add_times(m, e, rec);
   add_member(self, e, nm_get_ptr(m, rec, F_SRC_IP), true, nm_get(m, rec, F_DST_PORT));
   return NM_OK;
}

static int record(nm_module_t *m, const void *rec)
{
   bool ip = nm_input(m) == 0;
   uint64_t source = ip ? nm_get(m, rec, F_SRC_BLACKLIST) : 0,
            lists = ip ? nm_get(m, rec, F_DST_BLACKLIST) : nm_get(m, rec, F_BLACKLIST);
   int rc = NM_OK;
   for (; source != 0 && rc == NM_OK; source &= source - 1) {
      rc = add_ip(m, rec, true, source & -source);
   }
   for (; lists != 0 && rc == NM_OK; lists &= lists - 1) {
      uint64_t list = lists & -lists;
      rc = ip ? add_ip(m, rec, false, list) : add_url(m, rec, list);
   }
   return rc;
}

static int finish(nm_module_t *m)
{
   return report(m);
}

static void cleanup(nm_module_t *m)
{
   struct blacklist_aggregator *self = nm_self(m);
   free_texts(self);
   nc_json_free(&self->text);
}

#define IP_ALERTS                                                                             \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 DST_BLACKLIST,uint64 SRC_BLACKLIST,time " \
   "TIME_FIRST,time "                                                                         \
   "TIME_LAST,uint32 COUNT,uint32 PACKETS,uint16 DST_PORT,uint8 PROTOCOL"
#define URL_ALERTS                                                                                    \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 BLACKLIST,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 " \
   "PACKETS,uint16 "                                                                                  \
   "DST_PORT,uint8 PROTOCOL,string HTTP_REQUEST_HOST,string HTTP_REQUEST_REFERER,string HTTP_REQUEST_URL"

NM_MODULE("blacklist_aggregator",
          "Joins alerts of ipblacklistfilter (aggregated by agg) and urlblacklistfilter to events: one for "
          "each listed address or URL "
          "and list.",
          .in = NM_INPUTS({"addresses", IP_ALERTS}, {"urls", URL_ALERTS}),
          .out = NM_OUTPUTS({"events", "aggregated_blacklist", .data = NM_JSON}), .options = options,
          .state_size = sizeof(struct blacklist_aggregator), .tick_every = NM_SECONDS(1), .init = init,
          .record = record, .tick = tick, .finish = finish, .cleanup = cleanup)
