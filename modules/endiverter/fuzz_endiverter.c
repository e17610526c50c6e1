/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: records that endiverter converts.
 *
 * The input is a format, a zero byte, and a record. What became of the record is converted back, which must give the original
 * (of records with one variable-length field; several may share bytes).
 */
#define NM_TEST
#include "endiverter.c"

#include <nemea/module_test.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned variable_fields(const ur_template_t *t)
{
   unsigned n = 0;
   for (uint16_t i = 0; i < t->count; i++) {
      n += ur_is_varlen(t->ids[i]);
   }
   return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static char format_text[4096], once[UR_MAX_SIZE];
   size_t length = strnlen((const char *) data, size);
   size_t rest = size - length;
   if (length >= sizeof(format_text) || rest < 3 || rest > UR_MAX_SIZE) {
      return 0;
   }
   memcpy(format_text, data, length);
   format_text[length] = 0;
   nm_test_t *t = nm_test_new(&nm_definition, "");
   if (t == NULL) {
      abort();
   }
   if (nm_test_format(t, 0, format_text) == NM_OK) {
      struct endiverter *self = nm_self(nm_test_module(t));
      nm_record_t rec = {.data = (void *) (uintptr_t) (data + length + 1), .size = (uint16_t) (rest - 1)};
      const ur_template_t *tmplt = nm_in_n(nm_test_module(t), 0);
      bool native = ur_rec_check(tmplt, rec.data, rec.size);
      if (convert(self, tmplt, &rec)) {
         memcpy(once, self->record, rec.size);
         nm_record_t back = {.data = once, .size = rec.size};
         /* A record that is good both ways is taken for one of this machine both times. */
         bool ambiguous = native && ur_rec_check(tmplt, once, rec.size);
         if (!ambiguous && (!convert(self, tmplt, &back) ||
                            (variable_fields(tmplt) < 2 && memcmp(self->record, rec.data, rec.size) != 0))) {
            abort();
         }
      }
      nm_test_feed_bytes(t, 0, rec.data, rec.size, 0);
   }
   nm_test_free(t);
   return 0;
}
