/* SPDX-License-Identifier: BSD-3-Clause */
#include "decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif
#ifdef HAVE_BZ2
#include <bzlib.h>
#endif
#ifdef HAVE_LZMA
#include <lzma.h>
#endif
#ifdef HAVE_LZ4
#include <lz4frame.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

static enum decoder_state damaged(struct decoder *d, const char *name, const char *what)
{
   snprintf(d->error, sizeof(d->error), "%s: %s", name, what);
   return DECODER_DAMAGED;
}

#if defined(HAVE_ZLIB) || defined(HAVE_LZMA)
/* Zero bytes may follow a member: tapes, and xz by its definition. */
static void skip_padding(struct decoder_input *in)
{
   while (in->n > 0 && *in->p == 0) {
      in->p++;
      in->n--;
   }
}
#endif

/* ------------------------------------------------------------------------ gzip */

#ifdef HAVE_ZLIB
struct gzip {
   struct decoder decoder;
   z_stream z;
   bool any; /* a member has ended */
};

static enum decoder_state gzip_step(struct decoder *d, struct decoder_input *in, uint8_t *out, size_t size,
                                    size_t *added)
{
   struct gzip *g = (struct gzip *) d;
   *added = 0;
   if (!d->open) {
      if (g->any) {
         skip_padding(in);
      }
      if (in->n == 0) {
         d->held = false;
         return DECODER_OK;
      }
      inflateReset(&g->z);
      d->open = true;
   }
   g->z.next_in = (z_const Bytef *) (uintptr_t) in->p;
   g->z.avail_in = (uInt) in->n;
   g->z.next_out = out;
   g->z.avail_out = (uInt) size;
   int rc = inflate(&g->z, Z_NO_FLUSH);
   in->p += in->n - g->z.avail_in;
   in->n = g->z.avail_in;
   *added = size - g->z.avail_out;
   d->held = g->z.avail_out == 0;
   if (rc == Z_STREAM_END) {
      d->open = false;
      g->any = true;
      return DECODER_OK;
   }
   return rc == Z_OK || rc == Z_BUF_ERROR ? DECODER_OK
                                          : damaged(d, "gzip", g->z.msg != NULL ? g->z.msg : "invalid data");
}

static uint64_t gzip_memory(const struct decoder *d)
{
   (void) d;
   return 64 << 10; /* zlib: about 44 KB */
}

static void gzip_free(struct decoder *d)
{
   inflateEnd(&((struct gzip *) d)->z);
   free(d);
}

static struct decoder *gzip_new(uint64_t limit)
{
   struct gzip *g = calloc(1, sizeof(*g));
   (void) limit;
   if (g == NULL || inflateInit2(&g->z, 15 + 16) != Z_OK) {
      free(g);
      return NULL;
   }
   g->decoder = (struct decoder){"gzip", gzip_step, gzip_memory, gzip_free, false, false, ""};
   return &g->decoder;
}
#endif

/* ----------------------------------------------------------------------- bzip2 */

#ifdef HAVE_BZ2
struct bzip2 {
   struct decoder decoder;
   bz_stream b;
   bool ready; /* between Init and End */
};

static enum decoder_state bzip2_step(struct decoder *d, struct decoder_input *in, uint8_t *out, size_t size,
                                     size_t *added)
{
   struct bzip2 *b = (struct bzip2 *) d;
   *added = 0;
   if (!d->open) {
      if (in->n == 0) {
         d->held = false;
         return DECODER_OK;
      }
      if (b->ready) {
         BZ2_bzDecompressEnd(&b->b);
      }
      memset(&b->b, 0, sizeof(b->b));
      b->ready = BZ2_bzDecompressInit(&b->b, 0, 0) == BZ_OK;
      if (!b->ready) {
         snprintf(d->error, sizeof(d->error), "out of memory");
         return DECODER_FAILED;
      }
      d->open = true;
   }
   b->b.next_in = (char *) (uintptr_t) in->p;
   b->b.avail_in = (unsigned) in->n;
   b->b.next_out = (char *) out;
   b->b.avail_out = (unsigned) size;
   int rc = BZ2_bzDecompress(&b->b);
   in->p += in->n - b->b.avail_in;
   in->n = b->b.avail_in;
   *added = size - b->b.avail_out;
   d->held = b->b.avail_out == 0;
   d->open = rc != BZ_STREAM_END;
   return rc == BZ_OK || rc == BZ_STREAM_END ? DECODER_OK : damaged(d, "bzip2", "invalid data");
}

static uint64_t bzip2_memory(const struct decoder *d)
{
   (void) d;
   return 4 << 20; /* of blocks of 900 KB */
}

