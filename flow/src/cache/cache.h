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

#include "crowd.h"
#include "flow.h"
#include "fragments.h"
#include "parse/packet.h"
#include "plugin.h"
#include "streams.h"

/** Takes over an exported flow; it is the cache's again when the function returns. ext: bytes of plugin i. */
typedef void (*flow_export_fn)(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS],
                               enum flow_end reason);

struct flow_cache_config {
   uint32_t capacity; /**< flows */
   uint64_t
       active_ms; /**< active timeout: a flow that lasts this long is exported, and continues as a new one */
   uint64_t inactive_ms; /**< inactive timeout: a flow without a packet for this long is exported */
   bool populate;        /**< take all memory from the system at creation */
   bool split;           /**< uniflows: the two directions are two flows */
   bool
       tcp_direction; /**< SYN against its answer, earlier time, port decide who began; not the first packet alone */
   bool join_vlans; /**< the VLAN does not tell flows apart */
   bool early; /**< flows that are over for certain, and connections that nobody answers, are exported soon */
   uint32_t fragments;  /**< fragmented packets whose ports are remembered; 0: none */
   uint32_t fragment_s; /**< seconds that they are remembered, and that fragments wait for the first one */
   const struct flow_plugin *plugins[MAX_PLUGINS];
   unsigned n_plugins;
   uint64_t plugin_memory; /**< limit of what the plugins keep of flows, in bytes; 0: none */
   flow_export_fn export;
   void *context;
};

struct flow_cache_stats {
   uint64_t packets, bytes; /**< that belong to a flow */
   uint64_t flows;          /**< begun */
   uint64_t cached;         /**< in the cache now */
   uint64_t exported[FLOW_END_REASONS];
   uint64_t fragments_without_first;
   uint64_t
       crowded; /**< flows for which another one was evicted because a search reached its bound (nc_index.h) */
   const struct fragment_stats *fragments;
   const struct stream_counters *streams;
   const uint64_t *plugin_memory_exceeded; /**< flows for which a plugin had no memory left */
   uint64_t
       table_bytes; /**< of memory that the cache may use; taken from the system as it fills, or at once */
};

struct flow_cache;

/** \return NULL without memory */
struct flow_cache *flow_cache_new(const struct flow_cache_config *config);
void flow_cache_free(struct flow_cache *cache);
/** Counts packets in their flows; n is at most FLOW_BATCH. The packets' ports may be changed (fragments). Fragments
 * before their first one wait for it, and are counted after it. */
void flow_cache_packets(struct flow_cache *cache, struct packet *packets, unsigned n);
/** Exports the flows that have timed out at this time (nanoseconds); for when no packets come. */
void flow_cache_advance(struct flow_cache *cache, uint64_t now);
/** Exports everything. */
void flow_cache_flush(struct flow_cache *cache);
const struct flow_cache_stats *flow_cache_stats(const struct flow_cache *cache);
/** Zeros without early exports. */
struct crowd_stats flow_cache_crowds(const struct flow_cache *cache);

#define FLOW_BATCH 64

#endif
