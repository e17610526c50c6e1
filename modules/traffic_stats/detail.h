/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The peers and ports with which a host has most traffic: eight of each are counted, by the Space-Saving rule (A. Metwally, D. Agrawal,
 * A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", 2005): a new one takes the place and the rank of
 * the one with the fewest bytes. Whatever has more than an eighth of the host's bytes is among them. Amounts are those since it is
 * counted, never too high.
 */
#ifndef TRAFFIC_STATS_DETAIL_H
#define TRAFFIC_STATS_DETAIL_H

#include "amount.h"

#include <stdbool.h>
#include <stddef.h>
#include <unirec/ipaddr.h>

#define DETAIL_ENTRIES 8
#define DETAIL_MAX     1024 /* bytes, encoded */

struct detail {
   ip_addr_t peers[DETAIL_ENTRIES];
   uint64_t peer_ranks
       [DETAIL_ENTRIES]; /* bytes, and what was taken over; 0: this entry is free, as are those after it */
   uint32_t ports[DETAIL_ENTRIES]; /* protocol << 16 | port */
   uint64_t port_ranks[DETAIL_ENTRIES];
   struct amount peer_amounts[DETAIL_ENTRIES], port_amounts[DETAIL_ENTRIES];
};

void detail_add_peer(struct detail *d, const ip_addr_t *peer, const struct amount *a);
void detail_add_port(struct detail *d, uint32_t port, const struct amount *a);
/** Adds all that another one has. */
void detail_merge(struct detail *to, const struct detail *from);
/** Encodes it for the database. \return bytes */
size_t detail_write(const struct detail *d, uint8_t to[DETAIL_MAX]);
/** \return false: these bytes are something else; d is undefined then */
bool detail_read(struct detail *d, const uint8_t *from, size_t size);

#endif
