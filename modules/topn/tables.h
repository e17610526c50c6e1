/* SPDX-License-Identifier: BSD-3-Clause */
/** What topn counts: flows, ports and addresses, of all records and of those of single ports. */
#ifndef TOPN_TABLES_H
#define TOPN_TABLES_H

#include <nemea-common/nc_table.h>
#include <stdbool.h>
#include <stdint.h>
#include <unirec/ipaddr.h>

#include "ranking.h"

enum metric { BY_FLOWS, BY_PACKETS, BY_BYTES, METRICS };

struct counts {
   uint64_t of[METRICS];
   uint64_t reserved; /* half a cache line: a row never lies in two */
};

struct flow {
   ip_addr_t source, destination;
   uint16_t source_port, destination_port;
   uint8_t protocol;
};

/** The greatest flows by one metric. */
struct flows {
   struct ranking ranking;
   struct flow *flows; /* by slot */
};

/**
 * Counts of addresses (or networks): exact while there are no more than the capacity. Beyond that an address that was seen least
 * lately gives its place to a new one, and what it had is kept in a sketch: a row of cells, in each of which the greatest counts of
 * those that share it stay. An address that (maybe) comes back begins with what its cell has, so no result is ever too small, and it
 * is too great by no more than about total / capacity, as with Space-Saving.
 */
struct addresses {
   nc_table_t *table; /* ip_addr_t -> struct counts */
   struct counts *sketch;
   uint32_t mask;     /* cells less 1 */
   bool estimated;    /* something was evicted: not all counts are exact */
   uint64_t *evicted; /* counter */
};

enum address_kind { HOSTS, NETWORKS4, NETWORKS6, ADDRESS_KINDS };

/** All tables of one kind of records: of all, or of those of a port. */
struct group {
   struct flows flows[METRICS];               /* but those by flows */
   struct counts *ports;                      /* 65536 */
   struct addresses addresses[ADDRESS_KINDS]; /* tables that are not asked for are NULL */
};

#define PORTS 65536

/** Members that are not asked for stay zero. \return false: out of memory, what was made is still to be closed */
bool group_open(struct group *g, uint32_t top, uint32_t capacity, const uint8_t prefix[ADDRESS_KINDS],
                uint64_t *evicted);
void group_close(struct group *g);
void group_clear(struct group *g);

/** A flow may be among the greatest. order: the number of the record */
void flows_put(struct flows *f, uint64_t value, uint64_t order, const struct flow *flow);

static inline void flows_add(struct flows *f, uint64_t value, uint64_t order, const struct flow *flow)
{
   if (f->ranking.n < f->ranking.capacity || value > f->ranking.ranks[0].value) {
      flows_put(f, value, order, flow);
   }
}

static inline void counts_add(struct counts *c, uint64_t packets, uint64_t bytes)
{
   c->of[BY_FLOWS]++;
   c->of[BY_PACKETS] += packets;
   c->of[BY_BYTES] += bytes;
}

void addresses_add(struct addresses *a, const ip_addr_t *ip, uint64_t packets, uint64_t bytes);
/** The same with the hash of nc_table_prefetch(). */
void addresses_add_hashed(struct addresses *a, const ip_addr_t *ip, uint64_t hash, uint64_t packets,
                          uint64_t bytes);
/** Fetches what addresses_add_hashed() may look at beside the table. */
static inline void addresses_prefetch(const struct addresses *a, uint64_t hash)
{
   if (a->estimated) {
      __builtin_prefetch(&a->sketch[hash & a->mask]);
   }
}

/** Puts the greatest by a metric into the (empty) ranking; items[slot] is the address. */
void addresses_rank(const struct addresses *a, enum metric metric, struct ranking *ranking, ip_addr_t *items);
/** The network of an address. length: of the prefix, in bits, of the address's own family */
ip_addr_t address_network(const ip_addr_t *ip, uint8_t length);

#endif
