/* SPDX-License-Identifier: BSD-3-Clause */
/** Input over a socket: finding the sender's address, the connection, TLS. */
#include "in_socket.h"
#include "socket.h"
#include "tls.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_MS 1000 /* a sender that starts at the same time is not missed for so long */

/* ---------------------------------------------------------------------- names */

/** A name that is looked up in a separate thread: name servers may take half a minute, and nothing interrupts getaddrinfo(3). */
struct resolver {
   _Atomic int users; /* input and thread; the last one frees */
   int done_fd;       /* readable when the thread has finished */
   int rc;
   struct addrinfo *list;
   char *host, *port;
};

static void resolver_release(struct resolver *r)
{
   if (r == NULL || atomic_fetch_sub(&r->users, 1) > 1) {
      return;
   }
   if (r->list != NULL) {
      freeaddrinfo(r->list);
   }
   if (r->done_fd >= 0) {
      close(r->done_fd);
   }
   free(r->host);
   free(r->port);
   free(r);
}

static int look_up(const char *host, const char *port, int flags, struct addrinfo **list)
{
   struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
   *list = NULL;
   return getaddrinfo(host, port, &hints, list);
}

static void *resolver_main(void *arg)
{
   struct resolver *r = arg;
   r->rc = look_up(r->host, r->port, 0, &r->list);
   eventfd_signal(r->done_fd);
   resolver_release(r);
   return NULL;
}

/* \return false: no thread; the name is to be looked up without one */
static bool resolver_start(struct socket_input *s)
{
   struct resolver *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      return false;
   }
   pthread_t thread;
   pthread_attr_t attr;
   sigset_t all, old;
   atomic_store(&r->users, 2);
   r->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
   r->host = strdup(s->to.host);
   r->port = strdup(s->to.port);
   sigfillset(&all); /* signals are for the module's own threads */
   pthread_sigmask(SIG_SETMASK, &all, &old);
   pthread_attr_init(&attr);
   pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
   bool ok = r->done_fd >= 0 && r->host != NULL && r->port != NULL &&
             pthread_create(&thread, &attr, resolver_main, r) == 0;
   pthread_attr_destroy(&attr);
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   if (!ok) {
      atomic_store(&r->users, 1);
      resolver_release(r);
      return false;
   }
   s->resolver = r;
   return true;
}

static int resolved(struct socket_input *s, int rc)
{
   if (rc != 0) {
      complain(s, BAD_ADDRESS, "cannot resolve %s: %s", s->to.host,
               rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
      disconnect(s);
      return TRAP_E_TIMEOUT;
   }
   s->stage = IDLE;
   s->address = s->addresses;
   return TRAP_E_OK;
}

/* Addresses are looked up again when none of the last ones answered. */
static int step_resolve(struct socket_input *s)
{
   if (s->stage != RESOLVING) {
      if (s->addresses != NULL) {
         freeaddrinfo(s->addresses);
      }
      int rc = look_up(s->to.host, s->to.port, AI_NUMERICHOST, &s->addresses);
      if (rc == 0) {
         return resolved(s, 0);
      }
      if (!resolver_start(s)) {
         return resolved(s, look_up(s->to.host, s->to.port, 0, &s->addresses));
      }
      s->stage = RESOLVING;
   }
   uint64_t done;
   if (read(s->resolver->done_fd, &done, sizeof(done)) < 0) {
      s->in.wait[0] = (struct pollfd){.fd = s->resolver->done_fd, .events = POLLIN};
      s->in.n_wait = 1;
      s->in.retry_at = -1;
      return TRAP_E_TIMEOUT;
   }
   int rc = s->resolver->rc;
   s->addresses = s->resolver->list;
   s->resolver->list = NULL;
   connect_cancel(s);
   return resolved(s, rc);
}

void connect_cancel(struct socket_input *s)
{
   resolver_release(s->resolver);
   s->resolver = NULL;
}

/* ------------------------------------------------------------------ connections */

static int open_unix(struct socket_input *s)
{
   int fd = socket_connect(&s->in.ctx->sockets, s->to.port, s->unix_reason);
   if (fd < 0) {
      errno = -fd;
      return -1;
   }
   s->fd = fd;
   return 0;
}

/* If a sender's machine vanishes, nothing arrives any more, and no error either. */
static void set_keepalive(const struct socket_input *s)
{
   const struct keepalive *k = &s->to.keepalive;
   int one = 1;
   if (k->idle == 0) {
      return;
   }
   if (setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) != 0 ||
       setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPIDLE, &k->idle, sizeof(k->idle)) != 0 ||
       setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPINTVL, &k->interval, sizeof(k->interval)) != 0 ||
       setsockopt(s->fd, IPPROTO_TCP, TCP_KEEPCNT, &k->count, sizeof(k->count)) != 0) {
      LOG_WARNING("Input %s: keep-alive is not possible: %s", s->in.id, strerror(errno));
   }
}

