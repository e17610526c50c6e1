/* SPDX-License-Identifier: BSD-3-Clause */
#include "format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* clang-format off */
const char fc_default_format[] =
   "SRC_IP,DST_IP,?SRC_PORT,?DST_PORT,?PROTOCOL,PACKETS,BYTES,?PACKETS_REV,?BYTES_REV,TIME_FIRST,TIME_LAST,"
   "?TCP_FLAGS,?TCP_FLAGS_REV,?DIR_BIT_FIELD,?SRC_MAC,?DST_MAC,?LINK_BIT_FIELD";
/* clang-format on */

static const struct {
   const char *name;
   ur_field_type_t type;
   enum fc_internal internal;
} internals[] = {{"LINK_BIT_FIELD", UR_TYPE_UINT64, FC_LINK},
                 {"DIR_BIT_FIELD", UR_TYPE_UINT8, FC_DIRECTION},
                 {"ODID", UR_TYPE_UINT32, FC_DOMAIN},
                 {"EXPORTER_IP", UR_TYPE_IP, FC_EXPORTER},
                 {"SAMPLING_RATE", UR_TYPE_UINT32, FC_RATE}};

int fc_format_find(const struct fc_format *f, const char *name)
{
   for (unsigned i = 0; i < f->n; i++) {
      if (strcmp(f->fields[i].name, name) == 0) {
         return (int) i;
      }
   }
   return -1;
}

static bool set_type(struct fc_format_field *f, const struct fc_elements *elements, char error[FC_ERROR])
{
   /* What the table does not say is meant so. */
   for (size_t i = 0; i < sizeof(internals) / sizeof(internals[0]); i++) {
      if (strcmp(f->name, internals[i].name) == 0) {
         f->internal = (uint8_t) internals[i].internal;
         f->type = internals[i].type;
         return true;
      }
   }
   int type = fc_elements_type(elements, f->name);
   enum fc_elements_internal internal = fc_elements_internal(elements, f->name);
   f->internal = internal == FC_FIELD_LINK        ? FC_LINK
                 : internal == FC_FIELD_DIRECTION ? FC_DIRECTION
                                                  : FC_NOT_INTERNAL;
   if (type < 0) {
      snprintf(error, FC_ERROR, "field \"%s\": the element table has no element for it", f->name);
      return false;
   }
   f->type = (ur_field_type_t) type;
   return true;
}

static bool add_field(struct fc_format *f, const char *name, size_t length,
                      const struct fc_elements *elements, char error[FC_ERROR])
{
   struct fc_format_field *field = &f->fields[f->n];
   bool optional = length > 0 && *name == '?';
   name += optional;
   length -= optional;
   if (f->n == FC_MAX_FIELDS || length == 0 || length >= sizeof(field->name)) {
      snprintf(error, FC_ERROR,
               f->n == FC_MAX_FIELDS ? "more than %d fields"
                                     : "a field without a name, or a name longer than %d characters",
               f->n == FC_MAX_FIELDS ? FC_MAX_FIELDS : (int) sizeof(field->name) - 1);
      return false;
   }
   *field = (struct fc_format_field){.optional = optional, .id = -1};
   memcpy(field->name, name, length);
   if (fc_format_find(f, field->name) >= 0) {
      snprintf(error, FC_ERROR, "field \"%s\" is given twice", field->name);
      return false;
   }
   f->n++;
   return set_type(field, elements, error);
}

static char *typed_form(const struct fc_format *f)
{
   size_t size = 1;
   for (unsigned i = 0; i < f->n; i++) {
      size += strlen(f->fields[i].name) + strlen(ur_field_type_str[f->fields[i].type]) + 2;
   }
   char *text = malloc(size), *p = text;
   for (unsigned i = 0; text != NULL && i < f->n; i++) {
      p += sprintf(p, "%s%s %s", i > 0 ? "," : "", ur_field_type_str[f->fields[i].type], f->fields[i].name);
   }
   return text;
}

struct fc_format *fc_format_new(const char *text, const struct fc_elements *elements, char error[FC_ERROR])
{
   struct fc_format *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      snprintf(error, FC_ERROR, "out of memory");
      return NULL;
   }
   for (const char *p = text;; p++) {
      p += strspn(p, " \t\r\n");
      size_t length = strcspn(p, ", \t\r\n");
      if (!add_field(f, p, length, elements, error)) {
         fc_format_free(f);
         return NULL;
      }
      p += length;
      p += strspn(p, " \t\r\n");
      if (*p != ',') {
         if (*p == 0) {
            break;
         }
         snprintf(error, FC_ERROR, "expected a comma before \"%.40s\"", p);
         fc_format_free(f);
         return NULL;
      }
   }
   unsigned computed = 0;
   for (unsigned i = 0; i < f->n; i++) {
      computed += f->fields[i].internal != FC_NOT_INTERNAL;
   }
   if (computed > FC_MAX_INTERNAL) {
      snprintf(error, FC_ERROR,
               "%u fields that are computed (LINK_BIT_FIELD and others), expected %d at most", computed,
               FC_MAX_INTERNAL);
      fc_format_free(f);
      return NULL;
   }
   f->typed = typed_form(f);
   if (f->typed == NULL) {
      snprintf(error, FC_ERROR, "out of memory");
      fc_format_free(f);
      return NULL;
   }
   return f;
}

void fc_format_free(struct fc_format *f)
{
   if (f != NULL) {
      free(f->typed);
      free(f);
   }
}

void fc_format_bind(struct fc_format *f, const ur_template_t *tmplt)
{
   f->tmplt = tmplt;
   for (unsigned i = 0; i < f->n; i++) {
      f->fields[i].id = (ur_field_id_t) ur_get_id_by_name(f->fields[i].name);
      f->fields[i].offset = tmplt->offset[f->fields[i].id];
   }
}
