/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Input over a socket (t, T, u): connect, TLS handshake, hello, stream. The stream's bytes come from the socket or, when a local
 * sender hands over its log, from shared memory; what is done with them is the same.
 */
#include "in_params.h"
#include "internal.h"
#include "log.h"
#include "socket.h"
#include "tls.h"

#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BUFFER_SIZE   (128u * 1024)
#define RETRY_FIRST   10   /* ms */
#define RETRY_LAST    1000 /* ms */
#define HELLO_TIMEOUT 5000 /* ms */
#define SPIN_LOOKS    200  /* looks at the log before others may have the processor */
#define YIELD_LOOKS   30   /* further looks, each after others had it, before going to sleep */

enum stage { IDLE, CONNECTING, SECURING, HELLO, STREAM };

struct socket_input {
   struct trap_input in;
   enum stage stage;
   int fd;
   struct sender_address to;
   struct addrinfo *addresses, *address;
   struct tls *tls;
   int retry_ms;
   int64_t hello_deadline;
   bool refused_unknown;
   /* stream bytes: [start, fill) are not yet parsed */
   uint8_t *buffer;
   size_t capacity, start, fill;
   bool have_seq;
   uint64_t next_seq; /* sender's number expected next */
   /* local log */
   struct trap_log log;
   struct reader_ctl *page;
   uint64_t cursor;
   uint64_t blocks_here, missed_here; /* told to the sender of the log */
   bool hung_up;
   bool trusted;  /* the sender may do what this process may: its blocks may be read where they stand */
   uint64_t held; /* bytes of the block in the log that the module has, from cursor on */
};

static void local_close(struct socket_input *s)
{
   log_close(&s->log);
   if (s->page != NULL) {
      munmap(s->page, LOG_CTL_SIZE);
      s->page = NULL;
   }
}

static void disconnect(struct socket_input *s)
{
   tls_free(s->tls);
   s->tls = NULL;
   if (s->fd >= 0) {
      close(s->fd);
      s->fd = -1;
   }
   local_close(s);
   s->stage = IDLE;
   atomic_store(&s->in.connected, false);
   s->start = s->fill = 0;
   s->have_seq = false;
   s->hung_up = s->trusted = false;
   s->held = 0;
   s->in.pos = s->in.end = s->in.first = NULL;
   s->in.n_wait = 0;
   s->in.retry_at = now_ms() + s->retry_ms;
   s->retry_ms = s->retry_ms == 0 ? RETRY_FIRST : s->retry_ms * 2 > RETRY_LAST ? RETRY_LAST : s->retry_ms * 2;
}

static void wait_socket(struct socket_input *s, short events)
{
   s->in.wait[0] = (struct pollfd){.fd = s->fd, .events = events};
   s->in.n_wait = 1;
   s->in.retry_at = -1;
}

/* ------------------------------------------------------------------ connect */

static int open_unix(struct socket_input *s)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   memcpy(sun.sun_path, s->to.path, sizeof(s->to.path));
   s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   return s->fd < 0 ? -1 : connect(s->fd, (struct sockaddr *) &sun, sizeof(sun));
}

static int open_tcp(struct socket_input *s)
{
   if (s->address == NULL) {
      struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
      if (s->addresses != NULL) {
         freeaddrinfo(s->addresses);
         s->addresses = NULL;
      }
      if (getaddrinfo(s->to.host, s->to.port, &hints, &s->addresses) != 0) {
         s->addresses = NULL;
         return -1;
      }
      s->address = s->addresses;
   }
   const struct addrinfo *a = s->address;
   s->address = a->ai_next;
   s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   return s->fd < 0 ? -1 : connect(s->fd, a->ai_addr, a->ai_addrlen);
}

static void start_hello(struct socket_input *s)
{
   s->stage = s->to.tls != NULL && s->tls == NULL ? SECURING : HELLO;
   s->hello_deadline = now_ms() + HELLO_TIMEOUT;
   s->start = s->fill = 0;
}

