/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * A table says which keys there are, what they hold, and which words of the command line they become. Nothing is looked at that
 * the table does not name, and only as deep as it goes.
 */
#include "probe_yaml.h"

#include "parameters.h"
#include "plugins/registry.h"
#include "yaml_file.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 16  /* of a mapping of the table */
#define MAX_PATH 128 /* of nested keys; the table's are shorter */
#define MAX_TEXT 1024

_Static_assert(PROBE_YAML_SIZE == YAML_FILE_SIZE, "one limit");

enum type {
   END,
   MAP,
   CHOICE, /* a mapping of which exactly one key is there */
   TEXT,
   NUMBER,
   SWITCH, /* true: the option */
   BOOL,   /* the option with true or false */
   PLUGINS,
   CPUS,
   ABSENT, /* of other builds */
   OFF     /* a switch that can only be false */
};

struct key {
   const char *name;
   enum type type;
   bool required;
   uint64_t min, max;
   const char *flag;   /* begins a word of the command line: mappings with option, values with the value */
   const char *option; /* is appended to the word, of values with the value; NULL: nothing is */
   const struct key *keys;
   const char *why; /* why it is not available */
};

/* clang-format off */
static const struct key raw_keys[] = {
   {.name = "interface", .type = TEXT, .required = true, .option = "ifc="},
   {.name = "blocks_count", .type = NUMBER, .min = 1, .max = 65536, .option = "blocks="},
   {.name = "packets_in_block", .type = NUMBER, .min = 1, .max = 1024, .option = "pkts="},
   {.type = END}};
static const struct key file_keys[] = {
   {.name = "file", .type = TEXT, .required = true, .option = "file="},
   {.name = "bpf_filter", .type = TEXT, .option = "filter="},
   {.name = "capture_memory", .type = NUMBER, .min = 16, .max = 1 << 20, .option = "capture-memory="},
   {.type = END}};
static const struct key live_keys[] = {
   {.name = "interface", .type = TEXT, .required = true, .option = "ifc="},
   {.name = "bpf_filter", .type = TEXT, .option = "filter="},
   {.name = "snap_length", .type = NUMBER, .min = 120, .max = 65535, .option = "snaplen="},
   {.type = END}};
#define HARDWARE "is not available here, packets come from pcap_file, pcap_live or raw"
static const struct key input_keys[] = {
   {.name = "pcap_file", .type = MAP, .flag = "-i", .option = "pcap", .keys = file_keys},
   {.name = "pcap_live", .type = MAP, .flag = "-i", .option = "pcap", .keys = live_keys},
   {.name = "raw", .type = MAP, .flag = "-i", .option = "raw", .keys = raw_keys},
   {.name = "ndp", .type = ABSENT, .why = HARDWARE},
   {.name = "dpdk", .type = ABSENT, .why = HARDWARE},
   {.name = "dpdk_ring", .type = ABSENT, .why = HARDWARE},
   {.type = END}};

static const struct key cache_keys[] = {
   {.name = "size_exponent", .type = NUMBER, .min = 4, .max = 30, .option = "size="},
   {.name = "line_size_exponent", .type = NUMBER, .min = 0, .max = 30, .option = "line="},
   {.type = END}};
static const struct key timeout_keys[] = {
   {.name = "active", .type = NUMBER, .min = 1, .max = 1000000, .option = "active="},
   {.name = "inactive", .type = NUMBER, .min = 1, .max = 1000000, .option = "inactive="},
   {.type = END}};
static const struct key fragment_keys[] = {
   {.name = "enabled", .type = BOOL, .option = "frag-enable="},
   {.name = "size", .type = NUMBER, .min = 1, .max = 1 << 24, .option = "frag-size="},
   {.name = "timeout", .type = NUMBER, .min = 1, .max = 3600, .option = "frag-timeout="},
   {.type = END}};
static const struct key storage_keys[] = {
   {.name = "cache", .type = MAP, .keys = cache_keys},
   {.name = "timeouts", .type = MAP, .keys = timeout_keys},
   {.name = "split_biflow", .type = SWITCH, .option = "split"},
   {.name = "fragmentation_cache", .type = MAP, .keys = fragment_keys},
   {.type = END}};

