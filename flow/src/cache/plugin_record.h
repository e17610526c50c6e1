/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The record that plugins fill. Each field of variable length that is set is written behind those that were set before; the order of
 * the record is made at the end, once, and nothing is moved when they were set in that order (by element size, then by name).
 */
#ifndef FLOW_PLUGIN_RECORD_H
#define FLOW_PLUGIN_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unirec/unirec.h>

struct plugin_record {
   uint32_t used;                           /* bytes after the fixed part */
   _Alignas(16) uint8_t bytes[UR_MAX_SIZE]; /* what plugins get as rec */
   uint8_t other[UR_MAX_SIZE];              /* for bytes that are put in order */
};

/* For plugin_set_var(): a field that was set before gets another value. */
void plugin_record_replace(const ur_template_t *t, struct plugin_record *r, int id, const void *value,
                           size_t n);
/* For plugin_record_end(): puts in order what was set in another one. */
void plugin_record_sort(const ur_template_t *t, struct plugin_record *r);

/** All fields are zero or empty. \return what plugins get */
static inline void *plugin_record_begin(const ur_template_t *t, struct plugin_record *r)
{
   r->used = 0;
   return memset(r->bytes, 0, t->static_size);
}

/** For plugins' fill(), in place of ur_set_var(): sets one of their fields of variable length. It stays as it is when the record would exceed
 * UR_MAX_SIZE bytes. rec: of plugin_record_begin() */
static inline void plugin_set_var(const ur_template_t *t, void *rec, int id, const void *value, size_t n)
{
   struct plugin_record *r =
       (struct plugin_record *) (void *) ((uint8_t *) rec - offsetof(struct plugin_record, bytes));
   ur_u_uint16_t *d = UR_DESC_(t, rec, id);
   if (__builtin_expect(d[1] != 0, 0)) {
      plugin_record_replace(t, r, id, value, n);
   } else if (n > 0 && n <= UR_MAX_SIZE - t->static_size - r->used) {
      memcpy(r->bytes + t->static_size + r->used, value, n);
      d[0] = (uint16_t) r->used;
      d[1] = (uint16_t) n;
      r->used += (uint32_t) n;
   }
}

/** To be called when all are set, and before the record is read. \return its size */
static inline uint16_t plugin_record_end(const ur_template_t *t, struct plugin_record *r)
{
   int n = t->first_dynamic == UR_NO_DYNAMIC_VALUES ? 0 : t->count - t->first_dynamic;
   ur_u_uint16_t *d = (ur_u_uint16_t *) (void *) (r->bytes + t->static_size - 4 * (size_t) n);
   uint32_t at = 0, unusual = 0;
   for (int i = 0; i < n; i++, d += 2) {
      uint32_t length = d[1];
      unusual |= length != 0 ? d[0] ^ at : 0;
      if (length == 0) { /* one that is empty has its place, too */
         d[0] = (uint16_t) at;
      }
      at += length;
   }
   if (__builtin_expect(unusual != 0, 0)) {
      plugin_record_sort(t, r);
   }
   return (uint16_t) (t->static_size + r->used);
}

#endif
