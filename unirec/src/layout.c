/* SPDX-License-Identifier: BSD-3-Clause */
/** Layouts: records of one format, read without the field registry. */
#include "internal.h"

#include <errno.h>
#include <unirec/ur_layout.h>

struct layout_field {
   const char *name; /* in the names of the layout */
   uint16_t offset;
   uint8_t type;
};

struct ur_layout {
   ur_template_t t; /* without fields: what ur_rec_check() needs */
   char *names;
   struct layout_field fields[];
};

static int compare_names(const void *left, const void *right)
{
   const field_spec_t *a = left, *b = right;
   int order = strcmp(a->name, b->name);
   return order != 0 ? order : (int) a->id - (int) b->id;
}

/* Fills in names, types (as ids) and sizes. \param names room for all names, each with a NUL. \return false for an invalid list */
static bool take_fields(const struct typed_list *list, field_spec_t *fields, char *names)
{
   if (!list->complete || list->n > UR_FIELD_ID_MAX) {
      return false;
   }
   for (size_t i = 0; i < list->n; i++) {
      const struct typed_field *f = &list->fields[i];
      if (f->type < 0 || !field_name_is_valid(f->name, f->length)) {
         return false;
      }
      fields[i] = (field_spec_t){.name = names, .size = ur_size_of(f->type), .id = (ur_field_id_t) f->type};
      names = mempcpy(names, f->name, f->length);
      *names++ = 0;
   }
   return true;
}

/* Removes fields that come twice. \return how many are left, -1: one has two types */
static int remove_duplicates(field_spec_t *fields, size_t n)
{
   int count = 0;
   qsort(fields, n, sizeof(*fields), compare_names);
   for (size_t i = 0; i < n; i++) {
      bool again = count > 0 && strcmp(fields[count - 1].name, fields[i].name) == 0;
      if (again && fields[count - 1].id != fields[i].id) {
         return -1;
      }
      if (!again) {
         fields[count++] = fields[i];
      }
   }
   return count;
}

/* \return 0 or an errno */
static int place(ur_layout_t *l, field_spec_t *fields, int n)
{
   uint32_t size = 0;
   qsort(fields, (size_t) n, sizeof(*fields), compare_fields);
   l->t.count = (uint16_t) n;
   l->t.first_dynamic = UR_NO_DYNAMIC_VALUES;
   for (int i = 0; i < n; i++) {
      if (fields[i].size < 0 && l->t.first_dynamic == UR_NO_DYNAMIC_VALUES) {
         l->t.first_dynamic = (uint16_t) i;
      }
      l->fields[i] = (struct layout_field){
          .name = fields[i].name, .offset = (uint16_t) size, .type = (uint8_t) fields[i].id};
      size += fields[i].size < 0 ? 4u : (uint32_t) fields[i].size;
      if (size > UR_MAX_SIZE) {
         return EMSGSIZE;
      }
   }
   l->t.static_size = (uint16_t) size;
   return 0;
}

static int build(const struct typed_list *list, size_t length, ur_layout_t **layout)
{
   field_spec_t *fields = malloc((list->n + 1) * sizeof(*fields));
   ur_layout_t *l = calloc(1, sizeof(*l) + list->n * sizeof(l->fields[0]));
   int error = ENOMEM;
   if (l != NULL && fields != NULL && (l->names = malloc(length + list->n + 1)) != NULL) {
      int n = take_fields(list, fields, l->names) ? remove_duplicates(fields, list->n) : -1;
      error = n < 0 ? EINVAL : place(l, fields, n);
   }
   free(fields);
   if (error != 0) {
      ur_layout_free(l);
      return error;
   }
   *layout = l;
   return 0;
}

UR_PUBLIC ur_layout_t *ur_layout_create(const char *format)
{
   struct typed_list list;
   ur_layout_t *layout = NULL;
   if (format == NULL) {
      errno = EINVAL;
      return NULL;
   }
   int error = typed_list_parse(&list, format) == UR_OK ? build(&list, strlen(format), &layout) : ENOMEM;
   typed_list_free(&list);
   errno = layout != NULL ? errno : error;
   return layout;
}

UR_PUBLIC void ur_layout_free(ur_layout_t *layout)
{
   if (layout != NULL) {
      free(layout->names);
      free(layout);
   }
}

UR_PUBLIC int ur_layout_count(const ur_layout_t *layout)
{
   return layout->t.count;
}

UR_PUBLIC int ur_layout_find(const ur_layout_t *layout, const char *name)
{
   for (int i = 0; i < layout->t.count; i++) {
      if (strcmp(layout->fields[i].name, name) == 0) {
         return i;
      }
   }
   return -1;
}

UR_PUBLIC const char *ur_layout_name(const ur_layout_t *layout, int index)
{
   return layout->fields[index].name;
}

UR_PUBLIC ur_field_type_t ur_layout_type(const ur_layout_t *layout, int index)
{
   return (ur_field_type_t) layout->fields[index].type;
}

UR_PUBLIC int ur_layout_check(const ur_layout_t *layout, const void *rec, uint32_t size)
{
   return ur_rec_check(&layout->t, rec, size);
}

UR_PUBLIC const void *ur_layout_get(const ur_layout_t *layout, const void *rec, int index, uint16_t *length)
{
   const struct layout_field *f = &layout->fields[index];
   const uint8_t *at = (const uint8_t *) rec + f->offset;
   int size = ur_size_of(f->type);
   uint16_t descriptor[2]; /* offset, length */
   if (size >= 0) {
      *length = (uint16_t) size;
      return at;
   }
   memcpy(descriptor, at, sizeof(descriptor));
   *length = descriptor[1];
   /* The offset of an empty value means nothing. */
   return (const uint8_t *) rec + layout->t.static_size + (descriptor[1] > 0 ? descriptor[0] : 0);
}
