/* SPDX-License-Identifier: BSD-3-Clause */
#include "volume.h"

#include <string.h>

#define LAST (INTERVALS - 1) /* the current interval */

static uint64_t interval_start(uint64_t start, unsigned i)
{
   uint64_t back = (uint64_t) (LAST - i) * INTERVAL;
   return start > back ? start - back : 0;
}

static void add_source(struct volume *v, uint32_t source)
{
   uint32_t bit = source % (SOURCE_BITS - 1);
   uint64_t mask = (uint64_t) 1 << (bit % 64);
   if ((v->source_bits[bit / 64] & mask) == 0) {
      v->source_bits[bit / 64] |= mask;
      v->sources[LAST]++;
   }
}

void volume_add(struct volume *v, uint32_t source, uint64_t bytes, uint64_t first, uint64_t last,
                uint64_t start)
{
   uint64_t duration = last - first + 1, left = bytes;
   add_source(v, source);
   /* The bytes are spread evenly over the seconds of the flow; what is older than the history is left out. */
   for (unsigned n = INTERVALS; n > 0 && left > 0; n--) {
      unsigned i = n - 1;
      uint64_t from = interval_start(start, i), share;
      if (from > last) {
         continue;
      }
      if (first >= from) {
         share = left;
      } else if (last < from + INTERVAL) {
         share = (uint64_t) ((unsigned __int128) bytes * (last - from + 1) / duration);
      } else {
         share = (uint64_t) ((unsigned __int128) bytes * INTERVAL / duration);
      }
      share = share < left ? share : left;
      v->bytes[i] += share;
      v->total += share;
      left -= share;
      if (first >= from) {
         break;
      }
   }
}

static bool is_flood(const struct volume *v, const struct volume_config *c, unsigned i, uint64_t bytes,
                     uint64_t sources)
{
   return v->bytes[i] > bytes * c->bytes_factor && v->bytes[i] > c->min_attack &&
          v->sources[i] > sources * c->sources_factor;
}

void volume_detect(struct volume *v, const struct volume_config *c, uint64_t start, uint64_t id)
{
   unsigned k = 0;
   if (v->flood.active || v->total <= c->min_attack) {
      return;
   }
   while (k < INTERVALS - 2 && v->bytes[k] == 0) {
      k++;
   }
   uint64_t bytes = 0, sources = 0;
   for (unsigned i = k; i < INTERVALS - 2; i++) {
      bytes += v->bytes[i];
      sources += v->sources[i];
      uint64_t n = i - k + 1;
      if (is_flood(v, c, i + 1, bytes / n, sources / n) && is_flood(v, c, i + 2, bytes / n, sources / n)) {
         uint64_t begin = interval_start(start, i + 1);
         v->flood = (struct flood){.active = true, .begin = begin, .last_report = begin, .id = id};
         return;
      }
   }
}

static void make_report(struct volume *v, uint64_t last, struct volume_report *r)
{
   struct flood *f = &v->flood;
   uint64_t n = f->windows > 0 ? f->windows : 1;
   *r = (struct volume_report){
       .bytes = f->excess,
       .first = f->last_report,
       .last = last,
       .id = f->id,
       .bytes_current = f->sum_bytes / (n * INTERVAL),
       .bytes_original = f->original / INTERVAL,
       .sources_current = (uint32_t) (f->sum_sources / n),
       .sources_original = (uint32_t) f->original_sources,
       .sequence = f->sequence++,
   };
   f->last_report = last;
   f->excess = f->sum_bytes = f->sum_sources = f->windows = 0;
}

static bool worth_reporting(const struct volume *v, const struct volume_config *c)
{
   return v->flood.valid && v->flood.original >= c->min_before;
}

static void count_interval(struct volume *v, unsigned i)
{
   struct flood *f = &v->flood;
   f->excess += v->bytes[i] - f->original;
   f->sum_bytes += v->bytes[i];
   f->sum_sources += v->sources[i];
   f->windows++;
}

