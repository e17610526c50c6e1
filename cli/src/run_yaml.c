/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea.yaml: each mapping has a table of its keys, and each key a function that takes its value. Other keys are refused. */
#include "run_config.h"

#include "program/yaml_file.h"

#include <errno.h>
#include <nemea/event.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unirec/ipaddr.h>

#define LABEL_MAX  63
#define MAX_MB     (1u << 24)
#define MAX_DAYS   36500
#define LOG_LEAST  10000
#define LOG_MOST   UINT64_C(1000000000000)
#define FILES_MOST 100

struct reader {
   struct run_config *c;
   const char *name, *path; /* of the file; keys that lead to the value */
   yaml_document_t *document;
   char *error;
};

/* What has a value, and what takes it. context: that of the mapping */
struct key {
   const char *name;
   bool (*take)(struct reader *r, const yaml_node_t *value, void *context);
};

/* --------------------------------------------------------------------- messages */

__attribute__((format(printf, 3, 4))) static bool wrong(struct reader *r, const yaml_node_t *node,
                                                        const char *format, ...)
{
   va_list ap;
   int n = snprintf(r->error, RUN_ERROR, "%.256s:%zu: %s%s", r->name, node->start_mark.line + 1, r->path,
                    *r->path != 0 ? ": " : "");
   va_start(ap, format);
   vsnprintf(r->error + n, (size_t) (RUN_ERROR - n), format, ap);
   va_end(ap);
   return false;
}

static bool no_memory(struct reader *r, const yaml_node_t *node)
{
   return wrong(r, node, "out of memory");
}

/* ----------------------------------------------------------------------- values */

static const yaml_node_t *node_of(const struct reader *r, int index)
{
   return yaml_document_get_node(r->document, index);
}

/* The text of a scalar. \return NULL with a message */
static const char *text_of(struct reader *r, const yaml_node_t *node, const char *expected)
{
   if (node->type != YAML_SCALAR_NODE) {
      wrong(r, node, "%s (expected %s)", yaml_kind(node), expected);
      return NULL;
   }
   const char *text = (const char *) node->data.scalar.value;
   const char *bad = strlen(text) != node->data.scalar.length ? "the value has a control character"
                                                              : run_config_bad_text(text);
   if (bad != NULL) {
      wrong(r, node, "%s (expected %s)", bad, expected);
      return NULL;
   }
   return text;
}

/* Takes the place of what is there. */
static bool set_text(struct reader *r, const yaml_node_t *node, char **to, const char *expected)
{
   const char *text = text_of(r, node, expected);
   if (text == NULL) {
      return false;
   }
   free(*to);
   *to = strdup(text);
   return *to != NULL || no_memory(r, node);
}

/* "off" and "no" are words that YAML 1.1 takes for false. */
static bool set_switch(struct reader *r, const yaml_node_t *node, bool *to, const char *on, const char *off)
{
   const char *text = text_of(r, node, on);
   if (text == NULL) {
      return false;
   }
   *to = strcmp(text, "true") == 0 || strcmp(text, on) == 0;
   return *to || strcmp(text, "false") == 0 || strcmp(text, off) == 0 ||
          wrong(r, node, "\"%.64s\" (expected %s or %s)", text, on, off);
}

/* A number with a unit out of a list; *text is moved behind it. \return false: there is none */
static bool quantity(const char **text, const char *const units[], const uint64_t factors[], uint64_t *value)
{
   char *end = NULL;
   if (**text < '0' || **text > '9') {
      return false;
   }
   errno = 0;
   unsigned long long n = strtoull(*text, &end, 10);
   for (unsigned i = 0; units[i] != NULL && errno == 0; i++) {
      size_t length = strlen(units[i]);
      if (strncmp(end, units[i], length) == 0 && n <= UINT64_MAX / factors[i]) {
         *text = end + length;
         *value = n * factors[i];
         return true;
      }
   }
   return false;
}

