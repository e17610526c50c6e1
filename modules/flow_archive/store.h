/* SPDX-License-Identifier: BSD-3-Clause */
/** The directory of the archive: its lock, its bounds, and what an earlier run left behind. */
#ifndef STORE_H
#define STORE_H

#include "archive_file.h"

#include <sys/types.h>

#define STORE_ERROR 512

struct store {
   const char *path;
   int fd;
   uint64_t max_bytes, max_age; /* limits; seconds */
   unsigned min_free;           /* percent of the file system */
   uint64_t bytes;              /* of complete files */
   uint64_t oldest_end;         /* no file ends earlier, seconds since 1970; UINT64_MAX: there is none */
   uint64_t files, deleted, recovered, recovered_records, set_aside; /* counters */
};

typedef void (*store_warn_fn)(void *arg, const char *text);

/** Opens the directory, made with mode 0700 if it is not there, and locks it. Files that an earlier run did not complete are
 *  recovered up to their last whole block; what has none is set aside as *.damaged. \return false with a reason in error */
bool store_open(struct store *s, store_warn_fn warn, void *arg, char error[STORE_ERROR]);
void store_close(struct store *s);
/** Opens a new file with the next free number of its interval, and ".part" in its name. \return descriptor, -1 with errno */
int store_create(struct store *s, struct archive_name *name);
/** Gives the file that was written its final name, and counts it. \return false with errno */
bool store_complete(struct store *s, struct archive_name *name, uint64_t size);
/** Removes the file of a writer that has no record. */
void store_remove(struct store *s, const struct archive_name *name);
/** Deletes the oldest files until both limits are kept. \param open bytes of files that are being written \param now seconds since 1970 */
void store_limit(struct store *s, uint64_t open, uint64_t now, store_warn_fn warn, void *arg);
/** \return false: less of the file system is free than must be */
bool store_has_room(const struct store *s);

/** Completes the file in fd after a kill: finds its last whole block and what is in it, removes the rest and appends a trailer.
 *  \param[out] records, cut records in it, bytes removed. \return false: it has not even a header, or errno is not 0 */
bool recover_file(int fd, uint64_t *size, uint64_t *records, uint64_t *cut);

#endif
