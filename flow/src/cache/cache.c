/* SPDX-License-Identifier: BSD-3-Clause */
#include "cache_state.h"

#include <nemea-common/nc_hash.h>
#include <netinet/in.h>
#include <string.h>

#define FAR_AHEAD         3600 /* seconds: one packet with a wrong time must not end all flows */
#define AHEAD             8    /* flows whose timeouts are checked before any of them is ended */
#define SMALL_ROW         256 /* bytes of a row: a batch of larger ones is too much for the nearest cache at a time */
#define ROWS_AHEAD        8   /* packets in advance of which a flow's row is fetched, */
#define SLOTS_AHEAD       4   /* and what lazy plugins keep: */
#define SLOT_BEGIN        64  /* so many bytes of each slot */
#define SLOT_AHEAD        320 /* and of flows that will end soon */
#define ICMP_HEADER       8
#define ICMP_UNREACHABLE  3
#define ICMP6_UNREACHABLE 1
#define TCP_FIN           0x01
#define TCP_SYN           0x02
#define TCP_RST           0x04
#define TCP_ACK           0x10

/* With early exports: the last packets of a connection still belong to it until the next second begins; a SYN waits for what answers
 * over a satellite, 0.7 s, and then until the next second. */
#define ANSWER_NS     (7 * (NS / 10))
#define EARLY_PACKETS 5000 /* of a flow that is not answered: it goes on in another record */
#define YOUNG_S       3    /* a flow of a crowd that was not silent by then waits for its timeout */

#define WELL_KNOWN 1024 /* the first port that is not */

_Static_assert(sizeof(struct flow) == 128, "a flow is two cache lines");
_Static_assert(offsetof(struct flow, hash) == PACKET_KEY_SIZE,
               "keys of flows and packets have the same form");

/* --------------------------------------------------------------------- index */

/* The same for both directions: the greater endpoint is hashed first. */
static inline uint64_t hash_packet(const struct packet *packet, bool join_vlans)
{
   uint64_t s[2], d[2], words[5];
   memcpy(s, packet->src_ip, 16);
   memcpy(d, packet->dst_ip, 16);
   nc_hash_sum_t src = (nc_hash_sum_t) s[1] << 64 | s[0], dst = (nc_hash_sum_t) d[1] << 64 | d[0];
   bool swap = src < dst || (src == dst && packet->src_port < packet->dst_port);
   words[0] = swap ? d[0] : s[0];
   words[1] = swap ? d[1] : s[1];
   words[2] = swap ? s[0] : d[0];
   words[3] = swap ? s[1] : d[1];
   uint64_t first = swap ? packet->dst_port : packet->src_port,
            second = swap ? packet->src_port : packet->dst_port;
   words[4] = first << 48 | second << 32 | (uint64_t) packet->protocol << 24 |
              (uint64_t) packet->ip_version << 16 | (join_vlans ? 0 : packet->vlan);
   return nc_hash_words(words, 5);
}

static inline bool same_way(const struct flow *f, const struct packet *packet, bool join_vlans)
{
   return join_vlans ? memcmp(f->src_ip, packet->src_ip, PACKET_KEY_SIZE - sizeof(packet->vlan)) == 0
                     : memcmp(f->src_ip, packet->src_ip, PACKET_KEY_SIZE) == 0;
}

static inline bool other_way(const struct flow *f, const struct packet *packet, bool join_vlans)
{
   return memcmp(f->src_ip, packet->dst_ip, 16) == 0 && memcmp(f->dst_ip, packet->src_ip, 16) == 0 &&
          f->src_port == packet->dst_port && f->dst_port == packet->src_port &&
          memcmp(&f->protocol, &packet->protocol, join_vlans ? 2 : 4) == 0;
}

struct search {
   const struct flow_cache *cache;
   const struct packet *packet;
   bool reverse;
};

