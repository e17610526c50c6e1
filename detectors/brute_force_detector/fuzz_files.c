/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: configuration and whitelist of brute_force_detector. The first byte chooses. */
#include "brute.h"

#include <nemea/module_test.h>
#include <stdlib.h>

extern const nm_module_def_t nm_definition;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_config(nm_module_t *m, FILE *file)
{
   struct config config;
   config_read(m, file, "fuzz", &config);
   for (unsigned s = 0; s < SERVICES; s++) {
      if (config.service[s].list_size == 0 || config.service[s].list_size > UINT16_MAX) {
         abort();
      }
   }
   if (!(config.min_ratio >= 0 && config.min_ratio <= 100) || config.delayed_events > DELAYED_MAX) {
      abort();
   }
}

static void check_whitelist(nm_module_t *m, FILE *file, const uint8_t *data, size_t size)
{
   struct whitelist *list = whitelist_read(m, file, "fuzz", NULL);
   ip_addr_t address = ip_from_int(0x0a000001);
   if (list == NULL) {
      abort();
   }
   if (size >= sizeof(address)) {
      memcpy(&address, data + size - sizeof(address), sizeof(address));
   }
   whitelist_has(list, &address, 22, &address, 22);
   whitelist_free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size < 2) {
      return 0;
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-S --capacity 8 --servers 8 --flows 8");
   FILE *file = fmemopen((void *) (uintptr_t) (data + 1), size - 1, "r");
   if (t == NULL || file == NULL) {
      abort();
   }
   if (data[0] % 2 == 0) {
      check_config(nm_test_module(t), file);
   } else {
      check_whitelist(nm_test_module(t), file, data, size);
   }
   fclose(file);
   nm_test_free(t);
   return 0;
}
