/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of the flow cache share. */
#ifndef CACHE_STATE_H
#define CACHE_STATE_H

#include "cache.h"
#include "fragments.h"
#include "plugin_memory.h"
#include "streams.h"

#include <nemea-common/nc_index.h>

#define NONE      UINT32_MAX
#define MAX_WHEEL 65536u
#define JUMP      16 /* how far ahead in a list records are prefetched */

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
   uint64_t far;              /* a second far ahead that waits for another packet to confirm it; 0: none */
   uint64_t unit;             /* nanoseconds: the unit in which timeouts are compared */
   uint64_t active, inactive; /* in units */
   uint32_t inactive_s;       /* rounded up */
   struct plugin_memory memory;
   /* Plugins by what they want to see, decided once for each flow and packet. */
   plugin_set_t of_tcp, of_udp, of_other, without_payload, with_before, with_update, with_finish, with_port;
   plugin_set_t of_streams;
   struct streams *streams; /* NULL: no plugin needs them */
   struct fragment_cache *fragments;
   struct flow_cache_stats stats;
};

#endif
