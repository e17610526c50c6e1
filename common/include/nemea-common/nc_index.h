/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_index.h
 * Index of a hash table: finds the number of a record by the hash of its key. The records themselves are the caller's.
 *
 * Buckets of one cache line hold the upper halves of hashes (tags) and the numbers of up to NC_INDEX_WAYS records. A record
 * whose bucket is full goes to one of the next; each bucket that was passed counts that, so a search ends at the first bucket
 * that nobody passed, and nothing moves when a record is removed. Searches, insertions and removals look at NC_INDEX_REACH
 * buckets at most. With hashes of nc_hash.h and at most two thirds of the places in use, the chance that a record finds no
 * place within that distance is below 1e-20; when it happens, nc_index_add() refuses and counts it.
 *
 * Threads: one index belongs to one thread.
 */
#ifndef NEMEA_COMMON_NC_INDEX_H
#define NEMEA_COMMON_NC_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define NC_INDEX_WAYS  7
#define NC_INDEX_REACH 128        /**< buckets that a record may be away from its own */
#define NC_INDEX_NONE  UINT32_MAX /**< no record */

/** One cache line: two rows of eight numbers. All zero: empty. */
typedef struct nc_index_bucket {
   uint32_t tag[NC_INDEX_WAYS + 1]; /**< upper half of the hash; the last one is unused */
   uint32_t record[NC_INDEX_WAYS +
                   1]; /**< number + 1; 0: free; the last one counts records that belong here or before,
                                        * and stand further on */
} nc_index_bucket_t;

#define NC_INDEX_PASSED NC_INDEX_WAYS /* place of that count */
#define NC_INDEX_PLACES ((1u << NC_INDEX_WAYS) - 1)

typedef struct nc_index {
   nc_index_bucket_t *buckets; /**< nc_index_size() of them, zeroed, at a multiple of 64 */
   uint32_t mask;              /**< their number less 1 */
   uint64_t refused;           /**< insertions that found no place */
} nc_index_t;

/** Number of buckets for this many records, a power of two. \param records up to 2^30 */
static inline uint32_t nc_index_size(uint32_t records)
{
   uint32_t n = 1;
   while (n < (uint64_t) records * 3 / 2 / NC_INDEX_WAYS + 1) {
      n *= 2;
   }
   return n;
}

static inline uint32_t nc_index_reach_(const nc_index_t *index)
{
   return index->mask < NC_INDEX_REACH ? index->mask + 1 : NC_INDEX_REACH;
}

/* nc_index_equal_() on processors without SSE2. */
static inline unsigned nc_index_equal_portable_(const uint32_t row[8], uint32_t value)
{
   unsigned mask = 0;
   for (unsigned i = 0; i < 8; i++) {
      mask |= (unsigned) (row[i] == value) << i;
   }
   return mask;
}

/* Bit i is set when row[i] == value. Which place of a bucket it is cannot be foreseen: a loop that ends at the first one would
 * cost a wrong guess of the processor in nearly each search, and with it the overlap of the memory accesses of several. */
static inline unsigned nc_index_equal_(const uint32_t row[8], uint32_t value)
{
#if defined(__SSE2__)
   const __m128i v = _mm_set1_epi32((int) value), *r = (const __m128i *) (const void *) row;
   __m128i equal =
       _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(r), v), _mm_cmpeq_epi32(_mm_load_si128(r + 1), v));
   return (unsigned) _mm_movemask_epi8(_mm_packs_epi16(equal, equal)) & 0xff;
#else
   return nc_index_equal_portable_(row, value);
#endif
}

/* Places whose tag is that of the hash; they may be free. */
static inline unsigned nc_index_tagged_(const nc_index_bucket_t *b, uint64_t hash)
{
   return nc_index_equal_(b->tag, (uint32_t) (hash >> 32)) & NC_INDEX_PLACES;
}

/* Places with this record + 1; 0: free ones. */
static inline unsigned nc_index_places_(const nc_index_bucket_t *b, uint32_t number)
{
   return nc_index_equal_(b->record, number) & NC_INDEX_PLACES;
}

