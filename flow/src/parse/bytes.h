/* SPDX-License-Identifier: BSD-3-Clause */
/** Numbers in network byte order at any address, on machines of either byte order. */
#ifndef FLOW_BYTES_H
#define FLOW_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t load_be16(const void *p)
{
   uint16_t v;
   memcpy(&v, p, sizeof(v));
   return be16toh(v);
}

static inline uint32_t load_be32(const void *p)
{
   uint32_t v;
   memcpy(&v, p, sizeof(v));
   return be32toh(v);
}

static inline uint64_t load_be64(const void *p)
{
   uint64_t v;
   memcpy(&v, p, sizeof(v));
   return be64toh(v);
}

/** Of 0 to 8 bytes. */
static inline uint64_t load_number(const uint8_t *p, unsigned length)
{
   uint64_t v = 0;
   for (unsigned i = 0; i < length; i++) {
      v = v << 8 | p[i];
   }
   return v;
}

#endif
