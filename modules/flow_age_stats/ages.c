/* SPDX-License-Identifier: BSD-3-Clause */
#include "ages.h"

#include <inttypes.h>

#define BIN_SECONDS 10 /* of all but the first, which has one second, and the last */

static uint32_t bin_of(uint64_t seconds)
{
   uint64_t bin = seconds <= 1 ? 0 : (seconds + BIN_SECONDS - 1) / BIN_SECONDS;
   return bin < AGE_BINS ? (uint32_t) bin : AGE_BINS - 1;
}

void ages_add(struct ages *a, uint64_t now, ur_time_t time)
{
   uint64_t then_ms = (uint64_t) ur_time_get_sec(time) * 1000 + ur_time_get_msec(time), now_ms = now * 1000;
   uint64_t age = now_ms > then_ms ? now_ms - then_ms : 0;
   a->future += then_ms >= now_ms + 1000; /* now is cut to seconds */
   a->min = a->count == 0 || age < a->min ? age : a->min;
   a->max = age > a->max ? age : a->max;
   a->sum += (double) age;
   a->count++;
   a->bins[bin_of(age / 1000)]++;
}

void ages_print(const struct ages *a, const char *name, FILE *file)
{
   double mean = a->count > 0 ? a->sum / (double) a->count : 0;
   fprintf(file, "Minimal age of %s: %.2f s\nMaximal age of %s: %.2f s\nAverage age of %s: %.2f s\n", name,
           (double) a->min / 1000, name, (double) a->max / 1000, name, mean / 1000);
   if (a->future > 0) {
      fprintf(file, "Flows whose %s is still to come (age 0): %" PRIu64 "\n", name, a->future);
   }
}

void ages_table(const struct ages *a, FILE *file)
{
   for (uint32_t i = 0; i < AGE_BINS; i++) {
      double share = a->count > 0 ? 100 * (double) a->bins[i] / (double) a->count : 0;
      uint32_t bound = i == 0 ? 1 : i < AGE_BINS - 1 ? i * BIN_SECONDS : (i - 1) * BIN_SECONDS;
      fprintf(file, "%u%s\t%.2f%%\t%" PRIu64 "\n", bound, i < AGE_BINS - 1 ? "" : "+", share, a->bins[i]);
   }
}
