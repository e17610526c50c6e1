/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file blist.h
 * Reads the files of the blacklist filters (*.blist), and plain lists that a person writes.
 *
 *     192.0.2.0/24,5;1:80,443       lists 1 (ports 80 and 443 only) and 3 (all ports)
 *     198.51.100.7,999,UUID         entry of the adaptive list, with an identifier
 *     name.example\5                domain name or URL; *.name.example: all names below
 *
 * Plain lists have an address, network, domain name or URL on each line, as list 1; '#' begins a comment. A line that is no entry is
 * skipped and counted.
 */
#ifndef BLACKLIST_BLIST_H
#define BLACKLIST_BLIST_H

#include "lines.h"
#include "names.h"
#include "prefixes.h"

/** What a plain list is read for. */
enum bl_kind { BL_ADDRESSES, BL_DOMAINS, BL_URLS };

/** What was read, and what is wrong with it. */
struct bl_read {
   uint64_t entries, bad;
   uint64_t first_bad;        /* line number */
   char reason[2 * BL_ERROR]; /* what is wrong with that line */
};

/** Adds the entries of a file to prefixes. \return false: the file cannot be read, or there is no memory: error is set */
bool bl_read_prefixes(const char *path, struct bl_prefixes *to, struct bl_stamp *stamp,
                      struct bl_read *result, char error[BL_ERROR]);
/** The same for names. */
bool bl_read_names(const char *path, struct bl_names *to, struct bl_stamp *stamp, struct bl_read *result,
                   char error[BL_ERROR]);
/** Adds the entries of one kind of a plain list. \param prefixes for BL_ADDRESSES \param names for the others */
bool bl_read_plain(const char *path, enum bl_kind kind, struct bl_prefixes *prefixes, struct bl_names *names,
                   struct bl_stamp *stamp, struct bl_read *result, char error[BL_ERROR]);

/** Reads "ADDRESS" or "ADDRESS/LENGTH". \return false: it is none */
bool bl_parse_network(const char *text, size_t length, ip_addr_t *ip, unsigned *prefix);

/** Makes a host and a path what entries are compared with: without a leading "www.", in lower case, without '/' at the end.
 * \param to host_length + path_length bytes \param[out] host bytes of it before the path \return bytes written */
static inline size_t bl_url(char *to, const char *host, size_t host_length, const char *path,
                            size_t path_length, size_t *host_bytes)
{
   bool www = host_length >= 4 && host[0] == 'w' && host[1] == 'w' && host[2] == 'w' && host[3] == '.';
   host += www ? 4 : 0;
   host_length -= www ? 4 : 0;
   bl_lower(to, host, host_length);
   bl_lower(to + host_length, path, path_length);
   size_t n = host_length + path_length;
   while (n > 0 && to[n - 1] == '/') {
      n--;
   }
   *host_bytes = host_length < n ? host_length : n;
   return n;
}

#endif
