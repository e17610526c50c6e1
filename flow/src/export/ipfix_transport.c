/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfix_transport.h"

#include "ipfix_connect.h"
#include "ipfix_lz4.h"
#include "tcp_peer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_WAIT_MS 6000 /* for the first connection: a capture may be read before it is there */
#define POLL_MS       50

struct ipfix_transport {
   const struct flow_sink_config *config;
   struct ipfix_attempt *attempt;
   int fd; /* -1: not connected */
   uint32_t session;
   uint64_t last_attempt; /* nanoseconds; 0: none yet */
   bool reported;         /* whether the missing connection was reported */
   /* TCP: accepted bytes that wait for the collector. No more are accepted until they are sent. */
   uint8_t *out;
   size_t out_used, out_at;
   uint32_t out_records;
   /* LZ4: messages that wait to be compressed together; what comes of them has its room in out. */
   struct ipfix_lz4 *lz4;
   uint8_t *gathered;
   size_t gathered_size, gathered_used;
   uint32_t gathered_records;
   uint64_t gathered_since;
   struct tcp_peer peer;
   bool finished;
   unsigned end_waited_ms; /* since a signal asked for the end */
   uint64_t lost, all_lost;
};

static const char *protocol(const struct ipfix_transport *t)
{
   return t->config->udp ? "UDP" : "TCP";
}

void ipfix_transport_lose(struct ipfix_transport *t, uint64_t records)
{
   t->lost += records;
   t->all_lost += records;
}

/* ------------------------------------------------------------------ connection */

static void connected(struct ipfix_transport *t, int fd)
{
   const struct flow_sink_config *c = t->config;
   t->fd = fd;
   t->peer = (struct tcp_peer){0};
   t->session += t->session == UINT32_MAX ? 2 : 1;
   t->out_at = t->out_records = 0;
   t->out_used = t->lz4 != NULL ? ipfix_lz4_begin(t->lz4, t->out) : 0;
   if (t->reported) {
      nm_warn(c->module, "IPFIX collector %s:%s (%s): connected; %" PRIu64 " records were lost before",
              c->host, c->port, protocol(t), t->all_lost);
   }
   t->reported = false;
}

static void not_connected(struct ipfix_transport *t, const char *what, const char *why)
{
   const struct flow_sink_config *c = t->config;
   if (!t->reported) {
      nm_warn(c->module,
              "IPFIX collector %s:%s (%s): %s: %s; retrying every %u s, flows are dropped meanwhile", c->host,
              c->port, protocol(t), what, why, c->reconnect);
   }
   t->reported = true;
}

static void lose(struct ipfix_transport *t, const char *why)
{
   close(t->fd);
   t->fd = -1;
   ipfix_transport_lose(t, (uint64_t) t->out_records + t->gathered_records);
   t->out_used = t->out_at = t->out_records = 0;
   t->gathered_used = t->gathered_records = 0;
   if (!nm_stopping(t->config->module)) {
      not_connected(t, "connection lost", why);
   }
}

static void begin_attempt(struct ipfix_transport *t)
{
   t->last_attempt = sink_clock(CLOCK_MONOTONIC);
   t->attempt = ipfix_attempt_begin(t->config->host, t->config->port, t->config->udp);
   if (t->attempt == NULL) {
      not_connected(t, "cannot connect", "out of memory");
   }
}

static void end_attempt(struct ipfix_transport *t)
{
   char error[ATTEMPT_ERROR];
   int fd = ipfix_attempt_socket(t->attempt, error);
   ipfix_attempt_leave(t->attempt);
   t->attempt = NULL;
   if (fd >= 0) {
      connected(t, fd);
   } else {
      not_connected(t, "cannot connect", error);
   }
}

/* A collector that closes its end wants no more messages (RFC 7011, 10.4.4). What it says is of no interest. */
static bool is_closed(struct ipfix_transport *t)
{
   uint8_t said[256];
   ssize_t n = 1;
   while (n > 0) {
      n = recv(t->fd, said, sizeof(said), MSG_DONTWAIT);
   }
   return n == 0 || (errno != EAGAIN && errno != EINTR);
}

uint32_t ipfix_transport_session(struct ipfix_transport *t)
{
   if (t->fd >= 0) {
      return t->session;
   }
   if (t->attempt != NULL) {
      if (ipfix_attempt_ended(t->attempt, 0)) {
         end_attempt(t);
      }
   } else if (!nm_stopping(t->config->module) &&
              sink_clock(CLOCK_MONOTONIC) - t->last_attempt >= t->config->reconnect * NS) {
      begin_attempt(t);
   }
   return t->fd >= 0 ? t->session : 0;
}

