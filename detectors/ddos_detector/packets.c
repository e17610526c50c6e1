/* SPDX-License-Identifier: BSD-3-Clause */
/** Floods of packets: unanswered requests and unsolicited answers. They need no history. */
#include "ddos.h"
#include "detail.h"
#include "fields.h"

#include <netinet/in.h>

#include "../common/flow.h"

/* Thresholds in units of the options (flows, networks). */
#define SYN_PER_USE     3   /* minimum number of SYNs per ordinary connection */
#define ONE_WAY_FACTOR  2   /* stray packets are more common than half-open connections */
#define ONE_PORT_FACTOR 6   /* for floods from few networks, which must go to one port */
#define OTHER_FACTOR    30  /* packets of ICMP and other protocols, even of one source */
#define UDP_FACTOR      600 /* unanswered UDP packets, even of one source: more than a video stream has */

#define BURST_FACTOR  5    /* packets of flows that are floods by themselves */
#define BURST_RATE    1000 /* packets of such a flow, and packets a second */
#define BURST_SMALL   100  /* bytes of its packets: what carries data is larger */
#define BURST_ANSWERS 8    /* it has at most an eighth of answers */

#define REFLECTED_MIN    20  /* SYN+ACK of a flow: an answer to one SYN is repeated five times */
#define REFLECTED_WEIGHT 250 /* such a flow reaches the threshold of bursts */
#define PINGS_MIN        10  /* packets of ICMP from a source, ... */
#define PING_BYTES       700 /* ... of this size: messages about lost packets quote less of them */
#define PING_FLOWS       16

enum kind { KIND_OTHER, KIND_SYN, KIND_ONE_WAY, KIND_USE };

static enum kind tcp_kind(const struct flow *f)
{
   if (f->flags == TCP_SYN && f->packets <= RETRY_MAX_PACKETS) {
      return KIND_SYN;
   }
   if (flow_is_use(f->protocol, f->flags) || (f->flags_rev & TCP_PSH)) {
      return KIND_USE;
   }
   bool opens = (f->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
   bool refused = (f->flags_rev & TCP_RST) && !(f->flags_rev & TCP_SYN);
   return !opens && f->packets <= PROBE_MAX_PACKETS && (f->packets_rev == 0 || refused) ? KIND_ONE_WAY
                                                                                        : KIND_OTHER;
}

static enum kind kind_of(const struct flow *f)
{
   switch (f->protocol) {
   case PROTOCOL_TCP: return tcp_kind(f);
   case IPPROTO_IPIP: /* tunnels carry the traffic of many hosts */
   case IPPROTO_IPV6:
   case IPPROTO_GRE:
   case IPPROTO_ESP:
   case IPPROTO_AH: return KIND_OTHER;
   default: return f->packets_rev == 0 ? KIND_ONE_WAY : KIND_USE;
   }
}

/* Packets of a flow in a minute. */
static uint64_t packets_of(const struct flow *f)
{
   uint64_t seconds = (uint64_t) ur_time_get_sec(f->last) - ur_time_get_sec(f->first) + 1;
   return seconds > INTERVAL ? (uint64_t) f->packets * INTERVAL / seconds : f->packets;
}

static bool is_multicast(const ip_addr_t *a)
{
   return ip_is4(a) ? ip_get_v4_as_int(a) >= 0xe0000000u : a->bytes[0] == 0xff;
}

/* All hosts of a network: the last address of 256, or of the link. */
static bool is_broadcast(const ip_addr_t *a)
{
   static const uint8_t all_nodes[16] = {[0] = 0xff, [1] = 0x02, [15] = 1};
   return ip_is4(a) ? (ip_get_v4_as_int(a) & 0xff) == 0xff && (ip_get_v4_as_int(a) >> 28 != 0xe)
                    : memcmp(a->bytes, all_nodes, sizeof(all_nodes)) == 0;
}

/* A flood inside one flow: very many packets a second, hardly an answer, and no sign that they carry data. */
static bool is_burst(const struct flow *f, const ip_addr_t *target, uint64_t bytes, bool both_ways)
{
   uint64_t seconds = (f->last - f->first) >> 32;
   if (f->packets < BURST_RATE || f->packets < BURST_RATE * seconds ||
       (uint64_t) f->packets_rev * BURST_ANSWERS > f->packets) {
      return false;
   }
   switch (f->protocol) {
   case PROTOCOL_TCP: return f->flags == TCP_SYN;
   case IPPROTO_ICMP:
   case IPPROTO_ICMPV6: return true;
   case PROTOCOL_UDP:
      return both_ways && (is_broadcast(target) || bytes <= BURST_SMALL * (uint64_t) f->packets);
   default: return false;
   }
}

/* The same server answers again and again, though nobody asked: somebody else does, in the name of the host. */
static bool is_reflected(const struct flow *f)
{
   return f->protocol == PROTOCOL_TCP && f->flags == (TCP_SYN | TCP_ACK) && f->packets >= REFLECTED_MIN &&
          (f->flags_rev & ~TCP_RST) == 0;
}

static bool is_large_ping(const struct flow *f, uint64_t bytes)
{
   return (f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6) && f->packets >= PINGS_MIN &&
          bytes >= PING_BYTES * (uint64_t) f->packets;
}

/* Up to the greatest number. */
static void add(uint32_t *to, uint64_t n)
{
   *to = n > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t) n;
}

