/* SPDX-License-Identifier: BSD-3-Clause */
/** Fields that are known by name, at run time. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static enum nm_load load_of(int type)
{
   switch (type) {
   case UR_TYPE_CHAR:
   case UR_TYPE_UINT8: return NM_LOAD_U8;
   case UR_TYPE_INT8: return NM_LOAD_I8;
   case UR_TYPE_UINT16: return NM_LOAD_U16;
   case UR_TYPE_INT16: return NM_LOAD_I16;
   case UR_TYPE_UINT32: return NM_LOAD_U32;
   case UR_TYPE_INT32: return NM_LOAD_I32;
   case UR_TYPE_UINT64:
   case UR_TYPE_TIME: return NM_LOAD_U64;
   case UR_TYPE_INT64: return NM_LOAD_I64;
   case UR_TYPE_FLOAT: return NM_LOAD_FLOAT;
   case UR_TYPE_DOUBLE: return NM_LOAD_DOUBLE;
   case UR_TYPE_IP:
   case UR_TYPE_MAC: return NM_LOAD_FIXED;
   default: return NM_LOAD_VARIABLE;
   }
}

NM_PUBLIC bool nm_field_find(nm_field_t *field, const ur_template_t *tmplt, const char *name)
{
   int id = ur_get_id_by_name(name);
   nm_field_t found = {.id = -1, .load = NM_LOAD_NONE};
   if (id >= 0 && tmplt != NULL && ur_is_present(tmplt, id)) {
      int size = ur_get_size(id);
      found = (nm_field_t){.id = (int16_t) id,
                           .type = (uint8_t) ur_get_type(id),
                           .load = (uint8_t) load_of(ur_get_type(id)),
                           .offset = tmplt->offset[id],
                           .static_size = tmplt->static_size,
                           .size = (uint16_t) abs(size)};
   }
   found.generation = field->generation;
   if (found.id != field->id || found.type != field->type || found.offset != field->offset ||
       found.static_size != field->static_size || found.load != field->load) {
      found.generation++;
   }
   *field = found;
   return found.load != NM_LOAD_NONE;
}

static int update(nm_module_t *m, const struct bound_field *b)
{
   const struct input *in = &m->in[b->input];
   bool there = nm_field_find(b->field, in->tmplt, b->name);
   if (!there && b->required) {
      return nm_fail(m, "input %s: its records have no field \"%s\"", in->name, b->name);
   }
   return NM_OK;
}

int fields_update(nm_module_t *m, uint32_t input)
{
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < m->n_fields; i++) {
      if (m->fields[i].input == input) {
         rc = update(m, &m->fields[i]);
      }
   }
   return rc;
}

NM_PUBLIC int nm_field_bind(nm_module_t *m, nm_field_t *field, uint32_t input, const char *name,
                            bool required)
{
   if (input >= m->n_in) {
      return nm_fail(m, "field \"%s\": input %u does not exist: there are %u", name, input, m->n_in);
   }
   struct bound_field *b = realloc(m->fields, (m->n_fields + 1) * sizeof(*b));
   if (b == NULL) {
      return nm_fail(m, "out of memory for field \"%s\"", name);
   }
   m->fields = b;
   *field = (nm_field_t){.id = -1};
   b[m->n_fields] = (struct bound_field){.field = field, .input = input, .name = name, .required = required};
   m->n_fields++;
   return m->in != NULL && m->in[input].format_known ? update(m, &b[m->n_fields - 1]) : NM_OK;
}

NM_PUBLIC int nm_field_set(const nm_field_t *f, const ur_template_t *tmplt, void *record, const void *data,
                           uint32_t length)
{
   switch (f->load) {
   case NM_LOAD_NONE: return UR_OK;
   case NM_LOAD_VARIABLE:
      return length <= UR_MAX_SIZE ? ur_set_var(tmplt, record, f->id, data, (int) length) : UR_E_TOO_LONG;
   default: memcpy(UR_AT_(record, f->offset), data, length < f->size ? length : f->size); return UR_OK;
   }
}
