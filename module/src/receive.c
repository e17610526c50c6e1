/* SPDX-License-Identifier: BSD-3-Clause */
/** The receive loop: records in, formats, ends of stream, idle time. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_US 1000000 /* wake-ups of a silent module: one a second */

static inline bool is_end(const struct input *in, const nm_record_t *msg)
{
   return msg->size == 0 || (msg->size == 1 && !in->one_byte_record);
}

/* Records of NM_UNIREC inputs are checked here, once. */
static bool check_record(nm_module_t *m, const struct input *in, const nm_record_t *msg)
{
   if (__builtin_expect(in->tmplt != NULL
                            ? in->def->unchecked || ur_rec_check(in->tmplt, msg->data, msg->size)
                            : in->def->data != NM_UNIREC,
                        1)) {
      return true;
   }
   m->bad_records++;
   nm_warn(m, "a record of %u bytes does not fit its format; skipped", msg->size);
   return false;
}

static inline bool is_good(nm_module_t *m, const struct input *in, const nm_record_t *msg)
{
   return __builtin_expect(msg->size >= in->enough, 1) || check_record(m, in, msg);
}

static inline ur_time_t time_of(const struct input *in, const nm_record_t *msg)
{
   ur_time_t t;
   memcpy(&t, (const char *) msg->data + in->time_offset, sizeof(t));
   return t;
}

static int one_record(nm_module_t *m, const nm_record_t *msg)
{
   m->view.size = msg->size;
   m->view.seq = msg->seq;
   return outcome(m, m->def->records != NULL ? m->def->records(m, msg, 1) : m->def->record(m, msg->data));
}

/* Sequence numbers tell what the sender skipped. */
static inline void note_seq(struct input *in, const nm_record_t *msg)
{
   if (msg->seq > in->last_seq + 1) {
      in->missed += msg->seq - in->last_seq - 1;
   }
   in->last_seq = msg->seq;
}

/* May a tick come before a record of this time? Then those before it are handed over first. */
static inline bool may_tick(const nm_module_t *m, const struct input *in, ur_time_t t)
{
   return t >= m->clock.tick_at && t > in->newest && (!m->clock.several || in->newest <= m->clock.low);
}

static int hand_over_batch(nm_module_t *m, const nm_record_t *first, const nm_record_t *end)
{
   if (first == end) {
      return NM_OK;
   }
   m->view.size = end[-1].size;
   m->view.seq = end[-1].seq;
   m->records += (uint64_t) (end - first);
   return outcome(m, m->def->records(m, first, (uint32_t) (end - first)));
}

/* Passes over records that need nothing but a look at their time: good ones of the only input that come next, a little newer than the one
 * before or older, with no tick due. Nearly all are; what the loop looks at stays in registers. \return the first other one */
static const nm_record_t *pass_plain(nm_module_t *m, struct input *in, const nm_record_t *msg,
                                     const nm_record_t *end)
{
   struct clock *c = &m->clock;
   if (c->several || in->biflow != NULL || in->time_offset == UR_INVALID_OFFSET || in->newest == 0 ||
       in->far != 0 || c->newest != in->newest || msg == end) {
      return msg;
   }
   const ur_time_t tick_at = c->tick_at, lateness = c->late;
   const uint32_t enough = in->enough;
   ur_time_t newest = in->newest, now = c->now;
   uint64_t seq = in->last_seq, late = 0;
   for (; msg < end && msg->seq == seq + 1 &&
          (msg->size >= enough || ur_rec_check(in->tmplt, msg->data, msg->size));
        msg++) {
      const ur_time_t t = time_of(in, msg);
      if (t >= tick_at || clock_is_far(newest, t)) {
         break;
      }
      seq++;
      late += t < now;
      newest = t > newest ? t : newest;
      const ur_time_t behind = t > lateness ? t - lateness : 0;
      now = behind > now ? behind : now;
   }
   in->live = in->live || seq != in->last_seq;
   c->quiet_at = newest != in->newest ? 0 : c->quiet_at;
   in->newest = c->newest = newest;
   in->last_seq = seq;
   c->now = now;
   m->late += late;
   return msg;
}

