/* SPDX-License-Identifier: BSD-3-Clause */
/** A flow, as stored by the cache, read by plugins and exported by sinks. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "plugin.h"

#define NS UINT64_C(1000000000)

/** Why a flow was exported (flowEndReason of RFC 5102). */
enum flow_end {
   FLOW_GOES_ON = 0, /* not exported: one more record of a plugin, with the counters up to now */
   FLOW_END_INACTIVE = 1,
   FLOW_END_ACTIVE = 2,
   FLOW_END_DETECTED = 3,
   FLOW_END_FORCED = 4,
   FLOW_END_RESOURCES = 5,
   FLOW_END_REASONS = 6
};

/** How far a flow is. */
enum flow_stage {
   STAGE_OPEN,        /**< it ends by what is seen of it, or by its timeout */
   STAGE_HALF_CLOSED, /**< both directions have sent FIN */
   STAGE_CROWD,       /**< it may be of a crowd (crowd.h), as far as is known, */
   STAGE_COUNTED      /**< and was counted */
};

/** A flow; two cache lines. "src" is the direction of its first packet, _rev the other one. */
struct flow {
   /* The key, as in struct packet. */
   _Alignas(64) uint8_t src_ip[16];
   uint8_t dst_ip[16];
   uint16_t src_port, dst_port;
   uint8_t protocol, ip_version;
   uint16_t vlan;
   uint64_t hash;
   uint32_t next, previous; /* list of its deadline; next also in the list of free records */
   uint32_t
       jump; /* a record some places on in the list, or was once: worth fetching when this one is looked at */
   uint32_t deadline; /* second of the wheel at which it is listed */
   /* Second cache line. */
   uint32_t packets, packets_rev;
   plugin_set_t plugins; /* that have data */
   uint64_t bytes, bytes_rev;
   uint64_t first, last; /* nanoseconds since the epoch */
   uint8_t src_mac[6], dst_mac[6];
   uint8_t tcp_flags, tcp_flags_rev;
   bool closed;   /* its end is certain */
   uint8_t stage; /* enum flow_stage */
};

_Static_assert(sizeof(struct flow) == 128, "a flow is two cache lines");

#endif
