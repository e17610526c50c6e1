/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_hash.h
 * Keyed 64-bit hash for tables whose keys come from outside (addresses, ports, names).
 *
 * Nobody who does not know the key of the process can choose inputs that collide:
 *  1. All of the input goes through MULTILINEAR hashing with a 128-bit random multiplier for each 8-byte word (D. Lemire,
 *     O. Kaser, "Strongly universal string hashing is fast", The Computer Journal 57, 2014): the upper 64 bits of
 *     (k + sum k_i w_i) mod 2^128, with a k for each length. It is strongly universal: two different inputs, however they were
 *     chosen, agree in any b of the 64 bits with probability 2^-b over the choice of the key. No word of an input is ever
 *     multiplied by something that the sender knows, so none can cancel the key or the other words.
 *  2. The result is mixed by two keyed multiplications folded to 64 bits. The first step alone is linear: arithmetic
 *     progressions of inputs would fall into progressions of buckets, and one collision that was found by timing would give
 *     others. After the mixing, inputs that share a bucket have no structure that helps to find further ones.
 * Inputs longer than NC_HASH_SHORT bytes take SipHash-1-3 (J.-P. Aumasson, D. J. Bernstein, 2012) instead.
 * This needs no special instructions; 40 bytes take 12 multiplications. It is not a cryptographic hash: values must not
 * be shown to those who choose the inputs.
 *
 * The key is random in every process. NEMEA_HASH_KEY (32 hexadecimal digits) fixes it for tests; any other value ends the
 * program with an error, and set-user-ID programs ignore it. Values differ between processes and machines: nothing that
 * leaves a program may depend on them.
 *
 * Threads: all functions may be called from any thread.
 */
#ifndef NEMEA_COMMON_NC_HASH_H
#define NEMEA_COMMON_NC_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest input, in bytes, for the inline hash. */
#define NC_HASH_SHORT 64

/** A key: random numbers. */
typedef struct nc_hash_key {
   uint64_t mix[4];
   uint64_t sip[2]; /**< key of SipHash */
   uint64_t word[NC_HASH_SHORT / 8]
                [2]; /**< multipliers of 8-byte words: 128-bit numbers, low half and high half */
   uint64_t start[NC_HASH_SHORT + 1][2]; /**< by the input's length */
} nc_hash_key_t;

/** The key of this process. Set before main(); read only. */
extern nc_hash_key_t nc_hash_key_;

/** Makes a key of 16 bytes, always the same one. */
void nc_hash_expand_key(nc_hash_key_t *key, const uint8_t secret[16]);
/** Reads 32 hexadecimal digits. \return 0; -1: text is something else, secret is undefined */
int nc_hash_parse_secret(const char *text, uint8_t secret[16]);

__extension__ typedef unsigned __int128 nc_hash_sum_t;

/* Of most inputs the compiler knows the size: without a loop it keeps their words in registers. (Clang does that by itself.) */
#if defined(__GNUC__) && !defined(__clang__)
#define NC_HASH_UNROLL_ _Pragma("GCC unroll 8")
#else
#define NC_HASH_UNROLL_
#endif

static inline uint64_t nc_hash_load8_(const uint8_t *bytes)
{
   uint64_t word;
   memcpy(&word, bytes, sizeof(word));
   return word;
}

static inline uint32_t nc_hash_load4_(const uint8_t *bytes)
{
   uint32_t word;
   memcpy(&word, bytes, sizeof(word));
   return word;
}

/* multiplier * word mod 2^128 */
static inline nc_hash_sum_t nc_hash_term_(const uint64_t multiplier[2], uint64_t word)
{
   return (nc_hash_sum_t) multiplier[0] * word + ((nc_hash_sum_t) (multiplier[1] * word) << 64);
}

static inline nc_hash_sum_t nc_hash_start_(const nc_hash_key_t *key, size_t size)
{
   return ((nc_hash_sum_t) key->start[size][1] << 64) | key->start[size][0];
}

