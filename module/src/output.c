/* SPDX-License-Identifier: BSD-3-Clause */
/** Outputs of a module: records and end of stream. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static int32_t trap_timeout(int32_t timeout)
{
   return timeout == NM_NO_WAIT ? TRAP_NO_WAIT : timeout;
}

static int open_output(nm_module_t *m, uint32_t i)
{
   struct output *o = &m->out[i];
   o->def = interfaces_output(m, i, o->name, sizeof(o->name));
   o->rule = o->def->format != NM_CHOSEN ? o->def->format : NM_FIXED;
   o->follows = o->def->input;
   if (o->def->timeout != 0 && m->ctx != NULL) {
      trap_ctx_ifcctl(m->ctx, TRAPIFC_OUTPUT, i, TRAPCTL_SETTIMEOUT, trap_timeout(o->def->timeout));
   }
   if (o->def->data == NM_RAW) {
      return nm_set_output_data(m, i, NM_RAW, NULL);
   }
   if (o->rule != NM_FIXED) {
      o->own = o->def->fields != NULL ? strdup(o->def->fields) : NULL;
      return own_fields(m, o, o->own); /* the rest when the input's format is known */
   }
   bool known = o->def->fields != NULL && o->def->format == NM_FIXED;
   return known ? nm_set_output_data(m, i, o->def->data, o->def->fields) : NM_OK;
}

int outputs_open(nm_module_t *m)
{
   m->out = calloc(m->n_out > 0 ? m->n_out : 1, sizeof(*m->out));
   if (m->out == NULL) {
      return nm_fail(m, "out of memory for %u outputs", m->n_out);
   }
   for (uint32_t i = 0; i < m->n_out; i++) {
      int rc = open_output(m, i);
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
      free(m->out[i].names);
      free(m->out[i].own);
   }
   free(m->out);
   m->out = NULL;
}

/* An output that never got a format has no reader that waits for its end. Where one byte may be a record, the end is
 * an empty message, which every reader takes for the end. */
void outputs_end(nm_module_t *m)
{
   for (uint32_t i = 0; m->out != NULL && !m->no_eos && i < m->n_out; i++) {
      if (m->ctx != NULL) {
         nm_end_output(m, i);
      }
   }
}

NM_PUBLIC uint32_t nm_outputs(const nm_module_t *m)
{
   return m->n_out;
}

NM_PUBLIC const char *nm_output_spec(const nm_module_t *m, uint32_t output)
{
   return m->spec.params != NULL && output < m->n_out ? m->spec.params[m->n_in + output] : "";
}

NM_PUBLIC const char *nm_input_spec(const nm_module_t *m, uint32_t input)
{
   return m->spec.params != NULL && input < m->n_in ? m->spec.params[input] : "";
}

NM_PUBLIC const char *nm_output_name(const nm_module_t *m, uint32_t output)
{
   return m->out != NULL && output < m->n_out ? m->out[output].name : "?";
}

/* ------------------------------------------------- what is not there */

/* A template without fields, and a record that is as large as any: where a module writes that has none. */
static uint16_t no_offset[1] = {UR_INVALID_OFFSET};
static const ur_template_t no_template = {.offset = no_offset, .first_dynamic = UR_NO_DYNAMIC_VALUES};
static char no_record[UR_MAX_SIZE + 1];

/* Says whose template it is. */
static int absent(nm_module_t *m, const ur_template_t *tmplt, const char *field)
{
   for (uint32_t i = 0; m->out != NULL && tmplt != NULL && i < m->n_out; i++) {
      if (m->out[i].tmplt == tmplt) {
         return nm_fail(m, "field %s is used, but records of output %s have no such field", field,
                        m->out[i].name);
      }
   }
   if (m->n_in == 0 || tmplt != m->view.in) {
      return nm_fail(m, "field %s is used of an output that has no format", field);
   }
   return nm_fail(m, "field %s is used, but records of input %s have no such field", field,
                  nm_input_name(m, m->view.input));
}

NM_PUBLIC void *nm_absent_(nm_module_t *m, const ur_template_t *tmplt, int id)
{
   if (!m->failed) {
      bool known = id >= 0 && id < __atomic_load_n(&ur_field_specs.ur_last_id, __ATOMIC_ACQUIRE);
      m->failed = true;
      absent(m, tmplt, known ? ur_get_name(id) : "(unknown)");
   }
   memset(no_record, 0, sizeof(ip_addr_t));
   return no_record;
}

