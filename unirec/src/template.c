/* SPDX-License-Identifier: BSD-3-Clause */
/** Templates: the fields of a record and their offsets. */
#include "template.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>

static void set_error(char **errstr, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void set_error(char **errstr, const char *format, ...)
{
   va_list ap;
   if (errstr == NULL) {
      return;
   }
   va_start(ap, format);
   if (vasprintf(errstr, format, ap) < 0) {
      *errstr = NULL;
   }
   va_end(ap);
}

UR_PUBLIC int compare_fields(const void *field1, const void *field2)
{
   const field_spec_t *a = field1, *b = field2;
   if (a->size != b->size) {
      return a->size > b->size ? -1 : 1;
   }
   return strcmp(a->name, b->name);
}

/* Sorts fields in record order and removes duplicates. \return their number, -1: out of memory */
static int sort_fields(const ur_field_id_t *ids, size_t n, field_spec_t **sorted)
{
   field_spec_t *f = malloc((n + 1) * sizeof(*f));
   if (f == NULL) {
      return -1;
   }
   for (size_t i = 0; i < n; i++) {
      f[i] = (field_spec_t){ur_get_name(ids[i]), ur_get_size(ids[i]), ids[i]};
   }
   qsort(f, n, sizeof(*f), compare_fields);
   size_t count = 0;
   for (size_t i = 0; i < n; i++) {
      if (count == 0 || f[count - 1].id != f[i].id) {
         f[count++] = f[i];
      }
   }
   *sorted = f;
   return (int) count;
}

ur_template_t *template_from_ids(const ur_field_id_t *ids, size_t n, char **errstr)
{
   static uint64_t serial;
   field_spec_t *f = NULL;
   int count = sort_fields(ids, n, &f);
   uint32_t size = 0;
   uint16_t known = (uint16_t) __atomic_load_n(&ur_field_specs.ur_last_id, __ATOMIC_ACQUIRE);
   for (int i = 0; i < count; i++) {
      size += f[i].size < 0 ? 4u : (uint32_t) f[i].size;
   }
   if (count >= 0 && size > UR_MAX_SIZE) {
      set_error(errstr, "The fixed part of the record has %u bytes, expected at most %u.", size, UR_MAX_SIZE);
      free(f);
      errno = EMSGSIZE;
      return NULL;
   }
   struct template *p =
       count < 0 ? NULL : calloc(1, sizeof(*p) + (known + (size_t) count) * sizeof(uint16_t));
   if (p == NULL) {
      set_error(errstr, "Memory allocation error");
      free(f);
      return NULL;
   }
   ur_template_t *t = &p->t;
   t->offset = (uint16_t *) (p + 1);
   t->offset_size = known;
   t->ids = (int16_t *) (t->offset + known);
   t->count = (uint16_t) count;
   t->first_dynamic = UR_NO_DYNAMIC_VALUES;
   memset(t->offset, 0xff, known * sizeof(uint16_t));
   for (int i = 0; i < count; i++) {
      t->ids[i] = f[i].id;
      t->offset[f[i].id] = t->static_size;
      t->static_size = (uint16_t) (t->static_size + (f[i].size < 0 ? 4 : f[i].size));
      if (f[i].size < 0 && t->first_dynamic == UR_NO_DYNAMIC_VALUES) {
         t->first_dynamic = (uint16_t) i;
      }
   }
   p->used_since = registry_use(t->ids, t->count);
   p->serial = __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
   free(f);
   return t;
}

/* Names separated by commas. \return ids in *ids and their number, or -1 */
static int parse_names(const char *p, ur_field_id_t **ids, char **errstr)
{
   size_t most = 1;
   for (const char *c = p; *c != 0; c++) {
      most += *c == ',';
   }
   int n = 0;
   *ids = malloc(most * sizeof(**ids));
   if (*ids == NULL) {
      set_error(errstr, "Memory allocation error");
      return -1;
   }
   while (isspace((unsigned char) *p)) {
      p++;
   }
   if (*p == 0) {
      return 0;
   }
   for (;;) {
      while (isspace((unsigned char) *p)) {
         p++;
      }
      size_t length = strcspn(p, ", \t\n\v\f\r");
      int id = registry_find(p, length);
      if (id < 0) {
         set_error(errstr, "field: %.*s is not defined.", (int) length, p);
         return -1;
      }
      (*ids)[n++] = (ur_field_id_t) id;
      const char *name = p;
      p += length;
      while (isspace((unsigned char) *p)) {
         p++;
      }
      if (*p == 0) {
         return n;
      }
      if (*p != ',') {
         set_error(errstr, "expected a comma after field: %.*s, found \"%.20s\".", (int) length, name, p);
         return -1;
      }
      p++;
   }
}

UR_PUBLIC ur_template_t *ur_create_template(const char *fields, char **errstr)
{
   ur_field_id_t *ids = NULL;
   int n = parse_names(fields != NULL ? fields : "", &ids, errstr);
   ur_template_t *t = n >= 0 ? template_from_ids(ids, (size_t) n, errstr) : NULL;
   free(ids);
   return t;
}

UR_PUBLIC void ur_free_template(ur_template_t *tmplt)
{
   if (tmplt != NULL) {
      registry_release(tmplt->ids, tmplt->count, ((struct template *) tmplt)->used_since);
      plans_free((struct template *) tmplt);
      free(tmplt);
   }
}

/* Ids of the fields of a typed list, with room for extra further ones. \return their number, or -1 */
static int find_typed(const char *spec, ur_field_id_t **ids, size_t extra)
{
   struct typed_list list;
   int n = typed_list_parse(&list, spec) == UR_OK && list.complete ? 0 : -1;
   *ids = n == 0 ? malloc((list.n + extra + 1) * sizeof(**ids)) : NULL;
   n = *ids != NULL ? n : -1;
   for (size_t i = 0; n >= 0 && i < list.n; i++) {
      int id = registry_find(list.fields[i].name, list.fields[i].length);
      if (id >= 0) {
         (*ids)[n++] = (ur_field_id_t) id;
      } else {
         n = -1;
      }
   }
   typed_list_free(&list);
   return n;
}

UR_PUBLIC ur_template_t *ur_create_template_from_ifc_spec(const char *ifc_data_fmt)
{
   ur_field_id_t *ids = NULL;
   errno = EINVAL;
   int n = ifc_data_fmt != NULL ? find_typed(ifc_data_fmt, &ids, 0) : -1;
   ur_template_t *t = n >= 0 ? template_from_ids(ids, (size_t) n, NULL) : NULL;
   free(ids);
   return t;
}

static ur_template_t *take_place(ur_template_t *fresh, ur_template_t *old)
{
   if (fresh != NULL && old != NULL) {
      fresh->direction = old->direction;
      fresh->ifc_out = old->ifc_out;
      ur_free_template(old);
   }
   return fresh;
}

UR_PUBLIC ur_template_t *ur_define_fields_and_update_template(const char *ifc_data_fmt, ur_template_t *old)
{
   struct typed_list list;
   uint32_t when = 0;
   if (ifc_data_fmt == NULL) {
      return NULL;
   }
   int rc = typed_list_parse(&list, ifc_data_fmt);
   ur_field_id_t *ids = rc == UR_OK ? malloc((list.n + 1) * sizeof(*ids)) : NULL;
   int n = ids != NULL ? registry_define_foreign(&list, ids, &when) : -1;
   ur_template_t *t = n >= 0 ? template_from_ids(ids, (size_t) n, NULL) : NULL;
   if (n > 0) {
      registry_release(ids, (size_t) n, when);
   }
   free(ids);
   typed_list_free(&list);
   return take_place(t, old);
}

UR_PUBLIC ur_template_t *ur_expand_template(const char *ifc_data_fmt, ur_template_t *tmplt)
{
   ur_field_id_t *ids = NULL;
   size_t have = tmplt != NULL ? tmplt->count : 0;
   int n = ifc_data_fmt != NULL ? find_typed(ifc_data_fmt, &ids, have) : -1;
   if (n < 0) {
      free(ids);
      return NULL;
   }
   if (have > 0) {
      memcpy(ids + n, tmplt->ids, have * sizeof(*ids));
   }
   ur_template_t *t = template_from_ids(ids, (size_t) n + have, NULL);
   free(ids);
   return take_place(t, tmplt);
}

UR_PUBLIC char *ur_template_string_delimiter(const ur_template_t *tmplt, int delimiter)
{
   size_t size = 1;
   if (tmplt == NULL) {
      return NULL;
   }
   for (int i = 0; i < tmplt->count; i++) {
      size += strlen(ur_get_name(tmplt->ids[i])) + strlen(ur_field_type_str[ur_get_type(tmplt->ids[i])]) + 2;
   }
   char *text = malloc(size), *p = text;
   for (int i = 0; p != NULL && i < tmplt->count; i++) {
      if (i > 0) {
         *p++ = (char) delimiter;
      }
      p = stpcpy(p, ur_field_type_str[ur_get_type(tmplt->ids[i])]);
      *p++ = ' ';
      p = stpcpy(p, ur_get_name(tmplt->ids[i]));
   }
   if (p != NULL) {
      *p = 0;
   }
   return text;
}

UR_PUBLIC int ur_template_compare(const ur_template_t *tmpltA, const ur_template_t *tmpltB)
{
   return tmpltA->count == tmpltB->count &&
          memcmp(tmpltA->ids, tmpltB->ids, tmpltA->count * sizeof(*tmpltA->ids)) == 0;
}

UR_PUBLIC void ur_print_template(ur_template_t *tmplt)
{
   printf("static_size: %u, first_dynamic: ", tmplt->static_size);
   if (tmplt->first_dynamic == UR_NO_DYNAMIC_VALUES) {
      printf("-, offsets:\n");
   } else {
      printf("%u, offsets:\n", tmplt->first_dynamic);
   }
   printf("ID\t%-30s\toffset\n", "name");
   for (int i = 0; i < tmplt->count; i++) {
      int id = tmplt->ids[i];
      printf("%d\t%-30s\t%6u\n", id, ur_get_name(id), tmplt->offset[id]);
   }
}

UR_PUBLIC ur_iter_t ur_iter_fields(const ur_template_t *tmplt, ur_iter_t id)
{
   for (int i = id + 1; i < tmplt->offset_size; i++) {
      if (tmplt->offset[i] != UR_INVALID_OFFSET) {
         return (ur_iter_t) i;
      }
   }
   return UR_ITER_END;
}

UR_PUBLIC ur_iter_t ur_iter_fields_record_order(const ur_template_t *tmplt, int index)
{
   return index >= 0 && index < tmplt->count ? tmplt->ids[index] : UR_ITER_END;
}
