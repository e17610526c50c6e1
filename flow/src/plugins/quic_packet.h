/* SPDX-License-Identifier: BSD-3-Clause */
/** Long headers of QUIC packets (RFC 9000, 8999), versions and drafts. Nothing is decrypted here. */
#ifndef FLOW_PLUGINS_QUIC_PACKET_H
#define FLOW_PLUGINS_QUIC_PACKET_H

#include "text.h"

#define QUIC_MAX_ID    20 /* bytes of a connection id */
#define QUIC_SALT_SIZE 20

enum quic_kind { QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_VERSION_NEGOTIATION };

/** What differs between versions in how Initials are protected. */
struct quic_protection {
   uint8_t salt[QUIC_SALT_SIZE];
   bool v2; /**< labels and packet types of RFC 9369 */
};

struct quic_packet {
   enum quic_kind kind;
   uint32_t version;                         /**< 0: version negotiation */
   const struct quic_protection *protection; /**< NULL: version negotiation */
   struct span dcid, scid;
   uint64_t token_length; /**< of an Initial or a Retry */
   size_t number;         /**< offset of the packet number; 0: the kind has none */
   size_t size;           /**< bytes of the packet in the datagram */
};

/** How this version protects Initials. \return NULL: an unknown version */
const struct quic_protection *quic_protection_of(uint32_t version);
/** Another way in which this version's Initials may be protected. \return NULL: none */
const struct quic_protection *quic_other_protection_of(uint32_t version);
/** Parses the long header at p. captured: bytes there; left: bytes of the datagram from p on.
 * \return false: it is no long header of a known version, or one that can't be */
bool quic_packet_parse(const uint8_t *p, size_t captured, size_t left, struct quic_packet *q);
/** A variable-length integer (RFC 9000, section 16) at *p, which is moved past it. \return false: it is cut off */
bool quic_integer(const uint8_t **p, const uint8_t *end, uint64_t *v);

#endif
