/* SPDX-License-Identifier: BSD-3-Clause */
/** Listening sockets of outputs. */
#include "out_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One address; IPv6 sockets take IPv4 clients too. */
static int try_listen(struct socket_output *s, const struct addrinfo *a)
{
   int one = 1, zero = 0;
   int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (fd < 0) {
      return -1;
   }
   setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
   if (a->ai_family == AF_INET6) {
      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
   }
   if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, (int) s->max_clients) < 0) {
      int err = errno;
      close(fd);
      errno = err;
      return -1;
   }
   return fd;
}

/* All addresses of this machine, IPv6 and IPv4, or the one of bind=. */
int listen_tcp(struct trap_context *ctx, struct socket_output *s)
{
   static const int families[] = {AF_INET6, AF_INET};
   for (int i = 0; i < 2 && s->source.fd < 0; i++) {
      struct addrinfo hints = {.ai_family = families[i], .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
      struct addrinfo *list = NULL;
      if (getaddrinfo(s->address, s->name, &hints, &list) != 0) {
         errno = EADDRNOTAVAIL;
         continue;
      }
      for (const struct addrinfo *a = list; a != NULL && s->source.fd < 0; a = a->ai_next) {
         s->source.fd = try_listen(s, a);
      }
      int err = errno;
      freeaddrinfo(list);
      errno = err;
   }
   if (s->source.fd < 0) {
      return ctx_error(ctx, TRAP_E_IO_ERROR, "Output %c:%s cannot listen%s%s: %s.", s->out.type, s->name,
                       s->address != NULL ? " at " : "", s->address != NULL ? s->address : "",
                       strerror(errno));
   }
   return TRAP_E_OK;
}

int listen_unix(struct trap_context *ctx, struct socket_output *s)
{
   char why[SOCKET_REASON_SIZE];
   s->source.fd =
       socket_listen(&ctx->sockets, s->name, s->mode, s->group, (int) s->max_clients, &s->taken, why);
   if (s->source.fd < 0) {
      s->source.fd = -1;
      return ctx_error(ctx, TRAP_E_IO_ERROR, "Output u:%s cannot listen: %s.", s->name, why);
   }
   return TRAP_E_OK;
}
