/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_hll.h
 * Counter of distinct values in fixed memory (HyperLogLog).
 *
 * 2^p registers of one byte; relative standard error about 1.04 / sqrt(2^p): 6.5 % with p = 8 (256 bytes), 1.6 %
 * with p = 12 (4 KiB). Estimator: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017, which needs no correction tables and is unbiased for small counts too.
 *
 * The registers belong to the caller, so that a sketch can be a member of a table's value; zeroed registers are an
 * empty sketch. Values are given as their 64-bit hashes. With nc_hash() nobody can choose values that count as one, and
 * estimates differ from process to process within their error, unless NEMEA_HASH_KEY is set.
 *
 * Threads: one sketch belongs to one thread.
 */
#ifndef NEMEA_COMMON_NC_HLL_H
#define NEMEA_COMMON_NC_HLL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NC_HLL_MIN_P    4
#define NC_HLL_MAX_P    16
#define NC_HLL_BYTES(p) (UINT32_C(1) << (p))

/** Adds a hashed value. registers: NC_HLL_BYTES(p). */
static inline void nc_hll_add(uint8_t *registers, unsigned p, uint64_t hash)
{
   uint64_t index = hash >> (64 - p);
   uint64_t rest = (hash << p) | (UINT64_C(1) << (p - 1)); /* the guard bit bounds the rank */
   uint8_t rank = (uint8_t) (__builtin_clzll(rest) + 1);
   if (registers[index] < rank) {
      registers[index] = rank;
   }
}

/** Estimated number of distinct values. */
double nc_hll_count(const uint8_t *registers, unsigned p);

/** Adds all values of another sketch of the same size. */
void nc_hll_merge(uint8_t *registers, const uint8_t *other, unsigned p);

#ifdef __cplusplus
}
#endif
#endif