/* \return true to go on at once */
static bool step_connect(struct socket_input *s)
{
   if (s->stage == IDLE) {
      if (s->in.retry_at > now_ms()) {
         return false;
      }
      int rc = s->to.host != NULL ? open_tcp(s) : open_unix(s);
      if (rc == 0) {
         start_hello(s);
         return true;
      }
      if (s->fd >= 0 && errno == EINPROGRESS) {
         s->stage = CONNECTING;
         wait_socket(s, POLLOUT);
         return false;
      }
      bool more = s->address != NULL;
      disconnect(s);
      return more ? (s->in.retry_at = 0, true) : false;
   }
   struct pollfd p = {.fd = s->fd, .events = POLLOUT};
   if (poll(&p, 1, 0) == 0) {
      wait_socket(s, POLLOUT);
      return false;
   }
   int err = 0;
   socklen_t length = sizeof(err);
   getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &length);
   if (err == 0) {
      start_hello(s);
      return true;
   }
   bool more = s->address != NULL;
   disconnect(s);
   return more ? (s->in.retry_at = 0, true) : false;
}

/* ---------------------------------------------------------------------- TLS */

/* OK: the peer is who it should be; TIMEOUT: wait or try again; BAD_CERT: it is not */
static int step_secure(struct socket_input *s)
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
   disconnect(s);
   if (step == TLS_BAD_CERT) {
      return ctx_error(s->in.ctx, TRAP_E_BAD_CERT, "TLS connection to %s:%s: %s.", s->to.host, s->to.port,
                       why);
   }
   LOG_WARNING("Input %s: TLS handshake failed: %s; trying again.", s->in.id,
               step == TLS_LOST ? why : "no answer in time");
   return TRAP_E_TIMEOUT;
}

/* As recv(2), through TLS where there is some. */
static ssize_t receive_bytes(struct socket_input *s, void *to, size_t size)
{
   return s->tls != NULL ? tls_recv(s->tls, to, size) : recv(s->fd, to, size, 0);
}

static short wanted_events(const struct socket_input *s)
{
   return s->tls != NULL && tls_wants_write(s->tls) ? POLLOUT : POLLIN;
}

/* -------------------------------------------------------------------- hello */

/* The page must not be able to shrink under the reader, which would end it with SIGBUS. */
static bool trusted_page(int fd)
{
   struct stat st;
   int seals = fcntl(fd, F_GET_SEALS);
   return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(fd, &st) == 0 &&
          st.st_size >= (off_t) LOG_CTL_SIZE;
}

/* A sender of the same user (or root) could do this process harm in simpler ways than by changing messages in use. */
static bool trusted_peer(int fd)
{
   struct ucred cred;
   socklen_t length = sizeof(cred);
   return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) == 0 &&
          (cred.uid == geteuid() || cred.uid == 0);
}

/* Maps what a local sender handed over; on any doubt the ordinary stream is used. */
static void try_local(struct socket_input *s, const int fds[SHARE_FDS])
{
   uint32_t undecided = READER_UNDECIDED;
   if (!trusted_page(fds[SHARE_PAGE]) || log_attach(&s->log, fds[SHARE_LOG]) != 0) {
      return;
   }
   void *page = mmap(NULL, LOG_CTL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[SHARE_PAGE], 0);
   if (page == MAP_FAILED) {
      log_close(&s->log);
      return;
   }
   s->page = page;
   if (!atomic_compare_exchange_strong(&s->page->mode, &undecided, READER_LOCAL)) {
      local_close(s);
      return;
   }
   s->cursor = atomic_load(&s->page->cursor);
   s->next_seq = s->page->first_seq;
   s->blocks_here = s->missed_here = 0;
   s->have_seq = true;
   s->trusted = trusted_peer(s->fd);
   peer_signal(s->fd);
}

