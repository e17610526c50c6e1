/* SPDX-License-Identifier: BSD-3-Clause */
/** Numbers in network byte order, at any address. */
#ifndef FLOW_COLLECTOR_BYTES_H
#define FLOW_COLLECTOR_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t get16(const uint8_t *p)
{
   uint16_t v;
   memcpy(&v, p, sizeof(v));
   return __builtin_bswap16(v);
}

static inline uint32_t get32(const uint8_t *p)
{
   uint32_t v;
   memcpy(&v, p, sizeof(v));
   return __builtin_bswap32(v);
}

static inline uint64_t get64(const uint8_t *p)
{
   uint64_t v;
   memcpy(&v, p, sizeof(v));
   return __builtin_bswap64(v);
}

/** Of 0 to 8 bytes. */
static inline uint64_t get_number(const uint8_t *p, unsigned length)
{
   uint64_t v = 0;
   for (unsigned i = 0; i < length; i++) {
      v = v << 8 | p[i];
   }
   return v;
}

#endif
