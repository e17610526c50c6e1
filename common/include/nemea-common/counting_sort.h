/* SPDX-License-Identifier: BSD-3-Clause */
/** \file counting_sort.h
 * Stable sort of items by a small integer key, in time and memory proportional to items and range of keys. */
#ifndef COUNTING_SORT_H
#define COUNTING_SORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { CS_ORDER_ASC = 0, CS_ORDER_DSC = 1 } cs_order;

typedef enum {
   CS_SUCCESS = 0,
   CS_BAD_PARAM = 1, /**< NULL, no items, items without size, key_max below key_min, an unknown order */
   CS_MEMORY = 2,    /**< no memory for 4 bytes a possible key */
   CS_BAD_INDEX = 3  /**< an item's key is outside of the range; output is then undefined */
} cs_ret_code;

/** Sorts count items of size bytes from input to output, which must not overlap. Items of equal keys keep their order
 * in both orders. \param get_key key of an item, expected from key_min to key_max, both included */
cs_ret_code counting_sort(const void *input, void *output, uint32_t count, uint32_t size, uint32_t key_min,
                          uint32_t key_max, cs_order order, uint32_t (*get_key)(const void *item));

#ifdef __cplusplus
}
#endif
#endif
