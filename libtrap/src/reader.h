/* SPDX-License-Identifier: BSD-3-Clause */
/** Bytes of a capture file, decompressed where it is compressed with zstd, which its first bytes tell (RFC 8878). */
#ifndef TRAP_READER_H
#define TRAP_READER_H

#include <stddef.h>
#include <stdint.h>

struct reader;

/** \return NULL with errno when the file cannot be opened (ENOTSUP: compressed, and this build has no zstd) */
struct reader *reader_open(const char *path);
void reader_close(struct reader *r);
/** Reads size bytes; fewer at the end of the file or where it is damaged. */
size_t reader_read(struct reader *r, void *to, size_t size);
/** Decompressed bytes read so far. */
uint64_t reader_offset(const struct reader *r);

#endif
