/* SPDX-License-Identifier: BSD-3-Clause */
#include "oneway.h"

#include <netinet/in.h>
#include <string.h>

#define SMALL_PROBE 100 /* bytes: UDP packets of scans are smaller */

static bool half_open(const struct oneway_flow *f)
{
   return f->protocol == IPPROTO_TCP && (f->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

bool oneway_is(const struct oneway_flow *f)
{
   if (half_open(f)) {
      return true;
   }
   if (f->protocol == IPPROTO_TCP) { /* segments of no connection: unanswered, or answered with RST only */
      return (f->flags & TCP_SYN) != 0 || f->packets_rev == 0
                 ? f->packets_rev == 0 || (f->flags_rev & ~TCP_ACK) == TCP_RST
                 : (f->flags_rev & ~TCP_ACK) == TCP_RST;
   }
   return (uint64_t) f->packets_rev * 8 <= f->packets;
}

bool oneway_is_reverse(const struct oneway_flow *f)
{
   /* Servers stream over UDP to clients that send very little. */
   uint64_t factor = f->protocol == IPPROTO_UDP ? 1000 : 8;
   return f->protocol != IPPROTO_TCP && (uint64_t) f->packets * factor <= f->packets_rev;
}

static void vote(struct oneway_minute *m, uint16_t port)
{
   if (m->votes == 0) {
      m->port = port;
      m->votes = 1;
   } else {
      m->votes += m->port == port ? 1 : (uint32_t) -1;
   }
}

/* The slot of a flow's minute; NULL: it is older than both. */
static struct oneway_minute *slot_of(struct oneway *o, uint64_t minute)
{
   struct oneway_minute *m = &o->minute[minute & 1];
   if (m->minute > minute) {
      return NULL;
   }
   if (m->minute < minute) {
      memset(m, 0, sizeof(*m));
      m->minute = minute;
      m->first = UINT64_MAX;
   }
   return m;
}

static bool is_flood(const struct oneway_minute *m, const struct oneway_config *c)
{
   bool one_port = (uint64_t) m->votes * 4 >= m->flows; /* a scan of many ports has none that stands out */
   bool small = m->flows > 0 && m->packets > 0 && m->bytes / (m->packets + m->syn_packets) < SMALL_PROBE;
   uint64_t packets = (one_port || !small ? m->packets : 0) + (uint64_t) (one_port ? m->syn_packets : 0);
   return (one_port && m->half_open >= c->half_open) || packets >= c->packets ||
          (m->flows >= c->sources && nc_hll_count(m->sources, ONEWAY_HLL_P) >= c->sources);
}

static void extend(struct oneway_event *e, const struct oneway_flow *f)
{
   e->bytes += f->bytes;
   e->first = f->first < e->first ? f->first : e->first;
   e->last = f->last > e->last ? f->last : e->last;
}

static void begin(struct oneway *o, ur_time_t now)
{
   struct oneway_event *e = &o->event;
   *e = (struct oneway_event){.active = true, .first = UINT64_MAX, .reported = now};
   uint64_t newest = o->minute[0].minute > o->minute[1].minute ? o->minute[0].minute : o->minute[1].minute;
   for (unsigned i = 0; i < 2; i++) {
      const struct oneway_minute *m = &o->minute[i];
      if (m->minute + 1 >= newest && m->flows > 0) {
         e->bytes += m->bytes;
         e->first = m->first < e->first ? m->first : e->first;
         e->last = m->last > e->last ? m->last : e->last;
      }
   }
   e->begin = e->first;
}

bool oneway_add(struct oneway *o, const struct oneway_config *c, const struct oneway_flow *f, ur_time_t now)
{
   /* A long flow counts with what it has in a minute, at its end. */
   uint64_t seconds = ur_time_get_sec(f->last) - ur_time_get_sec(f->first) + 1;
   uint32_t packets =
       seconds > ONEWAY_MINUTE ? (uint32_t) ((uint64_t) f->packets * ONEWAY_MINUTE / seconds) : f->packets;
   struct oneway_minute *m = slot_of(o, ur_time_get_sec(f->last) / ONEWAY_MINUTE);
   if (m != NULL) {
      m->flows++;
      m->bytes += f->bytes;
      m->first = f->first < m->first ? f->first : m->first;
      m->last = f->last > m->last ? f->last : m->last;
      m->half_open += half_open(f);
      *(half_open(f) ? &m->syn_packets : &m->packets) += packets;
      vote(m, f->dst_port);
      nc_hll_add(m->sources, ONEWAY_HLL_P, f->source_hash);
   }
   struct oneway_event *e = &o->event;
   if (e->active) {
      extend(e, f);
   } else if (m != NULL && is_flood(m, c)) {
      begin(o, now);
      return true;
   }
   return false;
}

bool oneway_due(const struct oneway *o, ur_time_t now, ur_time_t every, bool *over)
{
   const struct oneway_event *e = &o->event;
   *over = e->active && now > e->last && now - e->last > ((ur_time_t) ONEWAY_QUIET << 32);
   return e->active && (*over || (now > e->reported && now - e->reported >= every));
}
