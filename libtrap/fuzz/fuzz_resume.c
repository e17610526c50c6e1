/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: a reader that resumes (resume=), whose sender writes anything into the page that both share, at any time.
 * Input: u8 number of connections (1 to 3). For each of three: u8 how the descriptors are made, u8 instance, u64 cursor; three steps
 * of u8 grant, u8 what is written, u64 cursor, u64 first_seq, u64 lost, u32 tail, u32 committed, u8 acknowledgement. What is left
 * fills each ring.
 */
#include "fuzz_sender.h"

#define STEPS           3
#define MAX_CONNECTIONS 3
#define STEP_SIZE       35
#define HEAD_SIZE       (1 + MAX_CONNECTIONS * (10 + STEPS * STEP_SIZE))

enum write { CURSOR = 1, FIRST_SEQ = 2, LOST = 4, NAME = 8, ACKED = 16, HANG_UP = 32 };

/* The sender's writes of one step. \return what is written */
static unsigned scribble(struct fake *f, struct fuzz_bytes *in, uint32_t *grant)
{
   unsigned what;
   *grant = (uint32_t) fuzz_number(in, 1);
   what = (unsigned) fuzz_number(in, 1);
   uint64_t cursor = fuzz_number(in, 8), first_seq = fuzz_number(in, 8), lost = fuzz_number(in, 8);
   if ((what & CURSOR) != 0) {
      atomic_store(&f->page->cursor, cursor);
   }
   if ((what & FIRST_SEQ) != 0) {
      f->page->first_seq = first_seq;
   }
   if ((what & LOST) != 0) {
      f->page->lost = lost;
   }
   if ((what & NAME) != 0) {
      memset(f->page->name, 0xff, sizeof(f->page->name));
   }
   if ((what & ACKED) != 0) {
      atomic_store(&f->page->acked, lost);
   }
   atomic_store(&f->page->grant, *grant);
   atomic_store(&f->log.ctl->tail, (uint32_t) fuzz_number(in, 4));
   atomic_store(&f->log.ctl->committed, (uint32_t) fuzz_number(in, 4));
   return what;
}

/* An acknowledgement never goes beyond what was received, and never back. */
static void acknowledge(trap_ctx_t *ctx, struct socket_input *s, unsigned choice)
{
   struct reader_ctl *page = s->ack_page;
   uint64_t before = page != NULL ? atomic_load(&page->acked) : 0;
   PROMISE(trap_ctx_ack(ctx, 0, choice == 255 ? TRAP_ACK_ALL : s->in.seq - choice) == TRAP_E_OK);
   if (page != NULL) {
      uint64_t after = atomic_load(&page->acked);
      PROMISE(after == before || (after > before && after - s->offset <= s->in.seq));
   }
}

static void one_connection(trap_ctx_t *ctx, struct fuzz_bytes *in, const struct fuzz_bytes *ring,
                           struct fake *f)
{
   struct socket_input *s = (struct socket_input *) ((struct trap_context *) ctx)->in[0];
   unsigned lies = (unsigned) fuzz_number(in, 1);
   *f = (struct fake){.log = {.fd = -1}};
   uint64_t instance = fuzz_number(in, 1);
   make_fake(f, lies & ~(unsigned) (CLAIMED_SIZE | SHORT_PAGE), 0, fuzz_number(in, 8));
   f->log.ctl->instance = instance;
   memcpy(f->log.ring, ring->p, ring->left < RING ? ring->left : RING);
   int peer = connect_fake(f, s);
   bool open = true;
   for (int i = 0; open && i < STEPS; i++) {
      uint32_t grant;
      bool resuming = s->asked && s->stage != STREAM;
      unsigned what = scribble(f, in, &grant);
      if ((what & HANG_UP) != 0) {
         PROMISE(shutdown(peer, SHUT_RDWR) == 0);
      }
      open = take_all(ctx, s);
      /* Without a grant it takes nothing from the log. */
      PROMISE(!resuming || grant == GRANT_GIVEN || s->stage != STREAM || s->page == NULL);
      acknowledge(ctx, s, (unsigned) fuzz_number(in, 1));
   }
   close(peer);
   PROMISE(!open || !take_all(ctx, s));
   acknowledge(ctx, s, 255);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   size_t head = size < HEAD_SIZE ? size : HEAD_SIZE;
   struct fuzz_bytes in = {data, head}, ring = {data + head, size - head};
   struct fake f[MAX_CONNECTIONS];
   fuzz_quiet();
   unsigned connections = 1 + (unsigned) fuzz_number(&in, 1) % MAX_CONNECTIONS;
   trap_ctx_t *ctx = trap_ctx_init3("fuzz", "", 1, 0, "u:log:timeout=NO_WAIT:resume=reader", NULL);
   PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   fuzz_require(ctx, TRAP_FMT_RAW);
   for (unsigned i = 0; i < connections; i++) {
      one_connection(ctx, &in, &ring, &f[i]);
   }
   trap_ctx_finalize(&ctx);
   for (unsigned i = 0; i < connections; i++) {
      free_fake(&f[i]);
   }
   return 0;
}
