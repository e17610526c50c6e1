/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Prefix-preserving anonymization of addresses (J. Xu, J. Fan, M. Ammar, S. Moon, "Prefix-Preserving IP Address Anonymization",
 * ICNP 2002): two addresses that share their first n bits, and no more, do so afterwards too. Each bit is inverted or not by a
 * pseudorandom function of the bits before it, which is AES or, with CRYPTOPAN_MURMUR, a faster hash without cryptographic strength.
 */
#ifndef ANONYMIZER_CRYPTOPAN_H
#define ANONYMIZER_CRYPTOPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <unirec/ipaddr.h>

#define CRYPTOPAN_KEY 32 /* bytes */

enum cryptopan_flags {
   CRYPTOPAN_MURMUR = 1,  /* the hash instead of AES */
   CRYPTOPAN_REVERSE = 2, /* back to the original addresses */
   CRYPTOPAN_PORTABLE = 4 /* no special instructions, for tests */
};

struct cryptopan;

/** \return NULL without memory */
struct cryptopan *cryptopan_new(const uint8_t key[CRYPTOPAN_KEY], unsigned flags);
/** NULL is allowed. */
void cryptopan_free(struct cryptopan *c);
/** Maps an address in the form of UniRec; IPv4 stays IPv4, IPv6 stays IPv6 (but for the one in 2^96 that looks like IPv4). */
ip_addr_t cryptopan_map(struct cryptopan *c, const ip_addr_t *ip);
/** Tells the processor that this address will be mapped soon. */
void cryptopan_prefetch(const struct cryptopan *c, const ip_addr_t *ip);

/** Maps all addresses in a text, which need not end in NUL. \return length of the new text in to; SIZE_MAX: more than size bytes */
size_t cryptopan_map_text(struct cryptopan *c, const char *text, size_t length, char *to, size_t size);

#endif