static int open_tcp(struct socket_input *s)
{
   const struct addrinfo *a = s->address;
   s->address = a->ai_next;
   s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (s->fd < 0) {
      return -1;
   }
   set_keepalive(s);
   return connect(s->fd, a->ai_addr, a->ai_addrlen);
}

void start_hello(struct socket_input *s)
{
   s->stage = s->to.tls != NULL && s->tls == NULL ? SECURING : HELLO;
   s->hello_deadline = now_ms() + HELLO_TIMEOUT;
   s->start = s->fill = 0;
}

/* Most senders that are not there are about to start. */
static int not_connected(struct socket_input *s, int err)
{
   int64_t now = now_ms();
   bool more = s->address != NULL;
   if (s->failing_since == 0) {
      s->failing_since = now;
   }
   if (!more && (now - s->failing_since >= QUIET_MS || (err != ENOENT && err != ECONNREFUSED))) {
      if (s->to.host != NULL) {
         complain(s, NO_CONNECTION, "cannot connect to %s port %s: %s", s->to.host, s->to.port,
                  strerror(err));
      } else {
         complain(s, NO_CONNECTION, "cannot connect to UNIX %s", s->unix_reason);
      }
   }
   disconnect(s);
   if (more) {
      s->in.retry_at = 0;
   }
   return more ? TRAP_E_OK : TRAP_E_TIMEOUT;
}

int step_connect(struct socket_input *s)
{
   if (s->stage == CONNECTING) {
      struct pollfd p = {.fd = s->fd, .events = POLLOUT};
      if (poll(&p, 1, 0) == 0) {
         wait_socket(s, POLLOUT);
         return TRAP_E_TIMEOUT;
      }
      int err = 0;
      socklen_t length = sizeof(err);
      getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &length);
      if (err != 0) {
         return not_connected(s, err);
      }
      start_hello(s);
      return TRAP_E_OK;
   }
   if (s->stage == IDLE && s->in.retry_at > now_ms()) {
      return TRAP_E_TIMEOUT;
   }
   if (s->to.host != NULL && s->address == NULL) {
      return step_resolve(s);
   }
   int rc = s->to.host != NULL ? open_tcp(s) : open_unix(s);
   if (rc == 0) {
      start_hello(s);
      return TRAP_E_OK;
   }
   if (s->fd >= 0 && errno == EINPROGRESS) {
      s->stage = CONNECTING;
      wait_socket(s, POLLOUT);
      return TRAP_E_TIMEOUT;
   }
   return not_connected(s, errno);
}

/* -------------------------------------------------------------------------- TLS */

int step_secure(struct socket_input *s)
{
   char why[256] = "out of memory";
   if (s->tls == NULL && (s->tls = tls_new(s->to.tls, s->fd)) == NULL) {
      disconnect(s);
      return ctx_error(s->in.ctx, TRAP_E_MEMORY, NULL);
   }
   enum tls_step step = tls_handshake(s->tls, why, sizeof(why));
   if (step == TLS_DONE) {
      start_hello(s);
      return TRAP_E_OK;
   }
   if ((step == TLS_WANT_READ || step == TLS_WANT_WRITE) && now_ms() < s->hello_deadline) {
      wait_socket(s, step == TLS_WANT_READ ? POLLIN : POLLOUT);
      s->in.retry_at = s->hello_deadline;
      return TRAP_E_TIMEOUT;
   }
   bool late = step == TLS_WANT_READ || step == TLS_WANT_WRITE;
   complain(s, BAD_TLS, "TLS handshake with %s port %s: %s", s->to.host, s->to.port,
            late ? "no answer in time" : why);
   disconnect(s);
   return TRAP_E_TIMEOUT;
}

ssize_t receive_bytes(struct socket_input *s, void *to, size_t size)
{
   return s->tls != NULL ? tls_recv(s->tls, to, size) : recv(s->fd, to, size, 0);
}

short wanted_events(const struct socket_input *s)
{
   return s->tls != NULL && tls_wants_write(s->tls) ? POLLOUT : POLLIN;
}
