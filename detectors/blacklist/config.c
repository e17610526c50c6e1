/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads bl_downloader_config.xml. */
#include "config.h"

#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MINUTES (366 * 24 * 60)
#define MAX_COLUMN  10000

const char *const bl_file_names[BL_FILE_COUNT] = {"IP4", "IP6", "URL", "DNS"};

struct reader {
   struct bl_config *config;
   bl_warn_fn warn;
   void *context;
   const char *path;
   char *error;
   bool failed;
};

__attribute__((format(printf, 2, 3))) static void fail(struct reader *r, const char *format, ...)
{
   char text[BL_ERROR / 2];
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   if (!r->failed) {
      snprintf(r->error, BL_ERROR, "%.400s: %s", r->path, text);
   }
   r->failed = true;
}

__attribute__((format(printf, 2, 3))) static void warn(const struct reader *r, const char *format, ...)
{
   char text[BL_ERROR / 2];
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   if (r->warn != NULL) {
      r->warn(r->context, text);
   }
}

static bool is_tag(const xmlNode *node, const char *tag)
{
   return node->type == XML_ELEMENT_NODE && strcmp((const char *) node->name, tag) == 0;
}

/* Value of an attribute; to free with xmlFree(). */
static xmlChar *attribute(const xmlNode *node, const char *name)
{
   return xmlGetNoNsProp((xmlNode *) (uintptr_t) node, (const xmlChar *) name);
}

static bool has_attribute(const xmlNode *node, const char *name, const char *value)
{
   xmlChar *text = attribute(node, name);
   bool same = text != NULL && strcmp((const char *) text, value) == 0;
   xmlFree(text);
   return same;
}

/* Text of an element without white space around it. \return false: it has more than size - 1 bytes */
static bool text_of(const xmlNode *node, char *to, size_t size)
{
   xmlChar *content = xmlNodeGetContent((xmlNode *) (uintptr_t) node);
   const char *text = content != NULL ? (const char *) content : "";
   text += strspn(text, " \t\r\n");
   size_t n = strlen(text);
   while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL) {
      n--;
   }
   bool fits = n < size;
   if (fits) {
      memcpy(to, text, n);
      to[n] = 0;
   }
   xmlFree(content);
   return fits;
}

static void set_text(struct reader *r, const xmlNode *node, const char *name, char *to, size_t size)
{
   if (!text_of(node, to, size)) {
      fail(r, "line %ld: \"%s\" has more than %zu bytes", xmlGetLineNo((xmlNode *) (uintptr_t) node), name,
           size - 1);
   }
}

static void set_number(struct reader *r, const xmlNode *node, const char *name, unsigned max, unsigned *to)
{
   char text[32] = "", *end;
   bool fits = text_of(node, text, sizeof(text));
   unsigned long value = strtoul(text, &end, 10);
   if (!fits || *text < '0' || *text > '9' || *end != 0 || value < 1 || value > max) {
      fail(r, "line %ld: \"%s\" is \"%s\", expected a number from 1 to %u",
           xmlGetLineNo((xmlNode *) (uintptr_t) node), name, text, max);
      return;
   }
   *to = (unsigned) value;
}

/* ------------------------------------------------------------------- one list */

/* What was given. */
enum { ID = 1, CATEGORY = 2, METHOD = 4, NAME = 8, FORMAT = 16, SOURCE = 32, INTERVAL = 64, FILES = 128 };

static void set_format(struct reader *r, const xmlNode *node, struct bl_source *s)
{
   char text[BL_WORD] = "";
   set_text(r, node, "file_format", text, sizeof(text));
   s->format = strcasecmp(text, "csv") == 0    ? BL_FORMAT_CSV
               : strcasecmp(text, "json") == 0 ? BL_FORMAT_JSON
                                               : BL_FORMAT_TEXT;
}

static void set_method(struct reader *r, const xmlNode *node)
{
   char text[BL_WORD] = "";
   set_text(r, node, "method", text, sizeof(text));
   if (strncasecmp(text, "http", 4) != 0 && strcasecmp(text, "web") != 0) {
      fail(r, "line %ld: method is \"%s\", expected http", xmlGetLineNo((xmlNode *) (uintptr_t) node), text);
   }
}

