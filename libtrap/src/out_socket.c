/* SPDX-License-Identifier: BSD-3-Clause */
/** Output over sockets, the sender's side: messages into the log, room in it, formats, end. */
#include "out_socket.h"
#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ROOM_BUSY   (-1)    /* no result of a call */
#define INSIDE_MAX  64      /* messages of a batch that the owner copies before it lets other threads in */
#define YIELD_LOOKS 30      /* looks for room, each after others had the processor, before going to sleep */
#define RELEASE_MS  1000    /* that a reader may keep a block when the sender ceases to wait for readers */
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
         peer_signal(c->source.fd);
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
   uint32_t payload = (uint32_t) (s->put - s->start - BLOCK_HEADER);
   block_header_write(s->start, payload, s->block_seq, (uint16_t) s->count);
   s->block = head(s);
   s->start = s->put;
   s->block_seq = next_seq(s);
   count_up(&s->out.sent, s->count);
   s->count = 0;
   atomic_store_explicit(&s->room_end, 0, memory_order_relaxed);
   atomic_store(&s->log.ctl->committed, s->block);
   atomic_store_explicit(&s->block_since, 0, memory_order_relaxed);
   count_up(&s->blocks, 1);
   announce(s);
   return true;
}

static uint64_t client_pos(const struct client *c)
{
   return c->mode == READER_LOCAL ? atomic_load(&c->page->cursor) : atomic_load(&c->pos);
}

/* First position that must stay for a client. Of what a reader that resumes has read, half a log stays, so that a sender that waits
 * does not overwrite what is not acknowledged. A client that has not chosen between log and stream yet may be such a reader. */
static uint64_t needed_pos(const struct socket_output *s, const struct client *c)
{
   uint64_t pos = client_pos(c);
   if (c->name != NULL) {
      return pos > s->log.size / 2 ? pos - s->log.size / 2 : 0;
   }
   return c->mode == READER_UNDECIDED && atomic_load_explicit(&s->n_names, memory_order_relaxed) > 0 ? 0
                                                                                                     : pos;
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
      pos = needed_pos(s, s->slot[i]);
      if (pos < tail) { /* readers' positions are not trusted: clamp them */
         pos = tail;
      }
      if (pos < min && !s->slot[i]->stalled) {
         min = pos;
      }
   }
   return min;
}

/* The tail is the start of a block, so that an overrun reader can continue there. */
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

/* Frees room up to a whole ring after the block that tail is in. */
static void set_limit(struct socket_output *s, uint64_t tail)
{
   tail = last_block_start(s, tail);
   /* Readers must see the new tail before a byte after it changes. */
   atomic_store_explicit(&s->log.ctl->tail, tail, memory_order_release);
   atomic_thread_fence(memory_order_seq_cst);
   s->limit = tail + s->log.size;
}

/* Frees room up to a ring after tail; slower clients lose the data in between. \return false: not now, because
 * a client is being served */
static bool overrun(struct socket_output *s, uint64_t tail)
{
   tail = last_block_start(s, tail);
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      struct client *c = s->slot[i];
      if (c->mode != READER_LOCAL && atomic_load(&c->pos) < tail) {
         if (!client_overrun(c, tail)) {
            return false;
         }
         c->seen_pos = atomic_load(&c->pos);
      }
   }
   set_limit(s, tail);
   return true;
}

/* The sender begins to wait: records the position of each client. */
static void note_positions(struct socket_output *s)
{
   for (uint32_t i = 0; i < atomic_load(&s->n_clients); i++) {
      struct client *c = s->slot[i];
      uint64_t pos = client_pos(c);
      c->stalled = c->stalled && pos == c->seen_pos;
      c->seen_pos = pos;
   }
}

/* The sender has waited for maxstall: clients that have not moved are not waited for until they do. */
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

