/* SPDX-License-Identifier: BSD-3-Clause */
#include "elements.h"

#include <ctype.h>
#include <errno.h>
#include <nemea-common/nc_text.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ERRORS   20 /* that are told; the others are counted */
#define MAX_ELEMENTS 32 /* of a field */
#define NAME_LENGTH  63
#define BASIC_LIST   291

extern const char fc_elements_text[];

struct field {
   char name[NAME_LENGTH + 1];
   ur_field_type_t type;
   unsigned line;
   uint8_t internal; /* enum fc_elements_internal */
   bool trim;
};

struct fc_elements {
   struct field *fields;        /* by name */
   struct fc_element *elements; /* by number */
   size_t n_fields, n_elements;
};

struct reader {
   const char *file;
   unsigned line;
   unsigned n_errors;
   FILE *errors;
   struct fc_elements *table;
   bool no_memory;
};

struct text {
   const char *p;
   size_t length;
};

/* --------------------------------------------------------------------- errors */

__attribute__((format(printf, 2, 3))) static bool fail(struct reader *r, const char *format, ...)
{
   if (++r->n_errors <= MAX_ERRORS) {
      char before[300];
      snprintf(before, sizeof(before), "%.200s:%u: ", r->file, r->line);
      va_list ap;
      va_start(ap, format);
      nc_text_vline(r->errors, before, format, ap);
      va_end(ap);
   }
   return false;
}

#define SHOW(t) (int) ((t).length < 80 ? (t).length : 80), (t).p

/* ---------------------------------------------------------------------- parse */

static bool text_is(struct text t, const char *s)
{
   return t.length == strlen(s) && memcmp(t.p, s, t.length) == 0;
}

/* Takes the next word of a line. \return false: there is none */
static bool next_word(struct text *line, struct text *word)
{
   while (line->length > 0 && isspace((unsigned char) *line->p)) {
      line->p++;
      line->length--;
   }
   word->p = line->p;
   while (line->length > 0 && !isspace((unsigned char) *line->p)) {
      line->p++;
      line->length--;
   }
   word->length = (size_t) (line->p - word->p);
   return word->length > 0;
}

/* Takes a number. \return false: there is none, or it is larger than max */
static bool take_number(struct text *t, uint64_t max, uint64_t *value)
{
   size_t i = 0;
   *value = 0;
   for (; i < t->length && isdigit((unsigned char) t->p[i]); i++) {
      *value = *value * 10 + (uint64_t) (t->p[i] - '0');
      if (*value > max) {
         return false;
      }
   }
   t->p += i;
   t->length -= i;
   return i > 0;
}

/* "eXidY", "SCOPE:NAME". \return false: neither */
static bool read_element(struct text t, struct fc_ie *ie)
{
   if (memchr(t.p, ':', t.length) != NULL) {
      return fc_registry_named(t.p, t.length, ie);
   }
   uint64_t pen, id;
   if (t.length == 0 || *t.p != 'e') {
      return false;
   }
   t.p++;
   t.length--;
   if (!take_number(&t, UINT32_MAX, &pen) || t.length < 2 || memcmp(t.p, "id", 2) != 0) {
      return false;
   }
   t.p += 2;
   t.length -= 2;
   if (!take_number(&t, UINT16_MAX >> (pen != 0), &id) || t.length != 0) {
      return false;
   }
   *ie = (struct fc_ie){.pen = (uint32_t) pen, .id = (uint16_t) id};
   (void) fc_registry_numbered(ie->pen, ie->id, ie);
   return true;
}

/* Can values of an element of this kind be values of this type? Bytes take all as they are. */
static bool kind_fits(enum fc_kind kind, ur_field_type_t type)
{
   switch (type) {
   case UR_TYPE_BYTES: return true;
   case UR_TYPE_STRING: return kind <= FC_KIND_STRING;
   case UR_TYPE_IP: return kind == FC_KIND_IP || kind <= FC_KIND_OCTETS;
   case UR_TYPE_MAC: return kind == FC_KIND_MAC || kind <= FC_KIND_OCTETS;
   case UR_TYPE_TIME:
      return (kind >= FC_KIND_TIME_S && kind <= FC_KIND_TIME_BEFORE) || kind == FC_KIND_UNKNOWN;
   default:
      return kind != FC_KIND_STRING && kind != FC_KIND_MAC && kind != FC_KIND_IP && kind < FC_KIND_BASIC_LIST;
   }
}

