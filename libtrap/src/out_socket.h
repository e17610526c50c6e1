/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Output over sockets: the sender's side (out_socket.c) and what the I/O thread does for it (out_thread.c, clients.c).
 *
 * Who may touch what:
 *   spin          the active block, limit and the slots; held for a few instructions, never while waiting. The thread
 *                 that usually sends (owner) does without: it marks itself inside, and another thread that takes spin revokes
 *                 that and waits until it has left (a lock biased to its owner, with membarrier(2))
 *   I/O thread    the only one that adds, changes and removes clients (under spin where the sender looks)
 *   client->lock  a socket client's place in the log while bytes are sent or the sender overruns it
 *   mtx, changed  waiting for space, clients, or an order to the I/O thread; progress counts the events
 */
#ifndef TRAP_OUT_SOCKET_H
#define TRAP_OUT_SOCKET_H

#include "internal.h"
#include "log.h"
#include "reactor.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/un.h>

#define MAX_PENDING     32    /* beyond it a handshake of the address that has most of them is given up */
#define ACK_TIMEOUT     60000 /* ms, default */
#define MAX_PER_ADDRESS 48    /* of MAX_CLIENTS, if neither is set: one address cannot lock out all others */

#define MAX_NAMES 32 /* of readers that resume, an output; half of them a user */

#define CACHE_LINE     64
#define PREFETCH_AHEAD 1024 /* bytes */
#define PREFETCH_MAX   256  /* bytes, with a message: after that the hardware prefetcher takes over */

struct socket_output;
struct tls;
struct tls_config;

/** Whose connections count together: an IPv4 address, or the /64 of an IPv6 address, which is one host's. */
struct peer_address {
   uint64_t prefix;
   bool network; /* false: UNIX, where access rights decide */
};

/** A reader that resumes: what is known of it between its connections. */
struct reader_name {
   char name[RESUME_NAME];
   uid_t uid;               /* names of different users are different names */
   struct client *client;   /* NULL: away */
   struct reader_ctl *page; /* of the last connection: its position is what the reader has acknowledged */
   uint64_t acked;          /* number of the first message that was not acknowledged before this page */
   int64_t left_at;         /* ms */
};

struct client {
   struct io_source source;
   struct socket_output *owner;
   uint64_t id; /* peer's process or port */
   struct peer_address address;
   enum reader_mode mode;
   int64_t decide_at; /* ms: an undecided local client gets the socket stream from then on */
   struct reader_ctl *page;
   struct reader_name *name; /* NULL: none */
   int page_fd;
   _Atomic bool gone;
   struct tls *tls;         /* NULL: none */
   int64_t handshake_until; /* ms: TLS and the hello are to be over by then */
   /* TCP: what the peer's machine acknowledges */
   uint64_t acked;        /* bytes */
   int64_t unacked_since; /* ms: since then nothing, although there is something; 0: all is acknowledged */
   /* socket clients */
   bool blocked; /* the socket takes no more */
   pthread_mutex_t lock;
   _Atomic bool overrun_wanted; /* the sender found it locked: it comes first the next time */
   _Atomic uint64_t pos;        /* next byte to send */
   uint64_t boundary;           /* start of the block that pos is in or at */
   uint8_t *spill;              /* rest of a block that the sender had to overwrite */
   _Atomic size_t spill_size, spill_sent;
   uint8_t *hello; /* hello not yet sent */
   size_t hello_size;
   _Atomic size_t hello_sent;
   _Atomic uint64_t missed, blocks;
   /* what the sender saw when it began to wait (under spin) */
   uint64_t seen_pos;
   bool stalled; /* it has not moved for maxstall: senders do not wait for it */
   /* statistics */
   uint64_t first_seq; /* number of the first message that the client may get */
   int64_t since;      /* connected: seconds since 1970 */
};

