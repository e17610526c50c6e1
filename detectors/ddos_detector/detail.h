/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file detail.h
 * What --details adds to alerts: the type of a flood, its ports, distinct sources, exact times, mean and peak rates. It is
 * kept for a bounded number of destinations, those that get many flows.
 */
#ifndef DDOS_DETAIL_H
#define DDOS_DETAIL_H

#include "ddos.h"

#define DETAILS_MAX  128 /* destinations */
#define BIN_SECONDS  10
#define BINS         48 /* eight minutes: longer than the history of a destination */
#define DETAIL_PORTS 8  /* candidates for the port of most packets */
#define LEAD         15 /* sources that are kept of a destination before its details are */

/* Distinct hashes: a set that grows up to SET_SLOTS, then a sketch in its place. */
#define SET_SLOTS 65536
#define SKETCH_P  14

struct distinct {
   uint64_t *slots; /* 0: free; of a sketch its registers */
   uint32_t size, n;
   bool sketch;
};

/* Ten seconds; flows are spread evenly over the bins they lasted. */
struct bin {
   double bytes, packets;
   uint32_t flows;        /* that end in it */
   ur_time_t first, last; /* of flows that begin or end in it, 0: none */
};

/* Of the packets of one kind: those of no connection, or all. */
enum view_kind { VIEW_STRAY, VIEW_ALL, VIEWS };

enum packet_class {
   CLASS_SYN,
   CLASS_SYN_ACK,
   CLASS_ACK,
   CLASS_RST,
   CLASS_TCP,
   CLASS_UDP,
   CLASS_ICMP,
   CLASS_FRAGMENTS,
   CLASS_OTHER,
   CLASSES
};

struct port_count {
   uint16_t port;
   uint64_t packets;
};

struct view {
   struct distinct sources, networks;
   struct distinct sources_before, networks_before; /* of the minute before, while there is no flood */
   uint64_t classes[CLASSES];                       /* packets */
   uint64_t protocols[256];
   struct port_count targets[DETAIL_PORTS], servers[DETAIL_PORTS];
   uint64_t packets;
   struct bin bins[BINS];           /* number n is at n % BINS */
   uint64_t newest;                 /* number of the newest one */
   double late_bytes, late_packets; /* of bins that were reported */
};

struct detail {
   struct host *host;
   uint64_t interval;
   uint64_t reported; /* number of the newest bin that was reported; 0: none */
   struct view views[VIEWS];
};

/* Of a destination without details: the sources of this minute. */
struct lead {
   uint64_t interval;
   uint32_t n;
   uint64_t hashes[LEAD]; /* the lowest bit: stray */
   uint64_t networks[LEAD];
   struct bin sums[VIEWS];
};

/* What an alert says more. */
struct detail_sums {
   const char *type;
   uint8_t protocol;
   uint16_t port, server_port; /* 0: many */
   uint64_t flows, packets, bytes, sources, sources_error, networks, peak_bytes, peak_packets;
   ur_time_t first, last;
};

/* Adds a flow to a destination. stray: its packets belong to no connection. */
void detail_add(struct ddos *self, struct host *h, const struct flow *f, const ip_addr_t *network,
                uint64_t bytes, bool stray);
/* A flood of h begins: what the minute before had belongs to it. */
void detail_begin(struct host *h);
/* What was seen since the last report. \return false: there are no details of h */
bool detail_report(const struct ddos *self, struct host *h, struct detail_sums *sums);
/* Are there packets of no connection that belong to the flood and were not reported? */
bool detail_has_rest(const struct host *h);
/* Frees the details of a destination. */
void detail_free(struct ddos *self, struct host *h);

#endif
