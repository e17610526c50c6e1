/* SPDX-License-Identifier: BSD-3-Clause */
/** ddos_detector: floods towards one destination. This file is the module: options, records, time and alerts. */
#include "ddos.h"
#include "detail.h"
#include "fields.h"

#include "../common/flow.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint64 BYTES_REV, time TIME_FIRST, time TIME_LAST,
          uint32 PACKETS, uint32 PACKETS_REV, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL,
          uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV, uint64 EVENT_ID, uint16 EVENT_SEQ, uint64 AVG_BYTES_CURRENT,
          uint64 AVG_BYTES_ORIGINAL, uint32 AVG_IP_CNT_CURRENT, uint32 AVG_IP_CNT_ORIGINAL, uint32 FLOW_COUNT,
          uint64 FLOOD_PACKETS, uint32 SRC_CNT, uint32 SRC_CNT_ERROR, uint32 SRC_NET_CNT, uint64 PEAK_BYTES,
          uint64 PEAK_PACKETS, uint32 FLOOD_MARGIN, string FLOOD_TYPE)
#define ALERT                                                                                    \
   "ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint64 EVENT_ID,uint16 EVENT_SEQ," \
   "uint64 AVG_BYTES_CURRENT,uint64 AVG_BYTES_ORIGINAL,uint32 AVG_IP_CNT_CURRENT,"               \
   "uint32 AVG_IP_CNT_ORIGINAL"
#define DETAILS                                                                                    \
   ",uint8 PROTOCOL,uint16 DST_PORT,uint16 SRC_PORT,uint32 FLOW_COUNT,uint64 FLOOD_PACKETS,"       \
   "uint32 SRC_CNT,uint32 SRC_CNT_ERROR,uint32 SRC_NET_CNT,uint64 PEAK_BYTES,uint64 PEAK_PACKETS," \
   "uint32 FLOOD_MARGIN,string FLOOD_TYPE"

#define BACKWARDS_UDP   1000 /* answers to one packet: servers stream over UDP to clients that send little */
#define BACKWARDS_OTHER 8
#define EXIT_OPTION     255
#define ANSWERS_UNASKED 8 /* excess of answers over requests that is still ordinary */

/* Of addresses as two words. */
struct mask {
   uint64_t v4[2], v6[2];
};

struct state {
   struct ddos ddos;
   struct mask sources, targets;
   struct flow_format format;
   bool bytes_rev; /* the format has it */
};

static const nm_option_t options[] = {
    NM_U64('m', "minimal_attack_size", struct state, ddos.min_attack, 1000, 0, UINT64_C(1) << 40,
           "Minimum size of a flood by volume, kb/s."),
    NM_U64('b', "min_traffic_before_attack", struct state, ddos.min_before, 1, 0, UINT64_C(1) << 40,
           "Minimum traffic of the destination before the flood, kb/s."),
    NM_U16('t', "threshold_flow_rate", struct state, ddos.rate, 4, 1, UINT16_MAX,
           "Minimum ratio of bytes during the flood to bytes before it."),
    NM_U16('c', "threshold_ip_count_rate", struct state, ddos.source_rate, 4, 1, UINT16_MAX,
           "Minimum ratio of sources during the flood to sources before it."),
    NM_U8('s', "mask_source_addresses", struct state, ddos.source_mask, 24, 0, 255,
          "Prefix length by which IPv4 sources are counted, 0 to 32."),
    NM_U8('d', "mask_destination_addresses", struct state, ddos.target_mask, 32, 0, 255,
          "Prefix length by which IPv4 destinations are watched, 0 to 32."),
    NM_U64('p', "min_threshold_before_pruning", struct state, ddos.min_history, 10, 0, UINT64_C(1) << 40,
           "A flood ends when the traffic of its destination falls below this, kb/s."),
    NM_U8(0, "mask6_source_addresses", struct state, ddos.source_mask6, 48, 0, 128,
          "Prefix length by which IPv6 sources are counted."),
    NM_U8(0, "mask6_destination_addresses", struct state, ddos.target_mask6, 128, 0, 128,
          "Prefix length by which IPv6 destinations are watched."),
    NM_U32(0, "flood_flows", struct state, ddos.flood_flows, 1000, 1, 100000000,
           "Minimum number of SYNs without a connection in a minute for a flood."),
    NM_U32(0, "flood_networks", struct state, ddos.flood_networks, 64, 1, 1000000,
           "Minimum number of distinct source networks (prefixes) for a flood."),
    NM_TABLE(0, "capacity", struct state, ddos.hosts, "destinations", ip_addr_t, struct host, 32768,
             .cleared = HOST_CLEARED, .evicted = hosts_evicted),
    NM_TABLE(0, "sources", struct state, ddos.sources, "source networks", uint64_t, struct source, 524288),
    NM_FLAG(0, "details", struct state, ddos.with_details,
            "Alerts also have the type of the flood, its protocol, ports, packets, distinct sources and peak "
            "rate."),
    NM_FLAG(0, "early", struct state, ddos.early,
            "Report a flood as soon as it is one, not when its minute has ended; for live traffic."),
    NM_FLAG(0, "classic", struct state, ddos.classic,
            "Report what NEMEA 2 reports: floods by volume only, not floods of small packets."),
    NM_END,
};