/* Asks local readers for a signal when they have read up to a position. */
static void ask_for_space(struct socket_output *s, uint64_t end)
{
   uint64_t want = end - s->log.size + s->log.size / 4 + s->buffer_size;
   if (want > s->block) {
      want = s->block;
   }
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      struct client *c = s->slot[i];
      uint64_t at = c->name != NULL ? want + s->log.size / 2 : want;
      at = at < s->block ? at : s->block;
      if (c->mode == READER_LOCAL && atomic_load(&c->page->cursor) < at) {
         atomic_store(&c->page->want, at);
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

/* What readers that resume have not acknowledged stays in the log as long as there is room: so tail is raised no further than the
 * next messages need, up to end. */
static uint64_t kept_tail(const struct socket_output *s, uint64_t tail, uint64_t end)
{
   uint64_t now = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   uint64_t need = end + s->log.size / 16 + s->buffer_size;
   uint64_t keep = need > s->log.size ? need - s->log.size : 0;
   if (atomic_load_explicit(&s->n_names, memory_order_relaxed) == 0) {
      return tail;
   }
   keep = keep > now ? keep : now;
   return keep < tail ? keep : tail;
}

/* OK: limit is beyond end; TIMEOUT: not now; ROOM_BUSY: at once, without spin in between. Called under spin. */
static int try_room(struct socket_output *s, uint64_t end, int32_t timeout)
{
   if (!enough_clients(s)) {
      if (timeout == TRAP_WAIT || !s->had_min) {
         return TRAP_E_TIMEOUT;
      }
      set_limit(s, kept_tail(s, s->block, end));
      return TRAP_E_OK;
   }
   uint64_t tail = kept_tail(s, slowest(s), end);
   if (s->maxstall > 0) {
      if (!overrun(s, tail)) { /* clients that stall are overrun */
         return ROOM_BUSY;
      }
   } else {
      set_limit(s, tail);
   }
   if (end <= s->limit) {
      return TRAP_E_OK;
   }
   if (timeout == TRAP_NO_WAIT && !atomic_load(&s->lossless)) {
      return overrun(s, end - s->log.size + s->log.size / 8 + s->buffer_size) ? TRAP_E_OK : ROOM_BUSY;
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

/* Until when a send waits, and until when for clients that do not move (monotonic us; -1: no limit, 0: not set). */
struct wait_limits {
   int64_t end, stall;
};

static void set_limits(struct socket_output *s, struct wait_limits *w, int32_t timeout)
{
   if (w->end == 0) {
      int64_t now = timeout > 0 || s->maxstall > 0 ? now_us() : 0;
      w->end = timeout > 0 ? now + timeout : -1;
      w->stall = s->maxstall > 0 ? now + (int64_t) s->maxstall * 1000 : -1;
      note_positions(s);
   }
}

/* \return TIMEOUT when the wait is over in vain */
static int end_wait(struct socket_output *s, struct wait_limits *w, bool changed)
{
   if (atomic_load(&s->out.ctx->terminated)) {
      return TRAP_E_TERMINATED;
   }
   if (changed) {
      return TRAP_E_OK;
   }
   if (w->stall >= 0 && (w->end < 0 || w->stall < w->end)) {
      mark_stalled(s);
      note_positions(s);
      w->stall = now_us() + (int64_t) s->maxstall * 1000;
      return TRAP_E_OK;
   }
   return TRAP_E_TIMEOUT;
}

/* As try_room(); while a client that has to be overrun is being served, spin is released. The I/O thread then gives way. */
static int look_for_room(struct socket_output *s, uint64_t end, int32_t timeout)
{
   int rc;
   while ((rc = try_room(s, end, timeout)) == ROOM_BUSY) {
      output_unlock(s);
      sched_yield();
      output_lock(s);
   }
   return rc;
}

/* One step towards room up to position end; OK means look again. Called under spin, which is released while
 * waiting. */
static int make_room(struct socket_output *s, uint64_t end, struct wait_limits *w)
{
   int32_t timeout = atomic_load(&s->out.timeout);
   if (look_for_room(s, end, timeout) == TRAP_E_OK) {
      return TRAP_E_OK;
   }
   if (output_finish_block(s)) { /* readers may be waiting for the messages of the active block */
      return TRAP_E_OK;
   }
   set_limits(s, w, timeout);
   for (int look = 0; look < YIELD_LOOKS && enough_clients(s); look++) { /* most readers are quick */
      output_unlock(s);
      sched_yield();
      output_lock(s);
      if (look_for_room(s, end, timeout) == TRAP_E_OK) {
         return TRAP_E_OK;
      }
   }
   uint64_t seen = begin_wait(s);
   ask_for_space(s, end);
   if (look_for_room(s, end, timeout) == TRAP_E_OK) {
      return TRAP_E_OK;
   }
   int64_t until = w->stall >= 0 && (w->end < 0 || w->stall < w->end) ? w->stall : w->end;
   output_unlock(s);
   stdout_flush();
   bool changed = !atomic_load(&s->out.ctx->terminated) && wait_change(s, seen, until);
   output_lock(s);
   return end_wait(s, w, changed);
}

/* Puts a message where there is room for it. */
static inline void put_message(struct socket_output *s, const void *data, uint16_t size)
{
   uint8_t *p = s->put;
   prefetch_lines(s, 2u + size);
   put_header(s, size);
   memcpy(p + 2, data, size);
}

/* Room for a message of need bytes at head, waiting for it as the timeout says. Called under spin. */
static int find_room(struct socket_output *s, uint32_t need)
{
   struct wait_limits limits = {0, 0};
   for (;;) {
      if (s->count > 0 && (head(s) + need > s->block + s->buffer_size || s->count == UINT16_MAX)) {
         output_finish_block(s);
      }
      uint64_t pos = s->count > 0 ? head(s) : s->block + BLOCK_HEADER;
      if (pos + need <= s->limit) {
         if (s->count == 0) {
            s->start = log_at(&s->log, s->block);
            s->put = s->start + BLOCK_HEADER;
         }
         return TRAP_E_OK;
      }
      int rc = make_room(s, pos + need, &limits);
      if (rc != TRAP_E_OK) {
         return rc;
      }
   }
}

/* After a message was added: may others simply follow it? Called under spin. */
static void message_added(struct socket_output *s)
{
   if (!atomic_load_explicit(&s->out.buffered, memory_order_relaxed)) {
      output_finish_block(s);
      return;
   }
   uint64_t room = s->limit > s->block ? s->limit - s->block : 0;
   uintptr_t end = (uintptr_t) s->start + (room < s->buffer_size ? room : s->buffer_size);
   atomic_store_explicit(&s->room_end, end, memory_order_relaxed);
   if (s->count == 1) {
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
   if (rc == TRAP_E_OK) {
      output_lock(s);
      settle_owner(s);
      rc = find_room(s, size + 2u);
      if (rc == TRAP_E_OK) {
         put_message(s, data, size);
         message_added(s);
      }
      output_unlock(s);
      stdout_flush_due(now_us_coarse());
   }
   return rc == TRAP_E_OK ? rc : output_result(&s->out, rc); /* what was sent is counted with its block */
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

/* Copies of as many messages as simply follow the last one. \return how many: 0 when there is something to do before the first */
static uint32_t put_messages(struct socket_output *s, const trap_message_t *messages, uint32_t count)
{
   uint32_t n = 0;
   if (output_enter(s)) {
      while (n < count && fits(s, 2u + messages[n].size)) {
         put_message(s, messages[n].data, messages[n].size);
         n++;
      }
      output_leave(s);
   }
   return n;
}

static int socket_send_batch(struct trap_output *out, const trap_message_t *messages, uint32_t count,
                             uint32_t *sent)
{
   struct socket_output *s = (struct socket_output *) out;
   int rc = TRAP_E_OK;
   uint32_t n = 0;
   while (n < count && rc == TRAP_E_OK) {
      uint32_t added = put_messages(s, messages + n, count - n < INSIDE_MAX ? count - n : INSIDE_MAX);
      if (added == 0) {
         rc = send_slow(s, messages[n].data, messages[n].size);
         added = rc == TRAP_E_OK;
      }
      n += added;
   }
   *sent = n;
   return rc;
}

int output_reserve_slow(struct socket_output *s, uint16_t size, void **data)
{
   uint32_t need = 2u + size + BLOCK_HEADER;
   int rc = need <= s->buffer_size - BLOCK_HEADER ? check_size(s, size) : TRAP_E_MEMORY;
   if (rc == TRAP_E_OK) {
      output_lock(s);
      settle_owner(s);
      rc = find_room(s, need);
      s->reserved = rc == TRAP_E_OK ? s->put + 2 : NULL;
      output_unlock(s);
   } else {
      s->reserved = NULL;
   }
   *data = s->reserved;
   return rc == TRAP_E_OK ? rc : reserve_failed(&s->out, rc);
}

/* The block may have been finished meanwhile (autoflush), or has as many messages as it can: then the message begins another one, after its header. */
int output_commit_slow(struct socket_output *s, uint16_t size)
{
   output_lock(s);
   bool current = (uintptr_t) s->put + 2 == (uintptr_t) s->reserved;
   if (current) {
      if (s->count == UINT16_MAX) {
         output_finish_block(s);
      }
      if (s->count == 0 && s->put == s->start) {
         memmove(s->put + 2 + BLOCK_HEADER, s->put + 2, size);
         s->put += BLOCK_HEADER;
      }
      put_header(s, size);
      message_added(s);
   }
   output_unlock(s);
   /* Not current: nothing is reserved, or another message was sent since, or there is another log. */
   return current ? TRAP_E_OK : output_result(&s->out, TRAP_E_BAD_FPARAMS);
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
   s->block = 0;
   s->start = s->put = NULL;
   s->count = 0;
   forget_room(s);
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
   log.ctl->instance = s->instance;
   atomic_store(&s->lossless, timeout != TRAP_NO_WAIT && s->maxstall == 0);
   atomic_store(&log.ctl->lossless, atomic_load(&s->lossless));
   output_unlock(s);
   pthread_mutex_lock(&s->mtx);
   free(s->hello);
   s->hello = hello;
   s->hello_size = hello_size;
   s->accepting = true;
   (void) source_watch(&s->source, EPOLLIN); /* fails if it never listened: then no client can connect */
   pthread_mutex_unlock(&s->mtx);
   return TRAP_E_OK;
}

static int socket_clients(struct trap_output *out)
{
   return (int) atomic_load(&((struct socket_output *) out)->n_clients);
}

/* Whether a local reader uses a block in place. */
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

/* A sender that does not wait may overwrite what readers have not read, so they must not use it in place any more. If one does
 * not release its block in time, it keeps the log, and everybody else gets a new one. */
static void end_lossless(struct socket_output *s)
{
   atomic_store(&s->log.ctl->lossless, 0);
   for (int64_t deadline = now_ms() + RELEASE_MS; any_holding(s);) {
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
   forget_room(s); /* the next message looks at the new timeout, and whether there are buffers */
   output_unlock(s);
   output_changed(s);
   io_wake(out->ctx);
}

void output_warn_unbounded(struct socket_output *s)
{
   int32_t timeout = atomic_load(&s->out.timeout);
   if (!is_unix(s) && s->maxstall == 0 && (timeout == TRAP_WAIT || timeout == TRAP_HALFWAIT)) {
      LOG_WARNING("Output %c:%s waits for network clients without a limit: one that does not read stops the "
                  "live source. "
                  "Set maxstall=30000 (ms) or timeout=NO_WAIT.",
                  s->out.type, s->name);
   }
}

static void socket_destroy(struct trap_output *out)
{
   struct socket_output *s = (struct socket_output *) out;
   if (s->source.reactor != NULL) {
      if (s->log.ctl != NULL) {
         socket_flush(out);
         drain(s, DRAIN_STALL);
      }
      socket_release(&s->taken); /* while it is open: its inode cannot be another's yet */
      io_order(s, ORDER_DETACH);
   }
   socket_release(&s->taken);
   source_close(&s->source); /* of an output that never came to serve */
   close_log(s);
   resume_free(s);
   pthread_mutex_destroy(&s->mtx);
   pthread_cond_destroy(&s->changed);
   output_free_params(s);
   free(s->hello);
   free(s);
}

static const struct output_ops socket_ops = {
    .send = socket_send,
    .send_batch = socket_send_batch,
    .sent = output_sent,
    .flush = socket_flush,
    .change_format = socket_change_format,
    .clients = socket_clients,
    .control = socket_control,
    .destroy = socket_destroy,
    .dump = output_dump,
};

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
   s->out.is_socket = true;
   s->out.ctx = ctx;
   s->out.type = type;
   s->source.fd = s->log.fd = -1;
   if (getrandom(&s->instance, sizeof(s->instance), GRND_NONBLOCK) < 0) {
      s->instance = (uint64_t) now_us() << 20 ^ (uint64_t) getpid();
   }
   s->instance |= 1; /* 0 is none */
   s->buffer_count = DEFAULT_BUFFERS;
   s->buffer_size = DEFAULT_BUFFER;
   s->mode = ctx->sockets.mode;
   s->ack_timeout = ACK_TIMEOUT;
   s->accepting = true;
   int rc = output_parse_params(ctx, s, params);
   s->out.id = s->name;
   if (rc == TRAP_E_OK) {
      rc = io_start(ctx);
   }
   if (rc == TRAP_E_OK) {
      rc = type != TRAP_IFC_TYPE_UNIX ? listen_tcp(ctx, s) : listen_unix(ctx, s);
   }
   int err = rc == TRAP_E_OK ? io_attach(ctx, s) : 0;
   if (err != 0) {
      rc = ctx_error(ctx, TRAP_E_IO_ERROR, "Output %s: cannot wait for clients: %s", s->name, strerror(-err));
   }
   if (rc != TRAP_E_OK) {
      socket_destroy(&s->out);
      return rc;
   }
   *out = &s->out;
   return TRAP_E_OK;
}
