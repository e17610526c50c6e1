/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the file of domain names. */
#include "tags.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[TAGS_ERROR] = "";
   FILE *file = size > 0 ? fmemopen((void *) (uintptr_t) data, size, "r") : NULL;
   if (file == NULL) {
      return 0;
   }
   tags_t *tags = tags_read(file, error);
   fclose(file);
   if ((tags == NULL) == (error[0] == 0)) {
      abort(); /* every failure has a reason */
   }
   if (tags != NULL) {
      uint32_t tag = 0;
      if (tags_find(tags, (const char *) data, size, &tag) && tag >= tags_count(tags)) {
         abort();
      }
      tags_find(tags, "www.example.com", 15, &tag);
      tags_free(tags);
   }
   return 0;
}
