/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of the meter share. */
#ifndef FLOW_METER_STATE_H
#define FLOW_METER_STATE_H

#include "counters.h"
#include "meter.h"

#include <pthread.h>

#define LOOK_PERIOD  50000000 /* nanoseconds between checks of the workers by the main thread */
#define MAX_SINKS    2
#define UNREAD_LINKS 16 /* link types that are counted one by one; more are counted with the last */

struct unread {
   uint16_t link;
   uint64_t packets;
};

struct worker {
   struct meter *meter;
   const struct meter_input *input;
   pthread_t thread;
   struct source *source;
   struct packet_filter *filter;
   struct flow_cache *cache;
   struct flow_sink *sinks[MAX_SINKS];
   unsigned n_sinks;
   uint64_t packets, bytes, not_ip, malformed, truncated, filtered, damaged, batches;
   struct unread unread[UNREAD_LINKS]; /* packets of link types without a parser */
   unsigned n_unread;
   uint64_t next_flow;
   uint64_t by_packets[PACKET_CLASSES]; /* exported flows */
   uint64_t shown[COUNTERS];            /* for the main thread: atomic */
   int result;
   bool finished; /* atomic */
};

struct meter {
   struct meter_config *config;
   nm_module_t *module;
   struct worker workers[MAX_INPUTS];
   unsigned n_opened, n_threads;
   bool quit; /* atomic: a worker has failed */
   uint64_t sums[COUNTERS];
   uint64_t next_progress, next_show, next_telemetry;
};

void sleep_ns(uint64_t ns);

/* worker.c */

/* Opens the worker of an input. \return NM_OK or NM_ERROR, the module has the message */
int worker_open(struct meter *m, unsigned index);
/* Runs in the CPU that the configuration asks for. */
void worker_pin(const struct worker *w);
/* One batch. \return NM_OK, NM_STOP at the end, NM_ERROR */
int worker_step(struct worker *w);
/* Exports what is in the cache. */
void worker_end(struct worker *w);
/* All of it, as the function of a thread. */
void *worker_run(void *worker);
uint64_t worker_unread_packets(const struct worker *w);

#endif