/** Statistics of a client. For a client that reads the log itself, they are what it reports. */
struct client_info {
   uint64_t id; /* peer's process (UNIX) or port (TCP, TLS) */
   const char *transport;
   uint64_t buffers, messages, missed; /* sent, sent, skipped */
   uint64_t backlog;                   /* bytes finished and not yet taken */
   int64_t since;                      /* connected: seconds since 1970 */
};

enum { OWNER_NOBODY = 0, OWNER_NEVER = 1 };

/** Requests to the I/O thread; done when it is NONE again. */
enum io_order { ORDER_NONE, ORDER_DISCONNECT, ORDER_DETACH };

struct socket_output {
   struct trap_output out;
   /* the sender's hot part */
   alignas(64) atomic_flag spin;
   _Atomic bool inside;     /* the owner is at work without spin */
   _Atomic bool revoked;    /* another thread has spin, or there is no owner any more: the owner keeps out */
   _Atomic uintptr_t owner; /* OWNER_NOBODY, a thread, or OWNER_NEVER when several threads send */
   uint8_t *put;            /* where the next message goes */
   _Atomic uintptr_t
       room_end; /* address up to which messages fit after the last one without further work; 0: they do not */
   uint32_t count; /* messages in the active block */
   uint32_t buffer_size;
   uint8_t *start;     /* of the active block */
   uint64_t block;     /* its position = committed */
   uint64_t block_seq; /* number of its first message */
   uint64_t limit;     /* positions from here on may not be written yet */
   uint8_t *reserved;  /* where the sender writes a message in place, if put is still before it */
   struct trap_log log;
   _Atomic int64_t block_since; /* us: first message of the active block; 0: empty */
   _Atomic uint64_t blocks;     /* finished */
   /* clients */
   struct client *slot[MAX_CLIENTS];
   _Atomic uint32_t n_clients;
   struct client *pending[MAX_PENDING]; /* TLS handshakes going on; I/O thread only, senders never see them */
   uint32_t n_pending;
   uint32_t max_per_address; /* 0: not set */
   uint32_t ack_timeout;     /* ms, t and T; 0: never */
   int64_t check_at;         /* ms: next look at what peers acknowledge */
   bool unchecked;           /* something was sent since the last one, or not everything is acknowledged */
   _Atomic uint64_t
       refused; /* connections closed because of a limit, a deadline or for lack of descriptors */
   int64_t shortage_reported;         /* ms: of descriptors */
   uint32_t max_clients, min_clients; /* min 0: only WAIT waits for the first client */
   _Atomic uint32_t n_stream;         /* clients served by the I/O thread */
   uint32_t buffer_count;
   uint32_t maxstall;     /* ms that a client may hold up the sender; 0: as long as it likes */
   _Atomic bool lossless; /* as the log says: no local reader is ever overtaken */
   bool had_min;          /* min_clients were there once */
   /* readers that resume */
   uint64_t instance;
   struct reader_name names[MAX_NAMES]; /* I/O thread only */
   _Atomic uint32_t n_names;
   /* waiting */
   pthread_mutex_t mtx;
   pthread_cond_t changed;
   _Atomic uint64_t progress;
   _Atomic bool waiting;
   bool moved; /* I/O thread: a client was sent something since the sender was last told */
   _Atomic int order;
   bool accepting; /* under mtx */
   uint8_t *hello;
   size_t hello_size;
   /* listening */
   struct io_source source;
   struct tls_config *tls; /* NULL: t, u */
   char *name;
   struct socket_name taken; /* u */
   mode_t mode;
   char *group;
   char *address;              /* t, T: to listen at; NULL: all */
   struct socket_output *next; /* list of the I/O thread */
};

static inline bool is_unix(const struct socket_output *s)
{
   return s->out.type == TRAP_IFC_TYPE_UNIX;
}

