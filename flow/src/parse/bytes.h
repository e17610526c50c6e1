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

#endif
