/* SPDX-License-Identifier: BSD-3-Clause */
#include "receive.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/sctp.h>
#include <linux/sock_diag.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH   64
#define STRIDE  (65536 + 17 * 64) /* of buffers: their beginnings do not share sets of the processor's cache */
#define CONTROL 64
#define EVENTS  32
_Static_assert(BATCH <= FC_FORWARD_BATCH, "what is received at once is passed on at once");
#define TIMERS UINT64_C(200000000) /* nanoseconds between looks at what is due */

struct place { /* a socket */
   int fd;
   enum fc_transport transport;
   uint32_t dropped; /* by the kernel, as last told */
};

struct fc_receiver {
   int epoll;
   struct place sockets[FC_MAX_SOCKETS];
   unsigned n_sockets;
   struct fc_connections *connections;
   uint64_t next_timers;
   struct fc_forward *forward; /* NULL: nothing is passed on */
   uint8_t *memory;            /* of BATCH datagrams */
   struct mmsghdr headers[BATCH];
   struct iovec vectors[BATCH];
   struct sockaddr_storage from[BATCH];
   _Alignas(struct cmsghdr) char control[BATCH][CONTROL];
};

/* --------------------------------------------------------------------- addresses */

bool fc_address_parse(struct fc_address *a, const char *text, enum fc_transport transport,
                      char error[FC_ERROR])
{
   const char *host = text, *end = NULL, *port = text;
   memset(a, 0, sizeof(*a));
   a->transport = transport;
   if (*text == '[') {
      host++;
      end = strchr(text, ']');
      port = end != NULL && end[1] == ':' ? end + 2 : "";
   } else if ((end = strrchr(text, ':')) != NULL) {
      port = end + 1;
   }
   char *stop = NULL;
   unsigned long number = strtoul(port, &stop, 10);
   size_t length = end != NULL ? (size_t) (end - host) : 0;
   if (*port < '0' || *port > '9' || *stop != 0 || number > 65535 || length >= sizeof(a->host)) {
      snprintf(error, FC_ERROR, "\"%s\" (expected PORT, HOST:PORT or [ADDRESS]:PORT)", text);
      return false;
   }
   memcpy(a->host, host, length);
   snprintf(a->port, sizeof(a->port), "%lu", number);
   return true;
}

/* ----------------------------------------------------------------------- opening */

static bool is_datagram(enum fc_transport t)
{
   return t == FC_UDP || t == FC_DTLS;
}

static bool watch(struct fc_receiver *r, struct place *p)
{
   struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t) (p - r->sockets)};
   return epoll_ctl(r->epoll, EPOLL_CTL_ADD, p->fd, &event) == 0;
}

/* Drops what comes, until fc_receiver_begin(). While a group of sockets on one port grows, the kernel gives an exporter now to one and
 * now to another of them: the template of an exporter would be with one worker, its records with the next. */
static bool hold_back(int fd)
{
   struct sock_filter drop = {BPF_RET | BPF_K, 0, 0, 0};
   struct sock_fprog program = {1, &drop};
   return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

void fc_receiver_begin(struct fc_receiver *r)
{
   int none = 0;
   for (unsigned i = 0; i < r->n_sockets; i++) {
      setsockopt(r->sockets[i].fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
   }
}

static bool set_up(int fd, const struct addrinfo *ai, const struct fc_address *a, bool shared,
                   uint32_t buffer, uint32_t *granted)
{
   int on = 1, off = 0, size = (int) buffer;
   socklen_t length = sizeof(size);
   if (ai->ai_family == AF_INET6) {
      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, a->host[0] == 0 ? &off : &on, sizeof(int));
   }
   if (shared && (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0 ||
                  (is_datagram(a->transport) && !hold_back(fd)))) {
      return false;
   }
   if (a->transport == FC_SCTP) { /* with each message the number of its stream */
      setsockopt(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof(on));
   }
   if (!is_datagram(a->transport)) {
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
      return bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 64) == 0;
   }
   setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
   if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0) {
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* what an ordinary user may have */
   }
   if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &length) == 0 && (uint32_t) size / 2 < *granted) {
      *granted = (uint32_t) size / 2; /* the kernel doubles it, for its own needs */
   }
   return bind(fd, ai->ai_addr, ai->ai_addrlen) == 0;
}

