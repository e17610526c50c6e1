/* SPDX-License-Identifier: BSD-3-Clause */
/** Is a sender one of spam? */
#include "spam.h"

#include <math.h>

#define MANY_DESTINATIONS 10
#define SENDS_MORE        1.2
#define LEAST_CONFIDENCE  0.9

struct verdict judge(const struct spam *self, const struct sender *s)
{
   struct verdict v = {0};
   v.mean = s->sessions > 0 ? (double) s->points / (double) s->sessions : 0;
   v.many_destinations = s->destinations > MANY_DESTINATIONS;
   v.sends_more = (double) s->sent > SENDS_MORE * (double) s->received;
   v.score = v.mean + (v.many_destinations ? 1 : -1);
   if (s->received == 0 && s->sent > 0) { /* a mail server receives mail, too */
      v.score += log((double) s->sent);
   }
   v.confidence = 1 / (1 + exp(-v.score / 2));
   /* What is welcome is no spam, however many get it: a mailing list has few refusals. */
   v.reported = s->refused > 0 && s->refused * 100 >= s->sessions * self->refused_percent &&
                v.confidence > LEAST_CONFIDENCE;
   return v;
}
