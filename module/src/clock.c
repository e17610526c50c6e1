/* SPDX-License-Identifier: BSD-3-Clause */
/** The stream clock and its ticks. */
#include "internal.h"

#include <stdlib.h>
#include <time.h>

#define DAY       ((ur_time_t) 86400 << 32)
#define LIVE_US   (600 * US) /* records younger than this are from a live stream */
#define MAX_TICKS 1000       /* of one gap */

static uint64_t clock_us(clockid_t id)
{
   struct timespec ts;
   clock_gettime(id, &ts);
   return (uint64_t) ts.tv_sec * US + (uint64_t) ts.tv_nsec / 1000;
}

static uint64_t to_us(ur_time_t t)
{
   return (uint64_t) ur_time_get_sec(t) * US + ur_time_get_usec(t);
}

static ur_time_t from_us(uint64_t us)
{
   return ur_time_from_sec_usec(us / US, us % US);
}

void clock_start(nm_module_t *m)
{
   m->clock = (struct clock){.follow = getenv("NEMEA_RECORDING") == NULL};
}

/* Runs all ticks up to the clock. */
static int run_ticks(nm_module_t *m)
{
   struct clock *c = &m->clock;
   uint64_t every = m->def->tick_every, now = to_us(c->now);
   if (c->next_tick == 0) {
      c->next_tick = now / every * every + every;
   }
   if (now >= c->next_tick && (now - c->next_tick) / every >= MAX_TICKS) {
      c->next_tick = now / every * every - (MAX_TICKS - 1) * every;
   }
   while (now >= c->next_tick) {
      uint64_t t = c->next_tick;
      c->next_tick += every;
      int rc = m->def->tick(m, from_us(t));
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_OK;
}

static int set_clock(nm_module_t *m, ur_time_t t)
{
   ur_time_t late = from_us(m->def->lateness), behind = t > late ? t - late : 1;
   if (behind > m->clock.now) {
      m->clock.now = behind;
      if (m->def->tick != NULL && m->def->tick_every > 0) {
         return run_ticks(m);
      }
   }
   return NM_OK;
}

int clock_record(nm_module_t *m, ur_time_t t)
{
   struct clock *c = &m->clock;
   if (t <= c->newest) {
      return NM_OK;
   }
   if (c->newest != 0 && t - c->newest > DAY) {
      /* One exporter with a broken clock must not end every window of the others. */
      bool confirmed = c->far != 0 && (t > c->far ? t - c->far : c->far - t) <= DAY;
      c->far = t;
      if (!confirmed) {
         return NM_OK;
      }
   }
   c->far = 0;
   c->newest = t;
   c->heard_at = 0;
   return set_clock(m, t);
}

int clock_idle(nm_module_t *m)
{
   struct clock *c = &m->clock;
   if (!c->follow || c->newest == 0) {
      return NM_OK;
   }
   uint64_t now = clock_us(CLOCK_MONOTONIC), newest = to_us(c->newest), wall = clock_us(CLOCK_REALTIME);
   if (c->heard_at == 0) { /* the first silence after a record */
      c->heard_at = wall > newest + LIVE_US || newest > wall + LIVE_US ? UINT64_MAX : now;
   }
   if (c->heard_at == UINT64_MAX) {
      return NM_OK;
   }
   return set_clock(m, from_us(newest + (now - c->heard_at)));
}

NM_PUBLIC ur_time_t nm_now(const nm_module_t *m)
{
   return m->clock.now;
}
