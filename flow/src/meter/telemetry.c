/* SPDX-License-Identifier: BSD-3-Clause */
#include "telemetry.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MAX_FILE 2048 /* bytes; the largest has a third of it */

struct file {
   char text[MAX_FILE];
   size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct file *f, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   int n = vsnprintf(f->text + f->used, sizeof(f->text) - f->used, format, ap);
   va_end(ap);
   f->used += n > 0 && (size_t) n < sizeof(f->text) - f->used ? (size_t) n : 0;
}

static void put_number(struct file *f, const char *name, uint64_t value)
{
   put(f, "%s: %" PRIu64 "\n", name, value);
}

static double percent(uint64_t part, uint64_t whole)
{
   return whole > 0 ? 100.0 * (double) part / (double) whole : 0;
}

static bool save(const char *directory, const char *name, const struct file *f, char *error)
{
   return nc_telemetry_write(directory, name, f->text, f->used, error);
}

bool telemetry_open(const char *directory, unsigned inputs, char error[TELEMETRY_ERROR])
{
   static const char *const names[] = {NULL, "input", "output", "pipeline", "pipeline/queues"};
   bool good = true;
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && good; i++) {
      good = nc_telemetry_mkdir(directory, names[i], error);
   }
   for (unsigned i = 0; i < inputs && good; i++) {
      char name[64];
      snprintf(name, sizeof(name), "input/%u", i);
      good = nc_telemetry_mkdir(directory, name, error);
      snprintf(name, sizeof(name), "pipeline/queues/%u", i);
      good = good && nc_telemetry_mkdir(directory, name, error);
   }
   return good;
}

/* -------------------------------------------------------------------- contents */

static void put_input(struct file *f, const uint64_t *v)
{
   put_number(f, "packets", v[C_PACKETS]);
   put_number(f, "parsed", v[C_IN_FLOWS]);
   put_number(f, "bytes", v[C_BYTES]);
   put_number(f, "dropped", v[C_KERNEL_DROPS]);
   put_number(f, "notIp", v[C_NOT_IP]);
   put_number(f, "malformed", v[C_MALFORMED]);
   put_number(f, "filtered", v[C_FILTERED]);
}

static void put_cache(struct file *f, const uint64_t *v, uint64_t capacity)
{
   static const char *const classes[PACKET_CLASSES] = {"1packet",      "2-5packets",   "6-10packets",
                                                       "11-20packets", "21-50packets", "51-plusPackets"};
   put(f, "FlowEndReason:\n");
   put_number(f, "  ActiveTimeout", v[C_ACTIVE]);
   put_number(f, "  InactiveTimeout", v[C_INACTIVE]);
   put_number(f, "  EndOfFlow", v[C_DETECTED]);
   put_number(f, "  Collision", v[C_EVICTED]);
   put_number(f, "  Forced", v[C_FORCED]);
   put_number(f, "FlowsInCache", v[C_CACHED]);
   put(f, "FlowCacheUsage: %.2f\n", percent(v[C_CACHED], capacity));
   put(f, "FlowRecordStats:\n");
   for (unsigned i = 0; i < PACKET_CLASSES; i++) {
      put(f, "  %s: %" PRIu64 "\n", classes[i], v[C_FLOWS_BY_PACKETS + i]);
   }
   put_number(f, "TotalExportedFlows",
              v[C_ACTIVE] + v[C_INACTIVE] + v[C_DETECTED] + v[C_EVICTED] + v[C_FORCED]);
}

static void put_fragments(struct file *f, const uint64_t *v)
{
   put_number(f, "firstFragments", v[C_FRAGMENTS_FIRST]);
   put_number(f, "totalPackets", v[C_IN_FLOWS]);
   put(f, "fragmentedTraffic: %.2f\n", percent(v[C_FRAGMENTS_ALL], v[C_IN_FLOWS]));
   put_number(f, "fragmentedPackets", v[C_FRAGMENTS_ALL]);
   put_number(f, "notFoundFragments", v[C_FRAGMENTS_NOT_FOUND]);
   put_number(f, "timeoutedFragments", v[C_FRAGMENTS_TIMEOUT]);
}

static void put_output(struct file *f, const uint64_t *v)
{
   put_number(f, "biflows", v[C_OUTPUT_FLOWS]);
   put_number(f, "packets", v[C_OUTPUT_PACKETS]);
   put_number(f, "bytes", v[C_OUTPUT_BYTES]);
   put_number(f, "dropped", v[C_OUTPUT_DROPS]);
}

static bool write_worker(const char *directory, unsigned i, const uint64_t *v, uint64_t capacity, char *error)
{
   struct file input = {.used = 0}, cache = {.used = 0}, fragments = {.used = 0};
   char name[3][64];
   snprintf(name[0], sizeof(name[0]), "input/%u/stats", i);
   snprintf(name[1], sizeof(name[1]), "pipeline/queues/%u/cache-stats", i);
   snprintf(name[2], sizeof(name[2]), "pipeline/queues/%u/fragmentation-cache-stats", i);
   put_input(&input, v);
   put_cache(&cache, v, capacity);
   put_fragments(&fragments, v);
   return save(directory, name[0], &input, error) && save(directory, name[1], &cache, error) &&
          save(directory, name[2], &fragments, error);
}

bool telemetry_write(const char *directory, const uint64_t (*values)[COUNTERS], unsigned inputs,
                     uint64_t capacity, char error[TELEMETRY_ERROR])
{
   uint64_t sums[COUNTERS] = {0};
   struct file summary = {.used = 0}, output = {.used = 0};
   for (unsigned i = 0; i < inputs; i++) {
      for (unsigned k = 0; k < COUNTERS; k++) {
         sums[k] += values[i][k];
      }
      if (!write_worker(directory, i, values[i], capacity, error)) {
         return false;
      }
   }
   put_input(&summary, sums);
   put_cache(&summary, sums, capacity * inputs);
   put_output(&output, sums);
   return save(directory, "pipeline/summary", &summary, error) &&
          save(directory, "output/stats", &output, error);
}