static const struct key collector_keys[] = {
   {.name = "host", .type = TEXT, .required = true, .option = "host="},
   {.name = "port", .type = NUMBER, .min = 1, .max = 65535, .option = "port="},
   {.type = END}};
static const struct key exporter_keys[] = {
   {.name = "id", .type = NUMBER, .min = 0, .max = UINT32_MAX, .option = "id="},
   {.name = "dir", .type = NUMBER, .min = 0, .max = 255, .option = "dir="},
   {.type = END}};
static const struct key udp_keys[] = {
   {.name = "template_refresh", .type = NUMBER, .min = 1, .max = 86400, .option = "template="},
   {.type = END}};
static const struct key tcp_keys[] = {
   {.name = "non_blocking", .type = SWITCH, .option = "non-blocking-tcp"},
   {.name = "reconnect", .type = NUMBER, .min = 1, .max = 86400, .option = "reconnect="},
   {.type = END}};
static const struct key protocol_keys[] = {
   {.name = "udp", .type = MAP, .option = "udp", .keys = udp_keys},
   {.name = "tcp", .type = MAP, .keys = tcp_keys},
   {.type = END}};
static const struct key lz4_keys[] = {
   {.name = "enabled", .type = SWITCH, .option = "lz4-compression"},
   {.name = "buffer_size", .type = NUMBER, .min = 384, .max = 4 << 20, .option = "lz4-buffer-size="},
   {.type = END}};
static const struct key compression_keys[] = {
   {.name = "lz4", .type = MAP, .keys = lz4_keys},
   {.type = END}};
static const struct key ipfix_keys[] = {
   {.name = "collector", .type = MAP, .required = true, .keys = collector_keys},
   {.name = "mtu", .type = NUMBER, .min = 128, .max = 65507, .option = "mtu="},
   {.name = "exporter", .type = MAP, .keys = exporter_keys},
   {.name = "protocol", .type = CHOICE, .keys = protocol_keys},
   {.name = "compression", .type = MAP, .keys = compression_keys},
   {.type = END}};
static const struct key text_keys[] = {
   {.name = "file", .type = TEXT, .option = "file="},
   {.type = END}};
static const struct key unirec_keys[] = {
   {.name = "ifc", .type = TEXT, .required = true, .option = "ifc="},
   {.name = "plugins", .type = TEXT, .option = "plugins="},
   {.name = "eof", .type = SWITCH, .option = "eof"},
   {.name = "odid", .type = SWITCH, .option = "odid"},
   {.name = "id", .type = NUMBER, .min = 0, .max = UINT64_MAX, .option = "id="},
   {.name = "dir", .type = NUMBER, .min = 0, .max = 255, .option = "dir="},
   {.type = END}};
static const struct key output_keys[] = {
   {.name = "ipfix", .type = MAP, .flag = "-o", .option = "ipfix", .keys = ipfix_keys},
   {.name = "text", .type = MAP, .flag = "-o", .option = "text", .keys = text_keys},
   {.name = "unirec", .type = MAP, .flag = "-o", .option = "unirec", .keys = unirec_keys},
   {.type = END}};

static const struct key appfs_keys[] = {
   {.name = "enabled", .type = OFF, .why = "there is no telemetry file system (FUSE) here; telemetry.directory has files instead"},
   {.name = "mount_point", .type = TEXT},
   {.type = END}};
static const struct key telemetry_keys[] = {
   {.name = "appfs", .type = MAP, .keys = appfs_keys},
   {.name = "directory", .type = TEXT, .flag = "-t"},
   {.type = END}};
static const struct key queue_keys[] = {
   {.name = "input", .type = NUMBER, .min = 1, .max = UINT32_MAX, .flag = "-q"},
   {.name = "output", .type = NUMBER, .min = 1, .max = UINT32_MAX, .flag = "-Q"},
   {.type = END}};
static const struct key general_keys[] = {
   {.name = "queues_size", .type = MAP, .keys = queue_keys},
   {.name = "cpu_list", .type = CPUS, .flag = "-C"},
   {.type = END}};
