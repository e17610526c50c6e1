/* SPDX-License-Identifier: BSD-3-Clause */
#include "forward.h"

#include "parse/bytes.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADERS (sizeof(struct ip6_hdr) + sizeof(struct udphdr)) /* the longest */
#define TTL     64

struct target {
   char text[300];
   int fd;
   bool keep_source;
   struct sockaddr_storage to;
   socklen_t to_length;
   uint64_t sent, failed;
};

struct fc_forward {
   struct target targets[FC_MAX_TARGETS];
   unsigned n;
};

struct fc_forward *fc_forward_new(void)
{
   return calloc(1, sizeof(struct fc_forward));
}

void fc_forward_free(struct fc_forward *f)
{
   for (unsigned i = 0; f != NULL && i < f->n; i++) {
      close(f->targets[i].fd);
   }
   free(f);
}

/* --------------------------------------------------------------------- targets */

/* Splits HOST:PORT. \return false: it is something else */
static bool split(const char *text, char host[256], char port[6])
{
   const char *begin = text, *end = strrchr(text, ':');
   if (end == NULL) {
      return false;
   }
   if (*text == '[') {
      begin++;
      if (end[-1] != ']') {
         return false;
      }
   } else if (memchr(text, ':', (size_t) (end - text)) != NULL) {
      return false; /* an IPv6 address without brackets: where it ends cannot be said */
   }
   const char *number = end + 1;
   size_t digits = strspn(number, "0123456789"), length = (size_t) (end - begin) - (*text == '[');
   if (length == 0 || length > 255 || digits == 0 || digits > 5 || number[digits] != 0 || atoi(number) < 1 ||
       atoi(number) > 65535) {
      return false;
   }
   memcpy(host, begin, length);
   host[length] = 0;
   memcpy(port, number, digits + 1);
   return true;
}

static int open_target(struct target *t, const struct addrinfo *ai)
{
   int on = 1;
   if (!t->keep_source) {
      int fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
         int reason = errno;
         close(fd);
         errno = reason;
         return -1;
      }
      return fd;
   }
   int fd = socket(ai->ai_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
   if (fd >= 0 && ai->ai_family == AF_INET6) {
      setsockopt(fd, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on));
   }
   return fd;
}

bool fc_forward_add(struct fc_forward *f, const char *text, bool keep_source, char error[FC_FORWARD_ERROR])
{
   char host[256], port[6];
   struct addrinfo hints = {.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM}, *list = NULL;
   struct target *t = &f->targets[f->n];
   if (f->n == FC_MAX_TARGETS) {
      snprintf(error, FC_FORWARD_ERROR, "\"%.200s\": more than %d targets", text, FC_MAX_TARGETS);
      return false;
   }
   if (!split(text, host, port)) {
      snprintf(error, FC_FORWARD_ERROR, "\"%.200s\" (expected HOST:PORT or [ADDRESS]:PORT)", text);
      return false;
   }
   int rc = getaddrinfo(host, port, &hints, &list);
   if (rc != 0) {
      snprintf(error, FC_FORWARD_ERROR, "\"%.200s\": %s", text, gai_strerror(rc));
      return false;
   }
   *t = (struct target){.keep_source = keep_source, .to_length = list->ai_addrlen};
   snprintf(t->text, sizeof(t->text), "%s", text);
   memcpy(&t->to, list->ai_addr, list->ai_addrlen);
   t->fd = open_target(t, list);
   int reason = errno;
   freeaddrinfo(list);
   if (t->fd < 0) {
      bool right = keep_source && (reason == EPERM || reason == EACCES);
      snprintf(error, FC_FORWARD_ERROR, "\"%.200s\": cannot send: %s%s", text, strerror(reason),
               right ? " (to keep the source addresses, the right CAP_NET_RAW is needed)" : "");
      return false;
   }
   f->n++;
   return true;
}

/* ------------------------------------------------------------------------ loops */

