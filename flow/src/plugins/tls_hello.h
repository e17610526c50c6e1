/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * ClientHello and ServerHello of TLS (RFC 5246, 8446) as TLS and QUIC send them, and the fingerprints JA3 and JA4 (FoxIO) of a
 * ClientHello. The spans point into the message.
 */
#ifndef FLOW_PLUGINS_TLS_HELLO_H
#define FLOW_PLUGINS_TLS_HELLO_H

#include <nemea-common/nc_digest.h>
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_CLIENT_HELLO   1
#define TLS_SERVER_HELLO   2
#define TLS_HEADER         4  /* bytes of a handshake message before its body: type and length */
#define TLS_MAX_EXTENSIONS 30 /* that are listed */
#define JA4_SIZE           36

struct tls_hello {
   uint16_t version;  /**< of the handshake */
   uint16_t selected; /**< the highest version of supported_versions, or the server's choice; 0: none */
   struct span sni;   /**< first name */
   struct span alpn;  /**< first protocol */
   struct span alpn_extension, ciphers, extensions, groups, formats, signatures; /**< raw bytes */
   uint16_t type[TLS_MAX_EXTENSIONS], length[TLS_MAX_EXTENSIONS];
   unsigned listed;
   bool has_sni;
};

/** Parses a whole handshake message, its header included. \return false: it is no such hello, or is not as it must be */
bool tls_parse_hello(const uint8_t *p, size_t size, unsigned type, struct tls_hello *h);
/** Calls f for each extension. */
void tls_extensions(const struct tls_hello *h, void (*f)(void *context, unsigned type, struct span body),
                    void *context);

void tls_ja3(const struct tls_hello *h, uint8_t ja3[NC_MD5_SIZE]);
/** kind: 't' or 'q'. standard: as FoxIO defines it; else as NEMEA always wrote it: numbers below ten are one digit, GREASE
 * counts as an extension, and the '_' before the signature algorithms is written even if there are none.
 * \return bytes of ja4 */
unsigned tls_ja4(const struct tls_hello *h, char kind, bool standard, char ja4[JA4_SIZE]);

/**
 * Fingerprints that were computed lately. Few programs make most connections, and all hellos of a program have the same
 * fingerprints: what these are made from is compared byte by byte, which takes a fraction of the time of the digests.
 */
#define TLS_KNOWN 256 /* fingerprints; another one replaces what its place had */
#define TLS_KNOWN_KEY \
   448 /* bytes of a hello that count; of longer ones the fingerprints are always computed */

struct tls_known {
   uint16_t key_length; /* 0: nothing */
   uint8_t ja4_length;
   uint8_t key[TLS_KNOWN_KEY];
   uint8_t ja3[NC_MD5_SIZE];
   char ja4[JA4_SIZE];
};

/** tls_ja3() and tls_ja4(). known: TLS_KNOWN of them, zeroed before the first call. \return bytes of ja4 */
unsigned tls_fingerprints(struct tls_known *known, const struct tls_hello *h, char kind, bool standard,
                          uint8_t ja3[NC_MD5_SIZE], char ja4[JA4_SIZE]);

#endif
