/* SPDX-License-Identifier: BSD-3-Clause */
/** Inputs of a module: what they require, the formats of their senders, their ends. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t trap_types[] = {[NM_UNIREC] = TRAP_FMT_UNIREC,
                                     [NM_JSON] = TRAP_FMT_JSON,
                                     [NM_RAW] = TRAP_FMT_RAW,
                                     [NM_ANY] = TRAP_FMT_ANY};

/* What the current format of an input means for the loop. */
static void look_at_format(struct input *in)
{
   static const char *const names[] = {"TIME_LAST", "TIME"};
   in->one_byte_record = in->tmplt != NULL && one_byte_records(in->tmplt);
   in->enough = UINT32_MAX;
   if (in->tmplt != NULL && !in->one_byte_record &&
       (in->def->unchecked || in->tmplt->first_dynamic == UR_NO_DYNAMIC_VALUES)) {
      in->enough = in->def->unchecked || in->tmplt->static_size < 2 ? 2 : in->tmplt->static_size;
   }
   in->time_offset = UR_INVALID_OFFSET;
   for (size_t i = 0;
        in->tmplt != NULL && !in->def->unchecked && i < 2 && in->time_offset == UR_INVALID_OFFSET; i++) {
      int id = ur_get_id_by_name(names[i]);
      if (id >= 0 && ur_is_present(in->tmplt, id) && ur_get_type(id) == UR_TYPE_TIME) {
         in->time_offset = in->tmplt->offset[id];
      }
   }
}

static int bad_fields(nm_module_t *m, const struct input *in, const char *fields, int rc)
{
   return nm_fail(m, "input %s: fields \"%s\": %s", in->name, fields, template_problem(rc));
}

static int require_unirec(nm_module_t *m, uint32_t i)
{
   struct input *in = &m->in[i];
   const char *fields = in->def->fields != NULL ? in->def->fields : NM_ANY_FORMAT,
              *optional = in->def->optional;
   int rc = optional != NULL ? ur_define_set_of_fields(optional) : UR_OK;
   if (rc != UR_OK) {
      return bad_fields(m, in, optional, rc);
   }
   if (*fields == 0) {
      if (m->ctx != NULL) {
         trap_ctx_set_required_fmt(m->ctx, i, TRAP_FMT_UNIREC, "");
      }
      return NM_OK;
   }
   rc = ur_define_set_of_fields(fields);
   if (rc != UR_OK || (in->tmplt = ur_create_template_from_ifc_spec(fields)) == NULL) {
      return bad_fields(m, in, fields, rc);
   }
   rc = m->ctx != NULL ? ur_ctx_set_input_template(m->ctx, (int) i, in->tmplt) : UR_OK;
   return rc == UR_OK ? NM_OK : bad_fields(m, in, fields, rc);
}

static int open_input(nm_module_t *m, uint32_t i, char type)
{
   struct input *in = &m->in[i];
   in->def = interfaces_input(m, i, in->name, sizeof(in->name));
   in->active = 1;
   in->is_file = type == TRAP_IFC_TYPE_FILE;
   in->enough = UINT32_MAX;
   in->time_offset = UR_INVALID_OFFSET;
   if (in->def->data == NM_UNIREC) {
      return require_unirec(m, i);
   }
   if (m->ctx != NULL) {
      const char *name = in->def->fields != NULL ? in->def->fields : "";
      trap_ctx_set_required_fmt(m->ctx, i, trap_types[in->def->data], name);
   }
   return NM_OK;
}

int inputs_open(nm_module_t *m, const char *types)
{
   m->in = calloc(m->n_in > 0 ? m->n_in : 1, sizeof(*m->in));
   if (m->in == NULL) {
      return nm_fail(m, "out of memory for %u inputs", m->n_in);
   }
   m->n_active = m->n_in;
   for (uint32_t i = 0; i < m->n_in; i++) {
      int rc = open_input(m, i, types[i]);
      if (rc != NM_OK) {
         return rc;
      }
   }
   m->view.in = m->in[0].tmplt;
   return NM_OK;
}

void inputs_close(nm_module_t *m)
{
   for (uint32_t i = 0; m->in != NULL && i < m->n_in; i++) {
      ur_free_template(m->in[i].tmplt);
      biflow_free(m->in[i].biflow);
      free(m->in[i].format);
      free(m->in[i].pending);
   }
   free(m->in);
   m->in = NULL;
}

NM_PUBLIC bool nm_recording(const nm_module_t *m)
{
   bool recording = !m->clock.follow; /* NEMEA_RECORDING */
   for (uint32_t i = 0; i < m->n_in && !recording; i++) {
      recording = m->in[i].is_file;
   }
   return recording;
}

