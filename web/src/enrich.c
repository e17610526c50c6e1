/* SPDX-License-Identifier: BSD-3-Clause */
#include "enrich.h"
#include "resolver.h"

#include "places.h"

#include <errno.h>
#include <nemea-common/nc_text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORKS_MAX 4096
#define LABEL_SIZE   64
#define LINE_SIZE    256

struct network {
   ip_addr_t address;
   unsigned bits; /* that count, of 128 */
   char label[LABEL_SIZE];
};

struct enrich {
   struct places *places;
   struct resolver *resolver;
   struct network *networks; /* the most specific first */
   unsigned n_networks;
};

/* -------------------------------------------------------------------- networks */

/* IPv4 addresses stand in bytes 8 to 11 of 16. */
static unsigned parse_prefix(char *text, ip_addr_t *address)
{
   char *slash = strchr(text, '/'), *end = NULL;
   if (slash != NULL) {
      *slash = 0;
   }
   if (!ip_from_str(text, address)) {
      return UINT32_MAX;
   }
   bool four = ip_is4(address);
   unsigned long most = four ? 32 : 128, bits = slash != NULL ? strtoul(slash + 1, &end, 10) : most;
   if (bits > most || (slash != NULL && (slash[1] < '0' || slash[1] > '9' || *end != 0))) {
      return UINT32_MAX;
   }
   return (unsigned) bits + (four ? 64 : 0);
}

static bool contains(const struct network *n, const ip_addr_t *address)
{
   const uint8_t *a = (const uint8_t *) &n->address, *b = (const uint8_t *) address;
   unsigned whole = n->bits / 8, rest = n->bits % 8;
   return ip_is4(&n->address) == ip_is4(address) && memcmp(a, b, whole) == 0 &&
          (rest == 0 || ((a[whole] ^ b[whole]) & (uint8_t) (0xff00u >> rest)) == 0);
}

static int more_specific_first(const void *one, const void *other)
{
   const struct network *a = one, *b = other;
   return a->bits != b->bits ? (int) b->bits - (int) a->bits
                             : memcmp(&a->address, &b->address, sizeof(a->address));
}

/* "PREFIX LABEL". \return false with a message */
static bool take_line(struct enrich *e, char *line, char *why, size_t size)
{
   line[strcspn(line, "#\r\n")] = 0;
   char *prefix = line + strspn(line, " \t");
   char *label = prefix + strcspn(prefix, " \t");
   size_t length = strlen(prefix);
   while (length > 0 && (prefix[length - 1] == ' ' || prefix[length - 1] == '\t')) {
      prefix[--length] = 0;
   }
   if (length == 0) {
      return true;
   }
   if (*label != 0) {
      *label++ = 0;
      label += strspn(label, " \t");
   }
   struct network n = {.bits = parse_prefix(prefix, &n.address)};
   if (n.bits == UINT32_MAX || *label == 0 || strlen(label) >= LABEL_SIZE) {
      snprintf(why, size,
               "expected PREFIX LABEL, as in \"192.0.2.0/24 office\", the label of at most %d bytes",
               LABEL_SIZE - 1);
      return false;
   }
   if (e->n_networks == NETWORKS_MAX) {
      snprintf(why, size, "more than %d networks", NETWORKS_MAX);
      return false;
   }
   nc_text_terminal(n.label, sizeof(n.label), label, strlen(label));
   e->networks[e->n_networks++] = n;
   return true;
}

static bool read_networks(struct enrich *e, const char *path, char *why, size_t size)
{
   char line[LINE_SIZE], reason[160];
   FILE *file = fopen(path, "re");
   bool good = file != NULL && (e->networks = calloc(NETWORKS_MAX, sizeof(*e->networks))) != NULL;
   if (!good) {
      snprintf(why, size, "the networks cannot be read: %s: %s", path, strerror(errno));
   }
   for (unsigned n = 1; good && fgets(line, sizeof(line), file) != NULL; n++) {
      if (!take_line(e, line, reason, sizeof(reason))) {
         snprintf(why, size, "%s, line %u: %s", path, n, reason);
         good = false;
      }
   }
   if (good) {
      qsort(e->networks, e->n_networks, sizeof(*e->networks), more_specific_first);
   }
   if (file != NULL) {
      fclose(file);
   }
   return good;
}

/* --------------------------------------------------------------------- opening */

struct enrich *enrich_open(const struct enrich_options *o, char *why, size_t size)
{
   struct enrich *e = calloc(1, sizeof(*e));
   snprintf(why, size, "out of memory");
   bool good = e != NULL && (o->networks == NULL || read_networks(e, o->networks, why, size)) &&
               places_open(&e->places, o->geoip, o->n_geoip, why, size);
   if (good && o->resolver && (e->resolver = resolver_start()) == NULL) {
      snprintf(why, size, "no thread can be started");
      good = false;
   }
   if (!good) {
      enrich_close(e);
      return NULL;
   }
   return e;
}

void enrich_close(struct enrich *e)
{
   if (e != NULL) {
      resolver_stop(e->resolver);
      places_close(e->places);
      free(e->networks);
      free(e);
   }
}

/* ------------------------------------------------------------------- addresses */

static void set_text(json_t *object, const char *key, const char *text)
{
   json_t *value = *text != 0 ? json_string(text) : NULL; /* NULL: not UTF-8 */
   if (value != NULL) {
      json_object_set_new(object, key, value);
   }
}

static json_t *about_address(struct enrich *e, const char *text)
{
   json_t *o = json_object();
   char name[RESOLVER_NAME];
   ip_addr_t address;
   struct place place;
   if (!ip_from_str(text, &address)) {
      return o;
   }
   for (unsigned i = 0; i < e->n_networks; i++) {
      if (contains(&e->networks[i], &address)) {
         set_text(o, "network", e->networks[i].label);
         break;
      }
   }
   if (places_find(e->places, &address, &place)) {
      set_text(o, "country", place.country);
      set_text(o, "as_name", place.as_name);
      if (place.as != 0) {
         json_object_set_new(o, "as", json_integer(place.as));
      }
   }
   if (e->resolver != NULL) {
      bool known = resolver_name(e->resolver, text, name);
      set_text(o, "name", name);
      json_object_set_new(o, "pending", json_boolean(!known));
   }
   return o;
}

json_t *enrich_addresses(struct enrich *e, const json_t *list)
{
   size_t i;
   json_t *item, *all = json_object();
   json_array_foreach(list, i, item)
   {
      const char *text = json_string_value(item);
      json_object_set_new(all, text, about_address(e, text));
   }
   return all;
}

json_t *enrich_about(const struct enrich *e)
{
   return json_pack("{s:b,s:I,s:b}", "geoip", e->places != NULL, "networks", (json_int_t) e->n_networks,
                    "resolver", e->resolver != NULL);
}
