/* SPDX-License-Identifier: BSD-3-Clause */
/** Compression of the blocks of nfdump files, by the libraries that were there when this was built. */
#include "compression.h"

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
#endif

#ifdef HAVE_ZSTD
static bool unpack_zstd(const void *in, size_t n, void *out, size_t capacity, size_t *size)
{
   *size = ZSTD_decompress(out, capacity, in, n);
   return !ZSTD_isError(*size);
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
