/* SPDX-License-Identifier: BSD-3-Clause */
/** Helpers for the fuzz targets of libtrap: assertions, and numbers from the input. */
#ifndef FUZZ_TRAP_H
#define FUZZ_TRAP_H

#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(what)                                                          \
   do {                                                                        \
      if (!(what)) {                                                           \
         dprintf(2, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #what); \
         abort();                                                              \
      }                                                                        \
   } while (0)

struct fuzz_bytes {
   const uint8_t *p;
   size_t left;
};

/** The next n bytes as a little-endian number; what the input lacks is 0. */
static inline uint64_t fuzz_number(struct fuzz_bytes *in, size_t n)
{
   uint64_t v = 0;
   for (size_t i = 0; i < n && in->left > 0; i++) {
      v |= (uint64_t) *in->p++ << (8 * i);
      in->left--;
   }
   return v;
}

/** What an input may require; chosen by a byte of the input. */
static inline void fuzz_require(trap_ctx_t *ctx, unsigned choice)
{
   static const char *const specs[] = {"", "ipaddr DST_IP,uint64 BYTES", "uint8 A"};
   uint8_t type = (uint8_t) (choice & 3);
   if (type != TRAP_FMT_UNKNOWN) {
      PROMISE(trap_ctx_set_required_fmt(ctx, 0, type, specs[(choice >> 2) % 3]) == TRAP_E_OK);
   }
}

/** Reads a message to its last byte. */
static inline unsigned fuzz_touch(const void *data, size_t size)
{
   static volatile unsigned seen; /* keeps the reads */
   unsigned sum = 0;
   for (size_t i = 0; i < size; i++) {
      sum += ((const uint8_t *) data)[i];
   }
   return seen = sum;
}

/** The call returned only to let its caller check the clock. */
static inline bool fuzz_again(const struct trap_input *in)
{
   return in->n_wait == 0 && in->retry_at == 0;
}

/** What a module may ask after each receive call. */
static inline void fuzz_ask_format(trap_ctx_t *ctx, int rc)
{
   const char *spec = NULL;
   uint8_t type = 0;
   int known = trap_ctx_get_data_fmt(ctx, TRAPIFC_INPUT, 0, &type, &spec);
   if (rc == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED) {
      PROMISE(known == TRAP_E_OK && type != TRAP_FMT_UNKNOWN);
      PROMISE(type != TRAP_FMT_UNIREC || (spec != NULL && *spec != 0));
   }
}

/** Discards messages, since errors are expected; descriptor 2 remains for the fuzzer and the sanitizers. */
static inline void fuzz_quiet(void)
{
   static bool done;
   if (!done) {
      done = true;
      setenv("TRAP_SOCKET_DIR", "/nonexistent", 1);
      FILE *null = fopen("/dev/null", "w");
      stderr = null != NULL ? null : stderr;
   }
}

#endif