/* --------------------------------------------------------------------- mappings */

static bool same_key(const yaml_node_t *a, const yaml_node_t *b)
{
   return a->type == YAML_SCALAR_NODE && b->type == YAML_SCALAR_NODE &&
          a->data.scalar.length == b->data.scalar.length &&
          memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0;
}

static bool is_repeated(const struct reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair)
{
   for (const yaml_node_pair_t *p = mapping->data.mapping.pairs.start; p < pair; p++) {
      if (same_key(node_of(r, p->key), node_of(r, pair->key))) {
         return true;
      }
   }
   return false;
}

static const struct key *find_key(const struct key *keys, const yaml_node_t *name)
{
   for (; name->type == YAML_SCALAR_NODE && keys->name != NULL; keys++) {
      if (strcmp(keys->name, (const char *) name->data.scalar.value) == 0) {
         return keys;
      }
   }
   return NULL;
}

static const char *list_keys(const struct key *keys, char *to, size_t size)
{
   size_t n = 0;
   to[0] = 0;
   for (const struct key *k = keys; k->name != NULL && n < size; k++) {
      n += (size_t) snprintf(to + n, size - n, "%s%s", n > 0 ? ", " : "", k->name);
   }
   return to;
}

/* Hands the values of a mapping to the functions of its keys. One without any is left as it is by default. */
static bool take_mapping(struct reader *r, const yaml_node_t *node, const struct key *keys, void *context)
{
   char names[256], path[128];
   const char *before = r->path;
   if (yaml_is_null(node)) {
      return true;
   }
   list_keys(keys, names, sizeof(names));
   if (node->type != YAML_MAPPING_NODE) {
      return wrong(r, node, "%s (expected a mapping with %s)", yaml_kind(node), names);
   }
   for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
      const yaml_node_t *name = node_of(r, p->key);
      const struct key *k = find_key(keys, name);
      const char *text =
          name->type == YAML_SCALAR_NODE ? (const char *) name->data.scalar.value : yaml_kind(name);
      if (k == NULL) {
         return wrong(r, name, "unknown key \"%.64s\" (expected %s)", text, names);
      }
      if (is_repeated(r, node, p)) {
         return wrong(r, name, "second key %s", k->name);
      }
      snprintf(path, sizeof(path), "%s%s%s", before, *before != 0 ? "." : "", k->name);
      r->path = path;
      bool good = k->take(r, node_of(r, p->value), context);
      r->path = before;
      if (!good) {
         return false;
      }
   }
   return true;
}

/* ---------------------------------------------------------------------- sources */

/* What the keys of one source have said so far. */
struct source_draft {
   struct run_source *source;
   const yaml_node_t *plugins, *speed;
};

static bool take_source_kind(struct reader *r, const yaml_node_t *node, struct source_draft *d,
                             enum run_source_kind kind, const char *expected)
{
   char why[256];
   const char *text = text_of(r, node, expected);
   if (text == NULL) {
      return false;
   }
   if (d->source != NULL) {
      return wrong(r, node, "a second kind of source (expected one of interface, collect and replay)");
   }
   d->source = run_config_source(r->c, kind, text, why, sizeof(why));
   return d->source != NULL || wrong(r, node, "%s", why);
}

static bool take_interface(struct reader *r, const yaml_node_t *node, void *draft)
{
   return take_source_kind(r, node, draft, RUN_INTERFACE, "the name of an interface");
}

static bool take_collect(struct reader *r, const yaml_node_t *node, void *draft)
{
   return take_source_kind(r, node, draft, RUN_COLLECT, "a port, or ADDRESS:PORT");
}

static bool take_replay(struct reader *r, const yaml_node_t *node, void *draft)
{
   return take_source_kind(r, node, draft, RUN_REPLAY, "a capture file");
}

static bool take_plugins(struct reader *r, const yaml_node_t *node, void *draft)
{
   (void) r;
   ((struct source_draft *) draft)->plugins = node;
   return true;
}

