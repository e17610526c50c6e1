/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: answers of a resolver: name, zero byte, message. */
#include "../common/public_ip.h"
#include "lookup.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char name[LOOKUP_NAME + 1];
   ip_addr_t addresses[LOOKUP_ADDRESSES];
   size_t n = strnlen((const char *) data, size);
   uint16_t id;
   if (n > LOOKUP_NAME || n + 3 > size) {
      return 0;
   }
   memcpy(name, data, n);
   name[n] = 0;
   memcpy(&id, data + n + 1, sizeof(id)); /* as if it were guessed */
   int found = lookup_parse(data + n + 1, size - n - 1, id, name, addresses);
   if (found < -2 || found > LOOKUP_ADDRESSES) {
      abort();
   }
   for (int i = 0; i < found; i++) {
      ip_is_public(&addresses[i]);
   }
   return 0;
}