static void bzip2_free(struct decoder *d)
{
   struct bzip2 *b = (struct bzip2 *) d;
   if (b->ready) {
      BZ2_bzDecompressEnd(&b->b);
   }
   free(b);
}

static struct decoder *bzip2_new(uint64_t limit)
{
   struct bzip2 *b = calloc(1, sizeof(*b));
   (void) limit;
   if (b == NULL) {
      return NULL;
   }
   b->decoder = (struct decoder){"bzip2", bzip2_step, bzip2_memory, bzip2_free, false, false, ""};
   return &b->decoder;
}
#endif

/* -------------------------------------------------------------------------- xz */

#ifdef HAVE_LZMA
struct xz {
   struct decoder decoder;
   lzma_stream x;
   uint64_t limit;
   bool any;
};

static enum decoder_state xz_error(struct xz *x, lzma_ret rc)
{
   if (rc != LZMA_MEMLIMIT_ERROR && rc != LZMA_MEM_ERROR) {
      return damaged(&x->decoder, "xz", rc == LZMA_OPTIONS_ERROR ? "unsupported options" : "invalid data");
   }
   snprintf(x->decoder.error, sizeof(x->decoder.error),
            "the xz dictionary needs %llu MiB, more than the limit of %llu MiB (capture-memory)",
            (unsigned long long) (lzma_memusage(&x->x) >> 20), (unsigned long long) (x->limit >> 20));
   return DECODER_FAILED;
}

static enum decoder_state xz_step(struct decoder *d, struct decoder_input *in, uint8_t *out, size_t size,
                                  size_t *added)
{
   struct xz *x = (struct xz *) d;
   *added = 0;
   if (!d->open) {
      if (x->any) {
         skip_padding(in);
      }
      if (in->n == 0) {
         d->held = false;
         return DECODER_OK;
      }
      lzma_ret rc = lzma_stream_decoder(&x->x, x->limit, 0);
      if (rc != LZMA_OK) {
         return xz_error(x, rc);
      }
      d->open = true;
   }
   x->x.next_in = in->p;
   x->x.avail_in = in->n;
   x->x.next_out = out;
   x->x.avail_out = size;
   lzma_ret rc = lzma_code(&x->x, LZMA_RUN);
   in->p = x->x.next_in;
   in->n = x->x.avail_in;
   *added = size - x->x.avail_out;
   d->held = x->x.avail_out == 0;
   if (rc == LZMA_STREAM_END) {
      d->open = false;
      x->any = true;
      return DECODER_OK;
   }
   return rc == LZMA_OK || rc == LZMA_BUF_ERROR ? DECODER_OK : xz_error(x, rc);
}

static uint64_t xz_memory(const struct decoder *d)
{
   return lzma_memusage(&((const struct xz *) d)->x);
}

static void xz_free(struct decoder *d)
{
   lzma_end(&((struct xz *) d)->x);
   free(d);
}

static struct decoder *xz_new(uint64_t limit)
{
   struct xz *x = calloc(1, sizeof(*x));
   if (x == NULL) {
      return NULL;
   }
   x->limit = limit;
   x->decoder = (struct decoder){"the xz dictionary", xz_step, xz_memory, xz_free, false, false, ""};
   return &x->decoder;
}
#endif

/* ------------------------------------------------------------------------- lz4 */

#ifdef HAVE_LZ4
struct lz4 {
   struct decoder decoder;
   LZ4F_dctx *context;
};

static enum decoder_state lz4_step(struct decoder *d, struct decoder_input *in, uint8_t *out, size_t size,
                                   size_t *added)
{
   size_t taken = in->n;
   *added = size;
   size_t rc = LZ4F_decompress(((struct lz4 *) d)->context, out, added, in->p, &taken, NULL);
   if (LZ4F_isError(rc)) {
      *added = 0;
      return damaged(d, "lz4", LZ4F_getErrorName(rc));
   }
   d->open = taken > 0 || *added > 0 ? rc != 0 : d->open;
   d->held = *added == size;
   in->p += taken;
   in->n -= taken;
   return DECODER_OK;
}

static uint64_t lz4_memory(const struct decoder *d)
{
   (void) d;
   return 9 << 20; /* two blocks of 4 MB and what goes before them */
}

static void lz4_free(struct decoder *d)
{
   LZ4F_freeDecompressionContext(((struct lz4 *) d)->context);
   free(d);
}

