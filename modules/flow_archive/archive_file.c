/* SPDX-License-Identifier: BSD-3-Clause */
#include "archive_file.h"

#include <endian.h>
#include <inttypes.h>
#include <nemea-common/nc_hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_MAGIC 0x184D2A5Eu
#define END         ".trapcap.zst"

static const char footer_magic[8] = "NFARCH1\n";

/* ----------------------------------------------------------------------- names */

void archive_name_write(const struct archive_name *n, char to[ARCHIVE_NAME])
{
   time_t t = n->begin;
   struct tm tm;
   gmtime_r(&t, &tm);
   size_t used = strftime(to, ARCHIVE_NAME, "%Y-%m-%d/%Y%m%dT%H%M%SZ", &tm);
   snprintf(to + used, ARCHIVE_NAME - used, "-%" PRIu32 "s-%" PRIu32 END "%s", n->seconds, n->number,
            n->part      ? ARCHIVE_PART
            : n->damaged ? ARCHIVE_DAMAGED
                         : "");
}

/* Digits without leading zeros. */
static const char *read_number(const char *p, uint32_t *value)
{
   uint64_t n = 0;
   const char *begin = p;
   while (*p >= '0' && *p <= '9' && p - begin < 10) {
      n = 10 * n + (uint64_t) (*p++ - '0');
   }
   *value = (uint32_t) n;
   return p > begin && n <= UINT32_MAX && (*begin != '0' || p == begin + 1) ? p : NULL;
}

bool archive_name_read(const char *name, struct archive_name *n)
{
   struct tm tm = {0};
   char again[ARCHIVE_NAME];
   const char *p = strlen(name) < ARCHIVE_NAME - 11 ? strptime(name, "%Y%m%dT%H%M%SZ-", &tm) : NULL;
   time_t t = p != NULL ? timegm(&tm) : -1;
   if (t < 0 || t > UINT32_MAX) {
      return false;
   }
   *n = (struct archive_name){.begin = (uint32_t) t};
   p = read_number(p, &n->seconds);
   p = p != NULL && p[0] == 's' && p[1] == '-' ? read_number(p + 2, &n->number) : NULL;
   if (p == NULL || n->seconds == 0 || strncmp(p, END, strlen(END)) != 0) {
      return false;
   }
   n->part = strcmp(p + strlen(END), ARCHIVE_PART) == 0;
   n->damaged = strcmp(p + strlen(END), ARCHIVE_DAMAGED) == 0;
   archive_name_write(n, again); /* nothing but what is written is read */
   return strcmp(again + 11, name) == 0;
}

bool archive_day_read(const char *name, uint32_t *begin)
{
   struct tm tm = {0};
   const char *end = strlen(name) == 10 ? strptime(name, "%Y-%m-%d", &tm) : NULL;
   time_t t = end != NULL && *end == 0 ? timegm(&tm) : -1;
   *begin = (uint32_t) t;
   return t >= 0 && t <= UINT32_MAX;
}

/* --------------------------------------------------------------------- trailer */

static void put64(uint8_t *to, uint64_t value)
{
   value = htole64(value);
   memcpy(to, &value, sizeof(value));
}

static void put32(uint8_t *to, uint32_t value)
{
   value = htole32(value);
   memcpy(to, &value, sizeof(value));
}

static uint64_t get64(const uint8_t *from)
{
   uint64_t value;
   memcpy(&value, from, sizeof(value));
   return le64toh(value);
}

static uint32_t get32(const uint8_t *from)
{
   uint32_t value;
   memcpy(&value, from, sizeof(value));
   return le32toh(value);
}

/* Of the filter's words and of the footer before its checksum. */
static uint64_t checksum(const uint8_t *words, uint32_t blocks, const uint8_t *footer)
{
   uint64_t key[2] = {nc_hash_long(words, (size_t) blocks * NC_BLOOM_BLOCK, (const uint64_t[2]){0, 0}), 1};
   return nc_hash_long(footer, 48, key);
}

uint8_t *archive_trailer_make(const struct archive_footer *f, const nc_bloom_t *filter, size_t *size)
{
   size_t n = (size_t) filter->blocks * NC_BLOOM_BLOCK;
   uint8_t *trailer = malloc(ARCHIVE_FRAME + n + ARCHIVE_FOOTER);
   if (trailer == NULL) {
      return NULL;
   }
   uint8_t *words = trailer + ARCHIVE_FRAME, *footer = words + n;
   put32(trailer, FRAME_MAGIC);
   put32(trailer + 4, (uint32_t) (n + ARCHIVE_FOOTER));
   for (size_t i = 0; i < n / 8; i++) {
      put64(words + 8 * i, filter->words[i]);
   }
   put64(footer, f->first);
   put64(footer + 8, f->last);
   put64(footer + 16, f->records);
   put64(footer + 24, filter->key[0]);
   put64(footer + 32, filter->key[1]);
   put32(footer + 40, filter->blocks);
   put32(footer + 44, f->flags);
   put64(footer + 48, checksum(words, filter->blocks, footer));
   memcpy(footer + 56, footer_magic, sizeof(footer_magic));
   *size = ARCHIVE_FRAME + n + ARCHIVE_FOOTER;
   return trailer;
}

