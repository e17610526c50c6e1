/* SPDX-License-Identifier: BSD-3-Clause */
/** In the place of appfs.c where libfuse3 is missing. */
#include "appfs.h"

int appfs_open(nm_module_t *m, const char *directory, struct appfs **fs)
{
   *fs = NULL;
   return nm_fail(m,
                  "appfs: cannot mount a file system on %s: this program was built without libfuse3; "
                  "--telemetry DIR writes files",
                  directory);
}

bool appfs_publish(struct appfs *fs, const char *folder, const char *name, const char *text, size_t size)
{
   (void) fs;
   (void) folder;
   (void) name;
   (void) text;
   (void) size;
   return false;
}

void appfs_close(struct appfs *fs)
{
   (void) fs;
}