/* For records(): as many at once as stand between two things that interrupt. \param[out] done messages dealt with */
static int deliver_batches(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count,
                           uint32_t *done)
{
   struct input *in = &m->in[i];
   const nm_record_t *first = msgs, *msg = msgs, *end = msgs + count;
   int rc = NM_OK;
   for (; rc == NM_OK && (msg = pass_plain(m, in, msg, end)) < end; msg++) {
      bool last = is_end(in, msg), good = !last && is_good(m, in, msg);
      bool timed = good && in->time_offset != UR_INVALID_OFFSET;
      bool split = good && in->biflow != NULL && biflow_is(in->biflow, msg->data);
      note_seq(in, msg);
      if (!good || split || (timed && may_tick(m, in, time_of(in, msg)))) {
         rc = hand_over_batch(m, first, msg);
         first = good && !split ? msg : msg + 1;
      }
      if (rc == NM_OK && timed) {
         rc = clock_note(m, in, time_of(in, msg));
      }
      if (rc != NM_OK) {
         m->unread += split;
      } else if (last) {
         rc = input_end(m, i);
      } else if (split) {
         m->records++;
         rc = biflow_record(m, in, msg, one_record);
      }
   }
   if (rc == NM_OK) {
      rc = hand_over_batch(m, first, msg);
   } else {
      m->unread += (uint64_t) (msg - first);
   }
   *done = (uint32_t) (msg - msgs);
   return rc;
}

static int hand_over_halves(nm_module_t *m, struct input *in)
{
   uint32_t n, messages;
   const nm_record_t *batch = biflow_take(in->biflow, &n, &messages);
   if (n == 0) {
      return NM_OK;
   }
   m->view.size = batch[n - 1].size;
   m->view.seq = batch[n - 1].seq;
   m->records += messages;
   return outcome(m, m->def->records(m, batch, n));
}

/* For records() and inputs with batch_halves: records of both directions are two in the batch. */
static int deliver_halves(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count, uint32_t *done)
{
   struct input *in = &m->in[i];
   uint32_t k = 0;
   int rc = NM_OK;
   for (; rc == NM_OK && k < count; k++) {
      const nm_record_t *msg = &msgs[k];
      const bool last = is_end(in, msg);
      note_seq(in, msg);
      if (!last && !is_good(m, in, msg)) {
         continue;
      }
      const bool timed = !last && in->time_offset != UR_INVALID_OFFSET;
      if (last || biflow_is_full(in->biflow) || (timed && may_tick(m, in, time_of(in, msg)))) {
         rc = hand_over_halves(m, in);
      }
      if (rc == NM_OK && timed) {
         rc = clock_note(m, in, time_of(in, msg));
      }
      if (rc != NM_OK) {
         m->unread += !last;
      } else if (last) {
         rc = input_end(m, i);
      } else {
         biflow_add(in->biflow, msg);
      }
   }
   if (rc == NM_OK) {
      rc = hand_over_halves(m, in);
   } else if (in->biflow != NULL) {
      uint32_t n, messages;
      biflow_take(in->biflow, &n, &messages);
      m->unread += messages;
   }
   *done = k;
   return rc;
}

/* For record(): one by one. */
static int deliver_records(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count,
                           uint32_t *done)
{
   struct input *in = &m->in[i];
   int (*record)(nm_module_t *, const void *) = m->def->record;
   uint32_t k = 0;
   int rc = NM_OK;
   for (; rc == NM_OK && k < count; k++) {
      const nm_record_t *msg = &msgs[k];
      note_seq(in, msg);
      if (__builtin_expect(is_end(in, msg), 0)) {
         rc = input_end(m, i);
         continue;
      }
      if (!is_good(m, in, msg)) {
         continue;
      }
      if (in->time_offset != UR_INVALID_OFFSET && (rc = clock_note(m, in, time_of(in, msg))) != NM_OK) {
         m->unread++;
         continue;
      }
      m->records++;
      if (__builtin_expect(in->biflow != NULL, 0) && biflow_is(in->biflow, msg->data)) {
         rc = biflow_record(m, in, msg, one_record);
         continue;
      }
      m->view.size = msg->size;
      m->view.seq = msg->seq;
      rc = outcome(m, record(m, msg->data));
   }
   *done = k;
   return rc;
}

