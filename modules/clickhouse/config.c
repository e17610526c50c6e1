/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define HTTP_PORT 8123

struct reader {
   yaml_document_t document;
   struct config *c;
   char *why;
};

__attribute__((format(printf, 3, 4))) static bool refuse(struct reader *r, const yaml_node_t *at,
                                                         const char *format, ...)
{
   va_list ap;
   int n = snprintf(r->why, CONFIG_WHY, "line %zu: ", at != NULL ? at->start_mark.line + 1 : 1);
   va_start(ap, format);
   vsnprintf(r->why + n, CONFIG_WHY - (size_t) n, format, ap);
   va_end(ap);
   return false;
}

static const char *text_of(const yaml_node_t *n)
{
   return n != NULL && n->type == YAML_SCALAR_NODE &&
                  strlen((const char *) n->data.scalar.value) == n->data.scalar.length
              ? (const char *) n->data.scalar.value
              : NULL;
}

/* Printable words without quotes, which need no escapes where they stand. */
static bool take_text(struct reader *r, const char *key, const yaml_node_t *value, char *to, size_t size)
{
   const char *text = text_of(value);
   if (text == NULL || strlen(text) >= size) {
      return refuse(r, value, "%s: expected a text of less than %zu bytes", key, size);
   }
   for (const unsigned char *c = (const unsigned char *) text; *c != 0; c++) {
      if (*c < ' ' || *c == 0x7f) {
         return refuse(r, value, "%s: the text has control characters", key);
      }
   }
   strcpy(to, text);
   return true;
}

static bool is_name(const char *text)
{
   size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
   return n > 0 && text[n] == 0 && (text[0] < '0' || text[0] > '9');
}

static bool take_name(struct reader *r, const char *key, const yaml_node_t *value, char *to)
{
   return take_text(r, key, value, to, WORD_SIZE) &&
          (is_name(to) || refuse(r, value, "%s: \"%.64s\": expected letters, digits and _", key, to));
}

static bool take_number(struct reader *r, const char *key, const yaml_node_t *value, uint64_t min,
                        uint64_t max, uint64_t *to)
{
   const char *text = text_of(value);
   char *end = NULL;
   size_t n = text != NULL ? strspn(text, "0123456789") : 0;
   *to = n > 0 && n < 19 ? strtoull(text, &end, 10) : 0;
   return (end != NULL && *end == 0 && *to >= min && *to <= max) ||
          refuse(r, value, "%s: expected a number from %llu to %llu", key, (unsigned long long) min,
                 (unsigned long long) max);
}

/* Calls take() for each pair of a mapping. */
static bool each_key(struct reader *r, const char *what, yaml_node_t *map,
                     bool (*take)(struct reader *r, const char *key, yaml_node_t *key_node,
                                  yaml_node_t *value, void *context),
                     void *context)
{
   if (map == NULL || map->type != YAML_MAPPING_NODE) {
      return refuse(r, map, "%s: expected keys and values", what);
   }
   for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++) {
      yaml_node_t *key = yaml_document_get_node(&r->document, p->key),
                  *value = yaml_document_get_node(&r->document, p->value);
      if (text_of(key) == NULL) {
         return refuse(r, key, "%s: expected a word as key", what);
      }
      if (!take(r, text_of(key), key, value, context)) {
         return false;
      }
   }
   return true;
}

static bool each_item(struct reader *r, const char *what, yaml_node_t *list,
                      bool (*take)(struct reader *r, yaml_node_t *value))
{
   if (list == NULL || list->type != YAML_SEQUENCE_NODE ||
       list->data.sequence.items.start == list->data.sequence.items.top) {
      return refuse(r, list, "%s: expected a list that is not empty", what);
   }
   for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
      if (!take(r, yaml_document_get_node(&r->document, *i))) {
         return false;
      }
   }
   return true;
}

/* ---------------------------------------------------------------------- the keys */

struct endpoint {
   char host[WORD_SIZE];
   uint64_t port;
};