static bool has_template(const nm_module_t *m, uint32_t output)
{
   return m->out != NULL && output < m->n_out && m->out[output].tmplt != NULL;
}

static void *no_output(nm_module_t *m, uint32_t output)
{
   if (!m->failed) {
      m->failed = true;
      if (output >= m->n_out) {
         nm_fail(m, "a record is made for output %u, but there are %u", output, m->n_out);
      } else {
         nm_fail(m, "a record is made for output %s before its format is known", nm_output_name(m, output));
      }
   }
   return no_record;
}

NM_PUBLIC const ur_template_t *nm_out_n(const nm_module_t *m, uint32_t output)
{
   return has_template(m, output) ? m->out[output].tmplt : m->failed ? &no_template : NULL;
}

NM_PUBLIC const ur_template_t *nm_out(const nm_module_t *m)
{
   return nm_out_n(m, 0);
}

/* ------------------------------------------------------------- records */

NM_PUBLIC void *nm_record(nm_module_t *m, uint32_t output)
{
   if (__builtin_expect(!has_template(m, output), 0)) {
      return no_output(m, output);
   }
   struct output *o = &m->out[output];
   return memset(o->record, 0, o->tmplt->static_size);
}

NM_PUBLIC void nm_copy(nm_module_t *m, uint32_t output, void *record, const void *rec)
{
   if (rec != NULL && m->view.in != NULL && has_template(m, output)) {
      ur_copy_fields(m->out[output].tmplt, record, m->view.in, rec);
   }
}

NM_PUBLIC void *nm_alert_n(nm_module_t *m, uint32_t output, const void *rec)
{
   void *record = nm_record(m, output);
   nm_copy(m, output, record, rec);
   return record;
}

NM_PUBLIC void *nm_alert(nm_module_t *m, const void *rec)
{
   return nm_alert_n(m, 0, rec);
}

NM_PUBLIC int nm_set_var(nm_module_t *m, uint32_t output, void *record, int field, const void *data,
                         uint32_t length)
{
   if (!has_template(m, output) || !ur_is_present(m->out[output].tmplt, field)) {
      nm_absent_(m, nm_out_n(m, output), field);
      return NM_ERROR;
   }
   int rc = length <= UR_MAX_SIZE ? ur_set_var(m->out[output].tmplt, record, field, data, (int) length)
                                  : UR_E_TOO_LONG;
   if (rc == UR_OK) {
      return NM_OK;
   }
   m->failed = true;
   return nm_fail(m, "field %s of output %s: %u bytes %s", ur_get_name(field), m->out[output].name, length,
                  rc == UR_E_TOO_LONG ? "make a record longer than 65535 bytes"
                                      : "cannot be set: the field has a fixed length");
}

NM_PUBLIC int nm_set_string(nm_module_t *m, uint32_t output, void *record, int field, const char *text)
{
   size_t n = strlen(text);
   return nm_set_var(m, output, record, field, text, n <= UINT32_MAX ? (uint32_t) n : UINT32_MAX);
}

/* ------------------------------------------------------------- sending */

/* What an output said that neither sent nor dropped, in the module's terms. */
static int error(nm_module_t *m, uint32_t output, int rc, const char *function)
{
   if (rc == TRAP_E_TERMINATED) {
      return NM_STOP;
   }
   return nm_fail(m, "output %s: %s() returned %d (%s)", nm_output_name(m, output), function, rc,
                  trap_ctx_get_last_error_msg(m->ctx));
}

static inline int sent(nm_module_t *m, uint32_t output, int rc, const char *function)
{
   if (__builtin_expect(rc == TRAP_E_OK, 1)) {
      m->sent++;
      return NM_OK;
   }
   if (rc == TRAP_E_TIMEOUT) {
      m->dropped++;
      return NM_OK;
   }
   m->dropped += rc == TRAP_E_TERMINATED; /* in hand when the module was stopped */
   return error(m, output, rc, function);
}

static inline int send_bytes(nm_module_t *m, uint32_t output, const void *data, uint16_t size)
{
   int rc = __builtin_expect(m->test != NULL, 0) ? test_sent(m, output, data, size)
                                                 : trap_ctx_send(m->ctx, output, data, size);
   return sent(m, output, rc, "trap_send");
}

