/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * endiverter: records of the other byte order.
 *
 * A record with variable-length fields tells which byte order it has: in that of this machine their offsets and lengths fit,
 * in the other they do after swapping. So records are converted either way, and twice gives the original.
 */
#include <byteswap.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>

NM_FIELDS()

struct swap {
   uint16_t offset;
   uint8_t width;    /* bytes of a value, or of an element; 1: nothing to swap */
   bool is_variable; /* at offset: offset and length of the data */
};

struct endiverter {
   struct swap *swaps;
   uint32_t n;
   uint64_t bad;
   char record[UR_MAX_SIZE];
};

/* How many bytes change places in values of a type. */
static uint8_t width_of(ur_field_type_t type, uint32_t size)
{
   switch (type) {
   case UR_TYPE_IP:
   case UR_TYPE_MAC:
   case UR_TYPE_A_IP:
   case UR_TYPE_A_MAC: return 1;
   default: return (uint8_t) size;
   }
}

static int init(nm_module_t *m)
{
   struct endiverter *self = nm_self(m);
   nm_counter(m, "malformed", &self->bad);
   return NM_OK;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct endiverter *self = nm_self(m);
   const ur_template_t *t = nm_in_n(m, input);
   free(self->swaps);
   self->n = 0;
   self->swaps = calloc(t->count + 1u, sizeof(*self->swaps));
   if (self->swaps == NULL) {
      return nm_fail(m, "out of memory for %u fields", t->count);
   }
   for (ur_iter_t id = ur_iter_fields(t, UR_ITER_BEGIN); id != UR_ITER_END; id = ur_iter_fields(t, id)) {
      struct swap s = {t->offset[id], width_of(ur_get_type(id), (uint32_t) ur_array_get_elem_size(id)),
                       ur_is_varlen(id)};
      if (s.width > 1 || s.is_variable) {
         self->swaps[self->n++] = s;
      }
   }
   return NM_OK;
}

static void swap_values(char *at, uint32_t bytes, uint8_t width)
{
   for (uint32_t i = 0; i + width <= bytes; i += width) {
      switch (width) {
      case 2: *(ur_u_uint16_t *) (void *) (at + i) = bswap_16(*(ur_u_uint16_t *) (void *) (at + i)); break;
      case 4: *(ur_u_uint32_t *) (void *) (at + i) = bswap_32(*(ur_u_uint32_t *) (void *) (at + i)); break;
      case 8: *(ur_u_uint64_t *) (void *) (at + i) = bswap_64(*(ur_u_uint64_t *) (void *) (at + i)); break;
      default: return;
      }
   }
}

/* What is found by offsets and lengths, which have the byte order of this machine. */
static void swap_data(const struct endiverter *self, const ur_template_t *t, char *rec)
{
   for (uint32_t i = 0; i < self->n; i++) {
      const struct swap *s = &self->swaps[i];
      if (s->is_variable && s->width > 1) {
         const ur_u_uint16_t *d = (const ur_u_uint16_t *) (void *) (rec + s->offset);
         swap_values(rec + t->static_size + d[0], d[1], s->width);
      }
   }
}

/* Values of fixed length, and offsets and lengths. */
static void swap_static(const struct endiverter *self, char *rec)
{
   for (uint32_t i = 0; i < self->n; i++) {
      const struct swap *s = &self->swaps[i];
      swap_values(rec + s->offset, s->is_variable ? 4 : s->width, s->is_variable ? 2 : s->width);
   }
}

/* \return false: it fits its format in neither byte order */
static bool convert(struct endiverter *self, const ur_template_t *t, const nm_record_t *rec)
{
   memcpy(self->record, rec->data, rec->size);
   if (ur_rec_check(t, self->record, rec->size)) {
      swap_data(self, t, self->record);
      swap_static(self, self->record);
      return true;
   }
   if (rec->size < t->static_size) {
      return false;
   }
   swap_static(self, self->record);
   if (!ur_rec_check(t, self->record, rec->size)) {
      return false;
   }
   swap_data(self, t, self->record);
   return true;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct endiverter *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < n; i++) {
      if (convert(self, nm_in(m), &recs[i])) {
         rc = nm_send_raw(m, 0, self->record, recs[i].size);
      } else {
         self->bad++;
         nm_warn(m, "a record of %u bytes does not fit its format in either byte order; skipped",
                 recs[i].size);
      }
   }
   return rc;
}

static void cleanup(nm_module_t *m)
{
   struct endiverter *self = nm_self(m);
   free(self->swaps);
}

NM_MODULE("endiverter",
          "Swaps the byte order of all numbers and times in the records. Twice gives the original. "
          "Addresses, text and "
          "single bytes stay "
          "as they are.",
          .in = NM_INPUTS({"records", .unchecked = true}),
          .out = NM_OUTPUTS({"swapped", .format = NM_FOLLOW}), .state_size = sizeof(struct endiverter),
          .no_eos_option = "no_eof", .init = init, .format = format, .records = records, .cleanup = cleanup)
