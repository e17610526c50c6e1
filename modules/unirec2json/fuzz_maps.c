/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the file of maps, applied to a record. */
#include "maps.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static char path[] = "/tmp/fuzz-maps-XXXXXX";
   static int fd = -1;
   char error[MAPS_ERROR] = "";
   if ((fd < 0 && (fd = mkostemp(path, O_CLOEXEC)) < 0) || ftruncate(fd, 0) != 0 ||
       pwrite(fd, data, size, 0) != (ssize_t) size) {
      abort();
   }
   struct maps *maps = maps_read(path, error);
   if (maps == NULL) {
      if (error[0] == 0) {
         abort(); /* every failure has a reason */
      }
      return 0;
   }
   size_t n = 2;
   struct member *members = calloc(n + maps_members(maps), sizeof(*members));
   if (members == NULL) {
      abort();
   }
   members[0] = (struct member){"A", VALUE_NUMBER, "1.5", 3, "1.5", 3};
   members[1] = (struct member){"B", VALUE_STRING, "\"b\"", 3, "b", 1};
   (void) maps_apply(maps, members, &n);
   if (n > 2 + maps_members(maps)) {
      abort();
   }
   free(members);
   maps_free(maps);
   return 0;
}
