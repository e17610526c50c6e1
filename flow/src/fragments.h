/* SPDX-License-Identifier: BSD-3-Clause */
/** Ports of fragmented packets: the first fragment has them, the others get them from it. */
#ifndef FLOW_FRAGMENTS_H
#define FLOW_FRAGMENTS_H

#include "packet.h"

#define FRAGMENT_TIMEOUT UINT64_C(3000000000) /* nanoseconds that a first fragment is remembered */

struct fragment_cache;

/** capacity: packets to remember; beyond it the oldest unused are forgotten. \return NULL without memory */
struct fragment_cache *fragment_cache_new(uint32_t capacity, uint64_t seed);
/** NULL is allowed. */
void fragment_cache_free(struct fragment_cache *c);
/** Bytes of its table; 0 for NULL. */
uint64_t fragment_cache_memory(const struct fragment_cache *c);
/** Remembers a first fragment's ports, gives them to a later one. \return false: the first was not seen */
bool fragment_cache_ports(struct fragment_cache *c, struct packet *k);

#endif
