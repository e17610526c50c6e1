/* SPDX-License-Identifier: BSD-3-Clause */
/** Output over sockets, the sender's side: messages into the log, room in it, formats, end. */
#include "out_socket.h"
#include "socket.h"
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define CACHE_LINE  64
#define LINES_AHEAD 1024 /* bytes */
#define MAX_LINES   4  /* asked for with a message: behind that the processor sees by itself where it goes */
#define YIELD_LOOKS 30 /* looks for room, each after others had the processor, before going to sleep */
#define LET_GO_MS   1000    /* that a reader may have a block when the sender stops to wait for readers */
#define DRAIN_STALL 5000000 /* us without progress after which what a client has not taken is dropped */
#define LOSSY_DRAIN 1000000 /* us that a format change waits for clients of a NO_WAIT output */

/* Wakes local readers that sleep, and the I/O thread for the others. */
static void announce(struct socket_output *s)
{
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      struct client *c = s->slot[i];
      if (c->mode == READER_LOCAL && atomic_load(&c->page->sleeping) != 0) {
         atomic_store(&c->page->sleeping, 0);
         peer_signal(c->fd);
      }
   }
   if (atomic_load_explicit(&s->n_stream, memory_order_relaxed) > 0) {
      io_kick(s->out.ctx);
   }
}

bool output_finish_block(struct socket_output *s)
{
   if (s->count == 0) {
      return false;
   }
   uint32_t payload = (uint32_t) (s->head - s->block - BLOCK_HEADER);
   block_header_write(log_at(&s->log, s->block), payload, s->block_seq, (uint16_t) s->count);
   s->block = s->head;
   s->block_seq = s->seq;
   s->count = 0;
   atomic_store(&s->log.ctl->committed, s->block);
   atomic_store_explicit(&s->block_since, 0, memory_order_relaxed);
   atomic_fetch_add_explicit(&s->blocks, 1, memory_order_relaxed);
   announce(s);
   return true;
}

static uint64_t client_pos(const struct client *c)
{
   return c->mode == READER_LOCAL ? atomic_load(&c->page->cursor) : atomic_load(&c->pos);
}

/* First position that some client still needs, but for those that stall. */
static uint64_t slowest(const struct socket_output *s)
{
   uint64_t tail = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   uint64_t min = s->block;
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      uint64_t pos = client_pos(s->slot[i]);
      if (s->slot[i]->stalled && pos != s->slot[i]->seen_pos) {
         s->slot[i]->stalled = false; /* it moves again */
      }
      if (pos < tail) { /* a reader's own word is clamped, never believed */
         pos = tail;
      }
      if (pos < min && !s->slot[i]->stalled) {
         min = pos;
      }
   }
   return min;
}

/* The tail stands at the start of a block, so that an overtaken reader can go on from there. */
static uint64_t last_block_start(const struct socket_output *s, uint64_t pos)
{
   uint64_t start = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   if (pos >= s->block) {
      return s->block;
   }
   for (;;) {
      uint64_t next = start + BLOCK_HEADER + block_payload(log_at(&s->log, start));
      if (next > pos) {
         return start;
      }
      start = next;
   }
}

/* Makes room up to a whole ring behind the block that tail is in. */
static void set_limit(struct socket_output *s, uint64_t tail)
{
   tail = last_block_start(s, tail);
   /* Readers must see the new tail before a byte behind it changes. */
   atomic_store_explicit(&s->log.ctl->tail, tail, memory_order_release);
   atomic_thread_fence(memory_order_seq_cst);
   s->limit = tail + s->log.size;
}

/* Makes room up to a ring behind tail; clients that are not there yet lose what lies between. */
static void overrun(struct socket_output *s, uint64_t tail)
{
   tail = last_block_start(s, tail);
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      struct client *c = s->slot[i];
      if (c->mode != READER_LOCAL && atomic_load(&c->pos) < tail) {
         client_overrun(c, tail);
         c->seen_pos = atomic_load(&c->pos);
      }
   }
   set_limit(s, tail);
}

