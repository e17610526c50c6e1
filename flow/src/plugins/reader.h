/* SPDX-License-Identifier: BSD-3-Clause */
/** A place in a message of the network, for parsers of binary protocols. Nothing is read beyond its end. */
#ifndef FLOW_PLUGINS_READER_H
#define FLOW_PLUGINS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
   const uint8_t *message, *p, *end; /**< message: where offsets in it count from, if there are any */
   bool bad;                         /**< read beyond the end, or invalid data */
};

/** The next 1 to 4 bytes as a number in network byte order. Beyond the end: 0, and the reader is bad. */
static inline uint32_t get(struct reader *r, unsigned bytes)
{
   uint32_t v = 0;
   if ((size_t) (r->end - r->p) < bytes) {
      r->bad = true;
      r->p = r->end;
      return 0;
   }
   while (bytes-- > 0) {
      v = v << 8 | *r->p++;
   }
   return v;
}

#endif
