/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the configuration of prefix_tags. */
#include "prefixes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static char path[] = "/tmp/fuzz-prefixes-XXXXXX";
   static int fd = -1;
   char error[PREFIXES_ERROR] = "";
   uint32_t tag;
   ip_addr_t ip = ip_from_int(0x0a000001);
   if ((fd < 0 && (fd = mkostemp(path, O_CLOEXEC)) < 0) || ftruncate(fd, 0) != 0 ||
       pwrite(fd, data, size, 0) != (ssize_t) size) {
      abort();
   }
   ipps_context_t *prefixes = prefixes_read(path, error);
   if (prefixes == NULL && error[0] == 0) {
      abort(); /* every failure has a reason */
   }
   if (prefixes != NULL) {
      prefixes_find(prefixes, &ip, &tag);
      ipps_destroy(prefixes);
   }
   return 0;
}
