/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: answers of osqueryi. */
#include "plugins/socket_owners.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct owner_table *t = owner_table_parse((const char *) data, size);
   struct socket_owner owner;
   struct host_facts host;
   for (uint32_t i = 0; t != NULL && i < t->n; i++) {
      if (!owner_table_find(t, &t->entries[i].key, &owner)) {
         abort();
      }
   }
   free(t);
   host_facts_parse((const char *) data, size, &host);
   return 0;
}
