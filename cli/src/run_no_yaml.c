/* SPDX-License-Identifier: BSD-3-Clause */
/** Without libyaml there is no nemea.yaml. */
#include "run_config.h"

#include <stdio.h>

bool run_config_read(struct run_config *c, const char *name, const char *text, size_t size,
                     char error[RUN_ERROR])
{
   (void) c;
   (void) text;
   (void) size;
   snprintf(error, RUN_ERROR,
            "%.256s: this nemea was built without libyaml, which reads it (nemea run -i needs no file)",
            name);
   return false;
}
