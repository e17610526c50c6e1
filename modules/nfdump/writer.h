/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Writes files of nfdump 1.7. After each block the header is brought up to date, so that a file whose writer was killed can be
 * read up to its last whole block.
 */
#ifndef NEMEA_NFDUMP_WRITER_H
#define NEMEA_NFDUMP_WRITER_H

#include <stdbool.h>

#include "compression.h"
#include "flow.h"

typedef struct nf_writer nf_writer_t;

#define NF_WRITER_ERROR 512

/** Makes a file, or opens one to add flows to it, which must be of version 2.
 * \param compression NF_PLAIN, NF_LZO or NF_BZ2. With append, NULL: that of the file; another one than the file's is an error
 * \param error filled when the result is NULL. \return to nf_writer_close() */
nf_writer_t *nf_writer_open(const char *path, bool append, const enum nf_compression *compression,
                            char error[NF_WRITER_ERROR]);
/** Adds a flow; blocks are written when they are full. \return false: nf_writer_error() */
bool nf_writer_add(nf_writer_t *w, const struct nf_flow *flow);
const char *nf_writer_error(const nf_writer_t *w);
/** Writes what is left and closes the file; frees the writer in any case. \param error filled when the result is false */
bool nf_writer_close(nf_writer_t *w, char error[NF_WRITER_ERROR]);

#endif
