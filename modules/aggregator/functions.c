/* SPDX-License-Identifier: BSD-3-Clause */
/** The aggregation functions. */
#include "functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Numbers to calculate with: neither characters nor times. */
static bool is_number(const nm_field_t *f)
{
   return (is_unsigned(f) && f->type != UR_TYPE_CHAR && f->type != UR_TYPE_TIME) || is_signed(f) ||
          is_float(f);
}

static enum action extreme(const nm_field_t *f, bool least)
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
   return f->type == UR_TYPE_IP ? (least ? ACT_MIN_BYTES : ACT_MAX_BYTES) : ACT_NONE;
}

static enum action action_of(const struct column *c)
{
   const nm_field_t *f = &c->in;
   bool array = nm_field_is_variable(f) && f->type != UR_TYPE_STRING && f->type != UR_TYPE_BYTES;
   switch (c->function) {
   case AGG_SUM: return !is_number(f) ? ACT_NONE : is_float(f) ? ACT_SUM_FLOAT : ACT_SUM_INTEGER;
   case AGG_AVG:
      return !is_number(f)  ? ACT_NONE
             : is_float(f)  ? ACT_SUM_FLOAT
             : is_signed(f) ? ACT_AVG_SIGNED
                            : ACT_AVG_UNSIGNED;
   case AGG_MIN: return extreme(f, true);
   case AGG_MAX: return extreme(f, false);
   case AGG_LAST: return f->type == UR_TYPE_MAC || array ? ACT_NONE : ACT_LAST;
   case AGG_FIRST_SET: return f->type == UR_TYPE_MAC ? ACT_NONE : ACT_FIRST_SET;
   case AGG_OR:
   case AGG_AND:
      return (!is_unsigned(f) && !is_signed(f)) || f->type == UR_TYPE_TIME ? ACT_NONE
             : c->function == AGG_OR                                       ? ACT_OR
                                                                           : ACT_AND;
   default: return ACT_NONE;
   }
}

static void warn_of_type(const struct column *c)
{
   const char *text = NULL;
   switch (c->function) {
   case AGG_SUM:
      text = "Only int, uint, float and double can use sum function, first assigned instead.";
      break;
   case AGG_AVG:
      text = "Only int, uint, float and double can use avg function, first assigned instead.";
      break;
   case AGG_MIN: text = "Only fixed length fields can use min function, first assigned instead."; break;
   case AGG_MAX: text = "Only fixed length fields can use max function, first assigned instead."; break;
   case AGG_OR:
   case AGG_AND: text = "Only int, uint and char can use bitwise functions, first assigned instead."; break;
   case AGG_LAST: text = "Type is not supported by current version of module, using first instead."; break;
   case AGG_FIRST_SET:
      fprintf(stderr, "agg: field %s: Type %s is not supported by firstne, using first instead.\n", c->name,
              ur_field_type_str[c->in.type]);
      return;
   default: return;
   }
   fprintf(stderr, "agg: field %s: %s\n", c->name, text);
}

void column_set_type(struct column *c)
{
   c->action = action_of(c);
   if (c->action == ACT_NONE) {
      warn_of_type(c);
   }
   switch (c->action) {
   case ACT_SUM_INTEGER:
   case ACT_MIN_UNSIGNED:
   case ACT_MAX_UNSIGNED:
   case ACT_MIN_SIGNED:
   case ACT_MAX_SIGNED:
   case ACT_OR:
   case ACT_AND: c->store = STORE_INTEGER; break;
   case ACT_AVG_UNSIGNED:
   case ACT_AVG_SIGNED: c->store = STORE_WIDE; break;
   case ACT_SUM_FLOAT:
   case ACT_MIN_FLOAT:
   case ACT_MAX_FLOAT: c->store = STORE_FLOAT; break;
   default: c->store = nm_field_is_variable(&c->in) ? STORE_VARIABLE : STORE_BYTES;
   }
}

