/* SPDX-License-Identifier: BSD-3-Clause */
/** Country and network (autonomous system) of addresses, of databases in MaxMind's form (.mmdb). */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include <stdbool.h>
#include <unirec/unirec.h>

#define PLACE_SIZE 160
#define MAX_GEOIP  4 /* databases */

struct places;

struct place {
   char country[8]; /* ISO 3166-1 code; "": unknown */
   uint32_t as;     /* number; 0: unknown */
   char as_name[96];
};

/**
 * Opens these databases, or without any those that are in the usual directories.
 * \param places NULL: there are none \return false with a message that names the database
 */
bool places_open(struct places **places, const char *const *paths, unsigned n, char *why, size_t size);
/** \return false: nothing is known of this address. places may be NULL */
bool places_find(const struct places *places, const ip_addr_t *ip, struct place *found);
/** "CZ, AS2852 CESNET"; "": nothing is known. Free of control bytes. */
char *places_text(const struct places *places, const ip_addr_t *ip, char *to, size_t size);
void places_close(struct places *places);

#endif
