/* SPDX-License-Identifier: BSD-3-Clause */
/** ddos_detector: floods of one destination. See README.md for its two rules. */
#include "oneway.h"
#include "volume.h"

#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_table.h>
#include <nemea/module.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, time TIME_FIRST, time TIME_LAST, uint32 PACKETS,
          uint32 PACKETS_REV, uint64 BYTES_REV, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV, uint64 EVENT_ID, uint16 EVENT_SEQ, uint64 AVG_BYTES_CURRENT,
          uint64 AVG_BYTES_ORIGINAL, uint32 AVG_IP_CNT_CURRENT, uint32 AVG_IP_CNT_ORIGINAL)

#define LONG_JUMP (INTERVALS * INTERVAL) /* seconds without a flow after which the history says nothing */
#define BAD_MASK  255

struct ddos {
   uint64_t attack_kbps, before_kbps, prune_kbps;
   uint16_t bytes_factor, sources_factor;
   uint32_t source_mask, destination_mask, source_mask6, destination_mask6, capacity;
   struct oneway_config oneway;

   struct volume_config volume;
   nc_table_t *destinations; /* ip_addr_t -> struct destination */
   bool ports, biflow;       /* which optional fields the input has */
   uint64_t start;           /* second: begin of the current interval; 0: no flow yet */
   uint64_t alerts, bad_times;
};

struct destination {
   struct volume volume;
   struct oneway oneway;
};

static const nm_option_t options[] = {
    NM_U64('m', "minimal_attack_size", struct ddos, attack_kbps, 1000, 0, UINT32_MAX,
           "Volume rule: least traffic of an attack, kilobits a second."),
    NM_U64('b', "min_traffic_before_attack", struct ddos, before_kbps, 1, 0, UINT32_MAX,
           "Volume rule: least traffic before the attack, kilobits a second."),
    NM_U16('t', "threshold_flow_rate", struct ddos, bytes_factor, 4, 1, UINT16_MAX,
           "Volume rule: factor by which the bytes grow in an attack."),
    NM_U16('c', "threshold_ip_count_rate", struct ddos, sources_factor, 4, 1, UINT16_MAX,
           "Volume rule: factor by which the number of sources grows."),
    NM_U32('s', "mask_source_addresses", struct ddos, source_mask, 24, 0, UINT32_MAX,
           "Volume rule: prefix length of IPv4 sources, 0 to 32."),
    NM_U32('d', "mask_destination_addresses", struct ddos, destination_mask, 32, 0, UINT32_MAX,
           "Prefix length of IPv4 destinations, 0 to 32."),
    NM_U64('p', "min_threshold_before_pruning", struct ddos, prune_kbps, 10, 0, UINT32_MAX,
           "Forget destinations with less traffic over the whole history, kilobits a second."),
    NM_U32(0, "mask6-source", struct ddos, source_mask6, 56, 0, 128,
           "Volume rule: prefix length of IPv6 sources."),
    NM_U32(0, "mask6-destination", struct ddos, destination_mask6, 128, 0, 128,
           "Prefix length of IPv6 destinations."),
    NM_U32(0, "oneway-sources", struct ddos, oneway.sources, 1000, 10, UINT32_MAX,
           "One-way rule: distinct sources in a minute that get no answer."),
    NM_U32(0, "oneway-half-open", struct ddos, oneway.half_open, 6000, 10, UINT32_MAX,
           "One-way rule: half-open TCP connections to one port in a minute."),
    NM_U32(0, "oneway-packets", struct ddos, oneway.packets, 30000, 10, UINT32_MAX,
           "One-way rule: packets in a minute that get no answer."),
    NM_U32(0, "capacity", struct ddos, capacity, 65536, 16, NC_TABLE_MAX_CAPACITY,
           "Destinations to remember; beyond it those with a single flow are forgotten first."),
    NM_END,
};

/* --------------------------------------------------------------------- reports */

/* The same event has the same id in every run: its destination and begin. */
static uint64_t event_id(const ip_addr_t *dst, uint64_t begin)
{
   uint64_t low = ip_is4(dst) ? ip_get_v4_as_int(dst) : (uint32_t) nc_hash(dst, sizeof(*dst), 0);
   return (nc_hash_u64(begin, nc_hash(dst, sizeof(*dst), 1)) & 0x7fffffff) << 32 | low;
}

