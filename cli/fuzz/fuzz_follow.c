/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: how a capture that grows is cut into whole packets, however it arrives. */
#include <nemea-common/nc_text.h>
#define nc_text_line(...) ((void) 0) /* warnings */
#include "../src/follow.c"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENT_MAX 0x1000000 /* bytes: a small file may hold very many */

static size_t sent;

bool stream_write(struct stream_output *to, const void *data, size_t size)
{
   (void) to;
   (void) data;
   sent += size;
   return true;
}

/* All of a capture, which is written in chunks. \return bytes passed on */
static size_t feed(struct follow *f, const uint8_t *data, size_t size, size_t chunk)
{
   static struct piece piece;
   int file = memfd_create("capture", MFD_CLOEXEC);
   f->fd = dup(file);
   f->done = &piece;
   f->n_done = 1;
   f->format = f->sent = FORMAT_UNKNOWN;
   f->known = false;
   f->n = sent = 0;
   lseek(f->fd, 0, SEEK_SET);
   for (size_t at = 0; at < size && f->fd >= 0; at += chunk) {
      size_t n = size - at < chunk ? size - at : chunk;
      if (pwrite(file, data + at, n, (off_t) at) != (ssize_t) n) {
         abort();
      }
      while (sent <= SENT_MAX && read_piece(f) > 0) {
      }
   }
   if (f->fd >= 0) {
      close_piece(f);
   }
   close(file);
   return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct follow f;
   if (f.data == NULL) {
      f.data = malloc(BUFFER + CHUNK_MAX);
      f.packed = malloc(PACKED);
   }
   if (size < 1 || size > CHUNK_MAX || f.data == NULL || f.packed == NULL) {
      return 0;
   }
   size_t chunk = (size_t) data[0] + 1;
   data++;
   size--;
   size_t whole = feed(&f, data, size, size), pieces = feed(&f, data, size, chunk);
   if (decoder_name(data, size) == NULL && (whole != pieces || sent > size)) {
      abort(); /* what is passed on depends on the bytes, not on when they came; damage may be found sooner or later */
   }
   return 0;
}
