/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the configurator. The pattern, a zero byte, the user's file. */
#include "configurator.h"

#include <nemea-common/configurator.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conf_member *top, uint8_t *out)
{
   for (size_t i = 0; i < top->n_members; out += top->members[i].size, i++) {
      const struct conf_member *m = &top->members[i];
      if (m->kind == CONF_STRUCT) {
         check(m, out);
      } else if (m->kind == CONF_ARRAY) {
         uint8_t *array;
         memcpy(&array, out, sizeof(array));
         unsigned int n = configuratorGetArrElemCount(array);
         if ((array == NULL) != (n == 0)) {
            abort();
         }
         for (unsigned int k = 0; k < n; k++) {
            check(m, array + k * m->stride);
         }
      } else if (m->type->family == CONF_STRING && memchr(out, 0, m->size) == NULL) {
         abort();
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static FILE *nowhere;
   if (nowhere == NULL) {
      nowhere = stderr = fopen("/dev/null", "w"); /* messages are not what is looked at here */
   }
   const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
   size_t pattern_size = zero != NULL ? (size_t) (zero - data) : size;
   size_t user_size = zero != NULL ? size - pattern_size - 1 : 0;
   struct conf_member top = {0};
   xmlDoc *pattern = conf_read("pattern", (const char *) data, pattern_size);
   if (pattern != NULL && conf_pattern(pattern, &top)) {
      uint8_t *out = malloc(top.size);
      xmlDoc *user = conf_read("user", zero != NULL ? (const char *) zero + 1 : "", user_size);
      if (out != NULL && user != NULL) {
         memset(out, 'x', top.size);
         if (conf_fill(&top, user, out)) {
            check(&top, out);
         }
      }
      xmlFreeDoc(user);
      free(out);
   }
   xmlFreeDoc(pattern);
   conf_pattern_free(&top);
   configuratorFreeUAMBS();
   return 0;
}
