/* SPDX-License-Identifier: BSD-3-Clause */
/** Test program: several inputs, counted by minutes of stream time, or (compiled with -DMERGED) listed in order of time. */
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>

#include "fields.h"

NM_FIELDS(time TIME_LAST)

struct inputs {
   uint64_t minutes[4096]; /* records of each minute, not told yet */
   uint64_t told;          /* minutes that are over */
   uint64_t after;         /* records of minutes that were over already */
};

static int record(nm_module_t *m, const void *rec)
{
   struct inputs *self = nm_self(m);
   uint32_t second = ur_time_get_sec(nm_get(m, rec, F_TIME_LAST)), minute = second / 60 % 4096;
#ifdef MERGED
   printf("%u %u\n", second, nm_input(m));
#endif
   self->after += second / 60 < self->told;
   self->minutes[minute]++;
   return NM_OK;
}

static void tell(struct inputs *self, uint64_t minute)
{
   if (self->minutes[minute % 4096] > 0) {
      printf("minute %" PRIu64 ": %" PRIu64 "\n", minute, self->minutes[minute % 4096]);
      self->minutes[minute % 4096] = 0;
   }
}

#ifndef MERGED
static int tick(nm_module_t *m, ur_time_t now)
{
   struct inputs *self = nm_self(m);
   self->told = ur_time_get_sec(now) / 60;
   tell(self, self->told - 1);
   fflush(stdout);
   return NM_OK;
}
#endif

static int finish(nm_module_t *m)
{
   struct inputs *self = nm_self(m);
   for (uint64_t i = 0; i < 4096; i++) {
      tell(self, self->told + i);
   }
   printf("after %" PRIu64 "\n", self->after);
   return NM_OK;
}

NM_MODULE("inputs", "Counts records of several inputs.",
          .in = NM_INPUTS({"first", "time TIME_LAST"},
                          {"more", "time TIME_LAST", .min = 1, .max = NM_VARIABLE}),
#ifdef MERGED
          .flags = NM_MERGE,
#else
          .tick = tick, .tick_every = NM_SECONDS(60),
#endif
          .state_size = sizeof(struct inputs), .record = record, .finish = finish)