static bool add_element(struct reader *r, const struct field *field, const struct fc_ie *ie, bool list,
                        unsigned rank)
{
   struct fc_elements *t = r->table;
   if ((t->n_elements & (t->n_elements - 1)) == 0) { /* full: capacities are powers of two */
      size_t capacity = t->n_elements > 0 ? 2 * t->n_elements : 1;
      struct fc_element *grown = realloc(t->elements, capacity * sizeof(*grown));
      if (grown == NULL) {
         r->no_memory = true;
         return false;
      }
      t->elements = grown;
   }
   /* The field is found by its place as long as names move; see finish(). */
   t->elements[t->n_elements++] = (struct fc_element){.field = field->name,
                                                      .type = field->type,
                                                      .pen = ie->pen,
                                                      .id = ie->id,
                                                      .rank = (uint8_t) rank,
                                                      .kind = ie->kind,
                                                      .discards = ie->discards,
                                                      .list = list,
                                                      .trim = field->trim};
   return true;
}

/* One element of a field's list. */
static bool read_source(struct reader *r, struct field *field, struct text t, unsigned rank)
{
   if (text_is(t, "_internal_lbf_") || text_is(t, "_internal_dbf_")) {
      field->internal = t.p[10] == 'l' ? FC_FIELD_LINK : FC_FIELD_DIRECTION;
      ur_field_type_t expected = t.p[10] == 'l' ? UR_TYPE_UINT64 : UR_TYPE_UINT8;
      return field->type == expected ||
             fail(r, "field \"%s\": its type is \"%s\", expected \"%s\" for \"%.*s\"", field->name,
                  ur_field_type_str[field->type], ur_field_type_str[expected], SHOW(t));
   }
   const char *slash = memchr(t.p, '/', t.length);
   struct text of = t;
   struct fc_ie ie;
   if (slash != NULL) {
      struct text list = {t.p, (size_t) (slash - t.p)};
      of = (struct text){slash + 1, t.length - list.length - 1};
      if (!read_element(list, &ie) || ie.pen != 0 || ie.id != BASIC_LIST) {
         return fail(r, "field \"%s\": \"%.*s\" before \"/\", expected e0id291 or iana:basicList",
                     field->name, SHOW(list));
      }
   }
   if (!read_element(of, &ie)) {
      return fail(
          r,
          "field \"%s\": no element \"%.*s\" is known, expected eXidY (X up to 4294967295, Y up to 32767, of "
          "enterprise 0 up to 65535), SCOPE:NAME, _internal_lbf_ or _internal_dbf_",
          field->name, SHOW(of));
   }
   bool array = field->type >= UR_TYPE_A_UINT8;
   if (array != (slash != NULL)) {
      return fail(r,
                  array ? "field \"%s\": element \"%.*s\" for an array, expected e0id291/ELEMENT"
                        : "field \"%s\": \"%.*s\" has many values, expected an array as the field's type",
                  field->name, SHOW(t));
   }
   /* Enterprises use their numbers anew (ipfixprobe's are not those of CESNET's registry): of one given by number, the field's type is right. */
   if (ie.pen != 0 && ie.pen != FC_PEN_REVERSE && memchr(of.p, ':', of.length) == NULL &&
       !kind_fits(ie.kind, ur_field_array_elem_type[field->type])) {
      ie.kind = FC_KIND_UNKNOWN;
   }
   if (!kind_fits(ie.kind, ur_field_array_elem_type[field->type])) {
      return fail(r, "field \"%s\": values of element \"%.*s\" cannot be of type \"%s\"", field->name,
                  SHOW(of), ur_field_type_str[field->type]);
   }
   return add_element(r, field, &ie, slash != NULL, rank);
}

static bool read_sources(struct reader *r, struct field *field, struct text list)
{
   bool ok = true;
   for (unsigned rank = 0;; rank++) {
      const char *comma = memchr(list.p, ',', list.length);
      struct text one = {list.p, comma != NULL ? (size_t) (comma - list.p) : list.length};
      if (rank == MAX_ELEMENTS) {
         return fail(r, "field \"%s\" has more than %d elements", field->name, MAX_ELEMENTS);
      }
      if (one.length == 0) {
         return fail(r, "field \"%s\": an element is missing before or after a comma", field->name);
      }
      ok = read_source(r, field, one, rank) && ok;
      if (comma == NULL) {
         return ok;
      }
      list.p += one.length + 1;
      list.length -= one.length + 1;
   }
}

static bool read_name(struct reader *r, struct text name, struct field *field)
{
   bool ok = name.length <= NAME_LENGTH && isalpha((unsigned char) *name.p);
   for (size_t i = 0; i < name.length && ok; i++) {
      ok = isalnum((unsigned char) name.p[i]) || name.p[i] == '_';
   }
   if (!ok) {
      return fail(r,
                  "\"%.*s\" is no name of a field, expected a letter, then letters, digits and _, %d at most",
                  SHOW(name), NAME_LENGTH);
   }
   memcpy(field->name, name.p, name.length);
   field->name[name.length] = 0;
   return true;
}

