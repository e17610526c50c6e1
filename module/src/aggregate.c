/* SPDX-License-Identifier: BSD-3-Clause */
/** The aggregation functions. */
#include "internal.h"

#include <nemea/aggregate.h>
#include <stdlib.h>
#include <string.h>

enum nm_action {
   ACT_NONE, /* the first value stays; keys too */
   ACT_SUM_INTEGER,
   ACT_SUM_FLOAT,
   ACT_AVG_UNSIGNED,
   ACT_AVG_SIGNED,
   ACT_MIN_UNSIGNED,
   ACT_MAX_UNSIGNED,
   ACT_MIN_SIGNED,
   ACT_MAX_SIGNED,
   ACT_MIN_FLOAT,
   ACT_MAX_FLOAT,
   ACT_MIN_BYTES,
   ACT_MAX_BYTES,
   ACT_OR,
   ACT_AND,
   ACT_LAST,
   ACT_FIRST_SET,
   ACT_LAST_SET
};

__extension__ typedef __int128 wide_t;
__extension__ typedef unsigned __int128 unsigned_wide_t;

static bool is_unsigned(const nm_field_t *f)
{
   return f->type == UR_TYPE_CHAR || f->type == UR_TYPE_UINT8 || f->type == UR_TYPE_UINT16 ||
          f->type == UR_TYPE_UINT32 || f->type == UR_TYPE_UINT64 || f->type == UR_TYPE_TIME;
}

static bool is_signed(const nm_field_t *f)
{
   return f->type == UR_TYPE_INT8 || f->type == UR_TYPE_INT16 || f->type == UR_TYPE_INT32 ||
          f->type == UR_TYPE_INT64;
}

static bool is_float(const nm_field_t *f)
{
   return f->type == UR_TYPE_FLOAT || f->type == UR_TYPE_DOUBLE;
}

/* Numbers to calculate with; characters are. */
static bool is_number(const nm_field_t *f)
{
   return (is_unsigned(f) && f->type != UR_TYPE_TIME) || is_signed(f) || is_float(f);
}

static enum nm_action extreme(const nm_field_t *f, bool least)
{
   if (is_unsigned(f)) {
      return least ? ACT_MIN_UNSIGNED : ACT_MAX_UNSIGNED;
   }
   if (is_signed(f)) {
      return least ? ACT_MIN_SIGNED : ACT_MAX_SIGNED;
   }
   if (is_float(f)) {
      return least ? ACT_MIN_FLOAT : ACT_MAX_FLOAT;
   }
   return f->load == NM_LOAD_FIXED ? (least ? ACT_MIN_BYTES : ACT_MAX_BYTES) : ACT_NONE;
}

static enum nm_action action_of(const nm_column_t *c)
{
   const nm_field_t *f = &c->in;
   switch (c->function) {
   case NM_AGG_SUM: return !is_number(f) ? ACT_NONE : is_float(f) ? ACT_SUM_FLOAT : ACT_SUM_INTEGER;
   case NM_AGG_AVG:
      return !is_number(f)  ? ACT_NONE
             : is_float(f)  ? ACT_SUM_FLOAT
             : is_signed(f) ? ACT_AVG_SIGNED
                            : ACT_AVG_UNSIGNED;
   case NM_AGG_MIN: return extreme(f, true);
   case NM_AGG_MAX: return extreme(f, false);
   case NM_AGG_LAST: return ACT_LAST;
   case NM_AGG_FIRST_SET: return ACT_FIRST_SET;
   case NM_AGG_LAST_SET: return ACT_LAST_SET;
   case NM_AGG_OR:
   case NM_AGG_AND:
      return (!is_unsigned(f) && !is_signed(f)) || f->type == UR_TYPE_TIME ? ACT_NONE
             : c->function == NM_AGG_OR                                    ? ACT_OR
                                                                           : ACT_AND;
   default: return ACT_NONE;
   }
}

