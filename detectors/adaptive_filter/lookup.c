/* SPDX-License-Identifier: BSD-3-Clause */
/** DNS (RFC 1035) over UDP, for A records only. */
#include "lookup.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
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
