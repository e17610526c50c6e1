/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: files of rules and lists. The first byte chooses, the second tells where the text to search begins. */
#include "../rules.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const enum field fields[] = {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS};
   char error[RULES_ERROR] = "";
   uint64_t given_up = 0, bits[RULES_WORDS];
   if (size < 2) {
      return 0;
   }
   const char *text = (const char *) data + 2;
   size_t n = size - 2, at = n * data[1] / 256;
   struct rules *r = rules_new();
   if (r == NULL) {
      abort();
   }
   bool good = data[0] % 4 < 3
                   ? rules_parse_list(r, RULE_PHP, (enum list_kind)(data[0] % 4), fields, "f", text, n, error)
                   : rules_parse(r, RULE_XSS, "f", text, n, error);
   if ((!good && error[0] == 0) || !rules_finish(r, ENGINE_PCRE2, error)) {
      abort();
   }
   rules_candidates(r, FIELD_ARGS, text + at, n - at, bits);
   for (uint32_t i = 0; i < rules_count(r); i++) {
      rules_match(r, i, text + at, n - at, &given_up);
   }
   rules_free(r);
   return 0;
}
