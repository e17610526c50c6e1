/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the configuration of clickhouse. */
#include "config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char why[CONFIG_WHY] = "";
   struct config *c = config_read((const char *) data, size, why);
   if (c == NULL ? *why == 0 : c->n_endpoints == 0 || c->n_columns == 0) {
      abort();
   }
   config_free(c);
   return 0;
}
