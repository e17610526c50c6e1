/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the configuration of biflow_aggregator. */
#include "config.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static char path[] = "/tmp/fuzz-biflow-XXXXXX";
   static int fd = -1;
   struct config config;
   char error[CONFIG_ERROR] = "";
   if ((fd < 0 && (fd = mkostemp(path, O_CLOEXEC)) < 0) || ftruncate(fd, 0) != 0 ||
       pwrite(fd, data, size, 0) != (ssize_t) size) {
      abort();
   }
   bool good = config_read(&config, path, "a", error);
   if (good != (error[0] == 0) || (!good && config.n != 0)) {
      abort();
   }
   for (uint32_t i = 0; i < config.n; i++) {
      if (config.fields[i].name == NULL) {
         abort();
      }
   }
   config_free(&config);
   return 0;
}
