/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: lines of text as records. First byte: delimiter and order of columns; the rest is a line. */
#include "fuzz.h"

#include <unirec/unirec2csv.h>

/* A line that the library wrote is read back to a record that gives the same line. A char is written as the byte
 * that it is, be it a delimiter or a quote: the field is cleared first. */
static void round_trip(urcsv_t *csv, const ur_template_t *t, void *rec, char delimiter)
{
   *(char *) ur_get_ptr_by_id(t, rec, ur_get_id_by_name("T2")) = 'c';
   char *line = urcsv_record(csv, rec);
   void *again = ur_create_record(t, UR_MAX_SIZE);
   PROMISE(line != NULL && again != NULL);
   int rc = urcsv_parse(t, again, line, delimiter, NULL, 0, NULL);
   if (rc == 0) {
      char *second = urcsv_record(csv, again);
      PROMISE(second != NULL && strcmp(line, second) == 0);
      free(second);
   } else {
      PROMISE(rc == 0);
   }
   ur_free_record(again);
   free(line);
}

static void each_field(const ur_template_t *t, const void *rec)
{
   for (int i = 0; i < t->count; i++) {
      char *exact = malloc(40);
      int n = urcsv_field(exact, 40, rec, (ur_field_type_t) t->ids[i], (ur_template_t *) (uintptr_t) t);
      PROMISE(n >= 0 && n <= 40);
      free(exact);
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size == 0) {
      return 0;
   }
   ur_template_t *t = fuzz_all_types();
   void *rec = ur_create_record(t, UR_MAX_SIZE);
   char delimiter = ",;\t "[data[0] & 3], *line = fuzz_text(data + 1, size - 1);
   ur_field_id_t columns[UR_COUNT_OF_TYPES], bad = UR_INVALID_FIELD;
   for (int i = 0; i < UR_COUNT_OF_TYPES; i++) { /* any order, some of them twice */
      columns[i] = t->ids[(i * (1 + (data[0] >> 2))) % t->count];
   }
   bool sorted = (data[0] & 4) == 0;
   int rc =
       urcsv_parse(t, rec, line, delimiter, sorted ? NULL : columns, sorted ? 0 : UR_COUNT_OF_TYPES, &bad);
   PROMISE(rc == 0 || ur_is_present(t, bad));
   PROMISE(ur_rec_check(t, rec, (uint32_t) ur_rec_size(t, rec)));
   urcsv_t *csv = urcsv_init(t, delimiter);
   each_field(t, rec);
   if (rc >= 0) {
      round_trip(csv, t, rec, delimiter);
   }
   urcsv_free(&csv);
   free(line);
   ur_free_record(rec);
   ur_free_template(t);
   ur_finalize();
   return 0;
}
