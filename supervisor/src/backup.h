/* SPDX-License-Identifier: BSD-3-Clause */
/** The file in which the supervisor of NEMEA 2 left its modules: NUMBER_sup_backup_file.xml. */
#ifndef SUPERVISOR_BACKUP_H
#define SUPERVISOR_BACKUP_H

#include "config.h"

#include <sys/types.h>

#define BACKUP_SIZE (16u << 20) /* bytes of a file */

struct backup_entry {
   char *name;
   bool profile; /* otherwise a module */
   bool enabled;
   pid_t pid; /* of a module; 0: it did not run */
};

struct backup {
   struct backup_entry *entries;
   uint32_t n;
};

/** \return of backup_free(); NULL: why */
struct backup *backup_read_text(const char *text, size_t length, char *why, size_t size);
struct backup *backup_read(const char *path, char *why, size_t size);
void backup_free(struct backup *b);

#endif
