/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_directory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool run_directory_make(char *path, size_t size)
{
   const char *tmp = getenv("TMPDIR");
   int n = snprintf(path, size, "%s/nemea-XXXXXX", tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
   return n > 0 && (size_t) n < size && mkdtemp(path) != NULL && setenv("TRAP_SOCKET_DIR", path, 1) == 0;
}

void run_directory_remove(const char *path)
{
   DIR *dir = opendir(path);
   for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
      unlinkat(dirfd(dir), entry->d_name, 0);
   }
   if (dir != NULL) {
      closedir(dir);
   }
   rmdir(path);
}
