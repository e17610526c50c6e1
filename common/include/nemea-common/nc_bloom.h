/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_bloom.h
 * Bloom filter that can be stored: a set that never says "not there" of what was added, and seldom "perhaps there" of anything else.
 *
 * It is blocked (F. Putze, P. Sanders, J. Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): all bits of an element are
 * in one block of 64 bytes, so that adding or asking touches one cache line. It is made as large as it may become; nc_bloom_fold()
 * then shrinks it to what its elements need, without knowing them (the number of blocks is a power of two: both halves are combined).
 * Elements are hashed with SipHash-1-3 and a key that is stored with the filter: words and answers are the same on every machine, and
 * who does not know the key cannot choose elements that are taken for others.
 *
 * With 12 bits for each element, about 1 % of other elements are taken for members; with 6 bits about 10 %.
 * Threads: any number may ask, one may change it.
 */
#ifndef NEMEA_COMMON_NC_BLOOM_H
#define NEMEA_COMMON_NC_BLOOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NC_BLOOM_BLOCK_WORDS 8          /**< 64-bit words of a block */
#define NC_BLOOM_BLOCK       64         /**< bytes of a block */
#define NC_BLOOM_MAX_BLOCKS  (1u << 20) /**< 64 MB */

typedef struct nc_bloom {
   uint64_t key[2];
   uint32_t blocks; /**< a power of two */
   uint64_t *words; /**< blocks * NC_BLOOM_BLOCK_WORDS, in the byte order of this machine */
} nc_bloom_t;

/** Makes an empty filter. \param blocks a power of two, at most NC_BLOOM_MAX_BLOCKS
 *  \return 0; -1 and errno: EINVAL for another number of blocks, ENOMEM */
int nc_bloom_init(nc_bloom_t *b, uint32_t blocks, const uint64_t key[2]);
/** Frees the memory; all zero is allowed. */
void nc_bloom_free(nc_bloom_t *b);
/** Adds an element, any bytes. */
void nc_bloom_add(nc_bloom_t *b, const void *data, size_t size);
/** \return false: it was never added */
bool nc_bloom_may_have(const nc_bloom_t *b, const void *data, size_t size);
/** Halves the filter as long as at most half of its bits are set afterwards. Memory is kept. */
void nc_bloom_fold(nc_bloom_t *b);
/** Share of bits that are set, 0 to 1: that of other elements that are taken for members is its sixth power, about. */
double nc_bloom_fill(const nc_bloom_t *b);

#ifdef __cplusplus
}
#endif
#endif
