/* SPDX-License-Identifier: BSD-3-Clause */
/** Parser of typed lists, "type NAME,type NAME", and the functions that take such text and need no template. */
#include "typed_list.h"

#include "internal.h"

#include <ctype.h>

#define FIRST_CAPACITY 16

struct word {
   const char *text;
   size_t length;
};

static const char *skip_blanks(const char *p)
{
   while (isspace((unsigned char) *p)) {
      p++;
   }
   return p;
}

/* A word ends at a blank, a comma or the end of the text; it may be empty. \return the text after it */
static const char *read_word(const char *p, struct word *word)
{
   word->text = p;
   while (*p != 0 && *p != ',' && !isspace((unsigned char) *p)) {
      p++;
   }
   word->length = (size_t) (p - word->text);
   return p;
}

/* Reads the next "type NAME" and advances *at. \return 1 read, 0 end of the text, -1 invalid text */
static int next_item(const char **at, struct word *type, struct word *name)
{
   const char *p = skip_blanks(*at);
   if (*p == 0) {
      *at = p;
      return 0;
   }
   p = skip_blanks(read_word(p, type));
   p = read_word(p, name);
   if (type->length == 0) {
      return -1;
   }
   p = skip_blanks(p);
   if (*p == ',') {
      p++;
      *at = p;
      /* A comma followed by blanks only is a field without a type; a single comma at the end is allowed. */
      return *p != 0 && *skip_blanks(p) == 0 ? -1 : 1;
   }
   *at = p;
   return 1;
}

int typed_list_parse(struct typed_list *list, const char *text)
{
   struct word type, name;
   size_t capacity = 0;
   int more;
   *list = (struct typed_list){.n = 0};
   while ((more = next_item(&text, &type, &name)) > 0) {
      if (list->n == capacity) {
         capacity = capacity == 0 ? FIRST_CAPACITY : 2 * capacity;
         struct typed_field *grown = realloc(list->fields, capacity * sizeof(*grown));
         if (grown == NULL) {
            return UR_E_MEMORY;
         }
         list->fields = grown;
      }
      list->fields[list->n++] = (struct typed_field){
          .name = name.text, .length = name.length, .type = type_from_word(type.text, type.length)};
   }
   list->complete = more == 0;
   return UR_OK;
}

bool field_name_is_valid(const char *name, size_t length)
{
   if (length == 0 || !isalpha((unsigned char) name[0])) {
      return false;
   }
   for (size_t i = 1; i < length; i++) {
      if (!isalnum((unsigned char) name[i]) && name[i] != '_') {
         return false;
      }
   }
   return true;
}

void typed_list_free(struct typed_list *list)
{
   free(list->fields);
   list->fields = NULL;
   list->n = 0;
}

UR_PUBLIC int ur_define_set_of_fields(const char *ifc_data_fmt)
{
   struct typed_list list;
   if (ifc_data_fmt == NULL) {
      return UR_E_INVALID_PARAMETER;
   }
   int rc = typed_list_parse(&list, ifc_data_fmt);
   rc = rc == UR_OK ? registry_define(&list) : rc;
   typed_list_free(&list);
   return rc;
}

/* \param text room for the names of the list and a separator after each. \return false for an item without a name */
static bool join_names(const struct typed_list *list, char *text)
{
   char *p = text;
   for (size_t i = 0; i < list->n; i++) {
      if (list->fields[i].length == 0) {
         return false;
      }
      if (i > 0) {
         *p++ = ',';
      }
      p = mempcpy(p, list->fields[i].name, list->fields[i].length);
   }
   *p = 0;
   return true;
}

UR_PUBLIC char *ur_ifc_data_fmt_to_field_names(const char *ifc_data_fmt)
{
   struct typed_list list;
   if (ifc_data_fmt == NULL) {
      return NULL;
   }
   int rc = typed_list_parse(&list, ifc_data_fmt);
   char *text = rc == UR_OK && list.complete ? malloc(strlen(ifc_data_fmt) + 1) : NULL;
   if (text != NULL && !join_names(&list, text)) {
      free(text);
      text = NULL;
   }
   typed_list_free(&list);
   return text;
}