/* Reads from the socket, taking descriptors that come along. */
static ssize_t read_hello_bytes(struct socket_input *s, size_t want)
{
   union {
      struct cmsghdr align;
      char bytes[CMSG_SPACE(SHARE_FDS * sizeof(int))];
   } control;
   struct iovec iov = {.iov_base = s->buffer + s->fill, .iov_len = want - s->fill};
   if (s->tls != NULL) {
      return receive_bytes(s, iov.iov_base, iov.iov_len);
   }
   struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
   if (s->to.host == NULL) {
      msg.msg_control = control.bytes;
      msg.msg_controllen = sizeof(control.bytes);
   }
   ssize_t n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC);
   for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL; c != NULL; c = CMSG_NXTHDR(&msg, c)) {
      int fds[SHARE_FDS];
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
         continue;
      }
      size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      memcpy(fds, CMSG_DATA(c), (count < SHARE_FDS ? count : SHARE_FDS) * sizeof(int));
      if (count == SHARE_FDS && s->page == NULL && getenv("TRAP_NO_SHM") == NULL) {
         try_local(s, fds);
      }
      for (size_t i = 0; i < count && i < SHARE_FDS; i++) {
         close(fds[i]);
      }
   }
   return n;
}

/* OK: hello complete, negotiated; TIMEOUT: wait; else the code for the caller. */
static int step_hello(struct socket_input *s)
{
   uint8_t type = 0;
   uint32_t length = 0;
   for (;;) {
      size_t want = 8;
      if (s->fill >= 8) {
         if (hello_parse(s->buffer, &type, &length) != TRAP_E_OK) {
            disconnect(s);
            return TRAP_E_NEGOTIATION_FAILED;
         }
         want = 8 + (size_t) length;
         if (!buffer_reserve(&s->buffer, &s->capacity, want)) {
            disconnect(s);
            return TRAP_E_MEMORY;
         }
      }
      if (s->fill >= 8 && s->fill == want) {
         break;
      }
      ssize_t n = read_hello_bytes(s, want);
      if (n > 0) {
         s->fill += (size_t) n;
         continue;
      }
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
         if (now_ms() >= s->hello_deadline) {
            LOG_ERROR("Negotiation failed: no hello from %s within %d ms.", s->in.id, HELLO_TIMEOUT);
            disconnect(s);
            return TRAP_E_NEGOTIATION_FAILED;
         }
         wait_socket(s, wanted_events(s));
         s->in.retry_at = s->hello_deadline;
         return TRAP_E_TIMEOUT;
      }
      if (n < 0 && errno == EACCES) { /* TLS 1.3 tells the client only now */
         disconnect(s);
         return ctx_error(s->in.ctx, TRAP_E_BAD_CERT,
                          "TLS connection to %s:%s: the sender refused the certificate.", s->to.host,
                          s->to.port);
      }
      /* Refused without a byte (too many clients, a sender that is ending): not an error, try again. */
      bool nothing = s->fill == 0;
      disconnect(s);
      return nothing ? TRAP_E_TIMEOUT : TRAP_E_NEGOTIATION_FAILED;
   }
   if (type == TRAP_FMT_UNKNOWN) {
      s->in.state = FMT_WAITING;
      disconnect(s);
      return TRAP_E_TIMEOUT;
   }
   char *spec = strndup((const char *) s->buffer + 8, length);
   s->start = s->fill = 0;
   int rc = spec != NULL ? input_negotiate(&s->in, type, spec) : TRAP_E_MEMORY;
   if (rc != TRAP_E_OK) {
      disconnect(s);
      return rc;
   }
   s->stage = STREAM;
   atomic_store(&s->in.connected, true);
   s->retry_ms = 0;
   return TRAP_E_OK;
}

/* ------------------------------------------------------------------- stream */

/* Goes on at the sender's tail, the start of a block; partial data are dropped. */
static void skip_to(struct socket_input *s, uint64_t tail)
{
   s->cursor = tail;
   atomic_store_explicit(&s->page->cursor, tail, memory_order_release);
   s->start = s->fill = 0;
}

/* Whether the sender's positions can be true; it raises tail before it commits more than a ring behind it. */
static bool plausible(const struct socket_input *s, uint64_t tail, uint64_t committed)
{
   if (committed < s->cursor || committed < tail) {
      return false;
   }
   return committed - s->cursor <= s->log.size ||
          atomic_load_explicit(&s->log.ctl->tail, memory_order_acquire) > s->cursor;
}