void count_unread(nm_module_t *m, const struct input *in, const nm_record_t *msgs, uint32_t count)
{
   for (uint32_t i = 0; i < count; i++) {
      m->unread += !is_end(in, &msgs[i]);
   }
}

int deliver(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count)
{
   struct input *in = &m->in[i];
   uint32_t done = 0;
   m->view.input = i;
   m->view.in = in->tmplt;
   in->heard_at = m->wall;
   if (__builtin_expect(!in->format_known, 0) && (in->tmplt != NULL || in->def->data != NM_UNIREC)) {
      int rc = input_format_known(m, i); /* exactly what was required: no change was announced */
      if (rc != NM_OK) {
         count_unread(m, in, msgs, count);
         return rc;
      }
   }
   int rc = m->def->records == NULL                       ? deliver_records(m, i, msgs, count, &done)
            : in->biflow != NULL && in->def->batch_halves ? deliver_halves(m, i, msgs, count, &done)
                                                          : deliver_batches(m, i, msgs, count, &done);
   count_unread(m, in, msgs + done, count - done);
   return rc;
}

int receive_error(nm_module_t *m, uint32_t i, int rc)
{
   const char *name = nm_input_name(m, i);
   switch (rc) {
   case TRAP_E_TERMINATED: return NM_STOP;
   case TRAP_E_FORMAT_MISMATCH:
      nm_fail(m,
              "input %s: trap_recv() error: output and input interfaces data formats or data "
              "specifiers mismatch. %s",
              name, trap_ctx_get_last_error_msg(m->ctx));
      break;
   case TRAP_E_NEGOTIATION_FAILED: /* of files only: their name and what is wrong */
      nm_fail(m, "input %s: %s", name, trap_ctx_get_last_error_msg(m->ctx));
      break;
   default:
      nm_fail(m, "input %s: trap_recv() returned %d (%s)", name, rc, trap_ctx_get_last_error_msg(m->ctx));
   }
   return message_input_failed(m);
}

int between_batches(nm_module_t *m)
{
   int rc = NM_OK;
   m->wall = clock_us(CLOCK_MONOTONIC_COARSE);
   notify_alive();
   counters_publish(m);
   if (nm_events != 0) {
      rc = handle_events(m);
   }
   rc = rc == NM_OK ? reload_poll(m) : rc;
   if (rc == NM_OK && m->clock.several) {
      rc = clock_silence(m);
   }
   if (rc == NM_OK && m->timer_every != 0 && m->wall >= m->timer_at) {
      m->timer_at += m->timer_every;
      m->timer_at = m->timer_at > m->wall ? m->timer_at : m->wall + m->timer_every; /* none is made up for */
      rc = m->def->timer != NULL ? outcome(m, m->def->timer(m)) : NM_OK;
   }
   return rc;
}

/* How long a silent module may sleep. */
static int32_t sleep_us(const nm_module_t *m)
{
   if (m->timer_every == 0 || m->timer_at >= m->wall + IDLE_US) {
      return IDLE_US;
   }
   return m->timer_at > m->wall ? (int32_t) (m->timer_at - m->wall) : 1;
}

/* Of several files, the one that is furthest behind is read; other inputs always. */
static void choose(const nm_module_t *m, uint8_t active[MAX_INTERFACES])
{
   uint32_t oldest = MAX_INTERFACES;
   for (uint32_t i = 0; i < m->n_in; i++) {
      const struct input *in = &m->in[i];
      active[i] = in->active && !in->is_file;
      if (in->active && in->is_file && (oldest == MAX_INTERFACES || in->newest < m->in[oldest].newest)) {
         oldest = i;
      }
   }
   if (oldest < MAX_INTERFACES) {
      active[oldest] = 1;
   }
}

int receive_format(nm_module_t *m, uint32_t i)
{
   uint8_t type = TRAP_FMT_UNKNOWN;
   const char *spec = NULL;
   if (trap_ctx_get_data_fmt(m->ctx, TRAPIFC_INPUT, i, &type, &spec) != TRAP_E_OK) {
      type = TRAP_FMT_UNKNOWN;
   }
   return input_format(m, i, type, spec);
}

