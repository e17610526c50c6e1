/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Input over a socket (t, T, u), shared by its files: in_socket.c (states, blocks), in_connect.c (addresses, connection, TLS),
 * in_hello.c (negotiation) and in_local.c (the sender's log in shared memory). All of it runs in the receiving thread.
 */
#ifndef TRAP_IN_SOCKET_H
#define TRAP_IN_SOCKET_H

#include "in_params.h"
#include "internal.h"
#include "log.h"

#define HELLO_TIMEOUT 5000 /* ms, also of a TLS handshake */

struct resolver;
struct tls;

enum stage { IDLE, RESOLVING, CONNECTING, SECURING, HELLO, RESUMING, STREAM };

/** What can be wrong with a sender; each is reported once. */
enum complaint {
   BAD_ADDRESS,
   NO_CONNECTION,
   BAD_TLS,
   BAD_HELLO,
   NO_HELLO,
   NO_FORMAT,
   BAD_STREAM,
   BROKEN,
   BAD_LOG,
   NOT_RESUMED,
   GOES_ON, /* the connection is good, but for: */
   NO_LOG = GOES_ON,
   NOTHING_KEPT,
   COMPLAINTS
};

struct socket_input {
   struct trap_input in;
   enum stage stage;
   int fd;
   struct sender_address to;
   char unix_reason[SOCKET_REASON_SIZE]; /* why there is no connection to a UNIX socket */
   struct resolver *resolver;            /* at work while RESOLVING */
   struct addrinfo *addresses, *address;
   struct tls *tls;
   int retry_ms;
   int64_t failing_since; /* ms: first attempt to connect since the last connection; 0: none has failed */
   int64_t connected_at;  /* ms */
   int64_t hello_deadline;
   int64_t reported_at[COMPLAINTS]; /* ms, 0: not reported */
   uint64_t failures;               /* connections that failed or were given up */
   bool delivered;                  /* this connection has brought messages */
   /* stream bytes: [start, fill) are not yet parsed */
   uint8_t *buffer;
   size_t capacity, start, fill;
   bool have_seq;
   uint64_t next_seq; /* sender's number expected next */
   /* local log */
   struct trap_log log;
   struct reader_ctl *page;
   uint64_t cursor;
   uint64_t blocks_here, missed_here; /* published in the page for the sender */
   bool hung_up;
   bool trusted;  /* the sender has this process's rights: its blocks are read in place */
   uint64_t held; /* bytes of the block in the log that the module has, from cursor on */
   /* readers that resume; numbers of the sender, but for ack_limit */
   bool asked, late; /* on this connection: asked where to continue; too late for the log */
   struct reader_ctl
       *ack_page; /* of the last connection, where the sender reads what is acknowledged; NULL: none yet */
   uint64_t instance;  /* of that sender's output */
   bool numbered;      /* offset is known for it */
   uint64_t offset;    /* what the sender's number of the next message is ahead of in.seq */
   uint64_t ack_limit; /* messages up to this one, as the module counts, came from another output */
   uint64_t continue_at, skip_before;
};

/* in_socket.c */
/** Closes the connection; the next attempt comes after a pause that doubles up to a second. */
void disconnect(struct socket_input *s);
/** Reports what is wrong with the sender, unless that was done already: again only after a minute in which messages arrived. */
void complain(struct socket_input *s, enum complaint what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** The receiving thread sleeps until the socket is ready. */
void wait_socket(struct socket_input *s, short events);
/** Makes a block the messages of the input. */
void take_block(struct socket_input *s, const uint8_t *p, uint32_t payload, bool lent);
/** Whether a block is longer than limit, which is reported. */
bool too_long(struct socket_input *s, uint32_t payload, uint64_t limit);

/* in_connect.c: each \return OK to go on; TIMEOUT: wait */
int step_connect(struct socket_input *s);
int step_secure(struct socket_input *s);
/** As recv(2), through TLS where there is some. */
ssize_t receive_bytes(struct socket_input *s, void *to, size_t size);
short wanted_events(const struct socket_input *s);
void start_hello(struct socket_input *s);
void connect_cancel(struct socket_input *s);

/* in_hello.c */
/** \return OK: the stream follows; TIMEOUT: wait; FORMAT_MISMATCH, MEMORY */
int step_hello(struct socket_input *s);

/* in_resume.c */
/** Writes this reader's name in its page, before the log is chosen. */
void resume_ask(struct socket_input *s);
/** \return OK: the stream follows; TIMEOUT: wait */
int step_resume(struct socket_input *s);
/** Goes over messages of a block that the module has had. \param seq number of the first one, raised with them
 *  \return the first other one */
const uint8_t *resume_skip(const struct socket_input *s, const uint8_t *p, const uint8_t *end, uint64_t *seq);
/** Before the connection is closed. */
void resume_disconnected(struct socket_input *s);
int socket_ack(struct trap_input *in, uint64_t seq);
void socket_position(const struct trap_input *in, uint64_t seq, uint64_t *instance, uint64_t *position);

/* in_local.c */
/** Maps what a local sender handed over; on any doubt the ordinary stream is used. */
void local_open(struct socket_input *s, const int fds[]);
void local_close(struct socket_input *s);
/** \return 1: bytes were added, 0: wait, -1: the connection is over */
int local_more(struct socket_input *s);
/** Whether the next block may be read in place: it is neither overwritten nor changed meanwhile. */
bool local_in_place(const struct socket_input *s);
/** The next block, in place. \return false: there is none, or it is damaged */
bool local_next_block(struct socket_input *s, bool *damaged);
/** The module is done with the block that it read in place. */
void local_release(struct socket_input *s);

#endif
