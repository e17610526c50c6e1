/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Bytes of a capture file, decompressed where it is compressed with zstd, which its first bytes tell (RFC 8878). The end
 * of the file, damage and a failed read are three different results. A zstd frame whose size is known (as those are that
 * libtrap writes) is checked against its checksum before its last bytes are handed out.
 */
#ifndef TRAP_READER_H
#define TRAP_READER_H

#include <stddef.h>
#include <stdint.h>

/** Largest window of a zstd frame, and so about the memory that reading one takes: that of level 19. */
#define READER_WINDOW_LOG 23

enum reader_state {
   READER_OPEN,       /**< there may be more */
   READER_END,        /**< the end of the file, at the end of a zstd frame where it is compressed */
   READER_DAMAGED,    /**< what follows cannot be decompressed */
   READER_FAILED,     /**< the system could not read */
   READER_TERMINATED, /**< stop_fd became readable while waiting for data */
};

struct reader;

/** \param stop_fd a descriptor that ends waiting (for a pipe) when it is readable, -1: none
 * \return NULL with errno when the file cannot be opened (ENOTSUP: compressed, and this build has no zstd) */
struct reader *reader_open(const char *path, int stop_fd);
void reader_close(struct reader *r);
/** Reads size bytes; fewer only when the state is no longer READER_OPEN. */
size_t reader_read(struct reader *r, void *to, size_t size);
enum reader_state reader_state(const struct reader *r);
/** What is wrong and where, for READER_DAMAGED and READER_FAILED. */
const char *reader_problem(const struct reader *r);
/** Bytes handed out so far. */
uint64_t reader_offset(const struct reader *r);

#endif
