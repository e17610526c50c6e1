/* SPDX-License-Identifier: BSD-3-Clause */
/** AES-128: with AES-NI, and portable for other processors. */
#include "aes.h"

#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define HAVE_AES_NI 1
#endif

static uint8_t sbox[256];

static uint8_t twice(uint8_t x) /* times x in GF(2^8) */
{
   return (uint8_t) (x << 1 ^ (x & 0x80 ? 0x1b : 0));
}

/* The S-box: inverse in GF(2^8), then the affine map. p runs through all elements as powers of 3, q through their inverses. */
static void make_sbox(void)
{
   uint8_t p = 1, q = 1;
   do {
      p = p ^ twice(p);
      q ^= (uint8_t) (q << 1);
      q ^= (uint8_t) (q << 2);
      q ^= (uint8_t) (q << 4);
      q ^= q & 0x80 ? 0x09 : 0;
      uint32_t w = q * 0x0101u; /* two copies side by side: shifts are rotations */
      sbox[p] = (uint8_t) (q ^ w >> 7 ^ w >> 6 ^ w >> 5 ^ w >> 4 ^ 0x63);
   } while (p != 1);
   sbox[0] = 0x63;
}

static void add_key(uint8_t s[AES_BLOCK], const uint8_t key[AES_BLOCK])
{
   for (int i = 0; i < AES_BLOCK; i++) {
      s[i] ^= key[i];
   }
}

/* SubBytes and ShiftRows: byte i of row i % 4 comes from the column i % 4 further right. */
static void substitute(uint8_t s[AES_BLOCK])
{
   uint8_t t[AES_BLOCK];
   for (int i = 0; i < AES_BLOCK; i++) {
      t[i] = sbox[s[(i + 4 * (i % 4)) % AES_BLOCK]];
   }
   memcpy(s, t, sizeof(t));
}

static void mix_columns(uint8_t s[AES_BLOCK])
{
   for (uint8_t *c = s; c < s + AES_BLOCK; c += 4) {
      uint8_t all = c[0] ^ c[1] ^ c[2] ^ c[3], first = c[0];
      c[0] ^= all ^ twice(c[0] ^ c[1]);
      c[1] ^= all ^ twice(c[1] ^ c[2]);
      c[2] ^= all ^ twice(c[2] ^ c[3]);
      c[3] ^= all ^ twice(c[3] ^ first);
   }
}

static void encrypt_portable(const struct aes *aes, const uint8_t *in, uint8_t *out, size_t blocks)
{
   for (size_t n = 0; n < blocks; n++) {
      uint8_t s[AES_BLOCK];
      memcpy(s, in + n * AES_BLOCK, AES_BLOCK);
      add_key(s, aes->keys[0]);
      for (int round = 1; round <= AES_ROUNDS; round++) {
         substitute(s);
         if (round < AES_ROUNDS) {
            mix_columns(s);
         }
         add_key(s, aes->keys[round]);
      }
      memcpy(out + n * AES_BLOCK, s, AES_BLOCK);
   }
}

#ifdef HAVE_AES_NI
/* Blocks at once: as many as hide the latency of an instruction. */
#define LANES 8

__attribute__((target("aes,sse2"))) static void encrypt_ni(const struct aes *aes, const uint8_t *in,
                                                           uint8_t *out, size_t blocks)
{
   __m128i keys[AES_ROUNDS + 1];
   for (int i = 0; i <= AES_ROUNDS; i++) {
      keys[i] = _mm_loadu_si128((const __m128i *) (const void *) aes->keys[i]);
   }
   for (; blocks >= LANES; blocks -= LANES, in += LANES * AES_BLOCK, out += LANES * AES_BLOCK) {
      __m128i s[LANES];
      for (int i = 0; i < LANES; i++) {
         s[i] = _mm_xor_si128(_mm_loadu_si128((const __m128i *) (const void *) in + i), keys[0]);
      }
      for (int round = 1; round < AES_ROUNDS; round++) {
         for (int i = 0; i < LANES; i++) {
            s[i] = _mm_aesenc_si128(s[i], keys[round]);
         }
      }
      for (int i = 0; i < LANES; i++) {
         _mm_storeu_si128((__m128i *) (void *) out + i, _mm_aesenclast_si128(s[i], keys[AES_ROUNDS]));
      }
   }
   for (; blocks > 0; blocks--, in += AES_BLOCK, out += AES_BLOCK) {
      __m128i s = _mm_xor_si128(_mm_loadu_si128((const __m128i *) (const void *) in), keys[0]);
      for (int round = 1; round < AES_ROUNDS; round++) {
         s = _mm_aesenc_si128(s, keys[round]);
      }
      _mm_storeu_si128((__m128i *) (void *) out, _mm_aesenclast_si128(s, keys[AES_ROUNDS]));
   }
}
#endif

void aes_init(struct aes *aes, const uint8_t key[AES_BLOCK], int portable)
{
   uint8_t *w = &aes->keys[0][0], constant = 1;
   make_sbox();
   memcpy(w, key, AES_BLOCK);
   for (int i = AES_BLOCK; i < (AES_ROUNDS + 1) * AES_BLOCK; i += 4) {
      uint8_t t[4];
      memcpy(t, w + i - 4, 4);
      if (i % AES_BLOCK == 0) {
         uint8_t first = t[0];
         t[0] = sbox[t[1]] ^ constant;
         t[1] = sbox[t[2]];
         t[2] = sbox[t[3]];
         t[3] = sbox[first];
         constant = twice(constant);
      }
      for (int k = 0; k < 4; k++) {
         w[i + k] = w[i + k - AES_BLOCK] ^ t[k];
      }
   }
   aes->encrypt = encrypt_portable;
#ifdef HAVE_AES_NI
   if (!portable && __builtin_cpu_supports("aes")) {
      aes->encrypt = encrypt_ni;
   }
#else
   (void) portable;
#endif
}