/* The sender begins to wait: where is everybody? */
static void note_positions(struct socket_output *s)
{
   for (uint32_t i = 0; i < atomic_load(&s->n_clients); i++) {
      struct client *c = s->slot[i];
      uint64_t pos = client_pos(c);
      c->stalled = c->stalled && pos == c->seen_pos;
      c->seen_pos = pos;
   }
}

/* The sender has waited for maxstall: who has not moved meanwhile, is not waited for until it does. */
static void mark_stalled(struct socket_output *s)
{
   for (uint32_t i = 0; i < atomic_load(&s->n_clients); i++) {
      struct client *c = s->slot[i];
      if (!c->stalled && client_pos(c) == c->seen_pos && c->seen_pos < s->block) {
         c->stalled = true;
         LOG_WARNING(
             "Output %s: client %llu has not moved for %u ms and is not waited for; it loses messages.",
             s->out.id, (unsigned long long) c->id, s->maxstall);
      }
   }
}

/* Local readers tell when they have come this far. */
static void ask_for_space(struct socket_output *s, uint64_t end)
{
   uint64_t want = end - s->log.size + s->log.size / 4 + s->buffer_size;
   if (want > s->block) {
      want = s->block;
   }
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      struct client *c = s->slot[i];
      if (c->mode == READER_LOCAL && atomic_load(&c->page->cursor) < want) {
         atomic_store(&c->page->want, want);
      }
   }
}

static bool enough_clients(struct socket_output *s)
{
   uint32_t n = atomic_load(&s->n_clients);
   if (!s->had_min && n >= s->min_clients) {
      s->had_min = true;
   }
   return s->had_min && n > 0;
}

/* OK: limit is beyond end; TIMEOUT: not now. Called under spin. */
static int try_room(struct socket_output *s, uint64_t end, int32_t timeout)
{
   if (!enough_clients(s)) {
      if (timeout == TRAP_WAIT || !s->had_min) {
         return TRAP_E_TIMEOUT;
      }
      set_limit(s, s->block);
      return TRAP_E_OK;
   }
   uint64_t tail = slowest(s);
   if (s->maxstall > 0) {
      overrun(s, tail); /* who stalls is left behind */
   } else {
      set_limit(s, tail);
   }
   if (end <= s->limit) {
      return TRAP_E_OK;
   }
   if (timeout == TRAP_NO_WAIT && !atomic_load(&s->lossless)) {
      overrun(s, end - s->log.size + s->log.size / 8 + s->buffer_size);
      return TRAP_E_OK;
   }
   return TRAP_E_TIMEOUT;
}

/* Announces that progress is waited for. \return what it is now, for wait_change() */
static uint64_t begin_wait(struct socket_output *s)
{
   uint64_t seen = atomic_load(&s->progress);
   atomic_store(&s->waiting, true);
   return seen;
}

/* Waits for a change since progress was seen, until deadline (monotonic us, -1: none). */
static bool wait_change(struct socket_output *s, uint64_t seen, int64_t deadline)
{
   int rc = 0;
   struct timespec ts = {.tv_sec = deadline / 1000000, .tv_nsec = deadline % 1000000 * 1000};
   pthread_mutex_lock(&s->mtx);
   while (rc == 0 && atomic_load(&s->progress) == seen) {
      rc = deadline < 0 ? pthread_cond_wait(&s->changed, &s->mtx)
                        : pthread_cond_timedwait(&s->changed, &s->mtx, &ts);
   }
   pthread_mutex_unlock(&s->mtx);
   return rc == 0;
}

/* Until when a send waits, and until when for clients that do not move (monotonic us; -1: for ever, 0: not set). */
struct patience {
   int64_t end, stall;
};

static void begin_patience(struct socket_output *s, struct patience *p, int32_t timeout)
{
   if (p->end == 0) {
      int64_t now = timeout > 0 || s->maxstall > 0 ? now_us() : 0;
      p->end = timeout > 0 ? now + timeout : -1;
      p->stall = s->maxstall > 0 ? now + (int64_t) s->maxstall * 1000 : -1;
      note_positions(s);
   }
}

