/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the configuration of link_traffic. */
#include <stdlib.h>

#include "links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct links links;
   char error[LINKS_ERROR] = "";
   FILE *file = size > 0 ? fmemopen((void *) (uintptr_t) data, size, "r") : NULL;
   if (file == NULL) {
      return 0;
   }
   bool good = links_read(&links, file, error);
   fclose(file);
   if (!good && error[0] == 0) {
      abort(); /* every failure has a reason */
   }
   for (size_t i = 0; good && i < links.n; i++) {
      if (links_find(&links, links.link[i].number) != (int) i) {
         abort();
      }
   }
   return 0;
}
