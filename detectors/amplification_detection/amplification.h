/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file amplification.h
 * Pairs of an abused server and its victim, and hosts that are flooded by servers they did not ask. README.md describes the
 * methods.
 */
#ifndef AMPLIFICATION_H
#define AMPLIFICATION_H

#include <nemea-common/nc_table.h>
#include <nemea/module.h>

#include "../common/pool.h"
#include "peak.h"

/* A flow of a pair. */
struct item {
   ur_time_t first;
   uint64_t bytes;
   uint32_t packets;
   uint32_t lasts; /* milliseconds, or the most that fits */
};

struct sums {
   uint64_t flows, packets, bytes;
};

enum side { QUERIES, RESPONSES, SIDES };

struct pair_key {
   ip_addr_t server, victim;
};

struct pair {
   struct link by_age; /* first member; the pair that got a flow last at the end */
   struct queue items[SIDES];
   struct sums total[SIDES];    /* of the items, and of those that were overwritten */
   struct sums reported[SIDES]; /* part of total */
   ur_time_t first;             /* of the first flow */
   ur_time_t last;              /* greatest TIME_LAST */
   uint32_t id;                 /* 0: not reported yet */
};

struct flood_key {
   ip_addr_t victim;
   uint64_t port; /* of the servers; as wide as the key's alignment: no padding */
};

/* What servers of one port sent to one host in a minute. */
struct flood {
   struct link
       counted; /* first member; in the list: enough servers or flows to look at it at the end of the minute */
   uint64_t window; /* number of the minute */
   uint64_t number; /* never used again for another flood and minute */
   ur_time_t first, last;
   struct sums sums;
   ip_addr_t loudest; /* server of the largest flow */
   uint64_t loudest_bytes;
   uint64_t ports;   /* set of hashes of the ports of the victim */
   uint32_t servers; /* distinct ones */
   uint32_t asked;   /* flows that the host sent to such servers */
   uint64_t asked_bytes;
   uint32_t asked_before; /* the same in the minute before */
   uint64_t asked_bytes_before;
   struct sums told[SIDES]; /* of this minute, with --early */
   uint32_t id;             /* of the alerts */
   uint64_t alerted;        /* window of the last alert */
   struct peak peak;        /* with details */
};

struct server_key {
   uint64_t number; /* of the flood and minute */
   ip_addr_t server;
};

struct amplification {
   /* options */
   const char *log_dir;
   uint16_t port;
   uint32_t top, step, min_factor, min_flows, min_packets, min_bytes, max_query, window, period, record_count;
   double min_share;
   uint32_t servers_min;
   bool details, classic, early;
   nc_table_t *pairs;   /* pair_key -> struct pair */
   nc_table_t *floods;  /* flood_key -> struct flood */
   nc_table_t *servers; /* server_key, a set */
   uint32_t flows;      /* items in the pool */

   struct pool pool;
   struct link by_age, counted; /* heads */
   ur_time_t pruned;
   uint32_t last_id;
   uint64_t numbers;
   uint64_t displaced, alerts, log_errors;
   uint32_t *bins, *used; /* of a histogram: counts by bin, and the bins that are not 0 */
};

/* A flow of the watched port. */
struct query {
   const ip_addr_t *server, *victim; /* in the record */
   ur_time_t first, last;
   uint64_t bytes;
   uint32_t packets;
   enum side side;
};

/** What an alert says. */
struct finding {
   ip_addr_t server, victim;
   uint16_t port;
   struct sums sums[SIDES];
   ur_time_t first, last;
   uint32_t id, servers;
   uint64_t peak_bytes, peak_packets; /* a second; with details */
};
/** Sends an alert. */
int amplification_report(nm_module_t *m, const struct finding *finding);

/* pairs.c */
int pairs_open(nm_module_t *m);
void pairs_close(struct amplification *self);
void pair_evicted(void *context, const void *key, void *value);
int pairs_add(nm_module_t *m, const struct query *q);

/* decide.c */
enum decision { NOTHING, COMPLEX, BIG };
/** Is the pair an attack? */
enum decision pair_decide(struct amplification *self, const struct pair *pair);

/* log.c */
/** Appends the flows of a pair to its log file. */
void pair_log(nm_module_t *m, const struct pair *pair, bool big);

/* floods.c */
void flood_evicted(void *context, const void *key, void *value);
/** A UDP flow from a server's port. bytes and packets are those of the flow. */
int floods_answer(nm_module_t *m, const ip_addr_t *server, const ip_addr_t *victim, uint16_t server_port,
                  uint16_t victim_port, const struct query *q);
/** A UDP flow to a server's port. */
int floods_request(nm_module_t *m, const ip_addr_t *client, uint16_t server_port, uint64_t bytes);
/** Judges the floods whose minute ended; all of them at the end of the stream. */
int floods_judge(nm_module_t *m, uint64_t window, bool all);

#endif