/* \return TIMEOUT when the wait is over in vain */
static int end_wait(struct socket_output *s, struct patience *p, bool changed)
{
   if (atomic_load(&s->out.ctx->terminated)) {
      return TRAP_E_TERMINATED;
   }
   if (changed) {
      return TRAP_E_OK;
   }
   if (p->stall >= 0 && (p->end < 0 || p->stall < p->end)) {
      mark_stalled(s);
      note_positions(s);
      p->stall = now_us() + (int64_t) s->maxstall * 1000;
      return TRAP_E_OK;
   }
   return TRAP_E_TIMEOUT;
}

/* One step towards room up to position end; OK means look again. Called under spin, which is let go while waiting. */
static int make_room(struct socket_output *s, uint64_t end, struct patience *p)
{
   int32_t timeout = atomic_load(&s->out.timeout);
   if (try_room(s, end, timeout) == TRAP_E_OK) {
      return TRAP_E_OK;
   }
   if (output_finish_block(s)) { /* readers cannot go on without what waits in the active block */
      return TRAP_E_OK;
   }
   begin_patience(s, p, timeout);
   for (int look = 0; look < YIELD_LOOKS && enough_clients(s); look++) { /* most readers are quick */
      output_unlock(s);
      sched_yield();
      output_lock(s);
      if (try_room(s, end, timeout) == TRAP_E_OK) {
         return TRAP_E_OK;
      }
   }
   uint64_t seen = begin_wait(s);
   ask_for_space(s, end);
   if (try_room(s, end, timeout) == TRAP_E_OK) {
      return TRAP_E_OK;
   }
   int64_t until = p->stall >= 0 && (p->end < 0 || p->stall < p->end) ? p->stall : p->end;
   output_unlock(s);
   bool changed = !atomic_load(&s->out.ctx->terminated) && wait_change(s, seen, until);
   output_lock(s);
   return end_wait(s, p, changed);
}

/* Makes the bytes behind its length a message. Called under spin, or by the owner inside. */
static inline void put_header(struct socket_output *s, uint16_t size)
{
   uint8_t *p = s->put;
   uint16_t network = htons(size);
   memcpy(p, &network, sizeof(network));
   s->put = p + 2 + size;
   s->head += 2u + size;
   s->seq++;
   s->count++;
}

/* Cache lines that readers have are slow to get back, and stores wait for them one after the other: they are asked for early. */
static inline void ask_for_lines(const struct socket_output *s, uint16_t size)
{
   uintptr_t at = (uintptr_t) s->put + LINES_AHEAD, end = at + 2u + size;
   end = end < at + MAX_LINES * CACHE_LINE ? end : at + MAX_LINES * CACHE_LINE;
   for (at = (at + CACHE_LINE - 1) & ~(uintptr_t) (CACHE_LINE - 1); at < end; at += CACHE_LINE) {
#ifdef __x86_64__
      __asm__ volatile("prefetchw %0" : : "m"(*(const uint8_t *) at));
#else
      __builtin_prefetch((const void *) at, 1);
#endif
   }
}

/* Puts a message where there is room for it. */
static inline void put_message(struct socket_output *s, const void *data, uint16_t size)
{
   ask_for_lines(s, size);
   memcpy(s->put + 2, data, size);
   put_header(s, size);
}

/* Room for a message of need bytes at head, waiting for it as the timeout says. Called under spin. */
static int find_room(struct socket_output *s, uint32_t need)
{
   struct patience patience = {0, 0};
   for (;;) {
      if (s->count > 0 && (s->head + need > s->block + s->buffer_size || s->count == UINT16_MAX)) {
         output_finish_block(s);
      }
      uint64_t pos = s->count > 0 ? s->head : s->block + BLOCK_HEADER;
      if (pos + need <= s->limit) {
         s->head = pos;
         s->put = log_at(&s->log, pos);
         return TRAP_E_OK;
      }
      int rc = make_room(s, pos + need, &patience);
      if (rc != TRAP_E_OK) {
         return rc;
      }
   }
}