NM_PUBLIC bool nm_column_set_type(nm_column_t *c, bool known)
{
   enum nm_action action = known ? action_of(c) : ACT_NONE;
   c->action = (uint8_t) action;
   switch (action) {
   case ACT_SUM_INTEGER:
   case ACT_MIN_UNSIGNED:
   case ACT_MAX_UNSIGNED:
   case ACT_MIN_SIGNED:
   case ACT_MAX_SIGNED:
   case ACT_OR:
   case ACT_AND: c->store = NM_STORE_INTEGER; break;
   case ACT_AVG_UNSIGNED:
   case ACT_AVG_SIGNED: c->store = NM_STORE_WIDE; break;
   case ACT_SUM_FLOAT:
   case ACT_MIN_FLOAT:
   case ACT_MAX_FLOAT: c->store = NM_STORE_FLOAT; break;
   default: c->store = nm_field_is_variable(&c->in) ? NM_STORE_VARIABLE : NM_STORE_BYTES;
   }
   return action != ACT_NONE || c->function == NM_AGG_KEY || c->function == NM_AGG_FIRST;
}

NM_PUBLIC uint32_t nm_column_size(const nm_column_t *c)
{
   switch (c->store) {
   case NM_STORE_WIDE: return sizeof(wide_t);
   case NM_STORE_VARIABLE: return sizeof(nm_variable_t);
   case NM_STORE_BYTES: return c->in.size;
   default: return 8;
   }
}

NM_PUBLIC void nm_variable_free(nm_variable_t *v, uint64_t *bytes)
{
   *bytes -= v->length;
   free(v->data);
   *v = (nm_variable_t){0};
}

NM_PUBLIC bool nm_variable_set(nm_variable_t *v, const void *data, uint32_t length, uint64_t *bytes)
{
   if (length == 0) {
      nm_variable_free(v, bytes);
      return true;
   }
   if (length != v->length) {
      char *fitting = realloc(v->data, length);
      if (fitting == NULL) {
         return false;
      }
      v->data = fitting;
   }
   memcpy(v->data, data, length);
   *bytes += length;
   *bytes -= v->length;
   v->length = length;
   return true;
}

static bool keep(const nm_column_t *c, void *value, const void *rec, uint64_t *bytes)
{
   uint32_t length;
   const void *data = nm_field_data(&c->in, rec, &length);
   if (c->store == NM_STORE_VARIABLE) {
      return nm_variable_set(value, data, length, bytes);
   }
   memcpy(value, data, c->in.size);
   return true;
}

NM_PUBLIC bool nm_column_start(const nm_column_t *c, void *value, const void *rec, uint64_t *bytes)
{
   switch (c->store) {
   case NM_STORE_INTEGER: *(uint64_t *) value = nm_field_u64(&c->in, rec); return true;
   case NM_STORE_FLOAT: *(double *) value = nm_field_double(&c->in, rec); return true;
   case NM_STORE_WIDE: {
      wide_t w = c->action == ACT_AVG_SIGNED ? (wide_t) nm_field_i64(&c->in, rec)
                                             : (wide_t) nm_field_u64(&c->in, rec);
      memcpy(value, &w, sizeof(w));
      return true;
   }
   default: return keep(c, value, rec, bytes);
   }
}

static bool is_set(const nm_column_t *c, const void *value)
{
   if (c->store == NM_STORE_VARIABLE) {
      return ((const nm_variable_t *) value)->length > 0;
   }
   for (uint32_t i = 0; i < c->in.size; i++) {
      if (((const char *) value)[i] != 0) {
         return true;
      }
   }
   return false;
}

static void add_wide(const nm_column_t *c, void *value, const void *rec)
{
   wide_t w;
   memcpy(&w, value, sizeof(w));
   w += c->action == ACT_AVG_SIGNED ? (wide_t) nm_field_i64(&c->in, rec) : (wide_t) nm_field_u64(&c->in, rec);
   memcpy(value, &w, sizeof(w));
}

static void keep_extreme(const nm_column_t *c, void *value, const void *rec)
{
   const void *data = nm_field_data(&c->in, rec, NULL);
   int order = memcmp(data, value, c->in.size);
   if (c->action == ACT_MIN_BYTES ? order < 0 : order > 0) {
      memcpy(value, data, c->in.size);
   }
}

/* Is a value of a record neither zero nor empty? */
static bool record_is_set(const nm_column_t *c, const void *rec)
{
   uint32_t length;
   const char *data = nm_field_data(&c->in, rec, &length);
   uint32_t i = 0;
   if (nm_field_is_variable(&c->in)) {
      return length > 0;
   }
   while (i < length && data[i] == 0) {
      i++;
   }
   return i < length;
}

