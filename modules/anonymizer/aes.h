/* SPDX-License-Identifier: BSD-3-Clause */
/** AES-128 (FIPS 197), encryption of single blocks. Uses the instructions of the processor where it has them. */
#ifndef ANONYMIZER_AES_H
#define ANONYMIZER_AES_H

#include <stddef.h>
#include <stdint.h>

#define AES_BLOCK  16
#define AES_ROUNDS 10

struct aes {
   uint8_t keys[AES_ROUNDS + 1][AES_BLOCK]; /* one for each round */
   void (*encrypt)(const struct aes *aes, const uint8_t *in, uint8_t *out, size_t blocks);
};

/** Expands the key. \param portable never use special instructions */
void aes_init(struct aes *aes, const uint8_t key[AES_BLOCK], int portable);

/** Encrypts each block by itself; in and out may be the same. */
static inline void aes_encrypt(const struct aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
   aes->encrypt(aes, in, out, blocks);
}

#endif