/* After a message was added. Called under spin. */
static void message_added(struct socket_output *s)
{
   if (!atomic_load_explicit(&s->out.buffered, memory_order_relaxed)) {
      output_finish_block(s);
   } else if (s->count == 1) {
      /* The autoflush timer counts from here; the I/O thread sleeps as long as nothing waits. */
      atomic_store_explicit(&s->block_since, now_us(), memory_order_relaxed);
      io_arm(s->out.ctx);
   }
}

static int check_size(struct socket_output *s, uint16_t size)
{
   if (s->log.ctl == NULL) {
      return TRAP_E_NOT_INITIALIZED;
   }
   if (size + 2u > s->buffer_size - BLOCK_HEADER) {
      LOG_ERROR("Output %s: a message of %u bytes does not fit in a buffer of %u bytes.", s->out.id, size,
                s->buffer_size);
      return TRAP_E_MEMORY;
   }
   return TRAP_E_OK;
}

static __attribute__((noinline)) int send_slow(struct socket_output *s, const void *data, uint16_t size)
{
   int rc = check_size(s, size);
   if (rc != TRAP_E_OK) {
      return rc;
   }
   output_lock(s);
   settle_owner(s);
   rc = find_room(s, size + 2u);
   if (rc == TRAP_E_OK) {
      put_message(s, data, size);
      message_added(s);
   }
   output_unlock(s);
   return rc;
}

/* Whether a message of need bytes can go behind the last one without further ado. By the owner inside. */
static inline bool fits(const struct socket_output *s, uint32_t need)
{
   uint64_t end = s->head + need;
   return s->count > 0 && s->count < UINT16_MAX && end <= s->block + s->buffer_size && end <= s->limit &&
          atomic_load_explicit(&s->out.buffered, memory_order_relaxed);
}

static int socket_send(struct trap_output *out, const void *data, uint16_t size)
{
   struct socket_output *s = (struct socket_output *) out;
   if (output_enter(s)) {
      bool done = fits(s, 2u + size);
      if (done) {
         put_message(s, data, size);
      }
      output_leave(s);
      if (done) {
         return TRAP_E_OK;
      }
   }
   return send_slow(s, data, size);
}

/* Room for a message of up to size bytes, behind the header of a block that may begin meanwhile. */
static int socket_reserve(struct trap_output *out, uint16_t size, void **data)
{
   struct socket_output *s = (struct socket_output *) out;
   uint32_t need = 2u + size + BLOCK_HEADER;
   int rc = TRAP_E_OK;
   bool done = output_enter(s);
   if (done) {
      done = fits(s, need);
      output_leave(s);
   }
   if (!done) {
      rc = need <= s->buffer_size - BLOCK_HEADER ? check_size(s, size) : TRAP_E_MEMORY;
      if (rc == TRAP_E_OK) {
         output_lock(s);
         settle_owner(s);
         rc = find_room(s, need);
         output_unlock(s);
      }
   }
   s->reserved = rc == TRAP_E_OK ? s->put + 2 : NULL;
   s->reserved_seq = s->seq;
   *data = s->reserved;
   return rc;
}

/* The block may have been finished meanwhile (autoflush): then the message begins another one, behind its header. */
static int commit_slow(struct socket_output *s, uint16_t size)
{
   output_lock(s);
   if (s->count == 0 && s->put + 2 == s->reserved && s->head == s->block) {
      memmove(s->put + 2 + BLOCK_HEADER, s->put + 2, size);
      s->head += BLOCK_HEADER;
      s->put += BLOCK_HEADER;
   }
   put_header(s, size);
   message_added(s);
   output_unlock(s);
   return TRAP_E_OK;
}

static int socket_commit(struct trap_output *out, uint16_t size)
{
   struct socket_output *s = (struct socket_output *) out;
   if (s->reserved == NULL || s->reserved_seq != s->seq) {
      return TRAP_E_BAD_FPARAMS; /* nothing reserved, or another message was sent since */
   }
   if (output_enter(s)) {
      bool done = fits(s, 2u + size);
      if (done) {
         put_header(s, size);
      }
      output_leave(s);
      if (done) {
         s->reserved = NULL;
         return TRAP_E_OK;
      }
   }
   int rc = commit_slow(s, size);
   s->reserved = NULL;
   return rc;
}

