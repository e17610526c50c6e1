/* SPDX-License-Identifier: BSD-3-Clause */
/** From public lists to the files of the filters. */
#include "entities.h"

#include "../blacklist/blist.h"
#include "../blacklist/extract.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 60 /* bytes of a line in messages */

void entities_free(struct entities *e)
{
   free(e->list);
   free(e->text);
   memset(e, 0, sizeof(*e));
}

static bool add(struct entities *e, const char *text, size_t length, const uint8_t *key, bool has_port,
                uint16_t port)
{
   if (e->n == BL_MAX_ENTRIES || e->n_text + length > UINT32_MAX) {
      return false;
   }
   if (e->n == e->room) {
      size_t room = e->room + e->room / 2 + 64;
      struct entity *more = reallocarray(e->list, room, sizeof(*more));
      if (more == NULL) {
         return false;
      }
      e->list = more;
      e->room = room;
   }
   if (e->n_text + length > e->room_text) {
      size_t room = e->room_text + e->room_text / 2 + length + 4096;
      char *more = realloc(e->text, room);
      if (more == NULL) {
         return false;
      }
      e->text = more;
      e->room_text = room;
   }
   struct entity *to = &e->list[e->n++];
   *to = (struct entity){
       .has_port = has_port, .port = port, .text = (uint32_t) e->n_text, .length = (uint32_t) length};
   if (key != NULL) {
      memcpy(to->key, key, sizeof(to->key));
   }
   memcpy(e->text + e->n_text, text, length);
   e->n_text += length;
   return true;
}

/* A network as the extraction writes it. */
static bool add_network(struct entities *e, const char *text, bool has_port, uint16_t port)
{
   ip_addr_t ip;
   unsigned length;
   uint8_t key[17];
   if (!bl_parse_network(text, strlen(text), &ip, &length)) {
      return true;
   }
   memcpy(key, &ip, 16);
   key[16] = (uint8_t) length;
   return add(e, text, strlen(text), key, has_port, port);
}

static int compare(const struct entity *a, const char *text_a, const struct entity *b, const char *text_b)
{
   int order = memcmp(a->key, b->key, sizeof(a->key));
   if (order == 0) {
      size_t n = a->length < b->length ? a->length : b->length;
      order = memcmp(text_a + a->text, text_b + b->text, n);
      order = order != 0 ? order : (a->length > b->length) - (a->length < b->length);
   }
   return order;
}

static int compare_entities(const void *one, const void *two, void *text)
{
   const struct entity *a = one, *b = two;
   int order = compare(a, text, b, text);
   order = order != 0 ? order : a->has_port - b->has_port;
   return order != 0 ? order : a->port - b->port;
}

/* Sorts, and leaves each entity once. One that is listed without a port is listed for all. */
static void finish(struct entities *e)
{
   size_t kept = 0;
   if (e->n > 0) {
      qsort_r(e->list, e->n, sizeof(*e->list), compare_entities, e->text);
   }
   for (size_t i = 0; i < e->n; i++) {
      const struct entity *last = kept > 0 ? &e->list[kept - 1] : NULL;
      bool same = last != NULL && compare(last, e->text, &e->list[i], e->text) == 0;
      if (!same || (last->has_port && last->port != e->list[i].port)) {
         e->list[kept++] = e->list[i];
      }
   }
   e->n = kept;
}

bool entities_equal(const struct entities *a, const struct entities *b)
{
   if (a->n != b->n) {
      return false;
   }
   for (size_t i = 0; i < a->n; i++) {
      const struct entity *x = &a->list[i], *y = &b->list[i];
      if (compare(x, a->text, y, b->text) != 0 || x->has_port != y->has_port || x->port != y->port) {
         return false;
      }
   }
   return true;
}

/* ------------------------------------------------------------------ extraction */

/* What was seen in a list. */
struct count {
   size_t candidates, found, comments;
   bool full;
};

static bool take(const struct bl_source *s, const char *text, size_t length, bool has_port, uint16_t port,
                 struct entities *e, struct count *c)
{
   char network[BL_NETWORK_TEXT], url[BL_LINE_MAX];
   if (s->names) {
      size_t n = bl_extract_url(text, length, url, sizeof(url));
      c->full |= n > 0 && !add(e, url, n, NULL, false, 0);
      return n > 0;
   }
   bool found = s->files[BL_FILE_IP4] ? bl_extract_ipv4(text, length, network)
                                      : bl_extract_ipv6(text, length, network);
   c->full |= found && !add_network(e, network, has_port, port);
   return found;
}

static void extract_lines(const struct bl_source *s, const char *data, size_t size, struct entities *e,
                          struct count *c)
{
   for (const char *p = data, *end = data + size; p < end && !c->full;) {
      const char *lf = memchr(p, '\n', (size_t) (end - p)), *line = p;
      size_t n = (size_t) ((lf != NULL ? lf : end) - p);
      p += n + 1;
      while (n > 0 && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t')) {
         n--;
      }
      if (n == 0) {
         continue;
      }
      if (*line == '#' || *line == ';') {
         c->comments++;
         continue;
      }
      size_t length = n < BL_LINE_MAX ? n : BL_LINE_MAX;
      c->candidates++;
      if (s->format == BL_FORMAT_CSV) {
         line = bl_csv_column(line, length, s->column, &length);
      }
      c->found += take(s, line, length, false, 0, e, c);
   }
}

