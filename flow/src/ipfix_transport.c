/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfix_transport.h"

#include "ipfix_connect.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_WAIT_MS 6000 /* for the first connection: a capture may be read before it is there */
#define LOOK_MS       50

struct ipfix_transport {
   const struct flow_sink_config *config;
   struct ipfix_attempt *attempt;
   int fd; /* -1: not connected */
   uint32_t session;
   uint64_t last_attempt; /* nanoseconds; 0: none yet */
   bool told;             /* that there is no connection */
   /* TCP: what was accepted and waits for the collector. Never more than one message: the next is taken when it is gone. */
   uint8_t *out;
   size_t out_size, out_used, out_at;
   uint32_t out_records;
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
   t->session += t->session == UINT32_MAX ? 2 : 1;
   t->out_used = t->out_at = t->out_records = 0;
   if (t->told) {
      nm_warn(c->module, "IPFIX collector %s:%s (%s) is connected; %" PRIu64 " records were lost until now",
              c->host, c->port, protocol(t), t->all_lost);
   }
   t->told = false;
}

static void not_connected(struct ipfix_transport *t, const char *what, const char *why)
{
   const struct flow_sink_config *c = t->config;
   if (!t->told) {
      nm_warn(
          c->module,
          "IPFIX collector %s:%s (%s) %s: %s; it is tried again every %u seconds, flows are dropped until "
          "then",
          c->host, c->port, protocol(t), what, why, c->reconnect);
   }
   t->told = true;
}

static void lose(struct ipfix_transport *t, const char *why)
{
   close(t->fd);
   t->fd = -1;
   ipfix_transport_lose(t, t->out_records);
   t->out_used = t->out_at = t->out_records = 0;
   if (!nm_stopping(t->config->module)) {
      not_connected(t, "is lost", why);
   }
}

static void begin_attempt(struct ipfix_transport *t)
{
   t->last_attempt = sink_clock(CLOCK_MONOTONIC);
   t->attempt = ipfix_attempt_begin(t->config->host, t->config->port, t->config->udp);
   if (t->attempt == NULL) {
      not_connected(t, "cannot be reached", "out of memory");
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
      not_connected(t, "cannot be reached", error);
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
         struct pollfd p = {.fd = t->fd, .events = POLLOUT};
         if (poll(&p, 1, LOOK_MS) == 0) {
            wait -= wait > 0 ? (wait < LOOK_MS ? wait : LOOK_MS) : 0;
            t->end_waited_ms += nm_stopping(t->config->module) ? LOOK_MS : 0;
         }
      }
   }
   if (t->fd >= 0) {
      t->out_used = t->out_at = t->out_records = 0;
   }
   return t->fd >= 0;
}

static bool send_tcp(struct ipfix_transport *t, const uint8_t *message, size_t size, uint32_t records)
{
   bool wait = !t->config->never_wait;
   if (is_closed(t)) {
      lose(t, "it has closed the connection");
      return false;
   }
   if (t->out_used > 0 && !drain(t, 0)) {
      return false; /* what was begun comes first */
   }
   memcpy(t->out, message, size);
   t->out_used = size;
   t->out_records = records;
   if (!drain(t, wait ? -1 : 0) && wait && t->fd >= 0) {
      lose(t, "it reads no more");
   }
   /* What is lost with the connection has been counted there. */
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
      /* A collector's host may say that nobody listens: this is told about an earlier datagram. */
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
      lose(t, "it has closed the connection");
   }
   if (t->out_used > 0) {
      /* Even who never waits does so for a moment at the end, or half of a message would be all that remains of it. */
      drain(t, now == 0 ? SINK_GIVE_UP_MS : 0);
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

struct ipfix_transport *ipfix_transport_new(const struct flow_sink_config *config)
{
   struct ipfix_transport *t = calloc(1, sizeof(*t));
   if (t == NULL || (t->out = malloc(IPFIX_MAX_MESSAGE)) == NULL) {
      free(t);
      return NULL;
   }
   t->config = config;
   t->fd = -1;
   t->out_size = IPFIX_MAX_MESSAGE;
   begin_attempt(t);
   for (unsigned ms = 0; t->attempt != NULL && ms < FIRST_WAIT_MS && !nm_stopping(config->module);
        ms += LOOK_MS) {
      if (ipfix_attempt_ended(t->attempt, LOOK_MS)) {
         end_attempt(t);
      }
   }
   if (t->attempt != NULL) {
      not_connected(t, "cannot be reached", "no answer yet");
   }
   return t;
}

void ipfix_transport_free(struct ipfix_transport *t)
{
   if (t == NULL) {
      return;
   }
   if (t->fd >= 0 && t->out_used > 0 && !drain(t, SINK_GIVE_UP_MS)) {
      ipfix_transport_lose(t, t->out_records);
   }
   if (t->all_lost > 0) {
      nm_warn(t->config->module, "IPFIX collector %s:%s (%s) did not get %" PRIu64 " records",
              t->config->host, t->config->port, protocol(t), t->all_lost);
   }
   ipfix_attempt_leave(t->attempt);
   if (t->fd >= 0) {
      close(t->fd);
   }
   free(t->out);
   free(t);
}
