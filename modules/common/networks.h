/* SPDX-License-Identifier: BSD-3-Clause */
/** A set of networks, from a file or built in. */
#ifndef MODULES_NETWORKS_H
#define MODULES_NETWORKS_H

#include <stdbool.h>
#include <stdio.h>
#include <unirec/ip_prefix_search.h>

#define NETWORKS_ERROR 256

typedef struct networks networks_t;

/** Reads "192.0.2.0/24", or an address, which is a prefix of its full length; changes the text. \return false: it is neither */
bool networks_parse(char *text, ipps_network_t *network);
/** Reads a prefix a line, "192.0.2.0/24" or an address; empty lines and what follows '#' are skipped.
 * \return NULL, with the reason in error (NETWORKS_ERROR bytes) */
networks_t *networks_read(FILE *file, char *error);
/** Those of CESNET, which NEMEA 2 had built in. \return NULL without memory */
networks_t *networks_cesnet(void);
/** Networks for use inside of a site: RFC 1918 and RFC 4193. \return NULL without memory */
networks_t *networks_private(void);
void networks_free(networks_t *networks);
bool networks_contain(const networks_t *networks, const ip_addr_t *ip);
/** Number of IPv4 and IPv6 prefixes. */
uint32_t networks_count(const networks_t *networks);
/** Number of IPv4 addresses in them. */
uint64_t networks_addresses(const networks_t *networks);

#endif
