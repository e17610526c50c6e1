/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the frames of opened QUIC Initials, one after the other: u16 size (little endian), frames. */
#include "plugins/quic_stream.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct quic_stream *s = malloc(sizeof(*s));
   size_t before = 0;
   quic_stream_clear(s);
   while (size >= 2) {
      size_t n = data[0] | (size_t) data[1] << 8;
      data += 2;
      size -= 2;
      n = n < size ? n : size;
      uint8_t *frames = malloc(n); /* of exactly this size, so that reading beyond it is found */
      if (n > 0) {
         memcpy(frames, data, n);
      }
      quic_stream_add(s, frames, n);
      free(frames);
      size_t ready = quic_stream_ready(s);
      if (ready < before || ready > QUIC_MAX_STREAM) {
         abort();
      }
      before = ready;
      data += n;
      size -= n;
   }
   free(s);
   return 0;
}
