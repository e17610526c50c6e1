/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file names.h
 * Domain names and URLs of lists, found in one search.
 *
 * A hash table with the keyed hash of nemea-common, never more than half full, so that neither who writes lists nor who
 * sends traffic can make searches long. Memory follows the number of entries: their text and about 40 bytes each.
 */
#ifndef BLACKLIST_NAMES_H
#define BLACKLIST_NAMES_H

#include <nemea-common/nc_hash.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define BL_NAME_MAX 65535 /* bytes of an entry, as of a field of a record */
#define BL_HOST_MAX 255   /* bytes of a host of which all parent domains are looked for (RFC 1035) */

struct bl_names;

/** NULL without memory. */
struct bl_names *bl_names_new(void);
void bl_names_free(struct bl_names *names);
/** Adds an entry; lists of equal entries are put together. text is compared as it is.
 * \param below the entry stands for all names below this one, and not for itself \return false: no memory or no room */
bool bl_names_add(struct bl_names *names, const char *text, size_t length, uint64_t lists, bool below);
size_t bl_names_count(const struct bl_names *names);
/** Lists of exactly this text, and of entries that stand for all names below one of its parents. \param host bytes of text in which
 * labels are separated by dots (all of a domain name; what is before the path of a URL)
 * \param subdomains let every entry stand for the names below it, too */
uint64_t bl_names_find(const struct bl_names *names, const char *text, size_t length, size_t host,
                       bool subdomains);

/** Batches: first the hash of each text, with bl_names_prefetch(), then bl_names_possible(); where that is true, bl_names_find(). */
static inline uint64_t bl_names_hash(const char *text, size_t length)
{
   return nc_hash(text, length);
}
void bl_names_prefetch(const struct bl_names *names, uint64_t hash);
/** \return false: bl_names_find() finds nothing for a text with this hash */
bool bl_names_possible(const struct bl_names *names, uint64_t hash, bool subdomains);

/* Eight bytes at once: a byte of 'A' to 'Z' carries into its top bit in one of the sums and not in the other. */
static inline uint64_t bl_lower8_(uint64_t word)
{
   const uint64_t ones = UINT64_C(0x0101010101010101), top = UINT64_C(0x8080808080808080);
   uint64_t low = word & ~top, at_least_a = low + (0x80 - 'A') * ones, above_z = low + (0x7f - 'Z') * ones;
   return word | ((at_least_a ^ above_z) & ~word & top) >> 2;
}

/** Writes text in lower case (ASCII). */
static inline void bl_lower(char *to, const char *text, size_t length)
{
   uint64_t word;
   if (length < 8) {
      for (size_t i = 0; i < length; i++) {
         unsigned char c = (unsigned char) text[i];
         to[i] = (char) (c | ((unsigned char) (c - 'A') < 26 ? 0x20 : 0));
      }
      return;
   }
   for (size_t i = 0; i + 8 <= length; i += 8) {
      memcpy(&word, text + i, 8);
      word = bl_lower8_(word);
      memcpy(to + i, &word, 8);
   }
   memcpy(&word, text + length - 8, 8); /* the rest, and some bytes once more */
   word = bl_lower8_(word);
   memcpy(to + length - 8, &word, 8);
}

#endif
