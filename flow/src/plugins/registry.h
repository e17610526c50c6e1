/* SPDX-License-Identifier: BSD-3-Clause */
/** All plugins, and their options from text. The list of them is in flow/src/plugins/meson.build. */
#ifndef FLOW_PLUGINS_REGISTRY_H
#define FLOW_PLUGINS_REGISTRY_H

#include "cache/plugin.h"

/** A plugin by its name. \return NULL: unknown */
const struct flow_plugin *flow_plugin_find(const char *name);
/** All plugins in turn. \return NULL after the last */
const struct flow_plugin *flow_plugin_at(size_t index);
/** Sets options: "name[=N][:name[=N]]...". \return false with a message in error (FLOW_PLUGIN_ERROR bytes) */
bool flow_plugin_configure(const struct flow_plugin *plugin, const char *text, char *error);
/** Sets one option, "name[=VALUE]"; the value may have colons. */
bool flow_plugin_set_option(const struct flow_plugin *plugin, const char *text, char *error);

#endif
