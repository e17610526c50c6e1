/* SPDX-License-Identifier: BSD-3-Clause */
#include <nemea-common/nc_bloom.h>
#include <nemea-common/nc_hash.h>

#include <errno.h>
#include <stdlib.h>

#define BITS_SET 6 /* of an element; 9 bits of the hash say which one of a block */

static bool possible(uint32_t blocks)
{
   return blocks > 0 && blocks <= NC_BLOOM_MAX_BLOCKS && (blocks & (blocks - 1)) == 0;
}

int nc_bloom_init(nc_bloom_t *b, uint32_t blocks, const uint64_t key[2])
{
   memset(b, 0, sizeof(*b));
   if (!possible(blocks)) {
      errno = EINVAL;
      return -1;
   }
   b->words = calloc(blocks, NC_BLOOM_BLOCK);
   if (b->words == NULL) {
      return -1;
   }
   b->blocks = blocks;
   b->key[0] = key[0];
   b->key[1] = key[1];
   return 0;
}

void nc_bloom_free(nc_bloom_t *b)
{
   free(b->words);
   memset(b, 0, sizeof(*b));
}

/* The block of a hash, and a second hash for the bits in it: the block takes the low bits of the first one, of which there are few. */
static uint64_t *find_block(const nc_bloom_t *b, const void *data, size_t size, uint64_t *bits)
{
   uint64_t hash = nc_hash_long(data, size, b->key);
   *bits = (hash >> 20) * UINT64_C(0x9e3779b97f4a7c15);
   *bits ^= *bits >> 32;
   return b->words + (size_t) (hash & (b->blocks - 1)) * NC_BLOOM_BLOCK_WORDS;
}

void nc_bloom_add(nc_bloom_t *b, const void *data, size_t size)
{
   uint64_t bits, *block = find_block(b, data, size, &bits);
   for (int i = 0; i < BITS_SET; i++, bits >>= 9) {
      block[bits >> 6 & 7] |= UINT64_C(1) << (bits & 63);
   }
}

bool nc_bloom_may_have(const nc_bloom_t *b, const void *data, size_t size)
{
   uint64_t bits;
   const uint64_t *block = find_block(b, data, size, &bits);
   for (int i = 0; i < BITS_SET; i++, bits >>= 9) {
      if ((block[bits >> 6 & 7] & UINT64_C(1) << (bits & 63)) == 0) {
         return false;
      }
   }
   return true;
}

void nc_bloom_fold(nc_bloom_t *b)
{
   while (b->blocks > 1) {
      size_t half = (size_t) b->blocks / 2 * NC_BLOOM_BLOCK_WORDS, set = 0;
      for (size_t i = 0; i < half; i++) {
         set += (size_t) __builtin_popcountll(b->words[i] | b->words[half + i]);
      }
      if (set > half * 64 / 2) {
         return;
      }
      for (size_t i = 0; i < half; i++) {
         b->words[i] |= b->words[half + i];
      }
      b->blocks /= 2;
   }
}

double nc_bloom_fill(const nc_bloom_t *b)
{
   size_t n = (size_t) b->blocks * NC_BLOOM_BLOCK_WORDS, set = 0;
   for (size_t i = 0; i < n; i++) {
      set += (size_t) __builtin_popcountll(b->words[i]);
   }
   return n > 0 ? (double) set / (double) (n * 64) : 0;
}
