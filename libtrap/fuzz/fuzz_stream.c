/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: what a socket input reads, hello and buffers, in pieces of any size.
 * Input: u8 required format, u8 bytes in a piece (0: all at once), the stream.
 */
#include "../src/in_socket.c"
#include "fuzz_trap.h"

#include <sys/socket.h>

#define BATCH 7

/* Takes what is there; \return false when the connection is over. */
static bool take_all(trap_ctx_t *ctx, struct socket_input *s)
{
   for (;;) {
      trap_message_t m[BATCH];
      uint32_t count = 0;
      uint64_t before = s->in.seq, missed = atomic_load(&s->in.missed);
      int rc = trap_ctx_recv_batch(ctx, 0, m, BATCH, &count);
      PROMISE(count <= BATCH && (count > 0) == (rc == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED));
      fuzz_ask_format(ctx, rc);
      for (uint32_t i = 0; i < count; i++) {
         const uint8_t *p = m[i].data;
         /* Inside what has arrived, not only inside the memory. */
         PROMISE(p >= s->buffer + BLOCK_HEADER + 2 && p + m[i].size <= s->buffer + s->start);
         PROMISE(s->start <= s->fill && s->fill <= s->capacity);
         PROMISE(m[i].seq == s->in.seq - (count - 1 - i));
         fuzz_touch(p, m[i].size);
      }
      /* A liar may claim a gap that takes the numbers once around. */
      PROMISE(count == 0 || s->in.seq != before || atomic_load(&s->in.missed) != missed);
      if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED && !fuzz_again(&s->in)) {
         return rc == TRAP_E_TIMEOUT && s->fd >= 0;
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fuzz_bytes in = {data, size};
   int pair[2];
   fuzz_quiet();
   trap_ctx_t *ctx = trap_ctx_init3("fuzz", "", 1, 0, "u:stream:timeout=NO_WAIT", NULL);
   PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
   fuzz_require(ctx, (unsigned) fuzz_number(&in, 1));
   size_t piece = (size_t) fuzz_number(&in, 1);
   struct socket_input *s = (struct socket_input *) ((struct trap_context *) ctx)->in[0];
   free(s->buffer); /* a small one that has to grow */
   s->capacity = 16;
   s->buffer = malloc(s->capacity);
   s->fd = pair[0];
   start_hello(s);
   bool open = true;
   while (open && in.left > 0) {
      size_t n = piece == 0 || piece > in.left ? in.left : piece;
      ssize_t sent = send(pair[1], in.p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) {
         break;
      }
      in.p += sent;
      in.left -= (size_t) sent;
      open = take_all(ctx, s);
   }
   close(pair[1]);
   if (open) {
      PROMISE(!take_all(ctx, s));
   }
   trap_ctx_finalize(&ctx);
   return 0;
}
