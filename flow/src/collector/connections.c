/* SPDX-License-Identifier: BSD-3-Clause */
#include "connections.h"

#include "parse/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sctp.h>
#include <nemea-common/nc_table.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unirec/ipaddr.h>
#include <unistd.h>

#define PLACES          (FC_MAX_CONNECTIONS + FC_MAX_HANDSHAKES)
#define NS              UINT64_C(1000000000)
#define IPFIX_HEADER    16
#define RECORD          16384 /* bytes that a record of DTLS can have */
#define REPORT_EVERY    60    /* seconds */
#define HANDSHAKE       22    /* type of a record of DTLS */
#define CLIENT_HELLO    1
#define HANDSHAKE_BEGIN 13 /* bytes of a record of DTLS before the handshake message's type */

struct connection {
   bool used, ready, waits_to_write;
   int fd; /* -1: DTLS has no socket of its own */
   struct fc_session *session;
   struct fc_peer peer;
   uint64_t last_data; /* wall clock, nanoseconds; until it is ready: when it began */
   uint8_t *buffer;    /* of a stream that is ready: FC_MAX_MESSAGE bytes */
   size_t filled;
   uint16_t stream; /* of SCTP */
   bool ends;       /* of SCTP: what was received last is the end of a message of the association */
};

struct fc_connections {
   int epoll;
   uint32_t first, sessions;
   const struct fc_secure *secure;
   struct fc_session *listener; /* of DTLS, which waits for an exporter's first datagram; NULL: none yet */
   nc_table_t *by_peer; /* connections over DTLS: struct fc_peer with the socket's number as session */
   unsigned n_ready, n_handshakes;
   uint64_t second; /* in which so many handshakes have begun: */
   unsigned begun;
   uint64_t next_report;
   uint64_t n_refused;
   char refusal[FC_REFUSAL - 64];
   uint8_t record[RECORD];
   struct connection places[PLACES];
};

/* --------------------------------------------------------------------- addresses */

void fc_peer_set(struct fc_peer *peer, const struct sockaddr_storage *from, enum fc_transport transport)
{
   memset(peer, 0, sizeof(*peer));
   peer->transport = (uint16_t) transport;
   if (from->ss_family == AF_INET) {
      const struct sockaddr_in *in = (const struct sockaddr_in *) from;
      ip_addr_t ip = ip_from_4_bytes_be((const char *) &in->sin_addr);
      memcpy(peer->address, &ip, 16);
      peer->port = ntohs(in->sin_port);
   } else if (from->ss_family == AF_INET6) {
      const struct sockaddr_in6 *in = (const struct sockaddr_in6 *) from;
      ip_addr_t ip = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)
                         ? ip_from_4_bytes_be((const char *) &in->sin6_addr + 12)
                         : ip_from_16_bytes_be((const char *) &in->sin6_addr);
      memcpy(peer->address, &ip, 16);
      peer->port = ntohs(in->sin6_port);
   }
}

/* ------------------------------------------------------------------------ places */

struct fc_connections *fc_connections_new(int epoll, uint32_t first, const struct fc_secure *secure)
{
   struct fc_connections *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   c->epoll = epoll;
   c->first = first;
   c->secure = secure;
   c->by_peer = nc_table_new(&(nc_table_config_t){.capacity = PLACES,
                                                  .key_size = sizeof(struct fc_peer),
                                                  .value_size = sizeof(uint32_t),
                                                  .full = NC_TABLE_REFUSE});
   if (c->by_peer == NULL) {
      free(c);
      return NULL;
   }
   return c;
}

static struct fc_peer key_of(const struct fc_peer *peer, uint32_t socket)
{
   struct fc_peer key = *peer;
   key.session = socket;
   return key;
}

/* The number of the socket is kept where a stream has its own, as they never meet. */
static void close_connection(struct fc_connections *c, struct connection *p)
{
   if (p->peer.transport == FC_DTLS) {
      struct fc_peer key = key_of(&p->peer, p->stream);
      nc_table_remove(c->by_peer, &key);
   }
   *(p->ready ? &c->n_ready : &c->n_handshakes) -= 1;
   fc_session_free(p->session);
   free(p->buffer);
   if (p->fd >= 0) {
      close(p->fd);
   }
   *p = (struct connection){.fd = -1};
}

void fc_connections_free(struct fc_connections *c)
{
   for (unsigned i = 0; c != NULL && i < PLACES; i++) {
      if (c->places[i].used) {
         close_connection(c, &c->places[i]);
      }
   }
   if (c != NULL) {
      fc_session_free(c->listener);
      nc_table_free(c->by_peer);
      free(c);
   }
}

