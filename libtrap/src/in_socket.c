/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Input over a socket (t, T, u): connect, TLS handshake, hello, stream. The stream's bytes come from the socket or, when a local
 * sender hands over its log, from shared memory; what is done with them is the same. Whatever a sender does wrong, the input
 * reports it once, closes the connection and tries again later.
 */
#include "in_socket.h"
#include "socket.h"
#include "tls.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFER_SIZE  (128u * 1024)
#define RETRY_FIRST  10    /* ms */
#define RETRY_LAST   1000  /* ms */
#define STABLE_MS    1000  /* a connection that lasts so long resets the pause before the next attempt */
#define REPORT_AGAIN 60000 /* ms */
#define FILL_STEPS   256   /* steps and empty blocks before the caller looks at its deadline */

/* ----------------------------------------------------------------- connection */

void disconnect(struct socket_input *s)
{
   bool good = s->stage == STREAM && (s->delivered || now_ms() - s->connected_at >= STABLE_MS);
   if (s->stage != STREAM) {
      s->failures++;
   }
   resume_disconnected(s);
   connect_cancel(s);
   tls_free(s->tls);
   s->tls = NULL;
   if (s->fd >= 0) {
      close(s->fd);
      s->fd = -1;
   }
   local_close(s);
   s->stage = IDLE;
   atomic_store(&s->in.connected, false);
   s->start = s->fill = 0;
   s->have_seq = false;
   s->hung_up = s->trusted = false;
   s->held = 0;
   s->in.pos = s->in.end = s->in.first = NULL;
   s->in.n_wait = 0;
   s->retry_ms = good ? 0 : s->retry_ms;
   s->in.retry_at = now_ms() + s->retry_ms;
   s->retry_ms = s->retry_ms == 0 ? RETRY_FIRST : s->retry_ms * 2 > RETRY_LAST ? RETRY_LAST : s->retry_ms * 2;
}

void complain(struct socket_input *s, enum complaint what, const char *format, ...)
{
   char text[512];
   va_list ap;
   if (s->reported_at[what] != 0) {
      return;
   }
   s->reported_at[what] = now_ms();
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   LOG_WARNING("Input %s: %s%s.", s->in.id, text, what < GOES_ON ? "; trying again" : "");
}

/* The connection works: later failures are reported again. */
static void first_block(struct socket_input *s)
{
   int64_t now = now_ms();
   s->delivered = true;
   s->failing_since = 0;
   for (int i = 0; i < COMPLAINTS; i++) {
      if (now - s->reported_at[i] > REPORT_AGAIN) {
         s->reported_at[i] = 0;
      }
   }
}

void wait_socket(struct socket_input *s, short events)
{
   s->in.wait[0] = (struct pollfd){.fd = s->fd, .events = events};
   s->in.n_wait = 1;
   s->in.retry_at = -1;
}

/* The caller looks at its deadline and whether it was told to stop, and comes back. */
static int wait_for_nothing(struct socket_input *s)
{
   s->in.n_wait = 0;
   s->in.retry_at = s->stage == IDLE ? s->in.retry_at : 0;
   return TRAP_E_TIMEOUT;
}

/* --------------------------------------------------------------------- stream */

/* 1: bytes were added, 0: wait, -1: the connection is over */
static int more_socket(struct socket_input *s)
{
   ssize_t n = receive_bytes(s, s->buffer + s->fill, s->capacity - s->fill);
   if (n > 0) {
      s->fill += (size_t) n;
      return 1;
   }
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      wait_socket(s, wanted_events(s));
      return 0;
   }
   /* What was under way is lost, and nobody can tell how much: unlike a clean end, this is said. */
   if (n < 0) {
      complain(s, BROKEN, "the connection broke: %s", strerror(errno));
   } else if (s->fill > s->start) {
      complain(s, BROKEN, "the connection ended inside a buffer of messages");
   }
   return -1;
}

void take_block(struct socket_input *s, const uint8_t *p, uint32_t payload, bool lent)
{
   s->in.lent = lent;
   uint64_t seq = block_seq(p);
   if (!s->delivered) {
      first_block(s);
   }
   /* A number lower than expected is a sender that does not count well (or started again): no gap. */
   if (s->have_seq && seq > s->next_seq) {
      count_up(&s->in.missed, seq - s->next_seq);
      s->in.seq += seq - s->next_seq;
      s->missed_here += seq - s->next_seq;
      LOG_VERBOSE("Input %s: %llu messages missed.", s->in.id, (unsigned long long) (seq - s->next_seq));
   }
   s->next_seq = block_seq(p) + block_count(p);
   s->have_seq = true;
   s->in.first = p + BLOCK_HEADER;
   s->in.end = s->in.first + payload;
   s->in.pos = seq < s->skip_before ? resume_skip(s, s->in.first, s->in.end, &seq) : s->in.first;
   s->offset = seq - s->in.seq;
   s->numbered = true;
   count_up(&s->in.bytes, payload);
   count_up(&s->in.buffers, 1);
   if (s->page != NULL) {
      atomic_store_explicit(&s->page->blocks, ++s->blocks_here, memory_order_relaxed);
      atomic_store_explicit(&s->page->missed, s->missed_here, memory_order_relaxed);
      atomic_store_explicit(&s->page->next_seq, s->next_seq, memory_order_relaxed);
   }
}

bool too_long(struct socket_input *s, uint32_t payload, uint64_t limit)
{
   if (payload <= limit) {
      return false;
   }
   complain(s, BAD_STREAM, "a buffer of %u bytes, expected at most %llu", payload,
            (unsigned long long) limit);
   return true;
}