bool packets_add(struct ddos *self, struct host *h, const struct flow *f, struct source_ref *source,
                 bool both_ways)
{
   ip_addr_t target;
   memcpy(&target, f->dst, sizeof(target));
   if (flow_is_use(f->protocol, f->flags)) { /* most are */
      h->good += !is_multicast(&target);
      return false;
   }
   enum kind kind = kind_of(f);
   const uint64_t bytes = f->bytes;
   bool burst = is_burst(f, &target, bytes, both_ways), reflected = is_reflected(f);
   if (is_multicast(&target) && !(burst && is_broadcast(&target))) {
      return false;
   }
   bool other = f->protocol != PROTOCOL_TCP && f->protocol != PROTOCOL_UDP;
   if (!burst && !reflected && (kind == KIND_OTHER || (kind == KIND_USE && !other))) {
      h->good += kind == KIND_USE;
      return false;
   }
   struct packets *p = host_packets(h);
   p->first = p->first == 0 || f->first < p->first ? f->first : p->first;
   p->last = f->last > p->last ? f->last : p->last;
   p->bytes += bytes;
   p->burst_packets += (uint64_t) f->packets * (burst ? 1 : reflected ? REFLECTED_WEIGHT : 0);
   if (is_large_ping(f, bytes)) {
      p->large_pings++;
      add(&p->large_ping_packets, packets_of(f));
   }
   if (kind == KIND_SYN) {
      p->syn++;
   } else if (kind == KIND_ONE_WAY) {
      p->one_way++;
      p->one_way_packets += packets_of(f);
      add(&p->udp_packets, f->protocol != PROTOCOL_UDP ? 0 : packets_of(f));
   }
   add(&p->other_packets, other ? packets_of(f) : 0); /* answered or not: hosts answer pings */
   if (h->port_lead == 0) {
      h->port = f->dst_port;
   }
   h->port_lead = h->port == f->dst_port ? h->port_lead + 1 : h->port_lead - 1;
   h->networks += source_joins(self, source);
   return true;
}

bool packets_many(const struct ddos *self, struct host *h)
{
   const struct packets *p = host_packets(h);
   return p->syn >= self->flood_flows || p->one_way_packets >= self->flood_flows ||
          p->other_packets >= (uint64_t) OTHER_FACTOR * self->flood_flows ||
          p->burst_packets >= (uint64_t) BURST_FACTOR * self->flood_flows ||
          p->large_ping_packets >= self->flood_flows;
}

/* Is the newest interval part of a flood? The thresholds of a flood that has begun are halved. */
static bool is_flood(const struct ddos *self, struct host *h, uint64_t sources_before)
{
   const struct packets *p = host_packets(h);
   uint64_t networks = h->networks;
   uint64_t flows = self->flood_flows, many = self->flood_networks;
   if (h->flood != NULL) {
      flows = (flows + 1) / 2;
      many = (many + 1) / 2;
   }
   /* Answers that the destination requested, in records of their own. */
   uint64_t asked = (uint64_t) h->asked + h->asked_before;
   uint64_t stray = p->one_way > asked ? p->one_way - asked : 0;
   uint64_t stray_packets = p->one_way > 0 ? p->one_way_packets * stray / p->one_way : 0;
   bool new_networks = networks > sources_before * self->source_rate;
   bool syn = p->syn >= flows && networks >= many && p->syn >= (uint64_t) SYN_PER_USE * h->good;
   bool one_way = stray_packets >= ONE_WAY_FACTOR * flows && networks >= ONE_WAY_FACTOR * many;
   bool one_port = p->syn + stray >= ONE_PORT_FACTOR * flows &&
                   2 * (uint64_t) h->port_lead >= p->syn + stray &&
                   p->syn + stray >= (uint64_t) SYN_PER_USE * h->good;
   bool packets = p->other_packets >= OTHER_FACTOR * flows || p->udp_packets >= UDP_FACTOR * flows;
   bool burst = p->burst_packets >= BURST_FACTOR * flows;
   bool pings = p->large_pings >= PING_FLOWS && p->large_ping_packets >= flows && asked < p->large_pings;
   return ((syn || one_way) && new_networks) || one_port || packets || burst || pings;
}

