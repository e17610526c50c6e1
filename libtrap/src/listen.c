/* SPDX-License-Identifier: BSD-3-Clause */
/** Listening sockets of outputs. */
#include "out_socket.h"

#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct trap_context *ctx, struct socket_output *s, const char *what)
{
   int err = errno;
   LOG_ERROR("Socket could not be opened on given port '%s'.", s->name);
   if (s->source.fd >= 0) {
      close(s->source.fd);
      s->source.fd = -1;
   }
   return ctx_error(ctx, TRAP_E_IO_ERROR, "%s '%s': %s", what, s->name, strerror(err));
}

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

/* All addresses of this machine, of both versions of IP, unless the output was told one. */
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
   return s->source.fd < 0 ? fail(ctx, s, "Cannot listen on port") : TRAP_E_OK;
}

/* A socket file is taken over only if nobody answers on it. */
static bool in_use(const struct sockaddr_un *sun)
{
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   bool used = fd >= 0 && (connect(fd, (const struct sockaddr *) sun, sizeof(*sun)) == 0 || errno == EAGAIN);
   if (fd >= 0) {
      close(fd);
   }
   return used;
}

static int set_access(const char *path, mode_t mode, const char *group)
{
   if (group != NULL) {
      const struct group *gr = getgrnam(group);
      if (gr == NULL) {
         errno = ENOENT;
         return -1;
      }
      if (chown(path, (uid_t) -1, gr->gr_gid) < 0) {
         return -1;
      }
   }
   return chmod(path, mode);
}

int unix_listen(const char *path, mode_t mode, const char *group, int backlog)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   strncpy(sun.sun_path, path, sizeof(sun.sun_path) - 1);
   if (in_use(&sun)) {
      return -EADDRINUSE;
   }
   unlink(path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (fd < 0) {
      return -errno;
   }
   mode_t old = umask(0177); /* nobody else connects before the mode is set */
   int rc = bind(fd, (struct sockaddr *) &sun, sizeof(sun));
   umask(old);
   if (rc < 0 || set_access(path, mode, group) < 0 || listen(fd, backlog) < 0) {
      int err = -errno;
      close(fd);
      return err;
   }
   return fd;
}

int listen_unix(struct trap_context *ctx, struct socket_output *s)
{
   int fd = unix_listen(s->path, s->mode, s->group, (int) s->max_clients);
   if (fd < 0) {
      errno = -fd;
      return fail(ctx, s, "Cannot listen on UNIX socket");
   }
   s->source.fd = fd;
   return TRAP_E_OK;
}
