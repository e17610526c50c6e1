/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: a log in shared memory whose size, positions and contents are false.
 * Input: u8 how the descriptors are made, u8 required format, u64 ring size claimed, u64 cursor; then steps of
 * u32 tail, u32 committed; what is left fills the ring.
 */
#include "fuzz_sender.h"

#define STEPS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fuzz_bytes in = {data, size};
   struct fake f = {.log = {.fd = -1}};
   uint32_t tail[STEPS], committed[STEPS];
   fuzz_quiet();
   unsigned lies = (unsigned) fuzz_number(&in, 1);
   unsigned required = (unsigned) fuzz_number(&in, 1);
   uint64_t claimed = fuzz_number(&in, 8);
   make_fake(&f, lies, claimed, fuzz_number(&in, 8));
   for (int i = 0; i < STEPS; i++) {
      tail[i] = (uint32_t) fuzz_number(&in, 4);
      committed[i] = (uint32_t) fuzz_number(&in, 4);
   }
   memcpy(f.log.ring, in.p, in.left < RING ? in.left : RING);
   trap_ctx_t *ctx = trap_ctx_init3("fuzz", "", 1, 0, "u:log:timeout=NO_WAIT", NULL);
   PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   fuzz_require(ctx, required | 1);
   struct socket_input *s = (struct socket_input *) ((struct trap_context *) ctx)->in[0];
   int peer = connect_fake(&f, s);
   bool open = true;
   for (int i = 0; open && i < STEPS; i++) {
      atomic_store(&f.log.ctl->tail, tail[i]);
      atomic_store(&f.log.ctl->committed, committed[i]);
      open = take_all(ctx, s);
   }
   close(peer);
   if (open) {
      PROMISE(!take_all(ctx, s));
   }
   trap_ctx_finalize(&ctx);
   free_fake(&f);
   return 0;
}
