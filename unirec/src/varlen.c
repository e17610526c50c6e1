/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Variable-length fields: their lengths, and moving the data after a field whose length changes.
 *
 * copy.c and parse.c set fields through the functions ending in _within; record.c is built on all three.
 */
#include "internal.h"

static uint32_t total_length(const ur_u_uint16_t *descriptor, int n)
{
   uint32_t total = 0;
   for (int i = 0; i < n; i++) {
      total += descriptor[2 * i + 1];
   }
   return total;
}

UR_PUBLIC uint16_t ur_rec_varlen_size(const ur_template_t *tmplt, const void *rec)
{
   int n;
   const ur_u_uint16_t *d = descriptors(tmplt, rec, &n);
   return (uint16_t) total_length(d, n);
}

UR_PUBLIC void ur_clear_varlen(const ur_template_t *tmplt, void *rec)
{
   int n;
   ur_u_uint16_t *d = descriptors(tmplt, rec, &n);
   memset((void *) d, 0, (size_t) n * 4);
}

/* A received record may have its data in another order or with gaps, or any offset for an empty field: puts the data in
 * the usual order, without gaps. */
static bool normalize(const ur_template_t *t, void *rec)
{
   int n;
   uint16_t at = 0;
   ur_u_uint16_t *d = descriptors(t, rec, &n);
   char *data = UR_AT_(rec, t->static_size);
   uint32_t total = total_length(d, n);
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

/* Changes the length of a variable-length field and moves the data after it. limit: largest size of the record in bytes.
 * \return UR_OK, UR_E_TOO_LONG; 1: the data are not in the usual order, nothing was changed */
static inline int move_following(const ur_template_t *t, void *rec, uint32_t limit, ur_u_uint16_t *first,
                                 ur_u_uint16_t *end, ur_u_uint16_t *d, int len)
{
   uint32_t before = 0, unusual = 0, old = d[1];
   for (const ur_u_uint16_t *p = first; p < d; p += 2) {
      unusual |= p[0] ^ before;
      before += p[1];
   }
   unusual |= d[0] ^ before;
   uint32_t after = before + old, delta = (uint32_t) len - old;
   for (const ur_u_uint16_t *p = d + 2; p < end; p += 2) {
      unusual |= p[0] ^ after;
      after += p[1];
   }
   if (after + delta + t->static_size > limit || unusual) {
      return unusual ? 1 : UR_E_TOO_LONG;
   }
   uint32_t moved = after - before - old;
   for (ur_u_uint16_t *p = d + 2; p < end; p += 2) {
      p[0] = (uint16_t) (p[0] + delta);
   }
   d[1] = (uint16_t) len;
   if (moved > 0) {
      char *data = UR_AT_(rec, t->static_size) + before;
      memmove(data + len, data + old, moved);
   }
   return UR_OK;
}

static __attribute__((noinline, cold)) int normalize_and_move(const ur_template_t *t, void *rec,
                                                              uint32_t limit, ur_u_uint16_t *first,
                                                              ur_u_uint16_t *end, ur_u_uint16_t *d, int len)
{
   return normalize(t, rec) ? move_following(t, rec, limit, first, end, d, len) : UR_E_MEMORY;
}

/* Changes the length of a variable-length field to len bytes.
 * \param[out] data its first byte. \param[out] old its previous length. \return as ur_set_var() */
static inline int resize(const ur_template_t *t, void *rec, uint32_t limit, int id, int len, char **data,
                         int *old)
{
   int n;
   ur_u_uint16_t *first = descriptors(t, rec, &n);
   if (!ur_is_present(t, id) || t->offset[id] < t->static_size - 4 * n) { /* absent, or of fixed length */
      return UR_E_INVALID_FIELD_ID;
   }
   ur_u_uint16_t *d = UR_DESC_(t, rec, id);
   *data = UR_AT_(rec, t->static_size) + d[0];
   *old = d[1];
   if (*old == len) {
      return UR_OK;
   }
   if (len < 0) {
      return UR_E_INVALID_PARAMETER;
   }
   int rc = move_following(t, rec, limit, first, first + 2 * n, d, len);
   if (__builtin_expect(rc > 0, 0)) {
      rc = normalize_and_move(t, rec, limit, first, first + 2 * n, d, len);
      *data = UR_AT_(rec, t->static_size) + d[0];
   }
   return rc;
}

int set_var_within(const ur_template_t *t, void *rec, uint32_t limit, int id, const void *value, int len)
{
   char *data;
   int old;
   int rc = resize(t, rec, limit, id, len, &data, &old);
   if (rc == UR_OK && len > 0) {
      memcpy(data, value, (size_t) len);
   }
   return rc;
}

int array_resize_within(const ur_template_t *t, void *rec, uint32_t limit, int id, int len)
{
   char *data;
   int old;
   int rc = resize(t, rec, limit, id, len, &data, &old);
   if (rc == UR_OK && len > old) {
      memset(data + old, 0, (size_t) (len - old));
   }
   return rc;
}

UR_PUBLIC int ur_set_var(const ur_template_t *tmplt, void *rec, int field_id, const void *val_ptr,
                         int val_len)
{
   return set_var_within(tmplt, rec, UR_MAX_SIZE, field_id, val_ptr, val_len);
}

UR_PUBLIC int ur_array_resize(const ur_template_t *tmplt, void *rec, int field_id, int len)
{
   return array_resize_within(tmplt, rec, UR_MAX_SIZE, field_id, len);
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
