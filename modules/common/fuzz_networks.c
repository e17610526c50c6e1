/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the file of networks. */
#include "networks.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   char error[NETWORKS_ERROR] = "";
   ip_addr_t ip = ip_from_int(0x0a000001);
   FILE *file = size > 0 ? fmemopen((void *) (uintptr_t) data, size, "r") : NULL;
   if (file == NULL) {
      return 0;
   }
   networks_t *networks = networks_read(file, error);
   fclose(file);
   if ((networks == NULL) == (error[0] == 0)) {
      abort(); /* every failure has a reason */
   }
   if (networks != NULL) {
      networks_contain(networks, &ip);
      networks_free(networks);
   }
   return 0;
}
