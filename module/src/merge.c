/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * NM_MERGE: the records of several inputs in the order of their times.
 *
 * Of each input that is live the loop holds a batch. The record with the smallest time goes first, as soon as every live input
 * has one; of equal times, that of the first input. The order within an input is kept. An input that was silent for five
 * seconds is no longer waited for until its next record.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define DAY     ((ur_time_t) 86400 << 32)
#define WAIT_US 1000000

static bool holds(const struct input *in)
{
   return in->at < in->n;
}

/* Does the merge wait for this input? */
static bool awaited(const struct input *in)
{
   return in->active && in->live && !holds(in);
}

/* The time by which a record is sorted. One that is far ahead of its input would hold it up for as long; it is handed over
 * where it stands, as the clock ignores it too. */
static ur_time_t sort_time(const nm_module_t *m, const struct input *in, const nm_record_t *msg)
{
   ur_time_t t = 0;
   if (in->time_offset == UR_INVALID_OFFSET || msg->size <= 1 ||
       !ur_rec_check(in->tmplt, msg->data, msg->size)) {
      return in->head;
   }
   memcpy(&t, (const char *) msg->data + in->time_offset, sizeof(t));
   ur_time_t wall = (ur_time_t) (clock_us(CLOCK_REALTIME) / US) << 32;
   bool far = in->newest != 0 ? t > in->newest && t - in->newest > DAY
                              : !in->is_file && m->clock.follow && t > wall + DAY;
   return far && in->far == 0 ? in->newest : t;
}

/* Takes a batch of one of the inputs that hold none. \return as trap_recv() */
static int take(nm_module_t *m, int32_t timeout, uint32_t *i)
{
   nm_record_t msgs[BATCH];
   uint8_t active[MAX_INTERFACES];
   bool any = false;
   uint32_t count = 0;
   for (uint32_t k = 0; k < m->n_in; k++) {
      active[k] = m->in[k].active && !holds(&m->in[k]);
      any |= active[k];
   }
   int got = any ? trap_ctx_recv_any(m->ctx, active, timeout, i, msgs, BATCH, &count) : TRAP_E_TIMEOUT;
   if (got == TRAP_E_OK || got == TRAP_E_FORMAT_CHANGED) {
      struct input *in = &m->in[*i];
      memcpy(in->pending, msgs, count * sizeof(*msgs));
      in->at = 0;
      in->n = count;
   }
   return got;
}

/* Inputs that were silent for long are no longer waited for. On recordings too: senders of two streams that wait for each
 * other must go on. */
static void leave_out(nm_module_t *m)
{
   for (uint32_t i = 0; i < m->n_in; i++) {
      struct input *in = &m->in[i];
      if (awaited(in) && !in->is_file && m->wall > in->heard_at && m->wall - in->heard_at >= SILENCE_US) {
         in->live = false;
      }
   }
}

/* The input whose record is next, and the time up to which its records go before all others. */
static struct input *next_input(nm_module_t *m, ur_time_t *limit)
{
   struct input *next = NULL;
   *limit = UINT64_MAX;
   for (uint32_t i = 0; i < m->n_in; i++) {
      struct input *in = &m->in[i];
      if (!holds(in)) {
         continue;
      }
      if (next == NULL || in->head < next->head) {
         *limit = next != NULL && next->head != 0 ? next->head - 1 : *limit;
         next = in;
      } else if (in->head < *limit) {
         *limit = in->head;
      }
   }
   return next;
}

/* Hands over the records that are next, of one input. */
static int hand_over(nm_module_t *m, struct input *in, ur_time_t limit)
{
   uint32_t first = in->at;
   do {
      in->at++;
      in->head = holds(in) ? sort_time(m, in, &in->pending[in->at]) : in->head;
   } while (holds(in) && in->head <= limit);
   return deliver(m, (uint32_t) (in - m->in), in->pending + first, in->at - first);
}

/* Hands over what can be, until an input has to be waited for; at the end (everything), whatever is there. */
static int drain(nm_module_t *m, bool everything)
{
   int rc = NM_OK;
   while (rc == NM_OK) {
      ur_time_t limit;
      for (uint32_t i = 0; !everything && i < m->n_in; i++) {
         if (awaited(&m->in[i])) {
            return NM_OK;
         }
      }
      struct input *in = next_input(m, &limit);
      if (in == NULL) {
         return NM_OK;
      }
      rc = hand_over(m, in, limit);
   }
   return rc;
}

int pending_open(nm_module_t *m)
{
   for (uint32_t i = 0; i < m->n_in; i++) {
      m->in[i].pending = calloc(BATCH, sizeof(nm_record_t));
      m->in[i].heard_at = clock_us(CLOCK_MONOTONIC_COARSE);
      if (m->in[i].pending == NULL) {
         return nm_fail(m, "out of memory for the records of %u inputs", m->n_in);
      }
   }
   return NM_OK;
}

void pending_close(nm_module_t *m)
{
   for (uint32_t i = 0; i < m->n_in; i++) {
      count_unread(m, &m->in[i], m->in[i].pending + m->in[i].at, m->in[i].n - m->in[i].at);
   }
}

/* A batch came: a format that is new counts from its first record on, all before it are handed over. */
static int taken(nm_module_t *m, uint32_t i, bool new_format)
{
   struct input *in = &m->in[i];
   int rc = new_format ? receive_format(m, i) : NM_OK;
   if (new_format && in->refused) {
      skip_refused(m, i, in->pending, in->n);
      in->n = 0;
      return rc;
   }
   in->live = true;
   in->heard_at = m->wall;
   if (rc == NM_OK && !in->format_known && in->tmplt != NULL) {
      rc = input_format_known(m, i);
   }
   if (!in->active) {
      count_unread(m, in, in->pending, in->n);
      in->n = 0;
   }
   in->head = holds(in) ? sort_time(m, in, &in->pending[0]) : in->head;
   return rc;
}

int receive_merged(nm_module_t *m)
{
   bool drained = false;
   int rc = pending_open(m);
   while (rc == NM_OK && !nm_stop_signal) {
      uint32_t i = 0;
      int got = take(m, drained ? WAIT_US : TRAP_NO_WAIT, &i);
      rc = between_batches(m);
      leave_out(m);
      if (got == TRAP_E_OK || got == TRAP_E_FORMAT_CHANGED) {
         drained = false;
         rc = rc == NM_OK ? taken(m, i, got == TRAP_E_FORMAT_CHANGED) : rc;
      } else if (got == TRAP_E_TIMEOUT) {
         rc = rc != NM_OK            ? rc
              : drained              ? clock_idle(m)
              : m->def->idle != NULL ? outcome(m, m->def->idle(m))
                                     : NM_OK;
         drained = true;
      } else {
         rc = receive_error(m, i, got);
      }
      rc = rc == NM_OK ? drain(m, false) : rc;
   }
   rc = rc == NM_OK ? drain(m, true) : rc;
   pending_close(m);
   return rc == NM_OK ? NM_STOP : rc;
}
