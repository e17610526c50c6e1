/* SPDX-License-Identifier: BSD-3-Clause */
/** A file of the archive that is being written: records of one format, in blocks that are compressed each. */
#ifndef WRITER_H
#define WRITER_H

#include "store.h"

#include <zstd.h>

#define WRITER_BLOCK (256u << 10) /* bytes of a block before compression */
#define WRITER_IPS   8            /* addresses of a record that a filter is made of */
#define WRITER_FILTER_BLOCKS \
   32768 /* 2 MB: 1.4 million addresses and networks of which 1 % of others are taken for members */
#define WRITER_RECENT 4096 /* addresses that are known to be in the filter */

struct writer {
   struct store *store;
   ZSTD_CCtx *zstd;
   char *format; /* "type NAME,type NAME" */
   int fd;       /* -1: no file is open */
   struct archive_name name;
   uint64_t size, records; /* of the file: bytes and records that are written */
   uint64_t first, last;   /* of all records, those in the block included */
   bool timed, filtered;
   nc_bloom_t filter;
   uint64_t recent[WRITER_RECENT];
   uint8_t *block, *packed;
   uint32_t fill, held; /* bytes and records in the block */
};

/** What became of a block or a file. */
enum writer_result {
   WRITER_OK,
   WRITER_NO_ROOM, /* too little of the file system is free: the block's records are given up */
   WRITER_FAILED   /* errno says why: the block's records are given up */
};

/** \param timed whether all records have times \param filtered whether all of their addresses are given to writer_add()
 *  \return NULL without memory */
struct writer *writer_new(struct store *s, const char *format, bool timed, bool filtered);
/** What is not written is lost. NULL is allowed. */
void writer_free(struct writer *w);
/** Opens a file for an interval, if none is open. */
enum writer_result writer_open(struct writer *w, uint32_t begin, uint32_t seconds);
/** Is there room for a record of this size in the block? If not, writer_flush() makes some. */
static inline bool writer_fits(const struct writer *w, uint16_t size)
{
   return w->fill + 2u + size <= WRITER_BLOCK;
}
/** Adds a record, for which there is room. \param ips its addresses */
void writer_add(struct writer *w, const void *data, uint16_t size, uint64_t first, uint64_t last,
                const void *const *ips, unsigned n_ips);
/** Writes the block. \param[out] lost records that were given up */
enum writer_result writer_flush(struct writer *w, uint64_t *lost);
/** Writes the block and the trailer, and gives the file its name. */
enum writer_result writer_complete(struct writer *w, uint64_t *lost);

#endif