static bool take_speed(struct reader *r, const yaml_node_t *node, void *draft)
{
   (void) r;
   ((struct source_draft *) draft)->speed = node;
   return true;
}

static bool add_plugin(struct reader *r, const yaml_node_t *node, char **list)
{
   const char *text = text_of(r, node, "the name of a plugin of flow_meter");
   if (text == NULL) {
      return false;
   }
   if (text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789")] != 0) {
      return wrong(r, node, "\"%.64s\" (expected the name of a plugin: nemea flow_meter --plugin-list)",
                   text);
   }
   char *joined = NULL;
   if (asprintf(&joined, "%s%s%s", *list != NULL ? *list : "", *list != NULL ? "+" : "", text) < 0) {
      return no_memory(r, node);
   }
   free(*list);
   *list = joined;
   return true;
}

static bool set_plugins(struct reader *r, const yaml_node_t *node, struct run_source *s)
{
   r->path = "sources.plugins";
   if (node->type != YAML_SEQUENCE_NODE) {
      return wrong(r, node, "%s (expected a list of plugins)", yaml_kind(node));
   }
   if (s->kind == RUN_COLLECT) {
      return wrong(r, node, "plugins are of flow_meter, which reads interfaces and captures");
   }
   for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
      if (!add_plugin(r, node_of(r, *i), &s->plugins)) {
         return false;
      }
   }
   return true;
}

static bool set_speed(struct reader *r, const yaml_node_t *node, struct run_source *s)
{
   r->path = "sources.speed";
   char *end = NULL;
   const char *text = text_of(r, node, "a number");
   if (text == NULL) {
      return false;
   }
   s->speed = strtod(text, &end);
   if (*end != 0 || !(s->speed >= 0.001 && s->speed <= 1e6)) {
      return wrong(r, node, "\"%.64s\" (expected a number from 0.001 to 1000000)", text);
   }
   return s->kind == RUN_REPLAY || wrong(r, node, "only a replay has a speed");
}

static bool take_source(struct reader *r, const yaml_node_t *node)
{
   static const struct key keys[] = {{"interface", take_interface}, {"collect", take_collect},
                                     {"replay", take_replay},       {"plugins", take_plugins},
                                     {"speed", take_speed},         {NULL, NULL}};
   struct source_draft d = {0};
   if (!take_mapping(r, node, keys, &d)) {
      return false;
   }
   if (d.source == NULL) {
      return wrong(r, node, "a source of no kind (expected one of interface, collect and replay)");
   }
   return (d.plugins == NULL || set_plugins(r, d.plugins, d.source)) &&
          (d.speed == NULL || set_speed(r, d.speed, d.source));
}

static bool take_sources(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   const char *path = r->path;
   if (node->type != YAML_SEQUENCE_NODE) {
      return wrong(r, node, "%s (expected a list: - interface: eth0)", yaml_kind(node));
   }
   for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
      bool good = take_source(r, node_of(r, *i));
      r->path = path;
      if (!good) {
         return false;
      }
   }
   return true;
}

/* -------------------------------------------------------------------- detectors */

static bool take_enabled(struct reader *r, const yaml_node_t *node, void *detector)
{
   return set_switch(r, node, &((struct run_detector *) detector)->enabled, "true", "false");
}

static bool take_options(struct reader *r, const yaml_node_t *node, void *detector)
{
   return set_text(r, node, &((struct run_detector *) detector)->options, "options of its command line");
}

static const char *known_detector(const char *name)
{
   for (unsigned i = 0; event_descriptions[i] != NULL; i++) {
      if (strcmp(event_descriptions[i]->program, name) == 0) {
         return event_descriptions[i]->program;
      }
   }
   return NULL;
}

