/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: messages of evaluator: input (one byte), length (two bytes), record or JSON text. */
#define NM_TEST
#include "evaluator.c"

#include "../blacklist/fuzz/memory_file.h"

#include <nemea/module_test.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const char config[] =
       "<configuration><struct name=\"blacklist_array\"><array type=\"IP\"><struct><element "
       "name=\"id\">1</element><element "
       "name=\"category\">Intrusion.Botnet</element><element name=\"method\">http</element><element "
       "name=\"name\">n</element><element "
       "name=\"file_format\">text</element><element name=\"source\">http://x</element><element "
       "name=\"download_interval\">1</element>"
       "<element name=\"ip_version\">4</element></struct></array></struct></configuration>";
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
   for (size_t i = 0; i + 3 <= size;) {
      size_t n = (size_t) data[i + 1] | (size_t) data[i + 2] << 8;
      uint32_t input = data[i] & 1;
      i += 3;
      n = n > size - i ? size - i : n;
      if (nm_test_feed_bytes(t, input, data + i, (uint16_t) n, 0) == NM_ERROR) {
         abort();
      }
      i += n;
   }
   if (nm_test_finish(t) != NM_OK) {
      abort();
   }
   nm_test_free(t);
   return 0;
}