/* Counts the first n intervals as far as they belong to the flood and were not reported. */
static void count_leaving(struct volume *v, unsigned n, uint64_t start)
{
   for (unsigned i = 0; i < n; i++) {
      if (interval_start(start, i) >= v->flood.last_report && v->bytes[i] > v->flood.original) {
         count_interval(v, i);
      }
   }
}

/* The baseline: what the destination had before the flood began. */
static void validate(struct volume *v, uint64_t start)
{
   struct flood *f = &v->flood;
   uint64_t bytes = 0, sources = 0, n = 0;
   for (unsigned i = 0; i < INTERVALS && interval_start(start, i) < f->begin; i++) {
      if (n > 0 || v->bytes[i] > 0) {
         bytes += v->bytes[i];
         sources += v->sources[i];
         n++;
      }
   }
   f->original = n > 0 ? bytes / n : 0;
   f->original_sources = n > 0 ? sources / n : 0;
   f->valid = true;
}

/* Newest interval that still is part of the flood; -1: none. */
static int newest_of_flood(const struct volume *v, const struct volume_config *c)
{
   const struct flood *f = &v->flood;
   for (int i = LAST; i >= 0; i--) {
      if (v->bytes[i] >= f->original * c->bytes_factor &&
          v->sources[i] >= f->original_sources * c->sources_factor) {
         return i;
      }
   }
   return -1;
}

static void shift(struct volume *v, unsigned k)
{
   for (unsigned i = 0; i < k; i++) {
      v->total -= v->bytes[i];
   }
   memmove(v->bytes, v->bytes + k, (INTERVALS - k) * sizeof(v->bytes[0]));
   memmove(v->sources, v->sources + k, (INTERVALS - k) * sizeof(v->sources[0]));
   memset(v->bytes + INTERVALS - k, 0, k * sizeof(v->bytes[0]));
   memset(v->sources + INTERVALS - k, 0, k * sizeof(v->sources[0]));
   memset(v->source_bits, 0, sizeof(v->source_bits));
}

unsigned volume_move(struct volume *v, const struct volume_config *c, unsigned k, uint64_t start,
                     struct volume_report *report)
{
   struct flood *f = &v->flood;
   unsigned result = VOLUME_KEEP;
   if (f->active && f->valid) {
      int newest = newest_of_flood(v, c);
      if (newest < (int) k) {
         count_leaving(v, (unsigned) (newest + 1), start);
         if (worth_reporting(v, c)) {
            make_report(v, start + INTERVAL, report);
            result |= VOLUME_REPORT;
         }
         *f = (struct flood){0};
      } else {
         count_leaving(v, k, start);
      }
   } else if (f->active) {
      validate(v, start);
   }
   uint64_t oldest = interval_start(start, k < INTERVALS ? k : LAST);
   shift(v, k);
   if (v->total <= c->min_total) {
      if (f->active && worth_reporting(v, c)) {
         make_report(v, start + INTERVAL, report);
         result |= VOLUME_REPORT;
      }
      return result | VOLUME_FORGET;
   }
   if (f->active && f->valid && f->last_report + REPORT_EVERY <= oldest) {
      if (worth_reporting(v, c)) {
         make_report(v, oldest, report);
         result |= VOLUME_REPORT;
      } else {
         *f = (struct flood){0};
      }
   }
   return result;
}

unsigned volume_finish(struct volume *v, const struct volume_config *c, uint64_t start,
                       struct volume_report *report)
{
   struct flood *f = &v->flood;
   if (f->active && !f->valid) { /* it began in the last intervals: its past is known all the same */
      validate(v, start);
   }
   if (!f->active || !worth_reporting(v, c)) {
      return VOLUME_KEEP;
   }
   for (unsigned i = 0; i < INTERVALS; i++) {
      if (v->bytes[i] > f->original) {
         f->excess += v->bytes[i] - f->original;
      }
      f->sum_bytes += v->bytes[i];
      f->sum_sources += v->sources[i];
      f->windows++;
   }
   make_report(v, start + INTERVAL, report);
   return VOLUME_REPORT;
}