/* Opens one socket. Without a host: of both IP versions, or of IPv4 where there is no IPv6. */
static bool open_socket(struct fc_receiver *r, const struct fc_address *a, bool shared, uint32_t buffer,
                        uint32_t *granted, char error[FC_ERROR])
{
   struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                            .ai_socktype = is_datagram(a->transport) ? SOCK_DGRAM : SOCK_STREAM};
   struct addrinfo *list = NULL;
   static const char *const kinds[] = {
       [FC_UDP] = "UDP", [FC_TCP] = "TCP", [FC_TLS] = "TLS", [FC_DTLS] = "DTLS", [FC_SCTP] = "SCTP"};
   const char *where = a->host[0] != 0 ? a->host : "*";
   int rc = EAI_FAMILY, reason = 0;
   for (int try = 0; try < 2 && rc != 0; try++) {
      hints.ai_family = a->host[0] != 0 ? AF_UNSPEC : try == 0 ? AF_INET6 : AF_INET;
      rc = getaddrinfo(a->host[0] != 0 ? a->host : NULL, a->port, &hints, &list);
      struct place *p = &r->sockets[r->n_sockets];
      *p = (struct place){.fd = rc == 0 ? socket(list->ai_family,
                                                 list->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                                 a->transport == FC_SCTP ? IPPROTO_SCTP : 0)
                                        : -1,
                          .transport = a->transport};
      if (rc == 0 && p->fd >= 0 && set_up(p->fd, list, a, shared, buffer, granted) && watch(r, p)) {
         r->n_sockets++;
         freeaddrinfo(list);
         return true;
      }
      reason = errno;
      if (rc == 0) {
         rc = reason == EAFNOSUPPORT || reason == EADDRNOTAVAIL ? EAI_FAMILY : EAI_SYSTEM;
         freeaddrinfo(list);
         list = NULL;
      }
      if (p->fd >= 0) {
         close(p->fd);
      }
      if (reason == EADDRINUSE) {
         break;
      }
   }
   snprintf(error, FC_ERROR, "cannot listen on %s port %s of %s: %s", kinds[a->transport], a->port, where,
            a->transport == FC_SCTP && (reason == EPROTONOSUPPORT || reason == ESOCKTNOSUPPORT)
                ? "this kernel has no SCTP (module sctp)"
            : reason != 0 ? strerror(reason)
                          : gai_strerror(rc));
   return false;
}

struct fc_receiver *fc_receiver_new(const struct fc_address *addresses, unsigned n, bool shared,
                                    uint32_t buffer, const struct fc_secure *secure, uint32_t *granted,
                                    char error[FC_ERROR])
{
   struct fc_receiver *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      snprintf(error, FC_ERROR, "out of memory");
      return NULL;
   }
   r->epoll = epoll_create1(EPOLL_CLOEXEC);
   r->memory = malloc((size_t) BATCH * STRIDE);
   r->connections = fc_connections_new(r->epoll, FC_MAX_SOCKETS, secure);
   if (r->epoll < 0 || r->memory == NULL || r->connections == NULL) {
      snprintf(error, FC_ERROR, "%s", r->epoll < 0 ? strerror(errno) : "out of memory");
      fc_receiver_free(r);
      return NULL;
   }
   for (unsigned i = 0; i < n; i++) {
      if (!open_socket(r, &addresses[i], shared, buffer, granted, error)) {
         fc_receiver_free(r);
         return NULL;
      }
   }
   return r;
}

bool fc_receiver_forward(struct fc_receiver *r, struct fc_forward *forward, char error[FC_ERROR])
{
   for (unsigned i = 0; i < r->n_sockets; i++) {
      struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
      socklen_t length = sizeof(own);
      if (r->sockets[i].transport == FC_UDP &&
          getsockname(r->sockets[i].fd, (struct sockaddr *) &own, &length) == 0 &&
          !fc_forward_check(forward, &own, error)) {
         return false;
      }
   }
   r->forward = forward;
   return true;
}

void fc_receiver_free(struct fc_receiver *r)
{
   fc_connections_free(r->connections); /* which still use the sockets of DTLS */
   for (unsigned i = 0; i < r->n_sockets; i++) {
      close(r->sockets[i].fd);
   }
   if (r->epoll >= 0) {
      close(r->epoll);
   }
   free(r->memory);
   free(r);
}

/* --------------------------------------------------------------------- receiving */