static inline bool same_flow(void *context, uint32_t record)
{
   struct search *s = context;
   const struct flow *f = &s->cache->flows[record];
   if (same_way(f, s->packet, s->cache->config.join_vlans)) {
      s->reverse = false;
      return true;
   }
   s->reverse = true;
   return !s->cache->config.split && other_way(f, s->packet, s->cache->config.join_vlans);
}

static inline struct flow *find(const struct flow_cache *c, const struct packet *packet, uint64_t hash,
                                bool *reverse)
{
   struct search s = {.cache = c, .packet = packet};
   uint32_t record = nc_index_find(&c->index, hash, same_flow, &s);
   *reverse = s.reverse;
   return record != NC_INDEX_NONE ? &c->flows[record] : NULL;
}

/* --------------------------------------------------------------------- wheel */

static void unlist(struct flow_cache *c, struct flow *f)
{
   uint32_t slot = f->deadline & c->wheel_mask;
   if (f->previous != NONE) {
      c->flows[f->previous].next = f->next;
   } else {
      c->wheel[slot].head = f->next;
   }
   if (f->next != NONE) {
      c->flows[f->next].previous = f->previous;
   } else {
      c->wheel[slot].tail = f->previous;
   }
}

/* A SYN that nobody has answered yet. */
static inline bool is_asking(const struct flow *f)
{
   return f->protocol == IPPROTO_TCP && f->packets_rev == 0 &&
          (f->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/* The second in which a flow is looked at if no packet comes. *early: it has ended then */
static inline uint64_t due(const struct flow_cache *c, const struct flow *f, bool *early)
{
   *early = c->config.early && c->inactive_s > EARLY_S &&
            (f->closed || is_asking(f) || (f->stage >= STAGE_CROWD && crowds_unheard(f)));
   if (!*early) {
      return f->last / NS + c->inactive_s;
   }
   return (f->closed ? f->last : f->last + ANSWER_NS) / NS + EARLY_S;
}

/* Lists a flow at the second at which it times out if no packet comes: never before the next second. */
static void list(struct flow_cache *c, struct flow *f)
{
   bool early;
   uint64_t second = due(c, f, &early);
   if (second <= c->second) {
      second = c->second + 1;
   }
   if (second > c->second + c->wheel_mask) {
      second = c->second + c->wheel_mask;
   }
   uint32_t record = (uint32_t) (f - c->flows), slot = (uint32_t) second & c->wheel_mask;
   f->deadline = (uint32_t) second;
   f->next = NONE;
   f->previous = c->wheel[slot].tail;
   if (f->previous != NONE) {
      c->flows[f->previous].next = record;
   } else {
      c->wheel[slot].head = record;
   }
   c->wheel[slot].tail = record;
   /* The flow that was listed some places before learns of this one. It may have left since: then it is a wasted hint. */
   uint32_t *recent = &c->wheel[slot].recent[c->wheel[slot].count++ % JUMP];
   c->flows[*recent].jump = record;
   *recent = record;
}

/* -------------------------------------------------------------------- export */

static void export(struct flow_cache *c, struct flow *f, enum flow_end reason)
{
   void *ext[MAX_PLUGINS];
   for (plugin_set_t set = f->plugins; set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      ext[i] = plugin_kept(&c->memory, record_of(c, f), i);
      if ((c->with_finish >> i & 1) != 0 && !c->config.plugins[i]->finish(ext[i], f)) {
         f->plugins &= ~PLUGIN_SET(i);
      }
   }
   c->stats.exported[reason]++;
   c->config.export(c->config.context, f, ext, reason);
}

static void remove_flow(struct flow_cache *c, struct flow *f)
{
   uint32_t record = record_of(c, f);
   unlist(c, f);
   nc_index_remove(&c->index, f->hash, record);
   plugin_row_end(&c->memory, record);
   if (c->streams != NULL) {
      streams_release(c->streams, plugin_row(&c->memory, record));
   }
   c->stats.cached--;
   f->next = c->free;
   c->free = record;
}

void cache_end_flow(struct flow_cache *c, struct flow *f, enum flow_end reason)
{
   plugins_drain(c, f);
   export(c, f, reason);
   remove_flow(c, f);
}

static enum flow_end inactive_reason(const struct flow *f)
{
   return ((f->tcp_flags | f->tcp_flags_rev) & (TCP_FIN | TCP_RST)) != 0 ? FLOW_END_DETECTED
                                                                         : FLOW_END_INACTIVE;
}

static inline bool elapsed(const struct flow_cache *c, uint64_t now, uint64_t since, uint64_t timeout)
{
   if (now <= since || now - since < (timeout > 0 ? timeout - 1 : 0) *
                                         c->unit) { /* without a division, as for most packets */
      return false;
   }
   uint64_t a = c->unit == NS ? now / NS : now / (NS / 1000),
            b = c->unit == NS ? since / NS : since / (NS / 1000);
   return a > b && a - b >= timeout;
}

/* Prefetches a flow. */
static inline void fetch_record(const struct flow_cache *c, uint32_t record)
{
   __builtin_prefetch(&c->flows[record], 1);
   __builtin_prefetch((const char *) &c->flows[record] + 64, 1);
}

/* Prefetches its plugins' row. */
static inline void fetch_row(const struct flow_cache *c, uint32_t record)
{
   for (size_t at = 0; at < c->fetched; at += 64) {
      __builtin_prefetch((const char *) plugin_row(&c->memory, record) + at, 1);
   }
}

/* Prefetches a flow and its plugins' row. */
static inline void fetch_flow(const struct flow_cache *c, uint32_t record)
{
   fetch_record(c, record);
   fetch_row(c, record);
}

/* Prefetches what the next flow of a list needs that will end soon, and the flow some places after it. */
static inline uint32_t look_ahead(const struct flow_cache *c, uint32_t record)
{
   if (record == NONE) {
      return NONE;
   }
   const struct flow *f = &c->flows[record];
   fetch_flow(c, f->jump);
   __builtin_prefetch(nc_index_home(&c->index, f->hash), 1);
   plugin_fetch_slots(&c->memory, record, SLOT_AHEAD);
   __asm__ volatile(
       ""); /* gcc takes a function that only prefetches for one that does nothing, and would remove it */
   return f->next;
}

/* All flows that nobody has answered until this second are counted before any of them is judged: so the first of a crowd belong to it. */
static void count_crowds(struct flow_cache *c, uint64_t second)
{
   uint32_t record = c->wheel[second & c->wheel_mask].head;
   while (record != NONE) {
      struct flow *f = &c->flows[record];
      fetch_flow(c, f->jump);
      if (f->stage == STAGE_CROWD && !f->closed) {
         f->stage = STAGE_COUNTED;
         crowds_count(c->crowds, f, second);
      }
      record = f->next;
   }
}

/* Ends a flow of a crowd if it is silent, or loud. What is of no crowd waits for its timeout. \return true: it has ended */
static __attribute__((noinline)) bool end_of_crowd(struct flow_cache *c, struct flow *f, uint64_t second,
                                                   uint64_t now)
{
   bool early;
   if (f->closed || second > f->first / NS + YOUNG_S || !crowds_have(c->crowds, f, second)) {
      f->stage = STAGE_OPEN;
      return false;
   }
   bool silent = now / NS >= due(c, f, &early);
   if (!early || (!silent && !crowds_loud(c->crowds, f, second))) {
      return false;
   }
   if (silent) {
      crowds_ended(c->crowds, f, second);
   }
   list(c, f); /* it has just been taken out of a list */
   cache_end_flow(c, f, silent ? FLOW_END_INACTIVE : FLOW_END_ACTIVE);
   return true;
}

/* Ends the flows of one second that have timed out; the others move to a later second. */
static void expire_second(struct flow_cache *c, uint64_t slot_second, uint64_t now)
{
   uint32_t slot = (uint32_t) slot_second & c->wheel_mask, record = c->wheel[slot].head, ahead = record;
   if (c->crowds != NULL) {
      count_crowds(c, slot_second);
   }
   c->wheel[slot].head = c->wheel[slot].tail = NONE;
   for (unsigned i = 0; i < AHEAD; i++) {
      ahead = look_ahead(c, ahead);
   }
   while (record != NONE) {
      struct flow *f = &c->flows[record];
      ahead = look_ahead(c, ahead);
      record = f->next;
      if (f->stage >= STAGE_CROWD && end_of_crowd(c, f, slot_second, now)) {
         continue;
      }
      list(c, f);
      bool early;
      uint64_t second = due(c, f, &early);
      if (early ? now / NS >= second : elapsed(c, now, f->last, c->inactive)) {
         cache_end_flow(c, f, inactive_reason(f));
      }
   }
}

static void advance_to(struct flow_cache *c, uint64_t now, uint64_t second)
{
   if (c->second == 0) {
      c->second = second;
      return;
   }
   if (second - c->second > FAR_AHEAD) {
      bool confirmed = c->far != 0 && (second > c->far ? second - c->far : c->far - second) < FAR_AHEAD;
      c->far = second;
      if (!confirmed) {
         return;
      }
   }
   c->far = 0;
   uint64_t steps = second - c->second;
   if (steps > (uint64_t) c->wheel_mask + 1) {
      steps = (uint64_t) c->wheel_mask + 1;
   }
   uint64_t from = c->second + 1;
   c->second = second;
   for (uint64_t i = 0; i < steps; i++) {
      expire_second(c, from + i, now);
   }
}

static inline void advance(struct flow_cache *c, uint64_t now)
{
   if (now >= c->next_second && now / NS > c->second) {
      advance_to(c, now, now / NS);
      c->next_second = (c->second + 1) * NS;
   }
}

/* Prefetches what evicting this many flows will need. */
static void expect_evictions(const struct flow_cache *c, unsigned n)
{
   uint32_t slot = (uint32_t) (c->second + 1) & c->wheel_mask, record = c->wheel[slot].head;
   for (uint32_t i = 1; record == NONE && i < c->wheel_mask; i++) {
      record = c->wheel[(slot + i) & c->wheel_mask].head;
   }
   while (n-- > 0 && record != NONE) {
      record = look_ahead(c, record);
   }
}

/* Evicts the flow whose timeout is next, unless it had a packet since it was listed. */
static void evict(struct flow_cache *c)
{
   for (uint64_t i = 1;; i++) {
      uint32_t slot = (uint32_t) (c->second + i) & c->wheel_mask;
      for (uint32_t record = c->wheel[slot].head; record != NONE; record = c->wheel[slot].head) {
         struct flow *f = &c->flows[record];
         bool early;
         if (due(c, f, &early) <= c->second + i || i >= c->wheel_mask) {
            cache_end_flow(c, f, FLOW_END_RESOURCES);
            return;
         }
         unlist(c, f);
         list(c, f);
      }
   }
}

/* ------------------------------------------------------------------- packets */

/* When a search reaches its bound without a free place, a flow of the same bucket is evicted. */
static inline void index_flow(struct flow_cache *c, uint64_t hash, uint32_t record)
{
   if (!nc_index_add(&c->index, hash, record)) {
      c->stats.crowded++;
      cache_end_flow(c, &c->flows[nc_index_victim(&c->index, hash)], FLOW_END_RESOURCES);
      nc_index_add(&c->index, hash, record);
   }
}

static void begin_flow(struct flow_cache *c, const struct packet *packet, uint64_t hash)
{
   if (c->free == NONE && c->used == c->config.capacity) {
      evict(c);
   }
   uint32_t record = c->free != NONE ? c->free : c->used++;
   struct flow *f = &c->flows[record];
   if (c->free != NONE) {
      c->free = f->next;
   }
   memcpy(f->src_ip, packet->src_ip, PACKET_KEY_SIZE);
   f->hash = hash;
   f->packets = f->packets_rev = 0;
   f->plugins = 0;
   f->bytes = f->bytes_rev = 0;
   f->tcp_flags = f->tcp_flags_rev = 0;
   f->closed = (packet->tcp_flags & TCP_RST) != 0;
   f->stage = STAGE_OPEN;
   f->first = f->last = packet->time;
   memcpy(f->src_mac, packet->src_mac, 6);
   memcpy(f->dst_mac, packet->dst_mac, 6);
   count_in_flow(f, packet, false);
   if (c->crowds != NULL && crowds_concern(f)) {
      f->stage = STAGE_CROWD;
      crowds_begun(c->crowds, hash, c->second);
   }
   index_flow(c, hash, record);
   list(c, f);
   c->stats.flows++;
   c->stats.cached++;
   if (c->config.n_plugins > 0) {
      plugins_begin(c, f, packet);
   }
}

/* Exports a flow up to now; it continues with empty counters from its last packet. */
void cache_restart_flow(struct flow_cache *c, struct flow *f)
{
   export(c, f, FLOW_END_FORCED);
   f->packets = f->packets_rev = 0;
   f->plugins = 0;
   f->bytes = f->bytes_rev = 0;
   f->tcp_flags = f->tcp_flags_rev = 0;
   f->first = f->last;
   plugin_row_end(&c->memory, record_of(c, f));
}

/* --------------------------------------------------- who began, and early ends */

/* Was the flow begun by the sender of this packet, which goes against its direction? */
static bool began(const struct flow *f, const struct packet *packet)
{
   bool alone = f->packets_rev == 0, tcp = f->protocol == IPPROTO_TCP;
   if (tcp && (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
      bool answer = (f->tcp_flags & TCP_ACK) != 0 && (f->tcp_flags & (TCP_SYN | TCP_RST)) != 0;
      return alone && answer;
   }
   bool asked = tcp && (f->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
   if (!alone || f->packets > 1 || asked || packet->time > f->first) {
      return false;
   }
   bool answers = tcp && (packet->tcp_flags & TCP_ACK) != 0 && (packet->tcp_flags & (TCP_SYN | TCP_RST)) != 0;
   return !answers && (packet->time < f->first || (f->src_port < WELL_KNOWN && f->dst_port >= WELL_KNOWN));
}

static void swap_bytes(void *a, void *b, size_t size)
{
   uint8_t t[16];
   memcpy(t, a, size);
   memcpy(a, b, size);
   memcpy(b, t, size);
}

/* Exchanges the directions of a flow of one packet, or of packets in one direction. Its hash is that of both. */
static void turn(struct flow_cache *c, struct flow *f)
{
   swap_bytes(f->src_ip, f->dst_ip, sizeof(f->src_ip));
   swap_bytes(&f->src_port, &f->dst_port, sizeof(f->src_port));
   swap_bytes(f->src_mac, f->dst_mac, sizeof(f->src_mac));
   swap_bytes(&f->packets, &f->packets_rev, sizeof(f->packets));
   swap_bytes(&f->bytes, &f->bytes_rev, sizeof(f->bytes));
   swap_bytes(&f->tcp_flags, &f->tcp_flags_rev, sizeof(f->tcp_flags));
   if (c->config.n_plugins == 0) {
      return;
   }
   struct plugin_row *row = plugin_row(&c->memory, record_of(c, f));
   if (c->streams != NULL) {
      streams_release(c->streams, row);
      stream_begin(row);
   }
   for (unsigned i = 0; i < c->config.n_plugins; i++) {
      void *ext = c->config.plugins[i]->turn != NULL ? plugin_kept(&c->memory, record_of(c, f), i) : NULL;
      if (ext != NULL) {
         c->config.plugins[i]->turn(ext);
      }
   }
}

static void close_flow(struct flow_cache *c, struct flow *f)
{
   if (!f->closed) {
      f->closed = true;
      unlist(c, f);
      list(c, f);
   }
}

/* A packet of TCP after which the flow may be over: RST, and what follows the FINs of both directions. */
static void look_for_end(struct flow_cache *c, struct flow *f, const struct packet *packet)
{
   if ((packet->tcp_flags & TCP_RST) != 0 || f->stage == STAGE_HALF_CLOSED) {
      close_flow(c, f);
   }
   f->stage = (f->tcp_flags & f->tcp_flags_rev & TCP_FIN) != 0 ? STAGE_HALF_CLOSED : STAGE_OPEN;
}

/* A host or port is unreachable, which an ICMP message says of the packet that it holds (RFC 792, 4443). */
static void look_for_unreachable(struct flow_cache *c, const struct packet *packet)
{
   const uint8_t *p = packet->payload;
   size_t n = packet->payload_captured;
   bool four = packet->protocol == IPPROTO_ICMP;
   if (packet->fragment || n <= ICMP_HEADER || p[0] != (four ? ICMP_UNREACHABLE : ICMP6_UNREACHABLE)) {
      return;
   }
   struct raw_packet raw = {.data = p + ICMP_HEADER,
                            .time = packet->time,
                            .captured = (uint32_t) (n - ICMP_HEADER),
                            .wire = UINT16_MAX,
                            .link = LINK_RAW};
   struct packet lost;
   bool reverse;
   if (packet_parse(&raw, PARSE_OUTER, &lost) != PARSE_OK) {
      return;
   }
   lost.vlan = packet->vlan;
   struct flow *f = find(c, &lost, hash_packet(&lost, c->config.join_vlans), &reverse);
   if (f != NULL && (reverse ? f->packets : f->packets_rev) == 0) {
      close_flow(c, f);
   }
}

/* Very many packets without answers may be a flood, which is not waited for until it ends. */
static inline bool is_torrent(const struct flow *f)
{
   return f->packets >= EARLY_PACKETS && f->packets_rev == 0 &&
          (f->protocol != IPPROTO_TCP || f->tcp_flags == TCP_SYN);
}

static inline void count_packet(struct flow_cache *c, struct packet *packet, uint64_t hash)
{
   bool reverse = false;
   advance(c, packet->time);
   c->stats.packets++;
   c->stats.bytes += packet->wire;
   if (c->config.early && (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)) {
      look_for_unreachable(c, packet);
   }
   struct flow *f = find(c, packet, hash, &reverse);
   if (f == NULL) {
      begin_flow(c, packet, hash);
      return;
   }
   if (reverse && c->config.tcp_direction && began(f, packet)) {
      turn(c, f);
      reverse = false;
   }
   uint8_t seen = reverse ? f->tcp_flags_rev : f->tcp_flags;
   enum flow_end end = 0;
   if ((packet->tcp_flags & TCP_SYN) != 0 && (seen & (TCP_FIN | TCP_RST)) != 0) {
      end = FLOW_END_DETECTED;
   } else if (elapsed(c, packet->time, f->last, c->inactive)) {
      end = inactive_reason(f);
   } else if (elapsed(c, packet->time, f->first, c->active) || (c->config.early && is_torrent(f))) {
      end = FLOW_END_ACTIVE;
   }
   if (end != 0) {
      cache_end_flow(c, f, end);
      begin_flow(c, packet, hash);
      return;
   }
   if (c->config.n_plugins == 0) {
      count_in_flow(f, packet, reverse);
   } else if (plugins_update(c, f, packet, reverse)) {
      return;
   }
   if (c->config.early && packet->protocol == IPPROTO_TCP) {
      look_for_end(c, f, packet);
   }
}

/* Counts the fragments that have stopped waiting as packets of flows. */
static void take_fragments(struct flow_cache *c)
{
   struct packet *packet;
   bool alone = false;
   while ((packet = fragment_cache_take(c->fragments, &alone)) != NULL) {
      c->stats.fragments_without_first += alone;
      count_packet(c, packet, hash_packet(packet, c->config.join_vlans));
   }
}

static void expire_fragments(struct flow_cache *c, uint64_t now)
{
   if (c->fragments != NULL && fragment_cache_waiting(c->fragments) > 0) {
      fragment_cache_expire(c->fragments, now);
      take_fragments(c);
   }
}

static void fragment(struct flow_cache *c, struct packet *packet)
{
   enum fragment_result result = fragment_cache_look(c->fragments, packet);
   if (result != FRAGMENT_WAITS) {
      c->stats.fragments_without_first += result == FRAGMENT_NOTHING;
      count_packet(c, packet, hash_packet(packet, c->config.join_vlans));
      take_fragments(c);
   }
}

void flow_cache_advance(struct flow_cache *c, uint64_t now)
{
   expire_fragments(c, now);
   advance(c, now);
}

/* The index is no longer searched: clearing it as a whole is much faster than flow by flow. */
void flow_cache_flush(struct flow_cache *c)
{
   expire_fragments(c, UINT64_MAX);
   for (uint64_t i = 1; i <= (uint64_t) c->wheel_mask + 1; i++) {
      uint32_t slot = (uint32_t) (c->second + i) & c->wheel_mask;
      for (uint32_t record = c->wheel[slot].head; record != NONE; record = c->flows[record].next) {
         fetch_flow(c, c->flows[record].jump);
         plugins_drain(c, &c->flows[record]);
         export(c, &c->flows[record], FLOW_END_FORCED);
      }
      c->wheel[slot].head = c->wheel[slot].tail = NONE;
   }
   c->stats.cached = 0;
   c->used = 0;
   c->free = NONE;
   plugin_memory_reset(&c->memory);
   if (c->streams != NULL) {
      streams_reset(c->streams);
   }
   memory_zero(c->index.buckets, ((size_t) c->index.mask + 1) * sizeof(nc_index_bucket_t));
}

void flow_cache_packets(struct flow_cache *c, struct packet *packets, unsigned n)
{
   uint64_t hash[FLOW_BATCH];
   uint32_t guess[FLOW_BATCH + ROWS_AHEAD];
   const bool small = c->fetched <= SMALL_ROW;
   /* Three passes, so that the memory that a packet needs is on its way while others are worked on. */
   for (unsigned i = 0; i < n; i++) {
      hash[i] = hash_packet(&packets[i], c->config.join_vlans);
      __builtin_prefetch(nc_index_home(&c->index, hash[i]));
   }
   unsigned fresh = 0;
   for (unsigned i = 0; i < n; i++) {
      uint32_t record = guess[i] = nc_index_guess(&c->index, hash[i]);
      fresh += record == NONE;
      if (record != NONE) {
         fetch_record(c, record);
         if (small) {
            fetch_row(c, record);
         }
      }
   }
   if (fresh > 0 && c->free == NONE && c->used + fresh > c->config.capacity) {
      expect_evictions(c, fresh);
   }
   for (unsigned i = 0; i < ROWS_AHEAD; i++) {
      guess[n + i] = NONE;
      if (!small && i < n && guess[i] != NONE) {
         fetch_row(c, guess[i]);
      }
   }
   for (unsigned i = 0; i < n; i++) {
      if (!small && guess[i + ROWS_AHEAD] != NONE) {
         fetch_row(c, guess[i + ROWS_AHEAD]);
      }
      if (guess[i + SLOTS_AHEAD] != NONE) {
         plugin_fetch_slots(&c->memory, guess[i + SLOTS_AHEAD], SLOT_BEGIN);
      }
      expire_fragments(c, packets[i].time);
      if (packets[i].fragment && c->fragments != NULL) {
         fragment(c, &packets[i]);
      } else {
         count_packet(c, &packets[i], hash[i]);
      }
   }
}
