/* SPDX-License-Identifier: BSD-3-Clause */
/** Clients of a socket output: hello, stream, loss, departure. Runs in the I/O thread. */
#include "out_socket.h"
#include "socket.h"
#include "tls.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DRAIN_MAX    1024          /* times 256 wake-up bytes that one event may bring */
#define SEND_MAX     (1024 * 1024) /* bytes a client is sent before the next one is served */
#define CHECKS       4             /* of what peers acknowledge, within ack_timeout */
#define CHECK_MAX_MS 5000

static void remove_client(struct socket_output *s, uint32_t i)
{
   struct client *c = s->slot[i];
   output_lock(s);
   uint32_t n = atomic_load(&s->n_clients) - 1;
   s->slot[i] = s->slot[n];
   s->slot[n] = NULL;
   atomic_store(&s->n_clients, n);
   forget_room(s); /* the sender checks its clients again */
   /* A reader of the log that came and left at once is known as one by its page only. */
   bool reads =
       c->mode != READER_UNDECIDED || (c->page != NULL && atomic_load(&c->page->mode) != READER_UNDECIDED);
   uint64_t unread = reads ? 0 : next_seq(s) - c->first_seq;
   output_unlock(s);
   if (unread > 0 && n == 0) { /* messages sent while it counted as a reader were lost */
      LOG_WARNING(
          "Output %s: client %llu left before it read anything; %llu messages sent meanwhile had no reader.",
          s->out.id, (unsigned long long) c->id, (unsigned long long) unread);
   }
   if (c->mode != READER_LOCAL) {
      atomic_fetch_sub(&s->n_stream, 1);
   }
   resume_leave(c);
   client_free(c); /* a local reader sees the connection end */
   output_changed(s);
}

void client_ready(struct io_source *source, uint32_t events)
{
   struct client *c = (struct client *) source;
   char byte;
   if (c->tls != NULL) {
      c->blocked = false; /* TLS may wait for either direction */
   }
   if ((events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0) {
      c->gone = true;
   } else if (c->hello == NULL) {
      return; /* clients_serve() continues the handshake */
   } else if ((events & EPOLLIN) != 0 && c->mode != READER_SOCKET) {
      /* A local reader has chosen the log or made room in it. Events are edge-triggered: read all bytes, up to a limit. */
      int rc = 1;
      for (int i = 0; rc > 0 && i < DRAIN_MAX; i++) {
         rc = peer_drain(c->source.fd);
         c->owner->moved = true;
      }
      c->gone = rc != 0; /* a client that keeps sending is not a reader */
   } else if ((events & EPOLLIN) != 0) {
      /* Socket clients never send: end of stream, an error and data all end the connection. */
      ssize_t n = c->tls != NULL ? tls_recv(c->tls, &byte, 1) : recv(c->source.fd, &byte, 1, MSG_DONTWAIT);
      c->gone = n >= 0 || (errno != EAGAIN && errno != EINTR);
   }
   if ((events & EPOLLOUT) != 0) {
      c->blocked = false;
   }
}

/* ------------------------------------------------------------------- stream */

/* Sending failed: the client loses what it was not sent. Logged as verbose, since clients may disconnect at any time. */
static void lost(struct client *c)
{
   c->gone = true;
   LOG_VERBOSE("Output %s: NOTICE: the connection to client %llu broke: %s", c->owner->out.id,
               (unsigned long long) c->id, strerror(errno));
}

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
      lost(c);
      return n;
   }
   c->blocked = (size_t) n < size && c->tls == NULL;
   c->owner->moved = true;
   c->owner->unchecked = true;
   return n;
}

/* Sends the hello, with the descriptors of the log, which old readers ignore. */
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
      lost(c);
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
   if (atomic_exchange(&c->overrun_wanted, false)) {
      return true; /* the sender needs the lock for a moment */
   }
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

/* Keeps the rest of a block of which something was sent: a stream cut inside a block cannot be continued. Called under lock. */
static void keep_rest(struct client *c, const struct trap_log *log, uint64_t pos)
{
   const uint8_t *block = log_at(log, c->boundary);
   size_t whole = BLOCK_HEADER + (size_t) block_payload(block);
   size_t sent = (size_t) (pos - c->boundary);
   uint8_t *rest = malloc(whole - sent);
   atomic_fetch_add_explicit(&c->blocks, 1, memory_order_relaxed);
   free(c->spill);
   c->spill = rest;
   c->spill_sent = 0;
   c->spill_size = rest != NULL ? whole - sent : 0;
   if (rest != NULL) {
      memcpy(rest, block + sent, whole - sent);
   } else {
      c->gone = true;
   }
}

