/* SPDX-License-Identifier: BSD-3-Clause */
/** Records: variable-length fields, arrays, copies, the check at the border. */
#include "template.h"

UR_PUBLIC int ur_rec_check(const ur_template_t *tmplt, const void *rec, uint32_t size)
{
   int n;
   if (size < tmplt->static_size) {
      return 0;
   }
   uint32_t total = 0, end = 0;
   const ur_u_uint16_t *d = descriptors(tmplt, rec, &n);
   for (int i = 0; i < n; i++, d += 2) {
      uint32_t behind = (uint32_t) d[0] + d[1];
      total += d[1];
      end = d[1] != 0 && behind > end ? behind : end;
   }
   /* The sum of the lengths is what the size of a record is worked out from, here and in every module: it must
    * cover all fields (no gaps), and no byte that did not come may be counted (fields that share bytes). */
   return end <= total && total <= size - tmplt->static_size && total + tmplt->static_size <= UR_MAX_SIZE;
}

UR_PUBLIC uint16_t ur_rec_varlen_size(const ur_template_t *tmplt, const void *rec)
{
   int n;
   uint32_t total = 0;
   const ur_u_uint16_t *d = descriptors(tmplt, rec, &n);
   for (int i = 0; i < n; i++) {
      total += d[2 * i + 1];
   }
   return (uint16_t) total;
}

UR_PUBLIC void ur_clear_varlen(const ur_template_t *tmplt, void *rec)
{
   int n;
   ur_u_uint16_t *d = descriptors(tmplt, rec, &n);
   memset((void *) d, 0, (size_t) n * 4);
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

/* A record from elsewhere may have its data in another order or with gaps: put them in the usual one. */
static bool normalize(const ur_template_t *t, void *rec)
{
   int n;
   uint16_t at = 0;
   ur_u_uint16_t *d = descriptors(t, rec, &n);
   char *data = UR_AT_(rec, t->static_size);
   uint32_t total = 0;
   for (int i = 0; i < n; i++) {
      total += d[2 * i + 1];
   }
   char *copy = total <= UR_MAX_SIZE ? malloc(total + 1) : NULL;
   if (copy == NULL) {
      return false;
   }
   for (int i = 0; i < n; i++) {
      memcpy(copy + at, data + d[2 * i], d[2 * i + 1]);
      d[2 * i] = at;
      at = (uint16_t) (at + d[2 * i + 1]);
   }
   memcpy(data, copy, total);
   free(copy);
   return true;
}

/* The same when the fields of the record do not lie in their order: afterwards they do. */
static __attribute__((noinline)) int resize_unusual(const ur_template_t *t, void *rec, int id, int len,
                                                    char **data);

/* Makes a variable-length field len bytes long and moves what stands behind it.
 * \param[out] data where its bytes are. \param[out] old its length before. \return as ur_set_var() */
static inline __attribute__((always_inline)) int resize(const ur_template_t *t, void *rec, int id, int len,
                                                        char **data, uint16_t *old)
{
   int n;
   ur_u_uint16_t *first = descriptors(t, rec, &n), *end = first + 2 * n;
   ur_u_uint16_t *d = ur_is_present(t, id) ? UR_DESC_(t, rec, id) : NULL;
   if (d < first || d >= end) { /* not there, or of fixed length */
      return UR_E_INVALID_FIELD_ID;
   }
   if (len < 0) {
      return UR_E_INVALID_PARAMETER;
   }
   *data = UR_AT_(rec, t->static_size) + d[0];
   *old = d[1];
   if (d[1] == len) {
      return UR_OK;
   }
   uint32_t at = 0;
   bool usual = true; /* fields lie in their order, without gaps */
   for (ur_u_uint16_t *p = first; p < d; p += 2) {
      usual &= (p[0] == at) | (p[1] == 0);
      at += p[1];
   }
   usual &= d[0] == at;
   int delta = len - d[1];
   uint32_t next = at + d[1]; /* where the next field lies, and what lies behind d moves by delta */
   ur_u_uint16_t *p = d + 2;
   for (; p < end && ((p[0] == next) | (p[1] == 0)); p += 2) {
      p[0] = (uint16_t) (next + (uint32_t) delta);
      next += p[1];
   }
   if (!usual || p < end || next + (uint32_t) delta + t->static_size > UR_MAX_SIZE) {
      for (ur_u_uint16_t *moved = d + 2; moved < p; moved += 2) {
         moved[0] = (uint16_t) (moved[0] - delta);
      }
      if ((uint32_t) (ur_rec_varlen_size(t, rec) + delta) + t->static_size > UR_MAX_SIZE) {
         return UR_E_TOO_LONG;
      }
      return resize_unusual(t, rec, id, len, data);
   }
   if (next > at + d[1]) {
      memmove(*data + len, *data + d[1], next - at - d[1]);
   }
   d[1] = (uint16_t) len;
   return UR_OK;
}

static int resize_unusual(const ur_template_t *t, void *rec, int id, int len, char **data)
{
   uint16_t old;
   return normalize(t, rec) ? resize(t, rec, id, len, data, &old) : UR_E_MEMORY;
}

UR_PUBLIC int ur_set_var(const ur_template_t *tmplt, void *rec, int field_id, const void *val_ptr,
                         int val_len)
{
   char *data;
   uint16_t old;
   int rc = resize(tmplt, rec, field_id, val_len, &data, &old);
   if (rc == UR_OK && val_len > 0) {
      memcpy(data, val_ptr, (size_t) val_len);
   }
   return rc;
}

UR_PUBLIC int ur_array_resize(const ur_template_t *tmplt, void *rec, int field_id, int len)
{
   char *data;
   uint16_t old;
   int rc = resize(tmplt, rec, field_id, len, &data, &old);
   if (rc == UR_OK && len > old) {
      memset(data + old, 0, (size_t) (len - old));
   }
   return rc;
}

UR_PUBLIC char *ur_array_append_get_ptr(const ur_template_t *tmplt, void *rec, int field_id)
{
   if (!ur_is_present(tmplt, field_id) || !ur_is_varlen(field_id)) {
      return NULL;
   }
   int length = ur_get_var_len(tmplt, rec, field_id);
   if (ur_array_resize(tmplt, rec, field_id, length + ur_array_get_elem_size(field_id)) != UR_OK) {
      return NULL;
   }
   return (char *) ur_get_ptr_by_id(tmplt, rec, field_id) + length;
}

UR_PUBLIC char *ur_get_var_as_str(const ur_template_t *tmplt, const void *rec, ur_field_id_t field_id)
{
   size_t length = ur_get_var_len(tmplt, rec, field_id);
   char *text = malloc(length + 1);
   if (text != NULL) {
      memcpy(text, ur_get_ptr_by_id(tmplt, rec, field_id), length);
      text[length] = 0;
   }
   return text;
}
