/* SPDX-License-Identifier: BSD-3-Clause */
/** Builds without liblz4. */
#include "ipfix_lz4.h"

bool ipfix_lz4_available(void)
{
   return false;
}

struct ipfix_lz4 *ipfix_lz4_new(size_t block)
{
   (void) block;
   return NULL;
}

void ipfix_lz4_free(struct ipfix_lz4 *z)
{
   (void) z;
}

size_t ipfix_lz4_room(const struct ipfix_lz4 *z)
{
   (void) z;
   return 0;
}

size_t ipfix_lz4_begin(struct ipfix_lz4 *z, uint8_t *to)
{
   (void) z;
   (void) to;
   return 0;
}

size_t ipfix_lz4_block(struct ipfix_lz4 *z, uint8_t *to, const uint8_t *data, size_t size)
{
   (void) z;
   (void) to;
   (void) data;
   (void) size;
   return 0;
}

size_t ipfix_lz4_end(struct ipfix_lz4 *z, uint8_t *to)
{
   (void) z;
   (void) to;
   return 0;
}