static int send_report(nm_module_t *m, const ip_addr_t *dst, const struct volume_report *r, ur_time_t first,
                       ur_time_t last)
{
   struct ddos *self = nm_self(m);
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_DST_IP, *dst);
   nm_set(m, alert, F_BYTES, r->bytes);
   nm_set(m, alert, F_TIME_FIRST, first);
   nm_set(m, alert, F_TIME_LAST, last);
   nm_set(m, alert, F_EVENT_ID, r->id);
   nm_set(m, alert, F_EVENT_SEQ, r->sequence);
   nm_set(m, alert, F_AVG_BYTES_CURRENT, r->bytes_current);
   nm_set(m, alert, F_AVG_BYTES_ORIGINAL, r->bytes_original);
   nm_set(m, alert, F_AVG_IP_CNT_CURRENT, r->sources_current);
   nm_set(m, alert, F_AVG_IP_CNT_ORIGINAL, r->sources_original);
   self->alerts++;
   return nm_send(m, alert);
}

static int report_volume(nm_module_t *m, const ip_addr_t *dst, const struct volume_report *r)
{
   return send_report(m, dst, r, r->first << 32, r->last << 32);
}

static uint32_t most_sources(const struct oneway *o)
{
   double a = nc_hll_count(o->minute[0].sources, ONEWAY_HLL_P),
          b = nc_hll_count(o->minute[1].sources, ONEWAY_HLL_P);
   return (uint32_t) ((a > b ? a : b) + 0.5);
}

static int report_oneway(nm_module_t *m, const ip_addr_t *dst, struct oneway *o, bool over)
{
   struct oneway_event *e = &o->event;
   uint64_t seconds = ur_time_get_sec(e->last) - ur_time_get_sec(e->first) + 1;
   struct volume_report r = {.bytes = e->bytes,
                             .id = e->id,
                             .sequence = e->sequence++,
                             .bytes_current = e->bytes / seconds,
                             .sources_current = most_sources(o)};
   int rc = e->bytes > 0 ? send_report(m, dst, &r, e->first, e->last) : NM_OK;
   e->first = e->last;
   e->bytes = 0;
   e->reported = nm_now(m);
   e->active = !over;
   return rc;
}

/* ------------------------------------------------------------------------ life */

static int check(nm_module_t *m)
{
   struct ddos *self = nm_self(m);
   if (self->source_mask > 32 || self->destination_mask > 32) {
      return nm_fail_status(m, BAD_MASK, "Invalid value of argument. Mask must be between 0 and 32.");
   }
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct ddos *self = nm_self(m);
   self->volume = (struct volume_config){
       .min_attack = self->attack_kbps * INTERVAL * 1000 / 8,
       .min_before = self->before_kbps * INTERVAL * 1000 / 8,
       .min_total = self->prune_kbps * INTERVAL * INTERVALS * 1000 / 8,
       .bytes_factor = self->bytes_factor,
       .sources_factor = self->sources_factor,
   };
   self->destinations = nc_table_new(&(nc_table_config_t){
       .capacity = self->capacity, .key_size = sizeof(ip_addr_t), .value_size = sizeof(struct destination)});
   if (self->destinations == NULL) {
      return nm_fail(m, "no memory for %u destinations (option --capacity)", self->capacity);
   }
   nm_counter(m, "alerts", &self->alerts);
   nm_counter(m, "evicted destinations", &nc_table_stats(self->destinations)->evicted);
   nm_counter(m, "flows that end before they begin", &self->bad_times);
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct ddos *self = nm_self(m);
   const ur_template_t *t = nm_in(m);
   (void) input;
   self->ports = ur_is_present(t, F_PROTOCOL) && ur_is_present(t, F_TCP_FLAGS) &&
                 ur_is_present(t, F_SRC_PORT) && ur_is_present(t, F_DST_PORT);
   self->biflow = self->ports && ur_is_present(t, F_PACKETS) && ur_is_present(t, F_PACKETS_REV) &&
                  ur_is_present(t, F_BYTES_REV) && ur_is_present(t, F_TCP_FLAGS_REV);
   return NM_OK;
}

/* ---------------------------------------------------------------------- the flow */

