/* SPDX-License-Identifier: BSD-3-Clause */
#include "places.h"

#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_MAXMINDDB
#include <maxminddb.h>

struct places {
   MMDB_s db[MAX_GEOIP];
   unsigned n;
};

static bool open_one(struct places *p, const char *path, char *why, size_t size)
{
   int rc = MMDB_open(path, MMDB_MODE_MMAP, &p->db[p->n]);
   if (rc != MMDB_SUCCESS) {
      snprintf(why, size,
               "%s: %s (expected a database of countries, cities or networks in MaxMind's form, .mmdb)", path,
               MMDB_strerror(rc));
      return false;
   }
   p->n++;
   return true;
}

/* Of countries the first that is there, and of networks: where geoipupdate and packages put them. */
static bool open_usual(struct places *p, char *why, size_t size)
{
   static const char *const directories[] = {"/var/lib/GeoIP", "/usr/share/GeoIP", "/usr/local/share/GeoIP",
                                             "/usr/local/var/GeoIP"};
   static const char *const names[2][6] = {{"GeoIP2-City", "GeoIP2-Country", "GeoLite2-City",
                                            "GeoLite2-Country", "dbip-city-lite", "dbip-country-lite"},
                                           {"GeoIP2-ISP", "GeoLite2-ASN", "dbip-asn-lite"}};
   char path[128];
   for (unsigned kind = 0; kind < 2; kind++) {
      bool found = false;
      for (unsigned i = 0; i < 6 && !found && names[kind][i] != NULL; i++) {
         for (unsigned d = 0; d < sizeof(directories) / sizeof(directories[0]) && !found; d++) {
            snprintf(path, sizeof(path), "%s/%s.mmdb", directories[d], names[kind][i]);
            found = access(path, R_OK) == 0;
            if (found && !open_one(p, path, why, size)) {
               return false;
            }
         }
      }
   }
   return true;
}

bool places_open(struct places **places, const char *const *paths, unsigned n, char *why, size_t size)
{
   struct places *p = calloc(1, sizeof(*p));
   bool good = p != NULL;
   *places = p;
   if (!good) {
      snprintf(why, size, "out of memory");
   }
   for (unsigned i = 0; i < n && good; i++) {
      good = open_one(p, paths[i], why, size);
   }
   good = good && (n > 0 || open_usual(p, why, size));
   if (!good || p->n == 0) {
      places_close(p);
      *places = NULL;
   }
   return good;
}

void places_close(struct places *p)
{
   for (unsigned i = 0; p != NULL && i < p->n; i++) {
      MMDB_close(&p->db[i]);
   }
   free(p);
}

/* The value at a path, when it is of this type. \return false: there is none */
static bool value_of(MMDB_entry_s *entry, uint32_t type, MMDB_entry_data_s *data, const char *const *path)
{
   return MMDB_aget_value(entry, data, path) == MMDB_SUCCESS && data->has_data && data->type == type;
}

static void copy_text(char *to, size_t size, const MMDB_entry_data_s *data)
{
   nc_text_terminal(to, size, data->utf8_string,
                    data->data_size); /* who made the database may have put anything there */
}

static void read_entry(MMDB_entry_s *entry, struct place *found)
{
   MMDB_entry_data_s data;
   if (found->country[0] == 0 && (value_of(entry, MMDB_DATA_TYPE_UTF8_STRING, &data,
                                           (const char *const[]){"country", "iso_code", NULL}) ||
                                  value_of(entry, MMDB_DATA_TYPE_UTF8_STRING, &data,
                                           (const char *const[]){"registered_country", "iso_code", NULL}))) {
      copy_text(found->country, sizeof(found->country), &data);
   }
   if (found->as == 0 && value_of(entry, MMDB_DATA_TYPE_UINT32, &data,
                                  (const char *const[]){"autonomous_system_number", NULL})) {
      found->as = data.uint32;
      if (value_of(entry, MMDB_DATA_TYPE_UTF8_STRING, &data,
                   (const char *const[]){"autonomous_system_organization", NULL})) {
         copy_text(found->as_name, sizeof(found->as_name), &data);
      }
   }
}

bool places_find(const struct places *p, const ip_addr_t *ip, struct place *found)
{
   char text[INET6_ADDRSTRLEN];
   int bad_address = 0, rc = MMDB_SUCCESS;
   memset(found, 0, sizeof(*found));
   if (p == NULL) {
      return false;
   }
   ip_to_str(ip, text);
   for (unsigned i = 0; i < p->n; i++) {
      MMDB_lookup_result_s result = MMDB_lookup_string(&p->db[i], text, &bad_address, &rc);
      if (bad_address == 0 && rc == MMDB_SUCCESS && result.found_entry) {
         read_entry(&result.entry, found);
      }
   }
   return found->country[0] != 0 || found->as != 0;
}

#else

bool places_open(struct places **places, const char *const *paths, unsigned n, char *why, size_t size)
{
   *places = NULL;
   if (n > 0) {
      snprintf(why, size, "%s: this nemea was built without libmaxminddb", paths[0]);
   }
   return n == 0;
}

void places_close(struct places *p)
{
   (void) p;
}

bool places_find(const struct places *p, const ip_addr_t *ip, struct place *found)
{
   (void) p;
   (void) ip;
   memset(found, 0, sizeof(*found));
   return false;
}

#endif

char *places_text(const struct places *p, const ip_addr_t *ip, char *to, size_t size)
{
   struct place place;
   *to = 0;
   if (places_find(p, ip, &place) && place.as != 0) {
      snprintf(to, size, "%s%sAS%" PRIu32 "%s%s", place.country, place.country[0] != 0 ? ", " : "", place.as,
               place.as_name[0] != 0 ? " " : "", place.as_name);
   } else if (place.country[0] != 0) {
      snprintf(to, size, "%s", place.country);
   }
   return to;
}
