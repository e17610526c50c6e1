/* SPDX-License-Identifier: BSD-3-Clause */
/** Output over sockets, the sender's side: messages into the log, room in it, formats, end. */
#include "out_socket.h"
#include "socket.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define YIELD_LOOKS 30      /* looks for room, each after others had the processor, before going to sleep */
#define LET_GO_MS   1000    /* that a reader may have a block when the sender stops to wait for readers */
#define DRAIN_STALL 5000000 /* us without progress after which what a client has not taken is dropped */
#define LOSSY_DRAIN 1000000 /* us that a format change waits for clients of a NO_WAIT output */

/* Its address tells threads apart. */
static __thread char this_thread __attribute__((tls_model("initial-exec")));

static inline uintptr_t self(void)
{
   return (uintptr_t) &this_thread;
}

/* Whether the kernel can make all threads of this process see what this one wrote; the thread sanitizer cannot. */
static bool bias_possible(void)
{
#ifdef __SANITIZE_THREAD__
   return false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
   return false;
#endif
#endif
   return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

/* Afterwards the owner is not inside, and does not come in before revoked is cleared. */
static void keep_owner_out(struct socket_output *s)
{
   syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
   for (int spins = 0; atomic_load_explicit(&s->inside, memory_order_acquire); spins++) {
      if (spins < 100) {
         cpu_relax();
      } else {
         sched_yield();
      }
   }
}

void output_lock(struct socket_output *s)
{
   for (int spins = 0; atomic_flag_test_and_set_explicit(&s->spin, memory_order_acquire); spins++) {
      if (spins < 100) {
         cpu_relax();
      } else {
         sched_yield();
      }
   }
   uintptr_t owner = atomic_load_explicit(&s->owner, memory_order_relaxed);
   if (owner > OWNER_NEVER && owner != self()) {
      atomic_store_explicit(&s->revoked, true, memory_order_relaxed);
      keep_owner_out(s);
   }
}

void output_unlock(struct socket_output *s)
{
   atomic_store_explicit(&s->revoked, false, memory_order_release);
   atomic_flag_clear_explicit(&s->spin, memory_order_release);
}

/* The sender's way in without spin. \return false: take it */
static inline bool enter(struct socket_output *s)
{
   if (atomic_load_explicit(&s->owner, memory_order_relaxed) != self()) {
      return false;
   }
   atomic_store_explicit(&s->inside, true, memory_order_relaxed);
   atomic_signal_fence(memory_order_seq_cst); /* the other half of this fence is in keep_owner_out() */
   if (!atomic_load_explicit(&s->revoked, memory_order_acquire) &&
       atomic_load_explicit(&s->owner, memory_order_relaxed) == self()) {
      return true;
   }
   atomic_store_explicit(&s->inside, false, memory_order_release);
   return false;
}

static inline void leave(struct socket_output *s)
{
   atomic_store_explicit(&s->inside, false, memory_order_release);
}

/* The first sender becomes the owner; a second one ends that for ever. Called under spin. */
static void settle_owner(struct socket_output *s)
{
   uintptr_t owner = atomic_load_explicit(&s->owner, memory_order_relaxed);
   if (owner == OWNER_NOBODY) {
      atomic_store_explicit(&s->owner, bias_possible() ? self() : OWNER_NEVER, memory_order_relaxed);
   } else if (owner != OWNER_NEVER && owner != self()) {
      atomic_store_explicit(&s->owner, OWNER_NEVER, memory_order_relaxed);
      keep_owner_out(s); /* who comes in from now on sees that it is no owner any more */
   }
}

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

/* First position that some client still needs. */
static uint64_t slowest(const struct socket_output *s)
{
   uint64_t tail = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   uint64_t min = s->block;
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      const struct client *c = s->slot[i];
      uint64_t pos = c->mode == READER_LOCAL ? atomic_load(&c->page->cursor) : atomic_load(&c->pos);
      if (pos < tail) { /* a reader's own word is clamped, never believed */
         pos = tail;
      }
      if (pos < min) {
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

/* Slow clients of a NO_WAIT output lose what the sender needs room for. */
static void overrun(struct socket_output *s, uint64_t end)
{
   uint64_t tail = last_block_start(s, end - s->log.size + s->log.size / 8 + s->buffer_size);
   uint32_t n = atomic_load_explicit(&s->n_clients, memory_order_relaxed);
   for (uint32_t i = 0; i < n; i++) {
      struct client *c = s->slot[i];
      if (c->mode != READER_LOCAL && atomic_load(&c->pos) < tail) {
         client_overrun(c, tail);
      }
   }
   set_limit(s, tail);
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
   set_limit(s, slowest(s));
   if (end <= s->limit) {
      return TRAP_E_OK;
   }
   if (timeout == TRAP_NO_WAIT) {
      overrun(s, end);
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

/* One step towards room up to position end; OK means look again. Called under spin, which is let go while
 * waiting. *deadline (monotonic us) is 0 at first. */
static int make_room(struct socket_output *s, uint64_t end, int64_t *deadline)
{
   int32_t timeout = atomic_load(&s->out.timeout);
   if (try_room(s, end, timeout) == TRAP_E_OK) {
      return TRAP_E_OK;
   }
   if (output_finish_block(s)) { /* readers cannot go on without what waits in the active block */
      return TRAP_E_OK;
   }
   for (int look = 0; look < YIELD_LOOKS && enough_clients(s); look++) { /* most readers are quick */
      output_unlock(s);
      sched_yield();
      output_lock(s);
      if (try_room(s, end, atomic_load(&s->out.timeout)) == TRAP_E_OK) {
         return TRAP_E_OK;
      }
   }
   if (*deadline == 0) {
      *deadline = timeout > 0 ? now_us() + timeout : -1;
   }
   uint64_t seen = begin_wait(s);
   ask_for_space(s, end);
   if (try_room(s, end, timeout) == TRAP_E_OK) {
      return TRAP_E_OK;
   }
   output_unlock(s);
   bool more = !atomic_load(&s->out.ctx->terminated) && wait_change(s, seen, *deadline);
   output_lock(s);
   if (atomic_load(&s->out.ctx->terminated)) {
      return TRAP_E_TERMINATED;
   }
   return more ? TRAP_E_OK : TRAP_E_TIMEOUT;
}

/* Puts a message where there is room for it. Called under spin, or by the owner inside. */
static inline void put_message(struct socket_output *s, const void *data, uint16_t size)
{
   uint8_t *p = s->put;
   p[0] = (uint8_t) (size >> 8);
   p[1] = (uint8_t) size;
   memcpy(p + 2, data, size);
   s->put = p + 2 + size;
   s->head += 2u + size;
   s->seq++;
   s->count++;
}

/* Room for a message of need bytes at head, waiting for it as the timeout says. Called under spin. */
static int find_room(struct socket_output *s, uint32_t need)
{
   int64_t deadline = 0;
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
      int rc = make_room(s, pos + need, &deadline);
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

static int socket_send(struct trap_output *out, const void *data, uint16_t size)
{
   struct socket_output *s = (struct socket_output *) out;
   if (enter(s)) {
      uint64_t end = s->head + 2u + size;
      if (s->count > 0 && s->count < UINT16_MAX && end <= s->block + s->buffer_size && end <= s->limit &&
          atomic_load_explicit(&out->buffered, memory_order_relaxed)) {
         put_message(s, data, size);
         leave(s);
         return TRAP_E_OK;
      }
      leave(s);
   }
   return send_slow(s, data, size);
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
   s->lossless = timeout != TRAP_NO_WAIT;
   atomic_store(&log.ctl->lossless, s->lossless);
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
   s->lossless = false;
   atomic_store(&s->log.ctl->lossless, 0);
   for (int64_t deadline = now_ms() + LET_GO_MS; any_holding(s);) {
      if (now_ms() > deadline) {
         socket_change_format(&s->out, s->out.format_type, s->out.format_spec);
         return;
      }
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
   }
}

static void socket_control(struct trap_output *out)
{
   struct socket_output *s = (struct socket_output *) out;
   if (s->log.ctl != NULL && s->lossless && atomic_load(&out->timeout) == TRAP_NO_WAIT) {
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
   free(s->hello);
   free(s->name);
   free(s->group);
   free(s);
}

static const struct output_ops socket_ops = {
    .send = socket_send,
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
   uint32_t mode;
   if (number_param(param, "max_clients", 1, MAX_CLIENTS, &s->max_clients) ||
       number_param(param, "min_clients", 0, MAX_CLIENTS, &s->min_clients) ||
       number_param(param, "buffer_count", 1, 10000, &s->buffer_count) ||
       number_param(param, "buffer_size", MIN_BUFFER, MAX_BUFFER, &s->buffer_size)) {
      return;
   }
   if (strncmp(param, "mode=", 5) == 0) {
      mode = (uint32_t) strtoul(param + 5, NULL, 8);
      s->mode = mode & 0777;
   } else if (strncmp(param, "group=", 6) == 0) {
      free(s->group);
      s->group = strdup(param + 6);
   } else if (*param != 0) {
      LOG_ERROR("Unknown parameter \"%s\".", param);
   }
}

static int parse_params(struct trap_context *ctx, struct socket_output *s, const char *params)
{
   const char *rest = trap_get_param_by_delimiter(params, &s->name, ':');
   if (s->name == NULL || s->name[0] == 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'port' for %s IFC.",
                       s->out.type == TRAP_IFC_TYPE_TCPIP ? "TCPIP" : "UNIX socket");
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
   return s->out.type == TRAP_IFC_TYPE_TCPIP ? check_tcp_port(ctx, s->name)
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
      rc = type == TRAP_IFC_TYPE_TCPIP ? listen_tcp(ctx, s) : listen_unix(ctx, s);
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
