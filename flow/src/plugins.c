/* SPDX-License-Identifier: BSD-3-Clause */
/** The plugins there are. */
#include "plugin.h"

#include <string.h>

static const struct flow_plugin *const plugins[] = {&plugin_dns};
const struct flow_plugin *flow_plugin_at(size_t index)
{
   return index < sizeof(plugins) / sizeof(plugins[0]) ? plugins[index] : NULL;
}

const struct flow_plugin *flow_plugin_find(const char *name)
{
   size_t i = 0;
   while (flow_plugin_at(i) != NULL && strcmp(plugins[i]->name, name) != 0) {
      i++;
   }
   return flow_plugin_at(i);
}