/* A port as a number or as text; 0: none. */
static uint16_t json_port(const json_t *value)
{
   json_int_t port = json_is_integer(value) ? json_integer_value(value) : 0;
   if (json_is_string(value)) {
      port = strtoll(json_string_value(value), NULL, 10);
   }
   return port > 0 && port <= UINT16_MAX ? (uint16_t) port : 0;
}

static void extract_object(const struct bl_source *s, const json_t *object, struct entities *e,
                           struct count *c)
{
   char text[2 * BL_NETWORK_TEXT];
   const char *filter =
       s->filter_key[0] != 0 ? json_string_value(json_object_get(object, s->filter_key)) : NULL;
   if (s->filter_key[0] != 0 && (filter == NULL || strcmp(filter, s->filter_value) != 0)) {
      return;
   }
   const char *address = json_string_value(json_object_get(object, s->address_key));
   const json_t *prefix = s->prefix_key[0] != 0 ? json_object_get(object, s->prefix_key) : NULL;
   uint16_t port = json_port(json_object_get(object, s->port_key));
   c->candidates++;
   if (address == NULL || strlen(address) >= BL_NETWORK_TEXT) {
      return;
   }
   snprintf(text, sizeof(text), "%s", address);
   if (json_is_integer(prefix)) {
      snprintf(text, sizeof(text), "%s/%u", address, (unsigned) json_integer_value(prefix) & 255);
   } else if (json_is_string(prefix) && strlen(json_string_value(prefix)) < 4) {
      snprintf(text, sizeof(text), "%s/%s", address, json_string_value(prefix));
   }
   c->found += take(s, text, strlen(text), port != 0, port, e, c);
}

static bool extract_json(const struct bl_source *s, const char *data, size_t size, struct entities *e,
                         struct count *c, char error[BL_ERROR])
{
   json_error_t why;
   json_t *root = json_loadb(data, size, 0, &why);
   if (root == NULL) {
      snprintf(error, BL_ERROR, "no JSON: line %d: %.200s", why.line, why.text);
      return false;
   }
   bool good = json_is_array(root);
   if (!good) {
      snprintf(error, BL_ERROR, "the JSON is no list of objects");
   }
   size_t i;
   json_t *object;
   json_array_foreach(root, i, object)
   {
      extract_object(s, object, e, c);
   }
   c->comments += good && json_array_size(root) == 0; /* an empty list that says so */
   json_decref(root);
   return good;
}

/* A page that says sorry has the status 200, too. */
static bool is_markup(const char *data, size_t size)
{
   size_t i = 0;
   while (i < size && strchr(" \t\r\n\xef\xbb\xbf", data[i]) != NULL && data[i] != 0) {
      i++;
   }
   return i < size && data[i] == '<';
}

bool entities_extract(const struct bl_source *s, const char *data, size_t size, struct entities *e,
                      char error[BL_ERROR])
{
   struct count c = {0};
   bool good = true;
   error[0] = 0;
   memset(e, 0, sizeof(*e));
   if (is_markup(data, size)) {
      snprintf(error, BL_ERROR, "a page of HTML or XML, no list");
      return false;
   }
   if (s->format == BL_FORMAT_JSON) {
      good = extract_json(s, data, size, e, &c, error);
   } else {
      extract_lines(s, data, size, e, &c);
   }
   if (good && c.full) {
      snprintf(error, BL_ERROR, "out of memory, or more than %u entries", BL_MAX_ENTRIES);
   } else if (good && c.candidates == 0 && c.comments == 0 && s->filter_key[0] == 0) {
      snprintf(error, BL_ERROR, "empty");
   } else if (good && c.found < c.candidates - c.candidates / 2) {
      snprintf(error, BL_ERROR, "only %zu of %zu lines or objects have an entry: no list of this kind",
               c.found, c.candidates);
   }
   if (error[0] != 0) {
      entities_free(e);
      return false;
   }
   finish(e);
   return true;
}

/* ------------------------------------------------------------------ as text */

static void put_number(FILE *to, char before, uint64_t value)
{
   fprintf(to, "%c%" PRIu64, before, value);
}

bool entities_write(const struct entities *e, FILE *to)
{
   for (size_t i = 0; i < e->n;) {
      const struct entity *first = &e->list[i];
      fwrite(e->text + first->text, 1, first->length, to);
      size_t k = i;
      do {
         if (e->list[k].has_port) {
            put_number(to, k == i ? ':' : ',', e->list[k].port);
         }
         k++;
      } while (k < e->n && compare(first, e->text, &e->list[k], e->text) == 0);
      fputc('\n', to);
      i = k;
   }
   return !ferror(to);
}

