/* SPDX-License-Identifier: BSD-3-Clause */
/** \file ip_prefix_search.h
 * Finds the networks of a list that contain an address. Networks may be nested, equal, in any order and of both families.
 *
 * The list becomes disjoint intervals of addresses, each with the data of all networks around it; a search is one
 * binary search. Building takes O(n log n) time and memory for each interval's data pointers.
 * Threads: any number may search one context at once; building and destroying belong to one. */
#ifndef IP_PREFIX_SEARCH_H
#define IP_PREFIX_SEARCH_H

#include <stddef.h>
#include <stdint.h>

#include "ipaddr.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DATASLOTS      8
#define COLLECTORSLOTS 16
#define NETWORKSLOTS   16

/** A network and its data. */
typedef struct {
   ip_addr_t addr;  /**< its family is the network's; ipps_init() clears the host bits */
   uint32_t mask;   /**< length of the prefix in bits: at most 32 for IPv4, 128 for IPv6 */
   void *data;      /**< copied by ipps_init(); may be NULL when data_len is 0 */
   size_t data_len; /**< bytes */
} ipps_network_t;

typedef struct {
   uint32_t net_count;
   ipps_network_t *networks;
} ipps_network_list_t;

/** Addresses low_ip to high_ip and the data of the networks that contain them, the widest first. */
typedef struct {
   ip_addr_t low_ip;
   ip_addr_t high_ip;
   uint32_t data_cnt;
   size_t array_len; /**< pointers that data_array has room for */
   void **data_array;
} ipps_interval_t;

typedef struct {
   uint32_t v4_count;
   uint32_t v6_count;
   ipps_interval_t *v4_prefix_intervals; /**< by address, disjoint */
   ipps_interval_t *v6_prefix_intervals;
} ipps_context_t;

/** Makes a context for searching; the list may be freed afterwards, ipps_destroy() frees the context.
 * \return NULL, with a message on stderr, for NULL, an empty list, a prefix that is too long, or without memory */
ipps_context_t *ipps_init(ipps_network_list_t *network_list);
/** Finds the networks that contain an address. \param[out] data their data, the widest network's first, equal
 * networks' in the order of the list; the array belongs to the context; untouched when nothing is found.
 * \return number of networks */
int ipps_search(ip_addr_t *ip, ipps_context_t *context, void ***data);
/** Frees a context and all data. \return 0; 1 for NULL */
int ipps_destroy(ipps_context_t *context);

#ifdef __cplusplus
}
#endif
#endif