static bool read_type(struct reader *r, struct text type, struct field *field)
{
   char name[24] = "";
   field->trim = text_is(type, "string_trimmed");
   if (field->trim) {
      field->type = UR_TYPE_STRING;
      return true;
   }
   int t = UR_E_INVALID_TYPE;
   if (type.length < sizeof(name)) {
      memcpy(name, type.p, type.length);
      t = ur_get_field_type_from_str(name);
   }
   if (t < 0) {
      return fail(r,
                  "field \"%s\": unknown type \"%.*s\", expected a type of UniRec (uint8, int64*, ipaddr, "
                  "...) or string_trimmed",
                  field->name, SHOW(type));
   }
   field->type = (ur_field_type_t) t;
   return true;
}

static void read_line(struct reader *r, struct text line)
{
   const char *comment = memchr(line.p, '#', line.length);
   if (comment != NULL) {
      line.length = (size_t) (comment - line.p);
   }
   struct text name, type, list, rest;
   if (!next_word(&line, &name)) {
      return;
   }
   struct fc_elements *t = r->table;
   if (t->n_fields == FC_ELEMENTS_FIELDS) {
      fail(r, "more than %d fields", FC_ELEMENTS_FIELDS);
      return;
   }
   struct field *field = &t->fields[t->n_fields];
   *field = (struct field){.line = r->line};
   if (!next_word(&line, &type) || !next_word(&line, &list)) {
      fail(r, "\"%.*s\" alone, expected NAME TYPE ELEMENT[,ELEMENT...]", SHOW(name));
   } else if (next_word(&line, &rest)) {
      fail(r, "\"%.*s\" after the elements of \"%.*s\", expected the end of the line or #", SHOW(rest),
           SHOW(name));
   } else if (read_name(r, name, field) && read_type(r, type, field)) {
      t->n_fields++;
      (void) read_sources(r, field, list);
   }
}

/* ----------------------------------------------------------------------- order */

