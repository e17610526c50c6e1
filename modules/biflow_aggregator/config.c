/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads the configuration of biflow_aggregator. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const functions[] = {"KEY",
                                        "SUM",
                                        "MIN",
                                        "MAX",
                                        "AVG",
                                        "FIRST",
                                        "FIRST_NON_EMPTY",
                                        "LAST",
                                        "LAST_NON_EMPTY",
                                        "BITAND",
                                        "BITOR",
                                        "APPEND",
                                        "UNIQUE_COUNT",
                                        "SORTED_MERGE",
                                        "SORTED_MERGE_DIR"};
#define FUNCTIONS                                                                                           \
   "KEY|SUM|MIN|MAX|AVG|FIRST|FIRST_NON_EMPTY|LAST|LAST_NON_EMPTY|BITAND|BITOR|APPEND|UNIQUE_COUNT|SORTED_" \
   "MERGE|"                                                                                                 \
   "SORTED_MERGE_DIR"

/* Where the reader is, for messages. */
struct reader {
   const char *path;
   char *error;
};

static bool fail(const struct reader *r, const xmlNode *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(const struct reader *r, const xmlNode *at, const char *format, ...)
{
   int n = snprintf(r->error, CONFIG_ERROR, "%.200s, line %ld: ", r->path, xmlGetLineNo(at));
   va_list ap;
   va_start(ap, format);
   vsnprintf(r->error + n, (size_t) (CONFIG_ERROR - n), format, ap);
   va_end(ap);
   return false;
}

const char *function_name(enum function function)
{
   return functions[function];
}

static bool is_named(const xmlNode *node, const char *name)
{
   return strcmp((const char *) node->name, name) == 0;
}

/* The first element from this node on. */
static xmlNode *element(xmlNode *node)
{
   while (node != NULL && node->type != XML_ELEMENT_NODE) {
      node = node->next;
   }
   return node;
}

/* Text of an element without white space around it, to free(). NULL without memory. */
static char *text_of(const xmlNode *node)
{
   xmlChar *content = xmlNodeGetContent(node);
   if (content == NULL) {
      return NULL;
   }
   const char *begin = (const char *) content, *end = begin + strlen(begin);
   while (begin < end && isspace((unsigned char) *begin)) {
      begin++;
   }
   while (end > begin && isspace((unsigned char) end[-1])) {
      end--;
   }
   char *text = strndup(begin, (size_t) (end - begin));
   xmlFree(content);
   return text;
}

static bool is_field_name(const char *text)
{
   const char *p = text;
   while (isalnum((unsigned char) *p) || *p == '_') {
      p++;
   }
   return *p == 0 && isalpha((unsigned char) text[0]);
}

static bool set_name(const struct reader *r, const xmlNode *node, char **to, char *text)
{
   if (!is_field_name(text) || *to != NULL) {
      return fail(r, node,
                  *to != NULL ? "a second <%s> \"%.60s\" in one field"
                              : "<%s>: \"%.60s\" is not the name of a field",
                  (const char *) node->name, text);
   }
   *to = strdup(text);
   return *to != NULL || fail(r, node, "out of memory");
}

static bool set_function(const struct reader *r, const xmlNode *node, struct field_config *f,
                         const char *text)
{
   for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
      if (strcmp(text, functions[i]) == 0) {
         f->function = (enum function) i;
         return true;
      }
   }
   return fail(r, node, "Invalid type field. Given: %.60s, Expected: %s", text, FUNCTIONS);
}

static bool set_size(const struct reader *r, const xmlNode *node, struct field_config *f, const char *text)
{
   char *end = NULL;
   errno = 0;
   unsigned long n = strtoul(text, &end, 10);
   if (!isdigit((unsigned char) text[0]) || *end != 0 || errno != 0 || n == 0 || n > CONFIG_MAX_SIZE) {
      return fail(r, node, "<size>: \"%.60s\" is not a number from 1 to %u", text, CONFIG_MAX_SIZE);
   }
   f->size = (uint32_t) n;
   return true;
}

/* A delimiter may be a blank, so it is not trimmed. */
static bool set_delimiter(const struct reader *r, const xmlNode *node, struct field_config *f)
{
   xmlChar *content = xmlNodeGetContent(node);
   size_t length = content != NULL ? strlen((const char *) content) : 0;
   f->delimiter = length > 0 ? (char) content[0] : 0;
   xmlFree(content);
   return length <= 1 || fail(r, node, "<delimiter> must be one character of one byte");
}

/* What the elements of a field have said. */
struct seen {
   bool type, sort_type;
};

static bool read_member(const struct reader *r, const xmlNode *node, struct field_config *f,
                        struct seen *seen)
{
   if (is_named(node, "delimiter")) {
      return set_delimiter(r, node, f);
   }
   char *text = text_of(node);
   bool good = text != NULL || fail(r, node, "out of memory");
   if (!good) {
   } else if (is_named(node, "name")) {
      good = set_name(r, node, &f->name, text);
   } else if (is_named(node, "reverse_name")) {
      good = set_name(r, node, &f->reverse, text);
   } else if (is_named(node, "sort_key")) {
      good = set_name(r, node, &f->sort_key, text);
   } else if (is_named(node, "type")) {
      seen->type = true;
      good = set_function(r, node, f, text);
   } else if (is_named(node, "size")) {
      good = set_size(r, node, f, text);
   } else if (is_named(node, "sort_type")) {
      seen->sort_type = f->descending = strcmp(text, "DESCENDING") == 0;
      seen->sort_type |= strcmp(text, "ASCENDING") == 0;
      good = seen->sort_type ||
             fail(r, node, "Invalid sort type field. Given: %.60s, Expected: ASCENDING|DESCENDING", text);
   } else {
      good = fail(r, node,
                  "Invlaid file format. Expected 'name', 'type', 'reverse_name', 'sort_key', 'sort_type', "
                  "'delimiter' or "
                  "'size', given '%.60s'",
                  (const char *) node->name);
   }
   free(text);
   return good;
}

