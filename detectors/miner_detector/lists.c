/* SPDX-License-Identifier: BSD-3-Clause */
/** Lists of pools. */
#include "miner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NEVER UINT32_MAX
#define TEXT  64 /* longest entry */
#define LEAST 3  /* bytes of a line with an entry */

/* -------------------------------------------------------------------------- text */

static bool parse_port(const char *text, uint16_t *port)
{
   uint64_t value;
   bool good = nm_number(text, 0, UINT16_MAX, &value);
   *port = good ? (uint16_t) value : 0;
   return good;
}

bool pool_parse(const char *text, size_t length, struct pool *pool)
{
   char entry[TEXT];
   size_t n = 0;
   memset(pool, 0, sizeof(*pool));
   for (size_t i = 0; i < length; i++) {
      if (text[i] == ' ' || text[i] == '\t') {
         continue;
      }
      if (n == TEXT - 1 || text[i] == 0) {
         return false;
      }
      entry[n++] = text[i];
   }
   entry[n] = 0;
   char *address = entry, *port = strchr(entry, ':');
   if (entry[0] == '[') {
      char *end = strchr(entry, ']');
      if (end == NULL || (end[1] != ':' && end[1] != 0)) {
         return false;
      }
      address = entry + 1;
      port = end[1] == ':' ? end + 1 : NULL;
      *end = 0;
   } else if (port != NULL && strchr(port + 1, ':') != NULL) {
      port = NULL; /* more than one colon: an IPv6 address */
   }
   if (port != NULL) {
      *port++ = 0;
   }
   return ip_from_str(address, &pool->ip) != 0 && (port == NULL || parse_port(port, &pool->port)) &&
          (entry[0] != '[' || ip_is6(&pool->ip));
}

static void pool_print(FILE *file, const struct pool *pool)
{
   char ip[INET6_ADDRSTRLEN];
   ip_to_str(&pool->ip, ip);
   if (pool->port == 0) {
      fprintf(file, "%s\n", ip);
   } else {
      bool v6 = ip_is6(&pool->ip);
      fprintf(file, "%s%s%s:%u\n", v6 ? "[" : "", ip, v6 ? "]" : "", pool->port);
   }
}

/* ------------------------------------------------------------------------- lists */

bool pool_list_open(struct pool_list *list, uint32_t capacity, bool evict)
{
   nc_table_config_t config = {.capacity = capacity,
                               .key_size = sizeof(struct pool),
                               .value_size = sizeof(uint32_t),
                               .full = evict ? NC_TABLE_EVICT : NC_TABLE_REFUSE};
   *list = (struct pool_list){.entries = nc_table_new(&config)};
   return list->entries != NULL;
}

void pool_list_close(struct pool_list *list)
{
   nc_table_free(list->entries);
   list->entries = NULL;
}

bool pool_list_add(struct pool_list *list, const struct pool *pool, uint32_t expires)
{
   uint32_t *value = nc_table_upsert(list->entries, pool, NULL);
   if (value == NULL) {
      return false;
   }
   *value = expires > *value ? expires : *value;
   list->any_port |= pool->port == 0;
   return true;
}

static bool has(const struct pool_list *list, const struct pool *pool, uint32_t now)
{
   uint32_t *expires = nc_table_find(list->entries, pool);
   return expires != NULL && *expires > now;
}

bool pool_list_has(const struct pool_list *list, const ip_addr_t *ip, uint16_t port, uint32_t now)
{
   if (list->entries == NULL || nc_table_count(list->entries) == 0) {
      return false;
   }
   struct pool pool = {.port = port};
   memcpy(&pool.ip, ip, sizeof(pool.ip));
   if (has(list, &pool, now)) {
      return true;
   }
   pool.port = 0;
   return list->any_port && port != 0 && has(list, &pool, now);
}

/* ------------------------------------------------------------------------- files */

static bool read_lines(nm_module_t *m, struct pool_list *list, struct bl_lines *lines, const char *path,
                       char error[BL_ERROR])
{
   const char *line;
   size_t length;
   bool too_long;
   struct pool pool;
   while (bl_lines_next(lines, &line, &length, &too_long)) {
      size_t blank = 0;
      while (blank < length && (line[blank] == ' ' || line[blank] == '\t')) {
         blank++;
      }
      if (blank == length || line[blank] == '#') {
         continue;
      }
      if (too_long || !pool_parse(line, length, &pool)) {
         nm_warn(m, "%s, line %" PRIu64 ": expected ADDRESS or ADDRESS:PORT; the line is skipped", path,
                 lines->number);
      } else if (!pool_list_add(list, &pool, NEVER)) {
         snprintf(error, BL_ERROR,
                  "%.400s has more than the %u entries that its db_size in the configuration allows", path,
                  nc_table_capacity(list->entries));
         return false;
      }
   }
   if (lines->failed != 0) {
      snprintf(error, BL_ERROR, "%.400s: %s", path, strerror(lines->failed));
   }
   return lines->failed == 0;
}

bool pool_list_read(nm_module_t *m, struct pool_list *list, const char *path, uint32_t capacity,
                    char error[BL_ERROR])
{
   struct bl_stamp stamp;
   struct bl_lines lines;
   int fd = bl_open(path, &stamp, error);
   if (fd < 0) {
      return false;
   }
   uint64_t most = (uint64_t) stamp.size / LEAST + 1; /* entries that a file of this size may have */
   bool opened = pool_list_open(list, most < capacity ? (uint32_t) most : capacity, false);
   bool good = opened && bl_lines_open(&lines, fd);
   if (!good) {
      snprintf(error, BL_ERROR, "out of memory");
   } else {
      good = read_lines(m, list, &lines, path, error);
      bl_lines_close(&lines);
   }
   close(fd);
   return good;
}

static int compare(const void *one, const void *two)
{
   return memcmp(one, two, sizeof(struct pool));
}

/* The entries of a list, added to those that are there. */
static size_t collect(const struct pool_list *list, uint32_t now, struct pool *to)
{
   uint32_t cursor = 0;
   const void *key;
   void *expires;
   size_t n = 0;
   while (list->entries != NULL && nc_table_next(list->entries, &cursor, &key, &expires)) {
      if (*(uint32_t *) expires > now) {
         to[n++] = *(const struct pool *) key;
      }
   }
   return n;
}

static uint32_t count(const struct pool_list *list)
{
   return list->entries != NULL ? nc_table_count(list->entries) : 0;
}

bool pool_list_store(const struct pool_list *one, const struct pool_list *two, const char *path, uint32_t now,
                     char error[BL_ERROR])
{
   char *text = NULL;
   size_t size = 0, n = 0;
   struct pool *pools = calloc((size_t) count(one) + count(two) + 1, sizeof(*pools));
   FILE *file = open_memstream(&text, &size);
   bool good = pools != NULL && file != NULL;
   if (good) {
      n = collect(one, now, pools);
      n += collect(two, now, pools + n);
      qsort(pools, n, sizeof(*pools), compare);
   }
   for (size_t i = 0; good && i < n; i++) {
      if (i == 0 || compare(&pools[i], &pools[i - 1]) != 0) {
         pool_print(file, &pools[i]);
      }
   }
   if (file != NULL) {
      good = fclose(file) == 0 && good;
   }
   if (!good) {
      snprintf(error, BL_ERROR, "out of memory");
   }
   good = good && bl_replace(path, text, size, error);
   free(text);
   free(pools);
   return good;
}
