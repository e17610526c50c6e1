/* SPDX-License-Identifier: BSD-3-Clause */
/** Input of a fuzz target as a file. */
#ifndef BLACKLIST_MEMORY_FILE_H
#define BLACKLIST_MEMORY_FILE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Path of a file with these contents; the same file each time. */
static inline const char *memory_file(const void *data, size_t size)
{
   static int fd = -1;
   static char path[64];
   if (fd < 0) {
      fd = memfd_create("fuzz", MFD_CLOEXEC);
      snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
   }
   if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t) size) {
      abort();
   }
   return path;
}

#endif