static bool take_detectors(struct reader *r, const yaml_node_t *node, void *context)
{
   static const struct key keys[] = {{"enabled", take_enabled}, {"options", take_options}, {NULL, NULL}};
   (void) context;
   const char *before = r->path;
   char path[128];
   if (yaml_is_null(node)) {
      return true;
   }
   if (node->type != YAML_MAPPING_NODE) {
      return wrong(r, node, "%s (expected a mapping with names of detectors)", yaml_kind(node));
   }
   for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
      const yaml_node_t *name = node_of(r, p->key);
      const char *text = text_of(r, name, "the name of a detector");
      const char *known = text != NULL ? known_detector(text) : NULL;
      if (known == NULL) {
         return text != NULL &&
                wrong(r, name, "unknown detector \"%.64s\" (nemea analyze --list-detectors)", text);
      }
      if (is_repeated(r, node, p) || r->c->n_detectors == RUN_DETECTORS) {
         return wrong(r, name, "second key %s", known);
      }
      struct run_detector *d = &r->c->detectors[r->c->n_detectors++];
      *d = (struct run_detector){.name = known, .enabled = true};
      snprintf(path, sizeof(path), "%s.%s", before, known);
      r->path = path;
      bool good = take_mapping(r, node_of(r, p->value), keys, d);
      r->path = before;
      if (!good) {
         return false;
      }
   }
   return true;
}

/* --------------------------------------------------------------------- networks */

static bool is_prefix(const char *text)
{
   char address[64];
   ip_addr_t ip;
   size_t n = strcspn(text, "/");
   if (n == 0 || n >= sizeof(address)) {
      return false;
   }
   memcpy(address, text, n);
   address[n] = 0;
   if (!ip_from_str(address, &ip)) {
      return false;
   }
   const char *bits = text[n] == '/' ? text + n + 1 : "0";
   return *bits != 0 && bits[strspn(bits, "0123456789")] == 0 && strlen(bits) <= 3 &&
          atoi(bits) <= (ip_is4(&ip) ? 32 : 128);
}

static bool add_network(struct reader *r, const yaml_node_t *node, const char *label)
{
   static const char expected[] = "a prefix, such as 192.0.2.0/24";
   const char *text = text_of(r, node, expected);
   if (text == NULL) {
      return false;
   }
   if (!is_prefix(text)) {
      return wrong(r, node, "\"%.64s\" (expected %s)", text, expected);
   }
   if (r->c->n_networks == RUN_NETWORKS) {
      return wrong(r, node, "more than %d networks", RUN_NETWORKS);
   }
   struct run_network *grown = reallocarray(r->c->networks, r->c->n_networks + 1, sizeof(*grown));
   if (grown == NULL) {
      return no_memory(r, node);
   }
   r->c->networks = grown;
   grown[r->c->n_networks] = (struct run_network){.label = strdup(label), .prefix = strdup(text)};
   r->c->n_networks++;
   return (grown[r->c->n_networks - 1].label != NULL && grown[r->c->n_networks - 1].prefix != NULL) ||
          no_memory(r, node);
}

static bool take_label(struct reader *r, const yaml_node_t *name, const yaml_node_t *list)
{
   const char *label = text_of(r, name, "the label of networks");
   if (label == NULL) {
      return false;
   }
   if (strlen(label) > LABEL_MAX || *label == ' ' || strchr(label, '#') != NULL) {
      return wrong(r, name,
                   "\"%.64s\" (expected a label of at most %d bytes without #, not beginning with a blank)",
                   label, LABEL_MAX);
   }
   if (list->type != YAML_SEQUENCE_NODE) {
      return wrong(r, list, "%s (expected a list of prefixes)", yaml_kind(list));
   }
   for (yaml_node_item_t *i = list->data.sequence.items.start; i < list->data.sequence.items.top; i++) {
      if (!add_network(r, node_of(r, *i), label)) {
         return false;
      }
   }
   return true;
}

