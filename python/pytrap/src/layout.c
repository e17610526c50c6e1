/* SPDX-License-Identifier: BSD-3-Clause */
#include "layout.h"

#include <errno.h>

/* The fields of a specification are those of a peer or of one template: they go away when no template has them, so that formats of
 * peers cannot fill the registry. */
static ur_template_t *make_template(const char *spec, char **why)
{
   static const char *const define = "ur_define_set_of_fields() failed";
   errno = 0;
   ur_template_t *t = ur_define_fields_and_update_template(spec, NULL);
   if (t != NULL) {
      return t;
   }
   int rc;
   if (errno == EMSGSIZE) {
      rc = asprintf(why,
                    "Creation of UniRec template failed. The fixed part of the record is longer than %d "
                    "bytes.",
                    UR_MAX_SIZE);
   } else {
      switch (ur_define_set_of_fields(spec)) { /* only for its result: it failed above */
      case UR_E_INVALID_NAME:
         rc = asprintf(why, "%s due to bad name in \"%.200s\": expected a letter, then letters, digits or _.",
                       define, spec);
         break;
      case UR_E_TYPE_MISMATCH:
         rc = asprintf(why,
                       "%s because some field with the existing name is being redefined with another type "
                       "by \"%.200s\".",
                       define, spec);
         break;
      default:
         rc = asprintf(why,
                       "%s due to unkown reason. (\"%.200s\" has an unknown type, or a field without a name)",
                       define, spec);
      }
   }
   if (rc < 0) {
      *why = NULL;
   }
   return NULL;
}

struct layout *layout_new(const char *spec, char **why)
{
   *why = NULL;
   ur_template_t *t = make_template(spec, why);
   if (t == NULL) {
      return NULL;
   }
   size_t text = 1;
   for (int i = 0; i < t->count; i++) {
      text += strlen(ur_get_name(t->ids[i])) + 1;
   }
   struct layout *l = calloc(1, sizeof(*l) + t->count * sizeof(l->fields[0]));
   char *p = malloc(text);
   if (l == NULL || p == NULL) {
      free(l);
      free(p);
      ur_free_template(t);
      return NULL;
   }
   l->tmplt = t;
   l->names = p;
   l->count = t->count;
   l->fixed_size = t->static_size;
   l->n_variable = t->first_dynamic == UR_NO_DYNAMIC_VALUES ? 0 : (uint16_t) (t->count - t->first_dynamic);
   for (int i = 0; i < t->count; i++) {
      ur_field_id_t id = t->ids[i];
      ur_field_type_t type = ur_get_type(id);
      l->fields[i] = (struct layout_field){.offset = t->offset[id],
                                           .size = (uint8_t) ur_array_get_elem_size(id),
                                           .type = (uint8_t) type,
                                           .element = (uint8_t) ur_field_array_elem_type[type],
                                           .variable = ur_is_varlen(id),
                                           .id = id,
                                           .name = p};
      p = stpcpy(p, ur_get_name(id)) + 1;
   }
   return l;
}

/* "type NAME" \param item up to the next comma */
static bool valid_item(const char *item, size_t length)
{
   char type[16], name[1024], text[sizeof(name) + sizeof(type)], more;
   if (length >= sizeof(text)) {
      return false;
   }
   memcpy(text, item, length);
   text[length] = 0;
   return sscanf(text, "%15s %1023s %c", type, name, &more) == 2 && ur_get_field_type_from_str(type) >= 0 &&
          strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name) &&
          strchr("0123456789_", name[0]) == NULL;
}

bool layout_spec_valid(const char *spec)
{
   while (*spec != 0) {
      size_t length = strcspn(spec, ",");
      if (!valid_item(spec, length)) {
         return false;
      }
      spec += length + (spec[length] == ',');
   }
   return true;
}

void layout_free(struct layout *l)
{
   if (l != NULL) {
      ur_free_template(l->tmplt);
      free(l->names);
      free(l);
   }
}

int layout_size_with(const struct layout *l, const struct layout_field *f, const char *rec, size_t size,
                     size_t length)
{
   uint16_t d[2];
   int now = layout_record_size(l, rec, size);
   if (now < 0 || length > UR_MAX_SIZE) {
      return now < 0 ? -1 : UR_MAX_SIZE + 1;
   }
   memcpy(d, rec + f->offset, sizeof(d));
   return now - d[1] + (int) length;
}

bool layout_set_variable(const struct layout *l, const struct layout_field *f, char *rec, size_t room,
                         const char *value, size_t length)
{
   ur_record_t r = {
       .tmplt = l->tmplt, .data = rec, .room = room < UR_MAX_SIZE ? (uint32_t) room : UR_MAX_SIZE};
   return ur_record_set_var(&r, f->id, value, (int) length) == UR_OK;
}

bool layout_set_text(const struct layout *l, const struct layout_field *f, char *rec, const char *text)
{
   ur_record_t r = {.tmplt = l->tmplt, .data = rec, .room = UR_MAX_SIZE};
   return ur_record_set_from_string(&r, f->id, text) == 0;
}

bool layout_copy(const struct layout *dl, char *dst, const struct layout *sl, const char *src)
{
   ur_record_t r = {.tmplt = dl->tmplt, .data = dst, .room = UR_MAX_SIZE};
   return ur_record_copy_fields(&r, sl->tmplt, src) == UR_OK;
}
