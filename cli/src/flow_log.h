/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The flows of an analysis, kept in a file until its events are known: then those of each event are found. The file has no name
 * and FLOW_LOG_MAX flows at most; what comes later is counted.
 */
#ifndef CLI_FLOW_LOG_H
#define CLI_FLOW_LOG_H

#include <nemea/event.h>
#include <stdbool.h>
#include <unirec/unirec.h>

#define FLOW_LOG_MAX   8000000 /* flows of 80 bytes */
#define FLOWS_OF_EVENT 10      /* that are listed */

struct logged_flow {
   ip_addr_t src, dst;
   ur_time_t first, last;
   uint64_t bytes, packets; /* of both directions, where the record has both */
   uint16_t src_port, dst_port;
   uint8_t protocol, tcp_flags, unused[10];
};

struct event_flows {
   uint64_t n; /* all */
   struct logged_flow list[FLOWS_OF_EVENT];
};

struct flow_log;

/** \return NULL with errno */
struct flow_log *flow_log_new(void);
/** Adds a record whose template has TRAFFIC_FIELDS; ports and flags where it has them. */
void flow_log_add(struct flow_log *log, const ur_template_t *tmplt, const void *rec);
/** \return one entry for each event, in their order, the caller's; NULL with errno */
struct event_flows *flow_log_match(struct flow_log *log, const struct events *events);
/** Flows that found no room. */
uint64_t flow_log_missed(const struct flow_log *log);
void flow_log_free(struct flow_log *log);

#endif
