/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Statistics as files of a file system of their own (FUSE), as nemea-modules-ng has them. A module publishes texts; a thread serves whoever
 * reads the files.
 */
#ifndef APPFS_APPFS_H
#define APPFS_APPFS_H

#include <nemea/module.h>

struct appfs;

/** Mounts a file system on a directory, which is made if need be. To appfs_close(). \return NM_OK; nm_fail() */
int appfs_open(nm_module_t *m, const char *directory, struct appfs **fs);
/** Replaces the text of DIRECTORY/FOLDER/FILE. A file system has at most 8 of them. folder and file must live as long as it.
 * \return false: out of memory, or too many files */
bool appfs_publish(struct appfs *fs, const char *folder, const char *file, const char *text, size_t size);
/** Takes the file system away. NULL is allowed. */
void appfs_close(struct appfs *fs);

#endif
