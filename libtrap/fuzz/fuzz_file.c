/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: a .trapcap file. Input: u8 required format, the file. */
#include "fuzz_trap.h"

#include <stdbool.h>
#include <string.h>
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
   const void *message;
   uint16_t length = 1;
   bool compressed = in.left >= 4 && memcmp(in.p, "\x28\xb5\x2f\xfd", 4) == 0, enough = false;
   size_t total = 0, limit = compressed ? 1 << 20 : in.left; /* a few compressed bytes may be very many */
   int rc;
   while ((rc = trap_ctx_recv(ctx, 0, &message, &length)) == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED) {
      fuzz_ask_format(ctx, rc);
      fuzz_touch(message, length);
      total += 2 + (size_t) length;
      if (total > limit) {
         PROMISE(compressed || length == 0); /* the end of all files, again and again */
         enough = true;
         break;
      }
   }
   PROMISE(enough ||
           trap_ctx_recv(ctx, 0, &message, &length) == rc); /* every further call returns the same */
   trap_ctx_finalize(&ctx);
   close(fd);
   return 0;
}