/* Makes room for one more connection, or handshake. \return false: none */
static bool make_room(struct fc_connections *c, bool ready, uint64_t now, struct fc_decoder *d)
{
   struct connection *oldest = NULL;
   if (ready ? c->n_ready < FC_MAX_CONNECTIONS : c->n_handshakes < FC_MAX_HANDSHAKES) {
      return true;
   }
   for (unsigned i = 0; i < PLACES; i++) {
      struct connection *p = &c->places[i];
      if (p->used && p->ready == ready && (oldest == NULL || p->last_data < oldest->last_data)) {
         oldest = p;
      }
   }
   fc_add(&fc_decoder_own_counters(d)[FC_DROP_LIMIT], 1);
   if (oldest == NULL ||
       (ready && (now < oldest->last_data || now - oldest->last_data < FC_SILENT_SECONDS * NS))) {
      return false;
   }
   close_connection(c, oldest);
   return true;
}

/* Whether one more handshake may begin in this second. */
static bool may_begin(struct fc_connections *c, uint64_t now, struct fc_decoder *d)
{
   if (now / NS != c->second) {
      c->second = now / NS;
      c->begun = 0;
   }
   if (c->begun == FC_HANDSHAKE_RATE) {
      fc_add(&fc_decoder_own_counters(d)[FC_DROP_LIMIT], 1);
      return false;
   }
   c->begun++;
   return true;
}

/* \return NULL: there is no room */
static struct connection *take_place(struct fc_connections *c, const struct fc_peer *peer, bool ready,
                                     uint64_t now, struct fc_decoder *d)
{
   if ((!ready && !may_begin(c, now, d)) || !make_room(c, ready, now, d)) {
      return NULL;
   }
   for (unsigned i = 0; i < PLACES; i++) {
      struct connection *p = &c->places[i];
      if (!p->used) {
         *p = (struct connection){.used = true, .ready = ready, .fd = -1, .peer = *peer, .last_data = now};
         p->peer.session = ++c->sessions;
         *(ready ? &c->n_ready : &c->n_handshakes) += 1;
         if (ready) {
            fc_add(&fc_decoder_own_counters(d)[FC_CONNECTIONS], 1);
         }
         return p;
      }
   }
   return NULL;
}

static bool watch(struct fc_connections *c, struct connection *p, int operation)
{
   struct epoll_event event = {.events = p->waits_to_write ? EPOLLIN | EPOLLOUT : EPOLLIN,
                               .data.u32 = c->first + (uint32_t) (p - c->places)};
   return epoll_ctl(c->epoll, operation, p->fd, &event) == 0;
}

static bool allowed(struct fc_decoder *d, const struct fc_peer *peer)
{
   bool yes = fc_decoder_allows(d, peer);
   fc_add(&fc_decoder_own_counters(d)[FC_DROP_NOT_ALLOWED], !yes);
   return yes;
}

