/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: rules of scalar_agg. */
#include "rule.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct rule rule;
   char error[RULE_ERROR] = "";
   char *text = malloc(size + 1);
   if (text == NULL) {
      return 0;
   }
   memcpy(text, data, size);
   text[size] = 0;
   bool good = rule_parse(&rule, text, NULL, NULL, error);
   free(text);
   if (good != (error[0] == 0) || good != (rule.name != NULL && rule.field != NULL) ||
       (!good && rule.filter != NULL)) {
      abort();
   }
   rule_free(&rule);
   return 0;
}
