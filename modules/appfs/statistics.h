/* SPDX-License-Identifier: BSD-3-Clause */
/** Option -m of the modules that nemea-modules-ng has: statistics of the module and of its input as files (appfs.h). */
#ifndef APPFS_STATISTICS_H
#define APPFS_STATISTICS_H

#include "appfs.h"

/** Member of a module's state. */
struct statistics {
   const char *directory; /**< of the option; NULL: no files */
   struct appfs *fs;
   uint64_t bytes;
};

#define STATISTICS_OPTION(state, member)                             \
   NM_STRING('m', "appfs-mountpoint", state, member.directory, NULL, \
             "Directory on which a file system with statistics is mounted (FUSE).")

/** In init(): mounts the file system, if asked for, and sets a timer of one second. \return NM_OK; nm_fail() */
int statistics_open(nm_module_t *m, struct statistics *s);
/** In records(). */
static inline void statistics_count(struct statistics *s, const nm_record_t *recs, uint32_t n)
{
   for (uint32_t i = 0; s->fs != NULL && i < n; i++) {
      s->bytes += recs[i].size;
   }
}
/** Replaces the file input/stats. */
void statistics_input(nm_module_t *m, const struct statistics *s);
/** Replaces another file: lines "name: value". Without -m, nothing. */
__attribute__((format(printf, 5, 6))) void statistics_file(nm_module_t *m, const struct statistics *s,
                                                           const char *folder, const char *name,
                                                           const char *format, ...);
/** In cleanup(). */
void statistics_close(struct statistics *s);

#endif