static void socket_flush(struct trap_output *out)
{
   struct socket_output *s = (struct socket_output *) out;
   if (s->log.ctl == NULL) {
      return;
   }
   output_lock(s);
   if (output_finish_block(s)) {
      atomic_fetch_add(&out->autoflushes, 1);
   }
   output_unlock(s);
}

/* Bytes that socket clients have not been sent yet (undecided ones count as such). */
static uint64_t backlog(struct socket_output *s)
{
   uint64_t left = 0;
   output_lock(s);
   uint32_t n = atomic_load(&s->n_clients);
   for (uint32_t i = 0; i < n; i++) {
      const struct client *c = s->slot[i];
      if (c->mode != READER_LOCAL) {
         left += s->block - atomic_load(&c->pos) + (c->spill_size - c->spill_sent) +
                 (c->hello_size - c->hello_sent) + (c->mode == READER_UNDECIDED);
      }
   }
   output_unlock(s);
   return left;
}

/* Lets clients take what is finished; gives up after stall us without progress. */
static void drain(struct socket_output *s, int64_t stall)
{
   int64_t since = now_us();
   uint64_t last = UINT64_MAX;
   io_wake(s->out.ctx);
   for (;;) {
      uint64_t seen = begin_wait(s);
      uint64_t left = backlog(s);
      int64_t now = now_us();
      if (left == 0) {
         return;
      }
      if (left != last) {
         last = left;
         since = now;
      }
      if (now - since >= stall) {
         LOG_WARNING("Output %s: %llu bytes that clients did not take were dropped.", s->out.id,
                     (unsigned long long) left);
         return;
      }
      wait_change(s, seen, since + stall);
   }
}

static void close_log(struct socket_output *s)
{
   output_lock(s);
   if (s->log.ctl != NULL) {
      atomic_store(&s->log.ctl->closed, 1);
      log_close(&s->log);
   }
   s->block = s->head = s->limit = 0;
   s->count = 0;
   output_unlock(s);
}

/* Old format first, to the last byte; then a new log, so that local readers finish the old one on their own. */
static int socket_change_format(struct trap_output *out, uint8_t type, const char *spec)
{
   struct socket_output *s = (struct socket_output *) out;
   int32_t timeout = atomic_load(&out->timeout);
   if (s->log.ctl != NULL) {
      socket_flush(out);
      drain(s, timeout == TRAP_WAIT || timeout == TRAP_HALFWAIT ? DRAIN_STALL
               : timeout > LOSSY_DRAIN                          ? timeout
                                                                : LOSSY_DRAIN);
      pthread_mutex_lock(&s->mtx);
      s->accepting = false;
      pthread_mutex_unlock(&s->mtx);
      io_order(s, ORDER_DISCONNECT);
      close_log(s);
   }
   uint8_t *hello;
   size_t hello_size = hello_make(type, spec, &hello);
   uint64_t ring = (uint64_t) s->buffer_size * (s->buffer_count < 4 ? 4 : s->buffer_count);
   struct trap_log log;
   int err = hello_size > 0 ? log_create(&log, ring) : -ENOMEM;
   if (err != 0) {
      LOG_ERROR("Output %s: cannot make a log of %llu bytes: %s", out->id, (unsigned long long) ring,
                strerror(-err));
      free(hello);
      return TRAP_E_MEMORY;
   }
   output_lock(s);
   s->log = log;
   atomic_store(&s->lossless, timeout != TRAP_NO_WAIT && s->maxstall == 0);
   atomic_store(&log.ctl->lossless, atomic_load(&s->lossless));
   output_unlock(s);
   pthread_mutex_lock(&s->mtx);
   free(s->hello);
   s->hello = hello;
   s->hello_size = hello_size;
   s->accepting = true;
   io_watch(out->ctx, s->listen_fd, &s->source, EPOLLIN);
   pthread_mutex_unlock(&s->mtx);
   return TRAP_E_OK;
}

