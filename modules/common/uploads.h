/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Requests (POST) that threads send to web servers and keep until one of them has taken them.
 *
 * With a spool, a directory, each request is a file in it until then, and those that a process left there are sent by the next one;
 * without one they are in memory. Requests go in their order, several at a time if there are several threads. One that failed is tried again after a pause that grows from FIRST to
 * LAST; meanwhile those to other servers go on. One that the server calls wrong (400, 413, 415, 422) is given up.
 *
 * Threads: the functions may be called from one thread.
 */
#ifndef MODULES_UPLOADS_H
#define MODULES_UPLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPLOADS_WHY     512 /* bytes of a message */
#define UPLOADS_THREADS 64

struct uploads_options {
   const char *const *
       servers; /* alternatives, tried in turn: what stands before the address of each request; ends with NULL */
   const char *spool;  /* NULL: in memory */
   uint64_t max_bytes; /* that wait */
   bool full_waits;    /* when more would wait: uploads_put() says so; otherwise the oldest are dropped */
   const char *agent, *content_type;
   const char *user, *password; /* NULL: none */
   const char *ca;              /* file of CA certificates; NULL: those of the system */
   long redirects;              /* that are followed */
   unsigned threads;            /* that send; 0: one. At most UPLOADS_THREADS */
   unsigned timeout;            /* milliseconds of a request */
   unsigned first_pause, last_pause;
   void (*report)(void *context, const char *text); /* called by the threads: what failed */
   void *context;
};

struct uploads_counts {
   uint64_t sent, failed, rejected, dropped, waiting, waiting_bytes;
};

enum uploads_put { UPLOADS_TAKEN, UPLOADS_FULL, UPLOADS_FAILED };

struct uploads;

/** What the options point to must live as long. \return NULL with a message */
struct uploads *uploads_start(const struct uploads_options *options, char why[UPLOADS_WHY]);
/** Takes a request. \param url what follows the server, or all of it \param body made by malloc(); it is theirs when UPLOADS_TAKEN is
 * returned \return UPLOADS_FULL if full_waits and there is no room; UPLOADS_FAILED with a message: it cannot be kept */
enum uploads_put uploads_put(struct uploads *u, const char *url, void *body, size_t size,
                             char why[UPLOADS_WHY]);
/** Waits until there is room, at most some milliseconds. */
void uploads_wait(struct uploads *u, unsigned milliseconds);
void uploads_counts(struct uploads *u, struct uploads_counts *counts);
/** Sends what waits, for at most some milliseconds, and ends. What is left stays in the spool. \return requests that are lost: that were
 *  in memory. NULL is allowed. */
uint64_t uploads_stop(struct uploads *u, unsigned milliseconds);

#endif
