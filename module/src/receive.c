/* SPDX-License-Identifier: BSD-3-Clause */
/** The receive loop: records in, formats, ends of stream, idle time. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_US 1000000 /* wake-ups of a silent module: one a second */

/* What the current format of an input means for the loop. */
static void look_at_format(struct input *in)
{
   static const char *const names[] = {"TIME_LAST", "TIME"};
   in->one_byte_record = one_byte_records(in->tmplt);
   in->time_offset = UR_INVALID_OFFSET;
   for (size_t i = 0; i < 2 && in->time_offset == UR_INVALID_OFFSET; i++) {
      int id = ur_get_id_by_name(names[i]);
      if (id >= 0 && ur_is_present(in->tmplt, id) && ur_get_type(id) == UR_TYPE_TIME) {
         in->time_offset = in->tmplt->offset[id];
      }
   }
}

static int open_input(nm_module_t *m, uint32_t i, const char *fields)
{
   struct input *in = &m->in[i];
   in->active = 1;
   in->time_offset = UR_INVALID_OFFSET;
   if (*fields == 0) {
      trap_ctx_set_required_fmt(m->ctx, i, TRAP_FMT_UNIREC, "");
      return NM_OK;
   }
   if (ur_define_set_of_fields(fields) != UR_OK ||
       (in->tmplt = ur_create_template_from_ifc_spec(fields)) == NULL ||
       ur_ctx_set_input_template(m->ctx, (int) i, in->tmplt) != UR_OK) {
      return nm_fail(m, "fields \"%s\" of input %u make no template", fields, i);
   }
   return NM_OK;
}

