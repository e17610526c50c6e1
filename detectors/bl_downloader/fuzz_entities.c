/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: downloaded lists. The first byte chooses the kind; what was found is written, read again and must be the same. */
#include "entities.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct bl_source *s, const struct entities *e)
{
   struct entities again;
   char *text = NULL;
   size_t size;
   FILE *to = open_memstream(&text, &size);
   if (to == NULL || !entities_write(e, to) || fclose(to) != 0 || !entities_read(s, text, size, &again) ||
       !entities_equal(e, &again)) {
      abort();
   }
   entities_free(&again);
   free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[BL_ERROR];
   struct entities e;
   if (size < 1) {
      return 0;
   }
   unsigned kind = data[0];
   struct bl_source s = {.id = 1 + (kind >> 4),
                         .format = (enum bl_format)(kind % 3),
                         .column = 2,
                         .names = kind & 8,
                         .address_key = "ip",
                         .prefix_key = "prefix",
                         .port_key = "port"};
   if (s.names) {
      s.files[BL_FILE_URL] = s.files[BL_FILE_DNS] = true;
      s.format = s.format == BL_FORMAT_JSON ? BL_FORMAT_TEXT : s.format;
   } else {
      s.files[kind & 4 ? BL_FILE_IP6 : BL_FILE_IP4] = true;
   }
   bool good = entities_extract(&s, (const char *) data + 1, size - 1, &e, error);
   if (good != (error[0] == 0)) {
      abort();
   }
   if (good) {
      check_again(&s, &e);
      entities_free(&e);
   }
   if (!entities_read(&s, (const char *) data + 1, size - 1, &e)) {
      abort();
   }
   const struct bl_source sources[2] = {s, s};
   const struct entities both[2] = {e, e};
   for (int file = 0; file < BL_FILE_COUNT; file++) {
      char *text = NULL;
      size_t length;
      FILE *to = open_memstream(&text, &length);
      if (to == NULL || !entities_detector_file((enum bl_file) file, sources, both, 2, to) ||
          fclose(to) != 0) {
         abort();
      }
      free(text);
   }
   entities_free(&e);
   return 0;
}