/* Tells the sender how far this reader is. */
static void advance(struct socket_input *s, uint64_t n)
{
   s->cursor += n;
   atomic_store(&s->page->cursor, s->cursor);
   uint64_t want = atomic_load(&s->page->want);
   if (want != 0 && s->cursor >= want) {
      atomic_store(&s->page->want, 0);
      peer_signal(s->fd);
   }
}

/* How many bytes of the log are there; 0: none, -1: the sender overtook the reader, -2: its positions make no sense. */
static int64_t available(struct socket_input *s)
{
   struct log_ctl *ctl = s->log.ctl;
   uint64_t tail =
       atomic_load_explicit(&ctl->tail, memory_order_acquire); /* first: never ahead of committed */
   uint64_t committed = atomic_load_explicit(&ctl->committed, memory_order_acquire);
   if (!plausible(s, tail, committed)) {
      LOG_ERROR("Input %s: the sender's log has impossible positions; disconnected.", s->in.id);
      return -2;
   }
   if (tail > s->cursor) {
      skip_to(s, tail);
      return -1;
   }
   uint64_t n = committed - s->cursor;
   return (int64_t) (n > s->log.size ? s->log.size : n); /* more: overtaken in this moment, seen later */
}

/* How many of the bytes there to copy at once: a block, so that none is moved again for the next one's sake. What the block says
 * of its length is not to be trusted yet. */
static size_t piece(const struct socket_input *s, uint64_t there, size_t room)
{
   uint64_t n = there;
   if (s->start == s->fill && there > BLOCK_HEADER) {
      uint64_t block = BLOCK_HEADER + (uint64_t) block_payload(log_at(&s->log, s->cursor));
      n = block < there ? block : there;
   }
   return n < room ? (size_t) n : room;
}

/* Copies bytes from the log, at most room; result as of available(). */
static int64_t read_local(struct socket_input *s, uint8_t *to, size_t room)
{
   int64_t there = available(s);
   if (there <= 0) {
      return there;
   }
   uint64_t n = piece(s, (uint64_t) there, room);
   memcpy(to, log_at(&s->log, s->cursor), n);
   /* The copy is good only if the sender had not begun to overwrite it: tail is raised before it writes. */
   atomic_thread_fence(memory_order_acquire);
   uint64_t tail = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   if (tail > s->cursor) {
      skip_to(s, tail);
      return -1;
   }
   advance(s, n);
   return (int64_t) n;
}

/* Whether the next block may be given out where it stands: nobody overwrites or changes it. */
static bool in_place(const struct socket_input *s)
{
   return s->trusted && s->start == s->fill &&
          atomic_load_explicit(&s->log.ctl->lossless, memory_order_relaxed) != 0;
}

/* Looks at the log for a while. 1: bytes were added, 0: nothing, -1: the sender's log is not to be trusted */
static int look_local(struct socket_input *s)
{
   bool here = in_place(s); /* asked once: the sender may change its mind */
   for (int look = 0; look < SPIN_LOOKS + YIELD_LOOKS; look++) {
      int64_t n = here ? available(s) : read_local(s, s->buffer + s->fill, s->capacity - s->fill);
      if (n > 0) {
         s->fill += here ? 0 : (size_t) n;
         return 1;
      }
      if (n < -1) {
         return -1;
      }
      if (n == 0 && s->hung_up) {
         return 0;
      }
      if (look < SPIN_LOOKS) {
         cpu_relax();
      } else {
         sched_yield();
      }
   }
   return 0;
}

/* 1: bytes were added, 0: wait, -1: the connection is over */
static int more_local(struct socket_input *s)
{
   while (!atomic_load_explicit(&s->in.ctx->terminated, memory_order_relaxed)) {
      int rc = look_local(s);
      if (rc != 0 || s->hung_up) {
         return rc != 0 ? rc : -1;
      }
      /* Announce sleep, then look once more: the sender looks at the flag after it has committed. */
      atomic_store(&s->page->sleeping, 1);
      if (atomic_load(&s->log.ctl->committed) == s->cursor) {
         int woken = peer_drain(s->fd);
         if (woken == 0) {
            wait_socket(s, POLLIN);
            return 0;
         }
         s->hung_up = woken < 0; /* what is in the log is still read */
      }
      atomic_store(&s->page->sleeping, 0);
   }
   wait_socket(s, POLLIN);
   return 0;
}

