/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_hash.h
 * Keyed 64-bit hash of short keys (addresses, pairs, ports).
 *
 * Multiply-and-fold of 16 bytes a step, the construction of wyhash (Wang Yi, public domain), keyed by a seed. With a
 * seed that a sender of traffic does not know (nc_hash_seed()), he cannot choose keys that fall into one place of
 * a table. It is not a cryptographic hash. Values differ between machines of different byte order and between
 * seeds: nothing that leaves a program may depend on them.
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

#define NC_HASH_K0 UINT64_C(0xa0761d6478bd642f)
#define NC_HASH_K1 UINT64_C(0xe7037ed1a0b428db)

/** A random seed from the kernel, another one at each call. */
uint64_t nc_hash_seed(void);

/** Both halves of the 128-bit product, folded. */
static inline uint64_t nc_hash_fold(uint64_t a, uint64_t b)
{
   __extension__ typedef unsigned __int128 wide;
   wide product = (wide) a * b;
   return (uint64_t) product ^ (uint64_t) (product >> 64);
}

/** Up to 8 bytes as a number, the rest 0. */
static inline uint64_t nc_hash_load(const uint8_t *bytes, size_t size)
{
   uint64_t word = 0;
   memcpy(&word, bytes, size);
   return word;
}

/** Hash of one 64-bit value. */
static inline uint64_t nc_hash_u64(uint64_t value, uint64_t seed)
{
   return nc_hash_fold(nc_hash_fold(value ^ NC_HASH_K0, seed ^ NC_HASH_K1) ^ NC_HASH_K1,
                       seed ^ value ^ NC_HASH_K0);
}

/** Hash of size bytes. */
static inline uint64_t nc_hash(const void *key, size_t size, uint64_t seed)
{
   const uint8_t *bytes = (const uint8_t *) key;
   uint64_t state = seed ^ NC_HASH_K0;
   size_t left = size;
   while (left >= 16) {
      state = nc_hash_fold(nc_hash_load(bytes, 8) ^ NC_HASH_K1, nc_hash_load(bytes + 8, 8) ^ state);
      bytes += 16;
      left -= 16;
   }
   if (left >= 8) {
      uint64_t tail = left > 8 ? nc_hash_load(bytes + 8, left - 8) : 0;
      state = nc_hash_fold(nc_hash_load(bytes, 8) ^ NC_HASH_K1, tail ^ state);
   } else if (left > 0) {
      state = nc_hash_fold(nc_hash_load(bytes, left) ^ NC_HASH_K1, state);
   }
   return nc_hash_fold(state ^ NC_HASH_K1, (uint64_t) size ^ seed ^ NC_HASH_K0);
}

#ifdef __cplusplus
}
#endif
#endif