NM_PUBLIC int nm_send_raw(nm_module_t *m, uint32_t output, const void *data, uint16_t size)
{
   int rc = m->test != NULL ? test_sent(m, output, data, size) : trap_ctx_send(m->ctx, output, data, size);
   if (rc == TRAP_E_OK || rc == TRAP_E_TIMEOUT || rc == TRAP_E_TERMINATED) {
      __atomic_fetch_add(rc == TRAP_E_OK ? &m->sent_raw : &m->dropped_raw, 1, __ATOMIC_RELAXED);
   }
   return rc == TRAP_E_OK || rc == TRAP_E_TIMEOUT ? NM_OK : error(m, output, rc, "trap_send");
}

NM_PUBLIC int nm_end_output(nm_module_t *m, uint32_t output)
{
   struct output *o = output < m->n_out ? &m->out[output] : NULL;
   if (o == NULL || !o->has_format || o->ended) {
      return NM_OK;
   }
   o->ended = true;
   uint16_t size = o->one_byte_record ? 0 : 1;
   int rc = m->test != NULL ? test_sent(m, output, "", 0) : trap_ctx_send(m->ctx, output, "", size);
   return rc == TRAP_E_OK || rc == TRAP_E_TIMEOUT ? NM_OK : error(m, output, rc, "trap_send");
}

NM_PUBLIC int nm_reserve(nm_module_t *m, uint32_t output, uint16_t size, void **room)
{
   if (m->test != NULL) {
      *room = test_room(m);
      return NM_OK;
   }
   int rc = trap_ctx_reserve(m->ctx, output, size, room);
   return rc == TRAP_E_OK ? NM_OK : sent(m, output, rc, "trap_reserve");
}

NM_PUBLIC int nm_commit(nm_module_t *m, uint32_t output, uint16_t size)
{
   if (m->test != NULL) {
      return send_bytes(m, output, test_room(m), size);
   }
   return sent(m, output, trap_ctx_commit(m->ctx, output, size), "trap_commit");
}

NM_PUBLIC int nm_send_n(nm_module_t *m, uint32_t output, const void *record)
{
   if (__builtin_expect(m->failed || !has_template(m, output), 0)) {
      no_output(m, output);
      return NM_ERROR; /* keep the message of the first error */
   }
   return send_bytes(m, output, record, ur_rec_size(m->out[output].tmplt, record));
}

NM_PUBLIC int nm_send(nm_module_t *m, const void *record)
{
   return nm_send_n(m, 0, record);
}

/* Records go out as they are when output and current input have the same format. */
static inline bool same_format(const nm_module_t *m, uint32_t output)
{
   return __builtin_expect(output < m->n_out && (m->out[output].same >> m->view.input & 1), 1);
}

static inline int forward(nm_module_t *m, uint32_t output, const void *rec, uint16_t size)
{
   if (same_format(m, output)) {
      return send_bytes(m, output, rec, size);
   }
   return nm_send_n(m, output, nm_alert_n(m, output, rec));
}

NM_PUBLIC int nm_forward(nm_module_t *m, uint32_t output, const void *rec)
{
   return forward(m, output, rec, m->view.size);
}

NM_PUBLIC int nm_forward_n(nm_module_t *m, uint32_t output, const nm_record_t *rec)
{
   return forward(m, output, rec->data, rec->size);
}

/* A record that is dropped after the timeout ends a batch of libtrap; those after it are another one, unless the module was stopped. */
static int send_batch(nm_module_t *m, uint32_t output, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   uint32_t i = 0;
   for (; rc == NM_OK && i < n; i++) {
      uint32_t done = 0;
      int code = trap_ctx_send_batch(m->ctx, output, recs + i, n - i, &done);
      i += done;
      m->sent += done;
      rc = code != TRAP_E_OK ? sent(m, output, code, "trap_send") : NM_OK;
   }
   m->dropped += rc == NM_STOP ? n - i : 0;
   return rc;
}

NM_PUBLIC int nm_send_batch(nm_module_t *m, uint32_t output, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   if (__builtin_expect(m->failed || !has_template(m, output), 0)) {
      no_output(m, output);
      return NM_ERROR; /* keep the message of the first error */
   }
   if (m->test == NULL) {
      return send_batch(m, output, recs, n);
   }
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      rc = send_bytes(m, output, recs[i].data, recs[i].size);
   }
   return rc;
}

NM_PUBLIC int nm_forward_batch(nm_module_t *m, uint32_t output, const nm_record_t *recs, uint32_t n)
{
   int rc = NM_OK;
   if (same_format(m, output) && m->test == NULL) {
      return send_batch(m, output, recs, n);
   }
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      rc = forward(m, output, recs[i].data, recs[i].size);
   }
   return rc;
}
