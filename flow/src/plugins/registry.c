/* SPDX-License-Identifier: BSD-3-Clause */
#include "registry.h"

#include "plugin_list.h" /* generated: PLUGIN_LIST(X) */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLUGIN_DECLARE(name) extern const struct flow_plugin plugin_##name;
PLUGIN_LIST(PLUGIN_DECLARE)

#define PLUGIN_ADDRESS(name) &plugin_##name,
static const struct flow_plugin *const plugins[] = {PLUGIN_LIST(PLUGIN_ADDRESS) NULL};

const struct flow_plugin *flow_plugin_at(size_t index)
{
   return index < sizeof(plugins) / sizeof(plugins[0]) ? plugins[index] : NULL;
}

const struct flow_plugin *flow_plugin_find(const char *name)
{
   for (size_t i = 0; plugins[i] != NULL; i++) {
      if (strcmp(plugins[i]->name, name) == 0) {
         return plugins[i];
      }
   }
   return NULL;
}

/* One option, length bytes of text. */
static bool set_option(const struct flow_plugin *plugin, const char *text, size_t length, char *error)
{
   const char *equals = memchr(text, '=', length);
   size_t name = equals != NULL ? (size_t) (equals - text) : length;
   for (const struct flow_plugin_option *o = plugin->options; o != NULL && o->name != NULL; o++) {
      if (strlen(o->name) != name || memcmp(o->name, text, name) != 0) {
         continue;
      }
      if (o->set != NULL) {
         char value[1024];
         snprintf(value, sizeof(value), "%.*s", equals != NULL ? (int) (length - name - 1) : 0,
                  equals != NULL ? equals + 1 : "");
         return o->set(equals != NULL ? value : NULL, error);
      }
      char number[32] = "", *end = number;
      errno = 0;
      if (equals != NULL) {
         snprintf(number, sizeof(number), "%.*s", (int) (length - name - 1), equals + 1);
      }
      unsigned long v = equals != NULL ? strtoul(number, &end, 0) : 1;
      if ((equals == NULL && o->max != 1) ||
          (equals != NULL && (end == number || *end != 0 || errno != 0 || v > o->max || number[0] == '-'))) {
         snprintf(error, FLOW_PLUGIN_ERROR, "plugin %s: option %s: \"%s\" is not a number from 0 to %u",
                  plugin->name, o->name, number, o->max);
         return false;
      }
      *o->value = (uint32_t) v;
      return true;
   }
   int n = snprintf(error, FLOW_PLUGIN_ERROR, "plugin %s: unknown option \"%.*s\" (expected ", plugin->name,
                    (int) (name < 40 ? name : 40), text);
   for (const struct flow_plugin_option *o = plugin->options;
        o != NULL && o->name != NULL && n < FLOW_PLUGIN_ERROR; o++) {
      n += snprintf(error + n, (size_t) (FLOW_PLUGIN_ERROR - n), "%s%s", o == plugin->options ? "" : ", ",
                    o->name);
   }
   if (n < FLOW_PLUGIN_ERROR) {
      snprintf(error + n, (size_t) (FLOW_PLUGIN_ERROR - n), "%s)", plugin->options == NULL ? "none" : "");
   }
   return false;
}

bool flow_plugin_set_option(const struct flow_plugin *plugin, const char *text, char *error)
{
   return set_option(plugin, text, strlen(text), error);
}

bool flow_plugin_configure(const struct flow_plugin *plugin, const char *text, char *error)
{
   while (*text != 0) {
      size_t length = strcspn(text, ":");
      if (length > 0 && !set_option(plugin, text, length, error)) {
         return false;
      }
      text += length + (text[length] == ':');
   }
   return true;
}
