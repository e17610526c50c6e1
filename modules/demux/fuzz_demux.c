/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the stream that demux takes apart. The input is a sequence of: one byte of length; as many bytes of a message. */
#define NM_TEST
#include "demux.c"

#include <nemea/module_test.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   if (t == NULL || nm_test_error(t) != NULL) {
      abort();
   }
   while (size > 1) {
      size_t n = data[0] < size - 1 ? data[0] : size - 1;
      nm_test_feed_bytes(t, 0, data + 1, (uint16_t) n, 0);
      data += 1 + n;
      size -= 1 + n;
   }
   nm_test_free(t);
   return 0;
}
