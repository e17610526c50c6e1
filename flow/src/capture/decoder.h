/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Decompression of capture files, recognised by their first bytes: gzip, bzip2, xz, lz4, zstd, whichever libraries this was built
 * with. Does no I/O. A file may have several members or frames, one after another. Any bytes may come in; a step takes time
 * for what it adds, and memory up to the limit.
 */
#ifndef FLOW_DECODER_H
#define FLOW_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECODER_HEAD  6 /* bytes that tell a compression */
#define DECODER_ERROR 160

struct decoder_input {
   const uint8_t *p;
   size_t n;
};

enum decoder_state {
   DECODER_OK,
   DECODER_DAMAGED, /**< the bytes make no sense: see error */
   DECODER_FAILED   /**< it would need more memory than the limit: see error */
};

struct decoder {
   const char *memory_name; /**< "the zstd window", for messages */
   /** Takes bytes off in, adds up to size to out, *added: how many. */
   enum decoder_state (*step)(struct decoder *d, struct decoder_input *in, uint8_t *out, size_t size,
                              size_t *added);
   /** Bytes of memory in use. */
   uint64_t (*memory)(const struct decoder *d);
   void (*free)(struct decoder *d);
   bool open; /**< a member has begun and not ended */
   bool held; /**< there may be more output without more input */
   char error[DECODER_ERROR];
};

/** Name of the compression that begins so, known to this build or not; NULL: none */
const char *decoder_name(const uint8_t *head, size_t n);
/** limit: bytes of memory that it may use. \return NULL with a message in error */
struct decoder *decoder_new(const uint8_t *head, size_t n, uint64_t limit, char error[DECODER_ERROR]);

#endif
