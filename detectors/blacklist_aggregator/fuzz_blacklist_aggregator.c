/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: records of blacklist_aggregator: input (one byte), length (two bytes), record. Each message must be JSON. */
#define NM_TEST
#include "blacklist_aggregator.c"

#include "../common/fuzz_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_messages(nm_test_t *t)
{
   nc_json_t json = {0};
   nc_json_error_t error;
   size_t length;
   const void *message;
   while ((message = nm_test_next_bytes(t, 0, &length)) != NULL) {
      nc_json_clear(&json);
      if (!nc_json_normalize(&json, message, length, -1, &error)) {
         abort();
      }
   }
   nc_json_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-t 0.05 --capacity 8");
   if (t == NULL || nm_test_error(t) != NULL || nm_test_format(t, 0, IP_ALERTS) != NM_OK ||
       nm_test_format(t, 1, URL_ALERTS) != NM_OK) {
      abort();
   }
   fuzz_messages(t, data, size, check_messages);
   nm_test_free(t);
   return 0;
}