static inline uint64_t nc_hash_fold_(uint64_t a, uint64_t b)
{
   nc_hash_sum_t product = (nc_hash_sum_t) a * b;
   return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static inline uint64_t nc_hash_end_(const nc_hash_key_t *key, nc_hash_sum_t sum)
{
   uint64_t h = (uint64_t) (sum >> 64);
   return nc_hash_fold_(nc_hash_fold_(h ^ key->mix[0], key->mix[1]) ^ key->mix[2], key->mix[3]);
}

static inline uint64_t nc_hash_little_endian_(const uint8_t *bytes, size_t size)
{
   uint64_t word = 0;
   size_t i;
   for (i = 0; i < size; i++) {
      word |= (uint64_t) bytes[i] << (8 * i);
   }
   return word;
}

static inline uint64_t nc_hash_rotate_(uint64_t x, int n)
{
   return x << n | x >> (64 - n);
}

static inline void nc_hash_sip_round_(uint64_t v[4])
{
   v[0] += v[1];
   v[1] = nc_hash_rotate_(v[1], 13) ^ v[0];
   v[0] = nc_hash_rotate_(v[0], 32);
   v[2] += v[3];
   v[3] = nc_hash_rotate_(v[3], 16) ^ v[2];
   v[0] += v[3];
   v[3] = nc_hash_rotate_(v[3], 21) ^ v[0];
   v[2] += v[1];
   v[1] = nc_hash_rotate_(v[1], 17) ^ v[2];
   v[2] = nc_hash_rotate_(v[2], 32);
}

/** SipHash-1-3 of any number of bytes. */
static inline uint64_t nc_hash_long(const void *data, size_t size, const uint64_t key[2])
{
   const uint8_t *bytes = (const uint8_t *) data;
   uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                    key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
   uint64_t word, end = (uint64_t) size << 56;
   for (; size >= 8; size -= 8, bytes += 8) {
      word = nc_hash_little_endian_(bytes, 8);
      v[3] ^= word;
      nc_hash_sip_round_(v);
      v[0] ^= word;
   }
   word = end | nc_hash_little_endian_(bytes, size);
   v[3] ^= word;
   nc_hash_sip_round_(v);
   v[0] ^= word;
   v[2] ^= 0xff;
   nc_hash_sip_round_(v);
   nc_hash_sip_round_(v);
   nc_hash_sip_round_(v);
   return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/** Hash of n words, at most NC_HASH_SHORT / 8; the same as nc_hash() of their bytes. */
static inline uint64_t nc_hash_words(const uint64_t *words, unsigned n)
{
   const nc_hash_key_t *key = &nc_hash_key_;
   nc_hash_sum_t sum = nc_hash_start_(key, 8 * (size_t) n);
   unsigned i;
   NC_HASH_UNROLL_
   for (i = 0; i < n; i++) {
      sum += nc_hash_term_(key->word[i], words[i]);
   }
   return nc_hash_end_(key, sum);
}

/** Hash of one 64-bit value; the same as nc_hash() of its bytes. */
static inline uint64_t nc_hash_u64(uint64_t value)
{
   return nc_hash_words(&value, 1);
}

/** The same with a key of the caller's. */
static inline uint64_t nc_hash_with(const nc_hash_key_t *key, const void *data, size_t size)
{
   const uint8_t *bytes = (const uint8_t *) data;
   nc_hash_sum_t sum;
   size_t i = 0, n = size / 8;
   if (size > NC_HASH_SHORT) {
      return nc_hash_long(data, size, key->sip);
   }
   sum = nc_hash_start_(key, size);
   NC_HASH_UNROLL_
   for (; i < n; i++) {
      sum += nc_hash_term_(key->word[i], nc_hash_load8_(bytes + 8 * i));
   }
   if (size % 8 != 0) {
      /* The rest as one word; bytes may be read twice, but none is left out. */
      uint64_t rest = 0;
      if (size >= 8) {
         rest = nc_hash_load8_(bytes + size - 8);
      } else if (size >= 4) {
         rest = nc_hash_load4_(bytes) | (uint64_t) nc_hash_load4_(bytes + size - 4) << 32;
      } else {
         rest = bytes[0] | (uint64_t) bytes[size / 2] << 8 | (uint64_t) bytes[size - 1] << 16;
      }
      sum += nc_hash_term_(key->word[i], rest);
   }
   return nc_hash_end_(key, sum);
}

/** Hash of size bytes with the key of the process. */
static inline uint64_t nc_hash(const void *data, size_t size)
{
   return nc_hash_with(&nc_hash_key_, data, size);
}

#ifdef __cplusplus
}
#endif
#endif
