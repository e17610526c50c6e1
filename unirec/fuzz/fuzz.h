/* SPDX-License-Identifier: BSD-3-Clause */
/** Helpers for the fuzz targets of libunirec. */
#ifndef UR_FUZZ_H
#define UR_FUZZ_H

#include <stdbool.h>

#include <unirec/unirec.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Aborts with a message: a broken guarantee of the library is a finding, like an invalid access. */
#define PROMISE(what)                                                       \
   do {                                                                     \
      if (!(what)) {                                                        \
         fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
         abort();                                                           \
      }                                                                     \
   } while (0)

/** A NUL-terminated copy of exactly its size, to free(). */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
   char *text = malloc(size + 1);
   if (text == NULL) {
      abort();
   }
   if (size > 0) {
      memcpy(text, data, size);
   }
   text[size] = 0;
   return text;
}

/** One field of each type, named T followed by the number of the type. \return their template, for free() */
static inline ur_template_t *fuzz_all_types(void)
{
   char spec[32 * UR_COUNT_OF_TYPES] = "", *p = spec;
   for (int type = 0; type < UR_COUNT_OF_TYPES; type++) {
      p += sprintf(p, "%s%s T%d", type > 0 ? "," : "", ur_field_type_str[type], type);
   }
   return ur_define_fields_and_update_template(spec, NULL);
}

#endif
