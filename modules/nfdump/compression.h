/* SPDX-License-Identifier: BSD-3-Clause */
/** Compression of the blocks of nfdump files. What a library is missing for is known, but cannot be read or written. */
#ifndef NEMEA_NFDUMP_COMPRESSION_H
#define NEMEA_NFDUMP_COMPRESSION_H

#include <stdbool.h>
#include <stddef.h>

/** As the header of a file names them. */
enum nf_compression { NF_PLAIN, NF_LZO, NF_BZ2, NF_LZ4, NF_ZSTD, NF_COMPRESSIONS };

/** Longest block, uncompressed; nfdump's own have about 1 MiB. */
#define NF_MAX_BLOCK (16u << 20)

/** "LZO" and so on. */
const char *nf_compression_name(enum nf_compression kind);
/** NULL: this build can read it and, but for zstd, write it; else the name of the library that it was built without. */
const char *nf_compression_lacks(enum nf_compression kind);

/** Decompresses a block. \param capacity of out, at most NF_MAX_BLOCK
 * \return false: the data are damaged or longer than capacity */
bool nf_decompress(enum nf_compression kind, const void *in, size_t n, void *out, size_t capacity,
                   size_t *size);
/** Decompresses as much as it can of a block whose end is missing. \return bytes that are valid in out */
size_t nf_decompress_part(enum nf_compression kind, const void *in, size_t n, void *out, size_t capacity);
/** Largest size of n compressed bytes. */
size_t nf_compress_bound(size_t n);
/** Compresses a block with LZO or BZ2. \param out has nf_compress_bound(n) bytes. \return 0: failure */
size_t nf_compress(enum nf_compression kind, const void *in, size_t n, void *out);

#endif