static const struct key root_keys[] = {
   {.name = "input_plugin", .type = CHOICE, .required = true, .keys = input_keys},
   {.name = "storage", .type = MAP, .flag = "-s", .option = "cache", .keys = storage_keys},
   {.name = "process_plugins", .type = PLUGINS, .flag = "-p"},
   {.name = "output_plugin", .type = CHOICE, .required = true, .keys = output_keys},
   {.name = "telemetry", .type = MAP, .keys = telemetry_keys},
   {.name = "general", .type = MAP, .keys = general_keys},
   {.type = END}};
/* clang-format on */

static const struct key root_key = {.name = "", .type = MAP, .keys = root_keys};

struct reader {
   const char *name;
   yaml_document_t *document;
   struct probe_words *words;
   char *error;
   char path[MAX_PATH];
   unsigned word; /* that options are appended to */
};

/* -------------------------------------------------------------------- messages */

/* Reports an error at a node. \return false */
__attribute__((format(printf, 3, 4))) static bool wrong(struct reader *r, const yaml_node_t *node,
                                                        const char *format, ...)
{
   va_list ap;
   int n = snprintf(r->error, PROBE_YAML_ERROR, "%.256s:%zu: %s%s", r->name, node->start_mark.line + 1,
                    r->path, r->path[0] != 0 ? ": " : "");
   va_start(ap, format);
   vsnprintf(r->error + n, (size_t) (PROBE_YAML_ERROR - n), format, ap);
   va_end(ap);
   return false;
}

static const char *list_keys(const struct key *keys, char *text, size_t size)
{
   size_t n = 0;
   text[0] = 0;
   for (const struct key *k = keys; k->type != END && n < size; k++) {
      if (k->type != ABSENT) {
         n += (size_t) snprintf(text + n, size - n, "%s%s", n == 0 ? "" : ", ", k->name);
      }
   }
   return text;
}

/* ----------------------------------------------------------------------- words */

static bool add_word(struct reader *r, const yaml_node_t *node, const char *text)
{
   struct probe_words *w = r->words;
   if (w->n == PROBE_YAML_WORDS || (w->words[w->n] = malloc(PROBE_YAML_WORD)) == NULL) {
      return wrong(r, node, "more than %d words for the command line", PROBE_YAML_WORDS);
   }
   w->words[w->n + 1] = NULL;
   snprintf(w->words[w->n], PROBE_YAML_WORD, "%s", text);
   r->word = w->n++;
   return true;
}

static bool append(struct reader *r, const yaml_node_t *node, const char *option, const char *value)
{
   char *word = r->words->words[r->word];
   size_t n = strlen(word);
   int more = snprintf(word + n, PROBE_YAML_WORD - n, ";%s%s", option, value);
   return n + (size_t) more < PROBE_YAML_WORD || wrong(r, node, "too much text for one option");
}

/* Puts a value on the command line. */
static bool use(struct reader *r, const yaml_node_t *node, const struct key *k, const char *value)
{
   if (k->flag != NULL) {
      return add_word(r, node, k->flag) && add_word(r, node, value);
   }
   return k->option == NULL || append(r, node, k->option, value);
}

/* --------------------------------------------------------------------- scalars */

/* The text of a scalar; a string that a shell, a file name or an option could not hold is refused. */
static const char *text_of(struct reader *r, const yaml_node_t *node, const char *expected)
{
   if (node->type != YAML_SCALAR_NODE) {
      wrong(r, node, "%s (expected %s)", yaml_kind(node), expected);
      return NULL;
   }
   const char *text = (const char *) node->data.scalar.value;
   size_t size = node->data.scalar.length;
   if (size == 0) {
      wrong(r, node, "the value is empty (expected %s)", expected);
      return NULL;
   }
   for (size_t i = 0; i < size; i++) {
      if (iscntrl((unsigned char) text[i]) || text[i] == ';') {
         wrong(r, node, "\"%.64s\" has a semicolon or a control character (expected %s)", text, expected);
         return NULL;
      }
   }
   if (size > MAX_TEXT) {
      wrong(r, node, "\"%.64s...\" is longer than %d bytes (expected %s)", text, MAX_TEXT, expected);
      return NULL;
   }
   return text;
}

