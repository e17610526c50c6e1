/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: bl_downloader_config.xml. */
#include "../config.h"
#include "memory_file.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[BL_ERROR] = "";
   struct bl_config config;
   bool good = bl_config_read(memory_file(data, size), &config, NULL, NULL, error);
   if (good == (error[0] != 0) || good != (config.n > 0)) {
      abort();
   }
   for (size_t i = 0; i < config.n; i++) {
      const struct bl_source *s = &config.sources[i];
      if (s->id < 1 || s->id > BL_MAX_LISTS || s->interval < 1 || strncasecmp(s->url, "http", 4) != 0 ||
          memchr(s->name, 0, sizeof(s->name)) == NULL) {
         abort();
      }
   }
   bl_config_free(&config);
   return 0;
}
