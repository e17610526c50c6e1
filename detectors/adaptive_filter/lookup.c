/* SPDX-License-Identifier: BSD-3-Clause */
/** DNS (RFC 1035) over UDP, for A records only. */
#include "lookup.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <ifaddrs.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVERY_MS   1000
#define TIMEOUT_MS 5000
#define MESSAGE    4096

struct lookup {
   struct sockaddr_storage resolver;
   socklen_t resolver_size;
   int fd; /* -1: no question is under way; each has a port of its own */
   uint16_t id;
   uint64_t context, asked;
   bool any; /* asked has a value */
   char name[LOOKUP_NAME + 1];
};

/* ------------------------------------------------------------------ addresses */

static bool in_network(const ip_addr_t *ip, const char *network, unsigned length)
{
   ip_addr_t net;
   const uint8_t *a = (const uint8_t *) ip, *b = (const uint8_t *) &net;
   if (!ip_from_str(network, &net) || ip_is4(ip) != ip_is4(&net)) {
      return false;
   }
   unsigned from = ip_is4(ip) ? 64 : 0;
   for (unsigned i = from; i < from + length; i++) {
      if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) {
         return false;
      }
   }
   return true;
}

static bool is_own(const ip_addr_t *ip)
{
   struct ifaddrs *all, *i;
   bool own = false;
   if (getifaddrs(&all) != 0) {
      return false;
   }
   for (i = all; i != NULL && !own; i = i->ifa_next) {
      char text[INET6_ADDRSTRLEN] = "";
      ip_addr_t mine;
      if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET) {
         inet_ntop(AF_INET, &((struct sockaddr_in *) (void *) i->ifa_addr)->sin_addr, text, sizeof(text));
      } else if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET6) {
         inet_ntop(AF_INET6, &((struct sockaddr_in6 *) (void *) i->ifa_addr)->sin6_addr, text, sizeof(text));
      }
      own = text[0] != 0 && ip_from_str(text, &mine) && memcmp(&mine, ip, sizeof(mine)) == 0;
   }
   freeifaddrs(all);
   return own;
}

bool lookup_is_public(const ip_addr_t *ip)
{
   static const struct {
      const char *network;
      unsigned length;
   } special[] = {{"0.0.0.0", 8},      {"10.0.0.0", 8},    {"100.64.0.0", 10},   {"127.0.0.0", 8},
                  {"169.254.0.0", 16}, {"172.16.0.0", 12}, {"192.0.0.0", 24},    {"192.0.2.0", 24},
                  {"192.168.0.0", 16}, {"198.18.0.0", 15}, {"198.51.100.0", 24}, {"203.0.113.0", 24},
                  {"224.0.0.0", 3},    {"::", 3},          {"2001:db8::", 32},   {"fc00::", 7},
                  {"fe80::", 10},      {"ff00::", 8}};
   for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
      if (in_network(ip, special[i].network, special[i].length)) {
         return false;
      }
   }
   return !is_own(ip);
}

bool lookup_system_resolver(const char *path, ip_addr_t *ip)
{
   char line[512], address[128];
   FILE *file = fopen(path, "re");
   bool found = false;
   while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
      found = sscanf(line, "nameserver %127s", address) == 1 && ip_from_str(address, ip);
   }
   if (file != NULL) {
      fclose(file);
   }
   return found;
}

/* ------------------------------------------------------------------ questions */

struct lookup *lookup_new(const ip_addr_t *resolver, uint16_t port)
{
   char text[INET6_ADDRSTRLEN];
   struct lookup *l = calloc(1, sizeof(*l));
   if (l == NULL) {
      return NULL;
   }
   l->fd = -1;
   ip_to_str(resolver, text);
   if (ip_is4(resolver)) {
      struct sockaddr_in *to = (struct sockaddr_in *) (void *) &l->resolver;
      *to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
      inet_pton(AF_INET, text, &to->sin_addr);
      l->resolver_size = sizeof(*to);
   } else {
      struct sockaddr_in6 *to = (struct sockaddr_in6 *) (void *) &l->resolver;
      *to = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
      inet_pton(AF_INET6, text, &to->sin6_addr);
      l->resolver_size = sizeof(*to);
   }
   return l;
}

static void end_question(struct lookup *l)
{
   if (l->fd >= 0) {
      close(l->fd);
   }
   l->fd = -1;
}

void lookup_free(struct lookup *l)
{
   if (l != NULL) {
      end_question(l);
      free(l);
   }
}

bool lookup_ask(struct lookup *l, const char *name, uint64_t context, uint64_t now)
{
   uint8_t message[NS_PACKETSZ];
   if (l->fd >= 0 || (l->any && now - l->asked < EVERY_MS) || strlen(name) > LOOKUP_NAME) {
      return false;
   }
   l->asked = now;
   l->any = true;
   l->context = context;
   strcpy(l->name, name);
   int n = res_mkquery(ns_o_query, name, ns_c_in, ns_t_a, NULL, 0, NULL, message, sizeof(message));
   if (n < 0 || getrandom(&l->id, sizeof(l->id), 0) != sizeof(l->id)) {
      return false; /* no name that can be asked for */
   }
   memcpy(message, &l->id, sizeof(l->id));
   l->fd = socket(l->resolver.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (l->fd < 0 || connect(l->fd, (const struct sockaddr *) &l->resolver, l->resolver_size) != 0 ||
       send(l->fd, message, (size_t) n, 0) != n) {
      end_question(l);
      return false;
   }
   return true;
}

int lookup_answer(struct lookup *l, uint64_t now, uint64_t *context, ip_addr_t addresses[LOOKUP_ADDRESSES])
{
   uint8_t message[MESSAGE];
   int found = -1;
   *context = l->context;
   while (l->fd >= 0 && found == -1) {
      ssize_t n = recv(l->fd, message, sizeof(message), 0);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
         break;
      }
      found = n < 0 ? -2 : lookup_parse(message, (size_t) n, l->id, l->name, addresses);
   }
   if (l->fd >= 0 && found == -1 && now - l->asked >= TIMEOUT_MS) {
      found = -2;
   }
   if (found != -1) {
      end_question(l);
   }
   return found;
}

int lookup_parse(const uint8_t *message, size_t size, uint16_t id, const char *name,
                 ip_addr_t addresses[LOOKUP_ADDRESSES])
{
   ns_msg handle;
   ns_rr rr;
   int n = 0;
   uint16_t got;
   if (size < NS_HFIXEDSZ || size > INT32_MAX) {
      return -1;
   }
   memcpy(&got, message, sizeof(got));
   if (got != id || ns_initparse(message, (int) size, &handle) != 0 || ns_msg_getflag(handle, ns_f_qr) != 1 ||
       ns_msg_count(handle, ns_s_qd) != 1 || ns_parserr(&handle, ns_s_qd, 0, &rr) != 0 ||
       ns_rr_type(rr) != ns_t_a || strcasecmp(ns_rr_name(rr), name) != 0) {
      return -1;
   }
   if (ns_msg_getflag(handle, ns_f_rcode) != ns_r_noerror) {
      return -2;
   }
   for (int i = 0; i < ns_msg_count(handle, ns_s_an) && n < LOOKUP_ADDRESSES; i++) {
      if (ns_parserr(&handle, ns_s_an, i, &rr) != 0) {
         break;
      }
      if (ns_rr_type(rr) == ns_t_a && ns_rr_class(rr) == ns_c_in && ns_rr_rdlen(rr) == 4) {
         uint32_t address;
         memcpy(&address, ns_rr_rdata(rr), sizeof(address));
         addresses[n++] = ip_from_int(ntohl(address));
      }
   }
   return n;
}