static bool take_networks(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   if (yaml_is_null(node)) {
      return true;
   }
   if (node->type != YAML_MAPPING_NODE) {
      return wrong(r, node, "%s (expected a mapping with labels of networks)", yaml_kind(node));
   }
   if (node->data.mapping.pairs.top - node->data.mapping.pairs.start > RUN_NETWORKS) {
      return wrong(r, node, "more than %d labels", RUN_NETWORKS);
   }
   for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++) {
      if (is_repeated(r, node, p)) {
         return wrong(r, node_of(r, p->key), "second key");
      }
      if (!take_label(r, node_of(r, p->key), node_of(r, p->value))) {
         return false;
      }
   }
   return true;
}

/* -------------------------------------------------------------------- retention */

static const char *const sizes[] = {"MB", "GB", "TB", NULL};
static const uint64_t megabytes[] = {1, 1000, 1000000};

static bool take_flows(struct reader *r, const yaml_node_t *node, void *context)
{
   static const char *const ages[] = {"h", "d", NULL};
   static const uint64_t hours[] = {1, 24};
   static const char expected[] = "age/size, such as 24h/10GB (h or d; MB, GB or TB)";
   (void) context;
   uint64_t age, size;
   const char *text = text_of(r, node, expected), *p = text;
   if (text == NULL) {
      return false;
   }
   if (!quantity(&p, ages, hours, &age) || *p++ != '/' || !quantity(&p, sizes, megabytes, &size) || *p != 0 ||
       age == 0 || size == 0) {
      return wrong(r, node, "\"%.64s\" (expected %s)", text, expected);
   }
   return set_text(r, node, &r->c->flows, expected);
}

static bool take_events(struct reader *r, const yaml_node_t *node, void *context)
{
   static const char *const ages[] = {"d", NULL};
   static const uint64_t days[] = {1};
   static const char expected[] = "days/size, such as 365d/2GB (MB, GB or TB)";
   (void) context;
   uint64_t age, size;
   const char *text = text_of(r, node, expected), *p = text;
   if (text == NULL) {
      return false;
   }
   if (!quantity(&p, ages, days, &age) || *p++ != '/' || !quantity(&p, sizes, megabytes, &size) || *p != 0 ||
       age == 0 || age > MAX_DAYS || size == 0 || size > MAX_MB) {
      return wrong(r, node, "\"%.64s\" (expected %s)", text, expected);
   }
   r->c->events_days = (unsigned) age;
   r->c->events_mb = (unsigned) size;
   return true;
}

static bool take_logs(struct reader *r, const yaml_node_t *node, void *context)
{
   static const char *const units[] = {"kB", "MB", "GB", NULL};
   static const uint64_t bytes[] = {1000, 1000000, 1000000000};
   static const char *const times[] = {"\xc3\x97", "x", "*", NULL};
   static const char expected[] = "size x files, such as 10MB\xc3\x97"
                                  "5 or 10MBx5 (kB, MB or GB)";
   (void) context;
   uint64_t size = 0;
   const char *text = text_of(r, node, expected), *p = text;
   bool good = text != NULL && quantity(&p, units, bytes, &size);
   if (text == NULL) {
      return false;
   }
   size_t sign = 0;
   for (unsigned i = 0; good && times[i] != NULL; i++) {
      sign = strncmp(p, times[i], strlen(times[i])) == 0 ? strlen(times[i]) : sign;
   }
   char *end = NULL;
   unsigned long files = sign > 0 ? strtoul(p + sign, &end, 10) : 0;
   if (!good || sign == 0 || p[sign] < '0' || p[sign] > '9' || *end != 0 || size < LOG_LEAST ||
       size > LOG_MOST || files < 1 || files > FILES_MOST) {
      return wrong(r, node, "\"%.64s\" (expected %s)", text, expected);
   }
   r->c->log_bytes = size;
   r->c->log_files = (unsigned) files;
   return true;
}