/* out_thread.c */
int io_start(struct trap_context *ctx);
/** Ends the thread. Sources stay registered and get no more events. */
void io_stop(struct trap_context *ctx);
/** After io_stop(), when all sources have been closed. */
void io_free(struct trap_context *ctx);
/** The context's reactor, which the I/O thread runs. */
struct reactor *io_reactor(struct trap_context *ctx);
/** Begins to listen and to serve. \return 0 or -errno */
int io_attach(struct trap_context *ctx, struct socket_output *s);
/** Gives the I/O thread an order and waits until it is carried out. */
void io_order(struct socket_output *s, enum io_order order);
/** Wakes the I/O thread if it sleeps. */
void io_kick(struct trap_context *ctx);
/** Wakes it if it sleeps without a time limit. */
void io_arm(struct trap_context *ctx);
/** Wakes it in any case. */
void io_wake(struct trap_context *ctx);
/** Something changed that a sender may wait for. */
void output_changed(struct socket_output *s);

/* accept.c: called by the I/O thread only */
void clients_accept(struct io_source *source, uint32_t events);
/** Goes on with TLS handshakes. */
void pending_serve(struct socket_output *s, int64_t now, int64_t *wake_at);
void client_free(struct client *c);
/** The next connection of a listening socket; it pauses when there is no descriptor for one.
 *  \return -1: none now, with errno EMFILE when there is no descriptor */
int accept_next(struct io_source *listening);

/* clients.c: called by the I/O thread only */
void client_ready(struct io_source *source, uint32_t events);
/** Sends what can be sent. \return true when there is more to do at once; *wake_at: ms, earliest time to look again */
bool clients_serve(struct socket_output *s, int64_t now, int64_t *wake_at);
void clients_close_all(struct socket_output *s);
/** Overrun by the sender: what the client has not got before block start tail is lost to it. Called under spin, and never
 *  waits. \return false: it is being served; try again without spin in between */
bool client_overrun(struct client *c, uint64_t tail);

/* resume.c */
/** Finds the reader's name, or makes one. \return NULL: it has none, or it is refused and the client gone */
struct reader_name *resume_claim(struct socket_output *s, struct client *c);
/** Gives the client its name, and sets where it begins. Called under spin. */
void resume_start(struct socket_output *s, struct client *c, struct reader_name *r);
/** The client's connection is over. */
void resume_leave(struct client *c);
void resume_free(struct socket_output *s);

/* out_lock.c */
/** Its address identifies the thread. */
extern __thread char output_thread __attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline uintptr_t this_thread(void)
{
   return (uintptr_t) &output_thread;
}

/** Takes spin, and keeps the owner out when that is another thread. */
void output_lock(struct socket_output *s);
void output_unlock(struct socket_output *s);
/** Position of the next message. Called under spin, or by the owner inside; so are the next two. */
static inline uint64_t head(const struct socket_output *s)
{
   return s->block + (uint64_t) (s->put - s->start);
}

/** Number of the next message. */
static inline uint64_t next_seq(const struct socket_output *s)
{
   return s->block_seq + s->count;
}

/** Makes the sender look for room again before the next message. */
static inline void forget_room(struct socket_output *s)
{
   s->limit = 0;
   atomic_store_explicit(&s->room_end, 0, memory_order_relaxed);
}

/** The first sender becomes the owner; a second one ends ownership for good. Called under spin by each sender. */
void settle_owner(struct socket_output *s);

/** The sender's way in without spin. \return false: take it */
static inline bool output_enter(struct socket_output *s)
{
   if (atomic_load_explicit(&s->owner, memory_order_relaxed) != this_thread()) {
      return false;
   }
   atomic_store_explicit(&s->inside, true, memory_order_relaxed);
   atomic_signal_fence(memory_order_seq_cst); /* the other half of this fence is in keep_owner_out() */
   if (!atomic_load_explicit(&s->revoked, memory_order_acquire)) {
      return true;
   }
   atomic_store_explicit(&s->inside, false, memory_order_release);
   return false;
}