void fc_connections_accept(struct fc_connections *c, int listener, enum fc_transport transport,
                           struct fc_decoder *d)
{
   struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
   struct fc_peer peer;
   struct timespec t;
   socklen_t length = sizeof(from);
   int fd = accept4(listener, (struct sockaddr *) &from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
   if (fd < 0) {
      return;
   }
   clock_gettime(CLOCK_REALTIME, &t);
   fc_peer_set(&peer, &from, transport);
   bool ready = transport != FC_TLS;
   struct connection *p =
       allowed(d, &peer) ? take_place(c, &peer, ready, (uint64_t) t.tv_sec * NS + (uint64_t) t.tv_nsec, d)
                         : NULL;
   if (p == NULL) {
      close(fd);
      return;
   }
   p->fd = fd;
   if (ready ? (p->buffer = malloc(FC_MAX_MESSAGE)) == NULL
             : (p->session = fc_session_tls(c->secure, fd)) == NULL) {
      close_connection(c, p);
   } else if (!watch(c, p, EPOLL_CTL_ADD)) {
      close_connection(c, p);
   }
}

/* -------------------------------------------------------------------- handshakes */

static void refuse(struct fc_connections *c, struct connection *p, enum fc_counter counter, const char *why,
                   struct fc_decoder *d)
{
   char address[INET6_ADDRSTRLEN];
   ip_to_str((const ip_addr_t *) p->peer.address, address);
   snprintf(c->refusal, sizeof(c->refusal), "%s connection of %s port %u was refused: %.150s",
            p->peer.transport == FC_TLS ? "TLS" : "DTLS", address, p->peer.port, why);
   c->n_refused++;
   fc_add(&fc_decoder_own_counters(d)[counter], 1);
   close_connection(c, p);
}

bool fc_connections_refused(struct fc_connections *c, uint64_t now, char text[FC_REFUSAL])
{
   if (c->n_refused == 0 || now < c->next_report) {
      return false;
   }
   if (c->n_refused == 1) {
      snprintf(text, FC_REFUSAL, "%s", c->refusal);
   } else {
      snprintf(text, FC_REFUSAL, "%s (the last of %" PRIu64 ")", c->refusal, c->n_refused);
   }
   c->n_refused = 0;
   c->next_report = now + REPORT_EVERY * NS;
   return true;
}

/* The exporter has shown its certificate: it becomes one of the connections. \return false: there is no room, it is closed */
static bool admit(struct fc_connections *c, struct connection *p, uint64_t now, struct fc_decoder *d)
{
   if (!make_room(c, true, now, d) ||
       (p->peer.transport != FC_DTLS && (p->buffer = malloc(FC_MAX_MESSAGE)) == NULL)) {
      close_connection(c, p);
      return false;
   }
   p->ready = true;
   p->last_data = now;
   c->n_handshakes--;
   c->n_ready++;
   fc_add(&fc_decoder_own_counters(d)[FC_CONNECTIONS], 1);
   return true;
}

/* \return false: it is not ready yet, or closed */
static bool go_on(struct fc_connections *c, struct connection *p, uint64_t now, struct fc_decoder *d)
{
   char why[FC_WHY];
   enum fc_step step = fc_session_handshake(p->session, why);
   if (step == FC_STEP_BAD_CERTIFICATE || step == FC_STEP_FAILED) {
      refuse(c, p, step == FC_STEP_FAILED ? FC_DROP_HANDSHAKE : FC_DROP_CERTIFICATE, why, d);
      return false;
   }
   if (p->fd >= 0 && p->waits_to_write != (step == FC_STEP_WAIT_WRITE)) {
      p->waits_to_write = !p->waits_to_write;
      (void) watch(c, p, EPOLL_CTL_MOD);
   }
   return step == FC_STEP_READY && admit(c, p, now, d);
}

void fc_connections_timers(struct fc_connections *c, uint64_t now, struct fc_decoder *d)
{
   for (unsigned i = 0; i < PLACES && c->n_handshakes > 0; i++) {
      struct connection *p = &c->places[i];
      if (!p->used || p->ready) {
         continue;
      }
      if (now >= p->last_data && now - p->last_data > FC_HANDSHAKE_SECONDS * NS) {
         refuse(c, p, FC_DROP_TIMEOUT, "no handshake in time", d);
      } else if (p->peer.transport == FC_DTLS && !fc_session_resend(p->session)) {
         refuse(c, p, FC_DROP_TIMEOUT, "it does not answer", d);
      }
   }
}

/* ----------------------------------------------------------------------- streams */

static ssize_t receive_sctp(struct connection *p, void *room, size_t size)
{
   _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct sctp_rcvinfo))];
   struct iovec vector = {room, size};
   struct msghdr h = {
       .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
   ssize_t n = recvmsg(p->fd, &h, MSG_CMSG_CLOEXEC);
   p->ends = n > 0 && (h.msg_flags & MSG_EOR) != 0;
   for (struct cmsghdr *m = n > 0 ? CMSG_FIRSTHDR(&h) : NULL; m != NULL; m = CMSG_NXTHDR(&h, m)) {
      if (m->cmsg_level == IPPROTO_SCTP && m->cmsg_type == SCTP_RCVINFO) {
         struct sctp_rcvinfo info;
         memcpy(&info, CMSG_DATA(m), sizeof(info));
         p->stream = info.rcv_sid;
      }
   }
   return n;
}

static ssize_t receive(struct connection *p, void *room, size_t size)
{
   return p->session != NULL             ? fc_session_receive(p->session, room, size)
          : p->peer.transport == FC_SCTP ? receive_sctp(p, room, size)
                                         : recv(p->fd, room, size, 0);
}

/* Decodes the messages in the buffer. \return false: what follows is no message */
static bool read_messages(struct connection *p, uint64_t now, struct fc_decoder *d)
{
   size_t at = 0;
   while (p->filled - at >= IPFIX_HEADER) {
      size_t length = load_be16(p->buffer + at + 2);
      if (load_be16(p->buffer + at) != 10 || length < IPFIX_HEADER) {
         return false;
      }
      if (length > p->filled - at) {
         break;
      }
      fc_decode_stream(d, &p->peer, p->stream, p->buffer + at, length, now);
      at += length;
   }
   memmove(p->buffer, p->buffer + at, p->filled - at);
   p->filled -= at;
   /* Over SCTP a message of the association holds whole messages of IPFIX: what comes next is not their rest. */
   return p->peer.transport != FC_SCTP || !p->ends || p->filled == 0;
}

