/* SPDX-License-Identifier: BSD-3-Clause */
#include "reader.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#define PIECE (128u * 1024) /* of the file read at a time */

static const uint8_t zstd_magic[4] = {0x28, 0xb5, 0x2f, 0xfd};

struct reader {
   FILE *file;
   uint64_t offset;
   bool ended;         /* nothing more comes out of the file */
   size_t pos, filled; /* bytes of piece not yet used */
#ifdef HAVE_ZSTD
   ZSTD_DStream *zstd; /* NULL: not compressed */
#endif
   uint8_t piece[PIECE];
};

static void refill(struct reader *r)
{
   r->pos = 0;
   r->filled = fread(r->piece, 1, sizeof(r->piece), r->file);
   r->ended = r->filled == 0;
}

/* Looks at the first bytes. \return 0 or an errno */
static int detect(struct reader *r)
{
   refill(r);
   if (r->filled < sizeof(zstd_magic) || memcmp(r->piece, zstd_magic, sizeof(zstd_magic)) != 0) {
      return 0;
   }
#ifdef HAVE_ZSTD
   r->zstd = ZSTD_createDStream();
   return r->zstd != NULL ? 0 : ENOMEM;
#else
   return ENOTSUP;
#endif
}

struct reader *reader_open(const char *path)
{
   struct reader *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      return NULL;
   }
   r->file = fopen(path, "rbe");
   int err = r->file == NULL ? errno : detect(r);
   if (err != 0) {
      reader_close(r);
      errno = err;
      return NULL;
   }
   return r;
}

void reader_close(struct reader *r)
{
   if (r != NULL) {
      if (r->file != NULL) {
         fclose(r->file);
      }
#ifdef HAVE_ZSTD
      ZSTD_freeDStream(r->zstd);
#endif
      free(r);
   }
}

static size_t read_plain(struct reader *r, uint8_t *to, size_t size)
{
   size_t got = 0;
   while (got < size && !r->ended) {
      size_t n = r->filled - r->pos;
      n = n < size - got ? n : size - got;
      memcpy(to + got, r->piece + r->pos, n);
      r->pos += n;
      got += n;
      if (r->pos == r->filled) {
         refill(r);
      }
   }
   return got;
}

#ifdef HAVE_ZSTD
static size_t read_zstd(struct reader *r, uint8_t *to, size_t size)
{
   ZSTD_outBuffer out = {.dst = to, .size = size};
   while (out.pos < size && !r->ended) {
      bool last = r->pos == r->filled && (refill(r), r->filled == 0);
      ZSTD_inBuffer in = {.src = r->piece, .size = r->filled, .pos = r->pos};
      size_t before = out.pos, rc = ZSTD_decompressStream(r->zstd, &out, &in);
      r->pos = in.pos;
      /* When the file has ended, what is left in the decompressor still comes. */
      r->ended = ZSTD_isError(rc) || (last && out.pos == before);
   }
   return out.pos;
}
#endif

size_t reader_read(struct reader *r, void *to, size_t size)
{
   size_t n;
#ifdef HAVE_ZSTD
   n = r->zstd != NULL ? read_zstd(r, to, size) : read_plain(r, to, size);
#else
   n = read_plain(r, to, size);
#endif
   r->offset += n;
   return n;
}

uint64_t reader_offset(const struct reader *r)
{
   return r->offset;
}
