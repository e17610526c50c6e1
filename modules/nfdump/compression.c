/* SPDX-License-Identifier: BSD-3-Clause */
/** Compression of the blocks of nfdump files, by the libraries that were there when this was built. */
#include "compression.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LZO
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_BZ2
#include <bzlib.h>
#endif
#ifdef HAVE_LZ4
#include <lz4.h>
#endif
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

static const struct {
   const char *name, *lacks;
} kinds[NF_COMPRESSIONS] = {
    {"none", NULL},
#ifdef HAVE_LZO
    {"LZO", NULL},
#else
    {"LZO", "liblzo2"},
#endif
#ifdef HAVE_BZ2
    {"BZ2", NULL},
#else
    {"BZ2", "libbz2"},
#endif
#ifdef HAVE_LZ4
    {"LZ4", NULL},
#else
    {"LZ4", "liblz4"},
#endif
#ifdef HAVE_ZSTD
    {"ZSTD", NULL},
#else
    {"ZSTD", "libzstd"},
#endif
};

const char *nf_compression_name(enum nf_compression kind)
{
   return kinds[kind].name;
}

const char *nf_compression_lacks(enum nf_compression kind)
{
   return kinds[kind].lacks;
}

#ifdef HAVE_LZO
static bool unpack_lzo(const void *in, size_t n, void *out, size_t capacity, size_t *size)
{
   lzo_uint length = capacity;
   int rc = lzo_init();
   rc = rc == LZO_E_OK ? lzo1x_decompress_safe(in, n, out, &length, NULL) : rc;
   *size = length;
   return rc == LZO_E_OK;
}

static size_t unpack_part_lzo(const void *in, size_t n, void *out, size_t capacity)
{
   lzo_uint length = capacity;
   int rc = lzo_init();
   rc = rc == LZO_E_OK ? lzo1x_decompress_safe(in, n, out, &length, NULL) : rc;
   return rc == LZO_E_OK || rc == LZO_E_INPUT_OVERRUN ? length : 0; /* set in both cases */
}

static size_t pack_lzo(const void *in, size_t n, void *out)
{
   void *memory = malloc(LZO1X_1_MEM_COMPRESS);
   lzo_uint length = 0;
   bool good =
       memory != NULL && lzo_init() == LZO_E_OK && lzo1x_1_compress(in, n, out, &length, memory) == LZO_E_OK;
   free(memory);
   return good ? length : 0;
}
#endif

#ifdef HAVE_BZ2
static bool unpack_bz2(const void *in, size_t n, void *out, size_t capacity, size_t *size)
{
   unsigned length = (unsigned) capacity;
   int rc = BZ2_bzBuffToBuffDecompress(out, &length, (char *) (uintptr_t) in, (unsigned) n, 0, 0);
   *size = length;
   return rc == BZ_OK;
}

/* bzip2 decompresses whole pieces of 900 kB. */
static size_t unpack_part_bz2(const void *in, size_t n, void *out, size_t capacity)
{
   bz_stream stream = {.next_in = (char *) (uintptr_t) in,
                       .avail_in = (unsigned) n,
                       .next_out = out,
                       .avail_out = (unsigned) capacity};
   if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) {
      return 0;
   }
   int rc = BZ_OK;
   while (rc == BZ_OK && stream.avail_in > 0 && stream.avail_out > 0) {
      rc = BZ2_bzDecompress(&stream);
   }
   BZ2_bzDecompressEnd(&stream);
   return capacity - stream.avail_out;
}

static size_t pack_bz2(const void *in, size_t n, void *out)
{
   unsigned length = (unsigned) nf_compress_bound(n);
   int rc = BZ2_bzBuffToBuffCompress(out, &length, (char *) (uintptr_t) in, (unsigned) n, 9, 0, 0);
   return rc == BZ_OK ? length : 0;
}
#endif

#ifdef HAVE_LZ4
static bool unpack_lz4(const void *in, size_t n, void *out, size_t capacity, size_t *size)
{
   int length = LZ4_decompress_safe(in, out, (int) n, (int) capacity);
   *size = length > 0 ? (size_t) length : 0;
   return length >= 0;
}