static int socket_clients(struct trap_output *out)
{
   return (int) atomic_load(&((struct socket_output *) out)->n_clients);
}

/* Whether a local reader has a block in use where it stands. */
static bool any_holding(struct socket_output *s)
{
   bool holding = false;
   output_lock(s);
   for (uint32_t i = 0; i < atomic_load(&s->n_clients); i++) {
      holding |= s->slot[i]->page != NULL && atomic_load(&s->slot[i]->page->holding) != 0;
   }
   output_unlock(s);
   return holding;
}

/* A sender that does not wait may overwrite what readers have not read; so they must not use it where it stands. Who does
 * not let go of a block in time keeps the log, and everybody else gets a new one. */
static void end_lossless(struct socket_output *s)
{
   atomic_store(&s->log.ctl->lossless, 0);
   for (int64_t deadline = now_ms() + LET_GO_MS; any_holding(s);) {
      if (now_ms() > deadline) {
         socket_change_format(&s->out, s->out.format_type, s->out.format_spec);
         return;
      }
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
   }
   atomic_store(&s->lossless, false);
}

static void socket_control(struct trap_output *out)
{
   struct socket_output *s = (struct socket_output *) out;
   if (s->log.ctl != NULL && atomic_load(&s->lossless) && atomic_load(&out->timeout) == TRAP_NO_WAIT) {
      end_lossless(s);
   }
   if (!atomic_load(&out->buffered)) {
      socket_flush(out);
   }
   output_lock(s);
   s->limit = 0; /* the next message looks at the new timeout */
   output_unlock(s);
   output_changed(s);
   io_wake(out->ctx);
}

static void free_params(struct socket_output *s)
{
   tls_config_free(s->tls);
   free(s->name);
   free(s->group);
   free(s->address);
}

static void socket_destroy(struct trap_output *out)
{
   struct socket_output *s = (struct socket_output *) out;
   if (s->listen_fd >= 0) {
      if (s->log.ctl != NULL) {
         socket_flush(out);
         drain(s, DRAIN_STALL);
      }
      io_order(s, ORDER_DETACH);
      close(s->listen_fd);
      if (s->path[0] != 0) {
         unlink(s->path);
      }
   }
   close_log(s);
   pthread_mutex_destroy(&s->mtx);
   pthread_cond_destroy(&s->changed);
   free_params(s);
   free(s->hello);
   free(s);
}

static const struct output_ops socket_ops = {
    .send = socket_send,
    .reserve = socket_reserve,
    .commit = socket_commit,
    .flush = socket_flush,
    .change_format = socket_change_format,
    .clients = socket_clients,
    .control = socket_control,
    .destroy = socket_destroy,
    .dump = output_dump,
};

/* "name=value" as a number within limits; anything else is said and leaves the default. */
static bool number_param(const char *param, const char *name, long min, long max, uint32_t *value)
{
   size_t n = strlen(name);
   char *end;
   if (strncmp(param, name, n) != 0 || param[n] != '=') {
      return false;
   }
   long v = strtol(param + n + 1, &end, 10);
   if (end == param + n + 1 || *end != 0 || v < min) {
      LOG_ERROR("Parameter %s ignored: expected a number from %ld to %ld.", param, min, max);
   } else if (v > max) {
      LOG_WARNING("Parameter %s is too large, %ld is used.", param, max);
      *value = (uint32_t) max;
   } else {
      *value = (uint32_t) v;
   }
   return true;
}

