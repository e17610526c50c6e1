/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of the flow cache share. */
#ifndef CACHE_STATE_H
#define CACHE_STATE_H

#include "cache.h"
#include "crowd.h"
#include "fragments.h"
#include "plugin_memory.h"
#include "streams.h"

#include <nemea-common/nc_index.h>

#define NONE      UINT32_MAX
#define MAX_WHEEL 65536u
#define JUMP      16 /* how far ahead in a list records are prefetched */
#define EARLY_S   1  /* with early exports, flows end no earlier than in the second after their last packet */

struct flow_cache {
   struct flow_cache_config config;
   struct flow *flows;
   nc_index_t index;
   uint32_t used; /* records that were ever used */
   uint32_t free; /* list */
   /* Flows by the second at which their timeouts are checked. */
   struct {
      uint32_t head, tail;
      uint32_t count;        /* of flows that were ever listed here */
      uint32_t recent[JUMP]; /* the last ones that were */
   } * wheel;
   uint32_t wheel_mask;
   uint64_t second;           /* the current second of the wheel; 0: no packet yet */
   uint64_t next_second;      /* nanoseconds at which the next one begins */
   uint64_t far;              /* a second far ahead that waits for another packet to confirm it; 0: none */
   uint64_t unit;             /* nanoseconds: the unit in which timeouts are compared */
   uint64_t active, inactive; /* in units */
   uint32_t inactive_s;       /* rounded up */
   struct plugin_memory memory;
   size_t fetched; /* bytes of a row that are prefetched */
   /* Plugins by what they want to see, decided once for each flow and packet. */
   plugin_set_t of_tcp, of_udp, of_other, without_payload, with_before, with_update, with_finish, with_port;
   plugin_set_t of_streams;
   plugin_set_t late;        /* plugins that skip packets of a flow's beginning, */
   uint32_t skipped;         /* at least so many */
   plugin_set_t plain;       /* neither lazy nor of streams: shown each packet as it is */
   plugin_set_t begins[256]; /* plugins whom payload may concern that begins with this byte */
   plugin_set_t strict;      /* that holds even for flows of which they keep something */
   struct streams *streams;  /* NULL: no plugin needs them */
   struct fragment_cache *fragments;
   struct crowds *crowds; /* NULL: without early exports */
   struct flow_cache_stats stats;
};

static inline uint32_t record_of(const struct flow_cache *c, const struct flow *f)
{
   return (uint32_t) (f - c->flows);
}

/* Counts a packet in its flow. */
static inline void count_in_flow(struct flow *f, const struct packet *packet, bool reverse)
{
   if (reverse) {
      f->packets_rev++;
      f->bytes_rev += packet->ip_bytes;
      f->tcp_flags_rev |= packet->tcp_flags;
   } else {
      f->packets++;
      f->bytes += packet->ip_bytes;
      f->tcp_flags |= packet->tcp_flags;
   }
   if (packet->time > f->last) {
      f->last = packet->time;
   } else if (packet->time < f->first) {
      f->first = packet->time;
   }
}

/* cache.c */

/* The flow is exported, and its record free. */
void cache_end_flow(struct flow_cache *c, struct flow *f, enum flow_end reason);
/* Exports a flow up to now; it continues with empty counters from its last packet. */
void cache_restart_flow(struct flow_cache *c, struct flow *f);

/* show.c: what plugins do with a flow's packets */

/* A flow has begun, with this packet, which is counted. It may be over after it. */
void plugins_begin(struct flow_cache *c, struct flow *f, const struct packet *packet);
/* Counts a later packet. \return true: the flow is over */
bool plugins_update(struct flow_cache *c, struct flow *f, const struct packet *packet, bool reverse);
/* The flow ends: what waits for more bytes, or behind a gap, is looked at as it is. */
void plugins_drain(struct flow_cache *c, struct flow *f);

#endif
