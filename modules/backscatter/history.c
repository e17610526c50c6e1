/* SPDX-License-Identifier: BSD-3-Clause */
#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <nemea-common/nc_hash.h>

#define BLOCK_BITS  512
#define FILTERS     32    /* of a generation */
#define FIRST_ITEMS 16384 /* of the first filter */
#define MAX_HASHES  14    /* two words of 64 bits have so many times 9 bits */
#define BLOCKED     1.3   /* items fall into blocks unevenly, which more bits make up for */

struct block {
   _Alignas(64) uint64_t word[BLOCK_BITS / 64];
};

struct filter {
   struct block *blocks;
   uint64_t n_blocks, items, capacity;
};

struct generation {
   struct filter filters[FILTERS];
   unsigned n;
   uint64_t items;
};

struct history {
   struct history_config config;
   double bits; /* for each item */
   unsigned hashes;
   struct generation now, before;
   uint64_t begin; /* of the younger generation; 0: there was nothing yet */
   uint64_t overfull;
};

history_t *history_new(const struct history_config *config)
{
   history_t *h = calloc(1, sizeof(*h));
   if (h != NULL) {
      double power = log2(1 / config->false_positives);
      h->config = *config;
      h->bits = power / log(2) * BLOCKED;
      h->hashes = power < 1 ? 1 : power > MAX_HASHES ? MAX_HASHES : (unsigned) lround(power);
   }
   return h;
}

static void generation_free(struct generation *g)
{
   for (unsigned i = 0; i < g->n; i++) {
      free(g->filters[i].blocks);
   }
   memset(g, 0, sizeof(*g));
}

void history_clear(history_t *h)
{
   generation_free(&h->now);
   generation_free(&h->before);
   h->begin = 0;
}

void history_free(history_t *h)
{
   if (h != NULL) {
      history_clear(h);
      free(h);
   }
}

void history_advance(history_t *h, uint64_t now)
{
   if (h->begin == 0 || now < h->begin) {
      h->begin = h->begin == 0 ? now : h->begin;
      return;
   }
   uint64_t passed = (now - h->begin) / h->config.seconds;
   if (passed == 0) {
      return;
   }
   generation_free(&h->before);
   if (passed == 1) {
      h->before = h->now;
      memset(&h->now, 0, sizeof(h->now));
   } else {
      generation_free(&h->now);
   }
   h->begin += passed * h->config.seconds;
}

/* Makes room for more items. \return the filter that they go into; NULL: there is none */
static struct filter *grow(history_t *h)
{
   struct generation *g = &h->now;
   struct filter *last = g->n > 0 ? &g->filters[g->n - 1] : NULL;
   uint64_t left = g->items < h->config.items ? h->config.items - g->items : 0;
   uint64_t want = last != NULL ? last->capacity * 2 : h->before.items + h->before.items / 4;
   want = want < FIRST_ITEMS ? FIRST_ITEMS : want;
   want = want > left ? left : want;
   if (want == 0 || g->n == FILTERS) {
      return last;
   }
   uint64_t blocks = (uint64_t) ((double) want * h->bits / BLOCK_BITS) + 1;
   struct block *memory = aligned_alloc(sizeof(struct block), blocks * sizeof(struct block));
   if (memory == NULL) {
      return last;
   }
   memset(memory, 0, blocks * sizeof(struct block));
   g->filters[g->n] = (struct filter){.blocks = memory, .n_blocks = blocks, .capacity = want};
   return &g->filters[g->n++];
}

/* The block of an item. */
static struct block *block_of(const struct filter *f, uint64_t hash)
{
   return &f->blocks[(uint64_t) (((nc_hash_sum_t) hash * f->n_blocks) >> 64)];
}

/* Sets the bits of an item. \return whether all of them were set */
static bool set_bits(struct block *b, uint64_t hash, unsigned hashes)
{
   uint64_t bits = nc_hash_u64(hash);
   bool all = true;
   for (unsigned i = 0; i < hashes; i++, bits >>= 9) {
      bits = i == MAX_HASHES / 2 ? nc_hash_u64(~hash) : bits;
      uint64_t *word = &b->word[bits % BLOCK_BITS / 64], bit = UINT64_C(1) << bits % 64;
      all &= (*word & bit) != 0;
      *word |= bit;
   }
   return all;
}

static bool has_bits(const struct block *b, uint64_t hash, unsigned hashes)
{
   uint64_t bits = nc_hash_u64(hash);
   for (unsigned i = 0; i < hashes; i++, bits >>= 9) {
      bits = i == MAX_HASHES / 2 ? nc_hash_u64(~hash) : bits;
      if ((b->word[bits % BLOCK_BITS / 64] >> bits % 64 & 1) == 0) {
         return false;
      }
   }
   return true;
}

static bool in_filters(const struct generation *g, unsigned n, uint64_t hash, unsigned hashes)
{
   for (unsigned i = 0; i < n; i++) {
      if (has_bits(block_of(&g->filters[i], hash), hash, hashes)) {
         return true;
      }
   }
   return false;
}

bool history_has(const history_t *h, uint64_t hash)
{
   return in_filters(&h->now, h->now.n, hash, h->hashes) ||
          in_filters(&h->before, h->before.n, hash, h->hashes);
}

bool history_add(history_t *h, uint64_t hash)
{
   struct generation *g = &h->now;
   if (g->n > 1 && in_filters(g, g->n - 1, hash, h->hashes)) {
      return false;
   }
   struct filter *f = g->n > 0 ? &g->filters[g->n - 1] : NULL;
   if (f == NULL || f->items >= f->capacity) {
      f = grow(h);
   }
   if (f == NULL) {
      h->overfull++;
      return !in_filters(&h->before, h->before.n, hash, h->hashes);
   }
   if (set_bits(block_of(f, hash), hash, h->hashes)) {
      return false;
   }
   h->overfull += f->items >= f->capacity;
   f->items++;
   g->items++;
   return !in_filters(&h->before, h->before.n, hash, h->hashes);
}

static uint64_t generation_memory(const struct generation *g)
{
   uint64_t blocks = 0;
   for (unsigned i = 0; i < g->n; i++) {
      blocks += g->filters[i].n_blocks;
   }
   return blocks * sizeof(struct block);
}

uint64_t history_memory(const history_t *h)
{
   return generation_memory(&h->now) + generation_memory(&h->before);
}

uint64_t history_overfull(const history_t *h)
{
   return h->overfull;
}