/* A stream of IPFIX messages; what is no message ends the connection, for the next one could not be found. */
static void receive_stream(struct fc_connections *c, struct connection *p, uint64_t now, struct fc_decoder *d)
{
   do {
      ssize_t n = receive(p, p->buffer + p->filled, FC_MAX_MESSAGE - p->filled);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
         return;
      }
      p->last_data = now;
      p->filled += n > 0 ? (size_t) n : 0;
      bool good = n <= 0 || read_messages(p, now, d);
      if (n <= 0 || !good) {
         bool cut = n == 0 && p->filled > 0; /* ended in the middle of a message */
         fc_add(&fc_decoder_own_counters(d)[FC_DROP_MALFORMED], cut || !good);
         close_connection(c, p);
         return;
      }
   } while (p->session != NULL && fc_session_pending(p->session));
}

void fc_connections_serve(struct fc_connections *c, uint32_t n, struct fc_decoder *d)
{
   struct connection *p = &c->places[n];
   struct timespec t;
   clock_gettime(CLOCK_REALTIME, &t);
   uint64_t now = (uint64_t) t.tv_sec * NS + (uint64_t) t.tv_nsec;
   if (p->used && p->fd >= 0 && (p->ready || go_on(c, p, now, d))) {
      receive_stream(c, p, now, d);
   }
}

/* -------------------------------------------------------------------------- DTLS */

/* The first record is one that is not encrypted yet and begins a handshake. */
static bool is_hello(const uint8_t *p, size_t size)
{
   return size > HANDSHAKE_BEGIN && p[0] == HANDSHAKE && load_be16(p + 3) == 0 &&
          p[HANDSHAKE_BEGIN] == CLIENT_HELLO;
}

/* What came over a connection that is ready: each record of DTLS is a message. */
static void receive_messages(struct fc_connections *c, struct connection *p, uint64_t now,
                             struct fc_decoder *d)
{
   ssize_t n;
   while ((n = fc_session_receive(p->session, c->record, sizeof(c->record))) > 0) {
      p->last_data = now;
      fc_decode(d, &p->peer, c->record, (size_t) n, now);
   }
   if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
      close_connection(c, p);
   }
}

/* A connection for who sent back the cookie. One that it had before ends: it has begun anew. \return NULL: no room */
static struct connection *add_dtls(struct fc_connections *c, const struct fc_peer *peer,
                                   const struct fc_peer *key, uint64_t now, struct fc_decoder *d)
{
   uint32_t *number = nc_table_find(c->by_peer, key);
   if (number != NULL) {
      close_connection(c, &c->places[*number]);
   }
   struct connection *p = take_place(c, peer, false, now, d);
   if (p == NULL) {
      fc_session_free(c->listener); /* it is the exporter's already */
      c->listener = NULL;
      return NULL;
   }
   p->stream = (uint16_t) key->session;
   p->session = c->listener;
   c->listener = NULL;
   number = nc_table_upsert(c->by_peer, key, NULL);
   if (number == NULL) {
      close_connection(c, p);
      return NULL;
   }
   *number = (uint32_t) (p - c->places);
   return p;
}

void fc_connections_datagram(struct fc_connections *c, int fd, uint32_t socket,
                             const struct sockaddr_storage *from, const uint8_t *datagram, size_t size,
                             uint64_t now, struct fc_decoder *d)
{
   struct fc_peer peer;
   fc_peer_set(&peer, from, FC_DTLS);
   struct fc_peer key = key_of(&peer, socket);
   const uint32_t *number = nc_table_find(c->by_peer, &key);
   struct connection *p = number != NULL ? &c->places[*number] : NULL;
   if (p == NULL || (p->ready && is_hello(datagram, size))) {
      if (!is_hello(datagram, size)) {
         fc_add(&fc_decoder_own_counters(d)[FC_DROP_NO_SESSION], 1);
         return;
      }
      if (!allowed(d, &peer) || (c->listener == NULL && (c->listener = fc_session_dtls(c->secure)) == NULL)) {
         return;
      }
      fc_session_datagram(c->listener, fd, from, datagram, size);
      p = fc_session_listen(c->listener) ? add_dtls(c, &peer, &key, now, d) : NULL;
      if (p == NULL) {
         return;
      }
   } else {
      fc_session_datagram(p->session, fd, from, datagram, size);
   }
   if (p->ready || go_on(c, p, now, d)) {
      receive_messages(c, p, now, d);
   }
}
