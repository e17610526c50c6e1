/* SPDX-License-Identifier: BSD-3-Clause */
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool fits(int n, size_t size)
{
   return n > 0 && (size_t) n < size;
}

bool state_directory(char *path, size_t size)
{
   const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
   if (geteuid() == 0) {
      return fits(snprintf(path, size, "%s", STATE_DEFAULT), size);
   }
   if (base != NULL && *base == '/') {
      return fits(snprintf(path, size, "%s/nemea", base), size);
   }
   return home != NULL && *home == '/' && fits(snprintf(path, size, "%s/.local/state/nemea", home), size);
}

bool state_find(const char *given, const char *name, char *path, size_t size)
{
   char own[4096];
   if (given != NULL) {
      return fits(snprintf(path, size, "%s/%s", given, name), size);
   }
   if (state_directory(own, sizeof(own)) && fits(snprintf(path, size, "%s/%s", own, name), size) &&
       access(path, F_OK) == 0) {
      return true;
   }
   return fits(snprintf(path, size, "%s/%s", STATE_DEFAULT, name), size) && access(path, F_OK) == 0;
}
