/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target of a blacklist filter, included behind its source: a plain list, a zero byte, then records of FLOWS, each behind its
 * length in two bytes. */
#include "memory_file.h"

#include <nemea/module_test.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char arguments[128];
   size_t length = strnlen((const char *) data, size);
   snprintf(arguments, sizeof(arguments), "--blacklist %s", memory_file(data, length));
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   if (t == NULL || nm_test_error(t) != NULL || nm_test_format(t, 0, FLOWS) != NM_OK) {
      abort();
   }
   for (size_t i = length + 1; i + 2 <= size;) {
      size_t n = (size_t) data[i] | (size_t) data[i + 1] << 8;
      i += 2;
      n = n > size - i ? size - i : n;
      if (nm_test_feed_bytes(t, 0, data + i, (uint16_t) n, 0) == NM_ERROR) {
         abort();
      }
      while (nm_test_next(t, 0) != NULL) {
      }
      i += n;
   }
   nm_test_free(t);
   return 0;
}
