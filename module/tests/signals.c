/* SPDX-License-Identifier: BSD-3-Clause */
/** Test program: waits on standard input in its first record, or (compiled with -DTIMER) counts calls of timer(). */
#include <errno.h>
#include <nemea/module.h>
#include <stdio.h>
#include <unistd.h>

#include "fields.h"

NM_FIELDS(time TIME_LAST)

#define TIMES 3

struct signals {
   unsigned records, times;
};

static void say(const char *what, unsigned n)
{
   printf("%s %u\n", what, n);
   fflush(stdout);
}

#ifdef TIMER
static int init(nm_module_t *m)
{
   nm_set_timer(m, 1000);
   return NM_OK;
}

static int timer(nm_module_t *m)
{
   struct signals *self = nm_self(m);
   say("timer", ++self->times);
   if (self->times == TIMES) {
      nm_set_timer(m, 0);
   }
   return NM_OK;
}
#endif

static int record(nm_module_t *m, const void *rec)
{
   struct signals *self = nm_self(m);
   (void) rec;
   self->records++;
#ifndef TIMER
   char c;
   if (self->records == 1) {
      say("record", 1);
      while (read(STDIN_FILENO, &c, 1) < 0 && errno == EINTR) {
      }
   }
#endif
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct signals *self = nm_self(m);
   say("records", self->records);
   say("times", self->times);
   return NM_OK;
}

NM_MODULE("signals", "Counts records.",
          .in = NM_INPUTS({.name = "flows", .fields = "time TIME_LAST", .min = 1, .max = NM_VARIABLE}),
#ifdef TIMER
          .init = init, .timer = timer,
#endif
#ifdef MERGED
          .flags = NM_MERGE,
#endif
          .state_size = sizeof(struct signals), .record = record, .finish = finish)
