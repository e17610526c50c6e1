/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the configuration of bloom_history, and addresses that its smaller filters take. */
#include "filters.h"

#include <stdlib.h>
#include <string.h>

#define MOST_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[FILTERS_ERROR] = "";
   struct filters *f = filters_read((const char *) data, size, error);
   if (f == NULL && *error == 0) {
      abort();
   }
   for (uint32_t i = 0; f != NULL && i < f->n; i++) {
      struct filter *one = &f->list[i];
      if (filters_find(f, one->tag) != one) {
         abort();
      }
      if (one->body == NULL && one->body_size <= MOST_BYTES && filter_begin(one)) {
         filter_add(one, data, size < 16 ? size : 16);
      }
   }
   filters_free(f);
   return 0;
}