static int fields_by_name(const void *a, const void *b)
{
   const struct field *x = a, *y = b;
   int order = strcmp(x->name, y->name);
   return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int elements_by_number(const void *a, const void *b)
{
   const struct fc_element *x = a, *y = b;
   if (x->pen != y->pen) {
      return x->pen < y->pen ? -1 : 1;
   }
   if (x->id != y->id) {
      return x->id < y->id ? -1 : 1;
   }
   int order = (int) x->rank - (int) y->rank;
   return order != 0 ? order : strcmp(x->field, y->field);
}

static struct field *find_field(const struct fc_elements *t, const char *name)
{
   size_t low = 0, high = t->n_fields;
   while (low < high) {
      size_t middle = (low + high) / 2;
      int order = strcmp(t->fields[middle].name, name);
      if (order == 0) {
         return &t->fields[middle];
      }
      low = order < 0 ? middle + 1 : low;
      high = order < 0 ? high : middle;
   }
   return NULL;
}

/* Sorts the table for look-up. Elements refer to names by address, so they are sorted first and told the new addresses. */
static bool finish(struct reader *r)
{
   struct fc_elements *t = r->table;
   struct field *sorted = malloc((t->n_fields + 1) * sizeof(*sorted));
   if (sorted == NULL) {
      r->no_memory = true;
      return false;
   }
   memcpy(sorted, t->fields, t->n_fields * sizeof(*sorted));
   qsort(sorted, t->n_fields, sizeof(*sorted), fields_by_name);
   struct field *unsorted = t->fields;
   t->fields = sorted;
   for (size_t i = 1; i < t->n_fields; i++) {
      if (strcmp(sorted[i].name, sorted[i - 1].name) == 0) {
         r->line = sorted[i].line;
         fail(r, "field \"%s\" is given twice, first in line %u", sorted[i].name, sorted[i - 1].line);
      }
   }
   for (size_t i = 0; i < t->n_elements; i++) {
      t->elements[i].field = find_field(t, t->elements[i].field)->name;
   }
   free(unsorted);
   if (t->n_elements > 0) {
      qsort(t->elements, t->n_elements, sizeof(*t->elements), elements_by_number);
   }
   for (size_t i = 0; i + 1 < t->n_elements; i++) {
      struct fc_element *e = &t->elements[i];
      e->next = e[1].pen == e->pen && e[1].id == e->id ? &e[1] : NULL;
   }
   return r->n_errors == 0;
}

static bool read_all(struct reader *r, const char *text, size_t size)
{
   r->table->fields = malloc(FC_ELEMENTS_FIELDS * sizeof(struct field));
   if (r->table->fields == NULL) {
      r->no_memory = true;
      return false;
   }
   for (const char *p = text, *end = text + size; p < end && !r->no_memory;) {
      const char *newline = memchr(p, '\n', (size_t) (end - p));
      const char *stop = newline != NULL ? newline : end;
      r->line++;
      read_line(r, (struct text){p, (size_t) (stop - p)});
      p = stop + (newline != NULL);
   }
   if (r->n_errors == 0 && r->table->n_fields == 0) {
      fail(r, "no field in this table, expected lines NAME TYPE ELEMENT[,ELEMENT...]");
   }
   return !r->no_memory && finish(r);
}

struct fc_elements *fc_elements_parse(const char *file, const char *text, size_t size, char **errors)
{
   size_t length;
   *errors = NULL;
   struct reader r = {
       .file = file, .errors = open_memstream(errors, &length), .table = calloc(1, sizeof(*r.table))};
   bool ok = r.errors != NULL && r.table != NULL && read_all(&r, text, size);
   if (r.n_errors > MAX_ERRORS) {
      nc_text_line(r.errors, "", "%.200s: and %u more errors", file, r.n_errors - MAX_ERRORS);
   }
   if (r.errors != NULL) {
      (void) fclose(r.errors);
   }
   if (ok || r.no_memory || r.n_errors == 0) {
      free(*errors);
      *errors = NULL;
   }
   if (!ok) {
      fc_elements_free(r.table);
      return NULL;
   }
   return r.table;
}

struct fc_elements *fc_elements_load(const char *path, char **errors)
{
   FILE *f = fopen(path, "re");
   char *text = f != NULL ? malloc(FC_ELEMENTS_SIZE + 1) : NULL;
   size_t size = text != NULL ? fread(text, 1, FC_ELEMENTS_SIZE + 1, f) : 0;
   struct fc_elements *table = NULL;
   *errors = NULL;
   if (f == NULL || (text != NULL && ferror(f))) {
      if (asprintf(errors, "element table \"%.200s\": cannot read it: %s\n", path, strerror(errno)) < 0) {
         *errors = NULL;
      }
   } else if (size > FC_ELEMENTS_SIZE) {
      if (asprintf(errors, "element table \"%.200s\": more than %d bytes\n", path, FC_ELEMENTS_SIZE) < 0) {
         *errors = NULL;
      }
   } else if (text != NULL) {
      table = fc_elements_parse(path, text, size, errors);
   }
   free(text);
   if (f != NULL) {
      (void) fclose(f);
   }
   return table;
}

void fc_elements_free(struct fc_elements *elements)
{
   if (elements != NULL) {
      free(elements->fields);
      free(elements->elements);
      free(elements);
   }
}

/* --------------------------------------------------------------------- look up */

static struct fc_elements *default_table;

static void load_default(void)
{
   char *errors;
   default_table = fc_elements_parse("default table", fc_elements_text, strlen(fc_elements_text), &errors);
   if (default_table == NULL) {
      fprintf(stderr, "%s", errors != NULL ? errors : "default element table: no memory\n");
      abort(); /* it is part of this program: a test loads it */
   }
}

static const struct fc_elements *table_or_default(const struct fc_elements *elements)
{
   static pthread_once_t once = PTHREAD_ONCE_INIT;
   if (elements == NULL) {
      (void) pthread_once(&once, load_default);
      return default_table;
   }
   return elements;
}

const struct fc_element *fc_elements_find(const struct fc_elements *elements, uint32_t pen, uint16_t id)
{
   const struct fc_elements *t = table_or_default(elements);
   size_t low = 0, high = t->n_elements; /* the first of those with this number */
   while (low < high) {
      size_t middle = (low + high) / 2;
      const struct fc_element *e = &t->elements[middle];
      if (e->pen < pen || (e->pen == pen && e->id < id)) {
         low = middle + 1;
      } else {
         high = middle;
      }
   }
   return low < t->n_elements && t->elements[low].pen == pen && t->elements[low].id == id ? &t->elements[low]
                                                                                          : NULL;
}

int fc_elements_type(const struct fc_elements *elements, const char *field)
{
   const struct field *f = find_field(table_or_default(elements), field);
   return f != NULL ? (int) f->type : -1;
}

enum fc_elements_internal fc_elements_internal(const struct fc_elements *elements, const char *field)
{
   const struct field *f = find_field(table_or_default(elements), field);
   return f != NULL ? (enum fc_elements_internal) f->internal : FC_FIELD_OF_ELEMENTS;
}