static bool endpoint_key(struct reader *r, const char *key, yaml_node_t *key_node, yaml_node_t *value,
                         void *context)
{
   struct endpoint *e = context;
   uint64_t native;
   if (strcmp(key, "host") == 0) {
      if (!take_text(r, key, value, e->host, sizeof(e->host))) {
         return false;
      }
      size_t n = strspn(e->host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_");
      return (n > 0 && e->host[n] == 0) ||
             refuse(r, value, "host: \"%.64s\" is no name and no address", e->host);
   }
   if (strcmp(key, "port") == 0) {
      return take_number(r, key, value, 1, 65535, &native); /* of the native protocol: not used */
   }
   return strcmp(key, "httpPort") == 0 ? take_number(r, key, value, 1, 65535, &e->port)
                                       : refuse(r, key_node, "endpoints: unknown key \"%.64s\"", key);
}

static bool take_endpoint(struct reader *r, yaml_node_t *value)
{
   struct endpoint e = {.port = HTTP_PORT};
   char text[WORD_SIZE + 32];
   struct config *c = r->c;
   if (c->n_endpoints == MOST_ENDPOINTS) {
      return refuse(r, value, "endpoints: at most %d", MOST_ENDPOINTS);
   }
   if (!each_key(r, "endpoints", value, endpoint_key, &e)) {
      return false;
   }
   if (e.host[0] == 0) {
      return refuse(r, value, "endpoints: host is missing");
   }
   bool six = strchr(e.host, ':') != NULL;
   snprintf(text, sizeof(text), "%s%s%s:%u", six ? "[" : "", e.host, six ? "]" : "", (unsigned) e.port);
   c->endpoints[c->n_endpoints] = strdup(text);
   return c->endpoints[c->n_endpoints++] != NULL || refuse(r, value, "out of memory");
}

static bool connection_key(struct reader *r, const char *key, yaml_node_t *key_node, yaml_node_t *value,
                           void *context)
{
   struct config *c = r->c;
   (void) context;
   if (strcmp(key, "endpoints") == 0) {
      return each_item(r, key, value, take_endpoint);
   }
   if (strcmp(key, "username") == 0) {
      return take_text(r, key, value, c->username, sizeof(c->username));
   }
   if (strcmp(key, "password") == 0) {
      return take_text(r, key, value, c->password, sizeof(c->password));
   }
   if (strcmp(key, "ca") == 0) {
      c->tls = true;
      return take_text(r, key, value, c->ca, sizeof(c->ca));
   }
   if (strcmp(key, "database") == 0 || strcmp(key, "table") == 0) {
      return take_name(r, key, value, *key == 'd' ? c->database : c->table);
   }
   return refuse(r, key_node, "connection: unknown key \"%.64s\"", key);
}

/* "type NAME" */
static bool take_column(struct reader *r, yaml_node_t *value)
{
   struct config *c = r->c;
   const char *text = text_of(value);
   if (text == NULL || c->n_columns == MOST_COLUMNS) {
      return refuse(r, value, "columns: expected at most %d texts \"TYPE NAME\"", MOST_COLUMNS);
   }
   struct column *column = &c->columns[c->n_columns];
   size_t n = strcspn(text, " ");
   const char *name = text + n + strspn(text + n, " ");
   int type = 0;
   while (type < UR_COUNT_OF_TYPES &&
          (strlen(ur_field_type_str[type]) != n || strncmp(ur_field_type_str[type], text, n) != 0)) {
      type++;
   }
   if (type == UR_COUNT_OF_TYPES || !is_name(name) || strlen(name) >= WORD_SIZE) {
      return refuse(r, value, "columns: \"%.64s\": expected a type of UniRec and a name", text);
   }
   for (unsigned i = 0; i < c->n_columns; i++) {
      if (strcmp(c->columns[i].name, name) == 0) {
         return refuse(r, value, "columns: %s is there twice", name);
      }
   }
   strcpy(column->name, name);
   column->type = (ur_field_type_t) type;
   c->n_columns++;
   return true;
}

static bool top_key(struct reader *r, const char *key, yaml_node_t *key_node, yaml_node_t *value,
                    void *context)
{
   struct config *c = r->c;
   (void) context;
   const struct {
      const char *key;
      uint64_t min, max, *to;
   } numbers[] = {{"inserterThreads", 1, 1024, &c->inserter_threads},
                  {"blocks", 1, 65536, &c->blocks},
                  {"blockInsertThreshold", 1, 10000000, &c->rows},
                  {"blockInsertMaxDelaySecs", 1, 86400, &c->delay},
                  {"spoolSizeMB", 1, 1u << 30, &c->spool_mb}};
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      if (strcmp(key, numbers[i].key) == 0) {
         return take_number(r, key, value, numbers[i].min, numbers[i].max, numbers[i].to);
      }
   }
   if (strcmp(key, "connection") == 0) {
      return each_key(r, key, value, connection_key, NULL);
   }
   if (strcmp(key, "columns") == 0) {
      return each_item(r, key, value, take_column);
   }
   return strcmp(key, "spool") == 0 ? take_text(r, key, value, c->spool, sizeof(c->spool))
                                    : refuse(r, key_node, "unknown key \"%.64s\"", key);
}

/* What is missing; "https" when there is a file of certificates. */
static bool complete(struct reader *r)
{
   struct config *c = r->c;
   const char *missing = c->n_endpoints == 0   ? "connection.endpoints"
                         : c->database[0] == 0 ? "connection.database"
                         : c->table[0] == 0    ? "connection.table"
                         : c->n_columns == 0   ? "columns"
                                               : NULL;
   for (unsigned i = 0; missing == NULL && i < c->n_endpoints; i++) {
      char url[WORD_SIZE + 64];
      snprintf(url, sizeof(url), "%s://%s", c->tls ? "https" : "http", c->endpoints[i]);
      free(c->endpoints[i]);
      c->endpoints[i] = strdup(url);
      if (c->endpoints[i] == NULL) {
         return refuse(r, NULL, "out of memory");
      }
   }
   return missing == NULL || refuse(r, NULL, "%s is missing", missing);
}

struct config *config_read(const char *text, size_t size, char why[CONFIG_WHY])
{
   yaml_parser_t parser;
   struct reader r = {.why = why, .c = calloc(1, sizeof(struct config))};
   if (r.c == NULL || yaml_parser_initialize(&parser) == 0) {
      snprintf(why, CONFIG_WHY, "out of memory");
      free(r.c);
      return NULL;
   }
   *r.c = (struct config){.inserter_threads = 8, .blocks = 64, .rows = 100000, .delay = 10, .spool_mb = 1024};
   yaml_parser_set_input_string(&parser, (const unsigned char *) text, size);
   bool loaded = yaml_parser_load(&parser, &r.document) != 0;
   bool good = false;
   if (!loaded) {
      snprintf(why, CONFIG_WHY, "line %zu: %s", parser.problem_mark.line + 1,
               parser.problem != NULL ? parser.problem : "no YAML");
   } else {
      good =
          each_key(&r, "the file", yaml_document_get_root_node(&r.document), top_key, NULL) && complete(&r);
      yaml_document_delete(&r.document);
   }
   yaml_parser_delete(&parser);
   if (!good) {
      config_free(r.c);
      return NULL;
   }
   return r.c;
}

void config_free(struct config *c)
{
   if (c != NULL) {
      for (unsigned i = 0; i < c->n_endpoints; i++) {
         free(c->endpoints[i]);
      }
      explicit_bzero(c->password, sizeof(c->password));
      free(c);
   }
}