int input_end(nm_module_t *m, uint32_t i)
{
   if ((m->flags & NM_KEEP_EOS) && !m->in[i].is_file) {
      return NM_OK;
   }
   m->in[i].active = 0;
   m->n_active--;
   m->view.input = i;
   m->view.in = m->in[i].tmplt;
   int rc = m->def->end_of_input != NULL ? outcome(m, m->def->end_of_input(m, i)) : NM_OK;
   if (rc != NM_OK || m->n_active == 0) {
      return rc == NM_OK ? NM_STOP : rc;
   }
   return clock_update(m);
}

int input_format_known(nm_module_t *m, uint32_t i)
{
   struct input *in = &m->in[i];
   int rc = NM_OK;
   look_at_format(in);
   in->format_known = true;
   m->view.input = i;
   m->view.in = in->tmplt;
   biflow_free(in->biflow);
   in->biflow = in->def->split_biflows && in->tmplt != NULL ? biflow_new(m, in->tmplt, &rc) : NULL;
   rc = rc == NM_OK ? outputs_follow(m, i) : rc;
   rc = rc == NM_OK ? fields_update(m, i) : rc;
   if (rc == NM_OK && m->def->format != NULL) {
      rc = outcome(m, m->def->format(m, i));
   }
   return rc == NM_OK ? clock_update(m) : rc;
}

/* The sender has a field that is known here with another type. A peer does not end the module: it is refused, and the input goes on
 * with the next one. */
static int mismatch(nm_module_t *m, uint32_t i, const char *spec)
{
   struct input *in = &m->in[i];
   if (m->ctx != NULL && trap_ctx_refuse_format(m->ctx, i) == TRAP_E_OK) {
      in->refused = true;
      return NM_OK;
   }
   if (m->flags & NM_SKIP_MISMATCH) {
      nm_warn(m,
              "input %s is closed: its format \"%s\" has a field of another type than this module or another "
              "input",
              in->name, spec);
      return input_end(m, i);
   }
   return nm_fail(m,
                  "input %s: format \"%s\" is invalid, or has a field of another type than this module knows",
                  in->name, spec);
}

int input_format(nm_module_t *m, uint32_t i, uint8_t type, const char *spec)
{
   struct input *in = &m->in[i];
   in->refused = false;
   if (in->def->data == NM_ANY && type >= TRAP_FMT_RAW && type <= TRAP_FMT_JSON) {
      in->type = type;
   } else if (type != trap_types[in->def->data]) {
      return nm_fail(m, "input %s: expected %s, the sender has another data type", in->name,
                     in->def->data == NM_UNIREC ? "UniRec records"
                     : in->def->data == NM_JSON ? "JSON texts"
                                                : "raw data");
   }
   if (type == TRAP_FMT_UNIREC && in->def->data == NM_UNIREC) {
      ur_template_t *t = spec != NULL ? ur_define_fields_and_update_template(spec, in->tmplt) : NULL;
      if (t == NULL) {
         return mismatch(m, i, spec != NULL ? spec : "");
      }
      in->tmplt = t;
   }
   free(in->format);
   in->format = strdup(spec != NULL ? spec : "");
   return in->format != NULL ? input_format_known(m, i)
                             : nm_fail(m, "out of memory for the format of input %s", in->name);
}

NM_PUBLIC const ur_template_t *nm_in_n(const nm_module_t *m, uint32_t input)
{
   return m->in != NULL && input < m->n_in ? m->in[input].tmplt : NULL;
}

NM_PUBLIC const char *nm_in_format(const nm_module_t *m, uint32_t input)
{
   return m->in != NULL && input < m->n_in ? m->in[input].format : NULL;
}

NM_PUBLIC enum nm_data nm_in_data(const nm_module_t *m, uint32_t input)
{
   static const enum nm_data kinds[] = {
       [TRAP_FMT_RAW] = NM_RAW, [TRAP_FMT_UNIREC] = NM_UNIREC, [TRAP_FMT_JSON] = NM_JSON};
   const struct input *in = &m->in[input];
   return in->def->data != NM_ANY || in->type == TRAP_FMT_UNKNOWN ? in->def->data : kinds[in->type];
}

NM_PUBLIC void nm_ack(nm_module_t *m, uint32_t input, uint64_t seq)
{
   if (m->ctx != NULL) {
      trap_ctx_ack(m->ctx, input, seq);
   }
}

NM_PUBLIC uint64_t nm_position(const nm_module_t *m, uint32_t input, uint64_t seq, uint64_t *instance)
{
   uint64_t position = seq;
   *instance = 0;
   if (m->ctx != NULL) {
      trap_ctx_position(m->ctx, input, seq, instance, &position);
   }
   return position;
}

NM_PUBLIC const char *nm_input_name(const nm_module_t *m, uint32_t input)
{
   return m->in != NULL && input < m->n_in ? m->in[input].name : "?";
}

NM_PUBLIC uint32_t nm_inputs(const nm_module_t *m)
{
   return m->n_in;
}
