/* SPDX-License-Identifier: BSD-3-Clause */
#include "collector_format.h"

#include "plugins/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLUGIN "plugin:"

/* Is a name among those of a list separated by commas, with or without a question mark? */
static bool is_listed(const char *list, const char *name, size_t length)
{
   for (const char *p = list; *p != 0;) {
      p += strspn(p, " ?,");
      size_t n = strcspn(p, " ,");
      if (n == length && memcmp(p, name, n) == 0) {
         return true;
      }
      p += n;
   }
   return false;
}

/* Writes the names of a plugin's fields, "type NAME,...", that the list does not have. */
static void put_plugin(FILE *to, const char *list, const char *fields, const char *mark)
{
   for (const char *p = fields; p != NULL && *p != 0;) {
      p += strcspn(p, " ");
      p += strspn(p, " ");
      size_t n = strcspn(p, ", ");
      if (!is_listed(list, p, n)) {
         fprintf(to, "%s%.*s,", mark, (int) n, p);
      }
      p += n;
      p += strspn(p, ", ");
   }
}

/* Writes what one item of the list, n bytes, stands for, and a comma. */
static bool put_item(FILE *to, const char *list, const char *item, size_t n, char error[FC_ERROR])
{
   size_t mark = n > 0 && *item == '?', prefix = strlen(PLUGIN);
   if (n == strlen("basic") && memcmp(item, "basic", n) == 0) {
      fprintf(to, "%s,", fc_default_format);
      return true;
   }
   if (n < mark + prefix || memcmp(item + mark, PLUGIN, prefix) != 0) {
      fprintf(to, "%.*s,", (int) n, item);
      return true;
   }
   char name[64];
   snprintf(name, sizeof(name), "%.*s", (int) (n - mark - prefix), item + mark + prefix);
   const struct flow_plugin *plugin = flow_plugin_find(name);
   if (plugin == NULL) {
      snprintf(error, FC_ERROR, "unknown plugin \"%s\" (expected one of flow_meter, such as dns)", name);
      return false;
   }
   put_plugin(to, list, plugin->fields, mark > 0 ? "?" : "");
   return true;
}

char *collector_format(const char *text, char error[FC_ERROR])
{
   char *expanded = NULL;
   size_t size = 0;
   FILE *to = open_memstream(&expanded, &size);
   bool good = to != NULL;
   snprintf(error, FC_ERROR, "out of memory");
   for (const char *p = text; good; p++) {
      size_t n = strcspn(p, ",");
      good = put_item(to, text, p, n, error);
      p += n;
      if (*p == 0) {
         break;
      }
   }
   good = to != NULL && fclose(to) == 0 && good && size > 0;
   if (!good) {
      free(expanded);
      return NULL;
   }
   expanded[size - 1] = 0; /* the comma after the last one */
   return expanded;
}
