/* SPDX-License-Identifier: BSD-3-Clause */
#include "parameters.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool parameter_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
   char *end = NULL;
   if (!isdigit((unsigned char) *text)) {
      return false;
   }
   errno = 0;
   *value = strtoull(text, &end, 0);
   return errno == 0 && *end == 0 && *value >= min && *value <= max;
}

static const struct parameter *find(const struct parameter *table, const char *name)
{
   for (; table->name != NULL; table++) {
      if (strcmp(table->name, name) == 0 || strcmp(table->short_name, name) == 0) {
         return table;
      }
   }
   return NULL;
}

static const char *expected(const struct parameter *p, char *text, size_t size)
{
   switch (p->type) {
   case PARAMETER_FLAG: return "no value";
   case PARAMETER_BOOL: return "true or false";
   case PARAMETER_TEXT: return p->argument;
   case PARAMETER_LONG: return "a number";
   default: snprintf(text, size, "a number from %u to %u", p->min, p->max); return text;
   }
}

/* \return false: the value is not one */
static bool set(const struct parameter *p, char *value)
{
   uint64_t v = 0;
   if ((value == NULL) != (p->type == PARAMETER_FLAG) && p->type != PARAMETER_MAYBE_NUMBER) {
      return false;
   }
   switch (p->type) {
   case PARAMETER_FLAG: *(bool *) p->to = true; return true;
   case PARAMETER_BOOL:
      *(bool *) p->to = strcmp(value, "true") == 0;
      return *(bool *) p->to || strcmp(value, "false") == 0;
   case PARAMETER_TEXT: *(const char **) p->to = value; return *value != 0;
   case PARAMETER_LONG: return parameter_number(value, 0, UINT64_MAX, p->to);
   default: break;
   }
   if (value != NULL && !parameter_number(value, p->min, p->max, &v)) {
      return false;
   }
   if (p->type == PARAMETER_NUMBER) {
      *(uint32_t *) p->to = (uint32_t) v;
   } else {
      *(int64_t *) p->to = value != NULL ? (int64_t) v : -2;
   }
   return true;
}

static bool unknown(const char *plugin, const char *name, const struct parameter *table, char *error)
{
   int n = snprintf(error, PARAMETER_ERROR, "%s: invalid option %.64s (expected ", plugin, name);
   for (const struct parameter *p = table; p->name != NULL; p++) {
      n += snprintf(error + n, (size_t) (PARAMETER_ERROR - n), "%s%s", p == table ? "" : ", ", p->name);
   }
   snprintf(error + n, (size_t) (PARAMETER_ERROR - n), "%s)", table->name == NULL ? "none" : "");
   return false;
}

bool parameters_parse(const char *plugin, char *text, const struct parameter *table,
                      char error[PARAMETER_ERROR])
{
   char *save = NULL, number[64];
   for (char *name = strtok_r(text, ";", &save); name != NULL; name = strtok_r(NULL, ";", &save)) {
      char *value = strchr(name, '=');
      if (value != NULL) {
         *value++ = 0;
      }
      const struct parameter *p = find(table, name);
      if (p == NULL) {
         return unknown(plugin, name, table, error);
      }
      if (!set(p, value)) {
         snprintf(error, PARAMETER_ERROR, "%s: invalid argument for option %s: \"%.200s\" (expected %s)",
                  plugin, name, value != NULL ? value : "", expected(p, number, sizeof(number)));
         return false;
      }
   }
   return true;
}

void parameters_print(const struct parameter *table)
{
   for (; table->name != NULL; table++) {
      char name[64];
      snprintf(name, sizeof(name), "%s, %s%s%s", table->short_name, table->name,
               table->argument != NULL ? "=" : "", table->argument != NULL ? table->argument : "");
      printf("      %-32s %s\n", name, table->help);
   }
}
