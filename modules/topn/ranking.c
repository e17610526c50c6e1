/* SPDX-License-Identifier: BSD-3-Clause */
#include "ranking.h"

#include <stdlib.h>

bool ranking_open(struct ranking *r, uint32_t capacity)
{
   *r = (struct ranking){.ranks = calloc(capacity, sizeof(*r->ranks)), .capacity = capacity};
   return r->ranks != NULL;
}

void ranking_close(struct ranking *r)
{
   free(r->ranks);
   *r = (struct ranking){0};
}

/* Is a ranked after b? */
static inline bool worse(const struct rank *a, const struct rank *b)
{
   if (a->value != b->value) {
      return a->value < b->value;
   }
   return a->order[0] != b->order[0] ? a->order[0] > b->order[0] : a->order[1] > b->order[1];
}

static void sift_down(struct rank *ranks, uint32_t n, struct rank moved)
{
   uint32_t at = 0, child;
   while ((child = 2 * at + 1) < n) {
      child += child + 1 < n && worse(&ranks[child + 1], &ranks[child]);
      if (!worse(&ranks[child], &moved)) {
         break;
      }
      ranks[at] = ranks[child];
      at = child;
   }
   ranks[at] = moved;
}

int64_t ranking_insert(struct ranking *r, uint64_t value, uint64_t order0, uint64_t order1)
{
   struct rank fresh = {value, {order0, order1}, r->n};
   if (r->n == r->capacity) {
      if (!worse(&r->ranks[0], &fresh)) {
         return -1;
      }
      fresh.slot = r->ranks[0].slot;
      sift_down(r->ranks, r->n, fresh);
      return fresh.slot;
   }
   uint32_t at = r->n++;
   while (at > 0 && worse(&fresh, &r->ranks[(at - 1) / 2])) {
      r->ranks[at] = r->ranks[(at - 1) / 2];
      at = (at - 1) / 2;
   }
   r->ranks[at] = fresh;
   return fresh.slot;
}

void ranking_sort(struct ranking *r)
{
   for (uint32_t left = r->n; left > 1; left--) {
      struct rank least = r->ranks[0];
      sift_down(r->ranks, left - 1, r->ranks[left - 1]);
      r->ranks[left - 1] = least;
   }
}
