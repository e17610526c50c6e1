/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The protection of QUIC Initials (RFC 9001, section 5; 9369 for version 2). Its keys come from what anybody sees on the wire: this
 * keeps no secret and needs none. Without OpenSSL nothing can be opened.
 */
#ifndef FLOW_PLUGINS_QUIC_CRYPTO_H
#define FLOW_PLUGINS_QUIC_CRYPTO_H

#include "quic_packet.h"

#define QUIC_MAX_PLAIN 4096 /* bytes of the largest Initial that is opened */

/** Of the packets that a client sends. */
struct quic_keys {
   uint8_t key[16], iv[12], header[16];
};

/** Contexts of the ciphers, made when first needed. One belongs to one thread. All zero: none yet. */
struct quic_cipher {
   void *aead, *block;
};

/** dcid: the destination of the client's first Initial, or of the first one after a Retry. */
void quic_client_keys(const struct quic_protection *protection, struct span dcid, struct quic_keys *keys);
/** Opens the packet whose header q was parsed from packet, all of it there. \return bytes of frames in plain; 0: these are not its keys */
size_t quic_open(struct quic_cipher *cipher, const struct quic_keys *keys, const uint8_t *packet,
                 const struct quic_packet *q, uint8_t plain[QUIC_MAX_PLAIN]);
void quic_cipher_close(struct quic_cipher *cipher);

#endif
