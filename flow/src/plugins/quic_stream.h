/* SPDX-License-Identifier: BSD-3-Clause */
/** The beginning of a CRYPTO stream of QUIC (RFC 9000, section 19.6), put together from frames in any order. */
#ifndef FLOW_PLUGINS_QUIC_STREAM_H
#define FLOW_PLUGINS_QUIC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIC_MAX_STREAM 4096 /* bytes that are kept; what lies after is left out */

struct quic_stream {
   uint64_t have[QUIC_MAX_STREAM / 64]; /* a bit for each byte that is there */
   uint8_t bytes[QUIC_MAX_STREAM];
};

void quic_stream_clear(struct quic_stream *s);
/** Takes the CRYPTO frames out of an opened Initial. A frame that an Initial can't have ends it. */
void quic_stream_add(struct quic_stream *s, const uint8_t *frames, size_t size);
/** Bytes that are there from the beginning on without a gap. */
size_t quic_stream_ready(const struct quic_stream *s);

#endif
