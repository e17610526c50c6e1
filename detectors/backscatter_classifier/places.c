/* SPDX-License-Identifier: BSD-3-Clause */
/** Whose an address is, and where, from databases in the format of MaxMind (option --agp, --cgp). */
#include "classifier.h"

#ifdef HAVE_MAXMINDDB
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct places {
   MMDB_s db;
};

void *places_open(nm_module_t *m, const char *path)
{
   struct places *p = calloc(1, sizeof(*p));
   if (p == NULL) {
      nm_fail_status(m, 3, "out of memory");
      return NULL;
   }
   int status = MMDB_open(path, MMDB_MODE_MMAP, &p->db);
   if (status != MMDB_SUCCESS) {
      nm_fail_status(m, 3, "%s: %s", path, MMDB_strerror(status));
      free(p);
      return NULL;
   }
   return p;
}

void places_close(void *places)
{
   struct places *p = places;
   if (p != NULL) {
      MMDB_close(&p->db);
      free(p);
   }
}

static bool look_up(struct places *p, const ip_addr_t *ip, MMDB_entry_s *entry)
{
   struct sockaddr_in v4 = {.sin_family = AF_INET};
   struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
   int error = MMDB_SUCCESS;
   const struct sockaddr *address = (const struct sockaddr *) (const void *) &v6;
   if (p == NULL) {
      return false;
   }
   if (ip_is4(ip)) {
      memcpy(&v4.sin_addr, ip_get_v4_as_bytes(ip), 4);
      address = (const struct sockaddr *) (const void *) &v4;
   } else {
      memcpy(&v6.sin6_addr, ip, 16);
   }
   MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&p->db, address, &error);
   *entry = found.entry;
   return error == MMDB_SUCCESS && found.found_entry;
}

static void take(MMDB_entry_s *entry, char to[NAME_SIZE], const char *const *path)
{
   MMDB_entry_data_s data;
   if (MMDB_aget_value(entry, &data, path) == MMDB_SUCCESS && data.has_data &&
       data.type == MMDB_DATA_TYPE_UTF8_STRING) {
      size_t n = data.data_size < NAME_SIZE - 1 ? data.data_size : NAME_SIZE - 1;
      memcpy(to, data.utf8_string, n);
      to[n] = 0;
   }
}

void places_find(struct places *networks, struct places *cities, struct victim *v)
{
   MMDB_entry_s entry;
   MMDB_entry_data_s data;
   if (look_up(networks, &v->address, &entry)) {
      take(&entry, v->organisation, (const char *const[]){"autonomous_system_organization", NULL});
      if (MMDB_get_value(&entry, &data, "autonomous_system_number", NULL) == MMDB_SUCCESS && data.has_data &&
          data.type == MMDB_DATA_TYPE_UINT32) {
         v->asn = data.uint32;
      }
   }
   if (look_up(cities, &v->address, &entry)) {
      take(&entry, v->city, (const char *const[]){"city", "names", "en", NULL});
      take(&entry, v->country, (const char *const[]){"country", "names", "en", NULL});
   }
}
#else
void *places_open(nm_module_t *m, const char *path)
{
   nm_fail_status(m, 3, "%s: built without libmaxminddb, which reads this file", path);
   return NULL;
}

void places_close(void *places)
{
   (void) places;
}

void places_find(struct places *networks, struct places *cities, struct victim *v)
{
   (void) networks;
   (void) cities;
   (void) v;
}
#endif