static bool is_http(const char *url)
{
   return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

static void set_url(struct reader *r, const xmlNode *node, const char *name, char *to)
{
   set_text(r, node, name, to, BL_URL_MAX);
   if (!r->failed && !is_http(to)) {
      fail(r, "line %ld: \"%s\" is \"%.200s\", expected http://... or https://...",
           xmlGetLineNo((xmlNode *) (uintptr_t) node), name, to);
   }
}

static void set_files(struct reader *r, const xmlNode *node, const char *name, struct bl_source *s)
{
   char text[BL_WORD] = "";
   set_text(r, node, name, text, sizeof(text));
   if (!s->names) {
      s->files[BL_FILE_IP4] = strcmp(text, "4") == 0;
      s->files[BL_FILE_IP6] = strcmp(text, "6") == 0;
   } else {
      s->files[BL_FILE_URL] = strcasestr(text, "URL") != NULL;
      s->files[BL_FILE_DNS] = strcasestr(text, "DNS") != NULL;
   }
   for (int i = 0; i < BL_FILE_COUNT; i++) {
      if (s->files[i]) {
         return;
      }
   }
   fail(r, "line %ld: \"%s\" is \"%s\", expected %s", xmlGetLineNo((xmlNode *) (uintptr_t) node), name, text,
        s->names ? "URL, DNS or both" : "4 or 6");
}

/* \return bit of what was given; 0: not known */
static unsigned read_element(struct reader *r, const xmlNode *node, const char *name, struct bl_source *s)
{
   const struct {
      const char *name;
      char *to;
      size_t size;
      unsigned bit;
      bool addresses; /* only of these */
   } texts[] = {{"category", s->category, BL_WORD, CATEGORY, false},
                {"name", s->name, BL_WORD, NAME, false},
                {"json_address_key", s->address_key, BL_WORD, 0x100, true},
                {"json_prefix_key", s->prefix_key, BL_WORD, 0x100, true},
                {"json_port_key", s->port_key, BL_WORD, 0x100, true},
                {"filter_key", s->filter_key, BL_WORD, 0x100, true},
                {"filter_value", s->filter_value, BL_WORD, 0x100, true}};
   for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
      if (strcmp(name, texts[i].name) == 0 && !(texts[i].addresses && s->names)) {
         set_text(r, node, name, texts[i].to, texts[i].size);
         return texts[i].bit;
      }
   }
   if (strcmp(name, "id") == 0) {
      set_number(r, node, name, BL_MAX_LISTS, &s->id);
      return ID;
   }
   if (strcmp(name, "download_interval") == 0) {
      set_number(r, node, name, MAX_MINUTES, &s->interval);
      return INTERVAL;
   }
   if (strcmp(name, "csv_col") == 0) {
      set_number(r, node, name, MAX_COLUMN, &s->column);
      return 0x100;
   }
   if (strcmp(name, "file_format") == 0) {
      set_format(r, node, s);
      return FORMAT;
   }
   if (strcmp(name, "method") == 0) {
      set_method(r, node);
      return METHOD;
   }
   if (strcmp(name, "source") == 0) {
      set_url(r, node, name, s->url);
      return SOURCE;
   }
   if (strcmp(name, "sha256_source") == 0) {
      set_url(r, node, name, s->sha256_url);
      return 0x100;
   }
   if (strcmp(name, s->names ? "detectors" : "ip_version") == 0) {
      set_files(r, node, name, s);
      return FILES;
   }
   return 0;
}

static void check_complete(struct reader *r, const xmlNode *list, const struct bl_source *s, unsigned given)
{
   static const char *const needed[] = {"id",          "category", "method",           "name",
                                        "file_format", "source",   "download_interval"};
   long line = xmlGetLineNo((xmlNode *) (uintptr_t) list);
   for (unsigned i = 0; i < 8; i++) {
      if (!(given >> i & 1)) {
         fail(r, "line %ld: the list \"%s\" has no element \"%s\"", line, s->name,
              i < 7      ? needed[i]
              : s->names ? "detectors"
                         : "ip_version");
      }
   }
   if (s->format == BL_FORMAT_CSV && s->column == 0) {
      fail(r, "line %ld: the list \"%s\" is CSV and has no element \"csv_col\"", line, s->name);
   }
   if (s->format == BL_FORMAT_JSON && (s->names || s->address_key[0] == 0 || s->port_key[0] == 0)) {
      fail(r, "line %ld: the list \"%s\" is JSON and %s", line, s->name,
           s->names ? "of names: only lists of addresses can be JSON"
                    : "has no element \"json_address_key\" or \"json_port_key\"");
   }
   for (size_t i = 0; i < r->config->n; i++) {
      const struct bl_source *other = &r->config->sources[i];
      bool meet = s->names ? other->names : !other->names;
      if (meet && other->id == s->id) {
         fail(r, "line %ld: the lists \"%s\" and \"%s\" have the same id, %u", line, other->name, s->name,
              s->id);
      }
   }
}

