/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: how a capture that grows is cut into whole packets, however it arrives. */
#include <nemea-common/nc_text.h>
#define nc_text_line(...) ((void) 0) /* warnings */
#include "../src/follow.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sent;

bool stream_write(struct stream_output *to, const void *data, size_t size)
{
   (void) to;
   (void) data;
   sent += size;
   return true;
}

/* All of a capture, in chunks. \return bytes passed on */
static size_t feed(struct follow *f, const uint8_t *data, size_t size, size_t chunk)
{
   f->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
   f->format = f->sent = FORMAT_UNKNOWN;
   f->n = sent = 0;
   for (size_t at = 0; at < size && f->fd >= 0; at += chunk) {
      size_t n = size - at < chunk ? size - at : chunk;
      memcpy(f->data + f->n, data + at, n);
      f->n += n;
      if (!pass(f)) {
         abort();
      }
   }
   if (f->fd >= 0) {
      close(f->fd);
   }
   return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct follow f;
   if (f.data == NULL) {
      f.data = malloc(BUFFER + CHUNK_MAX);
   }
   if (size < 1 || size > CHUNK_MAX || f.data == NULL) {
      return 0;
   }
   size_t chunk = (size_t) data[0] + 1;
   data++;
   size--;
   if (feed(&f, data, size, size) != feed(&f, data, size, chunk) || sent > size) {
      abort(); /* what is passed on depends on the bytes, not on when they came */
   }
   return 0;
}
