/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The one-way rule: floods that a destination does not answer, found on biflows without any past of the destination.
 * Counts one-way flows of a destination by minute; a flood is one of
 *   - very many distinct sources (spoofed SYN floods, reflection),
 *   - very many half-open TCP connections, mostly to one port (SYN floods; a port scan spreads over ports),
 *   - very many packets (UDP, ICMP and other floods from one or few sources).
 */
#ifndef DDOS_ONEWAY_H
#define DDOS_ONEWAY_H

#include <nemea-common/nc_hll.h>
#include <stdbool.h>
#include <stdint.h>
#include <unirec/unirec.h>

#define ONEWAY_HLL_P  6   /* distinct sources to about 13 % */
#define ONEWAY_MINUTE 60  /* seconds of an interval */
#define ONEWAY_QUIET  120 /* seconds without a flood's flows that end it */

struct oneway_config {
   uint32_t sources;   /* distinct sources in a minute */
   uint32_t half_open; /* half-open connections in a minute */
   uint32_t packets;   /* packets in a minute */
};

/** A flow as this rule sees it. */
struct oneway_flow {
   uint64_t source_hash;
   uint64_t bytes;
   ur_time_t first, last;
   uint32_t packets, packets_rev;
   uint16_t dst_port;
   uint8_t protocol, flags, flags_rev;
};

struct oneway_minute {
   uint64_t minute; /* since the epoch */
   uint64_t bytes;
   ur_time_t first, last;
   uint32_t flows, half_open;
   uint32_t packets; /* of all but half-open connections */
   uint32_t syn_packets;
   uint16_t port; /* candidate for the port of most flows (Boyer and Moore's majority vote) */
   uint32_t votes;
   uint8_t sources[NC_HLL_BYTES(ONEWAY_HLL_P)];
};

struct oneway_event {
   bool active;
   ur_time_t first, last; /* of its flows since the last report */
   ur_time_t begin;
   ur_time_t reported; /* stream clock at the last report, or at the begin */
   uint64_t bytes;
   uint32_t most_sources; /* in a minute */
   uint64_t id;
   uint16_t sequence;
};

struct oneway {
   struct oneway_minute minute[2]; /* the newest two in which there was something */
   struct oneway_event event;
};

/** Is the flow left without an answer? */
bool oneway_is(const struct oneway_flow *f);
/** Is it the first packet's direction that hardly answers the other one? */
bool oneway_is_reverse(const struct oneway_flow *f);
/** Counts a one-way flow. \return true when a flood begins with it: the caller sets event.id */
bool oneway_add(struct oneway *o, const struct oneway_config *c, const struct oneway_flow *f, ur_time_t now);
/** \return true when the event should be reported now; *over: it has ended */
bool oneway_due(const struct oneway *o, ur_time_t now, ur_time_t every, bool *over);

#endif
