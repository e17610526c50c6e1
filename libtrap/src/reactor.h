/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A reactor: one thread waits for events on many descriptors (epoll) and calls the function of each source that has some.
 *
 * A source is embedded in its owner's structure and owns its descriptor. Between source_add() and source_close() (or
 * source_remove()) it is registered, and its memory must stay. Closing a descriptor would not be enough: a child process that
 * inherited it keeps it in the epoll set, and events would go on to come. Therefore removal comes first, and events name a
 * registration, not an address: those of a registration that has ended, fetched before or coming later, are dropped.
 *
 * Any thread may add sources and change what they are watched for. A source is removed by the thread that runs the reactor,
 * or while none runs it; then its function is never called again.
 */
#ifndef TRAP_REACTOR_H
#define TRAP_REACTOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct reactor;

struct io_source {
   /** Called by the thread that runs the reactor. It may close any source, its own included. */
   void (*ready)(struct io_source *source, uint32_t events);
   struct reactor *reactor; /* NULL: not registered */
   uint32_t slot;
   int fd;            /* -1: none */
   int64_t resume_at; /* monotonic ms: end of a pause; 0: it is watched */
   uint32_t events;   /* that it is watched for when it is not paused */
};

struct reactor_slot {
   struct io_source *source; /* NULL: free */
   uint32_t registration;    /* counts the uses of the slot */
};

struct reactor {
   int epoll_fd;
   pthread_mutex_t lock; /* slots */
   struct reactor_slot *slots;
   uint32_t n_slots, n_sources, n_paused;
   _Atomic uint64_t stale; /* events of registrations that had ended */
};

/** \return 0 or -errno */
int reactor_open(struct reactor *r);
/** \return 0, or -EBUSY while sources are registered: nothing is closed then */
int reactor_close(struct reactor *r);
/** Waits up to timeout ms (-1: no limit) and calls the sources that have events. \return number of events, -errno */
int reactor_run(struct reactor *r, int timeout);

/** Registers the source for EPOLL... events. \return 0 or -errno (-EEXIST: it is registered already) */
int source_add(struct reactor *r, struct io_source *source, uint32_t events);
/** Changes the events of a registered source. \return 0 or -errno (-ENOENT: it is not registered) */
int source_watch(struct io_source *source, uint32_t events);
/** Stops watching a source for ms: what it waits for cannot be done now. source_watch() ends the pause. */
void source_pause(struct io_source *source, int ms);
/** Ends the registration, if there is one; the descriptor stays open. */
void source_remove(struct io_source *source);
/** Ends the registration, shuts the connection down, so that the peer sees its end even if a child process inherited the
 *  descriptor, and closes it. Harmless when done before. */
void source_close(struct io_source *source);

#endif