int inputs_open(nm_module_t *m)
{
   const char *fields = m->def->input != NULL ? m->def->input : NM_ANY_FORMAT;
   m->in = calloc(m->n_in > 0 ? m->n_in : 1, sizeof(*m->in));
   if (m->in == NULL) {
      return nm_fail(m, "out of memory for %u inputs", m->n_in);
   }
   m->n_active = m->n_in;
   for (uint32_t i = 0; i < m->n_in; i++) {
      int rc = open_input(m, i, fields);
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_OK;
}

void inputs_close(nm_module_t *m)
{
   for (uint32_t i = 0; m->in != NULL && i < m->n_in; i++) {
      ur_free_template(m->in[i].tmplt);
   }
   free(m->in);
   m->in = NULL;
}

static int end_of_input(nm_module_t *m, uint32_t i)
{
   if (m->def->flags & NM_KEEP_EOS) {
      return NM_OK;
   }
   m->in[i].active = 0;
   m->n_active--;
   m->current = i;
   int rc = m->def->end_of_input != NULL ? m->def->end_of_input(m, i) : NM_OK;
   return rc == NM_OK && m->n_active == 0 ? NM_STOP : rc;
}

static int format_known(nm_module_t *m, uint32_t i)
{
   look_at_format(&m->in[i]);
   m->in[i].format_known = true;
   m->current = i;
   return m->def->format != NULL ? m->def->format(m, i) : NM_OK;
}

static int new_format(nm_module_t *m, uint32_t i)
{
   uint8_t type = TRAP_FMT_UNKNOWN;
   const char *spec = NULL;
   if (trap_ctx_get_data_fmt(m->ctx, TRAPIFC_INPUT, i, &type, &spec) != TRAP_E_OK ||
       type != TRAP_FMT_UNIREC || spec == NULL) {
      return nm_fail(m, "input %u: expected UniRec records, the sender has another data type", i);
   }
   ur_template_t *t = ur_define_fields_and_update_template(spec, m->in[i].tmplt);
   if (t == NULL) {
      return nm_fail(m,
                     "input %u: format \"%s\" has a field of another type than this module knows, or is none",
                     i, spec);
   }
   m->in[i].tmplt = t;
   return format_known(m, i);
}

static int one_record(nm_module_t *m, struct input *in, const trap_message_t *msg)
{
   if (in->tmplt == NULL || !ur_rec_check(in->tmplt, msg->data, msg->size)) {
      m->bad_records++;
      nm_warn(m, "a record of %u bytes does not fit its format; skipped", msg->size);
      return NM_OK;
   }
   m->records++;
   m->size = msg->size;
   m->seq = msg->seq;
   if (in->time_offset != UR_INVALID_OFFSET) {
      ur_time_t t;
      memcpy(&t, (const char *) msg->data + in->time_offset, sizeof(t));
      int rc = clock_record(m, t);
      if (rc != NM_OK) {
         return rc;
      }
   }
   return m->def->record(m, msg->data);
}

static int records(nm_module_t *m, uint32_t i, const trap_message_t *msgs, uint32_t count)
{
   struct input *in = &m->in[i];
   m->current = i;
   if (!in->format_known && in->tmplt != NULL) { /* exactly what was required: no change was announced */
      int rc = format_known(m, i);
      if (rc != NM_OK) {
         return rc;
      }
   }
   for (uint32_t k = 0; k < count; k++) {
      const trap_message_t *msg = &msgs[k];
      if (msg->seq > in->last_seq + 1) {
         in->missed += msg->seq - in->last_seq - 1;
      }
      in->last_seq = msg->seq;
      bool end = msg->size == 0 || (msg->size == 1 && !in->one_byte_record);
      int rc = end ? end_of_input(m, i) : one_record(m, in, msg);
      if (rc != NM_OK) {
         return rc;
      }
      if (nm_stop_signal) {
         return NM_STOP;
      }
   }
   return NM_OK;
}

static int receive_error(nm_module_t *m, uint32_t i, int rc)
{
   switch (rc) {
   case TRAP_E_TERMINATED: return NM_STOP;
   case TRAP_E_FORMAT_MISMATCH:
      return nm_fail(m,
                     "input %u: trap_recv() error: output and input interfaces data formats or data "
                     "specifiers mismatch.",
                     i);
   case TRAP_E_NEGOTIATION_FAILED:
      return nm_fail(
          m,
          "input %u: trap_recv() error: interface negotiation failed (caused by invalid reply from a remote "
          "module, corrupted file or an unknown error).",
          i);
   default:
      return nm_fail(m, "input %u: trap_recv() returned %d (%s)", i, rc, trap_ctx_get_last_error_msg(m->ctx));
   }
}

/* All that waits for a pause between two batches. */
static int between_batches(nm_module_t *m)
{
   if (nm_show_signal) {
      nm_show_signal = 0;
      nm_show_counters(m);
   }
   if (nm_reload_signal) {
      nm_reload_signal = 0;
      return m->def->reload(m);
   }
   return NM_OK;
}

int receive(nm_module_t *m)
{
   trap_message_t msgs[BATCH];
   uint8_t active[MAX_INTERFACES];
   bool drained = false;
   while (!nm_stop_signal) {
      uint32_t i = 0, count = 0;
      for (uint32_t k = 0; k < m->n_in; k++) {
         active[k] = m->in[k].active;
      }
      int rc = trap_ctx_recv_any(m->ctx, active, drained ? IDLE_US : TRAP_NO_WAIT, &i, msgs, BATCH, &count);
      if (rc == TRAP_E_TIMEOUT) {
         rc = drained ? clock_idle(m) : m->def->idle != NULL ? m->def->idle(m) : NM_OK;
         drained = true;
      } else if (rc == TRAP_E_OK || rc == TRAP_E_FORMAT_CHANGED) {
         drained = false;
         rc = rc == TRAP_E_FORMAT_CHANGED ? new_format(m, i) : NM_OK;
         rc = rc == NM_OK ? records(m, i, msgs, count) : rc;
      } else {
         rc = receive_error(m, i, rc);
      }
      rc = rc == NM_OK ? between_batches(m) : rc;
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_STOP;
}

NM_PUBLIC uint32_t nm_input(const nm_module_t *m)
{
   return m->current;
}

NM_PUBLIC const ur_template_t *nm_in(const nm_module_t *m)
{
   return m->in[m->current].tmplt;
}

NM_PUBLIC uint16_t nm_size(const nm_module_t *m)
{
   return m->size;
}

NM_PUBLIC uint64_t nm_seq(const nm_module_t *m)
{
   return m->seq;
}

NM_PUBLIC uint32_t nm_inputs(const nm_module_t *m)
{
   return m->n_in;
}

NM_PUBLIC uint32_t nm_outputs(const nm_module_t *m)
{
   return m->n_out;
}
