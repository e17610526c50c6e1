/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: a .trapcap file. Input: u8 required format, the file. */
#include "fuzz_trap.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fuzz_bytes in = {data, size};
   char spec[64];
   fuzz_quiet();
   unsigned required = (unsigned) fuzz_number(&in, 1);
   int fd = memfd_create("fuzz", MFD_CLOEXEC);
   PROMISE(fd >= 0 && write(fd, in.p, in.left) == (ssize_t) in.left);
   snprintf(spec, sizeof(spec), "f:/proc/self/fd/%d", fd);
   trap_ctx_t *ctx = trap_ctx_init3("fuzz", "", 1, 0, spec, NULL);
   PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   fuzz_require(ctx, required);
   int rc, again;
   const void *message;
   uint16_t length = 1;
   size_t total = 0;
   while ((rc = trap_ctx_recv(ctx, 0, &message, &length)) == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED) {
      fuzz_ask_format(ctx, rc);
      fuzz_touch(message, length);
      total += 2 + (size_t) length;
      if (length == 0 && total > in.left) {
         break; /* the end of all files, again and again */
      }
      PROMISE(total <= in.left);
   }
   again = trap_ctx_recv(ctx, 0, &message, &length);
   PROMISE(again == rc); /* the same for ever */
   trap_ctx_finalize(&ctx);
   close(fd);
   return 0;
}