/* Address with the bits behind the prefix cleared. */
static ip_addr_t masked(ip_addr_t ip, uint32_t mask4, uint32_t mask6)
{
   bool v4 = ip_is4(&ip);
   unsigned from = v4 ? 8 : 0, bytes = v4 ? 4 : 16, bits = v4 ? mask4 : mask6;
   for (unsigned i = 0; i < bytes; i++) {
      unsigned keep = bits > 8 * i ? bits - 8 * i : 0;
      ip.bytes[from + i] &= keep >= 8 ? 0xff : (uint8_t) (0xff00 >> keep);
   }
   return ip;
}

static bool is_host(const ip_addr_t *ip)
{
   return ip_is4(ip) ? ip->bytes[8] < 224 : ip->bytes[0] != 0xff;
}

static void count_oneway(nm_module_t *m, const struct oneway_flow *flow, const ip_addr_t *dst,
                         struct destination *d)
{
   struct ddos *self = nm_self(m);
   if (oneway_add(&d->oneway, &self->oneway, flow, nm_now(m))) {
      d->oneway.event.id = event_id(dst, ur_time_get_sec(d->oneway.event.begin));
   }
}

static void add_oneway(nm_module_t *m, const void *rec, const ip_addr_t *dst, struct destination *d)
{
   struct ddos *self = nm_self(m);
   const ur_template_t *t = nm_in(m);
   ip_addr_t src = ur_get(t, rec, F_SRC_IP);
   struct oneway_flow flow = {
       .source_hash = nc_hash(&src, sizeof(src), 0),
       .bytes = ur_get(t, rec, F_BYTES),
       .first = ur_get(t, rec, F_TIME_FIRST),
       .last = ur_get(t, rec, F_TIME_LAST),
       .packets = ur_get(t, rec, F_PACKETS),
       .packets_rev = ur_get(t, rec, F_PACKETS_REV),
       .dst_port = ur_get(t, rec, F_DST_PORT),
       .protocol = ur_get(t, rec, F_PROTOCOL),
       .flags = ur_get(t, rec, F_TCP_FLAGS),
       .flags_rev = ur_get(t, rec, F_TCP_FLAGS_REV),
   };
   if (is_host(dst) && oneway_is(&flow)) {
      count_oneway(m, &flow, dst, d);
   } else if (is_host(&src) && oneway_is_reverse(&flow)) {
      /* The victim's packet was seen first: the flood is the other direction of the flow. */
      ip_addr_t victim = masked(src, self->destination_mask, self->destination_mask6);
      ip_addr_t attacker = ur_get(t, rec, F_DST_IP);
      flow.source_hash = nc_hash(&attacker, sizeof(attacker), 0);
      flow.bytes = ur_get(t, rec, F_BYTES_REV);
      flow.packets = flow.packets_rev;
      flow.dst_port = ur_get(t, rec, F_SRC_PORT);
      count_oneway(m, &flow, &victim, nc_table_upsert(self->destinations, &victim, NULL));
   }
}

/* Reports that are due, and with all set every flood that goes on. */
static int report_due(nm_module_t *m, ur_time_t now, bool all)
{
   struct ddos *self = nm_self(m);
   uint32_t cursor = 0;
   const void *key;
   void *value;
   int rc = NM_OK;
   while (rc == NM_OK && nc_table_next(self->destinations, &cursor, &key, &value)) {
      struct oneway *o = &((struct destination *) value)->oneway;
      bool over = false;
      if (oneway_due(o, now, (ur_time_t) REPORT_EVERY << 32, &over) || (all && o->event.active)) {
         rc = report_oneway(m, key, o, over || all);
      }
   }
   return rc;
}

/* Ends all floods and forgets everything. */
static int forget_all(nm_module_t *m)
{
   struct ddos *self = nm_self(m);
   struct volume_report r;
   uint32_t cursor = 0;
   const void *key;
   void *value;
   int rc = report_due(m, nm_now(m), true);
   while (rc == NM_OK && nc_table_next(self->destinations, &cursor, &key, &value)) {
      if (volume_finish(&((struct destination *) value)->volume, &self->volume, self->start, &r) &
          VOLUME_REPORT) {
         rc = report_volume(m, key, &r);
      }
   }
   nc_table_clear(self->destinations);
   return rc;
}

