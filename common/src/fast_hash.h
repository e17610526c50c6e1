/* SPDX-License-Identifier: BSD-3-Clause */
/** The hash of the fast hash table and filter: words of eight bytes in the manner of MurmurHash3 (Austin Appleby). */
#ifndef FAST_HASH_H
#define FAST_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t fast_rotl(uint64_t x, int n)
{
   return x << n | x >> (64 - n);
}

static inline uint64_t fast_hash(const void *key, size_t size, uint64_t seed)
{
   const uint8_t *p = key;
   uint64_t h = seed, k;
   for (; size >= 8; size -= 8, p += 8) {
      memcpy(&k, p, 8);
      h ^= fast_rotl(k * 5333, 19) * 7177;
      h = fast_rotl(h, 19) * 11117 + 14011;
   }
   if (size > 0) {
      k = 0;
      for (size_t i = 0; i < size; i++) {
         k |= (uint64_t) p[i] << (8 * i);
      }
      h ^= fast_rotl(k * 5333, 19) * 7177;
   }
   h ^= h >> 33;
   h *= UINT64_C(0xff51afd7ed558ccd);
   h ^= h >> 33;
   h *= UINT64_C(0xc4ceb9fe1a85ec53);
   return h ^ h >> 33;
}

#endif
