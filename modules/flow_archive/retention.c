/* SPDX-License-Identifier: BSD-3-Clause */
#include "retention.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
   const char *name;
   uint64_t size;
};

/* A number from 1 on and a unit, up to the end character. \return what follows; NULL: it is something else */
static const char *read_amount(const char *text, const struct unit *units, char end, uint64_t *amount)
{
   char *p;
   errno = 0;
   unsigned long long n = strtoull(text, &p, 10);
   for (; *text >= '0' && *text <= '9' && errno == 0 && units->name != NULL; units++) {
      size_t length = strlen(units->name);
      if (strncmp(p, units->name, length) == 0 && p[length] == end) {
         *amount = n * units->size;
         return n > 0 && n <= UINT64_MAX / 2 / units->size ? p + length : NULL;
      }
   }
   return NULL;
}

bool retention_parse(const char *text, uint64_t *age, uint64_t *bytes, char why[RETENTION_ERROR])
{
   static const struct unit times[] = {{"h", 3600}, {"d", 86400}, {NULL, 0}},
                            sizes[] = {{"MB", 1000000},
                                       {"GB", 1000000000},
                                       {"TB", UINT64_C(1000000000000)},
                                       {NULL, 0}};
   const char *size = read_amount(text, times, '/', age);
   if (size == NULL || read_amount(size + 1, sizes, 0, bytes) == NULL) {
      snprintf(why, RETENTION_ERROR, "expected an age and a size, as 24h/10GB or 30d/2TB");
      return false;
   }
   return true;
}
