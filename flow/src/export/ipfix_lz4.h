/* SPDX-License-Identifier: BSD-3-Clause */
/** LZ4 compression of a stream in the standard frame format: what is stored as it comes is read by lz4 -d. */
#ifndef FLOW_IPFIX_LZ4_H
#define FLOW_IPFIX_LZ4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ipfix_lz4;

/** \return false: this build has none */
bool ipfix_lz4_available(void);
/** block: the most bytes that ipfix_lz4_block() gets. \return NULL: no memory, or this build has none */
struct ipfix_lz4 *ipfix_lz4_new(size_t block);
void ipfix_lz4_free(struct ipfix_lz4 *z);
/** Bytes that the head of a frame and any of its parts need together. */
size_t ipfix_lz4_room(const struct ipfix_lz4 *z);
/** Write the head of a frame, a part that can be read when it is there, and the end. \return bytes written; 0: failed */
size_t ipfix_lz4_begin(struct ipfix_lz4 *z, uint8_t *to);
size_t ipfix_lz4_block(struct ipfix_lz4 *z, uint8_t *to, const uint8_t *data, size_t size);
size_t ipfix_lz4_end(struct ipfix_lz4 *z, uint8_t *to);

#endif
