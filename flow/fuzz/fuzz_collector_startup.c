/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: start-up files of ipfixcol2. */
#include "collector/startup.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char *errors;
   struct fc_startup *s = fc_startup_parse("fuzz", (const char *) data, size, &errors);
   if ((s == NULL) != (errors != NULL)) {
      abort(); /* an error without a message */
   }
   if (s != NULL && (s->n < 6 || s->words[s->n] != NULL || strcmp(s->words[s->n - 2], "-i") != 0)) {
      abort();
   }
   free(errors);
   fc_startup_free(s);
   return 0;
}
