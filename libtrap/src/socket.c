/* SPDX-License-Identifier: BSD-3-Clause */
#include "socket.h"
#include "internal.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int unix_socket_path(struct trap_context *ctx, const char *name, char path[SOCKET_PATH_SIZE])
{
   size_t n = socket_path(&ctx->sockets, ctx->sockets.bind, name, path);
   if (n >= SOCKET_PATH_SIZE) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Socket path of '%s' has %zu bytes, expected at most %zu.",
                       name, n, SOCKET_PATH_SIZE - 1);
   }
   return TRAP_E_OK;
}

int check_tcp_port(struct trap_context *ctx, const char *port)
{
   char *end;
   long value = strtol(port, &end, 10);
   if (end != port && *end == 0) {
      return value >= 1 && value <= 65535
                 ? TRAP_E_OK
                 : ctx_error(ctx, TRAP_E_BADPARAMS, "Port %s: expected a number from 1 to 65535.", port);
   }
   struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *list = NULL;
   if (getaddrinfo(NULL, port, &hints, &list) != 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS,
                       "Port '%s': expected a number from 1 to 65535 or the name of a TCP service.", port);
   }
   freeaddrinfo(list);
   return TRAP_E_OK;
}

const char *socket_type_name(char type)
{
   return type == TRAP_IFC_TYPE_TCPIP ? "TCPIP" : type == TRAP_IFC_TYPE_TLS ? "TLS" : "UNIX socket";
}

bool buffer_reserve(uint8_t **buffer, size_t *capacity, size_t want)
{
   if (want <= *capacity) {
      return true;
   }
   uint8_t *p = realloc(*buffer, want);
   if (p == NULL) {
      return false;
   }
   *buffer = p;
   *capacity = want;
   return true;
}

void peer_signal(int fd)
{
   ssize_t n = send(fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
   (void) n; /* full means signalled already */
}

int peer_drain(int fd)
{
   char bytes[256];
   ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
   return n > 0 ? 1 : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

bool peer_is_there(int fd)
{
   struct pollfd p = {.fd = fd, .events = POLLRDHUP};
   int saved = errno;
   bool there = poll(&p, 1, 0) == 0;
   errno = saved;
   return there;
}

void eventfd_signal(int fd)
{
   const uint64_t one = 1;
   int saved = errno; /* called by signal handlers */
   /* Waiting threads must wake up. EAGAIN: the counter is full, so the descriptor is readable already. */
   for (int attempts = 0; attempts < 100 && write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN; attempts++) {
   }
   errno = saved;
}

void eventfd_drain(int fd)
{
   uint64_t value;
   ssize_t n = read(fd, &value, sizeof(value));
   (void) n;
}
