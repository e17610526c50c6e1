/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: decompression of captures, in pieces, with a limit of memory. First byte: compression; second: size of pieces. */
#include "capture/decoder.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT (16u << 20)
#define STEPS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const char *const heads[] = {"\x1f\x8b", "BZh", "\xfd\x37zXZ", "\x04\x22\x4d\x18",
                                       "\x28\xb5\x2f\xfd"};
   static const size_t sizes[] = {2, 3, 6, 4, 4};
   static uint8_t out[4096];
   char error[DECODER_ERROR];
   if (size < 2) {
      return 0;
   }
   size_t kind = data[0] % 5, piece = data[1] + 1u;
   struct decoder *d = decoder_new((const uint8_t *) heads[kind], sizes[kind], LIMIT, error);
   if (d == NULL) {
      return 0;
   }
   struct decoder_input in = {.p = NULL, .n = 0};
   uint8_t *copy = NULL;
   enum decoder_state state = DECODER_OK;
   data += 2;
   size -= 2;
   for (unsigned n = 0; state == DECODER_OK && n < STEPS && (in.n > 0 || d->held || size > 0); n++) {
      if (in.n == 0 && !d->held) { /* a copy of exact size, so that sanitizers detect reads past its end */
         free(copy);
         in.n = size < piece ? size : piece;
         copy = malloc(in.n);
         if (copy == NULL) {
            abort();
         }
         memcpy(copy, data, in.n);
         in.p = copy;
         data += in.n;
         size -= in.n;
      }
      size_t added = 0, before = in.n;
      state = d->step(d, &in, out, sizeof(out), &added);
      if (added > sizeof(out) || in.n > before ||
          (state == DECODER_OK && d->memory(d) > 2 * (uint64_t) LIMIT)) {
         abort();
      }
      if (state != DECODER_OK && strlen(d->error) == 0) {
         abort();
      }
   }
   free(copy);
   d->free(d);
   return 0;
}
