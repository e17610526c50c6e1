/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: the page that a local reader shares with its sender. Readers write into it what they like, connect with names, and
 * leave, between any two steps of the sender; another reader is honest, and must neither be overtaken nor lose what it resumes.
 * Input: u8 how the output waits; then steps of u8 what and what it needs.
 */
#include <sched.h>
#define sched_yield() ((void) 0) /* there is no other thread to wait for */
#include "../src/clients.c"
#undef REPORT_AGAIN
#include "../src/out_socket.c"
#include "fuzz_trap.h"

#include <sys/socket.h>

#define BUFFER  4096u
#define READERS 5 /* number 0 is honest */
#define MESSAGE 1500u

enum wait { LOSSY = 1, STALL = 2, NAMED = 4 };

enum step { SEND, FLUSH, CONNECT, LEAVE, WRITE, ASK, STATISTICS, READ, STEPS };

struct world {
   struct socket_output *s;
   struct client *reader[READERS];
   int peer[READERS];
   uint64_t next, acked; /* of the honest reader: numbers of messages */
};

/* ------------------------------------------------------------------- sender */

/* A context with an I/O thread, which never hears of the output below. */
static struct trap_context *context(void)
{
   static trap_ctx_t *ctx;
   char dir[] = "/tmp/fuzz-page-XXXXXX";
   if (ctx == NULL) {
      fuzz_quiet();
      PROMISE(mkdtemp(dir) != NULL);
      setenv("TRAP_SOCKET_DIR", dir, 1);
      ctx = trap_ctx_init3("fuzz", "", 0, 1, "u:fuzz", NULL);
      PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   }
   return ctx;
}

static struct socket_output *make_output(unsigned how)
{
   struct socket_output *s = aligned_alloc(64, (sizeof(*s) + 63) / 64 * 64);
   PROMISE(s != NULL);
   memset(s, 0, sizeof(*s));
   pthread_mutex_init(&s->mtx, NULL);
   pthread_condattr_t monotonic;
   pthread_condattr_init(&monotonic);
   pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
   pthread_cond_init(&s->changed, &monotonic);
   pthread_condattr_destroy(&monotonic);
   s->out.ops = &socket_ops;
   s->out.ctx = context();
   s->out.type = TRAP_IFC_TYPE_UNIX;
   s->out.id = "fuzz";
   s->out.timeout = (how & LOSSY) != 0 ? TRAP_NO_WAIT : 1;
   s->out.buffered = true;
   s->maxstall = (how & STALL) != 0 ? 1 : 0;
   s->source.fd = s->log.fd = -1;
   s->instance = 1;
   s->max_clients = MAX_CLIENTS;
   s->min_clients = 1;
   s->buffer_size = BUFFER;
   s->buffer_count = 4;
   s->accepting = true;
   PROMISE(socket_change_format(&s->out, TRAP_FMT_RAW, NULL) == TRAP_E_OK);
   return s;
}

static bool is_lossless(const struct socket_output *s)
{
   return s->out.timeout != TRAP_NO_WAIT && s->maxstall == 0;
}

/* What must hold whatever readers write. */
static void look_at_log(const struct world *w)
{
   const struct socket_output *s = w->s;
   uint64_t tail = atomic_load(&s->log.ctl->tail), committed = atomic_load(&s->log.ctl->committed);
   PROMISE(tail <= committed && committed == s->block && head(s) - tail <= s->log.size);
   uint64_t at = tail;
   while (at < s->block) { /* tail is the start of a block */
      at += BLOCK_HEADER + (uint64_t) block_payload(log_at(&s->log, at));
   }
   PROMISE(at == s->block && atomic_load(&s->n_names) <= MAX_NAMES);
   for (uint32_t i = 0; i < atomic_load(&s->n_names); i++) {
      PROMISE(s->names[i].acked <= next_seq(s) && memchr(s->names[i].name, 0, RESUME_NAME) != NULL);
   }
   if (w->reader[0] != NULL && is_lossless(s)) {
      PROMISE(atomic_load(&w->reader[0]->page->cursor) >= tail);
   }
}

/* ------------------------------------------------------------------- readers */

static void leave(struct world *w, unsigned i)
{
   for (uint32_t k = 0; w->reader[i] != NULL && k < atomic_load(&w->s->n_clients); k++) {
      if (w->s->slot[k] == w->reader[i]) {
         remove_client(w->s, k);
         close(w->peer[i]);
         w->reader[i] = NULL;
      }
   }
}

