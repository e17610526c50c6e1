/* SPDX-License-Identifier: BSD-3-Clause */
/** Records: validation, memory, and records with a known capacity (ur_record_t). */
#include "internal.h"

UR_PUBLIC int ur_rec_check(const ur_template_t *tmplt, const void *rec, uint32_t size)
{
   int n;
   if (size < tmplt->static_size) {
      return 0;
   }
   uint32_t total = 0, end = 0;
   const ur_u_uint16_t *d = descriptors(tmplt, rec, &n);
   for (int i = 0; i < n; i++, d += 2) {
      uint32_t field_end = (uint32_t) d[0] + d[1];
      total += d[1];
      end = d[1] != 0 && field_end > end ? field_end : end;
   }
   /* The size of a record is computed from the sum of the lengths, here and in every module: the sum must cover all
    * fields (no gaps) and must not exceed the bytes received (no fields that share bytes). */
   return end <= total && total <= size - tmplt->static_size && total + tmplt->static_size <= UR_MAX_SIZE;
}

UR_PUBLIC void *ur_create_record(const ur_template_t *tmplt, uint16_t max_var_size)
{
   uint32_t size = (uint32_t) tmplt->static_size + max_var_size;
   size = size < UR_MAX_SIZE ? size : UR_MAX_SIZE;
   return calloc(1, size > 0 ? size : 1);
}

UR_PUBLIC void ur_free_record(void *record)
{
   free(record);
}

UR_PUBLIC void *ur_clone_record(const ur_template_t *tmplt, const void *src)
{
   size_t size = (size_t) ur_rec_size(tmplt, src);
   void *copy = malloc(size > 0 ? size : 1);
   return copy != NULL ? memcpy(copy, src, size) : NULL;
}

/* ---------------------------------------------- records with a known capacity */

UR_PUBLIC int ur_record_init(ur_record_t *record, const ur_template_t *tmplt, uint16_t max_var_size)
{
   uint32_t size = (uint32_t) tmplt->static_size + max_var_size;
   record->tmplt = tmplt;
   record->room = size < UR_MAX_SIZE ? size : UR_MAX_SIZE;
   record->data = ur_create_record(tmplt, max_var_size);
   return record->data != NULL ? UR_OK : UR_E_MEMORY;
}

UR_PUBLIC void ur_record_free(ur_record_t *record)
{
   ur_free_record(record->data);
   record->data = NULL;
   record->room = 0;
}

UR_PUBLIC int ur_record_set_var(ur_record_t *record, int field_id, const void *val_ptr, int val_len)
{
   return set_var_within(record->tmplt, record->data, record->room, field_id, val_ptr, val_len);
}

UR_PUBLIC int ur_record_array_resize(ur_record_t *record, int field_id, int len)
{
   return array_resize_within(record->tmplt, record->data, record->room, field_id, len);
}

UR_PUBLIC int ur_record_copy_fields(ur_record_t *record, const ur_template_t *src_tmplt, const void *src)
{
   return copy_fields_within(record->tmplt, record->data, record->room, src_tmplt, src);
}

UR_PUBLIC int ur_record_set_from_string(ur_record_t *record, ur_field_id_t field_id, const char *v)
{
   return set_from_string_within(record->tmplt, record->data, record->room, field_id, v);
}