static inline void output_leave(struct socket_output *s)
{
   atomic_store_explicit(&s->inside, false, memory_order_release);
}

/** Writes the length in front of size bytes, which makes them a message. Called under spin, or by the owner inside. */
static inline void put_header(struct socket_output *s, uint16_t size)
{
   uint8_t *p = s->put;
   uint16_t network = htons(size);
   memcpy(p, &network, sizeof(network));
   s->put = p + 2 + size;
   s->count++;
}

/** Prefetches the lines of later messages: lines that readers have are slow to get back, and stores would wait for each. */
static inline void prefetch_lines(const struct socket_output *s, uint32_t need)
{
   uintptr_t at = (uintptr_t) s->put + PREFETCH_AHEAD, end = at + (need < PREFETCH_MAX ? need : PREFETCH_MAX);
   for (; at < end; at += CACHE_LINE) {
#ifdef __x86_64__
      __asm__ volatile("prefetchw %0" : : "m"(*(const uint8_t *) at));
#else
      __builtin_prefetch((const void *) at, 1);
#endif
   }
}

/** \return true if need bytes are free after the last message. By the owner, also when it is not inside. */
static inline bool has_room(const struct socket_output *s, uint32_t need)
{
   return (uintptr_t) s->put + need <= atomic_load_explicit(&s->room_end, memory_order_relaxed);
}

/** \return true if a message of need bytes fits after the last one without further work. By the owner inside. */
static inline bool fits(const struct socket_output *s, uint32_t need)
{
   return has_room(s, need) && s->count < UINT16_MAX;
}

/* out_socket.c */
int output_reserve_slow(struct socket_output *s, uint16_t size, void **data);
int output_commit_slow(struct socket_output *s, uint16_t size);

/* Writing in place is inline, since it takes two calls where a send takes one. */

/** Room for a message of up to size bytes, after the header of a block that may begin meanwhile. The owner need not be inside:
 *  only the sender itself moves put, and output_commit_slow() handles a block that was finished or is full.
 *  \return as trap_reserve() */
static inline int output_reserve(struct socket_output *s, uint16_t size, void **data)
{
   if (atomic_load_explicit(&s->owner, memory_order_relaxed) != this_thread() ||
       !has_room(s, 2u + size + BLOCK_HEADER)) {
      return output_reserve_slow(s, size, data);
   }
   prefetch_lines(s, 2u + size);
   *data = s->reserved = s->put + 2;
   return TRAP_E_OK;
}

/** Sends the message that was written there. \return as trap_commit() */
static inline int output_commit(struct socket_output *s, uint16_t size)
{
   if (output_enter(s)) {
      bool done = (uintptr_t) s->put + 2 == (uintptr_t) s->reserved && fits(s, 2u + size);
      if (done) {
         put_header(s, size);
      }
      output_leave(s);
      if (done) {
         return TRAP_E_OK;
      }
   }
   return output_commit_slow(s, size);
}

/** Finishes the active block. Called under spin. \return false when it was empty */
bool output_finish_block(struct socket_output *s);

/** Warns if a client on the network can hold up the sender without limit. */
void output_warn_unbounded(struct socket_output *s);

/* out_params.c */
/** Takes "port[:files of T][:name=value]..."; \return OK, or a code with the error set */
int output_parse_params(struct trap_context *ctx, struct socket_output *s, const char *params);
void output_free_params(struct socket_output *s);

/* out_stats.c */
/** Writes what is known of each client to list (MAX_CLIENTS). Any thread. \return number of clients */
uint32_t output_clients(struct socket_output *s, struct client_info *list);
/** Messages sent, those of the active block too. Any thread. */
uint64_t output_sent(struct trap_output *out);
void output_dump(struct trap_output *out, FILE *file);

/* listen.c */
int listen_tcp(struct trap_context *ctx, struct socket_output *s);
int listen_unix(struct trap_context *ctx, struct socket_output *s);

#endif
