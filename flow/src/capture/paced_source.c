/* SPDX-License-Identifier: BSD-3-Clause */
/** Packets at the pace at which they were captured, or a multiple of it: a capture replayed as if it were live. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH   64
#define NS      UINT64_C(1000000000)
#define LONGEST (60 * NS)          /* gap between two packets that is waited for */
#define NAP     UINT64_C(50000000) /* after which the reader may look at the rest */

struct paced_source {
   struct source source, *inner;
   double speed;
   struct raw_packet ahead[BATCH]; /* packets [next, count) are not yet handed out */
   unsigned next, count;
   uint64_t packet, clock; /* this time of packets was, or is to be, at this time of the clock; 0: none yet */
};

static uint64_t clock_ns(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t) ts.tv_sec * NS + (uint64_t) ts.tv_nsec;
}

/* The time of packets that it is now. */
static uint64_t packet_time(const struct paced_source *p, uint64_t now)
{
   double passed = (double) (now - p->clock) * p->speed;
   return p->packet + (passed < 1e18 ? (uint64_t) passed : UINT64_C(1000000000000000000));
}

/* How long until a packet of this time is due, 0: it is due. */
static uint64_t until_due(struct paced_source *p, uint64_t time, uint64_t now)
{
   if (p->packet == 0) {
      p->packet = time;
      p->clock = now;
      return 0;
   }
   uint64_t at = packet_time(p, now);
   if (time > at + LONGEST || time + LONGEST < at) { /* wait for the longest gap only, or not at all */
      p->packet = time > at ? time - LONGEST : time;
      p->clock = now;
      at = p->packet;
   }
   return time > at ? (uint64_t) ((double) (time - at) / p->speed) + 1 : 0;
}

static enum source_state read_on(struct paced_source *p)
{
   p->next = p->count = 0;
   enum source_state state = p->inner->read(p->inner, p->ahead, BATCH, &p->count);
   p->source.bytes_done = p->inner->bytes_done;
   p->source.bytes_total = p->inner->bytes_total;
   p->source.clamped = p->inner->clamped;
   if (state == SOURCE_DAMAGED || state == SOURCE_FAILED) {
      memcpy(p->source.error, p->inner->error, sizeof(p->source.error));
   }
   return state;
}

static enum source_state paced_read(struct source *s, struct raw_packet *packets, unsigned max,
                                    unsigned *count)
{
   struct paced_source *p = (struct paced_source *) s;
   uint64_t wait = 0;
   *count = 0;
   if (p->next == p->count) {
      enum source_state state = read_on(p);
      if (state != SOURCE_PACKETS) {
         return state;
      }
   }
   uint64_t now = clock_ns();
   while (*count < max && p->next < p->count && (wait = until_due(p, p->ahead[p->next].time, now)) == 0) {
      packets[(*count)++] = p->ahead[p->next++];
   }
   if (*count > 0 || wait == 0) {
      return *count > 0 ? SOURCE_PACKETS : SOURCE_INTERRUPTED;
   }
   nanosleep(&(struct timespec){.tv_nsec = (long) (wait < NAP ? wait : NAP)}, NULL); /* a signal ends it */
   s->now = packet_time(p, clock_ns());
   return SOURCE_IDLE;
}

static void paced_close(struct source *s)
{
   struct paced_source *p = (struct paced_source *) s;
   p->inner->close(p->inner);
   free(p);
}

struct source *source_paced(struct source *source, double speed)
{
   struct paced_source *p = calloc(1, sizeof(*p));
   if (p == NULL) {
      source->close(source);
      return NULL;
   }
   p->source = (struct source){.read = paced_read, .close = paced_close, .bytes_total = source->bytes_total};
   p->inner = source;
   p->speed = speed;
   return &p->source;
}
