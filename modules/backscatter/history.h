/* SPDX-License-Identifier: BSD-3-Clause */
/** Which items were seen in the last seconds: Bloom filters that are replaced by time and grow with what they hold.
 *
 * Two generations of a fixed number of seconds each: items are added to the younger one and looked for in both, so an item is
 * remembered for one to two lengths of a generation. A filter has blocks of one cache line (F. Putze, P. Sanders, J. Singler,
 * "Cache-, Hash- and Space-Efficient Bloom Filters", 2007). A generation begins as large as the one before it needed to be, and gets
 * another filter of twice the size when it is full: a quiet link takes little memory, whatever the maximum is. */
#ifndef BACKSCATTER_HISTORY_H
#define BACKSCATTER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct history history_t;

/** What a history is made for. */
struct history_config {
   double false_positives; /**< share of items that are taken for seen, up to 0.5 */
   uint32_t seconds;       /**< length of a generation */
   uint64_t items;         /**< of a generation at most; beyond that there are more false positives */
};

/** \return NULL without memory */
history_t *history_new(const struct history_config *config);
void history_free(history_t *h);
/** Forgets everything; the clock may go back then. */
void history_clear(history_t *h);
/** Moves the clock, in seconds, on. */
void history_advance(history_t *h, uint64_t now);
/** Adds an item by its hash (nc_hash()). \return true if it was not remembered */
bool history_add(history_t *h, uint64_t hash);
bool history_has(const history_t *h, uint64_t hash);
/** Bytes of all filters. */
uint64_t history_memory(const history_t *h);
/** Items that came when a generation had its maximum: they count, but more of the others are taken for seen. */
uint64_t history_overfull(const history_t *h);

#endif