static void parse_param(struct socket_output *s, const char *param)
{
   char *end;
   if (number_param(param, "max_clients", 1, MAX_CLIENTS, &s->max_clients) ||
       number_param(param, "min_clients", 0, MAX_CLIENTS, &s->min_clients) ||
       number_param(param, "maxstall", 0, 3600000, &s->maxstall) ||
       number_param(param, "buffer_count", 1, 10000, &s->buffer_count) ||
       number_param(param, "buffer_size", MIN_BUFFER, MAX_BUFFER, &s->buffer_size)) {
      return;
   }
   if (strncmp(param, "mode=", 5) == 0) {
      unsigned long mode = strtoul(param + 5, &end, 8);
      if (end == param + 5 || *end != 0 || mode > 0777) {
         LOG_ERROR("Parameter %s ignored: expected octal digits from 0 to 777.", param);
      } else {
         s->mode = (mode_t) mode;
      }
   } else if (strncmp(param, "group=", 6) == 0) {
      free(s->group);
      s->group = strdup(param + 6);
   } else if (strncmp(param, "bind=", 5) == 0 && s->out.type != TRAP_IFC_TYPE_UNIX) {
      free(s->address);
      s->address = strdup(param + 5);
   } else if (*param != 0) {
      LOG_ERROR("Unknown parameter \"%s\".", param);
   }
}

/* The three files of T. \return what follows them; *rc tells of a mistake */
static const char *parse_tls(struct trap_context *ctx, struct socket_output *s, const char *rest, int *rc)
{
   char *files[TLS_FILES] = {NULL};
   for (int i = 0; i < TLS_FILES && rest != NULL; i++) {
      rest = trap_get_param_by_delimiter(rest, &files[i], ':');
   }
   s->tls = tls_config_of(ctx, true, files, NULL);
   *rc = s->tls != NULL ? TRAP_E_OK : TRAP_E_BADPARAMS;
   for (int i = 0; i < TLS_FILES; i++) {
      free(files[i]);
   }
   return rest;
}

static int parse_params(struct trap_context *ctx, struct socket_output *s, const char *params)
{
   int rc = TRAP_E_OK;
   const char *rest = trap_get_param_by_delimiter(params, &s->name, ':');
   if (s->name == NULL || s->name[0] == 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'port' for %s IFC.", socket_type_name(s->out.type));
   }
   if (s->out.type == TRAP_IFC_TYPE_TLS) {
      rest = parse_tls(ctx, s, rest, &rc);
   }
   if (rc != TRAP_E_OK) {
      return rc;
   }
   while (rest != NULL) {
      char *param = NULL;
      rest = trap_get_param_by_delimiter(rest, &param, ':');
      if (param == NULL) {
         return ctx_error(ctx, TRAP_E_MEMORY, NULL);
      }
      parse_param(s, param);
      free(param);
   }
   return s->out.type != TRAP_IFC_TYPE_UNIX ? check_tcp_port(ctx, s->name)
                                            : unix_socket_path(ctx, s->name, s->path, sizeof(s->path));
}

int output_socket_create(struct trap_context *ctx, char type, const char *params, struct trap_output **out)
{
   struct socket_output *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
   if (s == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   memset(s, 0, sizeof(*s));
   pthread_condattr_t attr;
   pthread_condattr_init(&attr);
   pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
   pthread_cond_init(&s->changed, &attr);
   pthread_condattr_destroy(&attr);
   pthread_mutex_init(&s->mtx, NULL);
   s->out.ops = &socket_ops;
   s->out.ctx = ctx;
   s->out.type = type;
   s->listen_fd = s->log.fd = -1;
   s->max_clients = MAX_CLIENTS;
   s->buffer_count = DEFAULT_BUFFERS;
   s->buffer_size = DEFAULT_BUFFER;
   s->mode = 0660;
   s->accepting = true;
   int rc = parse_params(ctx, s, params);
   s->out.id = s->name;
   if (rc == TRAP_E_OK) {
      rc = io_start(ctx);
   }
   if (rc == TRAP_E_OK) {
      rc = type != TRAP_IFC_TYPE_UNIX ? listen_tcp(ctx, s) : listen_unix(ctx, s);
   }
   if (rc != TRAP_E_OK) {
      if (s->listen_fd < 0) {
         s->path[0] = 0;
      }
      socket_destroy(&s->out);
      return rc;
   }
   io_attach(ctx, s);
   *out = &s->out;
   return TRAP_E_OK;
}
