/* SPDX-License-Identifier: BSD-3-Clause */
#include "plugin_record.h"

void plugin_record_sort(const ur_template_t *t, struct plugin_record *r)
{
   int n = t->count - t->first_dynamic;
   uint8_t *data = r->bytes + t->static_size;
   ur_u_uint16_t *d = (ur_u_uint16_t *) (void *) (data - 4 * (size_t) n);
   uint32_t at = 0;
   memcpy(r->other, data, r->used);
   for (int i = 0; i < n; i++, d += 2) {
      memcpy(data + at, r->other + d[0], d[1]);
      d[0] = (uint16_t) at;
      at += d[1];
   }
}

void plugin_record_replace(const ur_template_t *t, struct plugin_record *r, int id, const void *value,
                           size_t n)
{
   plugin_record_end(t, r);
   ur_set_var(t, r->bytes, id, value, n <= UR_MAX_SIZE ? (int) n : UR_MAX_SIZE + 1);
   r->used = ur_rec_varlen_size(t, r->bytes);
}
