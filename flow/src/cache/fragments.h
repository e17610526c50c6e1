/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Ports of fragmented packets: the first fragment has them, the others get them from it. Those that come before their first
 * fragment wait for it, without their payload.
 */
#ifndef FLOW_FRAGMENTS_H
#define FLOW_FRAGMENTS_H

#include "parse/packet.h"

struct fragment_cache;

struct fragment_stats {
   uint64_t all;       /**< fragments seen */
   uint64_t first;     /**< with ports */
   uint64_t not_found; /**< got no ports, and there was no room to wait */
   uint64_t timed_out; /**< waited, but the first fragment did not come in time */
};

enum fragment_result {
   FRAGMENT_PORTS,  /**< the packet has its ports, and may have released others */
   FRAGMENT_WAITS,  /**< stored until its first fragment comes or it times out */
   FRAGMENT_NOTHING /**< no first fragment was seen, and it cannot wait */
};

/** capacity: packets to remember, and fragments that may wait; beyond it the oldest unused packets are forgotten, and
 * fragments do not wait. seconds: for how long both are kept. \return NULL without memory */
struct fragment_cache *fragment_cache_new(uint32_t capacity, uint32_t seconds);
/** NULL is allowed. */
void fragment_cache_free(struct fragment_cache *c);
/** Bytes of its tables; 0 for NULL. */
uint64_t fragment_cache_memory(const struct fragment_cache *c);
/** Handles a fragment. */
enum fragment_result fragment_cache_look(struct fragment_cache *c, struct packet *packet);
/** Releases the fragments that have timed out at this time (nanoseconds). */
void fragment_cache_expire(struct fragment_cache *c, uint64_t now);
const struct fragment_stats *fragment_cache_stats(const struct fragment_cache *c);
/** Number of fragments that wait. */
uint32_t fragment_cache_waiting(const struct fragment_cache *c);
/** Takes the next released fragment; all are taken before the next call of fragment_cache_look(), until which they live. *alone: its
 * first one never came. \return NULL: none is left */
struct packet *fragment_cache_take(struct fragment_cache *c, bool *alone);

#endif
