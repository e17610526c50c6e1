/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: a configuration file of ipfixprobed. */
#include "program/probe_yaml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct probe_words words = {0};
   char error[PROBE_YAML_ERROR] = "";
   bool good = probe_yaml_read("fuzz", (const char *) data, size, &words, error);
   if (good != (error[0] == 0) || (good && words.n < 4)) {
      abort(); /* an error without a message; or neither input nor output */
   }
   for (unsigned i = 0; i < words.n; i++) {
      for (const char *p = words.words[i]; *p != 0; p++) {
         if ((unsigned char) *p < ' ') {
            abort();
         }
      }
   }
   probe_words_free(&words);
   return 0;
}