/* Adds what follows a length that did not fit in its four bits. \return false: the data end */
static bool lz4_length(const uint8_t **p, const uint8_t *end, size_t *length)
{
   if (*length < 15) {
      return true;
   }
   while (*p < end) {
      uint8_t more = *(*p)++;
      *length += more;
      if (more < 255) {
         return true;
      }
   }
   return false;
}

/* LZ4_decompress_safe_partial() gives nothing when the data end within a match. A block is a list of literal bytes and matches. */
static size_t unpack_part_lz4(const void *in, size_t n, uint8_t *out, size_t capacity)
{
   const uint8_t *p = in, *end = p + n;
   size_t size = 0;
   while (p < end) {
      size_t literals = *p >> 4, match = *p & 15;
      p++;
      if (!lz4_length(&p, end, &literals)) {
         break;
      }
      size_t here = literals < (size_t) (end - p) ? literals : (size_t) (end - p);
      here = here < capacity - size ? here : capacity - size;
      memcpy(out + size, p, here);
      size += here;
      p += here;
      if (here < literals || end - p < 2) {
         break;
      }
      size_t offset = p[0] | (size_t) p[1] << 8;
      p += 2;
      if (offset == 0 || offset > size || !lz4_length(&p, end, &match)) {
         break;
      }
      for (match += 4; match > 0 && size < capacity; match--, size++) {
         out[size] = out[size - offset];
      }
   }
   return size;
}
#endif

#ifdef HAVE_ZSTD
static bool unpack_zstd(const void *in, size_t n, void *out, size_t capacity, size_t *size)
{
   *size = ZSTD_decompress(out, capacity, in, n);
   return !ZSTD_isError(*size);
}

/* zstd decompresses whole pieces of at most 128 KiB. */
static size_t unpack_part_zstd(const void *in, size_t n, void *out, size_t capacity)
{
   ZSTD_inBuffer from = {in, n, 0};
   ZSTD_outBuffer to = {out, capacity, 0};
   ZSTD_DCtx *context = ZSTD_createDCtx();
   size_t rc = context != NULL ? 1 : 0, before = SIZE_MAX;
   while (rc != 0 && !ZSTD_isError(rc) && from.pos + to.pos != before) {
      before = from.pos + to.pos;
      rc = ZSTD_decompressStream(context, &to, &from);
   }
   ZSTD_freeDCtx(context);
   return to.pos;
}
#endif

bool nf_decompress(enum nf_compression kind, const void *in, size_t n, void *out, size_t capacity,
                   size_t *size)
{
   *size = 0;
   switch (kind) {
#ifdef HAVE_LZO
   case NF_LZO: return unpack_lzo(in, n, out, capacity, size);
#endif
#ifdef HAVE_BZ2
   case NF_BZ2: return unpack_bz2(in, n, out, capacity, size);
#endif
#ifdef HAVE_LZ4
   case NF_LZ4: return unpack_lz4(in, n, out, capacity, size);
#endif
#ifdef HAVE_ZSTD
   case NF_ZSTD: return unpack_zstd(in, n, out, capacity, size);
#endif
   default: return false;
   }
}

size_t nf_decompress_part(enum nf_compression kind, const void *in, size_t n, void *out, size_t capacity)
{
   switch (kind) {
#ifdef HAVE_LZO
   case NF_LZO: return unpack_part_lzo(in, n, out, capacity);
#endif
#ifdef HAVE_BZ2
   case NF_BZ2: return unpack_part_bz2(in, n, out, capacity);
#endif
#ifdef HAVE_LZ4
   case NF_LZ4: return unpack_part_lz4(in, n, out, capacity);
#endif
#ifdef HAVE_ZSTD
   case NF_ZSTD: return unpack_part_zstd(in, n, out, capacity);
#endif
   default: return 0;
   }
}

size_t nf_compress_bound(size_t n)
{
   return n + n / 16 + 1024; /* LZO needs n/16 + 67 more, BZ2 n/100 + 600 */
}

size_t nf_compress(enum nf_compression kind, const void *in, size_t n, void *out)
{
   switch (kind) {
#ifdef HAVE_LZO
   case NF_LZO: return pack_lzo(in, n, out);
#endif
#ifdef HAVE_BZ2
   case NF_BZ2: return pack_bz2(in, n, out);
#endif
   default: return 0;
   }
}
