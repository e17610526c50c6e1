/* SPDX-License-Identifier: BSD-3-Clause */
#include "columns.h"

#include <nemea-common/nc_hash.h>
#include <stdlib.h>

#define FINGERPRINT 16 /* bytes that stand for a key of variable length */

static const char *const biflow_keys[][2] = {{"SRC_IP", "DST_IP"},
                                             {"DST_IP", "SRC_IP"},
                                             {"SRC_PORT", "DST_PORT"},
                                             {"DST_PORT", "SRC_PORT"},
                                             {"PROTOCOL", NULL}};
#define BIFLOW_KEYS (sizeof(biflow_keys) / sizeof(biflow_keys[0]))

/* ------------------------------------------------------------------- pairs */

static const struct field_config *find(const struct config *config, const char *name)
{
   for (uint32_t i = 0; i < config->n; i++) {
      if (strcmp(config->fields[i].name, name) == 0) {
         return &config->fields[i];
      }
   }
   return NULL;
}

static bool same_text(const char *a, const char *b)
{
   return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Is the reverse of a field in the output, with the same function? */
static bool is_paired(const struct config *config, const struct field_config *f)
{
   const struct field_config *r = find(config, f->reverse);
   return r != NULL && same_text(r->reverse, f->name) && r->function == f->function && r->size == f->size &&
          r->delimiter == f->delimiter && r->descending == f->descending &&
          same_text(r->sort_key, f->sort_key);
}

/* All of the five keys: both directions are one flow, and then each must say its reverse. */
static int set_biflow(nm_module_t *m, struct columns *c, const struct config *config)
{
   c->biflow = true;
   for (size_t i = 0; i < BIFLOW_KEYS; i++) {
      const struct field_config *f = find(config, biflow_keys[i][0]);
      c->biflow &= f != NULL && f->function == FN_KEY;
   }
   for (size_t i = 0; c->biflow && i < BIFLOW_KEYS; i++) {
      const struct field_config *f = find(config, biflow_keys[i][0]);
      if (biflow_keys[i][1] != NULL && !same_text(f->reverse, biflow_keys[i][1])) {
         return nm_fail(m, "Invalid combination of name/reverse name. Expected %s/%s", biflow_keys[i][0],
                        biflow_keys[i][1]);
      }
   }
   for (uint32_t i = 0; c->biflow && i < config->n; i++) {
      const struct field_config *f = &config->fields[i];
      if (f->function == FN_KEY && f->reverse != NULL && strcmp(f->reverse, f->name) != 0 &&
          !is_paired(config, f)) {
         return nm_fail(m,
                        "Invalid combination of name/reverse name. %s must be a KEY with the reverse name %s",
                        f->reverse, f->name);
      }
   }
   return NM_OK;
}

static void add_column(struct columns *c, const struct field_config *f, bool paired, bool hidden)
{
   struct column *column = &c->columns[c->n++];
   bool reverse = c->biflow && f->reverse != NULL;
   *column =
       (struct column){.config = f, .hidden = hidden, .paired = paired, .is_list = f->function >= FN_APPEND};
   column->value[SAME].name = hidden ? f->reverse : f->name;
   column->value[EXCHANGED].name = reverse && !hidden ? f->reverse : f->name;
}

int columns_make(nm_module_t *m, struct columns *c, const struct config *config)
{
   c->columns = calloc(2 * (size_t) config->n + 1, sizeof(*c->columns));
   if (c->columns == NULL) {
      return nm_fail(m, "out of memory");
   }
   int rc = set_biflow(m, c, config);
   for (uint32_t i = 0; rc == NM_OK && i < config->n; i++) {
      const struct field_config *f = &config->fields[i];
      bool reverse = c->biflow && f->reverse != NULL && strcmp(f->reverse, f->name) != 0;
      bool paired = reverse && is_paired(config, f);
      add_column(c, f, paired, false);
      if (reverse && !paired) {
         add_column(c, f, false, true);
      }
   }
   return rc;
}

void columns_free(struct columns *c)
{
   free(c->columns);
   *c = (struct columns){0};
}

/* ------------------------------------------------------------------- types */

static bool is_integer(int type)
{
   return (type >= UR_TYPE_UINT8 && type <= UR_TYPE_INT64) || type == UR_TYPE_CHAR;
}

static bool is_number(int type)
{
   return is_integer(type) || type == UR_TYPE_FLOAT || type == UR_TYPE_DOUBLE;
}

static bool is_array(int type)
{
   return type >= UR_TYPE_A_UINT8;
}

static bool is_address(int type)
{
   return type == UR_TYPE_IP || type == UR_TYPE_MAC;
}

/* What a function can work with; NULL: it can with this type. */
static const char *refused(enum function function, int type)
{
   switch (function) {
   case FN_KEY: return is_array(type) ? "Arrays cannot be a KEY." : NULL;
   case FN_SUM:
   case FN_AVG:
      return is_number(type) ? NULL
                             : "Only char, int, uint, float and double can be used to SUM and AVG function.";
   case FN_MIN:
   case FN_MAX:
      return is_number(type) || is_address(type) || type == UR_TYPE_TIME
                 ? NULL
                 : "Only char, int, uint, float, double, ipaddr, macaddr and time can be used to MIN and MAX "
                   "function.";
   case FN_FIRST:
   case FN_FIRST_NON_EMPTY:
   case FN_LAST:
   case FN_LAST_NON_EMPTY:
      return is_number(type) || is_address(type) || type == UR_TYPE_STRING
                 ? NULL
                 : "Only char, int, uint, float, double, ipaddr, macaddr and string can be used to FIRST and "
                   "LAST functions.";
   case FN_BITAND:
   case FN_BITOR:
      return is_integer(type) ? NULL : "Only char, int and uint can be used to BITAND and BITOR function.";
   case FN_APPEND:
      return is_array(type) || type == UR_TYPE_STRING
                 ? NULL
                 : "Only string and arrays can be used to APPEND function.";
   case FN_UNIQUE_COUNT:
      return (is_integer(type) && type != UR_TYPE_CHAR) || is_address(type) || type == UR_TYPE_STRING
                 ? NULL
                 : "Only int, uint, ipaddr, macaddr and string can be used to UNIQUE_COUNT function.";
   case FN_SORTED_MERGE:
      return is_array(type) || type == UR_TYPE_STRING
                 ? NULL
                 : "Only string and arrays can be used to SORTED_MERGE function.";
   default: return type == UR_TYPE_A_INT8 ? NULL : "Only int8* can be used to SORTED_MERGE_DIR function.";
   }
}

static enum nm_aggregate aggregate_of(enum function function)
{
   static const enum nm_aggregate same[] = {[FN_KEY] = NM_AGG_KEY,
                                            [FN_SUM] = NM_AGG_SUM,
                                            [FN_MIN] = NM_AGG_MIN,
                                            [FN_MAX] = NM_AGG_MAX,
                                            [FN_AVG] = NM_AGG_AVG,
                                            [FN_FIRST] = NM_AGG_FIRST,
                                            [FN_LAST] = NM_AGG_LAST,
                                            [FN_BITAND] = NM_AGG_AND,
                                            [FN_FIRST_NON_EMPTY] = NM_AGG_FIRST_SET,
                                            [FN_BITOR] = NM_AGG_OR,
                                            [FN_LAST_NON_EMPTY] = NM_AGG_LAST_SET};
   return same[function];
}

/* ----------------------------------------------------------------- binding */

static int find_key(nm_module_t *m, struct column *col, int direction)
{
   struct list_column *l = &col->list[direction];
   const struct field_config *f = col->config;
   if (!nm_field_find(&l->key, nm_in(m), f->sort_key)) {
      return nm_fail(m, "Requested field %s is not in input records, cannot continue.", f->sort_key);
   }
   if (!is_array(l->key.type) || l->key.type == UR_TYPE_A_MAC ||
       (f->function == FN_SORTED_MERGE_DIR && l->key.type != UR_TYPE_A_TIME)) {
      return nm_fail(m, "field %s: the sort key %s is %s, expected %s", f->name, f->sort_key,
                     ur_field_type_str[l->key.type],
                     f->function == FN_SORTED_MERGE_DIR ? "time*"
                                                        : "an array of numbers, times or addresses");
   }
   return NM_OK;
}

static int bind_direction(nm_module_t *m, struct column *col, int direction)
{
   nm_column_t *v = &col->value[direction];
   const struct field_config *f = col->config;
   if (!nm_field_find(&v->in, nm_in(m), v->name)) {
      return nm_fail(m, "Requested field %s is not in input records, cannot continue.", v->name);
   }
   const char *reason = refused(f->function, v->in.type);
   if (reason != NULL) {
      return nm_fail(m, "field %s is %s: %s", v->name, ur_field_type_str[v->in.type], reason);
   }
   if (col->is_list) {
      col->list[direction] =
          (struct list_column){.function = f->function,
                               .in = v->in,
                               .size = f->size,
                               .delimiter = f->delimiter,
                               .descending = f->descending,
                               .negate = f->function == FN_SORTED_MERGE_DIR && direction == EXCHANGED};
      return f->sort_key != NULL && f->function >= FN_SORTED_MERGE ? find_key(m, col, direction) : NM_OK;
   }
   v->function = aggregate_of(f->function);
   nm_column_set_type(v, true);
   return NM_OK;
}

int columns_bind(nm_module_t *m, struct columns *c)
{
   int rc = NM_OK;
   c->key_size = c->value_size = c->n_keys = 0;
   c->growing = false;
   for (uint32_t i = 0; rc == NM_OK && i < c->n; i++) {
      struct column *col = &c->columns[i];
      nm_column_t *v = col->value;
      for (int d = SAME; rc == NM_OK && d <= EXCHANGED; d++) {
         rc = bind_direction(m, col, d);
      }
      if (rc != NM_OK) {
         return rc;
      }
      if (v[SAME].in.type != v[EXCHANGED].in.type) {
         return nm_fail(m,
                        "Name and reverse name field size is not equal, cannot continue. %s is %s, %s is %s",
                        v[SAME].name, ur_field_type_str[v[SAME].in.type], v[EXCHANGED].name,
                        ur_field_type_str[v[EXCHANGED].in.type]);
      }
      bool key = col->config->function == FN_KEY;
      col->in_key = key && !nm_field_is_variable(&v[SAME].in);
      c->growing |= col->is_list || (!col->in_key && v[SAME].store == NM_STORE_VARIABLE);
      col->key_offset = c->key_size;
      col->offset = c->value_size;
      if (key) {
         c->keys[c->n_keys++] = (uint16_t) i;
      }
      c->key_size += col->in_key ? v[SAME].in.size : key ? FINGERPRINT : 0;
      c->value_size += col->in_key    ? 0
                       : col->is_list ? (uint32_t) sizeof(struct list)
                                      : (nm_column_size(&v[SAME]) + 7) & ~7u;
   }
   nm_field_find(&c->source, nm_in(m), "SRC_IP");
   nm_field_find(&c->target, nm_in(m), "DST_IP");
   if (c->biflow && (c->source.type != UR_TYPE_IP || c->target.type != UR_TYPE_IP)) {
      return nm_fail(m, "fields SRC_IP and DST_IP must be of type ipaddr");
   }
   c->key_size = (c->key_size + 8) & ~7u; /* never empty; whole words are hashed fastest */
   return NM_OK;
}

/* Name of the field that a column writes. */
static void output_name(const struct column *col, const char *name, char *text, size_t size)
{
   snprintf(text, size, "%s%s", name, col->config->function == FN_UNIQUE_COUNT ? "_UNIQUE_COUNT" : "");
}

static char *output_fields(const struct columns *c)
{
   char *fields = NULL, name[300];
   size_t size;
   FILE *text = open_memstream(&fields, &size);
   if (text == NULL) {
      return NULL;
   }
   fprintf(text, "time TIME_FIRST,time TIME_LAST,uint32 COUNT");
   for (uint32_t i = 0; i < c->n; i++) {
      const struct column *col = &c->columns[i];
      if (!col->hidden) {
         output_name(col, col->config->name, name, sizeof(name));
         fprintf(text, ",%s %s",
                 col->config->function == FN_UNIQUE_COUNT ? "uint32"
                                                          : ur_field_type_str[col->value[SAME].in.type],
                 name);
      }
   }
   if (fclose(text) != 0) {
      free(fields);
      return NULL;
   }
   return fields;
}

int columns_set_output(nm_module_t *m, struct columns *c)
{
   char *fields = output_fields(c), name[300];
   int rc = fields != NULL ? nm_set_output(m, 0, fields) : nm_fail(m, "out of memory");
   free(fields);
   for (uint32_t i = 0; rc == NM_OK && i < c->n; i++) {
      struct column *col = &c->columns[i];
      bool alone = c->biflow && !col->paired && col->config->reverse != NULL &&
                   strcmp(col->config->reverse, col->config->name) != 0;
      for (int d = SAME; d <= EXCHANGED; d++) {
         nm_field_t *out = &col->value[d].out;
         *out = (nm_field_t){.id = -1};
         /* A field without a partner is written by itself or by its hidden one, whose ever direction it is. */
         if (!alone || col->hidden == (d == EXCHANGED)) {
            output_name(col, col->hidden || alone ? col->config->name : col->value[d].name, name,
                        sizeof(name));
            nm_field_find(out, nm_out(m), name);
         }
      }
   }
   return rc;
}

/* ----------------------------------------------------------------- records */

enum direction columns_direction(const struct columns *c, const void *rec)
{
   if (!c->biflow) {
      return SAME;
   }
   uint64_t source[2], target[2];
   memcpy(source, nm_field_data(&c->source, rec, NULL), sizeof(source));
   memcpy(target, nm_field_data(&c->target, rec, NULL), sizeof(target));
   return source[1] > target[1] || (source[1] == target[1] && source[0] > target[0]) ? EXCHANGED : SAME;
}

/* Two keyed hashes stand for a value of variable length: nobody can find two values that share them. */
static void fingerprint(const void *data, uint32_t length, uint8_t *to)
{
   uint64_t h[2] = {nc_hash_long(data, length, nc_hash_key_.sip),
                    nc_hash_long(data, length, nc_hash_key_.mix)};
   memcpy(to, h, FINGERPRINT);
}

void columns_key(const struct columns *c, const void *rec, enum direction direction, uint8_t *key)
{
   memset(key + c->key_size - 8, 0, 8); /* padding after the last field */
   for (uint32_t i = 0; i < c->n_keys; i++) {
      const struct column *col = &c->columns[c->keys[i]];
      const nm_field_t *in = &col->value[direction].in;
      if (col->in_key) {
         memcpy(key + col->key_offset, UR_AT_(rec, in->offset), in->size);
      } else {
         uint32_t length;
         const void *data = nm_field_data(in, rec, &length);
         fingerprint(data, length, key + col->key_offset);
      }
   }
}

static void *value_of(const struct column *col, void *values)
{
   return (char *) values + col->offset;
}

bool columns_start(const struct columns *c, void *values, const void *rec, enum direction direction,
                   uint64_t *bytes)
{
   bool good = true;
   for (uint32_t i = 0; i < c->n; i++) {
      const struct column *col = &c->columns[i];
      if (col->is_list) {
         list_free(value_of(col, values), bytes);
         good &= list_add(&col->list[direction], value_of(col, values), rec, bytes);
      } else if (!col->in_key) {
         good &= nm_column_start(&col->value[direction], value_of(col, values), rec, bytes);
      }
   }
   return good;
}

bool columns_add(const struct columns *c, void *values, const void *rec, enum direction direction,
                 uint64_t *bytes)
{
   bool good = true;
   for (uint32_t i = 0; i < c->n; i++) {
      const struct column *col = &c->columns[i];
      if (col->is_list) {
         good &= list_add(&col->list[direction], value_of(col, values), rec, bytes);
      } else if (col->value[SAME].action != 0) {
         good &= nm_column_add(&col->value[direction], value_of(col, values), rec, bytes);
      }
   }
   return good;
}

bool columns_result(nm_module_t *m, const struct columns *c, const void *key, const void *values,
                    uint32_t records, enum direction direction, void *record)
{
   const ur_template_t *tmplt = nm_out(m);
   bool good = true;
   for (uint32_t i = 0; i < c->n; i++) {
      const struct column *col = &c->columns[i];
      const nm_column_t *v = &col->value[direction];
      const void *value = (const char *) values + col->offset;
      if (col->is_list) {
         good &= list_result(&col->list[SAME], value, direction == EXCHANGED, &v->out, tmplt, record);
      } else if (col->in_key) {
         good &=
             nm_field_set(&v->out, tmplt, record, (const char *) key + col->key_offset, v->out.size) == UR_OK;
      } else {
         good &= nm_column_result(v, value, records, tmplt, record);
      }
   }
   return good;
}

void columns_free_values(const struct columns *c, void *values, uint64_t *bytes)
{
   for (uint32_t i = 0; c->growing && i < c->n; i++) {
      const struct column *col = &c->columns[i];
      if (col->is_list) {
         list_free(value_of(col, values), bytes);
      } else if (!col->in_key && col->value[SAME].store == NM_STORE_VARIABLE) {
         nm_variable_free(value_of(col, values), bytes);
      }
   }
}
