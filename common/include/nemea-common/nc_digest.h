/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_digest.h
 * MD5 (RFC 1321) and SHA-256 (FIPS 180-4) for fingerprints and ids of short messages: no set-up, no allocation, nothing
 * that can fail. Not for secret keys: speed and constant time were not the point. Threads: each uses digests of its own.
 */
#ifndef NEMEA_COMMON_NC_DIGEST_H
#define NEMEA_COMMON_NC_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NC_MD5_SIZE    16 /**< bytes of the result */
#define NC_SHA256_SIZE 32 /**< bytes of the result */

/** A digest that is being computed. */
struct nc_digest {
   uint32_t state[8];
   uint64_t length; /* bytes */
   uint8_t block[64];
   void (*transform)(uint32_t *state, const uint8_t *block);
};

/** Begins an MD5. */
void nc_md5_begin(struct nc_digest *d);
/** Begins a SHA-256. */
void nc_sha256_begin(struct nc_digest *d);
/** Appends n bytes to the message. */
void nc_digest_add(struct nc_digest *d, const void *p, size_t n);
/** Ends an MD5 and writes the result. */
void nc_md5_end(struct nc_digest *d, uint8_t to[NC_MD5_SIZE]);
/** Ends a SHA-256 and writes the result. */
void nc_sha256_end(struct nc_digest *d, uint8_t to[NC_SHA256_SIZE]);

#ifdef __cplusplus
}
#endif
#endif