static bool read_number(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   char expected[64], value[32];
   uint64_t v = 0;
   snprintf(expected, sizeof(expected), "a number from %llu to %llu", (unsigned long long) k->min,
            (unsigned long long) k->max);
   const char *text = text_of(r, node, expected);
   if (text == NULL) {
      return false;
   }
   if (!yaml_is_plain(node) || !parameter_number(text, k->min, k->max, &v)) {
      return wrong(r, node, "\"%.64s\" (expected %s)", text, expected);
   }
   snprintf(value, sizeof(value), "%llu", (unsigned long long) v);
   return use(r, node, k, value);
}

static bool read_bool(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   const char *text = text_of(r, node, "true or false");
   if (text == NULL) {
      return false;
   }
   bool on = strcmp(text, "true") == 0;
   if (!yaml_is_plain(node) || (!on && strcmp(text, "false") != 0)) {
      return wrong(r, node, "\"%.64s\" (expected true or false)", text);
   }
   if (k->type == OFF) {
      return !on || wrong(r, node, "%s (expected false)", k->why);
   }
   return k->type == BOOL ? use(r, node, k, text) : !on || use(r, node, k, "");
}

/* ----------------------------------------------------------------------- lists */

static bool read_plugin(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   char known[PROBE_YAML_ERROR / 2];
   size_t n = (size_t) snprintf(known, sizeof(known), "basic");
   const char *text = text_of(r, node, "the name of a process plugin");
   if (text == NULL) {
      return false;
   }
   if (strcmp(text, "basic") == 0 || flow_plugin_find(text) != NULL) {
      return use(r, node, k, text);
   }
   for (size_t i = 0; flow_plugin_at(i) != NULL && n < sizeof(known); i++) {
      n += (size_t) snprintf(known + n, sizeof(known) - n, ", %s", flow_plugin_at(i)->name);
   }
   return wrong(r, node, "unknown process plugin \"%.64s\" (expected %s)", text, known);
}

/* Numbers as a list, or as a text with commas. */
static bool read_cpus(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   char list[MAX_TEXT] = "";
   static const char expected[] = "numbers of CPUs, such as [0, 1] or 0,1";
   if (node->type == YAML_SCALAR_NODE) {
      const char *text = text_of(r, node, expected);
      return text != NULL && (strspn(text, "0123456789,") == strlen(text)
                                  ? use(r, node, k, text)
                                  : wrong(r, node, "\"%.64s\" (expected %s)", text, expected));
   }
   if (node->type != YAML_SEQUENCE_NODE || node->data.sequence.items.start == node->data.sequence.items.top) {
      return wrong(r, node, "%s (expected %s)",
                   node->type == YAML_SEQUENCE_NODE ? "an empty list" : yaml_kind(node), expected);
   }
   for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
      const yaml_node_t *item = yaml_document_get_node(r->document, *i);
      size_t n = strlen(list);
      uint64_t cpu = 0;
      const char *text = text_of(r, item, expected);
      if (text == NULL) {
         return false;
      }
      if (!parameter_number(text, 0, UINT16_MAX, &cpu) || n + 8 > sizeof(list)) {
         return wrong(r, item, "\"%.64s\" (expected %s)", text, expected);
      }
      snprintf(list + n, sizeof(list) - n, "%s%llu", n > 0 ? "," : "", (unsigned long long) cpu);
   }
   return use(r, node, k, list);
}

static bool read_plugins(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   if (node->type != YAML_SEQUENCE_NODE) {
      return wrong(r, node, "%s (expected a list of process plugins)", yaml_kind(node));
   }
   for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++) {
      if (!read_plugin(r, yaml_document_get_node(r->document, *i), k)) {
         return false;
      }
   }
   return true;
}

/* -------------------------------------------------------------------- mappings */

static bool read_mapping(struct reader *r, const yaml_node_t *node, const struct key *k);

