/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * MD5 (RFC 1321) and SHA-256 (FIPS 180-4) for fingerprints of short messages: no set-up, no allocation, nothing that can
 * fail. Not for keys of anybody: speed and constant time were not the point.
 */
#ifndef FLOW_PLUGINS_DIGEST_H
#define FLOW_PLUGINS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define MD5_SIZE    16
#define SHA256_SIZE 32

struct digest {
   uint32_t state[8];
   uint64_t length; /* bytes */
   uint8_t block[64];
   void (*transform)(uint32_t *state, const uint8_t *block);
};

void md5_begin(struct digest *d);
void sha256_begin(struct digest *d);
void digest_add(struct digest *d, const void *p, size_t n);
void md5_end(struct digest *d, uint8_t to[MD5_SIZE]);
void sha256_end(struct digest *d, uint8_t to[SHA256_SIZE]);

#endif
