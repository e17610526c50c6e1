/* SPDX-License-Identifier: BSD-3-Clause */
/** Whether the flows of a pair are an attack: most responses have few sizes, all of them large, and most queries too, all of them small. */
#include "amplification.h"

#define VALUES          5000   /* values from here on are not in the histogram */
#define BIG_PACKETS     1000   /* of a query */
#define BIG_BYTES       100000 /* of a response */
#define BIG_MIN_PACKETS 30
#define BIG_RATIO       5 /* response packets to one query packet */

/* The most frequent values. */
struct top {
   uint64_t binned;         /* values in the histogram */
   uint64_t count;          /* of them, those in the top bins */
   uint64_t keys, weighted; /* sums of the bins' upper bounds; the same, each as often as it has values */
   uint32_t bins;
};

static uint64_t value_of(const struct item *item, bool bytes)
{
   return bytes ? item->bytes : item->packets;
}

/* Is bin a more frequent than b? Of equal ones the greater. */
static bool before(const struct amplification *self, uint32_t a, uint32_t b)
{
   return self->bins[a] != self->bins[b] ? self->bins[a] > self->bins[b] : a > b;
}

/* Moves the n most frequent bins to the front of the list of used ones. */
static void select_top(const struct amplification *self, uint32_t used, uint32_t n)
{
   for (uint32_t i = 0; i < n; i++) {
      uint32_t best = i;
      for (uint32_t k = i + 1; k < used; k++) {
         best = before(self, self->used[k], self->used[best]) ? k : best;
      }
      uint32_t bin = self->used[best];
      self->used[best] = self->used[i];
      self->used[i] = bin;
   }
}

static struct top find_top(const struct amplification *self, const struct queue *q, bool bytes)
{
   struct top top = {0};
   struct queue_cursor c = queue_begin(q);
   uint32_t used = 0;
   for (const struct item *item; (item = queue_next(&self->pool, q, &c)) != NULL;) {
      uint64_t bin = value_of(item, bytes) / self->step;
      if (bin * self->step >= VALUES) {
         continue;
      }
      if (self->bins[bin]++ == 0) {
         self->used[used++] = (uint32_t) bin;
      }
      top.binned++;
   }
   top.bins = used < self->top ? used : self->top;
   select_top(self, used, top.bins);
   for (uint32_t i = 0; i < top.bins; i++) {
      uint64_t key = ((uint64_t) self->used[i] + 1) * self->step, count = self->bins[self->used[i]];
      top.count += count;
      top.keys += key;
      top.weighted += key * count;
   }
   for (uint32_t i = 0; i < used; i++) {
      self->bins[self->used[i]] = 0;
   }
   return top;
}

static uint64_t mean(const struct top *top)
{
   return top->count > 0 ? top->weighted / top->count : 0;
}

static bool is_complex(const struct amplification *self, const struct pair *pair)
{
   if (pair->items[RESPONSES].n <= self->min_flows) {
      return false; /* not as many in any bins */
   }
   struct top bytes = find_top(self, &pair->items[RESPONSES], true);
   if (bytes.count <= self->min_flows || mean(&bytes) <= self->min_bytes ||
       (double) bytes.count / (double) bytes.binned <= self->min_share) {
      return false;
   }
   struct top packets = find_top(self, &pair->items[RESPONSES], false);
   struct top queries = find_top(self, &pair->items[QUERIES], true);
   return mean(&packets) > self->min_packets && queries.count > 0 && mean(&queries) < self->max_query &&
          bytes.keys / bytes.bins / (queries.keys / queries.bins) > self->min_factor;
}

static bool is_big(const struct amplification *self, const struct pair *pair)
{
   const struct sums *queries = &pair->total[QUERIES], *responses = &pair->total[RESPONSES];
   if (queries->packets < BIG_MIN_PACKETS || responses->packets / queries->packets < BIG_RATIO) {
      return false;
   }
   uint64_t max_packets = 0, max_bytes[SIDES] = {0, 0};
   for (unsigned side = 0; side < SIDES; side++) {
      struct queue_cursor c = queue_begin(&pair->items[side]);
      for (const struct item *item; (item = queue_next(&self->pool, &pair->items[side], &c)) != NULL;) {
         max_bytes[side] = item->bytes > max_bytes[side] ? item->bytes : max_bytes[side];
         if (side == QUERIES && item->packets > max_packets) {
            max_packets = item->packets;
         }
      }
   }
   uint64_t query = max_bytes[QUERIES] > 0 ? max_bytes[QUERIES] : 1;
   return (max_packets > BIG_PACKETS || max_bytes[RESPONSES] > BIG_BYTES) &&
          max_bytes[RESPONSES] / query > self->min_factor;
}

enum decision pair_decide(struct amplification *self, const struct pair *pair)
{
   if (pair->total[QUERIES].flows == 0 || pair->total[RESPONSES].flows == 0) {
      return NOTHING;
   }
   if (is_big(self, pair)) {
      return BIG;
   }
   const struct sums *queries = &pair->total[QUERIES], *responses = &pair->total[RESPONSES];
   /* NEMEA 2 looked no further at pairs with so many packets. */
   bool skipped = self->classic && queries->packets >= BIG_MIN_PACKETS &&
                  responses->packets / queries->packets >= BIG_RATIO;
   return !skipped && is_complex(self, pair) ? COMPLEX : NOTHING;
}
