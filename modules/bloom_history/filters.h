/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration of bloom_history, and the filters that it asks for. */
#ifndef BLOOM_HISTORY_FILTERS_H
#define BLOOM_HISTORY_FILTERS_H

#include <nemea-common/nc_table.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTERS_ERROR 512
#define BODY_HEADER \
   16 /* bytes of a body before the bits: size and number of entries (big-endian), error rate (little-endian double) */

/** A Bloom filter as libbloom 1 has it. */
struct filter {
   uint32_t tag;
   char *url;
   uint32_t entries;
   double error_rate;
   uint32_t bits, hashes;
   uint8_t *body; /* what is sent: header and bits */
   size_t body_size;
   uint64_t added; /* addresses that came */
};

struct filters {
   struct filter *list;
   uint32_t n;
   nc_table_t *by_tag; /* uint32_t -> uint32_t, place in list */
};

/** Reads an array of objects {"id", "api_url", "bloom_entries", "bloom_fp_error_rate"}; other keys are ignored.
 * \return NULL with the reason */
struct filters *filters_read(const char *text, size_t size, char error[FILTERS_ERROR]);
/** NULL is allowed. */
void filters_free(struct filters *f);
/** \return NULL: there is none */
struct filter *filters_find(struct filters *f, uint32_t tag);
/** An empty body. \return false: no memory */
bool filter_begin(struct filter *f);
void filter_add(struct filter *f, const void *key, size_t size);

#endif
