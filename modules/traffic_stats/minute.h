/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What is counted in a minute: traffic of each protocol, and of each host with its peers and ports.
 *
 * Memory is taken at the start. When the table of hosts is full, hosts with one flow give way first (nc_table.h); one that comes back is
 * counted from zero. Peers and ports are counted for the first hosts that come; when there are more, a host with more than twice
 * the traffic of another takes over its place, and from then on its peers and ports are counted.
 */
#ifndef TRAFFIC_STATS_MINUTE_H
#define TRAFFIC_STATS_MINUTE_H

#include "detail.h"

#include <nemea-common/nc_table.h>

#define PROTOCOLS    256
#define MINUTE_FLOWS (NC_TABLE_BATCH / 2) /* that are counted at once */
#define NO_PORT      UINT32_MAX

struct flow {
   ip_addr_t source, destination;
   uint32_t port; /* as of struct detail; NO_PORT */
   uint8_t protocol;
   struct amount forward, reverse; /* what the source sent, and what it got */
};

struct host {
   struct amount in, out;
   uint32_t place; /* of its detail, from 1; 0: none */
   uint32_t taken; /* the round of minute_top() that has taken it */
};

struct place {
   struct host *owner; /* NULL: it was evicted */
   struct detail detail;
};

struct minute {
   bool open, changed; /* changed: counted something since this was set to false */
   uint64_t begin;     /* seconds since 1970 */
   struct amount protocols[PROTOCOLS];
   nc_table_t *hosts; /* ip_addr_t -> struct host */
   struct place *places;
   uint32_t n_places, used, hand;
   uint32_t round;
};

/** \return false: no memory */
bool minute_create(struct minute *m, uint32_t hosts);
void minute_free(struct minute *m);
/** Begins to count at zero. */
void minute_begin(struct minute *m, uint64_t begin);
/** Counts up to MINUTE_FLOWS flows. */
void minute_add(struct minute *m, const struct flow *flows, uint32_t n);
const struct detail *minute_detail(const struct minute *m, const struct host *h);

#endif
