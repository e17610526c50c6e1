/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin nettisa: statistics of a flow's packets as a time series (Koumar, Hynek, Pesek, Cejka: NetTiSA, 2023). All are 32-bit
 * floats, and a few differ from the paper's definition, because models were trained on them so: the spread of times is
 * divided by the largest gap less the smallest *payload*, the mean under the standard deviation is cut to an integer, and the
 * first packet counts as a gap of 0.
 */
#include "cache/flow.h"

#include <math.h>

#include "fields.h"

UR_FIELDS(float NTS_MEAN, uint16 NTS_MIN, uint16 NTS_MAX, float NTS_STDEV, float NTS_KURTOSIS,
          float NTS_ROOT_MEAN_SQUARE, float NTS_AVERAGE_DISPERSION, float NTS_MEAN_SCALED_TIME,
          float NTS_MEAN_DIFFTIMES, float NTS_MIN_DIFFTIMES, float NTS_MAX_DIFFTIMES,
          float NTS_TIME_DISTRIBUTION, float NTS_SWITCHING_RATIO)

struct nettisa {
   uint64_t sum, packets, first, last; /* payload bytes; packets; microseconds */
   uint32_t last_wire;
   uint16_t min, max;
   float mean, squares, dispersion, fourth_powers, scaled_time, mean_gap, min_gap, max_gap, spread, switches;
   float deviation, kurtosis, root_mean_square, distribution;
};

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct nettisa *s = ext;
   uint64_t now = packet->time / 1000;
   (void) flow;
   (void) reverse;
   uint16_t bytes = packet->payload_wire < UINT16_MAX ? (uint16_t) packet->payload_wire : UINT16_MAX;
   if (s->packets++ == 0) {
      s->first = s->last = now;
      s->min = UINT16_MAX;
      s->min_gap = INFINITY;
   }
   float n = (float) s->packets, v = (float) bytes - s->mean;
   float gap = now > s->last ? (float) (now - s->last) : 0;
   s->sum += bytes;
   s->mean += v / n;
   s->min = bytes < s->min ? bytes : s->min;
   s->max = bytes > s->max ? bytes : s->max;
   s->squares += (float) bytes * (float) bytes;
   s->dispersion += fabsf(v);
   s->fourth_powers += v * v * v * v;
   s->scaled_time += ((now > s->first ? (float) (now - s->first) : 0) - s->scaled_time) / n;
   s->mean_gap += (gap - s->mean_gap) / n;
   s->min_gap = gap < s->min_gap ? gap : s->min_gap;
   s->max_gap = gap > s->max_gap ? gap : s->max_gap;
   s->spread += fabsf(s->mean_gap - gap);
   s->switches += s->last_wire != packet->wire ? 1 : 0;
   s->last_wire = packet->wire;
   s->last = now;
   return PLUGIN_HAS_DATA;
}

static bool finish(void *ext, const struct flow *flow)
{
   struct nettisa *s = ext;
   uint64_t whole_mean = s->sum / s->packets;
   float n = (float) s->packets, mean = (float) whole_mean;
   (void) flow;
   if (s->packets == 1) {
      return false;
   }
   s->switches /= n;
   float variance = s->squares / n - mean * mean, divisor = s->max_gap - (float) s->min;
   s->deviation = variance > 0 ? sqrtf(variance) : 0;
   s->kurtosis = s->deviation > 0 ? (float) (s->fourth_powers / (n * pow(s->deviation, 4))) : 0;
   s->distribution = divisor != 0 ? s->spread / (n - 1) / divisor : 0;
   s->root_mean_square = sqrtf(s->squares / n);
   s->dispersion /= n;
   return true;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct nettisa *s = ext;
   (void) index;
   ur_set(t, rec, F_NTS_MEAN, s->mean);
   ur_set(t, rec, F_NTS_MIN, s->min);
   ur_set(t, rec, F_NTS_MAX, s->max);
   ur_set(t, rec, F_NTS_STDEV, s->deviation);
   ur_set(t, rec, F_NTS_KURTOSIS, s->kurtosis);
   ur_set(t, rec, F_NTS_ROOT_MEAN_SQUARE, s->root_mean_square);
   ur_set(t, rec, F_NTS_AVERAGE_DISPERSION, s->dispersion);
   ur_set(t, rec, F_NTS_MEAN_SCALED_TIME, s->scaled_time);
   ur_set(t, rec, F_NTS_MEAN_DIFFTIMES, s->mean_gap);
   ur_set(t, rec, F_NTS_MIN_DIFFTIMES, s->min_gap);
   ur_set(t, rec, F_NTS_MAX_DIFFTIMES, s->max_gap);
   ur_set(t, rec, F_NTS_TIME_DISTRIBUTION, s->distribution);
   ur_set(t, rec, F_NTS_SWITCHING_RATIO, s->switches);
}

const struct flow_plugin plugin_nettisa = {
    .name = "nettisa",
    .help = "statistics of the packets as a time series",
    .fields = "float NTS_MEAN,uint16 NTS_MIN,uint16 NTS_MAX,float NTS_STDEV,float NTS_KURTOSIS,"
              "float NTS_ROOT_MEAN_SQUARE,float NTS_AVERAGE_DISPERSION,float NTS_MEAN_SCALED_TIME,"
              "float NTS_MEAN_DIFFTIMES,float NTS_MIN_DIFFTIMES,float NTS_MAX_DIFFTIMES,"
              "float NTS_TIME_DISTRIBUTION,float NTS_SWITCHING_RATIO",
    .ext_size = sizeof(struct nettisa),
    .create = on_packet,
    .update = on_packet,
    .finish = finish,
    .fill = fill,
};
