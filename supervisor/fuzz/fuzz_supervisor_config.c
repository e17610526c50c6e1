/* SPDX-License-Identifier: BSD-3-Clause */
/** A template: read, checked, its commands made and compared. What is accepted must give a command line for each enabled module. */
#include "backup.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char why[256] = "", what[256];
   struct backup *b = backup_read_text((const char *) data, size, why, sizeof(why));
   if (b == NULL && *why == 0) {
      abort();
   }
   backup_free(b);
   struct config *c = config_load_text("fuzz.xml", (const char *) data, size);
   if (c == NULL || c->n_errors > 0) {
      config_free(c);
      return 0;
   }
   config_check_topology(c, false);
   for (uint32_t i = 0; i < c->n_modules; i++) {
      char **argv = config_command(&c->modules[i], why, sizeof(why));
      if (argv == NULL && c->modules[i].enabled) {
         abort();
      }
      config_command_free(argv);
      if (config_compare(c, &c->modules[i], c, config_find(c, c->modules[i].name), what, sizeof(what)) !=
          CHANGE_NONE) {
         abort();
      }
   }
   config_free(c);
   return 0;
}
