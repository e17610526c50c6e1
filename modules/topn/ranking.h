/* SPDX-License-Identifier: BSD-3-Clause */
/** The N greatest values of a stream of them, in fixed memory: a heap whose root is the least of those kept. */
#ifndef TOPN_RANKING_H
#define TOPN_RANKING_H

#include <stdbool.h>
#include <stdint.h>

/** Of equal values the one with the lower order comes first, so that a result does not depend on how the heap was filled. */
struct rank {
   uint64_t value;
   uint64_t order[2];
   uint32_t slot; /* of what the caller keeps beside, 0 to capacity - 1 */
};

struct ranking {
   struct rank *ranks;
   uint32_t n, capacity;
};

/** \return false: out of memory */
bool ranking_open(struct ranking *r, uint32_t capacity);
void ranking_close(struct ranking *r);
/** Puts a value into its place. \return its slot, which may be one used before; -1: it is less than those kept */
int64_t ranking_insert(struct ranking *r, uint64_t value, uint64_t order0, uint64_t order1);
/** The greatest first. Afterwards ranking_clear() must come before the next value. */
void ranking_sort(struct ranking *r);

static inline void ranking_clear(struct ranking *r)
{
   r->n = 0;
}

/** ranking_insert() for values most of which are too small. */
static inline int64_t ranking_add(struct ranking *r, uint64_t value, uint64_t order0, uint64_t order1)
{
   return r->n == r->capacity && value < r->ranks[0].value ? -1 : ranking_insert(r, value, order0, order1);
}

#endif
