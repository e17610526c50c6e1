/* SPDX-License-Identifier: BSD-3-Clause */
/** The configurator's documents and patterns. Everything here comes from files and is checked. */
#include "configurator.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct conf_type types[] = {
    {"int8_t", 1, CONF_SIGNED},           {"uint8_t", 1, CONF_UNSIGNED},
    {"int16_t", 2, CONF_SIGNED},          {"uint16_t", 2, CONF_UNSIGNED},
    {"int32_t", 4, CONF_SIGNED},          {"uint32_t", 4, CONF_UNSIGNED},
    {"int64_t", 8, CONF_SIGNED},          {"uint64_t", 8, CONF_UNSIGNED},
    {"float", sizeof(float), CONF_FLOAT}, {"double", sizeof(double), CONF_FLOAT},
    {"string", 0, CONF_STRING},
};
#define N_TYPES (sizeof(types) / sizeof(types[0]))

void conf_error(const xmlNode *at, const char *format, ...)
{
   char text[512];
   va_list arguments;
   va_start(arguments, format);
   vsnprintf(text, sizeof(text), format, arguments);
   va_end(arguments);
   if (at == NULL) {
      fprintf(stderr, "Configurator: %s\n", text);
   } else {
      const char *source = at->doc != NULL && at->doc->URL != NULL ? (const char *) at->doc->URL : "pattern";
      fprintf(stderr, "Configurator: %s:%ld: %s\n", source, xmlGetLineNo((xmlNode *) (uintptr_t) at), text);
   }
}

xmlDoc *conf_read(const char *name, const char *text, size_t length)
{
   /* Without NOENT and DTDLOAD the parser neither fetches files nor expands external entities. */
   const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS;
   xmlResetLastError();
   xmlDoc *doc = text == NULL                   ? xmlReadFile(name, NULL, options)
                 : length <= (size_t) INT32_MAX ? xmlReadMemory(text, (int) length, name, NULL, options)
                                                : NULL;
   if (doc == NULL) {
      const xmlError *e = xmlGetLastError();
      const char *message = e != NULL && e->message != NULL ? e->message : "cannot be read";
      conf_error(NULL, "%s:%d: %.*s", name, e != NULL ? e->line : 0, (int) strcspn(message, "\n"), message);
   } else if (doc->intSubset != NULL) { /* entities could include other files and expand without limit */
      conf_error(NULL, "%s: a document type (<!DOCTYPE) is not allowed", name);
      xmlFreeDoc(doc);
      doc = NULL;
   }
   return doc;
}

xmlNode *conf_root(xmlDoc *doc)
{
   xmlNode *root = xmlDocGetRootElement(doc);
   if (root == NULL || strcmp((const char *) root->name, "configuration") != 0) {
      conf_error(root, "the root element is <%s> (expected <configuration>)",
                 root != NULL ? (const char *) root->name : "");
      return NULL;
   }
   return root;
}

xmlNode *conf_next(xmlNode *at, const char *name)
{
   while (at != NULL &&
          (at->type != XML_ELEMENT_NODE || (name != NULL && strcmp((const char *) at->name, name) != 0))) {
      at = at->next;
   }
   return at;
}

char *conf_text(xmlNode *node, bool trim)
{
   xmlChar *content = xmlNodeGetContent(node);
   const char *text = content != NULL ? (const char *) content : "";
   size_t length = strlen(text);
   if (trim) {
      size_t blanks = strspn(text, " \t\r\n");
      text += blanks;
      length -= blanks;
      while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
         length--;
      }
   }
   char *copy = strndup(text, length);
   xmlFree(content);
   return copy;
}

/* An element is required if any of its attributes says so. */
static bool is_required(const xmlNode *node)
{
   for (const xmlAttr *a = node->properties; a != NULL; a = a->next) {
      xmlChar *value = xmlNodeListGetString(node->doc, a->children, 1);
      bool found = value != NULL && strcmp((const char *) value, "required") == 0;
      xmlFree(value);
      if (found) {
         return true;
      }
   }
   return false;
}

/* \return the attribute, to free(); NULL after a message when it is not there */
static char *name_of(xmlNode *node)
{
   xmlChar *value = xmlGetProp(node, BAD_CAST "name");
   if (value == NULL) {
      conf_error(node, "<%s> has no name (expected <%s name=\"...\">)", (const char *) node->name,
                 (const char *) node->name);
      return NULL;
   }
   char *name = strdup((const char *) value);
   xmlFree(value);
   return name;
}

/* \return bytes of a string, 0 after a message */
static size_t string_size(xmlNode *type)
{
   xmlChar *value = xmlGetProp(type, BAD_CAST "size");
   if (value == NULL) {
      conf_error(type, "warning: a string without a size has %d bytes", CONF_DEFAULT_STRING);
      return CONF_DEFAULT_STRING;
   }
   char *end;
   errno = 0;
   long size = strtol((const char *) value, &end, 10);
   if (errno != 0 || end == (char *) value || *end != 0 || size < 1 || size > CONF_MAX_STRING) {
      conf_error(type, "a string's size is '%s' (expected 1 to %d bytes)", (const char *) value,
                 CONF_MAX_STRING);
      size = 0;
   }
   xmlFree(value);
   return (size_t) size;
}