static void read_list(struct reader *r, const xmlNode *list, bool names)
{
   struct bl_source s = {.names = names};
   unsigned given = 0;
   for (const xmlNode *node = list->children; node != NULL && !r->failed; node = node->next) {
      xmlChar *name = is_tag(node, "element") ? attribute(node, "name") : NULL;
      if (name != NULL) {
         unsigned bit = read_element(r, node, (const char *) name, &s);
         given |= bit;
         if (bit == 0) {
            warn(r, "line %ld: element \"%.64s\" of a list is not known and left out",
                 xmlGetLineNo((xmlNode *) (uintptr_t) node), name);
         }
      }
      xmlFree(name);
   }
   if (!r->failed) {
      check_complete(r, list, &s, given);
   }
   if (r->failed) {
      return;
   }
   struct bl_source *more = reallocarray(r->config->sources, r->config->n + 1, sizeof(*more));
   if (more == NULL) {
      fail(r, "out of memory");
      return;
   }
   r->config->sources = more;
   more[r->config->n++] = s;
}

/* ------------------------------------------------------------------ all of it */

static void read_general(struct reader *r, const xmlNode *parent)
{
   for (const xmlNode *node = parent->children; node != NULL && !r->failed; node = node->next) {
      if (!is_tag(node, "element")) {
         continue;
      }
      if (has_attribute(node, "name", "download_interval")) {
         set_number(r, node, "download_interval", MAX_MINUTES, &r->config->interval);
      } else if (has_attribute(node, "name", "socket_timeout")) {
         set_number(r, node, "socket_timeout", 3600, &r->config->timeout);
      }
   }
}

static void read_files(struct reader *r, const xmlNode *parent)
{
   for (const xmlNode *node = parent->children; node != NULL && !r->failed; node = node->next) {
      for (int i = 0; i < BL_FILE_COUNT; i++) {
         if (is_tag(node, "element") && has_attribute(node, "name", bl_file_names[i])) {
            set_text(r, node, bl_file_names[i], r->config->files[i], BL_PATH_MAX);
         }
      }
   }
}

static void read_arrays(struct reader *r, const xmlNode *parent)
{
   for (const xmlNode *array = parent->children; array != NULL && !r->failed; array = array->next) {
      bool names = is_tag(array, "array") && has_attribute(array, "type", "URL/DNS");
      if (!names && !(is_tag(array, "array") && has_attribute(array, "type", "IP"))) {
         continue;
      }
      for (const xmlNode *list = array->children; list != NULL && !r->failed; list = list->next) {
         if (is_tag(list, "struct")) {
            read_list(r, list, names);
         }
      }
   }
}

static void read_document(struct reader *r, const xmlNode *root)
{
   for (const xmlNode *node = root != NULL ? root->children : NULL; node != NULL && !r->failed;
        node = node->next) {
      if (!is_tag(node, "struct")) {
         continue;
      }
      if (has_attribute(node, "name", "general")) {
         read_general(r, node);
      } else if (has_attribute(node, "name", "detector_files")) {
         read_files(r, node);
      } else if (has_attribute(node, "name", "blacklist_array")) {
         read_arrays(r, node);
      }
   }
   if (!r->failed && r->config->n == 0) {
      fail(r, "no list in <struct name=\"blacklist_array\"><array type=\"IP\"> or type=\"URL/DNS\"");
   }
}

bool bl_config_read(const char *path, struct bl_config *config, bl_warn_fn warning, void *context,
                    char error[BL_ERROR])
{
   struct reader r = {.config = config, .warn = warning, .context = context, .path = path, .error = error};
   memset(config, 0, sizeof(*config));
   config->interval = 10;
   config->timeout = 5;
   xmlDoc *document = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
   if (document == NULL) {
      const xmlError *e = xmlGetLastError();
      char text[256];
      snprintf(text, sizeof(text), "%s", e != NULL && e->message != NULL ? e->message : "no XML");
      text[strcspn(text, "\n")] = 0;
      fail(&r, "line %d: %s", e != NULL ? e->line : 0, text);
   } else {
      read_document(&r, xmlDocGetRootElement(document));
   }
   xmlFreeDoc(document);
   if (r.failed) {
      bl_config_free(config);
   }
   return !r.failed;
}

void bl_config_free(struct bl_config *config)
{
   free(config->sources);
   memset(config, 0, sizeof(*config));
}