static bool read_value(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   switch (k->type) {
   case MAP:
   case CHOICE: return read_mapping(r, node, k);
   case NUMBER: return read_number(r, node, k);
   case SWITCH:
   case BOOL:
   case OFF: return read_bool(r, node, k);
   case PLUGINS: return read_plugins(r, node, k);
   case CPUS: return read_cpus(r, node, k);
   case ABSENT: return wrong(r, node, "%s", k->why);
   default: break;
   }
   const char *text = text_of(r, node, "text");
   return text != NULL && use(r, node, k, text);
}

/* Values in the order of the table, so that the same configuration always gives the same line. */
static bool read_values(struct reader *r, const yaml_node_t *node, const struct key *k,
                        const yaml_node_t **values)
{
   size_t length = strlen(r->path);
   unsigned n = 0;
   char names[MAX_TEXT];
   for (unsigned i = 0; k->keys[i].type != END; i++) {
      n += values[i] != NULL;
      if (values[i] == NULL && k->keys[i].required) {
         return wrong(r, node, "key %s is missing", k->keys[i].name);
      }
   }
   if (k->type == CHOICE && n != 1) {
      return wrong(r, node, "%u keys (expected one of %s)", n, list_keys(k->keys, names, sizeof(names)));
   }
   for (unsigned i = 0; k->keys[i].type != END; i++) {
      unsigned word = r->word;
      if (values[i] == NULL) {
         continue;
      }
      snprintf(r->path + length, sizeof(r->path) - length, "%s%s", length > 0 ? "." : "", k->keys[i].name);
      if (!read_value(r, values[i], &k->keys[i])) {
         return false;
      }
      r->path[length] = 0;
      r->word = word;
   }
   return true;
}

static bool read_mapping(struct reader *r, const yaml_node_t *node, const struct key *k)
{
   const yaml_node_t *values[MAX_KEYS] = {NULL};
   char names[MAX_TEXT];
   list_keys(k->keys, names, sizeof(names));
   if (node->type != YAML_MAPPING_NODE &&
       !yaml_is_null(node)) { /* nothing at all is a mapping without keys */
      return wrong(r, node, "%s (expected a mapping with %s)", yaml_kind(node), names);
   }
   for (yaml_node_pair_t *p = node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
        p != NULL && p < node->data.mapping.pairs.top; p++) {
      const yaml_node_t *name = yaml_document_get_node(r->document, p->key);
      const char *text = name->type == YAML_SCALAR_NODE ? (const char *) name->data.scalar.value : "";
      unsigned i = 0;
      while (k->keys[i].type != END && strcmp(k->keys[i].name, text) != 0) {
         i++;
      }
      if (k->keys[i].type == END) {
         return wrong(r, name, "unknown key \"%.64s\" (expected %s)", text, names);
      }
      if (values[i] != NULL) {
         return wrong(r, name, "duplicate key %s", text);
      }
      values[i] = yaml_document_get_node(r->document, p->value);
   }
   if (k->flag != NULL && (!add_word(r, node, k->flag) || !add_word(r, node, k->option))) {
      return false;
   }
   if (k->flag == NULL && k->option != NULL && !append(r, node, k->option, "")) {
      return false;
   }
   return read_values(r, node, k, values);
}

/* ------------------------------------------------------------------------ file */

bool probe_yaml_read(const char *name, const char *text, size_t size, struct probe_words *words,
                     char error[PROBE_YAML_ERROR])
{
   yaml_document_t document;
   struct reader r = {.name = name, .document = &document, .words = words, .error = error};
   if (!yaml_file_parse(name, text, size, &document, error, PROBE_YAML_ERROR)) {
      return false;
   }
   const yaml_node_t *root = yaml_document_get_root_node(&document);
   bool good = root != NULL && read_mapping(&r, root, &root_key);
   if (root == NULL) {
      snprintf(error, PROBE_YAML_ERROR, "%.256s:1: the file is empty (expected input_plugin, output_plugin)",
               name);
   }
   yaml_document_delete(&document);
   return good;
}

void probe_words_free(struct probe_words *words)
{
   for (unsigned i = 0; i < words->n; i++) {
      free(words->words[i]);
   }
   words->n = 0;
}
