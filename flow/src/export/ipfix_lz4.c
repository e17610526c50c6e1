/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfix_lz4.h"

#include <lz4frame.h>
#include <stdlib.h>

struct ipfix_lz4 {
   LZ4F_cctx *context;
   LZ4F_preferences_t preferences;
   size_t block;
};

bool ipfix_lz4_available(void)
{
   return true;
}

/* Of the frame: a part that is larger is several of its blocks. */
static LZ4F_blockSizeID_t block_size(size_t block)
{
   return block <= 64 << 10    ? LZ4F_max64KB
          : block <= 256 << 10 ? LZ4F_max256KB
          : block <= 1 << 20   ? LZ4F_max1MB
                               : LZ4F_max4MB;
}

struct ipfix_lz4 *ipfix_lz4_new(size_t block)
{
   struct ipfix_lz4 *z = calloc(1, sizeof(*z));
   if (z == NULL || LZ4F_isError(LZ4F_createCompressionContext(&z->context, LZ4F_VERSION))) {
      free(z);
      return NULL;
   }
   z->block = block;
   z->preferences.autoFlush = 1;
   z->preferences.frameInfo.blockSizeID = block_size(block);
   z->preferences.frameInfo.blockMode = LZ4F_blockLinked;
   z->preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
   return z;
}

void ipfix_lz4_free(struct ipfix_lz4 *z)
{
   if (z != NULL) {
      LZ4F_freeCompressionContext(z->context);
      free(z);
   }
}

size_t ipfix_lz4_room(const struct ipfix_lz4 *z)
{
   return LZ4F_HEADER_SIZE_MAX + LZ4F_compressBound(z->block, &z->preferences);
}

static size_t checked(size_t n)
{
   return LZ4F_isError(n) ? 0 : n;
}

size_t ipfix_lz4_begin(struct ipfix_lz4 *z, uint8_t *to)
{
   return checked(LZ4F_compressBegin(z->context, to, LZ4F_HEADER_SIZE_MAX, &z->preferences));
}

size_t ipfix_lz4_block(struct ipfix_lz4 *z, uint8_t *to, const uint8_t *data, size_t size)
{
   return checked(
       LZ4F_compressUpdate(z->context, to, LZ4F_compressBound(z->block, &z->preferences), data, size, NULL));
}

size_t ipfix_lz4_end(struct ipfix_lz4 *z, uint8_t *to)
{
   return checked(LZ4F_compressEnd(z->context, to, LZ4F_compressBound(0, &z->preferences), NULL));
}
