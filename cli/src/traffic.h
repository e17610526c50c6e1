/* SPDX-License-Identifier: BSD-3-Clause */
/** Summary of the flows: totals, protocols over time, top talkers. Memory is fixed. */
#ifndef CLI_TRAFFIC_H
#define CLI_TRAFFIC_H

#include <nemea-common/nc_table.h>
#include <stdbool.h>
#include <unirec/unirec.h>

#define TRAFFIC_BINS    240
#define TRAFFIC_TALKERS 131072 /* hosts kept; beyond it those seen once are forgotten first */
#define TRAFFIC_TOP     10

enum traffic_class { TRAFFIC_TCP, TRAFFIC_UDP, TRAFFIC_ICMP, TRAFFIC_OTHER, TRAFFIC_CLASSES };

/** Names of the classes, for people. */
extern const char *const traffic_class_names[TRAFFIC_CLASSES];

struct talker {
   ip_addr_t ip;
   uint64_t sent, received, packets, flows; /* bytes; packets of both directions */
};

struct traffic {
   uint64_t flows, packets, bytes;
   double seen;           /* packets that were seen, where records say that they were sampled */
   ur_time_t first, last; /* of all flows */
   struct {
      uint64_t flows, packets, bytes;
   } classes[TRAFFIC_CLASSES];
   /* Bytes over time: bin i holds [base + i, base + i + 1) * width seconds. */
   double bins[TRAFFIC_BINS][TRAFFIC_CLASSES];
   uint64_t base, width;
   uint32_t n_bins;
   nc_table_t *talkers; /* ip_addr_t -> struct talker */
};

/** \return false without memory */
bool traffic_init(struct traffic *t);
void traffic_free(struct traffic *t);
/** Adds a flow record whose template has the fields that nemea requires (TRAFFIC_FIELDS). */
void traffic_add(struct traffic *t, const ur_template_t *tmplt, const void *rec);
/** The talkers with most bytes, most first. \return their number */
unsigned traffic_top(const struct traffic *t, struct talker top[TRAFFIC_TOP]);
/** Hosts forgotten because there were too many. */
uint64_t traffic_forgotten(const struct traffic *t);

#define TRAFFIC_FIELDS \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint32 PACKETS,time TIME_FIRST,time TIME_LAST,uint8 PROTOCOL"

#endif
