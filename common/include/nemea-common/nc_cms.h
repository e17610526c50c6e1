/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_cms.h
 * Count-min sketch: approximate counts of very many keys in fixed memory.
 *
 * depth rows of width counters (Cormode and Muthukrishnan, 2005) with conservative update (Estan and Varghese,
 * 2002). An estimate is never below the true count; with probability 1 - e^-depth it is above by at most
 * e / width of the sum of all counts. Counters stop at their greatest value.
 *
 * Threads: one sketch belongs to one thread.
 */
#ifndef NEMEA_COMMON_NC_CMS_H
#define NEMEA_COMMON_NC_CMS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A sketch; one thread at a time. */
typedef struct nc_cms nc_cms_t;

/** Most rows of counters. */
#define NC_CMS_MAX_DEPTH 8

/** width: a power of two up to 2^28, depth: 1 .. NC_CMS_MAX_DEPTH. NULL with errno EINVAL or ENOMEM. */
nc_cms_t *nc_cms_new(uint32_t width, uint32_t depth);
/** NULL is allowed. */
void nc_cms_free(nc_cms_t *sketch);

/** Adds amount to a key given by its hash (nc_hash()); returns the new estimate. */
uint32_t nc_cms_add(nc_cms_t *sketch, uint64_t hash, uint32_t amount);
/** Estimate of a key: never too low, too high by 2/width of all that was added, but for one key in 2^depth. */
uint32_t nc_cms_count(const nc_cms_t *sketch, uint64_t hash);
/** Halves all counters: the past fades. */
void nc_cms_halve(nc_cms_t *sketch);
/** All counters become 0. */
void nc_cms_clear(nc_cms_t *sketch);

#ifdef __cplusplus
}
#endif
#endif