bool client_overrun(struct client *c, uint64_t tail)
{
   struct socket_output *s = c->owner;
   if (pthread_mutex_trylock(&c->lock) != 0) {
      atomic_store(&c->overrun_wanted, true);
      return false;
   }
   uint64_t pos = atomic_load(&c->pos);
   uint64_t from = c->boundary; /* first block of which nothing was sent */
   if (pos > c->boundary) {
      from += BLOCK_HEADER + (uint64_t) block_payload(log_at(&s->log, c->boundary));
      keep_rest(c, &s->log, pos);
   }
   if (from < tail) {
      uint64_t next = tail == s->block ? s->block_seq : block_seq(log_at(&s->log, tail));
      c->missed += next - block_seq(log_at(&s->log, from));
      from = tail;
   }
   c->boundary = from;
   atomic_store(&c->pos, from);
   pthread_mutex_unlock(&c->lock);
   return true;
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
   struct reader_name *name = socket ? NULL : resume_claim(s, c);
   output_lock(s);
   if (name != NULL) {
      resume_start(s, c, name);
   }
   c->mode = socket ? READER_SOCKET : READER_LOCAL;
   forget_room(s);
   output_unlock(s);
   if (!socket) {
      atomic_fetch_sub(&s->n_stream, 1);
      /* It may already sleep, having read all of the log; until now senders did not know that they must wake it. */
      peer_signal(c->source.fd);
   }
   output_changed(s);
   return true;
}

/* ----------------------------------------------------------------- dead peers */

/* Whether the peer's machine has acknowledged nothing for the time allowed, although it could take more. A closed window is a
 * slow reader: TCP_USER_TIMEOUT would not tell the two apart. \param wait is set when there is something to acknowledge */
static bool peer_dead(struct client *c, uint32_t timeout, int64_t now, bool *wait)
{
   struct tcp_info info = {.tcpi_unacked = 0};
   socklen_t length = sizeof(info);
   if (getsockopt(c->source.fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
       length < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked)) {
      return false; /* an old kernel: it gives up by itself, after a quarter of an hour */
   }
   bool window_known = length >= offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(info.tcpi_snd_wnd);
   bool open = window_known ? info.tcpi_snd_wnd > 0 : info.tcpi_probes == 0;
   *wait |= info.tcpi_unacked > 0 || info.tcpi_notsent_bytes > 0;
   if (info.tcpi_unacked == 0) {
      c->unacked_since = 0;
   } else if (c->unacked_since == 0 || info.tcpi_bytes_acked != c->acked || !open) {
      c->unacked_since = now;
   }
   c->acked = info.tcpi_bytes_acked;
   return c->unacked_since != 0 && now - c->unacked_since >= timeout;
}

/* Now and then, and only while something was sent that may not be acknowledged yet. */
static void check_peers(struct socket_output *s, int64_t now, int64_t *wake_at)
{
   if (is_unix(s) || s->ack_timeout == 0 || !s->unchecked) {
      return;
   }
   if (now >= s->check_at) {
      int64_t period = s->ack_timeout / CHECKS + 1;
      s->check_at = now + (period < CHECK_MAX_MS ? period : CHECK_MAX_MS);
      s->unchecked = false;
      for (uint32_t i = 0; i < atomic_load(&s->n_clients); i++) {
         struct client *c = s->slot[i];
         if (!c->gone && peer_dead(c, s->ack_timeout, now, &s->unchecked)) {
            LOG_WARNING(
                "Output %s: the machine of client %llu has acknowledged nothing for %u ms; disconnected.",
                s->out.id, (unsigned long long) c->id, s->ack_timeout);
            const struct linger at_once = {.l_onoff = 1};
            (void) setsockopt(c->source.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
            c->gone = true;
         }
      }
   }
   if (s->unchecked && (*wake_at < 0 || s->check_at < *wake_at)) {
      *wake_at = s->check_at;
   }
}

/* \return whether the hello has been sent; a client that does not take it in time is disconnected */
static bool hello_done(struct socket_output *s, struct client *c, int64_t now, int64_t *wake_at)
{
   if (!c->gone && !c->blocked && c->hello_sent < c->hello_size) {
      send_hello(c);
   }
   if (c->gone || c->hello_sent == c->hello_size) {
      return !c->gone;
   }
   if (now >= c->handshake_until) {
      LOG_WARNING("Output %s: client %llu did not take the hello in time; disconnected.", s->out.id,
                  (unsigned long long) c->id);
      atomic_fetch_add(&s->refused, 1);
      c->gone = true;
   } else if (*wake_at < 0 || c->handshake_until < *wake_at) {
      *wake_at = c->handshake_until;
   }
   return false;
}

bool clients_serve(struct socket_output *s, int64_t now, int64_t *wake_at)
{
   bool more = false;
   pending_serve(s, now, wake_at);
   check_peers(s, now, wake_at);
   for (uint32_t i = 0; i < atomic_load(&s->n_clients);) {
      struct client *c = s->slot[i];
      if (hello_done(s, c, now, wake_at) && decide(s, c, now, wake_at) && c->mode == READER_SOCKET &&
          !c->blocked) {
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
