/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: messages of adaptive_filter: input (one byte), length (two bytes), JSON text or record. */
#define NM_TEST
#include "adaptive_filter.c"

#include "../blacklist/fuzz/memory_file.h"
#include "../common/fuzz_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_evidence(nm_test_t *t)
{
   size_t length;
   const void *message;
   while (nm_test_next_bytes(t, OUT_EVENTS, &length) != NULL) {
   }
   while ((message = nm_test_next_bytes(t, OUT_EVIDENCE, &length)) != NULL) {
      json_t *json = json_loadb(message, length, 0, NULL);
      if (json == NULL) {
         abort();
      }
      json_decref(json);
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const char config[] = FUZZ_BLACKLISTS;
   char arguments[256];
   setenv("NEMEA_RECORDING", "1", 1);
   snprintf(arguments, sizeof(arguments), "-a /dev/null/none -e 5 -p 1 --capacity 4 -c %s",
            memory_file(config, sizeof(config) - 1));
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   if (t == NULL || nm_test_error(t) != NULL ||
       nm_test_format(
           t, 1,
           "ipaddr SRC_IP,ipaddr DST_IP,string DNS_NAME,uint64 BLACKLIST,time TIME_FIRST,time TIME_LAST") !=
           NM_OK) {
      abort();
   }
   fuzz_messages(t, data, size, check_evidence);
   nm_test_free(t);
   return 0;
}
