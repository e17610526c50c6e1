/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: untrusted records: those that ur_rec_check() accepts can be read, copied and changed. */
#include "fuzz.h"

#include <unirec/unirec2csv.h>

static unsigned sum(const void *data, size_t size)
{
   unsigned s = 0;
   for (size_t i = 0; i < size; i++) {
      s += ((const unsigned char *) data)[i];
   }
   return s;
}

static void read_fields(const ur_template_t *t, const void *rec)
{
   static volatile unsigned seen; /* keeps the reads */
   for (ur_iter_t id = UR_ITER_BEGIN; (id = ur_iter_fields(t, id)) != UR_ITER_END;) {
      seen = seen + sum(ur_get_ptr_by_id(t, rec, id), (size_t) ur_get_len(t, rec, id));
      if (ur_is_varlen(id)) {
         free(ur_get_var_as_str(t, rec, id));
      }
   }
}

static void check_same(const ur_template_t *ta, const void *a, const ur_template_t *tb, const void *b)
{
   for (ur_iter_t id = UR_ITER_BEGIN; (id = ur_iter_fields(tb, id)) != UR_ITER_END;) {
      int n = ur_get_len(ta, a, id);
      PROMISE(n == ur_get_len(tb, b, id));
      PROMISE(memcmp(ur_get_ptr_by_id(ta, a, id), ur_get_ptr_by_id(tb, b, id), (size_t) n) == 0);
   }
}

/* Copies to a template with all fields, to one with few, and to the same. */
static void copy(const ur_template_t *t, const void *rec, const ur_template_t *few, const ur_template_t *more)
{
   void *to = ur_create_record(few, UR_MAX_SIZE);
   ur_copy_fields(few, to, t, rec);
   PROMISE(ur_rec_check(few, to, (uint32_t) ur_rec_size(few, to)));
   check_same(t, rec, few, to);
   ur_free_record(to);
   to = ur_create_record(more, UR_MAX_SIZE);
   ur_set_string(more, to, ur_get_id_by_name("EXTRA"), "extra");
   ur_copy_fields(more, to, t, rec);
   PROMISE(ur_rec_check(more, to, (uint32_t) ur_rec_size(more, to)));
   ur_free_record(to);
}

/* Changes the lengths of all fields, in a record with room for the largest. */
static void edit(const ur_template_t *t, const void *rec, int step)
{
   void *to = ur_create_record(t, UR_MAX_SIZE);
   ur_cpy(t, rec, to);
   for (int i = t->first_dynamic; i < t->count; i++) {
      int id = t->ids[i], was = ur_get_var_len(t, to, id), size = ur_rec_size(t, to);
      int rc = ur_array_resize(t, to, id, was + step);
      PROMISE(rc == UR_OK || (rc == UR_E_TOO_LONG && was + step + size - was > UR_MAX_SIZE) ||
              (rc == UR_E_INVALID_PARAMETER && was + step < 0));
      if (rc == UR_OK && was > 0) {
         ur_set_var(t, to, id, "0123456789abcdef", was < 16 ? was : 16);
      }
      ur_array_append_get_ptr(t, to, id);
      PROMISE(ur_rec_check(t, to, (uint32_t) ur_rec_size(t, to)));
   }
   read_fields(t, to);
   ur_free_record(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   ur_template_t *t = fuzz_all_types();
   ur_template_t *few = ur_create_template("T0,T5,T16,T27", NULL);
   ur_define_field("EXTRA", UR_TYPE_STRING);
   ur_template_t *more = ur_expand_template("string EXTRA", ur_create_template("T28,T0,T13,T22", NULL));
   size_t step = size > 0 ? data[0] : 0;
   if (size > 0) {
      data++;
      size--;
   }
   uint32_t length = size < 0x20000 ? (uint32_t) size : 0x20000;
   char *rec = fuzz_text(data, length);
   rec = realloc(rec, length > 0 ? length : 1); /* no byte after the record */
   if (ur_rec_check(t, rec, length)) {
      read_fields(t, rec);
      urcsv_t *csv = urcsv_init(t, ',');
      free(urcsv_record(csv, rec));
      urcsv_free(&csv);
      void *clone = ur_clone_record(t, rec);
      ur_free_record(clone);
      copy(t, rec, few, more);
      edit(t, rec, (int) step - 128);
   }
   free(rec);
   ur_free_template(more);
   ur_free_template(few);
   ur_free_template(t);
   ur_finalize();
   return 0;
}
