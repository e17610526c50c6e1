/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: messages of adaptive_filter: input (one byte), length (two bytes), JSON text or record. */
#define NM_TEST
#include "adaptive_filter.c"

#include "../blacklist/fuzz/memory_file.h"

#include <nemea/module_test.h>

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
   static const char config[] =
       "<configuration><struct name=\"blacklist_array\"><array type=\"IP\"><struct><element "
       "name=\"id\">1</element><element "
       "name=\"category\">Intrusion.Botnet</element><element name=\"method\">http</element><element "
       "name=\"name\">n</element><element "
       "name=\"file_format\">text</element><element name=\"source\">http://x</element><element "
       "name=\"download_interval\">1</element>"
       "<element name=\"ip_version\">4</element></struct></array></struct></configuration>";
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
   for (size_t i = 0; i + 3 <= size;) {
      size_t n = (size_t) data[i + 1] | (size_t) data[i + 2] << 8;
      uint32_t input = data[i] & 1;
      i += 3;
      n = n > size - i ? size - i : n;
      if (nm_test_feed_bytes(t, input, data + i, (uint16_t) n, 0) == NM_ERROR) {
         abort();
      }
      check_evidence(t);
      i += n;
   }
   if (nm_test_finish(t) != NM_OK) {
      abort();
   }
   check_evidence(t);
   nm_test_free(t);
   return 0;
}
