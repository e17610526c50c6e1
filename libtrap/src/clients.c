/* SPDX-License-Identifier: BSD-3-Clause */
/** Clients of a socket output: accept, hello, stream, loss, departure. Runs in the I/O thread. */
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

#define DECIDE_MS    100  /* a local client may ask for the log this long; an old one then gets the stream */
#define DRAIN_MAX    1024 /* times 256 wake-up bytes that one event may bring */
#define HANDSHAKE_MS 5000 /* that a TLS handshake may take */
#define FORMAT_MS    20   /* between two looks whether a format change is over */
#define SEND_MAX     (1024 * 1024) /* bytes a client is sent before the next one has its turn */

static void client_free(struct client *c)
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

static void remove_client(struct socket_output *s, uint32_t i)
{
   struct client *c = s->slot[i];
   output_lock(s);
   uint32_t n = atomic_load(&s->n_clients) - 1;
   s->slot[i] = s->slot[n];
   s->slot[n] = NULL;
   atomic_store(&s->n_clients, n);
   forget_room(s); /* the sender looks again who is there */
   output_unlock(s);
   if (c->mode != READER_LOCAL) {
      atomic_fetch_sub(&s->n_stream, 1);
   }
   client_free(c); /* a local reader sees the connection end */
   output_changed(s);
}

static void client_ready(struct io_source *source, uint32_t events)
{
   struct client *c = (struct client *) source;
   char byte;
   if (c->tls != NULL) {
      c->blocked = false; /* TLS may wait for either direction */
   }
   if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
      c->gone = true;
   } else if (c->hello == NULL) {
      return; /* the handshake is gone on with in clients_serve() */
   } else if ((events & EPOLLIN) != 0 && c->mode != READER_SOCKET) {
      /* A local reader has chosen the log or made room in it. Events are edges: all bytes are taken, up to a bound. */
      int rc = 1;
      for (int i = 0; rc > 0 && i < DRAIN_MAX; i++) {
         rc = peer_drain(c->source.fd);
         c->owner->moved = true;
      }
      c->gone = rc != 0; /* who sends without end is no reader */
   } else if ((events & EPOLLIN) != 0) {
      /* Clients never send: end of stream, an error or garbage all mean good-bye. */
      ssize_t n = c->tls != NULL ? tls_recv(c->tls, &byte, 1) : recv(c->source.fd, &byte, 1, MSG_DONTWAIT);
      c->gone = n >= 0 || (errno != EAGAIN && errno != EINTR);
   }
   if ((events & EPOLLOUT) != 0) {
      c->blocked = false;
   }
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

static uint64_t peer_id(int fd, bool local)
{
   if (local) {
      struct ucred cred;
      socklen_t length = sizeof(cred);
      return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) == 0 ? (uint64_t) cred.pid : 0;
   }
   struct sockaddr_storage ss;
   socklen_t length = sizeof(ss);
   if (getpeername(fd, (struct sockaddr *) &ss, &length) != 0) {
      return 0;
   }
   return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *) &ss)->sin6_port
                                         : ((struct sockaddr_in *) &ss)->sin_port);
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
   c->id = peer_id(fd, is_unix(s));
   c->mode = READER_SOCKET;
   pthread_mutex_init(&c->lock, NULL);
   return c;
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
   if (atomic_load(&s->n_clients) >= s->max_clients || (c->hello = malloc(s->hello_size)) == NULL) {
      return false;
   }
   c->hello_size = s->hello_size;
   memcpy(c->hello, s->hello, s->hello_size);
   bool local = is_unix(s) && offer_log(c);
   c->mode = local ? READER_UNDECIDED : READER_SOCKET;
   c->decide_at = now_ms() + DECIDE_MS;
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

/* The handshake comes first, out of the sender's sight. \return false when there is no room for it */
static bool begin_handshake(struct socket_output *s, struct client *c)
{
   if (s->n_pending == MAX_PENDING) {
      s->pending[0]->gone = true; /* whoever tries again finds its place */
      return false;
   }
   c->tls = tls_new(s->tls, c->source.fd);
   c->handshake_until = now_ms() + HANDSHAKE_MS;
   if (c->tls != NULL) {
      s->pending[s->n_pending++] = c;
   }
   return c->tls != NULL;
}

/* \return true while the client's handshake is not over */
static bool go_on_with_handshake(struct socket_output *s, struct client *c, int64_t now, int64_t *wake_at)
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
   client_free(c);
   return false;
}

