/* SPDX-License-Identifier: BSD-3-Clause */
/** New clients of a socket output: limits, TLS handshakes, admission. Runs in the I/O thread. */
#include "out_socket.h"
#include "socket.h"
#include "tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DECIDE_MS    100   /* a local client may ask for the log this long; an old one then gets the stream */
#define HANDSHAKE_MS 5000  /* that a TLS handshake, and then the hello, may take */
#define FORMAT_MS    20    /* between checks whether a format change is over */
#define REPORT_AGAIN 60000 /* ms */
#define ACCEPT_PAUSE 100   /* ms without looking for clients when there is no descriptor for one */

void client_free(struct client *c)
{
   source_close(&c->source);
   if (c->page != NULL) {
      munmap(c->page, LOG_CTL_SIZE);
   }
   if (c->page_fd >= 0) {
      close(c->page_fd);
   }
   tls_free(c->tls);
   pthread_mutex_destroy(&c->lock);
   free(c->hello);
   free(c->spill);
   free(c);
}

/* A page for the reader's cursor. \return false: socket only */
static bool offer_log(struct client *c)
{
   c->page_fd = memfd_create("trap-reader", MFD_CLOEXEC | MFD_ALLOW_SEALING);
   if (c->page_fd < 0 || ftruncate(c->page_fd, LOG_CTL_SIZE) < 0 ||
       fcntl(c->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
      return false;
   }
   void *page = mmap(NULL, LOG_CTL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, c->page_fd, 0);
   if (page == MAP_FAILED) {
      return false;
   }
   c->page = page;
   return true;
}

/* Whose connection it is, and how statistics name it: by process (UNIX) or port. */
static void identify(struct client *c, bool local)
{
   int fd = c->source.fd;
   if (local) {
      struct ucred cred;
      socklen_t length = sizeof(cred);
      c->id = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) == 0 ? (uint64_t) cred.pid : 0;
      return;
   }
   struct sockaddr_storage ss;
   socklen_t length = sizeof(ss);
   c->address.network = true;
   if (getpeername(fd, (struct sockaddr *) &ss, &length) != 0) {
      return;
   }
   const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *) &ss;
   const struct sockaddr_in *v4 = (const struct sockaddr_in *) &ss;
   if (ss.ss_family != AF_INET6) {
      c->id = ntohs(v4->sin_port);
      c->address.prefix = v4->sin_addr.s_addr;
      return;
   }
   c->id = ntohs(v6->sin6_port);
   uint32_t mapped;
   memcpy(&c->address.prefix, &v6->sin6_addr, sizeof(c->address.prefix));
   if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
      memcpy(&mapped, v6->sin6_addr.s6_addr + 12, sizeof(mapped));
      c->address.prefix = mapped;
   }
}

static bool same_address(const struct client *a, const struct client *b)
{
   return a->address.network && b->address.network && a->address.prefix == b->address.prefix;
}

static struct client *client_new(struct socket_output *s, int fd)
{
   struct client *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      close(fd);
      return NULL;
   }
   c->source.fd = fd;
   c->page_fd = -1;
   c->owner = s;
   c->source.ready = client_ready;
   identify(c, is_unix(s));
   c->mode = READER_SOCKET;
   c->handshake_until = now_ms() + HANDSHAKE_MS;
   if (c->address.network) {
      /* An idle peer whose machine vanishes is noticed too; one that has data to take is looked at by peers_check(). */
      int one = 1;
      (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one,
                        sizeof(one)); /* only costs its place if that fails */
   }
   pthread_mutex_init(&c->lock, NULL);
   return c;
}

/* One address cannot have all places, unless the number of places was chosen for it. */
static bool too_many_of_address(const struct socket_output *s, const struct client *c)
{
   uint32_t same = 0, n = atomic_load(&s->n_clients);
   for (uint32_t i = 0; i < n; i++) {
      same += same_address(s->slot[i], c);
   }
   return same >= s->max_per_address;
}

/* Takes a client into the output. Called under mtx. \return false when it was refused */
static bool admit(struct socket_output *s, struct client *c)
{
   if (s->hello == NULL) {
      static const uint8_t unknown[8];
      ssize_t n = c->tls != NULL ? tls_send(c->tls, unknown, sizeof(unknown))
                                 : send(c->source.fd, unknown, sizeof(unknown), MSG_NOSIGNAL | MSG_DONTWAIT);
      (void) n;
      return false;
   }
   if (atomic_load(&s->n_clients) >= s->max_clients || too_many_of_address(s, c) ||
       (c->hello = malloc(s->hello_size)) == NULL) {
      return false;
   }
   c->hello_size = s->hello_size;
   memcpy(c->hello, s->hello, s->hello_size);
   bool local = is_unix(s) && offer_log(c);
   c->mode = local ? READER_UNDECIDED : READER_SOCKET;
   c->decide_at = now_ms() + DECIDE_MS;
   c->handshake_until = now_ms() + HANDSHAKE_MS;
   output_lock(s);
   atomic_store(&c->pos, s->block);
   c->boundary = s->block;
   c->first_seq = s->block_seq;
   c->since = (int64_t) time(NULL);
   if (local) {
      c->page->first_seq = s->block_seq;
      atomic_store(&c->page->cursor, s->block);
   }
   uint32_t n = atomic_load(&s->n_clients);
   s->slot[n] = c;
   atomic_store(&s->n_clients, n + 1);
   forget_room(s);
   output_unlock(s);
   atomic_fetch_add(&s->n_stream, 1);
   return true;
}

