/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file extract.h
 * Finds the entry in a line of a public list, whatever stands around it.
 */
#ifndef BLACKLIST_EXTRACT_H
#define BLACKLIST_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>

#define BL_NETWORK_TEXT 64 /* bytes of a network as text, with the NUL */

/** The first IPv4 address of a text, with "/LENGTH" when it is shorter than 32. \return false: there is none */
bool bl_extract_ipv4(const char *text, size_t length, char to[BL_NETWORK_TEXT]);
/** The first IPv6 address, all eight groups with four digits, with "/LENGTH" when it is shorter than 128. */
bool bl_extract_ipv6(const char *text, size_t length, char to[BL_NETWORK_TEXT]);
/** A URL or a domain name that the text begins with, as entries are: without scheme, user, "www." and '/' at the end, in lower case, the
 * host in ASCII (IDNA). "*." may stand in front of the host. \return its length; 0: there is none, or it has more than size bytes */
size_t bl_extract_url(const char *text, size_t length, char *to, size_t size);
/** Bytes of an entry that are its host, without a port. */
size_t bl_host_length(const char *entry, size_t length);
/** Column number column (from 1) of a line of CSV, with or without quotes. \param[out] length its length; 0 where there is none */
const char *bl_csv_column(const char *line, size_t line_length, unsigned column, size_t *length);

#endif