static void serve_pending(struct socket_output *s, int64_t now, int64_t *wake_at)
{
   uint32_t left = 0;
   for (uint32_t i = 0; i < s->n_pending; i++) {
      if (go_on_with_handshake(s, s->pending[i], now, wake_at)) {
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

void clients_accept(struct io_source *source, uint32_t events)
{
   struct socket_output *s =
       (struct socket_output *) ((char *) source - offsetof(struct socket_output, source));
   if (paused(s)) {
      return;
   }
   for (;;) {
      int fd = accept4(s->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
         return;
      }
      struct client *c = client_new(s, fd);
      if (c == NULL) {
         continue;
      }
      bool added =
          source_add(io_reactor(s->out.ctx), &c->source, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == 0;
      if (!added) {
         LOG_WARNING("Output %s: cannot watch a new client, which is closed.", s->out.id);
      } else if (s->tls != NULL) {
         added = begin_handshake(s, c);
      } else {
         pthread_mutex_lock(&s->mtx);
         added = atomic_load(&s->order) == ORDER_NONE && admit(s, c);
         pthread_mutex_unlock(&s->mtx);
      }
      if (!added) {
         client_free(c);
         continue;
      }
      if (s->tls == NULL) {
         output_changed(s);
      }
   }
}

/* ------------------------------------------------------------------- stream */

/* One send; \return bytes, 0 when the socket is full, -1 when the client is lost */
static ssize_t send_some(struct client *c, const void *data, size_t size)
{
   ssize_t n = c->tls != NULL ? tls_send(c->tls, data, size)
                              : send(c->source.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      c->blocked = errno == EAGAIN;
      return 0;
   }
   if (n < 0) {
      c->gone = true;
      return n;
   }
   c->blocked = (size_t) n < size && c->tls == NULL;
   c->owner->moved = true;
   return n;
}

/* The hello, with the descriptors of the log for whoever takes them. */
static void send_hello(struct client *c)
{
   if (c->hello_sent > 0 || c->mode != READER_UNDECIDED) {
      ssize_t n = send_some(c, c->hello + c->hello_sent, c->hello_size - c->hello_sent);
      c->hello_sent += n > 0 ? (size_t) n : 0;
      return;
   }
   union {
      struct cmsghdr align;
      char bytes[CMSG_SPACE(SHARE_FDS * sizeof(int))];
   } control;
   memset(&control, 0, sizeof(control));
   struct iovec iov = {.iov_base = c->hello, .iov_len = c->hello_size};
   struct msghdr msg = {.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control.bytes,
                        .msg_controllen = sizeof(control.bytes)};
   struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
   cmsg->cmsg_level = SOL_SOCKET;
   cmsg->cmsg_type = SCM_RIGHTS;
   cmsg->cmsg_len = CMSG_LEN(SHARE_FDS * sizeof(int));
   int fds[SHARE_FDS] = {[SHARE_LOG] = c->owner->log.fd, [SHARE_PAGE] = c->page_fd};
   memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
   ssize_t n = sendmsg(c->source.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
   if (n > 0) {
      c->hello_sent = (size_t) n;
      c->owner->moved = true;
   } else if (errno == EAGAIN) {
      c->blocked = true;
   } else if (errno != EINTR) {
      c->gone = true;
   }
}

/* Moves boundary to the last block start at or before pos. */
static void follow_boundary(struct client *c, const struct trap_log *log, uint64_t pos)
{
   while (c->boundary < pos) {
      uint64_t next = c->boundary + BLOCK_HEADER + block_payload(log_at(log, c->boundary));
      if (next > pos) {
         break;
      }
      c->boundary = next;
      atomic_fetch_add_explicit(&c->blocks, 1, memory_order_relaxed);
   }
}

/* TLS keeps what it could not send yet, up to a record; that must not go beyond a block, after which an overrun may go on
 * somewhere else. */
static uint64_t rest_of_block(const struct client *c, const struct trap_log *log, uint64_t pos)
{
   return c->boundary + BLOCK_HEADER + block_payload(log_at(log, c->boundary)) - pos;
}

/* Sends finished blocks. \return true when there is more to send at once */
static bool send_blocks(struct socket_output *s, struct client *c)
{
   pthread_mutex_lock(&c->lock);
   if (c->spill_sent < c->spill_size) {
      ssize_t n = send_some(c, c->spill + c->spill_sent, c->spill_size - c->spill_sent);
      c->spill_sent += n > 0 ? (size_t) n : 0;
   }
   bool more = false;
   if (c->spill_sent == c->spill_size && !c->blocked && !c->gone) {
      uint64_t pos = atomic_load(&c->pos);
      uint64_t size = atomic_load(&s->log.ctl->committed) - pos;
      if (size > SEND_MAX) {
         size = SEND_MAX;
      }
      if (size > 0 && c->tls != NULL && size > rest_of_block(c, &s->log, pos)) {
         size = rest_of_block(c, &s->log, pos);
      }
      ssize_t n = size > 0 ? send_some(c, log_at(&s->log, pos), size) : 0;
      if (n > 0) {
         follow_boundary(c, &s->log, pos + (uint64_t) n);
         atomic_store(&c->pos, pos + (uint64_t) n);
         more = !c->blocked && !c->gone && pos + (uint64_t) n < atomic_load(&s->log.ctl->committed);
      }
   }
   pthread_mutex_unlock(&c->lock);
   return more;
}

void client_overrun(struct client *c, uint64_t tail)
{
   struct socket_output *s = c->owner;
   pthread_mutex_lock(&c->lock);
   uint64_t pos = atomic_load(&c->pos);
   uint64_t from = c->boundary; /* first block of which nothing was sent */
   if (pos > c->boundary) {
      uint8_t *block = log_at(&s->log, c->boundary);
      size_t whole = BLOCK_HEADER + (size_t) block_payload(block);
      size_t sent = (size_t) (pos - c->boundary);
      uint8_t *rest = malloc(whole - sent);
      from = c->boundary + whole;
      atomic_fetch_add_explicit(&c->blocks, 1, memory_order_relaxed);
      free(c->spill);
      c->spill = rest;
      c->spill_sent = 0;
      c->spill_size = rest != NULL ? whole - sent : 0;
      if (rest != NULL) {
         memcpy(rest, block + sent, whole - sent);
      } else {
         c->gone = true; /* a stream cut inside a block cannot be continued */
      }
   }
   if (from < tail) {
      uint64_t next = tail == s->block ? s->block_seq : block_seq(log_at(&s->log, tail));
      c->missed += next - block_seq(log_at(&s->log, from));
      from = tail;
   }
   c->boundary = from;
   atomic_store(&c->pos, from);
   pthread_mutex_unlock(&c->lock);
}

/* Log or stream? \return true when it is known */
static bool decide(struct socket_output *s, struct client *c, int64_t now, int64_t *wake_at)
{
   uint32_t mode = READER_UNDECIDED;
   if (c->mode != READER_UNDECIDED) {
      return true;
   }
   if (atomic_load(&c->page->mode) == READER_UNDECIDED && now < c->decide_at) {
      if (*wake_at < 0 || c->decide_at < *wake_at) {
         *wake_at = c->decide_at;
      }
      return false;
   }
   bool socket = atomic_compare_exchange_strong(&c->page->mode, &mode, READER_SOCKET);
   output_lock(s);
   c->mode = socket ? READER_SOCKET : READER_LOCAL;
   forget_room(s);
   output_unlock(s);
   if (!socket) {
      atomic_fetch_sub(&s->n_stream, 1);
      /* It may have gone to sleep after what was in the log then; senders did not know yet that it must be woken. */
      peer_signal(c->source.fd);
   }
   output_changed(s);
   return true;
}

bool clients_serve(struct socket_output *s, int64_t now, int64_t *wake_at)
{
   bool more = false;
   serve_pending(s, now, wake_at);
   for (uint32_t i = 0; i < atomic_load(&s->n_clients);) {
      struct client *c = s->slot[i];
      if (!c->gone && !c->blocked && c->hello_sent < c->hello_size) {
         send_hello(c);
      }
      if (!c->gone && c->hello_sent == c->hello_size && decide(s, c, now, wake_at) &&
          c->mode == READER_SOCKET && !c->blocked) {
         more |= send_blocks(s, c);
      }
      if (c->gone) {
         remove_client(s, i);
      } else {
         i++;
      }
   }
   return more;
}

void clients_close_all(struct socket_output *s)
{
   while (atomic_load(&s->n_clients) > 0) {
      remove_client(s, 0);
   }
   while (s->n_pending > 0) {
      client_free(s->pending[--s->n_pending]);
   }
}