/* ------------------------------------------------------------------------- TCP */

/* Its machine or the path to it is down: nothing is acknowledged. */
static bool is_dead(struct ipfix_transport *t)
{
   if (!tcp_peer_is_dead(&t->peer, t->fd, sink_clock(CLOCK_MONOTONIC), TCP_PEER_TIMEOUT)) {
      return false;
   }
   lose(t, "nothing acknowledged for 60 s");
   return true;
}

/* Sends what waits, and waits for a collector that does not read: not after wait is over (milliseconds; -1: until the program shall
 * end). \return true: nothing waits any more */
static bool drain(struct ipfix_transport *t, int wait)
{
   while (t->fd >= 0 && t->out_at < t->out_used) {
      ssize_t n = send(t->fd, t->out + t->out_at, t->out_used - t->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n >= 0) {
         t->out_at += (size_t) n;
      } else if (errno != EAGAIN && errno != EINTR) {
         lose(t, strerror(errno));
         return false;
      } else if (errno == EAGAIN) {
         if (wait == 0 || (nm_stopping(t->config->module) && t->end_waited_ms >= SINK_GIVE_UP_MS)) {
            return false;
         }
         if (is_dead(t)) {
            return false;
         }
         struct pollfd p = {.fd = t->fd, .events = POLLOUT};
         if (poll(&p, 1, POLL_MS) == 0) {
            wait -= wait > 0 ? (wait < POLL_MS ? wait : POLL_MS) : 0;
            t->end_waited_ms += nm_stopping(t->config->module) ? POLL_MS : 0;
         }
      }
   }
   if (t->fd >= 0) {
      t->out_used = t->out_at = t->out_records = 0;
   }
   return t->fd >= 0;
}

/* Sends what is in out. \return false: the connection is lost */
static bool send_out(struct ipfix_transport *t)
{
   bool wait = !t->config->never_wait;
   if (!drain(t, wait ? -1 : 0) && wait && t->fd >= 0) {
      lose(t, "the collector does not read");
   }
   return t->fd >= 0;
}

/* Sends what was gathered. \return false: it does not fit yet, or the connection is lost */
static bool compress(struct ipfix_transport *t)
{
   if (!drain(t, t->config->never_wait ? 0 : -1)) {
      return false;
   }
   t->out_used = ipfix_lz4_block(t->lz4, t->out, t->gathered, t->gathered_used);
   if (t->out_used == 0) {
      lose(t, "LZ4 compression failed");
      return false;
   }
   t->out_records = t->gathered_records;
   t->gathered_used = t->gathered_records = 0;
   return send_out(t);
}

static bool gather(struct ipfix_transport *t, const uint8_t *message, size_t size, uint32_t records)
{
   if (t->gathered_used > 0 && t->gathered_used + size > t->config->lz4_buffer && !compress(t)) {
      return false;
   }
   if (t->gathered_used == 0) {
      t->gathered_since = sink_clock(CLOCK_MONOTONIC);
   }
   memcpy(t->gathered + t->gathered_used, message, size);
   t->gathered_used += size;
   t->gathered_records += records;
   return true;
}

static bool send_tcp(struct ipfix_transport *t, const uint8_t *message, size_t size, uint32_t records)
{
   if (is_closed(t)) {
      lose(t, "closed by the collector");
      return false;
   }
   if (t->lz4 != NULL) {
      return gather(t, message, size, records);
   }
   if (t->out_used > 0 && !drain(t, 0)) {
      return false; /* the message that was begun comes first */
   }
   memcpy(t->out, message, size);
   t->out_used = size;
   t->out_records = records;
   send_out(t); /* records lost with the connection are counted there */
   return true;
}

/* ------------------------------------------------------------------------- UDP */

static bool send_udp(struct ipfix_transport *t, const uint8_t *message, size_t size)
{
   for (unsigned i = 0; i < 3; i++) {
      ssize_t n = send(t->fd, message, size, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n >= 0) {
         return true;
      }
      if (errno == EAGAIN && !sink_wait(t->config->module, t->fd)) {
         return false;
      }
      /* The collector's host may report a closed port; the error belongs to an earlier datagram. */
      if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED) {
         return false;
      }
   }
   return false;
}