static int more_socket(struct socket_input *s)
{
   ssize_t n = receive_bytes(s, s->buffer + s->fill, s->capacity - s->fill);
   if (n > 0) {
      s->fill += (size_t) n;
      return 1;
   }
   if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      wait_socket(s, wanted_events(s));
      return 0;
   }
   return -1;
}

/* Makes a block the messages of the input. */
static void take_block(struct socket_input *s, const uint8_t *p, uint32_t payload, bool lent)
{
   s->in.lent = lent;
   uint64_t seq = block_seq(p);
   /* A number lower than expected is a sender that does not count well (or started again): no gap. */
   if (s->have_seq && seq > s->next_seq) {
      count_up(&s->in.missed, seq - s->next_seq);
      s->in.seq += seq - s->next_seq;
      s->missed_here += seq - s->next_seq;
      LOG_VERBOSE("Input %s: %llu messages missed.", s->in.id, (unsigned long long) (seq - s->next_seq));
   }
   s->next_seq = seq + block_count(p);
   s->have_seq = true;
   s->in.pos = s->in.first = p + BLOCK_HEADER;
   s->in.end = s->in.pos + payload;
   count_up(&s->in.bytes, payload);
   count_up(&s->in.buffers, 1);
   if (s->page != NULL) {
      atomic_store_explicit(&s->page->blocks, ++s->blocks_here, memory_order_relaxed);
      atomic_store_explicit(&s->page->missed, s->missed_here, memory_order_relaxed);
      atomic_store_explicit(&s->page->next_seq, s->next_seq, memory_order_relaxed);
   }
}

static bool too_long(struct socket_input *s, uint32_t payload, uint64_t limit)
{
   if (payload <= limit) {
      return false;
   }
   LOG_ERROR("Input %s: a buffer of %u bytes, expected at most %llu; disconnected.", s->in.id, payload,
             (unsigned long long) limit);
   return true;
}

/* The next whole block of those copied. \return false: there is none, or it is damaged */
static bool next_block(struct socket_input *s, bool *damaged)
{
   for (;;) {
      size_t have = s->fill - s->start;
      const uint8_t *p = s->buffer + s->start;
      if (have < BLOCK_HEADER) {
         return false;
      }
      uint32_t payload = block_payload(p);
      if (too_long(s, payload, LOG_MAX_PAYLOAD)) {
         *damaged = true;
         return false;
      }
      if (have < BLOCK_HEADER + (size_t) payload) {
         *damaged = !buffer_reserve(&s->buffer, &s->capacity, BLOCK_HEADER + (size_t) payload);
         return false;
      }
      s->start += BLOCK_HEADER + payload;
      if (payload > 0) {
         take_block(s, p, payload, false);
         return true;
      }
   }
}

/* The module is done with the block that it was given where it stands. */
static void let_go(struct socket_input *s)
{
   advance(s, s->held);
   s->held = 0;
   atomic_store_explicit(&s->page->holding, 0, memory_order_release);
}

/* Says that the block at cursor is in use. \return false: the sender has ended this in that moment */
static bool hold(struct socket_input *s, uint64_t size)
{
   atomic_store(&s->page->holding,
                1); /* before the look at lossless: the sender does it the other way round */
   if (atomic_load(&s->log.ctl->lossless) == 0) {
      atomic_store(&s->page->holding, 0);
      return false;
   }
   s->held = size;
   return true;
}

/* The same of the blocks in the log. */
static bool next_block_in_place(struct socket_input *s, bool *damaged)
{
   for (;;) {
      int64_t there = available(s);
      if (there <= 0) {
         *damaged = there < -1;
         return false;
      }
      const uint8_t *p = log_at(&s->log, s->cursor);
      uint32_t payload = block_payload(p);
      if (there < (int64_t) BLOCK_HEADER || too_long(s, payload, (uint64_t) there - BLOCK_HEADER)) {
         *damaged = true; /* blocks are committed whole */
         return false;
      }
      if (payload == 0) {
         advance(s, BLOCK_HEADER);
         continue;
      }
      if (!hold(s, BLOCK_HEADER + (uint64_t) payload)) {
         return false;
      }
      take_block(s, p, payload, true);
      return true;
   }
}

