/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: lists of rules. Every failure has a reason, and the index finds the rule that a comparison with all rules finds. */
#include "list.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record with what the first rule asks for, as far as it does. */
static void *record_of(const struct list *list, const ur_template_t *t)
{
   void *rec = ur_create_record(t, UR_MAX_SIZE / 2);
   for (uint32_t i = 0; rec != NULL && i < list->n_columns && list->n_rules > 0; i++) {
      ur_field_id_t id = (ur_field_id_t) ur_get_id_by_name(list->columns[i].name);
      const struct cell *c = &list->cells[i];
      if (c->kind == CELL_TEXT && c->text.length < 256) {
         ur_set_var(t, rec, id, c->text.bytes, (int) c->text.length);
      } else if (c->kind == CELL_NUMBER) {
         memcpy(ur_get_ptr_by_id(t, rec, id), &c->number, (size_t) ur_get_size(id)); /* little-endian */
      } else if (c->kind == CELL_NETWORK) {
         memcpy(ur_get_ptr_by_id(t, rec, id), &c->network.address, sizeof(ip_addr_t));
      }
   }
   return rec;
}

static void match(const struct list *list)
{
   nm_field_t fields[LIST_COLUMNS];
   char *format = list_format(list);
   ur_template_t *t =
       ur_define_set_of_fields(format) == UR_OK ? ur_create_template_from_ifc_spec(format) : NULL;
   void *rec = t != NULL ? record_of(list, t) : NULL;
   for (uint32_t i = 0; rec != NULL && i < list->n_columns; i++) {
      if (!nm_field_find(&fields[i], t, list->columns[i].name)) {
         abort();
      }
   }
   if (rec != NULL && list_find(list, fields, rec) != list_scan(list, fields, rec)) {
      abort();
   }
   ur_free_record(rec);
   if (t != NULL) {
      ur_free_template(t);
   }
   free(format);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[LIST_ERROR] = "";
   if (size == 0 || size > 4096 || memchr(data, '\\', size) != NULL) { /* references (\1) can take any time */
      return 0;
   }
   FILE *file = fmemopen((void *) (uintptr_t) data, size, "r");
   if (file == NULL) {
      return 0;
   }
   struct list *list = list_read(file, error);
   fclose(file);
   if (list == NULL && error[0] == 0) {
      abort();
   }
   if (list != NULL) {
      match(list);
   }
   list_free(list);
   ur_finalize();
   return 0;
}