/* As accept.c does it, without a connection. */
static struct client *admit_reader(struct world *w, unsigned i)
{
   struct socket_output *s = w->s;
   int pair[2];
   struct client *c = calloc(1, sizeof(*c));
   PROMISE(c != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
   c->source.fd = pair[0];
   w->peer[i] = pair[1];
   c->page_fd = -1;
   c->owner = s;
   c->decide_at = INT64_MAX;
   pthread_mutex_init(&c->lock, NULL);
   c->page = mmap(NULL, LOG_CTL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
   PROMISE(c->page != MAP_FAILED);
   atomic_store(&c->pos, s->block);
   c->boundary = s->block;
   c->first_seq = c->page->first_seq = s->block_seq;
   atomic_store(&c->page->cursor, s->block);
   s->slot[s->n_clients++] = c;
   atomic_fetch_add(&s->n_stream, 1);
   forget_room(s);
   w->reader[i] = c;
   return c;
}

static void connect_reader(struct world *w, unsigned i, const char *name, uint64_t continue_at)
{
   int64_t wake_at = -1;
   leave(w, i);
   struct client *c = admit_reader(w, i);
   memcpy(c->page->name, name, RESUME_NAME);
   c->page->continue_at = continue_at;
   atomic_store(&c->page->mode, READER_LOCAL);
   PROMISE(decide(w->s, c, 0, &wake_at));
   if (atomic_load(&c->page->grant) == GRANT_GIVEN) {
      uint64_t cursor = atomic_load(&c->page->cursor);
      PROMISE(cursor >= atomic_load(&w->s->log.ctl->tail) && cursor <= w->s->block &&
              c->page->first_seq <= next_seq(w->s));
   } else if (c->gone) {
      leave(w, i);
   }
}

/* The honest reader continues after what it has acknowledged; a gap must be counted. */
static void connect_honest(struct world *w, bool named)
{
   static const char name[RESUME_NAME] = "honest", none[RESUME_NAME] = "";
   bool again = w->acked > 0;
   connect_reader(w, 0, named ? name : none, UINT64_MAX);
   if (w->reader[0] == NULL) { /* all names are taken: reported, too */
      return;
   }
   const struct reader_ctl *page = w->reader[0]->page;
   if (named && again) {
      PROMISE(page->first_seq == w->acked + page->lost);
   }
   w->next = page->first_seq;
}

/* It reads what is there, and acknowledges it. */
static void read_honest(struct world *w)
{
   struct socket_output *s = w->s;
   if (w->reader[0] == NULL) {
      return;
   }
   struct reader_ctl *page = w->reader[0]->page;
   uint64_t tail = atomic_load(&s->log.ctl->tail), cursor = atomic_load(&page->cursor);
   cursor = cursor < tail ? tail : cursor; /* overrun: its position is no longer protected */
   for (; cursor < atomic_load(&s->log.ctl->committed);
        cursor += BLOCK_HEADER + (uint64_t) block_payload(log_at(&s->log, cursor))) {
      const uint8_t *block = log_at(&s->log, cursor);
      PROMISE(block_seq(block) <= w->next || !is_lossless(s));
      w->next = block_seq(block) + block_count(block);
   }
   w->acked = w->reader[0]->name != NULL ? w->next : 0;
   atomic_store(&page->acked, w->next);
   atomic_store(&page->cursor, cursor);
}

/* A number such as liars choose: any, or near a true one. */
static uint64_t lie(const struct world *w, struct fuzz_bytes *in)
{
   const struct socket_output *s = w->s;
   unsigned how = (unsigned) fuzz_number(in, 1);
   uint64_t near[] = {s->block, next_seq(s), atomic_load(&s->log.ctl->tail), s->limit};
   return (how & 1) == 0 ? fuzz_number(in, 8)
                         : near[how >> 1 & 3] + (uint64_t) (int64_t) (int8_t) fuzz_number(in, 1);
}

static void write_page(const struct world *w, unsigned i, struct fuzz_bytes *in)
{
   uint8_t at = (uint8_t) fuzz_number(in, 1);
   uint64_t value = lie(w, in);
   if (w->reader[i] != NULL) {
      memcpy((uint8_t *) w->reader[i]->page + at % (sizeof(struct reader_ctl) / 8) * 8, &value,
             sizeof(value));
   }
}

static void send_messages(const struct world *w, unsigned n)
{
   static const uint8_t data[MESSAGE];
   int rc = TRAP_E_OK;
   for (unsigned i = 0; i < n && rc == TRAP_E_OK; i++) {
      rc = socket_send(&w->s->out, data, MESSAGE);
      PROMISE(rc == TRAP_E_OK || rc == TRAP_E_TIMEOUT);
   }
}

static void step(struct world *w, unsigned what, struct fuzz_bytes *in, bool named)
{
   static struct client_info list[MAX_CLIENTS];
   unsigned i = 1 + (unsigned) fuzz_number(in, 1) % (READERS - 1);
   char name[RESUME_NAME] = "";
   switch (what % STEPS) {
   case SEND: send_messages(w, i); break;
   case FLUSH: socket_flush(&w->s->out); break;
   case CONNECT:
      for (int k = 0; k < 4; k++) {
         name[k] = (char) fuzz_number(in, 1);
      }
      connect_reader(w, i, name, lie(w, in));
      break;
   case LEAVE: leave(w, i); break;
   case WRITE: write_page(w, i, in); break;
   case ASK: /* what a sender does that waits */
      note_positions(w->s);
      ask_for_space(w->s, head(w->s) + w->s->log.size / 2 + BUFFER);
      if (w->s->maxstall > 0) {
         mark_stalled(w->s);
      }
      break;
   case STATISTICS:
      PROMISE(output_clients(w->s, list) <= READERS);
      for (uint32_t k = 0; k < atomic_load(&w->s->n_clients); k++) {
         PROMISE(list[k].backlog <= w->s->log.size && list[k].messages + list[k].missed <= w->s->block_seq);
      }
      break;
   default:
      if (i == 1) { /* it dies, and comes back */
         leave(w, 0);
         connect_honest(w, named);
      } else {
         read_honest(w);
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fuzz_bytes in = {data, size};
   unsigned how = (unsigned) fuzz_number(&in, 1);
   struct world w = {.s = make_output(how)};
   connect_honest(&w, (how & NAMED) != 0);
   for (int steps = 0; in.left > 0 && steps < 200; steps++) {
      step(&w, (unsigned) fuzz_number(&in, 1), &in, (how & NAMED) != 0);
      look_at_log(&w);
   }
   for (unsigned i = 0; i < READERS; i++) {
      leave(&w, i);
   }
   close_log(w.s);
   resume_free(w.s);
   pthread_mutex_destroy(&w.s->mtx);
   pthread_cond_destroy(&w.s->changed);
   free(w.s->hello);
   free(w.s);
   return 0;
}
