/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/super_fast_hash.h>

#include <stddef.h>

static uint32_t load_16(const char *p)
{
   return (uint32_t) (uint8_t) p[0] | (uint32_t) (uint8_t) p[1] << 8;
}

/* A last odd byte counts with its sign, as on machines where char is signed. */
static uint32_t load_signed(const char *p)
{
   return (uint32_t) (int32_t) (int8_t) *p;
}

uint32_t SuperFastHash(const char *data, int len)
{
   if (data == NULL || len <= 0) {
      return 0;
   }
   uint32_t hash = (uint32_t) len;
   for (int n = len / 4; n > 0; n--, data += 4) {
      hash += load_16(data);
      hash = (hash << 16) ^ (load_16(data + 2) << 11) ^ hash;
      hash += hash >> 11;
   }
   switch (len % 4) {
   case 3:
      hash += load_16(data);
      hash ^= hash << 16;
      hash ^= load_signed(data + 2) << 18;
      hash += hash >> 11;
      break;
   case 2:
      hash += load_16(data);
      hash ^= hash << 11;
      hash += hash >> 17;
      break;
   case 1:
      hash += load_signed(data);
      hash ^= hash << 10;
      hash += hash >> 1;
      break;
   default: break;
   }
   hash ^= hash << 3;
   hash += hash >> 5;
   hash ^= hash << 4;
   hash += hash >> 17;
   hash ^= hash << 25;
   return hash + (hash >> 6);
}
