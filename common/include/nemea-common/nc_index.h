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

#ifdef __cplusplus
extern "C" {
#endif

#define NC_INDEX_WAYS  7
#define NC_INDEX_REACH 128        /**< buckets that a record may be away from its own */
#define NC_INDEX_NONE  UINT32_MAX /**< no record */

/** One cache line. All zero: empty. */
typedef struct nc_index_bucket {
   uint32_t passed;                /**< records that belong here or before, and stand further on */
   uint32_t tag[NC_INDEX_WAYS];    /**< upper half of the hash */
   uint32_t record[NC_INDEX_WAYS]; /**< number + 1; 0: free */
   uint32_t unused;
} nc_index_bucket_t;

typedef struct nc_index {
   nc_index_bucket_t *buckets; /**< nc_index_size() of them, zeroed, at a multiple of 64 */
   uint32_t mask;              /**< their number less 1 */
   uint64_t refused;           /**< insertions that found no place */
} nc_index_t;

/** Buckets for so many records, a power of two. \param records up to 2^30 */
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

/** The bucket that a search begins at: what to fetch into the processor's cache. */
static inline nc_index_bucket_t *nc_index_home(const nc_index_t *index, uint64_t hash)
{
   return &index->buckets[hash & index->mask];
}

/** The first record of this hash's bucket with its tag: most probably the one that is looked for. NC_INDEX_NONE: none */
static inline uint32_t nc_index_guess(const nc_index_t *index, uint64_t hash)
{
   const nc_index_bucket_t *b = nc_index_home(index, hash);
   for (unsigned i = 0; i < NC_INDEX_WAYS; i++) {
      if (b->tag[i] == (uint32_t) (hash >> 32) && b->record[i] != 0) {
         return b->record[i] - 1;
      }
   }
   return NC_INDEX_NONE;
}

/** Compares the key that is looked for with that of a record. */
typedef bool (*nc_index_same_fn)(void *context, uint32_t record);

/** The record for which same() is true; NC_INDEX_NONE: there is none. */
__attribute__((always_inline)) static inline uint32_t nc_index_find(const nc_index_t *index, uint64_t hash,
                                                                    nc_index_same_fn same, void *context)
{
   uint32_t reach = nc_index_reach_(index);
   for (uint32_t n = 0; n < reach; n++) {
      const nc_index_bucket_t *b = &index->buckets[(hash + n) & index->mask];
      for (unsigned i = 0; i < NC_INDEX_WAYS; i++) {
         if (b->tag[i] == (uint32_t) (hash >> 32) && b->record[i] != 0 && same(context, b->record[i] - 1)) {
            return b->record[i] - 1;
         }
      }
      if (b->passed == 0) {
         break;
      }
   }
   return NC_INDEX_NONE;
}

/** Puts a record into the index. \return false: all places within reach are in use; nothing is changed, and counted */
static inline bool nc_index_add(nc_index_t *index, uint64_t hash, uint32_t record)
{
   uint32_t reach = nc_index_reach_(index);
   for (uint32_t n = 0; n < reach; n++) {
      nc_index_bucket_t *b = &index->buckets[(hash + n) & index->mask];
      for (unsigned i = 0; i < NC_INDEX_WAYS; i++) {
         if (b->record[i] == 0) {
            b->tag[i] = (uint32_t) (hash >> 32);
            b->record[i] = record + 1;
            for (uint32_t k = 0; k < n; k++) {
               index->buckets[(hash + k) & index->mask].passed++;
            }
            return true;
         }
      }
   }
   index->refused++;
   return false;
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
      for (unsigned i = 0; i < NC_INDEX_WAYS; i++) {
         if (b->record[i] == record + 1) {
            b->record[i] = 0;
            return;
         }
      }
      b->passed--;
   }
}

#ifdef __cplusplus
}
#endif
#endif
