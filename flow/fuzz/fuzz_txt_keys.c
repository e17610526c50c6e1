/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the file of dnssd's option txt. First byte: length of the owner's name that follows it; then the file. */
#include "plugins/txt_keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct txt_keys keys;
   char error[TXT_KEYS_ERROR];
   size_t n = size > 0 && data[0] < size ? data[0] : 0;
   if (size <= n || size - n - 1 >= sizeof(keys.text)) {
      return 0;
   }
   struct span owner = span_of(data + 1, n);
   memcpy(keys.text, data + 1 + n, size - n - 1);
   if (!txt_keys_parse(&keys, size - n - 1, "file", error)) {
      return 0;
   }
   for (unsigned i = 0; i < keys.n; i++) {
      txt_keys_wanted(&keys, owner, keys.keys[i]);
      if (!txt_keys_wanted(&keys, keys.services[i], span_of("none-of-these", 13)) && keys.keys[i].n > 0 &&
          memchr(keys.keys[i].p, ',', keys.keys[i].n) == NULL &&
          memchr(keys.keys[i].p, '=', keys.keys[i].n) == NULL &&
          !txt_keys_wanted(&keys, keys.services[i], span_trim(keys.keys[i]))) {
         abort(); /* the only key of a line is found for its service */
      }
   }
   return 0;
}