/* The next whole block of those copied. \return false if there is none or it is damaged */
static bool next_block(struct socket_input *s, bool *damaged)
{
   for (int empty = 0; empty < FILL_STEPS; empty++) {
      size_t have = s->fill - s->start;
      const uint8_t *p = s->buffer + s->start;
      if (have < BLOCK_HEADER) {
         return false;
      }
      uint32_t payload = block_payload(p);
      if (too_long(s, payload, LOG_MAX_PAYLOAD)) {
         *damaged = true;
         return false;
      }
      if (have < BLOCK_HEADER + (size_t) payload) {
         *damaged = !buffer_reserve(&s->buffer, &s->capacity, BLOCK_HEADER + (size_t) payload);
         return false;
      }
      s->start += BLOCK_HEADER + payload;
      if (payload > 0) {
         take_block(s, p, payload, false);
         return true;
      }
   }
   return false;
}

static void socket_copied(struct trap_input *in)
{
   local_release((struct socket_input *) in);
}

/* One step of the stream. \return OK: messages, or another step is to be taken (*more); else as of socket_fill() */
static int step_stream(struct socket_input *s, bool *more)
{
   bool damaged = false;
   *more = false;
   if (s->page != NULL && local_in_place(s) ? local_next_block(s, &damaged) : next_block(s, &damaged)) {
      return TRAP_E_OK;
   }
   *more = true;
   if (damaged) {
      disconnect(s);
      return TRAP_E_OK;
   }
   s->in.first = NULL;
   if (s->start > 0) {
      memmove(s->buffer, s->buffer + s->start, s->fill - s->start);
      s->fill -= s->start;
      s->start = 0;
   }
   int rc = s->fill >= s->capacity ? 1 : s->page != NULL ? local_more(s) : more_socket(s);
   if (rc < 0) {
      disconnect(s);
   }
   return rc == 0 ? TRAP_E_TIMEOUT : TRAP_E_OK;
}

static int socket_fill(struct trap_input *in)
{
   struct socket_input *s = (struct socket_input *) in;
   if (s->held > 0) {
      local_release(s);
   }
   for (int i = 0; i < FILL_STEPS; i++) {
      bool more = true;
      int rc;
      switch (s->stage) {
      case IDLE:
      case RESOLVING:
      case CONNECTING: rc = step_connect(s); break;
      case SECURING: rc = step_secure(s); break;
      case HELLO: rc = step_hello(s); break;
      case RESUMING: rc = step_resume(s); break;
      default: rc = step_stream(s, &more); break;
      }
      if (rc != TRAP_E_OK || !more) {
         return rc;
      }
   }
   return wait_for_nothing(s);
}

/* ----------------------------------------------------------------------- life */

static int socket_refuse(struct trap_input *in)
{
   struct socket_input *s = (struct socket_input *) in;
   complain(s, NO_FORMAT, "the sender's format has a field of another type than this program knows");
   in->refused = true;
   s->delivered = false; /* so that the next attempt comes after a pause */
   s->connected_at = now_ms();
   disconnect(s);
   return TRAP_E_OK;
}

static int socket_damaged(struct trap_input *in)
{
   struct socket_input *s = (struct socket_input *) in;
   complain(s, BAD_STREAM, "a message is longer than the buffer that holds it");
   disconnect(s);
   return TRAP_E_OK;
}

static void socket_destroy(struct trap_input *in)
{
   struct socket_input *s = (struct socket_input *) in;
   disconnect(s);
   if (s->ack_page != NULL) {
      munmap(s->ack_page, LOG_CTL_SIZE);
   }
   if (s->addresses != NULL) {
      freeaddrinfo(s->addresses);
   }
   sender_address_free(&s->to);
   free(s->buffer);
   free(s);
}

static void socket_dump(const struct trap_input *in, FILE *file)
{
   const struct socket_input *s = (const struct socket_input *) in;
   fprintf(file, "Dest addr: %s\nDest port: %s\nConnected: %d\nTerminated: %d\nSocket descriptor: %d\n",
           s->to.host != NULL ? s->to.host : s->to.path, s->to.port, s->stage == STREAM,
           (int) atomic_load(&in->ctx->terminated), s->fd);
   fprintf(file, "Socket type: %d\nData pointer: %zu\nData wait size: %zu\n",
           s->to.host != NULL ? AF_INET : AF_UNIX, s->start, s->fill - s->start);
   fprintf(file, "Message header: next number %llu\n", (unsigned long long) s->next_seq);
   fprintf(file, "Extern buffer pointer: %zu\nExtern buffer data size: %zu\n",
           in->first != NULL ? (size_t) (in->pos - in->first) : 0,
           in->first != NULL ? (size_t) (in->end - in->first) : 0);
   fprintf(file, "Timeout: %dus (%s)\n", (int) in->timeout, TRAP_TIMEOUT_STR(in->timeout));
   fprintf(file, "Failed connections: %llu\n", (unsigned long long) s->failures);
}

static const struct input_ops socket_ops = {
    .fill = socket_fill,
    .damaged = socket_damaged,
    .copied = socket_copied,
    .ack = socket_ack,
    .position = socket_position,
    .refuse = socket_refuse,
    .destroy = socket_destroy,
    .dump = socket_dump,
};

int input_socket_create(struct trap_context *ctx, char type, const char *params, struct trap_input **in)
{
   struct socket_input *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   s->fd = s->log.fd = -1;
   s->in.ops = &socket_ops;
   int rc = sender_address_parse(ctx, &s->to, type, params);
   if (rc == TRAP_E_OK && !buffer_reserve(&s->buffer, &s->capacity, BUFFER_SIZE)) {
      rc = ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   s->in.id = s->to.port;
   if (rc != TRAP_E_OK) {
      socket_destroy(&s->in);
      return rc;
   }
   s->in.retry_at = 0;
   *in = &s->in;
   return TRAP_E_OK;
}