static int check(nm_module_t *m)
{
   const struct ddos *self = nm_self(m);
   if (self->source_mask <= 32 && self->target_mask <= 32) {
      return NM_OK;
   }
   bool source = self->source_mask > 32;
   return nm_fail_status(m, EXIT_OPTION, "option %s: \"%u\" is not a number from 0 to 32",
                         source ? "-s, --mask_source_addresses" : "-d, --mask_destination_addresses",
                         source ? self->source_mask : self->target_mask);
}

/* The bits of an address that its network has. */
static struct mask make_mask(unsigned bits4, unsigned bits6)
{
   ip_addr_t v4 = ip_from_int(bits4 == 0 ? 0 : UINT32_MAX << (32 - bits4)), v6;
   for (unsigned i = 0; i < sizeof(v6.bytes); i++) {
      unsigned keep = bits6 > 8 * i ? bits6 - 8 * i : 0;
      v6.bytes[i] = keep < 8 ? (uint8_t) (0xff00u >> keep) : 0xff;
   }
   struct mask mask;
   memcpy(mask.v4, &v4, sizeof(v4));
   memcpy(mask.v6, &v6, sizeof(v6));
   return mask;
}

/* The network of an address. is4: it is one of IPv4. */
static inline ip_addr_t masked(const ip_addr_t *address, bool is4, const struct mask *mask)
{
   uint64_t word[2];
   ip_addr_t a;
   memcpy(word, address, sizeof(word)); /* not aligned in records */
   const uint64_t *keep = is4 ? mask->v4 : mask->v6;
   word[0] &= keep[0];
   word[1] &= keep[1];
   memcpy(&a, word, sizeof(a));
   return a;
}

/* ------------------------------------------------------------------ floods */

struct flood *flood_start(struct ddos *self, struct host *h, enum flood_kind kind, uint64_t begin)
{
   h->flood = calloc(1, sizeof(*h->flood));
   if (h->flood == NULL) {
      return NULL;
   }
   const ip_addr_t *target = nc_table_key(self->hosts, h);
   uint32_t low = ip_is4(target) ? ip_get_v4_as_int(target) : ntohl(target->ui32[3]) ^ ntohl(target->ui32[1]);
   h->flood->kind = kind;
   h->flood->id = begin << 32 | low;
   h->flood->reported = begin;
   self->floods++;
   host_watch(self, h);
   detail_begin(h);
   return h->flood;
}

void flood_end(struct ddos *self, struct host *h)
{
   (void) self;
   free(h->flood);
   h->flood = NULL;
}

