/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: tables of elements. What was accepted can be looked up, what was not has a message. */
#include "collector/elements.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char *errors;
   struct fc_elements *table = fc_elements_parse("fuzz", (const char *) data, size, &errors);
   if (table == NULL) {
      if (errors == NULL || strncmp(errors, "fuzz:", 5) != 0) {
         abort();
      }
      free(errors);
      return 0;
   }
   for (unsigned id = 0; id < 512; id++) {
      for (const struct fc_element *e = fc_elements_find(table, 0, (uint16_t) id); e != NULL; e = e->next) {
         if (e->id != id || fc_elements_type(table, e->field) != (int) e->type) {
            abort();
         }
      }
   }
   fc_elements_free(table);
   return 0;
}
