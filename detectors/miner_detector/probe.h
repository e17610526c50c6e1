/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file probe.h
 * Asks servers whether they are mining pools, in a thread of its own: the protocols of pools, one connection each, at most one connection
 * an interval, and a bounded queue of servers.
 *
 * Threads: all functions are called by one thread; none of them waits for a server.
 */
#ifndef MINER_PROBE_H
#define MINER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unirec/ipaddr.h>

#define PROBE_QUEUE 256 /* servers that wait, and results that wait to be taken */

/** A server; clear all bytes before it is filled in, since it is the key of tables. */
struct pool {
   ip_addr_t ip;
   uint16_t port;
   uint16_t zero[3];
};

enum probe_result {
   PROBE_POOL,   /* it speaks one of the protocols */
   PROBE_OTHER,  /* it refuses connections, is silent, or speaks something else */
   PROBE_FAILED, /* this host could not ask: no route, no socket */
};

struct probe_config {
   uint32_t connect_ms, read_ms; /* per connection: until it is there, until the answer is there */
   uint32_t interval_ms;         /* between the begins of two connections */
};

struct probe;

/** Starts the thread. NULL: errno says why. */
struct probe *probe_new(const struct probe_config *config);
/** Ends the thread without waiting for servers. */
void probe_free(struct probe *p);
/** Queues a server. \return false: the queue is full */
bool probe_ask(struct probe *p, const struct pool *pool);
/** The next result. \return false: none is there yet */
bool probe_next(struct probe *p, struct pool *pool, enum probe_result *result);

#define PROBE_DIALOGUES 4
/** Does an answer show that dialogue i (0 to PROBE_DIALOGUES - 1) is with a mining pool? Need not be terminated. */
bool probe_matches(unsigned i, const char *answer, size_t n);

#endif
