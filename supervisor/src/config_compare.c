/* SPDX-License-Identifier: BSD-3-Clause */
/** What a new configuration changes for a module. Absent and empty are the same; notes and the order of IN among OUT never matter. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
   return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static void add(char *what, size_t size, const char *name)
{
   size_t n = strlen(what);
   (void) snprintf(what + n, size - n, "%s%s", n > 0 ? ", " : "", name);
}

enum config_change config_compare(const struct config *old_config, const struct config_module *old,
                                  const struct config *new_config, const struct config_module *new,
                                  char *what, size_t size)
{
   *what = 0;
   if (old == NULL || new == NULL) {
      return old == new ? CHANGE_NONE : old == NULL ? CHANGE_ADDED : CHANGE_REMOVED;
   }
   char *old_spec = config_ifc_spec(old), *new_spec = config_ifc_spec(new);
   if (!same(old->path, new->path)) {
      add(what, size, "path");
   }
   if (!same(old->params, new->params)) {
      add(what, size, "params");
   }
   if (old_spec == NULL || new_spec == NULL || strcmp(old_spec, new_spec) != 0) {
      add(what, size, "interfaces");
   }
   free(old_spec);
   free(new_spec);
   for (int i = OPTION_FIRST_OF_PROCESS; i < OPTIONS; i++) {
      if (!same(old->options.text[i], new->options.text[i])) {
         add(what, size, config_option_name((enum config_option) i));
      }
   }
   if (*what != 0) {
      return CHANGE_RESTART;
   }
   if (config_enabled(old_config, old) != config_enabled(new_config, new)) {
      add(what, size, config_enabled(new_config, new) ? "enabled" : "disabled");
   }
   if (config_restarts(old_config, old) != config_restarts(new_config, new)) {
      add(what, size, "module-restarts");
   }
   if (old->options.stop_timeout != new->options.stop_timeout ||
       old->options.stop_signal != new->options.stop_signal) {
      add(what, size, "stop-timeout or stop-signal");
   }
   for (int i = OPTION_AFTER; i <= OPTION_LOG_LIMIT; i++) {
      if (!same(old->options.text[i], new->options.text[i])) {
         add(what, size, config_option_name((enum config_option) i));
      }
   }
   if (!same(old_config->profiles[old->profile].name, new_config->profiles[new->profile].name)) {
      add(what, size, "profile");
   }
   return *what != 0 ? CHANGE_FLAGS : CHANGE_NONE;
}