/** The bucket that a search begins at: what to fetch into the processor's cache. */
static inline nc_index_bucket_t *nc_index_home(const nc_index_t *index, uint64_t hash)
{
   return &index->buckets[hash & index->mask];
}

/** The first record of this hash's bucket with its tag: most probably the one that is looked for. NC_INDEX_NONE: none */
static inline uint32_t nc_index_guess(const nc_index_t *index, uint64_t hash)
{
   const nc_index_bucket_t *b = nc_index_home(index, hash);
   unsigned tagged = nc_index_tagged_(b, hash);
   return tagged != 0 ? b->record[__builtin_ctz(tagged)] - 1 : NC_INDEX_NONE; /* a free place has 0 */
}

/** Compares the key that is looked for with that of a record. */
typedef bool (*nc_index_same_fn)(void *context, uint32_t record);

__attribute__((always_inline)) static inline uint32_t
nc_index_in_bucket_(const nc_index_bucket_t *b, uint64_t hash, nc_index_same_fn same, void *context)
{
   for (unsigned tagged = nc_index_tagged_(b, hash); tagged != 0; tagged &= tagged - 1) {
      uint32_t number = b->record[__builtin_ctz(tagged)];
      if (number != 0 && same(context, number - 1)) {
         return number - 1;
      }
   }
   return NC_INDEX_NONE;
}

/** The record for which same() is true; NC_INDEX_NONE: there is none. */
__attribute__((always_inline)) static inline uint32_t nc_index_find(const nc_index_t *index, uint64_t hash,
                                                                    nc_index_same_fn same, void *context)
{
   const nc_index_bucket_t *b = nc_index_home(index, hash);
   uint32_t found = nc_index_in_bucket_(b, hash, same, context);
   if (__builtin_expect(found == NC_INDEX_NONE && b->record[NC_INDEX_PASSED] != 0, 0)) {
      uint32_t reach = nc_index_reach_(index);
      for (uint32_t n = 1; n < reach && found == NC_INDEX_NONE && b->record[NC_INDEX_PASSED] != 0; n++) {
         b = nc_index_home(index, hash + n);
         found = nc_index_in_bucket_(b, hash, same, context);
      }
   }
   return found;
}

static inline bool nc_index_put_(nc_index_bucket_t *b, uint64_t hash, uint32_t record)
{
   unsigned vacant = nc_index_places_(b, 0);
   if (vacant == 0) {
      return false;
   }
   b->tag[__builtin_ctz(vacant)] = (uint32_t) (hash >> 32);
   b->record[__builtin_ctz(vacant)] = record + 1;
   return true;
}

/** Puts a record into the index. \return false: all places within reach are in use; nothing is changed, and counted */
static inline bool nc_index_add(nc_index_t *index, uint64_t hash, uint32_t record)
{
   if (__builtin_expect(nc_index_put_(nc_index_home(index, hash), hash, record), 1)) {
      return true;
   }
   uint32_t reach = nc_index_reach_(index), n = 1;
   while (n < reach && !nc_index_put_(nc_index_home(index, hash + n), hash, record)) {
      n++;
   }
   if (n >= reach) {
      index->refused++;
      return false;
   }
   while (n-- > 0) {
      nc_index_home(index, hash + n)->record[NC_INDEX_PASSED]++;
   }
   return true;
}

/** A record of this hash's own bucket, which must be full: what to remove when nc_index_add() has refused. */
static inline uint32_t nc_index_victim(const nc_index_t *index, uint64_t hash)
{
   return nc_index_home(index, hash)->record[0] - 1;
}

/** Takes out a record that is there. */
static inline void nc_index_remove(nc_index_t *index, uint64_t hash, uint32_t record)
{
   uint32_t reach = nc_index_reach_(index);
   for (uint32_t n = 0; n < reach; n++) {
      nc_index_bucket_t *b = &index->buckets[(hash + n) & index->mask];
      unsigned place = nc_index_places_(b, record + 1);
      if (place != 0) {
         b->record[__builtin_ctz(place)] = 0;
         return;
      }
      b->record[NC_INDEX_PASSED]--;
   }
}

#ifdef __cplusplus
}
#endif
#endif
