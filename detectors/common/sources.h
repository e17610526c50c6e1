/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file sources.h
 * Which sources may have entries in a table whose keys begin with their address. Most flows are of sources that have none: one bit of
 * a small map tells that, without a search.
 *
 * Bits stay when entries are evicted, so the map is made again from the table once many were set. A bit too many costs a search and
 * nothing else.
 */
#ifndef DETECTORS_SOURCES_H
#define DETECTORS_SOURCES_H

#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_table.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sources {
   uint64_t *map;
   unsigned shift; /* 64 - log2 of its bits */
   uint32_t set;   /* bits set since it was made */
   uint32_t most;  /* of these; then it is made again */
};

#define SOURCES_BITS 16 /* per entry of the table */

/** \return false: no memory */
static inline bool sources_open(struct sources *s, const nc_table_t *table)
{
   unsigned bits = 10;
   s->most = 2 * nc_table_capacity(table);
   while (bits < 34 && UINT64_C(1) << bits < (uint64_t) SOURCES_BITS * nc_table_capacity(table)) {
      bits++;
   }
   s->shift = 64 - bits;
   s->map = calloc((size_t) 1 << (bits - 6), sizeof(*s->map));
   return s->map != NULL;
}

static inline void sources_close(struct sources *s)
{
   free(s->map);
   s->map = NULL;
}

/** Place of the bit of an address, which may have any alignment. Keyed, and cheaper than a hash for a table. mix: of nc_hash_key_; those
 * who look at many addresses keep it in registers */
static inline uint64_t sources_place_keyed(unsigned shift, const uint64_t mix[2], const void *address)
{
   uint64_t word[2];
   memcpy(word, address, sizeof(word));
   return nc_hash_fold_(word[0] ^ mix[0], word[1] ^ mix[1]) * UINT64_C(0x9e3779b97f4a7c15) >> shift;
}

static inline uint64_t sources_place(const struct sources *s, const void *address)
{
   return sources_place_keyed(s->shift, &nc_hash_key_.mix[2], address);
}

static inline bool sources_may_have(const struct sources *s, const void *address)
{
   uint64_t place = sources_place(s, address);
   return s->map[place >> 6] >> (place & 63) & 1;
}

/** The source is about to get an entry. */
static inline void sources_add(struct sources *s, const void *address)
{
   uint64_t place = sources_place(s, address), bit = UINT64_C(1) << (place & 63);
   s->set += !(s->map[place >> 6] & bit);
   s->map[place >> 6] |= bit;
}

/** Between batches: makes the map again if it is time, of the entries for whose keys counts() is as wanted. */
static inline void sources_refresh(struct sources *s, const nc_table_t *table,
                                   bool (*counts)(const void *key), bool wanted)
{
   uint32_t cursor = 0;
   const void *key;
   void *value;
   if (s->set <= s->most) {
      return;
   }
   memset(s->map, 0, sizeof(*s->map) << (64 - s->shift - 6));
   while (nc_table_next(table, &cursor, &key, &value)) {
      if (counts(key) == wanted) {
         sources_add(s, key);
      }
   }
   s->set = 0;
}

#endif
