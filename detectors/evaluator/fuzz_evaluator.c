/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: messages of evaluator: input (one byte), length (two bytes), record or JSON text. */
#define NM_TEST
#include "evaluator.c"

#include "../blacklist/fuzz/memory_file.h"
#include "../common/fuzz_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void skip(nm_test_t *t)
{
   (void) t; /* there is no output */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const char config[] = FUZZ_BLACKLISTS;
   static FILE *silent;
   char arguments[256];
   if (silent == NULL) {
      silent = freopen("/dev/null", "we", stdout);
   }
   snprintf(arguments, sizeof(arguments), "-c %s -4 %s --capacity 100 --events 10",
            memory_file(config, sizeof(config) - 1), "/dev/null");
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   if (t == NULL || nm_test_error(t) != NULL ||
       nm_test_format(t, 0,
                      "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint64 "
                      "SRC_BLACKLIST,uint64 DST_BLACKLIST,string "
                      "ADAPTIVE_IDS") != NM_OK) {
      abort();
   }
   fuzz_messages(t, data, size, skip);
   nm_test_free(t);
   return 0;
}