static uint32_t cut(uint64_t n)
{
   return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}

/* Without details of the destination (more than DETAILS_MAX are flooded) there are networks only. */
static void add_details(nm_module_t *m, void *alert, struct host *h)
{
   const struct ddos *self = nm_self(m);
   struct detail_sums sums;
   if (detail_report(self, h, &sums)) {
      nm_set(m, alert, F_TIME_FIRST, sums.first);
      nm_set(m, alert, F_TIME_LAST, sums.last);
      nm_set(m, alert, F_BYTES, sums.bytes);
   }
   nm_set(m, alert, F_PROTOCOL, sums.protocol);
   nm_set(m, alert, F_DST_PORT, sums.port);
   nm_set(m, alert, F_SRC_PORT, sums.server_port);
   nm_set(m, alert, F_FLOW_COUNT, cut(sums.flows));
   nm_set(m, alert, F_FLOOD_PACKETS, sums.packets);
   nm_set(m, alert, F_SRC_CNT, cut(sums.sources));
   nm_set(m, alert, F_SRC_CNT_ERROR, cut(sums.sources_error));
   nm_set(m, alert, F_SRC_NET_CNT, cut(sums.networks));
   nm_set(m, alert, F_PEAK_BYTES, sums.peak_bytes);
   nm_set(m, alert, F_PEAK_PACKETS, sums.peak_packets);
   nm_set(m, alert, F_FLOOD_MARGIN, cut(h->flood->margin));
   nm_set_string(m, 0, alert, F_FLOOD_TYPE, sums.type);
}

int flood_report(nm_module_t *m, struct host *h, ur_time_t first, ur_time_t last)
{
   struct ddos *self = nm_self(m);
   struct flood *flood = h->flood;
   uint64_t n = flood->intervals > 0 ? flood->intervals : 1, seconds = n * INTERVAL;
   if (flood->kind == FLOOD_PACKETS) {
      seconds = last > first ? (uint64_t) ur_time_get_sec(last) - ur_time_get_sec(first) + 1 : 1;
   }
   void *alert = nm_alert(m, NULL);
   ip_addr_t target;
   memcpy(&target, nc_table_key(self->hosts, h), sizeof(target));
   nm_set(m, alert, F_DST_IP, target);
   nm_set(m, alert, F_BYTES, flood->total);
   nm_set(m, alert, F_TIME_FIRST, first);
   nm_set(m, alert, F_TIME_LAST, last);
   nm_set(m, alert, F_EVENT_ID, flood->id);
   nm_set(m, alert, F_EVENT_SEQ, flood->seq);
   nm_set(m, alert, F_AVG_BYTES_CURRENT, flood->bytes / seconds);
   nm_set(m, alert, F_AVG_BYTES_ORIGINAL, flood->orig_bytes / INTERVAL);
   nm_set(m, alert, F_AVG_IP_CNT_CURRENT, (uint32_t) (flood->sources / n));
   nm_set(m, alert, F_AVG_IP_CNT_ORIGINAL, (uint32_t) flood->orig_sources);
   if (self->with_details) {
      add_details(m, alert, h);
   }
   flood->seq++;
   flood->total = flood->bytes = flood->sources = 0;
   flood->intervals = 0;
   return nm_send(m, alert);
}

/* ------------------------------------------------------------------ module */

static int init(nm_module_t *m)
{
   struct ddos *self = nm_self(m);
   struct state *state = nm_self(m);
   hosts_open(self);
   state->sources = make_mask(self->source_mask, self->source_mask6);
   state->targets = make_mask(self->target_mask, self->target_mask6);
   self->details = self->with_details ? calloc(DETAILS_MAX, sizeof(struct detail *)) : NULL;
   if (self->with_details && self->details == NULL) {
      return nm_fail(m, "no memory for details");
   }
   nm_counter(m, "floods", &self->floods);
   nm_counter(m, "floods evicted", &self->lost);
   nm_counter(m, "unusable times", &self->late);
   return nm_set_output(m, 0, self->with_details ? ALERT DETAILS : ALERT);
}

