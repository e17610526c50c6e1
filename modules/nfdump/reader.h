/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Reads the files of nfdump: those of version 2 (nfdump 1.7) and of version 1 (nfdump 1.5.7 to 1.6), plain or compressed.
 * One block at a time is in memory, at most NF_MAX_BLOCK bytes of it. Files are not trusted: flows before
 * damage are delivered, then an error names its place.
 */
#ifndef NEMEA_NFDUMP_READER_H
#define NEMEA_NFDUMP_READER_H

#include <stdbool.h>
#include <stdio.h>

#include "flow.h"

typedef struct nf_reader nf_reader_t;

enum nf_result {
   NF_FLOW_READ, /**< a flow */
   NF_END,       /**< the file ended where it should */
   NF_DAMAGED    /**< nf_reader_error() says where and why; no more can be read */
};

/** \return NULL without memory */
nf_reader_t *nf_reader_new(void);
/** NULL is allowed. */
void nf_reader_free(nf_reader_t *r);
/** Opens a file, closing the one before, and checks its header. \return false: nf_reader_error() */
bool nf_reader_open(nf_reader_t *r, const char *path);
/** The same for a stream, which the reader closes; path names it in errors, and must live as long. */
bool nf_reader_open_stream(nf_reader_t *r, FILE *stream, const char *path);
/** The next flow. What is not a flow (statistics, exporters, events without counters) is skipped. */
enum nf_result nf_reader_next(nf_reader_t *r, struct nf_flow *flow);
/** After NF_END: the writer of the file completed it. Of one that was killed, or still writes, there may be more flows. */
bool nf_reader_complete(const nf_reader_t *r);
/** What is wrong, and where: "a.nf: byte 276: ...". */
const char *nf_reader_error(const nf_reader_t *r);
/** Records of types, and blocks, that were skipped because they are unknown here; of all files. */
uint64_t nf_reader_unknown(const nf_reader_t *r);

#endif
