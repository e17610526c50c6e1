/* SPDX-License-Identifier: BSD-3-Clause */
#include "rank.h"

static uint64_t value(unsigned ranking, const struct rank_entry *e)
{
   return ranking == RANK_BYTES   ? e->amount.bytes
          : ranking == RANK_FLOWS ? e->amount.flows
                                  : e->amount.packets;
}

void rank_begin(struct rank *r)
{
   for (unsigned i = 0; i < RANKINGS; i++) {
      r->heaps[i].n = 0;
   }
}

/* The entry at i moves down until none below it is less. */
static void sink(struct rank_entry *list, uint32_t n, uint32_t i, unsigned ranking)
{
   struct rank_entry e = list[i];
   for (uint32_t child; (child = 2 * i + 1) < n; i = child) {
      if (child + 1 < n && value(ranking, &list[child + 1]) < value(ranking, &list[child])) {
         child++;
      }
      if (value(ranking, &list[child]) >= value(ranking, &e)) {
         break;
      }
      list[i] = list[child];
   }
   list[i] = e;
}

static void rise(struct rank_entry *list, uint32_t i, unsigned ranking)
{
   struct rank_entry e = list[i];
   for (; i > 0 && value(ranking, &list[(i - 1) / 2]) > value(ranking, &e); i = (i - 1) / 2) {
      list[i] = list[(i - 1) / 2];
   }
   list[i] = e;
}

void rank_offer(struct rank *r, const struct amount *amount, const void *host)
{
   const struct rank_entry e = {*amount, host};
   for (unsigned i = 0; i < RANKINGS; i++) {
      struct rank_heap *h = &r->heaps[i];
      if (h->n < RANK_MAX) {
         h->list[h->n] = e;
         rise(h->list, h->n++, i);
      } else if (value(i, &e) > value(i, &h->list[0])) {
         h->list[0] = e;
         sink(h->list, h->n, 0, i);
      }
   }
}

/* The greatest comes first. */
static void sort(struct rank_heap *h, unsigned ranking)
{
   for (uint32_t n = h->n; n > 1; n--) {
      struct rank_entry least = h->list[0];
      h->list[0] = h->list[n - 1];
      sink(h->list, n - 1, 0, ranking);
      h->list[n - 1] = least;
   }
}

uint32_t rank_end(struct rank *r, bool (*take)(void *context, const void *host), void *context)
{
   uint32_t taken = 0;
   for (unsigned i = 0; i < RANKINGS; i++) {
      sort(&r->heaps[i], i);
   }
   for (uint32_t k = 0; k < r->heaps[0].n; k++) {
      for (unsigned i = 0; i < RANKINGS && taken < RANK_MAX; i++) {
         taken += take(context, r->heaps[i].list[k].host);
      }
   }
   return taken;
}