static uint64_t wall_clock(void)
{
   struct timespec t;
   clock_gettime(CLOCK_REALTIME, &t);
   return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

static void add_drops(struct place *p, uint32_t total, uint64_t *counters)
{
   fc_add(&counters[FC_DROP_KERNEL], (uint32_t) (total - p->dropped));
   p->dropped = total;
}

void fc_receiver_drops(struct fc_receiver *r, struct fc_decoder *d)
{
   for (unsigned i = 0; i < r->n_sockets; i++) {
      uint32_t info[SK_MEMINFO_VARS];
      socklen_t length = sizeof(info);
      if (is_datagram(r->sockets[i].transport) &&
          getsockopt(r->sockets[i].fd, SOL_SOCKET, SO_MEMINFO, info, &length) == 0 &&
          length > SK_MEMINFO_DROPS * sizeof(info[0])) {
         add_drops(&r->sockets[i], info[SK_MEMINFO_DROPS], fc_decoder_own_counters(d));
      }
   }
}

/* The kernel tells with each datagram how many it has dropped since the socket was opened. */
static void count_drops(struct place *p, struct msghdr *h, uint64_t *counters)
{
   for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
         uint32_t total;
         memcpy(&total, CMSG_DATA(c), sizeof(total));
         if ((int32_t) (total - p->dropped) > 0) { /* it is of the time when the datagram came */
            add_drops(p, total, counters);
         }
      }
   }
}

static void receive_datagrams(struct fc_receiver *r, struct place *p, struct fc_decoder *d)
{
   for (unsigned i = 0; i < BATCH; i++) {
      r->vectors[i] = (struct iovec){r->memory + (size_t) i * STRIDE, 65536};
      r->headers[i].msg_hdr = (struct msghdr){.msg_name = &r->from[i],
                                              .msg_namelen = sizeof(r->from[i]),
                                              .msg_iov = &r->vectors[i],
                                              .msg_iovlen = 1,
                                              .msg_control = r->control[i],
                                              .msg_controllen = CONTROL};
   }
   int n = recvmmsg(p->fd, r->headers, BATCH, MSG_DONTWAIT, NULL);
   uint64_t now = wall_clock();
   if (r->forward != NULL && n > 0 && p->transport == FC_UDP) {
      for (int i = 0; i < n; i++) {
         r->vectors[i].iov_len = r->headers[i].msg_len;
      }
      fc_forward_send(r->forward, r->vectors, r->from, (unsigned) n);
   }
   for (int i = 0; i < n; i++) {
      const uint8_t *datagram = r->vectors[i].iov_base;
      if (p->transport == FC_DTLS) {
         fc_connections_datagram(r->connections, p->fd, (uint32_t) (p - r->sockets), &r->from[i], datagram,
                                 r->headers[i].msg_len, now, d);
      } else {
         struct fc_peer peer;
         fc_peer_set(&peer, &r->from[i], FC_UDP);
         fc_decode(d, &peer, datagram, r->headers[i].msg_len, now);
      }
   }
   if (n > 0) {
      count_drops(p, &r->headers[n - 1].msg_hdr, fc_decoder_own_counters(d));
   }
}

bool fc_receive(struct fc_receiver *r, struct fc_decoder *d, int milliseconds, char error[FC_ERROR])
{
   struct epoll_event events[EVENTS];
   int n = epoll_wait(r->epoll, events, EVENTS, milliseconds);
   if (n < 0 && errno != EINTR) {
      snprintf(error, FC_ERROR, "cannot wait for messages: %s", strerror(errno));
      return false;
   }
   for (int i = 0; i < n; i++) {
      uint32_t number = events[i].data.u32;
      if (number >= FC_MAX_SOCKETS) {
         fc_connections_serve(r->connections, number - FC_MAX_SOCKETS, d);
      } else if (is_datagram(r->sockets[number].transport)) {
         receive_datagrams(r, &r->sockets[number], d);
      } else {
         fc_connections_accept(r->connections, r->sockets[number].fd, r->sockets[number].transport, d);
      }
   }
   uint64_t now = wall_clock();
   if (now >= r->next_timers || r->next_timers - now > TIMERS) { /* the clock may be set back */
      r->next_timers = now + TIMERS;
      fc_connections_timers(r->connections, now, d);
   }
   return true;
}

bool fc_receiver_refused(struct fc_receiver *r, char text[FC_REFUSAL])
{
   return fc_connections_refused(r->connections, wall_clock(), text);
}
