/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: formats of capture files. */
#include "capture/capture_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct capture_format format;
   int64_t n = capture_format_detect(&format, data, size);
   if (n <= 0) {
      return 0;
   }
   size_t at = n == CAPTURE_NO_HEADER ? 0 : (size_t) n;
   while (at < size) {
      struct raw_packet raw = {0};
      bool found = false;
      n = format.next(&format, data + at, size - at, &raw, &found);
      if (n <= 0) {
         break;
      }
      if (found && raw.captured > 0) {
         if (raw.data < data || raw.data + raw.captured > data + size) {
            abort();
         }
      }
      at += (size_t) n;
   }
   return 0;
}