static bool take_retention(struct reader *r, const yaml_node_t *node, void *context)
{
   static const struct key keys[] = {
       {"flows", take_flows}, {"events", take_events}, {"logs", take_logs}, {NULL, NULL}};
   return take_mapping(r, node, keys, context);
}

/* ------------------------------------------------------------------------- page */

static bool take_listen(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   return set_text(r, node, &r->c->listen, "ADDRESS:PORT, such as 127.0.0.1:8080");
}

static bool take_cert(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   return set_text(r, node, &r->c->tls_cert, "a file with a certificate");
}

static bool take_key(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   return set_text(r, node, &r->c->tls_key, "a file with the key of the certificate");
}

static bool take_page(struct reader *r, const yaml_node_t *node, void *context)
{
   static const struct key keys[] = {
       {"listen", take_listen}, {"tls_cert", take_cert}, {"tls_key", take_key}, {NULL, NULL}};
   if (!take_mapping(r, node, keys, context)) {
      return false;
   }
   return (r->c->tls_cert == NULL) == (r->c->tls_key == NULL) ||
          wrong(r, node, "tls_cert and tls_key belong together");
}

/* ------------------------------------------------------------------------- root */

static bool take_reporting(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   return set_text(r, node, &r->c->reporting, "a file with rules of the reporters");
}

static bool take_resolver(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   return set_switch(r, node, &r->c->resolver, "on", "off");
}

static bool add_geoip(struct reader *r, const yaml_node_t *node)
{
   const char *text = text_of(r, node, "a database file (.mmdb)");
   if (text == NULL) {
      return false;
   }
   if (r->c->n_geoip == RUN_GEOIP) {
      return wrong(r, node, "more than %d databases", RUN_GEOIP);
   }
   if (strchr(text, ',') != NULL) {
      return wrong(r, node, "\"%.64s\" has a comma", text);
   }
   r->c->geoip[r->c->n_geoip] = strdup(text);
   return r->c->geoip[r->c->n_geoip++] != NULL || no_memory(r, node);
}

static bool take_geoip(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   if (node->type != YAML_SEQUENCE_NODE) {
      return add_geoip(r, node);
   }
   for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
      if (!add_geoip(r, node_of(r, *i))) {
         return false;
      }
   }
   return true;
}

static bool take_state(struct reader *r, const yaml_node_t *node, void *context)
{
   (void) context;
   if (!set_text(r, node, &r->c->state, "a directory")) {
      return false;
   }
   return *r->c->state == '/' ||
          wrong(r, node, "\"%.64s\" (expected a path that begins with /)", r->c->state);
}

static bool take_user(struct reader *r, const yaml_node_t *node, void *context)
{
   static const char expected[] = "the name of a user, such as nemead";
   (void) context;
   return set_text(r, node, &r->c->user, expected) &&
          (getpwnam(r->c->user) != NULL ||
           wrong(r, node, "there is no user \"%.64s\" (expected %s)", r->c->user, expected));
}

bool run_config_read(struct run_config *c, const char *name, const char *text, size_t size,
                     char error[RUN_ERROR])
{
   static const struct key keys[] = {{"sources", take_sources},
                                     {"detectors", take_detectors},
                                     {"networks", take_networks},
                                     {"reporting", take_reporting},
                                     {"retention", take_retention},
                                     {"page", take_page},
                                     {"resolver", take_resolver},
                                     {"geoip", take_geoip},
                                     {"state", take_state},
                                     {"user", take_user},
                                     {NULL, NULL}};
   yaml_document_t document;
   struct reader r = {.c = c, .name = name, .path = "", .document = &document, .error = error};
   if (!yaml_file_parse(name, text, size, &document, error, RUN_ERROR)) {
      return false;
   }
   const yaml_node_t *root = yaml_document_get_root_node(&document);
   bool good = root == NULL || take_mapping(&r, root, keys, NULL);
   yaml_document_delete(&document);
   return good;
}
