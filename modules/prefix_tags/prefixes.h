/* SPDX-License-Identifier: BSD-3-Clause */
/** The configuration of prefix_tags: networks and their tags. */
#ifndef PREFIX_TAGS_PREFIXES_H
#define PREFIX_TAGS_PREFIXES_H

#include <stdbool.h>
#include <unirec/ip_prefix_search.h>

#define PREFIXES_ERROR 512

/** Reads "ADDRESS/LENGTH". */
bool prefix_parse(const char *text, ipps_network_t *network);
/** Reads an array of objects {"id": TAG, "ip_prefix": "ADDRESS/LENGTH"}; what else is in the objects is ignored.
 * \return NULL, with the reason in error (PREFIXES_ERROR bytes); free it with ipps_destroy() */
ipps_context_t *prefixes_read(const char *path, char *error);

/** The tag of the widest network that contains ip, of equal ones the first in the file. \return false: none does */
static inline bool prefixes_find(ipps_context_t *prefixes, const ip_addr_t *ip, uint32_t *tag)
{
   void **data;
   ip_addr_t copy;
   memcpy(&copy, ip, sizeof(copy)); /* may be unaligned in a record */
   if (ipps_search(&copy, prefixes, &data) == 0) {
      return false;
   }
   memcpy(tag, data[0], sizeof(*tag));
   return true;
}

#endif
