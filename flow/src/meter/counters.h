/* SPDX-License-Identifier: BSD-3-Clause */
/** What each worker counts and shows the main thread. */
#ifndef FLOW_COUNTERS_H
#define FLOW_COUNTERS_H

#define PACKET_CLASSES 6 /* of flows by their packets: 1, to 5, to 10, to 20, to 50, more */

/** In the order they are shown, up to C_SHOWN. */
enum counter {
   C_PACKETS,
   C_BYTES,
   C_IN_FLOWS,
   C_NOT_IP,
   C_MALFORMED,
   C_TRUNCATED,
   C_UNKNOWN_LINK,
   C_FILTERED,
   C_KERNEL_DROPS,
   C_BEGUN,
   C_CACHED,
   C_INACTIVE,
   C_ACTIVE,
   C_DETECTED,
   C_FORCED,
   C_EVICTED,
   C_CROWDED,
   C_FRAGMENTS,
   C_PLUGIN_MEMORY,
   C_GIVEN_UP,
   C_STOLEN,
   C_CROWDS_ENDED,
   C_CROWDS_SPLIT,
   C_CROWDS_EVICTED,
   C_OUTPUT_DROPS,
   C_TABLE_BYTES,
   C_SHOWN,
   /* Of telemetry only. */
   C_OUTPUT_FLOWS = C_SHOWN,
   C_OUTPUT_PACKETS,
   C_OUTPUT_BYTES,
   C_FRAGMENTS_ALL,
   C_FRAGMENTS_FIRST,
   C_FRAGMENTS_NOT_FOUND,
   C_FRAGMENTS_TIMEOUT,
   C_FLOWS_BY_PACKETS,
   COUNTERS = C_FLOWS_BY_PACKETS + PACKET_CLASSES
};

#endif
