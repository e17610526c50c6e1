/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The stream clock and its ticks.
 *
 * With one input, or inputs merged by time, the clock is the newest time seen less the lateness. With several inputs it
 * is a watermark: the smallest newest time of the inputs that are live, less the lateness. Files are live from start to
 * end; others from their first record until they were silent for five seconds. On recordings the wall clock decides
 * nothing: every input is live from the start.
 */
#include "internal.h"

#include <stdlib.h>
#include <time.h>

#define LIVE_US          (600 * US) /* records younger than this are from a live stream */
#define MAX_TICKS        1000       /* of one gap */
#define DEFAULT_LATENESS (5 * US)   /* of several inputs */

uint64_t clock_us(clockid_t id)
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

/* Records older than this cannot let a tick be due. */
static void set_tick_at(nm_module_t *m)
{
   struct clock *c = &m->clock;
   bool ticks = m->def->tick != NULL && m->def->tick_every > 0;
   c->tick_at = ticks ? c->next_tick != 0 ? from_us(c->next_tick + c->lateness) : 0 : UINT64_MAX;
}

void clock_start(nm_module_t *m)
{
   bool several = m->n_in > 1 && !(m->def->flags & NM_MERGE);
   m->clock = (struct clock){.follow = getenv("NEMEA_RECORDING") == NULL, .several = several};
   m->clock.lateness = several ? DEFAULT_LATENESS : 0;
   if (m->has_lateness) { /* option --lateness */
      m->clock.lateness = m->lateness;
   } else if (m->def->lateness != 0) {
      m->clock.lateness = m->def->lateness;
   }
   m->clock.late = from_us(m->clock.lateness);
   for (uint32_t i = 0; m->in != NULL && i < m->n_in; i++) {
      m->in[i].live = m->in[i].is_file || !m->clock.follow;
   }
   set_tick_at(m);
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
      int rc = outcome(m, m->def->tick(m, from_us(t)));
      if (rc != NM_OK) {
         return rc;
      }
   }
   set_tick_at(m);
   return NM_OK;
}

/* The inputs got to t. */
static int set_clock(nm_module_t *m, ur_time_t t)
{
   ur_time_t behind = t > m->clock.late ? t - m->clock.late : 1;
   if (t != 0 && behind > m->clock.now) {
      m->clock.now = behind;
      if (t >= m->clock.tick_at &&
          m->clock.tick_at != UINT64_MAX) { /* a module without ticks has none at any time */
         return run_ticks(m);
      }
   }
   return NM_OK;
}

/* Does the clock wait for this input? One whose records have no time cannot hold it. */
static bool counts(const struct input *in)
{
   return in->active && in->live && (!in->format_known || in->time_offset != UR_INVALID_OFFSET);
}

/* \return 0 when an input that counts had no record yet, UINT64_MAX when no input counts */
static ur_time_t watermark(nm_module_t *m)
{
   ur_time_t low = UINT64_MAX;
   for (uint32_t i = 0; i < m->n_in; i++) {
      if (counts(&m->in[i]) && m->in[i].newest < low) {
         low = m->in[i].newest;
      }
   }
   m->clock.low = low;
   return low;
}

int clock_update(nm_module_t *m)
{
   if (!m->clock.several) {
      return NM_OK;
   }
   ur_time_t low = watermark(m);
   return set_clock(m, low != UINT64_MAX ? low : m->clock.newest); /* no input is waited for */
}

int clock_record(nm_module_t *m, struct input *in, ur_time_t t)
{
   struct clock *c = &m->clock;
   ur_time_t before = in->newest;
   in->live = true;
   m->late += t < c->now;
   if (t <= before) {
      return NM_OK;
   }
   if (!nm_time_is_confirmed(before, &in->far, t)) {
      return NM_OK;
   }
   in->newest = t;
   c->quiet_at = 0;
   c->newest = t > c->newest ? t : c->newest;
   if (c->several && before > c->low) {
      return NM_OK; /* another input is further behind */
   }
   return set_clock(m, c->several ? watermark(m) : c->newest);
}

int clock_silence(nm_module_t *m)
{
   bool changed = false;
   if (!m->clock.several || !m->clock.follow) {
      return NM_OK;
   }
   for (uint32_t i = 0; i < m->n_in; i++) {
      struct input *in = &m->in[i];
      if (in->live && !in->is_file && m->wall - in->heard_at >= SILENCE_US && m->wall > in->heard_at) {
         in->live = false;
         changed = true;
      }
   }
   return changed ? clock_update(m) : NM_OK;
}

int clock_idle(nm_module_t *m)
{
   struct clock *c = &m->clock;
   if (!c->follow || c->newest == 0 || (c->several && watermark(m) != UINT64_MAX)) {
      return NM_OK;
   }
   uint64_t now = clock_us(CLOCK_MONOTONIC), newest = to_us(c->newest), wall = clock_us(CLOCK_REALTIME);
   if (c->quiet_at == 0) { /* the first silence after a record */
      c->quiet_at = wall > newest + LIVE_US || newest > wall + LIVE_US ? UINT64_MAX : now;
   }
   if (c->quiet_at == UINT64_MAX) {
      return NM_OK;
   }
   return set_clock(m, from_us(newest + (now - c->quiet_at)));
}

int clock_advance(nm_module_t *m, ur_time_t t)
{
   m->clock.newest = t > m->clock.newest ? t : m->clock.newest;
   m->clock.quiet_at = 1;
   for (uint32_t i = 0; i < m->n_in; i++) {
      m->in[i].newest = t > m->in[i].newest ? t : m->in[i].newest;
   }
   return set_clock(m, t);
}

NM_PUBLIC ur_time_t nm_now(const nm_module_t *m)
{
   return m->clock.now;
}

NM_PUBLIC bool nm_silent(const nm_module_t *m)
{
   return m->clock.quiet_at != 0;
}

NM_PUBLIC void nm_set_timer(nm_module_t *m, uint64_t microseconds)
{
   m->timer_every = microseconds;
   m->timer_at = clock_us(CLOCK_MONOTONIC) + microseconds;
}