/* ------------------------------------------------------------------------ both */

bool ipfix_transport_send(struct ipfix_transport *t, const uint8_t *message, size_t size, uint32_t records)
{
   bool sent =
       t->fd >= 0 && (t->config->udp ? send_udp(t, message, size) : send_tcp(t, message, size, records));
   if (!sent) {
      ipfix_transport_lose(t, records);
   }
   return sent;
}

void ipfix_transport_flush(struct ipfix_transport *t, uint64_t now)
{
   if (t->fd >= 0 && !t->config->udp && is_closed(t)) {
      lose(t, "closed by the collector");
   }
   if (t->fd >= 0 && !t->config->udp) {
      is_dead(t);
   }
   if (t->out_used > 0) {
      /* Even who never waits does so for a moment at the end, or half of a message would be all that remains of it. */
      drain(t, now == 0 ? SINK_GIVE_UP_MS : 0);
   }
   if (t->gathered_used > 0 && (now == 0 || now >= t->gathered_since + SINK_FLUSH_SECONDS * NS)) {
      compress(t);
   }
   ipfix_transport_session(t);
}

uint64_t ipfix_transport_lost(struct ipfix_transport *t)
{
   uint64_t n = t->lost;
   t->lost = 0;
   return n;
}

/* ----------------------------------------------------------------- open, close */

/* \return false: no memory */
static bool reserve(struct ipfix_transport *t)
{
   size_t room = IPFIX_MAX_MESSAGE;
   if (t->config->lz4) {
      t->gathered_size = t->config->lz4_buffer > room ? t->config->lz4_buffer : room;
      t->lz4 = ipfix_lz4_new(t->gathered_size);
      t->gathered = malloc(t->gathered_size);
      room = t->lz4 != NULL ? ipfix_lz4_room(t->lz4) : 0;
   }
   t->out = malloc(room);
   return t->out != NULL && (!t->config->lz4 || (t->lz4 != NULL && t->gathered != NULL));
}

struct ipfix_transport *ipfix_transport_new(const struct flow_sink_config *config)
{
   struct ipfix_transport *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return NULL;
   }
   t->config = config;
   t->fd = -1;
   if (!reserve(t)) {
      ipfix_transport_free(t);
      return NULL;
   }
   begin_attempt(t);
   for (unsigned ms = 0; t->attempt != NULL && ms < FIRST_WAIT_MS && !nm_stopping(config->module);
        ms += POLL_MS) {
      if (ipfix_attempt_ended(t->attempt, POLL_MS)) {
         end_attempt(t);
      }
   }
   if (t->attempt != NULL) {
      not_connected(t, "cannot connect", "no answer yet");
   }
   return t;
}

static void end_stream(struct ipfix_transport *t)
{
   bool empty = drain(t, SINK_GIVE_UP_MS);
   if (empty && t->gathered_used > 0) {
      compress(t);
      empty = drain(t, SINK_GIVE_UP_MS);
   }
   if (empty && t->lz4 != NULL) {
      t->out_used = ipfix_lz4_end(t->lz4, t->out);
      empty = drain(t, SINK_GIVE_UP_MS);
   }
   if (!empty) {
      ipfix_transport_lose(t, (uint64_t) t->out_records + t->gathered_records);
   }
}

#define NOT_DELIVERED "IPFIX collector %s:%s (%s): %" PRIu64 " records were lost"

int ipfix_transport_finish(struct ipfix_transport *t)
{
   const struct flow_sink_config *c = t->config;
   if (t->finished) {
      return NM_OK;
   }
   t->finished = true;
   if (t->fd >= 0) {
      end_stream(t);
   }
   if (t->all_lost == 0) {
      return NM_OK;
   }
   if (c->whole && !c->never_wait && !nm_stopping(c->module)) {
      return nm_fail(c->module, NOT_DELIVERED, c->host, c->port, protocol(t), t->all_lost);
   }
   nm_warn(c->module, NOT_DELIVERED, c->host, c->port, protocol(t), t->all_lost);
   return NM_OK;
}

void ipfix_transport_free(struct ipfix_transport *t)
{
   if (t == NULL) {
      return;
   }
   ipfix_attempt_leave(t->attempt);
   if (t->fd >= 0) {
      close(t->fd);
   }
   ipfix_lz4_free(t->lz4);
   free(t->gathered);
   free(t->out);
   free(t);
}
