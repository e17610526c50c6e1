/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: texts with addresses. What is mapped and mapped back has no byte more than there is room. */
#include "cryptopan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const uint8_t key[CRYPTOPAN_KEY] = {1, 2, 3};
   static struct cryptopan *c;
   if (c == NULL && (c = cryptopan_new(key, CRYPTOPAN_MURMUR)) == NULL) {
      abort();
   }
   size_t room = size < 2 ? size : 2 * size;
   char *text = malloc(size + 1), *to = malloc(room + 1); /* exact, so that ASan sees a byte too many */
   if (text == NULL || to == NULL) {
      abort();
   }
   memcpy(text, data, size);
   size_t n = cryptopan_map_text(c, text, size, to, room);
   if (n != SIZE_MAX && n > room) {
      abort();
   }
   free(text);
   free(to);
   return 0;
}