static bool is_merge(enum function function)
{
   return function == FN_SORTED_MERGE || function == FN_SORTED_MERGE_DIR;
}

static bool check_field(const struct reader *r, const xmlNode *node, const struct config *c,
                        const struct field_config *f, const struct seen *seen)
{
   if (f->name == NULL || !seen->type) {
      return fail(r, node, "a field needs <%s>", f->name == NULL ? "name" : "type");
   }
   for (uint32_t i = 0; i < c->n; i++) {
      if (strcmp(c->fields[i].name, f->name) == 0) {
         return fail(r, node, "Duplicit field name (%.60s)", f->name);
      }
   }
   if (strcmp(f->name, "TIME_FIRST") == 0 || strcmp(f->name, "TIME_LAST") == 0 ||
       strcmp(f->name, "COUNT") == 0) {
      return fail(r, node, "Duplicit field name (%.60s): each record of the output has it by itself",
                  f->name);
   }
   if (is_merge(f->function) && !seen->sort_type) {
      return fail(r, node,
                  "Invalid sort type field. field %.60s: Expected: ASCENDING|DESCENDING in <sort_type>",
                  f->name);
   }
   if (is_merge(f->function) && f->sort_key == NULL) {
      return fail(r, node, "field %.60s: %s needs <sort_key>", f->name, functions[f->function]);
   }
   if ((is_merge(f->function) || f->function == FN_APPEND || f->function == FN_UNIQUE_COUNT) &&
       f->size == 0) {
      return fail(r, node, "field %.60s: %s needs <size>", f->name, functions[f->function]);
   }
   return true;
}

static void field_free(struct field_config *f)
{
   free(f->name);
   free(f->reverse);
   free(f->sort_key);
}

static bool read_field(const struct reader *r, xmlNode *node, struct config *c)
{
   struct field_config f = {0};
   struct seen seen = {0};
   bool good = c->n < CONFIG_MAX_FIELDS || fail(r, node, "there can be at most %d fields", CONFIG_MAX_FIELDS);
   for (xmlNode *n = element(node->children); good && n != NULL; n = element(n->next)) {
      good = read_member(r, n, &f, &seen);
   }
   good = good && check_field(r, node, c, &f, &seen);
   struct field_config *grown = good ? realloc(c->fields, (c->n + 1) * sizeof(f)) : NULL;
   if (grown == NULL) {
      field_free(&f);
      return good && fail(r, node, "out of memory");
   }
   c->fields = grown;
   c->fields[c->n++] = f;
   return true;
}

static bool read_section(const struct reader *r, xmlNode *root, const char *section, struct config *c)
{
   if (root == NULL || !is_named(root, "aggregator")) {
      return fail(r, root, "Invlaid file format. Expected 'aggregator', given '%.60s'",
                  root != NULL ? (const char *) root->name : "");
   }
   for (xmlNode *id = element(root->children); id != NULL; id = element(id->next)) {
      xmlChar *name = is_named(id, "id") ? xmlGetProp(id, (const xmlChar *) "name") : NULL;
      if (name == NULL) {
         return is_named(id, "id") ? fail(r, id, "Invlaid file format. Expected '<id name=\"NAME\">'")
                                   : fail(r, id, "Invlaid file format. Expected 'id', given '%.60s'",
                                          (const char *) id->name);
      }
      bool wanted = strcmp((const char *) name, section) == 0;
      xmlFree(name);
      for (xmlNode *f = wanted ? element(id->children) : NULL; f != NULL; f = element(f->next)) {
         if (!is_named(f, "field")) {
            return fail(r, f, "Invlaid file format. Expected 'field', given '%.60s'", (const char *) f->name);
         }
         if (!read_field(r, f, c)) {
            return false;
         }
      }
      if (wanted) {
         return true;
      }
   }
   return fail(r, root, "Invalid file format. No ID (%.60s) found.", section);
}

bool config_read(struct config *config, const char *path, const char *section, char error[CONFIG_ERROR])
{
   const struct reader r = {path, error};
   *config = (struct config){0};
   FILE *file = fopen(path, "rbe");
   if (file == NULL) {
      snprintf(error, CONFIG_ERROR, "Unable to read file %.200s: %s", path, strerror(errno));
      return false;
   }
   fclose(file);
   xmlDoc *doc = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
   bool good = false;
   if (doc == NULL) {
      const xmlError *wrong = xmlGetLastError();
      int n = snprintf(error, CONFIG_ERROR, "%.200s, line %d: %.200s", path, wrong != NULL ? wrong->line : 0,
                       wrong != NULL && wrong->message != NULL ? wrong->message : "no XML");
      while (n > 0 && n < CONFIG_ERROR && isspace((unsigned char) error[n - 1])) {
         error[--n] = 0;
      }
      xmlResetLastError();
   } else {
      good = read_section(&r, xmlDocGetRootElement(doc), section, config);
   }
   xmlFreeDoc(doc);
   if (!good) {
      config_free(config);
   }
   return good;
}

void config_free(struct config *config)
{
   for (uint32_t i = 0; i < config->n; i++) {
      field_free(&config->fields[i]);
   }
   free(config->fields);
   *config = (struct config){0};
}
