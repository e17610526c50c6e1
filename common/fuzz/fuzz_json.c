/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: JSON. What was normalized once does not change any more. */
#include <nemea-common/nc_json.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   nc_json_t once = {0}, twice = {0};
   nc_json_error_t error = {0};
   char *text = malloc(size + 1); /* exact, so that ASan sees a byte too many */
   if (text == NULL) {
      abort();
   }
   memcpy(text, data, size);
   if (!nc_json_normalize(&once, text, size, -1, &error)) {
      if (error.reason == NULL || error.offset > size || once.length != 0) {
         abort();
      }
   } else if (!nc_json_normalize(&twice, once.data, once.length, -1, &error) || twice.length != once.length ||
              memcmp(once.data, twice.data, once.length) != 0) {
      abort();
   } else {
      nc_json_clear(&twice); /* this writer has seen an object of the same names */
      if (!nc_json_normalize(&twice, text, size, -1, &error) || twice.length != once.length ||
          memcmp(once.data, twice.data, once.length) != 0) {
         abort();
      }
   }
   nc_json_clear(&twice);
   (void) nc_json_normalize(&twice, text, size, 1, &error);
   free(text);
   nc_json_free(&once);
   nc_json_free(&twice);
   return 0;
}