bool archive_footer_read(const uint8_t *end, uint64_t size, struct archive_footer *f,
                         char why[ARCHIVE_REASON])
{
   *why = 0;
   if (size < ARCHIVE_FRAME + ARCHIVE_FOOTER || memcmp(end + 56, footer_magic, sizeof(footer_magic)) != 0) {
      return false;
   }
   *f = (struct archive_footer){.first = get64(end),
                                .last = get64(end + 8),
                                .records = get64(end + 16),
                                .key = {get64(end + 24), get64(end + 32)},
                                .blocks = get32(end + 40),
                                .flags = get32(end + 44),
                                .checksum = get64(end + 48)};
   uint64_t room = (size - ARCHIVE_FRAME - ARCHIVE_FOOTER) / NC_BLOOM_BLOCK;
   if (f->blocks == 0 || f->blocks > NC_BLOOM_MAX_BLOCKS || (f->blocks & (f->blocks - 1)) != 0 ||
       f->blocks > room) {
      snprintf(why, ARCHIVE_REASON,
               "its trailer is damaged: a filter of %" PRIu32
               " blocks (expected a power of two, and at most %" PRIu64 ")",
               f->blocks, room < NC_BLOOM_MAX_BLOCKS ? room : (uint64_t) NC_BLOOM_MAX_BLOCKS);
      return false;
   }
   return true;
}

bool archive_filter_read(const uint8_t *words, const struct archive_footer *f, nc_bloom_t *filter,
                         char why[ARCHIVE_REASON])
{
   uint8_t footer[48];
   put64(footer, f->first);
   put64(footer + 8, f->last);
   put64(footer + 16, f->records);
   put64(footer + 24, f->key[0]);
   put64(footer + 32, f->key[1]);
   put32(footer + 40, f->blocks);
   put32(footer + 44, f->flags);
   if (checksum(words, f->blocks, footer) != f->checksum) {
      snprintf(why, ARCHIVE_REASON, "its trailer is damaged: the checksum is wrong");
      return false;
   }
   if (nc_bloom_init(filter, f->blocks, f->key) != 0) {
      snprintf(why, ARCHIVE_REASON, "out of memory for its filter");
      return false;
   }
   for (size_t i = 0; i < (size_t) f->blocks * NC_BLOOM_BLOCK_WORDS; i++) {
      filter->words[i] = get64(words + 8 * i);
   }
   return true;
}

/* -------------------------------------------------------------------- addresses */

/* Prefixes in the filter, the longest first. */
static const uint8_t prefixes4[] = {32, 24, 16, 0}, prefixes6[] = {128, 64, 48, 32, 0};

#define ELEMENT 18 /* family, prefix, address */

static void make_element(uint8_t to[ELEMENT], const ip_addr_t *ip, unsigned prefix)
{
   bool v4 = ip_is4(ip);
   memset(to, 0, ELEMENT);
   to[0] = v4 ? 4 : 6;
   to[1] = (uint8_t) prefix;
   if (v4) {
      memcpy(to + 2, (const char *) ip + 8, 4);
   } else {
      memcpy(to + 2, ip, 16);
   }
   for (unsigned i = 0; i < 16; i++) {
      unsigned bits = prefix > 8 * i ? prefix - 8 * i : 0;
      to[2 + i] &= (uint8_t) (bits >= 8 ? 0xff : 0xff00 >> bits);
   }
}

void archive_filter_add(nc_bloom_t *filter, const ip_addr_t *ip)
{
   uint8_t element[ELEMENT];
   for (const uint8_t *p = ip_is4(ip) ? prefixes4 : prefixes6; *p != 0; p++) {
      make_element(element, ip, *p);
      nc_bloom_add(filter, element, sizeof(element));
   }
}

bool archive_filter_may_have(const nc_bloom_t *filter, const ip_addr_t *ip, unsigned prefix)
{
   uint8_t element[ELEMENT];
   const uint8_t *p = ip_is4(ip) ? prefixes4 : prefixes6;
   while (*p > prefix) {
      p++;
   }
   make_element(element, ip, *p);
   return *p == 0 || nc_bloom_may_have(filter, element, sizeof(element));
}

bool archive_in_network(const ip_addr_t *ip, const ip_addr_t *network, unsigned prefix)
{
   uint8_t a[ELEMENT], b[ELEMENT];
   if (ip_is4(ip) != ip_is4(network)) {
      return false;
   }
   make_element(a, ip, prefix);
   make_element(b, network, prefix);
   return memcmp(a, b, sizeof(a)) == 0;
}
