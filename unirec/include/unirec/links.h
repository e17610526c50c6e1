/* SPDX-License-Identifier: BSD-3-Clause */
/** \file links.h
 * Links of an observation point: which bits of LINK_BIT_FIELD are in use. Not for several threads at once. */
#ifndef UR_LINKS_H
#define UR_LINKS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAX_LINK_COUNT 64

typedef struct ur_links {
   unsigned int link_count; /**< bits set in the mask */
   uint64_t link_mask;
   uint64_t *link_indexes; /**< their positions, ascending */
} ur_links_t;

/** From a hexadecimal mask ("0x" is optional). \return NULL for zero, bad text or without memory; free with
 * ur_free_links() */
ur_links_t *ur_create_links(const char *mask);
/** NULL is allowed. */
void ur_free_links(ur_links_t *links);
/** \return index of the lowest link of the mask that is set in link_bit_field; -1 if none is */
int ur_get_link_index(ur_links_t *links, uint64_t link_bit_field);
/** \return bit position of a link; 0 for a bad index (check against the count first) */
uint64_t ur_get_link_bit_field_position(ur_links_t *links, unsigned int index);
/** \return the mask */
uint64_t ur_get_link_mask(ur_links_t *links);
/** \return number of links in the mask */
unsigned int ur_get_link_count(ur_links_t *links);

#ifdef __cplusplus
}
#endif
#endif