void skip_refused(nm_module_t *m, uint32_t i, const nm_record_t *msgs, uint32_t count)
{
   for (uint32_t k = 0; k < count; k++) {
      note_seq(&m->in[i], &msgs[k]);
   }
   m->bad_records += count;
}

/* Nothing is there. \param drained nothing was there the last time either, and the module slept */
static int silence(nm_module_t *m, bool drained)
{
   if (drained) {
      return clock_idle(m);
   }
   return m->def->idle != NULL ? outcome(m, m->def->idle(m)) : NM_OK;
}

/* A batch of one of the inputs whose format is not known yet: kept. */
static int first_batch(nm_module_t *m, const uint8_t active[MAX_INTERFACES])
{
   nm_record_t msgs[BATCH];
   uint32_t i = 0, count = 0;
   int got = trap_ctx_recv_any(m->ctx, active, sleep_us(m), &i, msgs, BATCH, &count);
   int rc = between_batches(m);
   if (got != TRAP_E_OK && got != TRAP_E_FORMAT_CHANGED) {
      return rc != NM_OK ? rc : got == TRAP_E_TIMEOUT ? NM_OK : receive_error(m, i, got);
   }
   struct input *in = &m->in[i];
   memcpy(in->pending, msgs, count * sizeof(*msgs));
   in->n = count;
   if (rc == NM_OK) {
      rc = got == TRAP_E_FORMAT_CHANGED ? receive_format(m, i)
           : in->tmplt != NULL          ? input_format_known(m, i)
                                        : NM_OK;
   }
   return rc;
}

/* NM_ALL_FORMATS: waits for the first records of every input, then hands them over in the order of the inputs. */
static int receive_formats(nm_module_t *m)
{
   uint8_t active[MAX_INTERFACES];
   int rc = pending_open(m);
   m->gathering = true;
   while (rc == NM_OK && !nm_stop_signal) {
      bool any = false;
      for (uint32_t i = 0; i < m->n_in; i++) {
         active[i] = m->in[i].active && m->in[i].n == 0;
         any |= active[i];
      }
      if (!any) {
         break;
      }
      rc = first_batch(m, active);
   }
   m->gathering = false;
   for (uint32_t i = 0; rc == NM_OK && i < m->n_in; i++) {
      rc = m->in[i].format_known ? outputs_follow(m, i) : NM_OK;
   }
   for (uint32_t i = 0; rc == NM_OK && i < m->n_in; i++) {
      struct input *in = &m->in[i];
      if (in->active && in->n > 0) {
         in->at = in->n;
         rc = deliver(m, i, in->pending, in->n);
      }
   }
   pending_close(m);
   return rc;
}

int receive(nm_module_t *m)
{
   nm_record_t msgs[BATCH];
   uint8_t active[MAX_INTERFACES];
   bool drained = false;
   int rc = (m->flags & NM_ALL_FORMATS) ? receive_formats(m) : NM_OK;
   while (rc == NM_OK && !nm_stop_signal) {
      uint32_t i = 0, count = 0;
      choose(m, active);
      int got =
          trap_ctx_recv_any(m->ctx, active, drained ? sleep_us(m) : TRAP_NO_WAIT, &i, msgs, BATCH, &count);
      rc = between_batches(m);
      if (rc != NM_OK) {
         count_unread(m, &m->in[i], msgs, count);
      } else if (got == TRAP_E_TIMEOUT) {
         rc = silence(m, drained);
         drained = true;
      } else if (got == TRAP_E_OK || got == TRAP_E_FORMAT_CHANGED) {
         drained = false;
         rc = got == TRAP_E_FORMAT_CHANGED ? receive_format(m, i) : NM_OK;
         if (got == TRAP_E_FORMAT_CHANGED && m->in[i].refused) {
            skip_refused(m, i, msgs, count);
         } else if (rc == NM_OK && m->in[i].active) {
            rc = deliver(m, i, msgs, count);
         } else {
            count_unread(m, &m->in[i], msgs, count);
         }
      } else {
         rc = receive_error(m, i, got);
      }
   }
   return rc == NM_OK ? NM_STOP : rc;
}