/* Moves every history on to the interval of the stream clock. */
static int advance(nm_module_t *m, uint64_t now)
{
   struct ddos *self = nm_self(m);
   int rc = NM_OK;
   if (self->start == 0 || now > self->start + LONG_JUMP) {
      if (self->start != 0) {
         nm_warn(m, "no flow for %u s: the history starts anew", (unsigned) (now - self->start));
         rc = forget_all(m);
      }
      self->start = now / INTERVAL * INTERVAL;
      return rc;
   }
   unsigned k = (unsigned) ((now - self->start) / INTERVAL);
   if (k == 0) {
      return NM_OK;
   }
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (rc == NM_OK && nc_table_next(self->destinations, &cursor, &key, &value)) {
      struct destination *d = value;
      struct volume_report r;
      unsigned result =
          volume_move(&d->volume, &self->volume, k < INTERVALS ? k : INTERVALS, self->start, &r);
      if (result & VOLUME_REPORT) {
         rc = report_volume(m, key, &r);
      }
      bool quiet = !d->oneway.event.active && (d->oneway.minute[0].minute + 3) * ONEWAY_MINUTE < now &&
                   (d->oneway.minute[1].minute + 3) * ONEWAY_MINUTE < now;
      if ((result & VOLUME_FORGET) != 0) {
         memset(&d->volume, 0, sizeof(d->volume));
         if (quiet) {
            nc_table_remove_value(self->destinations, d);
         }
      }
   }
   self->start += (uint64_t) k * INTERVAL;
   return rc == NM_OK ? report_due(m, now << 32, false) : rc;
}

/* What a server sends to its client is no attack, however much it is: a download. */
static bool is_answer(const ur_template_t *t, const void *rec)
{
   uint8_t data = TCP_ACK | TCP_PSH;
   return ur_get(t, rec, F_PROTOCOL) == IPPROTO_TCP && (ur_get(t, rec, F_TCP_FLAGS) & data) == data &&
          ur_get(t, rec, F_SRC_PORT) < 1024 && ur_get(t, rec, F_DST_PORT) >= 1024;
}

static int record(nm_module_t *m, const void *rec)
{
   struct ddos *self = nm_self(m);
   const ur_template_t *t = nm_in(m);
   uint64_t first = ur_time_get_sec(ur_get(t, rec, F_TIME_FIRST)),
            last = ur_time_get_sec(ur_get(t, rec, F_TIME_LAST));
   uint64_t now = ur_time_get_sec(nm_now(m));
   int rc = advance(m, now);
   if (rc != NM_OK) {
      return rc;
   }
   if (last < first || last > now) { /* the second: a clock that the stream does not believe */
      self->bad_times++;
      return NM_OK;
   }
   ip_addr_t dst = masked(ur_get(t, rec, F_DST_IP), self->destination_mask, self->destination_mask6);
   ip_addr_t network = masked(ur_get(t, rec, F_SRC_IP), self->source_mask, self->source_mask6);
   struct destination *d = nc_table_upsert(self->destinations, &dst, NULL);
   uint32_t number =
       ip_is4(&network) ? ip_get_v4_as_int(&network) : (uint32_t) nc_hash(&network, sizeof(network), 0);
   if (!self->ports || !is_answer(t, rec)) {
      volume_add(&d->volume, number, ur_get(t, rec, F_BYTES), first, last, self->start);
      volume_detect(&d->volume, &self->volume, self->start, event_id(&dst, self->start));
   }
   if (self->biflow) {
      add_oneway(m, rec, &dst, d);
   }
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   struct ddos *self = nm_self(m);
   uint64_t second = ur_time_get_sec(now);
   /* Records move the history themselves; this is for a stream that has fallen silent. */
   return self->start != 0 && second >= self->start + 2 * INTERVAL && second <= self->start + LONG_JUMP
              ? advance(m, second)
              : NM_OK;
}

static void cleanup(nm_module_t *m)
{
   nc_table_free(((struct ddos *) nm_self(m))->destinations);
}

NM_MODULE(
    "ddos_detector",
    "Finds floods of one destination: traffic that grows by a factor over its past, in volume and in "
    "sources; and, on "
    "biflows, floods that the destination does not answer (spoofed SYN floods, reflection, UDP and ICMP "
    "floods).",
    .input = "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
    .output = "ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint64 EVENT_ID,uint16 EVENT_SEQ,"
              "uint64 AVG_BYTES_CURRENT,uint64 AVG_BYTES_ORIGINAL,uint32 AVG_IP_CNT_CURRENT,uint32 "
              "AVG_IP_CNT_ORIGINAL",
    .options = options, .state_size = sizeof(struct ddos), .check = check, .init = init, .format = format,
    .record = record, .tick = tick, .tick_every = NM_SECONDS(60), .finish = forget_all, .cleanup = cleanup)
