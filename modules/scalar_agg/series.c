/* SPDX-License-Identifier: BSD-3-Clause */
/** Adds records to the slots of a series. */
#include "series.h"

#include <math.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_hll.h>
#include <stdlib.h>

#define PRECISION 12 /* 4 KiB of sketch: standard error 1.6 % */

/* Two keyed hashes stand for a value: nobody can find two values that share them. */
struct fingerprint {
   uint64_t half[2];
};

bool series_open(struct series *s, uint32_t n_slots, uint32_t capacity)
{
   s->slots = calloc(n_slots, sizeof(*s->slots));
   s->n_slots = s->slots != NULL ? n_slots : 0;
   bool good = s->slots != NULL;
   for (uint32_t i = 0; good && s->rule.function == FUNCTION_COUNT_UNIQ && i < n_slots; i++) {
      s->slots[i].distinct = nc_table_new(&(nc_table_config_t){
          .capacity = capacity, .key_size = sizeof(struct fingerprint), .full = NC_TABLE_REFUSE});
      s->slots[i].sketch = calloc(1, NC_HLL_BYTES(PRECISION));
      good = s->slots[i].distinct != NULL && s->slots[i].sketch != NULL;
   }
   return good;
}

void series_close(struct series *s)
{
   for (uint32_t i = 0; i < s->n_slots; i++) {
      nc_table_free(s->slots[i].distinct);
      free(s->slots[i].sketch);
   }
   free(s->slots);
   nm_matcher_free(s->matcher);
   rule_free(&s->rule);
   *s = (struct series){0};
}

/* What of a flow's value falls into a slot; below zero where it only touches the border of the slot. */
static double part_of(const struct share *f, uint64_t begin, uint32_t step)
{
   ur_time_t from = begin << 32, to = (begin + step) << 32;
   from = f->begin > from ? f->begin : from;
   to = f->end < to ? f->end : to;
   return f->end > f->begin ? (double) (int64_t) (to - from) / (double) (f->end - f->begin) : 1;
}

static void add_numbers(struct series *s, const nm_record_t *recs, const struct share *shares, uint32_t n,
                        uint64_t begin, uint32_t step, uint32_t head)
{
   const bool value = s->rule.function != FUNCTION_COUNT;
   for (uint32_t i = 0; i < n; i++) {
      const struct share *f = &shares[i];
      if (f->first > f->last || (s->matcher != NULL && !nm_matcher_match(s->matcher, recs[i].data))) {
         continue;
      }
      double v = value ? nm_field_double(&s->field, recs[i].data) : 0;
      for (uint32_t k = f->first; k <= f->last; k++) {
         uint32_t at = head + k;
         struct slot *slot = &s->slots[at >= s->n_slots ? at - s->n_slots : at];
         slot->count++;
         slot->sum += v * (f->first == f->last ? f->whole : part_of(f, begin + (uint64_t) k * step, step));
      }
   }
}

static void add_distinct(struct series *s, const nm_record_t *recs, const struct share *shares, uint32_t n,
                         uint32_t head)
{
   for (uint32_t i = 0; i < n; i++) {
      const struct share *f = &shares[i];
      if (f->first > f->last || (s->matcher != NULL && !nm_matcher_match(s->matcher, recs[i].data))) {
         continue;
      }
      uint32_t length;
      const void *data = nm_field_data(&s->field, recs[i].data, &length);
      struct fingerprint key = {{nc_hash(data, length), nc_hash_long(data, length, nc_hash_key_.mix)}};
      for (uint32_t k = f->first; k <= f->last; k++) {
         uint32_t at = head + k;
         struct slot *slot = &s->slots[at >= s->n_slots ? at - s->n_slots : at];
         bool is_new = true;
         void *known = nc_table_upsert(slot->distinct, &key, &is_new);
         slot->count += known == NULL; /* had no room */
         if (is_new) {
            nc_hll_add(slot->sketch, PRECISION, key.half[0]);
         }
      }
   }
}

void series_add(struct series *s, const nm_record_t *recs, const struct share *shares, uint32_t n,
                uint64_t begin, uint32_t step, uint32_t head)
{
   if (s->rule.function == FUNCTION_COUNT_UNIQ) {
      add_distinct(s, recs, shares, n, head);
   } else {
      add_numbers(s, recs, shares, n, begin, step, head);
   }
}

static double distinct_values(const struct slot *slot)
{
   double exact = nc_table_count(slot->distinct);
   return slot->count == 0 ? exact : fmax(exact, round(nc_hll_count(slot->sketch, PRECISION)));
}

double series_result(const struct series *s, const struct slot *slot, uint32_t step)
{
   switch (s->rule.function) {
   case FUNCTION_SUM: return slot->sum;
   case FUNCTION_COUNT: return (double) slot->count;
   case FUNCTION_AVG: return slot->count > 0 ? slot->sum / (double) slot->count : 0;
   case FUNCTION_RATE: return slot->sum / step;
   default: return distinct_values(slot);
   }
}

bool series_is_integer(const struct series *s)
{
   return s->rule.function == FUNCTION_COUNT || s->rule.function == FUNCTION_COUNT_UNIQ;
}

void slot_clear(struct slot *slot)
{
   slot->count = 0;
   slot->sum = 0;
   if (slot->distinct != NULL && nc_table_count(slot->distinct) > 0) {
      nc_table_clear(slot->distinct);
      memset(slot->sketch, 0, NC_HLL_BYTES(PRECISION));
   }
}
