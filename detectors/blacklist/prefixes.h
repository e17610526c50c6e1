/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file prefixes.h
 * Networks and addresses of lists, IPv4 and IPv6, found in one search each.
 *
 * All networks are cut into ranges that do not overlap, sorted by their begin; each range knows what all networks around it say together.
 * A search looks first into a bitmap of address blocks that hold listed addresses at all, which ends most searches, then into
 * the sorted ranges. Memory follows the number of entries: about 40 bytes each. Made once, then only read.
 */
#ifndef BLACKLIST_PREFIXES_H
#define BLACKLIST_PREFIXES_H

#include <unirec/ipaddr.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BL_MAX_ENTRIES  (UINT32_C(1) << 26) /* of a list; more are refused */
#define BL_ADAPTIVE     999                 /* stands for a list in entries with an identifier */
#define BL_IDS_MAX      4096                /* bytes of identifiers of one address; more are left out */
#define BL_LIST_NUMBERS 64                  /* lists are numbered from 1 */

struct bl_prefixes;

/** Lists that hold an address only on one port. */
struct bl_port {
   uint64_t lists;
   uint16_t port;
};

/** What is known of an address. */
struct bl_hit {
   uint64_t lists;  /* bit N-1: list N */
   const char *ids; /* identifiers separated by commas; NULL: none */
   bool listed;     /* in a network of a list, on this port or on others */
};

/** NULL without memory. */
struct bl_prefixes *bl_prefixes_new(void);
void bl_prefixes_free(struct bl_prefixes *p);
/** Adds a network. \param lists those that hold it on all ports \param ports those that hold it on some, n of them
 * \param id identifier, id_length bytes; NULL: none \return false: no memory, or BL_MAX_ENTRIES */
bool bl_prefixes_add(struct bl_prefixes *p, const ip_addr_t *ip, unsigned length, uint64_t lists,
                     const struct bl_port *ports, size_t n, const char *id, size_t id_length);
/** To be called once, behind the last one. \return false: no memory */
bool bl_prefixes_finish(struct bl_prefixes *p);
/** Number of distinct networks of one address family. */
size_t bl_prefixes_count(const struct bl_prefixes *p, bool v6);
/** What the networks around an address say together. */
struct bl_hit bl_prefixes_find(const struct bl_prefixes *p, const ip_addr_t *ip, uint16_t port);

#endif