static void socket_copied(struct trap_input *in)
{
   let_go((struct socket_input *) in);
}

static int socket_fill(struct trap_input *in)
{
   struct socket_input *s = (struct socket_input *) in;
   if (s->held > 0) {
      let_go(s);
   }
   for (;;) {
      bool damaged = false;
      if (s->stage == IDLE || s->stage == CONNECTING) {
         if (!step_connect(s)) {
            return TRAP_E_TIMEOUT;
         }
         continue;
      }
      if (s->stage == SECURING) {
         int rc = step_secure(s);
         if (rc != TRAP_E_OK) {
            return rc;
         }
      }
      if (s->stage == HELLO) {
         int rc = step_hello(s);
         if (rc != TRAP_E_OK) {
            return rc;
         }
      }
      if (s->page != NULL && in_place(s) ? next_block_in_place(s, &damaged) : next_block(s, &damaged)) {
         return TRAP_E_OK;
      }
      if (damaged) {
         disconnect(s);
         continue;
      }
      s->in.first = NULL;
      if (s->start > 0) {
         memmove(s->buffer, s->buffer + s->start, s->fill - s->start);
         s->fill -= s->start;
         s->start = 0;
      }
      int more = s->page != NULL ? more_local(s) : more_socket(s);
      if (more == 0) {
         return TRAP_E_TIMEOUT;
      }
      if (more < 0) {
         disconnect(s);
      }
   }
}

static int socket_damaged(struct trap_input *in)
{
   disconnect((struct socket_input *) in);
   return TRAP_E_OK;
}

static void socket_destroy(struct trap_input *in)
{
   struct socket_input *s = (struct socket_input *) in;
   disconnect(s);
   if (s->addresses != NULL) {
      freeaddrinfo(s->addresses);
   }
   sender_address_free(&s->to);
   free(s->buffer);
   free(s->in.copies);
   free(s);
}

static void socket_dump(const struct trap_input *in, FILE *file)
{
   const struct socket_input *s = (const struct socket_input *) in;
   fprintf(file, "Dest addr: %s\nDest port: %s\nConnected: %d\nTerminated: %d\nSocket descriptor: %d\n",
           s->to.host != NULL ? s->to.host : s->to.path, s->to.port, s->stage == STREAM,
           (int) atomic_load(&in->ctx->terminated), s->fd);
   fprintf(file, "Socket type: %d\nData pointer: %zu\nData wait size: %zu\n",
           s->to.host != NULL ? AF_INET : AF_UNIX, s->start, s->fill - s->start);
   fprintf(file, "Message header: next number %llu\n", (unsigned long long) s->next_seq);
   fprintf(file, "Extern buffer pointer: %zu\nExtern buffer data size: %zu\n",
           in->first != NULL ? (size_t) (in->pos - in->first) : 0,
           in->first != NULL ? (size_t) (in->end - in->first) : 0);
   fprintf(file, "Timeout: %dus (%s)\n", (int) in->timeout, TRAP_TIMEOUT_STR(in->timeout));
}

static const struct input_ops socket_ops = {
    .fill = socket_fill,
    .damaged = socket_damaged,
    .copied = socket_copied,
    .destroy = socket_destroy,
    .dump = socket_dump,
};

int input_socket_create(struct trap_context *ctx, char type, const char *params, struct trap_input **in)
{
   struct socket_input *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   s->fd = s->log.fd = -1;
   s->in.ops = &socket_ops;
   int rc = sender_address_parse(ctx, &s->to, type, params);
   if (rc == TRAP_E_OK && (!buffer_reserve(&s->buffer, &s->capacity, BUFFER_SIZE) ||
                           (type == TRAP_IFC_TYPE_UNIX && (s->in.copies = malloc(COPIES_SIZE)) == NULL))) {
      rc = ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   s->in.id = s->to.port;
   if (rc != TRAP_E_OK) {
      socket_destroy(&s->in);
      return rc;
   }
   s->in.retry_at = 0;
   *in = &s->in;
   return TRAP_E_OK;
}