/* When there is no room for a handshake, the address that has most of them loses its oldest: silent clients push out each other. */
static void give_up_one(struct socket_output *s)
{
   uint32_t most = 0;
   struct client *victim = s->pending[0];
   for (uint32_t i = 0; i < s->n_pending; i++) {
      uint32_t same = 0;
      for (uint32_t j = 0; j < s->n_pending; j++) {
         same += same_address(s->pending[i], s->pending[j]);
      }
      if (same > most) {
         most = same;
         victim = s->pending[i];
      }
   }
   victim->gone = true;
}

/* Starts the handshake; the sender does not see the client before its end. \return false without room */
static bool begin_handshake(struct socket_output *s, struct client *c)
{
   if (s->n_pending == MAX_PENDING) {
      give_up_one(s); /* clients try again, and find its place */
      return false;
   }
   c->tls = tls_new(s->tls, c->source.fd);
   if (c->tls != NULL) {
      s->pending[s->n_pending++] = c;
   }
   return c->tls != NULL;
}

/* \return true while the client's handshake is not over */
static bool continue_handshake(struct socket_output *s, struct client *c, int64_t now, int64_t *wake_at)
{
   char why[256] = "";
   enum tls_step step = c->gone ? TLS_LOST : tls_handshake(c->tls, why, sizeof(why));
   if ((step == TLS_WANT_READ || step == TLS_WANT_WRITE) && now < c->handshake_until) {
      if (*wake_at < 0 || c->handshake_until < *wake_at) {
         *wake_at = c->handshake_until;
      }
      return true;
   }
   if (step == TLS_DONE) {
      pthread_mutex_lock(&s->mtx);
      bool wait = !s->accepting, added = !wait && admit(s, c);
      pthread_mutex_unlock(&s->mtx);
      if (wait && now < c->handshake_until) { /* the format is changing */
         *wake_at = now + FORMAT_MS;
         return true;
      }
      if (added) {
         output_changed(s);
         return false;
      }
   } else if (!c->gone) {
      LOG_WARNING("Output %s: TLS handshake with the client on port %llu failed: %s.", s->out.id,
                  (unsigned long long) c->id, step == TLS_LOST || step == TLS_BAD_CERT ? why : "too slow");
   }
   atomic_fetch_add(&s->refused, 1);
   client_free(c);
   return false;
}

void pending_serve(struct socket_output *s, int64_t now, int64_t *wake_at)
{
   uint32_t left = 0;
   for (uint32_t i = 0; i < s->n_pending; i++) {
      if (continue_handshake(s, s->pending[i], now, wake_at)) {
         s->pending[left++] = s->pending[i];
      }
   }
   s->n_pending = left;
}

/* While the format changes, clients wait in the queue of the listening socket. */
static bool paused(struct socket_output *s)
{
   pthread_mutex_lock(&s->mtx);
   bool paused = !s->accepting && atomic_load(&s->order) == ORDER_NONE;
   if (paused) {
      (void) source_watch(&s->source, 0);
   }
   pthread_mutex_unlock(&s->mtx);
   return paused;
}

int accept_next(struct io_source *listening)
{
   int fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
   while (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) { /* that client has disconnected */
      fd = accept4(listening->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
   }
   if (fd < 0 && errno != EAGAIN) {
      /* No descriptor or memory for it: it stays in the queue; polling it all the time would be useless. */
      source_pause(listening, ACCEPT_PAUSE);
      errno = EMFILE;
   }
   return fd;
}

/* \return false when the client is to be closed */
static bool take_client(struct socket_output *s, struct client *c)
{
   int rc = source_add(io_reactor(s->out.ctx), &c->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
   if (rc != 0) {
      LOG_WARNING("Output %s: a new client cannot be served: %s", s->out.id, strerror(-rc));
      return false;
   }
   if (s->tls != NULL) {
      return begin_handshake(s, c);
   }
   pthread_mutex_lock(&s->mtx);
   bool added = atomic_load(&s->order) == ORDER_NONE && admit(s, c);
   pthread_mutex_unlock(&s->mtx);
   if (added) {
      output_changed(s);
   }
   return added;
}

void clients_accept(struct io_source *source, uint32_t events)
{
   struct socket_output *s =
       (struct socket_output *) ((char *) source - offsetof(struct socket_output, source));
   if (paused(s)) {
      return;
   }
   int fd;
   while ((fd = accept_next(source)) >= 0) {
      struct client *c = client_new(s, fd);
      if (c != NULL && !take_client(s, c)) {
         atomic_fetch_add(&s->refused, 1);
         client_free(c);
      }
   }
   int err = errno;
   int64_t now = now_ms();
   if (err == EMFILE && (s->shortage_reported == 0 || now - s->shortage_reported >= REPORT_AGAIN)) {
      s->shortage_reported = now;
      LOG_WARNING("Output %s: no descriptor for a new client; clients wait until one is free.", s->out.id);
   }
}
