/* SPDX-License-Identifier: BSD-3-Clause */
/** Outputs of a module: their formats, records and end of stream. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

NM_PUBLIC int nm_set_output(nm_module_t *m, uint32_t output, const char *typed_fields)
{
   if (output >= m->n_out) {
      return nm_fail(m, "output %u does not exist: there are %u", output, m->n_out);
   }
   struct output *o = &m->out[output];
   int rc = ur_define_set_of_fields(typed_fields);
   if (rc != UR_OK) {
      return nm_fail(m, "fields \"%s\" of output %u: %s", typed_fields, output,
                     rc == UR_E_TYPE_MISMATCH  ? "a field is known with another type"
                     : rc == UR_E_INVALID_NAME ? "expected \"type NAME,type NAME,...\""
                     : rc == UR_E_INVALID_TYPE ? "a type is unknown"
                                               : "out of memory");
   }
   ur_template_t *t = ur_create_template_from_ifc_spec(typed_fields);
   if (t == NULL) {
      return nm_fail(m, "fields \"%s\" of output %u make no template", typed_fields, output);
   }
   if (o->tmplt != NULL && ur_template_compare(o->tmplt, t) == 1) {
      ur_free_template(t);
      return NM_OK;
   }
   if (ur_ctx_set_output_template(m->ctx, (int) output, t) != UR_OK) {
      ur_free_template(t);
      return nm_fail(m, "out of memory for the format of output %u", output);
   }
   ur_free_template(o->tmplt);
   o->tmplt = t;
   if (o->record == NULL && (o->record = calloc(1, UR_MAX_SIZE)) == NULL) {
      return nm_fail(m, "out of memory for a record of output %u", output);
   }
   return NM_OK;
}

int outputs_open(nm_module_t *m)
{
   m->out = calloc(m->n_out > 0 ? m->n_out : 1, sizeof(*m->out));
   if (m->out == NULL) {
      return nm_fail(m, "out of memory for %u outputs", m->n_out);
   }
   for (uint32_t i = 0; i < m->n_out; i++) {
      if (m->def->send_timeout_set) {
         trap_ctx_ifcctl(m->ctx, TRAPIFC_OUTPUT, i, TRAPCTL_SETTIMEOUT, m->def->send_timeout);
      }
      int rc = m->def->output != NULL ? nm_set_output(m, i, m->def->output) : NM_OK;
      if (rc != NM_OK) {
         return rc;
      }
   }
   return NM_OK;
}

void outputs_close(nm_module_t *m)
{
   for (uint32_t i = 0; m->out != NULL && i < m->n_out; i++) {
      ur_free_template(m->out[i].tmplt);
      free(m->out[i].record);
   }
   free(m->out);
   m->out = NULL;
}

/* An output that never got a format has no reader that waits for its end. Where one byte may be a record, the end is
 * an empty message, which every reader takes for the end. */
void outputs_end(nm_module_t *m)
{
   for (uint32_t i = 0; !m->no_eos && i < m->n_out; i++) {
      const ur_template_t *t = m->out[i].tmplt;
      if (t != NULL) {
         trap_ctx_send(m->ctx, i, "", one_byte_records(t) ? 0 : 1);
      }
   }
}

NM_PUBLIC const ur_template_t *nm_out_n(const nm_module_t *m, uint32_t output)
{
   return m->out[output].tmplt;
}

NM_PUBLIC const ur_template_t *nm_out(const nm_module_t *m)
{
   return m->out[0].tmplt;
}

NM_PUBLIC void *nm_alert_n(nm_module_t *m, uint32_t output, const void *rec)
{
   struct output *o = &m->out[output];
   memset(o->record, 0, o->tmplt->static_size);
   if (rec != NULL && m->n_in > 0) {
      ur_copy_fields(o->tmplt, o->record, m->in[m->current].tmplt, rec);
   }
   return o->record;
}

NM_PUBLIC void *nm_alert(nm_module_t *m, const void *rec)
{
   return nm_alert_n(m, 0, rec);
}

/* What became of a record that was sent, in the module's terms. */
static int sent(nm_module_t *m, int rc, const char *function)
{
   if (rc == TRAP_E_OK) {
      __atomic_fetch_add(&m->sent, 1, __ATOMIC_RELAXED);
      return NM_OK;
   }
   if (rc == TRAP_E_TIMEOUT) {
      __atomic_fetch_add(&m->dropped, 1, __ATOMIC_RELAXED);
      return NM_OK;
   }
   if (rc == TRAP_E_TERMINATED) {
      return NM_STOP;
   }
   return nm_fail(m, "%s() returned %d (%s)", function, rc, trap_ctx_get_last_error_msg(m->ctx));
}

NM_PUBLIC int nm_send_raw(nm_module_t *m, uint32_t output, const void *data, uint16_t size)
{
   return sent(m, trap_ctx_send(m->ctx, output, data, size), "trap_send");
}

NM_PUBLIC int nm_reserve(nm_module_t *m, uint32_t output, uint16_t size, void **room)
{
   int rc = trap_ctx_reserve(m->ctx, output, size, room);
   return rc == TRAP_E_OK ? NM_OK : sent(m, rc, "trap_reserve");
}

NM_PUBLIC int nm_commit(nm_module_t *m, uint32_t output, uint16_t size)
{
   return sent(m, trap_ctx_commit(m->ctx, output, size), "trap_commit");
}

NM_PUBLIC int nm_send_n(nm_module_t *m, uint32_t output, const void *alert)
{
   return nm_send_raw(m, output, alert, ur_rec_size(m->out[output].tmplt, alert));
}

NM_PUBLIC int nm_send(nm_module_t *m, const void *alert)
{
   return nm_send_n(m, 0, alert);
}