static struct decoder *lz4_new(uint64_t limit)
{
   struct lz4 *l = calloc(1, sizeof(*l));
   (void) limit;
   if (l == NULL || LZ4F_isError(LZ4F_createDecompressionContext(&l->context, LZ4F_VERSION))) {
      free(l);
      return NULL;
   }
   l->decoder = (struct decoder){"lz4", lz4_step, lz4_memory, lz4_free, false, false, ""};
   return &l->decoder;
}
#endif

/* ------------------------------------------------------------------------ zstd */

#ifdef HAVE_ZSTD
struct zstd {
   struct decoder decoder;
   ZSTD_DStream *stream;
   uint64_t limit;
};

static enum decoder_state zstd_step(struct decoder *d, struct decoder_input *in, uint8_t *out, size_t size,
                                    size_t *added)
{
   struct zstd *z = (struct zstd *) d;
   ZSTD_outBuffer to = {.dst = out, .size = size};
   ZSTD_inBuffer from = {.src = in->p, .size = in->n};
   size_t rc = ZSTD_decompressStream(z->stream, &to, &from);
   *added = 0;
   if (ZSTD_isError(rc)) {
      if (ZSTD_getErrorCode(rc) != ZSTD_error_frameParameter_windowTooLarge) {
         return damaged(d, "zstd", ZSTD_getErrorName(rc));
      }
      snprintf(d->error, sizeof(d->error), "the zstd window exceeds the limit of %llu MiB (capture-memory)",
               (unsigned long long) (z->limit >> 20));
      return DECODER_FAILED;
   }
   in->p += from.pos;
   in->n -= from.pos;
   *added = to.pos;
   d->open = rc != 0;
   d->held = to.pos == to.size;
   return DECODER_OK;
}

/* Frames may have windows of any size. The decoder has allocated one, but hardly touched it, when its size is seen. */
static uint64_t zstd_memory(const struct decoder *d)
{
   return ZSTD_sizeof_DStream(((const struct zstd *) d)->stream);
}

static void zstd_free(struct decoder *d)
{
   ZSTD_freeDStream(((struct zstd *) d)->stream);
   free(d);
}

static struct decoder *zstd_new(uint64_t limit)
{
   struct zstd *z = calloc(1, sizeof(*z));
   if (z == NULL || (z->stream = ZSTD_createDStream()) == NULL) {
      free(z);
      return NULL;
   }
   z->limit = limit;
   z->decoder = (struct decoder){"the zstd window", zstd_step, zstd_memory, zstd_free, false, false, ""};
   /* The decoder refuses a window that cannot be within the limit before it allocates it. */
   int log = 10;
   while (log < 31 && UINT64_C(2) << log <= limit) {
      log++;
   }
   ZSTD_DCtx_setParameter(z->stream, ZSTD_d_windowLogMax, log);
   return &z->decoder;
}
#endif

/* ---------------------------------------------------------------------- choice */

static const struct kind {
   const char *name, *magic;
   size_t size;
   struct decoder *(*create)(uint64_t limit); /* NULL: built without it */
} kinds[] = {
    {"gzip", "\x1f\x8b", 2,
#ifdef HAVE_ZLIB
     gzip_new
#else
     NULL
#endif
    },
    {"bzip2", "BZh", 3,
#ifdef HAVE_BZ2
     bzip2_new
#else
     NULL
#endif
    },
    {"xz",
     "\xfd"
     "7zXZ\0",
     6,
#ifdef HAVE_LZMA
     xz_new
#else
     NULL
#endif
    },
    {"lz4", "\x04\x22\x4d\x18", 4,
#ifdef HAVE_LZ4
     lz4_new
#else
     NULL
#endif
    },
    {"zstd", "\x28\xb5\x2f\xfd", 4,
#ifdef HAVE_ZSTD
     zstd_new
#else
     NULL
#endif
    },
};

static const struct kind *find(const uint8_t *head, size_t n)
{
   for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
      if (n >= kinds[i].size && memcmp(head, kinds[i].magic, kinds[i].size) == 0) {
         return &kinds[i];
      }
   }
   return NULL;
}

const char *decoder_name(const uint8_t *head, size_t n)
{
   const struct kind *k = find(head, n);
   return k != NULL ? k->name : NULL;
}

struct decoder *decoder_new(const uint8_t *head, size_t n, uint64_t limit, char error[DECODER_ERROR])
{
   const struct kind *k = find(head, n);
   if (k == NULL || k->create == NULL) {
      snprintf(error, DECODER_ERROR, "compressed with %s, but built without %s", k != NULL ? k->name : "?",
               k != NULL ? k->name : "?");
      return NULL;
   }
   struct decoder *d = k->create(limit);
   if (d == NULL) {
      snprintf(error, DECODER_ERROR, "out of memory");
   }
   return d;
}