uint32_t column_size(const struct column *c)
{
   switch (c->store) {
   case STORE_WIDE: return sizeof(wide_t);
   case STORE_VARIABLE: return sizeof(struct variable);
   case STORE_BYTES: return c->in.size;
   default: return 8;
   }
}

void variable_free(struct variable *v, uint64_t *bytes)
{
   *bytes -= v->length;
   free(v->data);
   *v = (struct variable){0};
}

bool variable_set(struct variable *v, const void *data, uint32_t length, uint64_t *bytes)
{
   if (length == 0) {
      variable_free(v, bytes);
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

static bool keep(const struct column *c, void *value, const void *rec, uint64_t *bytes)
{
   uint32_t length;
   const void *data = nm_field_data(&c->in, rec, &length);
   if (c->store == STORE_VARIABLE) {
      return variable_set(value, data, length, bytes);
   }
   memcpy(value, data, c->in.size);
   return true;
}

bool column_start(const struct column *c, void *value, const void *rec, uint64_t *bytes)
{
   switch (c->store) {
   case STORE_INTEGER: *(uint64_t *) value = nm_field_u64(&c->in, rec); return true;
   case STORE_FLOAT: *(double *) value = nm_field_double(&c->in, rec); return true;
   case STORE_WIDE: {
      wide_t w = c->action == ACT_AVG_SIGNED ? (wide_t) nm_field_i64(&c->in, rec)
                                             : (wide_t) nm_field_u64(&c->in, rec);
      memcpy(value, &w, sizeof(w));
      return true;
   }
   default: return keep(c, value, rec, bytes);
   }
}

static bool is_set(const struct column *c, const void *value)
{
   if (c->store == STORE_VARIABLE) {
      return ((const struct variable *) value)->length > 0;
   }
   for (uint32_t i = 0; i < c->in.size; i++) {
      if (((const char *) value)[i] != 0) {
         return true;
      }
   }
   return false;
}

static void add_wide(const struct column *c, void *value, const void *rec)
{
   wide_t w;
   memcpy(&w, value, sizeof(w));
   w += c->action == ACT_AVG_SIGNED ? (wide_t) nm_field_i64(&c->in, rec) : (wide_t) nm_field_u64(&c->in, rec);
   memcpy(value, &w, sizeof(w));
}

static void keep_extreme(const struct column *c, void *value, const void *rec)
{
   const void *data = nm_field_data(&c->in, rec, NULL);
   int order = memcmp(data, value, c->in.size);
   if (c->action == ACT_MIN_BYTES ? order < 0 : order > 0) {
      memcpy(value, data, c->in.size);
   }
}

bool column_add(const struct column *c, void *value, const void *rec, uint64_t *bytes)
{
   uint64_t *u = value;
   int64_t *i = value;
   double *d = value;
   switch (c->action) {
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

bool column_result(const struct column *c, const void *value, uint32_t count, const ur_template_t *tmplt,
                   void *record)
{
   switch (c->store) {
   case STORE_INTEGER: set_integer(&c->out, record, *(const uint64_t *) value); return true;
   case STORE_FLOAT:
      set_float(&c->out, record, *(const double *) value / (c->function == AGG_AVG ? (double) count : 1));
      return true;
   case STORE_WIDE: {
      wide_t w;
      memcpy(&w, value, sizeof(w));
      set_integer(&c->out, record,
                  c->action == ACT_AVG_SIGNED ? (uint64_t) (w / (wide_t) count)
                                              : (uint64_t) ((unsigned_wide_t) w / count));
      return true;
   }
   case STORE_VARIABLE: {
      const struct variable *v = value;
      return nm_field_set(&c->out, tmplt, record, v->length > 0 ? v->data : "", v->length) == UR_OK;
   }
   default: return nm_field_set(&c->out, tmplt, record, value, c->in.size) == UR_OK;
   }
}