/* The port, and the address as an IPv6 one. */
static uint16_t normalize(const struct sockaddr_storage *s, struct in6_addr *address)
{
   if (s->ss_family == AF_INET6) {
      const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) s;
      *address = in6->sin6_addr;
      return ntohs(in6->sin6_port);
   }
   const struct sockaddr_in *in = (const struct sockaddr_in *) s;
   memset(address, 0, sizeof(*address));
   address->s6_addr[10] = address->s6_addr[11] = 0xff;
   memcpy(&address->s6_addr[12], &in->sin_addr, 4);
   return ntohs(in->sin_port);
}

static bool is_any(const struct in6_addr *a)
{
   return IN6_IS_ADDR_UNSPECIFIED(a) || (IN6_IS_ADDR_V4MAPPED(a) && load_be32(&a->s6_addr[12]) == 0);
}

/* Is it an address of this machine? Only those can be bound to. */
static bool is_local(const struct sockaddr_storage *s, socklen_t length)
{
   struct sockaddr_storage copy = *s;
   if (s->ss_family == AF_INET6) {
      ((struct sockaddr_in6 *) &copy)->sin6_port = 0;
   } else {
      ((struct sockaddr_in *) &copy)->sin_port = 0;
   }
   int fd = socket(s->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
   bool local = fd >= 0 && bind(fd, (const struct sockaddr *) &copy, length) == 0;
   if (fd >= 0) {
      close(fd);
   }
   return local;
}

bool fc_forward_check(const struct fc_forward *f, const struct sockaddr_storage *listening,
                      char error[FC_FORWARD_ERROR])
{
   struct in6_addr own, other;
   uint16_t own_port = normalize(listening, &own);
   for (unsigned i = 0; i < f->n; i++) {
      const struct target *t = &f->targets[i];
      if (normalize(&t->to, &other) != own_port) {
         continue;
      }
      bool same = memcmp(&own, &other, sizeof(own)) == 0;
      if (same || (is_any(&own) && is_local(&t->to, t->to_length)) || is_any(&other)) {
         snprintf(
             error, FC_FORWARD_ERROR,
             "target \"%s\" is a socket that this collector receives from: datagrams would go round for ever",
             t->text);
         return false;
      }
   }
   return true;
}

/* ------------------------------------------------------------------------- send */

static void count(struct target *t, uint64_t sent, uint64_t failed)
{
   __atomic_fetch_add(&t->sent, sent, __ATOMIC_RELAXED);
   __atomic_fetch_add(&t->failed, failed, __ATOMIC_RELAXED);
}

/* Sends all messages without waiting; the ones that cannot be sent are skipped and counted. */
static void send_messages(struct target *t, struct mmsghdr *messages, unsigned n)
{
   unsigned at = 0, failed = 0;
   bool again = false;
   while (at < n) {
      int sent = sendmmsg(t->fd, messages + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent > 0) {
         at += (unsigned) sent;
         again = false;
      } else if (errno == ECONNREFUSED && !again) {
         again = true; /* of an earlier datagram: this one was not looked at */
      } else if (errno != EINTR) {
         at++;
         failed++;
         again = false;
      }
   }
   count(t, n - failed, failed);
}

static void send_own(struct target *t, const struct iovec *data, unsigned n)
{
   struct mmsghdr messages[FC_FORWARD_BATCH];
   memset(messages, 0, n * sizeof(messages[0]));
   for (unsigned i = 0; i < n; i++) {
      messages[i].msg_hdr.msg_iov = (struct iovec *) (uintptr_t) &data[i]; /* not written to */
      messages[i].msg_hdr.msg_iovlen = 1;
   }
   send_messages(t, messages, n);
}

/* The sum of the Internet checksum (RFC 1071), to be folded. */
static uint64_t sum_words(uint64_t sum, const void *data, size_t size)
{
   const uint8_t *p = data;
   for (; size >= 2; p += 2, size -= 2) {
      sum += load_be16(p);
   }
   return size > 0 ? sum + ((uint64_t) *p << 8) : sum;
}

static uint16_t fold(uint64_t sum)
{
   while (sum >> 16 != 0) {
      sum = (sum & 0xffff) + (sum >> 16);
   }
   return (uint16_t) ~sum;
}

/* Writes the headers of IP and UDP, from the exporter to the target. \return their length; 0: not the same version of IP, or too long */
static size_t write_headers(uint8_t *room, const struct target *t, const struct sockaddr_storage *from,
                            const struct iovec *data)
{
   struct in6_addr source, destination;
   struct udphdr udp = {.uh_sport = htons(normalize(from, &source)),
                        .uh_dport = htons(normalize(&t->to, &destination)),
                        .uh_ulen = htons((uint16_t) (sizeof(udp) + data->iov_len))};
   bool v4 = t->to.ss_family == AF_INET;
   size_t ip_size = v4 ? sizeof(struct iphdr) : sizeof(struct ip6_hdr), length = sizeof(udp) + data->iov_len;
   if (v4 != (bool) IN6_IS_ADDR_V4MAPPED(&source) || length + ip_size > UINT16_MAX) {
      return 0;
   }
   uint64_t sum = IPPROTO_UDP + length;
   if (v4) {
      struct iphdr ip = {.version = 4,
                         .ihl = 5,
                         .tot_len = htons((uint16_t) (ip_size + length)),
                         .ttl = TTL,
                         .protocol = IPPROTO_UDP}; /* the kernel fills in the checksum */
      memcpy(&ip.saddr, &source.s6_addr[12], 4);
      memcpy(&ip.daddr, &destination.s6_addr[12], 4);
      memcpy(room, &ip, sizeof(ip));
      sum = sum_words(sum_words(sum, &ip.saddr, 4), &ip.daddr, 4);
   } else {
      struct ip6_hdr ip = {.ip6_src = source, .ip6_dst = destination};
      ip.ip6_flow = htonl(6u << 28);
      ip.ip6_plen = htons((uint16_t) length);
      ip.ip6_nxt = IPPROTO_UDP;
      ip.ip6_hlim = TTL;
      memcpy(room, &ip, sizeof(ip));
      sum = sum_words(sum_words(sum, &source, 16), &destination, 16);
   }
   uint16_t check = fold(sum_words(sum_words(sum, &udp, sizeof(udp)), data->iov_base, data->iov_len));
   udp.uh_sum = htons(check != 0 ? check : 0xffff);
   memcpy(room + ip_size, &udp, sizeof(udp));
   return ip_size + sizeof(udp);
}

static void send_as_exporter(struct target *t, const struct iovec *data, const struct sockaddr_storage *from,
                             unsigned n)
{
   struct mmsghdr messages[FC_FORWARD_BATCH];
   struct iovec parts[FC_FORWARD_BATCH][2];
   uint8_t headers[FC_FORWARD_BATCH][HEADERS];
   struct sockaddr_storage to = t->to;
   unsigned used = 0;
   if (to.ss_family == AF_INET6) {
      ((struct sockaddr_in6 *) &to)->sin6_port = 0; /* raw sockets have none, and the kernel says so */
   }
   memset(messages, 0, n * sizeof(messages[0]));
   for (unsigned i = 0; i < n; i++) {
      size_t length = write_headers(headers[used], t, &from[i], &data[i]);
      if (length == 0) {
         continue;
      }
      parts[used][0] = (struct iovec){headers[used], length};
      parts[used][1] = data[i];
      messages[used].msg_hdr = (struct msghdr){
          .msg_name = &to, .msg_namelen = t->to_length, .msg_iov = parts[used], .msg_iovlen = 2};
      used++;
   }
   count(t, 0, n - used);
   send_messages(t, messages, used);
}

void fc_forward_send(struct fc_forward *f, const struct iovec *data, const struct sockaddr_storage *from,
                     unsigned n)
{
   for (unsigned i = 0; i < f->n; i++) {
      if (f->targets[i].keep_source) {
         send_as_exporter(&f->targets[i], data, from, n);
      } else {
         send_own(&f->targets[i], data, n);
      }
   }
}

const char *fc_forward_counters(const struct fc_forward *f, unsigned target, uint64_t *sent, uint64_t *failed)
{
   if (target >= f->n) {
      return NULL;
   }
   *sent = __atomic_load_n(&f->targets[target].sent, __ATOMIC_RELAXED);
   *failed = __atomic_load_n(&f->targets[target].failed, __ATOMIC_RELAXED);
   return f->targets[target].text;
}