static bool read_type(xmlNode *node, struct conf_member *m)
{
   char *name = node != NULL ? conf_text(node, true) : strdup("");
   for (size_t i = 0; name != NULL && i < N_TYPES; i++) {
      if (strcasecmp(name, types[i].name) == 0) {
         m->type = &types[i];
      }
   }
   if (m->type == NULL) {
      conf_error(node,
                 "element '%s' has the type '%s' (expected int8_t to uint64_t, float, double or string)",
                 m->name, name != NULL ? name : "");
   } else {
      m->size = m->type->size != 0 ? m->type->size : string_size(node);
   }
   free(name);
   return m->size > 0;
}

static bool read_element(xmlNode *node, struct conf_member *m, bool in_array)
{
   xmlNode *name = conf_next(node->children, "name"), *fallback = conf_next(node->children, "default-value");
   m->kind = CONF_ELEMENT;
   m->required = is_required(node);
   m->name = name != NULL ? conf_text(name, true) : strdup("");
   m->fallback = fallback != NULL ? conf_text(fallback, false) : strdup("");
   if (m->name == NULL || m->fallback == NULL) {
      conf_error(node, "no memory");
      return false;
   }
   if (*m->name == 0 && !in_array) {
      conf_error(node, "an element has no <name>");
      return false;
   }
   xmlNode *type = conf_next(node->children, "type");
   if (type == NULL) {
      conf_error(node, "element '%s' has no <type>", m->name);
      return false;
   }
   return read_type(type, m);
}

static bool read_member(xmlNode *node, struct conf_member *m, int depth);

/* The members of a struct or of the elements of an array. Sets their number, returns the sum of their sizes in *size. */
static bool read_members(xmlNode *node, struct conf_member *m, size_t *size, bool simple, int depth)
{
   size_t n = 0;
   for (xmlNode *c = conf_next(node->children, NULL); c != NULL; c = conf_next(c->next, NULL)) {
      n++;
   }
   struct conf_member *more = realloc(m->members, (m->n_members + n + 1) * sizeof(*more));
   if (more == NULL) {
      conf_error(node, "no memory");
      return false;
   }
   m->members = more;
   for (xmlNode *c = conf_next(node->children, NULL); c != NULL; c = conf_next(c->next, NULL)) {
      struct conf_member *child = &m->members[m->n_members++];
      memset(child, 0, sizeof(*child));
      if (simple && strcmp((const char *) c->name, "element") != 0) {
         conf_error(c, "<%s> in an array of structs (expected <element>)", (const char *) c->name);
         return false;
      }
      if (!read_member(c, child, depth + 1)) {
         return false;
      }
      *size += child->size;
   }
   return true;
}

static bool read_array(xmlNode *node, struct conf_member *m, int depth)
{
   xmlNode *content = conf_next(node->children, NULL);
   m->size = sizeof(void *);
   if (content == NULL || conf_next(content->next, NULL) != NULL) {
      conf_error(node, "array '%s' has not exactly one <element> or <struct>", m->name);
      return false;
   }
   m->of_structs = strcmp((const char *) content->name, "struct") == 0;
   if (m->of_structs) {
      return read_members(content, m, &m->stride, true, depth);
   }
   m->members = calloc(1, sizeof(*m->members));
   m->n_members = m->members != NULL;
   if (m->members == NULL || strcmp((const char *) content->name, "element") != 0) {
      conf_error(content, "<%s> in array '%s' (expected <element> or <struct>)", (const char *) content->name,
                 m->name);
      return false;
   }
   bool good = read_element(content, m->members, true);
   m->stride = m->members->size;
   return good;
}

static bool read_member(xmlNode *node, struct conf_member *m, int depth)
{
   const char *tag = (const char *) node->name;
   if (depth > CONF_MAX_DEPTH) {
      conf_error(node, "more than %d structs in one another", CONF_MAX_DEPTH);
      return false;
   }
   if (strcmp(tag, "element") == 0) {
      return read_element(node, m, false);
   }
   m->kind = strcmp(tag, "array") == 0 ? CONF_ARRAY : CONF_STRUCT;
   if (m->kind == CONF_STRUCT && strcmp(tag, "struct") != 0) {
      conf_error(node, "<%s> is not known (expected <element>, <struct> or <array>)", tag);
      return false;
   }
   m->required = is_required(node);
   m->name = name_of(node);
   if (m->name == NULL) {
      return false;
   }
   return m->kind == CONF_ARRAY ? read_array(node, m, depth) : read_members(node, m, &m->size, false, depth);
}

bool conf_pattern(xmlDoc *doc, struct conf_member *top)
{
   memset(top, 0, sizeof(*top));
   top->kind = CONF_STRUCT;
   xmlNode *root = conf_root(doc);
   if (root == NULL) {
      return false;
   }
   for (xmlNode *s = conf_next(root->children, "struct"); s != NULL; s = conf_next(s->next, "struct")) {
      if (!read_members(s, top, &top->size, false, 0)) {
         return false;
      }
   }
   if (top->n_members == 0) {
      conf_error(root, "no <struct> with members");
      return false;
   }
   return true;
}

void conf_pattern_free(struct conf_member *member)
{
   for (size_t i = 0; i < member->n_members; i++) {
      conf_pattern_free(&member->members[i]);
   }
   free(member->members);
   free(member->name);
   free(member->fallback);
   memset(member, 0, sizeof(*member));
}
