/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file lines.h
 * Lists are text files that others write: opened where nobody else can have put them, read line by line in bounded memory.
 */
#ifndef BLACKLIST_LINES_H
#define BLACKLIST_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#define BL_ERROR    1024       /* size of messages */
#define BL_LINE_MAX (1u << 16) /* bytes; longer lines are no entries */
#define BL_PATH_MAX 4096

/** Which version of a file this is; it changes when the file is replaced or written. */
struct bl_stamp {
   dev_t device;
   ino_t inode;
   off_t size;
   struct timespec changed;
};

/** Opens the directory of a file. In directories that all may write (/tmp, /var/tmp, /dev/shm) each component below must be a
 * directory of ours (or root's) that nobody else can write, and no link.
 * \param make make missing directories, for us alone \param[out] name the last component, inside path
 * \return descriptor; -1: error is set */
int bl_open_directory(const char *path, bool make, const char **name, char error[BL_ERROR]);
/** Opens a list for reading, by the same rules. \return descriptor; -1: error is set */
int bl_open(const char *path, struct bl_stamp *stamp, char error[BL_ERROR]);
/** Stamp of the file at path; all zero when there is none. */
void bl_stamp(const char *path, struct bl_stamp *stamp);
bool bl_stamp_equal(const struct bl_stamp *a, const struct bl_stamp *b);

/** Replaces the file at path in one step: readers see the old contents or the new ones, never a part. Same rules as above.
 * \return false: error is set, and the old file is untouched */
bool bl_replace(const char *path, const void *data, size_t size, char error[BL_ERROR]);

/** Where a configuration file is: a default path below SYSCONFDIR/nemea at which there is none stands for the file that was installed with
 * the programs. \return path, or buffer */
const char *bl_config_file(const char *path, char buffer[BL_PATH_MAX]);

/** A file that is read line by line. */
struct bl_lines {
   int fd;
   char *buffer;
   size_t pos, filled;
   uint64_t number; /* of the line at hand, from 1 */
   int failed;      /* errno of a read that failed */
   bool end, skip;
};

/** \return false: no memory. The caller closes fd. */
bool bl_lines_open(struct bl_lines *l, int fd);
/** The next line without its end (LF or CR LF), not terminated; valid until the next call. Lines longer than BL_LINE_MAX are given as
 * their first BL_LINE_MAX bytes with *too_long set. \return false: the end, or failed is set */
bool bl_lines_next(struct bl_lines *l, const char **line, size_t *length, bool *too_long);
void bl_lines_close(struct bl_lines *l);

#endif
