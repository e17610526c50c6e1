/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The connections of the server: those whose requests take too long are closed, and when there are many, so is the oldest one that has not
 * shown a session. So whoever opens connections by the thousand closes only his own.
 */
#ifndef WEB_CONNECTIONS_H
#define WEB_CONNECTIONS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define CONNECTIONS_MAX 512

struct connection {
   int fd;        /* -1: free */
   bool known;    /* it has shown a session */
   bool waiting;  /* for a request, or the rest of one */
   bool closed;   /* it is being closed */
   int64_t since; /* when it began to wait */
};

struct connections {
   pthread_mutex_t lock;
   struct connection list[CONNECTIONS_MAX];
   unsigned n, strangers_max;
   uint64_t opened, evicted, slow;
};

void connections_init(struct connections *c, unsigned strangers_max);
/** \return NULL: there are too many */
struct connection *connections_add(struct connections *c, int fd, int64_t now);
void connections_remove(struct connections *c, struct connection *one);
/** A request of it has been read as a whole. */
void connections_busy(struct connections *c, struct connection *one, bool known);
/** It was answered. */
void connections_idle(struct connections *c, struct connection *one, int64_t now);
/** Closes those that wait for longer than limit (ms); connections that have shown a session may be idle for longer. */
void connections_tick(struct connections *c, int64_t now, int64_t limit);

#endif