static int format(nm_module_t *m, uint32_t input)
{
   (void) input;
   struct state *state = nm_self(m);
   flow_format_set(&state->format, nm_in(m));
   state->bytes_rev = ur_is_present(nm_in(m), F_BYTES_REV);
   return NM_OK;
}

/* Traffic that the destination requested is no attack on it. Records of both directions do not count it for the client at
 * all; in records of one direction it comes from the low port of a server to a high port of a host that sends, too. */
static bool may_be_solicited(const struct state *state, const struct flow *f)
{
   return !state->format.both_ways && state->format.details && state->format.src_port && flow_is_answer(f);
}

static bool solicited(const struct state *state, struct host *h, const struct flow *f)
{
   if (!may_be_solicited(state, f)) {
      return false;
   }
   h->answers++;
   return h->answers <= 2 * ((uint64_t) h->asked + h->asked_before) + ANSWERS_UNASKED;
}

/* A flow, and what is known of its hosts. Flows are read in batches, so that the tables fetch all places at once. */
struct step {
   struct flow f;
   ip_addr_t sender, target;
   struct host *from, *to; /* from: NULL: not known */
   struct place at_from, at_to;
   uint64_t from_id, to_id; /* another id: it was evicted for a later flow of the batch */
   bool is_turned;          /* it is the other direction of the flow before */
   bool is_use, is_answer;
   struct source_ref source;
};

#define STEPS NC_TABLE_BATCH /* a flow has two hosts, but those of many are in the cache already */

static int add_flow(nm_module_t *m, struct state *state, struct step *step)
{
   struct ddos *self = &state->ddos;
   const struct flow *f = &step->f;
   if (step->from != NULL && step->from->id == step->from_id) {
      host_roll(step->from, self->interval);
      step->from->asked++; /* the sender may get answers */
   }
   struct host *h = step->to;
   if (h->id != step->to_id) {
      return NM_OK;
   }
   host_roll(h, self->interval);
   bool stray = false;
   if (state->format.details && !self->classic) {
      stray = packets_add(self, h, f, &step->source, state->format.both_ways);
      if (stray && h->next == NULL && packets_many(self, h)) {
         host_watch(self, h);
      }
   }
   bool asked_for = solicited(state, h, f);
   if (self->with_details && (stray || !asked_for)) {
      detail_add(self, h, f, &step->source.network, f->bytes, stray);
   }
   int rc = stray && self->early ? packets_look(m, h) : NM_OK;
   return rc != NM_OK || asked_for ? rc : volume_add(m, h, f, &step->source);
}

/* The first packet seen was the victim's: the flood is the reverse direction of the flow. */
static bool is_backwards(const struct flow *f)
{
   switch (f->protocol) {
   case PROTOCOL_TCP: return f->flags_rev == TCP_SYN && (f->flags & ~TCP_RST) == (TCP_SYN | TCP_ACK);
   case PROTOCOL_UDP: return f->packets_rev / BACKWARDS_UDP >= f->packets;
   default: return f->packets_rev / BACKWARDS_OTHER >= f->packets;
   }
}

/* The other direction of a flow of both. */
static struct flow turned(const struct flow *f, uint64_t bytes)
{
   return (struct flow){.src = f->dst,
                        .dst = f->src,
                        .first = f->first,
                        .last = f->last,
                        .bytes = bytes,
                        .packets = f->packets_rev,
                        .packets_rev = f->packets,
                        .src_port = f->dst_port,
                        .dst_port = f->src_port,
                        .protocol = f->protocol,
                        .flags = f->flags_rev,
                        .flags_rev = f->flags};
}