NM_PUBLIC bool nm_column_add(const nm_column_t *c, void *value, const void *rec, uint64_t *bytes)
{
   uint64_t *u = value;
   int64_t *i = value;
   double *d = value;
   switch ((enum nm_action) c->action) {
   case ACT_NONE: break;
   case ACT_SUM_INTEGER: *u += nm_field_u64(&c->in, rec); break;
   case ACT_SUM_FLOAT: *d += nm_field_double(&c->in, rec); break;
   case ACT_AVG_UNSIGNED:
   case ACT_AVG_SIGNED: add_wide(c, value, rec); break;
   case ACT_MIN_UNSIGNED: *u = nm_field_u64(&c->in, rec) < *u ? nm_field_u64(&c->in, rec) : *u; break;
   case ACT_MAX_UNSIGNED: *u = nm_field_u64(&c->in, rec) > *u ? nm_field_u64(&c->in, rec) : *u; break;
   case ACT_MIN_SIGNED: *i = nm_field_i64(&c->in, rec) < *i ? nm_field_i64(&c->in, rec) : *i; break;
   case ACT_MAX_SIGNED: *i = nm_field_i64(&c->in, rec) > *i ? nm_field_i64(&c->in, rec) : *i; break;
   case ACT_MIN_FLOAT: *d = nm_field_double(&c->in, rec) < *d ? nm_field_double(&c->in, rec) : *d; break;
   case ACT_MAX_FLOAT: *d = nm_field_double(&c->in, rec) > *d ? nm_field_double(&c->in, rec) : *d; break;
   case ACT_MIN_BYTES:
   case ACT_MAX_BYTES: keep_extreme(c, value, rec); break;
   case ACT_OR: *u |= nm_field_u64(&c->in, rec); break;
   case ACT_AND: *u &= nm_field_u64(&c->in, rec); break;
   case ACT_LAST: return keep(c, value, rec, bytes);
   case ACT_LAST_SET: return !record_is_set(c, rec) || keep(c, value, rec, bytes);
   case ACT_FIRST_SET: return is_set(c, value) || keep(c, value, rec, bytes);
   }
   return true;
}

/* Writes the low bytes of an integer as the field's type, where a sum wraps. */
static void set_integer(const nm_field_t *f, void *record, uint64_t value)
{
   char *to = UR_AT_(record, f->offset);
   uint8_t u8 = (uint8_t) value;
   uint16_t u16 = (uint16_t) value;
   uint32_t u32 = (uint32_t) value;
   switch (f->size) {
   case 1: memcpy(to, &u8, 1); break;
   case 2: memcpy(to, &u16, 2); break;
   case 4: memcpy(to, &u32, 4); break;
   default: memcpy(to, &value, 8);
   }
}

static void set_float(const nm_field_t *f, void *record, double value)
{
   char *to = UR_AT_(record, f->offset);
   float narrow = (float) value;
   if (f->size == sizeof(narrow)) {
      memcpy(to, &narrow, sizeof(narrow));
   } else {
      memcpy(to, &value, sizeof(value));
   }
}

NM_PUBLIC bool nm_column_result(const nm_column_t *c, const void *value, uint32_t count,
                                const ur_template_t *tmplt, void *record)
{
   if (!nm_field_present(&c->out)) {
      return true;
   }
   switch (c->store) {
   case NM_STORE_INTEGER: set_integer(&c->out, record, *(const uint64_t *) value); return true;
   case NM_STORE_FLOAT:
      set_float(&c->out, record, *(const double *) value / (c->function == NM_AGG_AVG ? (double) count : 1));
      return true;
   case NM_STORE_WIDE: {
      wide_t w;
      memcpy(&w, value, sizeof(w));
      set_integer(&c->out, record,
                  c->action == ACT_AVG_SIGNED ? (uint64_t) (w / (wide_t) count)
                                              : (uint64_t) ((unsigned_wide_t) w / count));
      return true;
   }
   case NM_STORE_VARIABLE: {
      const nm_variable_t *v = value;
      return nm_field_set(&c->out, tmplt, record, v->length > 0 ? v->data : "", v->length) == UR_OK;
   }
   default: return nm_field_set(&c->out, tmplt, record, value, c->in.size) == UR_OK;
   }
}
