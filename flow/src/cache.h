/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The flow cache: packets in, flows out. All memory is taken at creation; when every record is in use, the flow that was
 * silent the longest (to the second) is exported to make room, and counted. One cache belongs to one thread.
 *
 * Which flows are exported, and in which order, depends on the packets only, never on hashes or on how many packets are
 * handed over at a time.
 */
#ifndef FLOW_CACHE_H
#define FLOW_CACHE_H

#include "fragments.h"
#include "packet.h"
#include "plugin.h"

#define NS UINT64_C(1000000000)

/** Why a flow was exported (flowEndReason of RFC 5102). */
enum flow_end {
   FLOW_END_INACTIVE = 1,
   FLOW_END_ACTIVE = 2,
   FLOW_END_DETECTED = 3,
   FLOW_END_FORCED = 4,
   FLOW_END_RESOURCES = 5,
   FLOW_END_REASONS = 6
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
   /* Second cache line. */
   uint32_t deadline; /* second of the wheel it is listed at */
   uint32_t packets, packets_rev;
   uint32_t plugins; /* that have data, by bit */
   uint64_t bytes, bytes_rev;
   uint64_t first, last; /* nanoseconds since the epoch */
   uint8_t src_mac[6], dst_mac[6];
   uint8_t tcp_flags, tcp_flags_rev;
};

/** Takes over an exported flow; it is the cache's again when the function returns. ext: bytes of plugin i. */
typedef void (*flow_export_fn)(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS],
                               enum flow_end reason);

struct flow_cache_config {
   uint32_t capacity;    /**< flows */
   uint64_t active_ms;   /**< a flow longer than this is exported and begun anew */
   uint64_t inactive_ms; /**< a flow silent for this long is over */
   bool populate;        /**< take all memory from the system at creation */
   bool split;           /**< uniflows: the two directions are two flows */
   uint32_t fragments;   /**< fragmented packets whose ports are remembered; 0: none */
   uint32_t fragment_s;  /**< seconds that they are remembered, and that fragments wait for the first one */
   uint64_t seed;        /**< of the hash */
   const struct flow_plugin *plugins[MAX_PLUGINS];
   unsigned n_plugins;
   flow_export_fn export;
   void *context;
};

struct flow_cache_stats {
   uint64_t packets, bytes; /**< that belong to a flow */
   uint64_t flows;          /**< begun */
   uint64_t cached;         /**< in the cache now */
   uint64_t exported[FLOW_END_REASONS];
   uint64_t fragments_without_first;
   const struct fragment_stats *fragments;
   uint64_t
       table_bytes; /**< of memory that the cache may use; taken from the system as it fills, or at once */
};

struct flow_cache;

/** \return NULL without memory */
struct flow_cache *flow_cache_new(const struct flow_cache_config *config);
void flow_cache_free(struct flow_cache *cache);
/** Counts packets in their flows; n is at most FLOW_BATCH. The packets' ports may be changed (fragments). Fragments
 * before their first one wait for it, and are counted behind it. */
void flow_cache_packets(struct flow_cache *cache, struct packet *packets, unsigned n);
/** Exports what is silent for long enough at this time (nanoseconds), when no packets come. */
void flow_cache_advance(struct flow_cache *cache, uint64_t now);
/** Exports everything. */
void flow_cache_flush(struct flow_cache *cache);
const struct flow_cache_stats *flow_cache_stats(const struct flow_cache *cache);

#define FLOW_BATCH 64

#endif