/* Per cent of the threshold that the minute reached, by what reached most of its own. */
static uint64_t margin_of(const struct ddos *self, const struct packets *p)
{
   const uint64_t measured[] = {p->syn,
                                p->one_way_packets / ONE_WAY_FACTOR,
                                p->other_packets / OTHER_FACTOR,
                                p->udp_packets / UDP_FACTOR,
                                p->burst_packets / BURST_FACTOR,
                                p->large_pings >= PING_FLOWS ? p->large_ping_packets : 0};
   uint64_t most = 0;
   for (unsigned i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
      most = measured[i] > most ? measured[i] : most;
   }
   return most * 100 / self->flood_flows;
}

static int report(nm_module_t *m, struct host *h)
{
   struct flood *flood = h->flood;
   flood->reported = ur_time_get_sec(flood->last);
   return flood_report(m, h, flood->first, flood->last);
}

static void add_interval(struct host *h)
{
   struct flood *flood = h->flood;
   const struct packets *p = host_packets(h);
   if (flood->intervals == 0) {
      flood->first = flood->told > 0 ? flood->last : p->first;
   }
   flood->last = p->last;
   flood->total += p->bytes - flood->told;
   flood->bytes += p->bytes - flood->told;
   flood->told = 0;
   flood->sources += h->networks;
   flood->intervals++;
}

static int end(nm_module_t *m, struct host *h)
{
   struct ddos *self = nm_self(m);
   if (host_packets(h)->first != 0 && detail_has_rest(h)) {
      add_interval(h); /* too little to go on with, but of the same flood */
   }
   int rc = h->flood->intervals > 0 ? report(m, h) : NM_OK;
   flood_end(self, h);
   h->quiet_until = h->interval + HISTORY;
   return rc;
}

/* Adds the newest interval to the flood of h, which begins with it if it is a flood and there was none. \return false: it is no flood */
static bool judge(nm_module_t *m, struct host *h, int *rc)
{
   struct ddos *self = nm_self(m);
   const struct packets *p = host_packets(h);
   uint64_t bytes, sources;
   host_baseline(h, NEWEST, &bytes, &sources);
   uint64_t before = h->flood != NULL ? h->flood->orig_sources : sources;
   if (!is_flood(self, h, before)) {
      return false;
   }
   if (h->flood == NULL) {
      struct flood *flood = flood_start(self, h, FLOOD_PACKETS, ur_time_get_sec(p->first));
      if (flood == NULL) {
         *rc = nm_fail(m, "no memory for a flood");
         return false;
      }
      flood->orig_bytes = bytes;
      flood->orig_sources = sources;
   }
   add_interval(h);
   uint64_t margin = margin_of(self, p);
   h->flood->margin = margin > h->flood->margin ? margin : h->flood->margin;
   return true;
}

int packets_look(nm_module_t *m, struct host *h)
{
   int rc = NM_OK;
   if (h->flood != NULL || !packets_many(nm_self(m), h) || !judge(m, h, &rc)) {
      return rc;
   }
   h->flood->told = host_packets(h)->bytes;
   return report(m, h);
}

int packets_judge(nm_module_t *m, struct host *h)
{
   const struct ddos *self = nm_self(m);
   int rc = NM_OK;
   if (h->flood == NULL && !packets_many(self, h)) {
      return NM_OK;
   }
   if (!judge(m, h, &rc)) {
      return rc == NM_OK && h->flood != NULL ? end(m, h) : rc;
   }
   struct flood *flood = h->flood;
   bool first = flood->seq <= self->early; /* of a whole interval */
   return first || ur_time_get_sec(flood->last) >= flood->reported + REPORT_EVERY ? report(m, h) : NM_OK;
}

int packets_finish(nm_module_t *m, struct host *h)
{
   int rc = packets_judge(m, h);
   return rc == NM_OK && h->flood != NULL ? end(m, h) : rc;
}