/* \return false: its times are impossible */
static inline bool read_step(const struct state *state, const void *rec, struct step *step)
{
   const struct ddos *self = &state->ddos;
   struct flow f = flow_read(rec, &state->format);
   if (f.last < f.first || ur_time_get_sec(f.last) / INTERVAL > self->interval) {
      return false;
   }
   if (state->format.both_ways && f.packets_rev > 0 && is_backwards(&f)) {
      f = turned(&f, state->bytes_rev ? FLOW_FIELD_(rec, &state->format, F_BYTES_REV) : f.bytes);
   }
   const bool is4 = ip_is4(f.src);
   step->sender = masked(f.src, is4, &state->targets);
   step->target = masked(f.dst, ip_is4(f.dst), &state->targets);
   step->source = (struct source_ref){.network = masked(f.src, is4, &state->sources)};
   step->is_use = state->format.details && flow_is_use(f.protocol, f.flags);
   step->is_answer = may_be_solicited(state, &f);
   step->f = f;
   return true;
}

static bool same_address(const ip_addr_t *a, const ip_addr_t *b)
{
   return memcmp(a, b, sizeof(*a)) == 0;
}

/* The other direction of the flow before has the same hosts; where records have one direction, both often come together. */
static bool is_turned(const struct step *step, const struct step *before)
{
   return same_address(&step->sender, &before->target) && same_address(&step->target, &before->sender);
}

static void fetch_hosts(struct ddos *self, struct step *steps, uint32_t n)
{
   uint64_t hashes[2 * STEPS];
   void *guesses[2 * STEPS];
   uint32_t count = 0;
   for (uint32_t i = 0; i < n; i++) {
      struct step *step = &steps[i];
      step->is_turned = i > 0 && is_turned(step, &steps[i - 1]);
      if (!step->is_turned) {
         hashes[count++] = nc_hash(&step->sender, sizeof(step->sender));
         hashes[count++] = nc_hash(&step->target, sizeof(step->target));
      }
   }
   nc_table_prefetch_hashed(self->hosts, hashes, count, guesses);
   for (uint32_t i = 0, next = 0; i < n; i++) {
      struct step *step = &steps[i];
      if (!step->is_turned) {
         step->at_from = (struct place){.hash = hashes[next], .guess = guesses[next]};
         step->at_to = (struct place){.hash = hashes[next + 1], .guess = guesses[next + 1]};
         next += 2;
      } else {
         step->at_from = steps[i - 1].at_to;
         step->at_to = steps[i - 1].at_from;
      }
   }
}

/* before: the step before this one if this one is the other direction of it */
static void find_hosts(struct ddos *self, struct step *step, const struct step *before)
{
   const bool is_known =
       before != NULL && before->from != NULL &&
       before->to->id != self->last_id; /* which may have been added in place of the other */
   step->from = before != NULL ? before->to
                               : nc_table_peek_guessed(self->hosts, &step->sender, step->at_from.hash,
                                                       step->at_from.guess);
   step->from_id = step->from != NULL ? step->from->id : 0;
   if (is_known) {
      step->to = before->from;
      nc_table_use(self->hosts, step->to);
   } else {
      step->to = host_get(self, &step->target, &step->at_to);
   }
   step->to_id = step->source.host = step->to->id;
}

/* Fetches what the step needs of a destination besides the first line of it. (Inlined, since gcc 12 leaves out calls of functions that do
 * nothing but fetch.) */
__attribute__((always_inline)) static inline void fetch_rest(const struct host *h, uint64_t interval,
                                                             bool stray)
{
   const char *entry = (const char *) h - sizeof(ip_addr_t);
   if (h->interval < interval) {
      __builtin_prefetch(entry + 64, 1);
      __builtin_prefetch(entry + 128, 1);
   }
   if (stray) {
      __builtin_prefetch(entry + 64, 1);
      __builtin_prefetch(entry + 192, 1);
   }
}

