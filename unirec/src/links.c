/* SPDX-License-Identifier: BSD-3-Clause */
/** Links of an observation point. */
#include "internal.h"

#include <errno.h>

UR_PUBLIC ur_links_t *ur_create_links(const char *mask)
{
   char *end;
   if (mask == NULL || *mask == '-') {
      return NULL;
   }
   errno = 0;
   unsigned long long value = strtoull(mask, &end, 16);
   if (errno != 0 || end == mask || *end != 0 || value == 0) {
      return NULL;
   }
   ur_links_t *links = malloc(sizeof(*links));
   uint64_t *indexes = malloc(MAX_LINK_COUNT * sizeof(*indexes));
   if (links == NULL || indexes == NULL) {
      free(links);
      free(indexes);
      return NULL;
   }
   *links = (ur_links_t){0, value, indexes};
   for (unsigned bit = 0; bit < MAX_LINK_COUNT; bit++) {
      if ((value >> bit & 1) != 0) {
         indexes[links->link_count++] = bit;
      }
   }
   return links;
}

UR_PUBLIC void ur_free_links(ur_links_t *links)
{
   if (links != NULL) {
      free(links->link_indexes);
      free(links);
   }
}

UR_PUBLIC int ur_get_link_index(ur_links_t *links, uint64_t link_bit_field)
{
   for (unsigned i = 0; i < links->link_count; i++) {
      if ((link_bit_field >> links->link_indexes[i] & 1) != 0) {
         return (int) i;
      }
   }
   return -1;
}

UR_PUBLIC uint64_t ur_get_link_bit_field_position(ur_links_t *links, unsigned int index)
{
   return index < links->link_count ? links->link_indexes[index] : 0;
}

UR_PUBLIC uint64_t ur_get_link_mask(ur_links_t *links)
{
   return links->link_mask;
}

UR_PUBLIC unsigned int ur_get_link_count(ur_links_t *links)
{
   return links->link_count;
}
