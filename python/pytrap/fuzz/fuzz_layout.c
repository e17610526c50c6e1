/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: what pytrap does with specifications and records. No byte outside of a record is read or written; what was set is there. */
#include "columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROMISE(what)                                                       \
   do {                                                                     \
      if (!(what)) {                                                        \
         fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
         abort();                                                           \
      }                                                                     \
   } while (0)

static unsigned sum(const char *p, size_t n)
{
   unsigned s = 0;
   for (size_t i = 0; i < n; i++) {
      s += (unsigned char) p[i];
   }
   return s;
}

static bool read_all(const struct layout *l, const char *rec, size_t size)
{
   static volatile unsigned seen; /* keeps the reads */
   bool all = true;
   for (int i = 0; i < l->count; i++) {
      const char *p = NULL;
      size_t n = 0;
      if (layout_locate(l, &l->fields[i], rec, size, &p, &n)) {
         seen = seen + sum(n > 0 ? p : rec, n);
      } else {
         all = false;
      }
   }
   return all;
}

/* Sets the fields of variable length one after the other in a copy with room. */
static void change(const struct layout *l, const char *rec, size_t size, const uint8_t *text, size_t n)
{
   char *copy = calloc(1, UR_MAX_SIZE);
   PROMISE(copy != NULL);
   memcpy(copy, rec, size);
   for (int i = 0; i < l->count; i++) {
      const struct layout_field *f = &l->fields[i];
      const char *p;
      size_t length;
      if (!f->variable) {
         continue;
      }
      int need = layout_size_with(l, f, copy, UR_MAX_SIZE, n);
      PROMISE(need >= 0);
      PROMISE(layout_set_variable(l, f, copy, UR_MAX_SIZE, (const char *) text, n) == (need <= UR_MAX_SIZE));
      PROMISE(layout_record_size(l, copy, UR_MAX_SIZE) >= 0);
      if (need <= UR_MAX_SIZE) {
         PROMISE(layout_record_size(l, copy, UR_MAX_SIZE) == need);
         PROMISE(layout_locate(l, f, copy, UR_MAX_SIZE, &p, &length) && length == n &&
                 memcmp(p, text, n) == 0);
      }
   }
   free(copy);
}

static void set_text(const struct layout *l, const char *rec, size_t size, const char *text)
{
   char *copy = calloc(1, UR_MAX_SIZE);
   PROMISE(copy != NULL);
   memcpy(copy, rec, size);
   for (int i = 0; i < l->count; i++) {
      layout_set_text(l, &l->fields[i], copy, text);
      PROMISE(layout_record_size(l, copy, UR_MAX_SIZE) >= 0);
   }
   free(copy);
}

static void copy_fields(const struct layout *l, const char *rec)
{
   char *why, *to = calloc(1, UR_MAX_SIZE);
   struct layout *few = layout_new("uint8 A,string S,ipaddr* L", &why);
   PROMISE(to != NULL);
   if (few != NULL) {
      layout_copy(few, to, l, rec);
      PROMISE(layout_record_size(few, to, UR_MAX_SIZE) >= 0);
   }
   free(why);
   free(to);
   layout_free(few);
}

/* Columns of the record and back; then columns with offsets of anyone. */
static void use_columns(const struct layout *l, const char *rec, size_t size, int n)
{
   struct columns c;
   trap_message_t messages[2] = {{.data = rec, .size = (uint16_t) size},
                                 {.data = rec, .size = (uint16_t) size}};
   struct column_source *sources = calloc(l->count + 1u, sizeof(*sources));
   char *made = malloc(UR_MAX_SIZE);
   PROMISE(sources != NULL && made != NULL && columns_init(&c, l) && columns_append(&c, messages, 2) &&
           c.n == 2);
   for (int i = 0; i < l->count; i++) {
      sources[i] = (struct column_source){
          .data = c.columns[i].data, .size = c.columns[i].used, .offsets = c.columns[i].offsets};
      PROMISE(!l->fields[i].variable || c.columns[i].offsets[2] == (int64_t) c.columns[i].used);
   }
   int bad = columns_check(l, sources, 2);
   if (bad < 0) { /* an array may have bytes that are no whole element */
      PROMISE(columns_record(l, sources, 1, made) == n);
      PROMISE(layout_record_size(l, made, UR_MAX_SIZE) == n);
   } else {
      PROMISE(l->fields[bad].variable && l->fields[bad].size > 1);
   }
   int64_t offsets[3] = {0};
   memcpy(offsets, rec, size < sizeof(offsets) ? size : sizeof(offsets));
   for (int i = 0; i < l->count; i++) {
      sources[i] = (struct column_source){.data = rec, .size = size, .offsets = offsets};
   }
   if (columns_check(l, sources, 2) < 0) {
      int made_size = columns_record(l, sources, 1, made);
      PROMISE(made_size < 0 || layout_record_size(l, made, UR_MAX_SIZE) == made_size);
   }
   columns_free(&c);
   free(made);
   free(sources);
}

static void use_record(const struct layout *l, const uint8_t *data, size_t size, const char *text)
{
   char *rec = malloc(size > 0 ? size : 1); /* no byte after it */
   PROMISE(rec != NULL);
   memcpy(rec, data, size);
   bool whole = read_all(l, rec, size);
   int n = layout_record_size(l, rec, size);
   PROMISE(n < 0 || (whole && (size_t) n <= size && n <= UR_MAX_SIZE));
   if (n >= 0) {
      change(l, rec, (size_t) n, data, size < 300 ? size : 300);
      set_text(l, rec, (size_t) n, text);
      copy_fields(l, rec);
      if (size <= UR_MAX_SIZE) {
         use_columns(l, rec, size, n);
      }
   }
   free(rec);
}

/* Input: a specification, a NUL, a text, a NUL, a record. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   const uint8_t *end = memchr(data, 0, size);
   const uint8_t *second = end != NULL ? memchr(end + 1, 0, size - (size_t) (end + 1 - data)) : NULL;
   if (second == NULL || end - data > 2000 || size > 70000) {
      return 0;
   }
   char *why = NULL;
   const char *spec = (const char *) data;
   struct layout *l = layout_new(spec, &why);
   PROMISE((l != NULL) == (why == NULL));
   PROMISE(l == NULL || layout_spec_valid(spec) || strchr(spec, ',') != NULL ||
           strpbrk(spec, " \t\n\v\f\r") != NULL);
   if (l != NULL) {
      use_record(l, second + 1, size - (size_t) (second + 1 - data), (const char *) end + 1);
   }
   free(why);
   layout_free(l);
   ur_finalize();
   return 0;
}