/* "NETWORK" or "NETWORK:PORT,PORT" */
static bool read_network(const char *line, size_t n, struct entities *e)
{
   char network[BL_NETWORK_TEXT];
   size_t groups = 0, length = n;
   bool v6 = n >= 39 && line[4] == ':';
   for (size_t i = 0; i < n; i++) {
      groups += line[i] == ':';
      if (line[i] == ':' && groups == (v6 ? 8 : 1)) {
         length = i;
         break;
      }
   }
   if (length >= sizeof(network)) {
      return true;
   }
   memcpy(network, line, length);
   network[length] = 0;
   if (length == n) {
      return add_network(e, network, false, 0);
   }
   for (const char *p = line + length, *end = line + n; p < end;) {
      unsigned port = 0;
      for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
         port = port < 100000 ? 10 * port + (unsigned) (*p - '0') : port;
      }
      if ((p < end && *p != ',') || port == 0 || port > UINT16_MAX) {
         return true;
      }
      if (!add_network(e, network, true, (uint16_t) port)) {
         return false;
      }
   }
   return true;
}

bool entities_read(const struct bl_source *s, const char *data, size_t size, struct entities *e)
{
   bool good = true;
   memset(e, 0, sizeof(*e));
   for (const char *p = data, *end = data + size; p < end && good;) {
      const char *lf = memchr(p, '\n', (size_t) (end - p));
      size_t n = (size_t) ((lf != NULL ? lf : end) - p);
      if (n > 0 && n <= BL_NAME_MAX && memchr(p, 0, n) == NULL) {
         good = s->names ? add(e, p, n, NULL, false, 0) : read_network(p, n, e);
      }
      p += n + 1;
   }
   if (!good) {
      entities_free(e);
      return false;
   }
   finish(e);
   return true;
}

/* ------------------------------------------------------------ files of filters */

/* An entity of one of the lists. */
struct item {
   const struct entity *entity;
   const char *text; /* all of its list's */
   uint32_t length;  /* of the name: the host of a URL in the file of domain names */
   unsigned list;    /* id */
};

static bool goes_into(enum bl_file file, const struct bl_source *s)
{
   return s->files[file];
}

static int compare_items(const void *one, const void *two)
{
   const struct item *a = one, *b = two;
   struct entity x = *a->entity, y = *b->entity;
   x.length = a->length;
   y.length = b->length;
   int order = compare(&x, a->text, &y, b->text);
   order = order != 0 ? order : (a->list > b->list) - (a->list < b->list);
   order = order != 0 ? order : x.has_port - y.has_port;
   return order != 0 ? order : x.port - y.port;
}

static bool same_name(const struct item *a, const struct item *b)
{
   struct entity x = *a->entity, y = *b->entity;
   x.length = a->length;
   y.length = b->length;
   return compare(&x, a->text, &y, b->text) == 0;
}

/* A name with a dot in it, and no address: what a resolver is asked for. */
static bool is_domain(const char *text, size_t length)
{
   ip_addr_t ip;
   unsigned prefix;
   return length > 0 && length <= BL_HOST_MAX && memchr(text, '.', length) != NULL &&
          !bl_parse_network(text, length, &ip, &prefix);
}

static void put_ports(const struct item *items, size_t n, FILE *to)
{
   unsigned list = 0;
   for (size_t i = 0; i < n; i++) {
      if (!items[i].entity->has_port) {
         continue;
      }
      if (items[i].list != list) {
         put_number(to, ';', items[i].list);
         list = items[i].list;
         put_number(to, ':', items[i].entity->port);
      } else {
         put_number(to, ',', items[i].entity->port);
      }
   }
}

static void put_lines(enum bl_file file, const struct item *items, size_t n, FILE *to)
{
   for (size_t i = 0, k; i < n; i = k) {
      uint64_t lists = 0;
      for (k = i; k < n && same_name(&items[i], &items[k]); k++) {
         lists |= UINT64_C(1) << (items[k].list - 1);
      }
      fwrite(items[i].text + items[i].entity->text, 1, items[i].length, to);
      put_number(to, file == BL_FILE_IP4 || file == BL_FILE_IP6 ? ',' : '\\', lists);
      put_ports(items + i, k - i, to);
      fputc('\n', to);
   }
}

bool entities_detector_file(enum bl_file file, const struct bl_source *sources,
                            const struct entities *entities, size_t n, FILE *to)
{
   size_t most = 0, used = 0;
   for (size_t i = 0; i < n; i++) {
      most += goes_into(file, &sources[i]) ? entities[i].n : 0;
   }
   struct item *items = calloc(most + 1, sizeof(*items));
   if (items == NULL) {
      return false;
   }
   for (size_t i = 0; i < n; i++) {
      for (size_t k = 0; goes_into(file, &sources[i]) && k < entities[i].n; k++) {
         const struct entity *e = &entities[i].list[k];
         const char *text = entities[i].text + e->text;
         size_t length = file == BL_FILE_DNS ? bl_host_length(text, e->length) : e->length;
         if (file != BL_FILE_DNS || is_domain(text, length)) {
            items[used++] = (struct item){e, entities[i].text, (uint32_t) length, sources[i].id};
         }
      }
   }
   qsort(items, used, sizeof(*items), compare_items);
   put_lines(file, items, used, to);
   free(items);
   return !ferror(to);
}
