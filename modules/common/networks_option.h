/* SPDX-License-Identifier: BSD-3-Clause */
/** A set of networks as the value of an option (NM_FILE) of a module. */
#ifndef MODULES_NETWORKS_OPTION_H
#define MODULES_NETWORKS_OPTION_H

#include <nemea/module.h>

#include "networks.h"

static void *networks_load(nm_module_t *m, const char *path)
{
   char error[NETWORKS_ERROR];
   FILE *file = fopen(path, "re");
   if (file == NULL) {
      nm_fail(m, "cannot open '%s': %m", path);
      return NULL;
   }
   networks_t *networks = networks_read(file, error);
   fclose(file);
   if (networks == NULL) {
      nm_fail(m, "%s: %s", path, error);
   }
   return networks;
}

static void networks_release(void *networks)
{
   networks_free(networks);
}

#endif