/* Finds the steps' hosts, and fetches what they need. */
static void prepare(struct ddos *self, struct step *steps, uint32_t n)
{
   struct source_ref *needed[STEPS];
   uint64_t keys[STEPS];
   void *guesses[STEPS];
   uint32_t count = 0;
   fetch_hosts(self, steps, n);
   for (uint32_t i = 0; i < n; i++) {
      struct step *step = &steps[i];
      find_hosts(self, step, step->is_turned ? &steps[i - 1] : NULL);
      if (step->from != NULL) {
         fetch_rest(step->from, self->interval, false);
      }
      fetch_rest(step->to, self->interval, !step->is_use);
      if (!step->is_use || !step->is_answer) { /* else most are asked for, and their source does not count */
         needed[count] = &step->source;
         keys[count++] = source_key(&step->source);
      }
   }
   nc_table_prefetch_hashed(self->sources, keys, count, guesses);
   for (uint32_t i = 0; i < count; i++) {
      needed[i]->key = keys[i];
      needed[i]->guess = guesses[i];
      needed[i]->is_hashed = true;
   }
}

/* Ticks come between intervals, so all records of a batch are of one. */
static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct state *state = nm_self(m);
   struct ddos *self = &state->ddos;
   struct step steps[STEPS];
   int rc = NM_OK;
   self->interval = ur_time_get_sec(nm_now(m)) / INTERVAL;
   if (self->interval > self->heard + HISTORY) {
      self->watched_since = self->interval; /* there were no records in between */
   }
   self->heard = self->interval;
   for (uint32_t next = 0; next < n && rc == NM_OK;) {
      uint32_t count = 0;
      for (; next < n && count < STEPS; next++) {
         if (read_step(state, recs[next].data, &steps[count])) {
            count++;
         } else {
            self->late++;
            nm_warn(m, "record with an impossible time is ignored");
         }
      }
      prepare(self, steps, count);
      for (uint32_t i = 0; i < count && rc == NM_OK; i++) {
         rc = add_flow(m, state, &steps[i]);
      }
   }
   return rc;
}

/* An interval ends for a watched destination. */
static int next_interval(nm_module_t *m, struct host *h, uint64_t interval)
{
   int rc = NM_OK;
   if (h->flood == NULL || h->flood->kind == FLOOD_PACKETS) {
      rc = packets_judge(m, h);
   }
   if (rc == NM_OK && h->flood != NULL && h->flood->kind == FLOOD_VOLUME) {
      rc = volume_leave(m, h);
   }
   host_roll(h, interval);
   if (rc == NM_OK && h->flood != NULL && h->flood->kind == FLOOD_VOLUME) {
      rc = volume_moved(m, h);
   }
   if (h->flood == NULL) {
      host_unwatch(h);
   }
   return rc;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct ddos *self = nm_self(m);
   int rc = NM_OK;
   self->interval = ur_time_get_sec(stream_time) / INTERVAL;
   for (struct host *h = self->watched.next, *next; h != &self->watched && rc == NM_OK; h = next) {
      next = h->next;
      rc = next_interval(m, h, self->interval);
   }
   return rc;
}

static int finish(nm_module_t *m)
{
   struct ddos *self = nm_self(m);
   int rc = NM_OK;
   for (struct host *h = self->watched.next, *next; h != &self->watched && rc == NM_OK; h = next) {
      next = h->next;
      bool volume = h->flood != NULL && h->flood->kind == FLOOD_VOLUME;
      rc = volume ? volume_finish(m, h) : packets_finish(m, h);
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   hosts_close(nm_self(m));
}

NM_MODULE(
    "ddos_detector", "Detects floods of bytes or packets from many sources towards one destination.",
    .input = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
    .out = NM_OUTPUTS({.name = "alerts", .fields = ALERT, .format = NM_CHOSEN, .added = NM_ADDED({DETAILS})}),
    .options = options, .state_size = sizeof(struct state), .tick_every = NM_SECONDS(INTERVAL),
    .check = check, .init = init, .format = format, .records = records, .tick = tick, .finish = finish,
    .cleanup = cleanup)
