/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: configuration files of hoststatsnemea. */
#include "../hoststats.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *context, int level, const char *text)
{
   size_t *sum = context;
   *sum += (size_t) level + strlen(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct config c;
   char error[CONFIG_LINE + 128] = "";
   size_t sum = 0;
   bool good = config_parse(&c, (const char *) data, size, take, &sum, error, sizeof(error));
   if (good != (error[0] == 0)) {
      abort(); /* an error without a message, or a message without an error */
   }
   if (good &&
       (c.table_size < 65536 || (c.table_size & (c.table_size - 1)) != 0 || c.active < 1 || c.inactive < 1 ||
        c.check_every < 1 || memchr(c.log_directory, 0, sizeof(c.log_directory)) == NULL)) {
      abort(); /* what the module relies on */
   }
   return 0;
}
