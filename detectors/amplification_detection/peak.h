/* SPDX-License-Identifier: BSD-3-Clause */
/** The highest rate of a flood: of ten seconds, where the bytes of each flow are spread evenly over it. */
#ifndef AMPLIFICATION_PEAK_H
#define AMPLIFICATION_PEAK_H

#include <stdint.h>
#include <unirec/ur_time.h>

#define PEAK_SECONDS 10
#define PEAK_BINS    32 /* as long as the longest flows of most exporters; what is older is left out */

struct peak {
   uint64_t newest; /* number of the newest bin */
   double best_bytes, best_packets;
   float bytes[PEAK_BINS], packets[PEAK_BINS];
};

/** The bin of this number in the ring; -1: it is too old. */
static inline int peak_bin(struct peak *p, uint64_t number)
{
   if (number > p->newest) {
      uint64_t first = number - p->newest < PEAK_BINS ? p->newest + 1 : number - PEAK_BINS + 1;
      for (uint64_t i = first; i <= number; i++) {
         p->bytes[i % PEAK_BINS] = p->packets[i % PEAK_BINS] = 0;
      }
      p->newest = number;
   }
   return number + PEAK_BINS > p->newest ? (int) (number % PEAK_BINS) : -1;
}

static inline void peak_add(struct peak *p, ur_time_t first, ur_time_t last, uint64_t bytes, uint64_t packets)
{
   uint64_t until = ur_time_get_sec(last) / PEAK_SECONDS, from = ur_time_get_sec(first) / PEAK_SECONDS;
   double begin = (double) first / 4294967296.0, end = (double) last / 4294967296.0;
   if (from > until || peak_bin(p, until) < 0) {
      return;
   }
   uint64_t oldest = p->newest >= PEAK_BINS ? p->newest - PEAK_BINS + 1 : 0;
   for (uint64_t n = from > oldest ? from : oldest; n <= until; n++) {
      double low = (double) (n * PEAK_SECONDS), high = low + PEAK_SECONDS;
      double part =
          end > begin ? ((end < high ? end : high) - (begin > low ? begin : low)) / (end - begin) : 1;
      int i = peak_bin(p, n);
      p->bytes[i] += (float) (part * (double) bytes);
      p->packets[i] += (float) (part * (double) packets);
      p->best_bytes = p->bytes[i] > p->best_bytes ? p->bytes[i] : p->best_bytes;
      p->best_packets = p->packets[i] > p->best_packets ? p->packets[i] : p->best_packets;
   }
}

/** A second, of a best sum; the greatest integer if it is beyond it, as sums of forged counters may be. */
static inline uint64_t peak_rate(double sum)
{
   return sum < 18446744073709549568.0 ? (uint64_t) (sum / PEAK_SECONDS + 0.5) : UINT64_MAX;
}

#endif
