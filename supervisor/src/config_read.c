/* SPDX-License-Identifier: BSD-3-Clause */
/** From the text to profiles and modules. The grammar is in docs/supervisor.md. */
#include "config.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#define ENTITY_BYTES (1u << 20) /* that all references to entities may add */

struct reader {
   struct config *c;
   xmlDoc *doc;
   size_t entity_bytes;
};

static uint32_t line_of(const xmlNode *node)
{
   long line = xmlGetLineNo(node);
   return line > 0 ? (uint32_t) line : 1;
}

static const char *name_of(const xmlNode *node)
{
   return node->name != NULL ? (const char *) node->name : "";
}

static bool is(const xmlNode *node, const char *name)
{
   return strcmp(name_of(node), name) == 0;
}

static void unexpected(struct reader *r, const xmlNode *node)
{
   const char *parent = name_of(node->parent);
   if (node->type == XML_ELEMENT_NODE) {
      config_error(r->c, line_of(node), "unknown element <%s> in <%s>", name_of(node), parent);
   } else {
      config_error(r->c, line_of(node), "%s in <%s>, expected elements",
                   node->type == XML_CDATA_SECTION_NODE ? "CDATA"
                   : node->type == XML_PI_NODE          ? "a processing instruction"
                                                        : "an entity",
                   parent);
   }
}

/* The next element. Text and comments between elements say nothing, all else is an error. */
static xmlNode *next_element(struct reader *r, xmlNode *node)
{
   for (; node != NULL; node = node->next) {
      if (node->type == XML_ELEMENT_NODE) {
         return node;
      }
      if (node->type != XML_TEXT_NODE && node->type != XML_COMMENT_NODE) {
         unexpected(r, node);
      }
   }
   return NULL;
}

#define EACH_ELEMENT(r, parent, node)                                             \
   for (xmlNode * (node) = next_element((r), (parent)->children); (node) != NULL; \
        (node) = next_element((r), (node)->next))

/* The text of an entity that the document itself defines; of no other, so that nothing outside is read and nothing multiplies. */
static const char *entity_text(struct reader *r, const xmlNode *reference)
{
   const xmlEntity *e = xmlGetDocEntity(r->doc, reference->name);
   if (e != NULL && e->etype == XML_INTERNAL_GENERAL_ENTITY) {
      const char *text = e->content != NULL ? (const char *) e->content : "";
      r->entity_bytes += strlen(text);
      if (r->entity_bytes > ENTITY_BYTES) {
         config_error(r->c, line_of(reference->parent), "entities add more than %u bytes", ENTITY_BYTES);
         return "";
      }
      if (strpbrk(text, "&<") == NULL) {
         return text;
      }
      config_error(r->c, line_of(reference->parent),
                   "the entity \"%s\" holds other entities or elements, expected text", name_of(reference));
      return "";
   }
   config_warning(r->c, line_of(reference->parent),
                  "the entity \"%s\" is not in the document and is left out", name_of(reference));
   return "";
}

/* The text of an element, allocated. NULL: an error, which was reported. */
static char *value(struct reader *r, xmlNode *element)
{
   char *text = calloc(1, 1);
   size_t length = 0;
   for (xmlNode *n = element->children; n != NULL && text != NULL; n = n->next) {
      const char *part = NULL;
      if (n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) {
         part = n->content != NULL ? (const char *) n->content : "";
      } else if (n->type == XML_ENTITY_REF_NODE) {
         part = entity_text(r, n);
      } else if (n->type != XML_COMMENT_NODE) {
         config_error(r->c, line_of(n), "<%s> holds more than text", name_of(element));
         free(text);
         return NULL;
      }
      size_t more = part != NULL ? strlen(part) : 0;
      if (more > CONFIG_VALUE - length) {
         config_error(r->c, line_of(element), "<%s> is longer than %u bytes", name_of(element), CONFIG_VALUE);
         free(text);
         return NULL;
      }
      char *grown = realloc(text, length + more + 1);
      if (grown == NULL) {
         free(text);
         text = NULL;
         break;
      }
      text = grown;
      memcpy(text + length, part != NULL ? part : "", more);
      length += more;
      text[length] = 0;
   }
   if (text == NULL) {
      config_error(r->c, line_of(element), "no memory");
   }
   return text;
}

/* Takes a value that may be there once. \return false: an error, or a second one */
static bool take_text(struct reader *r, xmlNode *element, bool *seen, char **to)
{
   if (*seen) {
      config_error(r->c, line_of(element), "second <%s> in <%s>", name_of(element), name_of(element->parent));
      return false;
   }
   *seen = true;
   *to = value(r, element);
   return *to != NULL;
}

static void take_name(struct reader *r, xmlNode *element, bool *seen, char **to)
{
   if (take_text(r, element, seen, to) && **to == 0) {
      config_error(r->c, line_of(element), "<%s> of <%s> is empty", name_of(element),
                   name_of(element->parent));
   }
}

static void take_params(struct reader *r, xmlNode *element, bool *seen, char **to)
{
   if (take_text(r, element, seen, to) && **to == 0) { /* as if it was not there */
      free(*to);
      *to = NULL;
   }
}

/* A value out of a list. \return its index, 0: an error */
static int take_word(struct reader *r, xmlNode *element, bool *seen, const char *const words[],
                     const char *expected)
{
   char *text = NULL;
   int found = 0;
   if (take_text(r, element, seen, &text)) {
      for (int i = 1; words[i] != NULL; i++) {
         found = strcmp(text, words[i]) == 0 ? i : found;
      }
      if (found == 0) {
         config_error(r->c, line_of(element), "<%s> is \"%.100s\", expected %s", name_of(element), text,
                      expected);
      }
   }
   free(text);
   return found;
}

static void take_enabled(struct reader *r, xmlNode *element, bool *seen, bool *to)
{
   static const char *const words[] = {"", "false", "true", NULL};
   *to = take_word(r, element, seen, words, "true or false") == 2;
}

static void take_restarts(struct reader *r, xmlNode *element, bool *seen, int *to)
{
   char *text = NULL, *end = NULL;
   if (take_text(r, element, seen, &text)) {
      errno = 0;
      long n = strtol(text, &end, 10);
      if (end == text || errno != 0 || n < 0 || n > CONFIG_UNLIMITED) {
         config_error(r->c, line_of(element), "<%s> is \"%.100s\", expected a number from 0 to %d",
                      name_of(element), text, CONFIG_UNLIMITED);
      } else {
         *to = (int) n;
         if (*end != 0) {
            config_warning(r->c, line_of(element), "<%s> is \"%.100s\", read as %ld", name_of(element), text,
                           n);
         }
      }
   }
   free(text);
}

static void need(struct reader *r, xmlNode *element, bool seen, const char *child)
{
   if (!seen) {
      config_error(r->c, line_of(element), "<%s> has no <%s>", name_of(element), child);
   }
}

/* An array that grows by one. \return the new element, all zero; NULL: reported */
static void *grow(struct reader *r, void **array, uint32_t *n, uint32_t limit, size_t size, uint32_t line,
                  const char *what)
{
   if (*n == limit) {
      config_error(r->c, line, "more than %u %s", limit, what);
      return NULL;
   }
   void *grown = reallocarray(*array, *n + 1, size);
   if (grown == NULL) {
      config_error(r->c, line, "no memory");
      return NULL;
   }
   *array = grown;
   return memset((char *) grown + size * (*n)++, 0, size);
}

static void read_interface(struct reader *r, xmlNode *element, struct config_module *m)
{
   static const char *const type_words[] = {"", "TCP", "UNIXSOCKET", "FILE", "BLACKHOLE", "TLS", NULL};
   static const char *const direction_words[] = {"", "IN", "OUT", NULL};
   bool note = false, type = false, direction = false, params = false;
   void *array = m->interfaces;
   struct config_interface *i =
       grow(r, &array, &m->n_interfaces, CONFIG_INTERFACES, sizeof(*i), line_of(element), "interfaces");
   m->interfaces = array;
   if (i == NULL) {
      return;
   }
   i->line = line_of(element);
   if (element->children == NULL) {
      config_error(r->c, i->line, "<interface> is empty");
      return;
   }
   EACH_ELEMENT(r, element, e)
   {
      char *second = NULL;
      if (is(e, "note")) {
         take_name(r, e, &note, i->note == NULL ? &i->note : &second);
      } else if (is(e, "type")) {
         i->type =
             (enum config_type) take_word(r, e, &type, type_words, "TCP, UNIXSOCKET, FILE, BLACKHOLE or TLS");
      } else if (is(e, "direction")) {
         i->direction = (enum config_direction) take_word(r, e, &direction, direction_words, "IN or OUT");
      } else if (is(e, "params")) {
         take_params(r, e, &params, i->params == NULL ? &i->params : &second);
      } else {
         unexpected(r, e);
      }
      free(second);
   }
}

static void read_interfaces(struct reader *r, xmlNode *element, struct config_module *m)
{
   EACH_ELEMENT(r, element, e)
   {
      if (is(e, "interface")) {
         read_interface(r, e, m);
      } else {
         unexpected(r, e);
      }
   }
}

/* The log files of a module have its name. */
static bool plain_name(const char *name)
{
   return *name != '.' &&
          name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-")] == 0;
}

static void check_name(struct reader *r, const struct config_module *m)
{
   for (const struct config_module *o = r->c->modules; m->name != NULL && o < m; o++) {
      if (o->name != NULL && strcmp(o->name, m->name) == 0) {
         uint32_t line;
         const char *file = config_where(r->c, o->line, &line);
         config_error(r->c, m->line, "second module \"%.200s\", the first is in %s:%u", m->name, file, line);
         return;
      }
   }
   if (m->name != NULL && !plain_name(m->name)) {
      config_warning(r->c, m->line,
                     "module name \"%.200s\": expected letters, digits, and _ . + - (not . as the first)",
                     m->name);
   }
}

/* What an enabled module cannot be started without. */
static void check_command(struct reader *r, const struct config_module *m)
{
   char why[256];
   for (uint32_t i = 0; i < m->n_interfaces; i++) {
      const struct config_interface *ifc = &m->interfaces[i];
      const char *missing = ifc->type == TYPE_NONE                               ? "type"
                            : ifc->direction == DIRECTION_NONE                   ? "direction"
                            : ifc->params == NULL && ifc->type != TYPE_BLACKHOLE ? "params"
                                                                                 : NULL;
      if (missing != NULL && m->enabled) {
         config_error(r->c, ifc->line, "<interface> of the enabled module \"%.200s\" has no <%s>", m->name,
                      missing);
      } else if (missing != NULL) {
         config_warning(r->c, ifc->line, "<interface> has no <%s>", missing);
      }
   }
   char **argv = config_command(m, why, sizeof(why));
   if (argv == NULL && m->enabled) {
      config_error(r->c, m->line, "<params> of the enabled module \"%.200s\": %s", m->name, why);
   } else if (argv == NULL) {
      config_warning(r->c, m->line, "<params> of module \"%.200s\": %s", m->name, why);
   }
   config_command_free(argv);
}

/* Options that NEMEA 2 does not have, and does not look at. */
static void read_attributes(struct reader *r, const xmlNode *element, struct config_module *m)
{
   for (const xmlAttr *a = element->properties; a != NULL; a = a->next) {
      if (a->ns != NULL && xmlStrEqual(a->ns->href, BAD_CAST CONFIG_NAMESPACE)) {
         xmlChar *value = xmlGetNsProp(element, a->name, a->ns->href);
         if (value != NULL) {
            config_option_take(r->c, m, (const char *) a->name, (const char *) value);
         }
         xmlFree(value);
      }
   }
}

static void read_module(struct reader *r, xmlNode *element, uint32_t profile)
{
   bool name = false, enabled = false, path = false, params = false, restarts = false, interfaces = false;
   uint32_t errors = r->c->n_errors;
   void *array = r->c->modules;
   struct config_module *m =
       grow(r, &array, &r->c->n_modules, CONFIG_MODULES, sizeof(*m), line_of(element), "modules");
   r->c->modules = array;
   if (m == NULL) {
      return;
   }
   m->line = line_of(element);
   m->profile = profile;
   m->restarts = -1;
   if (element->children == NULL) {
      config_error(r->c, m->line, "<module> is empty");
      return;
   }
   EACH_ELEMENT(r, element, e)
   {
      char *second = NULL;
      if (is(e, "name")) {
         take_name(r, e, &name, m->name == NULL ? &m->name : &second);
      } else if (is(e, "enabled")) {
         take_enabled(r, e, &enabled, &m->enabled);
      } else if (is(e, "path")) {
         take_name(r, e, &path, m->path == NULL ? &m->path : &second);
      } else if (is(e, "params")) {
         take_params(r, e, &params, m->params == NULL ? &m->params : &second);
      } else if (is(e, "module-restarts")) {
         take_restarts(r, e, &restarts, &m->restarts);
      } else if (is(e, "trapinterfaces") && !interfaces) {
         interfaces = true;
         read_interfaces(r, e, m);
      } else if (is(e, "trapinterfaces")) {
         config_error(r->c, line_of(e), "second <trapinterfaces> in <module>");
      } else {
         unexpected(r, e);
      }
      free(second);
   }
   need(r, element, name, "name");
   need(r, element, enabled, "enabled");
   need(r, element, path, "path");
   check_name(r, m);
   read_attributes(r, element, m);
   if (r->c->n_errors == errors) {
      check_command(r, m);
   }
}

static void read_profile(struct reader *r, xmlNode *element)
{
   bool name = false, enabled = false;
   void *array = r->c->profiles;
   uint32_t index = r->c->n_profiles;
   struct config_profile *p =
       grow(r, &array, &r->c->n_profiles, CONFIG_PROFILES, sizeof(*p), line_of(element), "profiles");
   r->c->profiles = array;
   if (p == NULL) {
      return;
   }
   p->line = line_of(element);
   if (element->children == NULL) {
      config_error(r->c, p->line, "<modules> is empty");
      return;
   }
   EACH_ELEMENT(r, element, e)
   {
      if (is(e, "name")) {
         char *second = NULL;
         take_name(r, e, &name, p->name == NULL ? &p->name : &second);
         free(second);
      } else if (is(e, "enabled")) {
         take_enabled(r, e, &enabled, &p->enabled);
      } else if (is(e, "module")) {
         read_module(r, e, index);
      } else {
         unexpected(r, e);
      }
   }
   need(r, element, name, "name");
   need(r, element, enabled, "enabled");
   for (uint32_t i = 0; p->name != NULL && i < index; i++) {
      if (r->c->profiles[i].name != NULL && strcmp(r->c->profiles[i].name, p->name) == 0) {
         config_error(r->c, p->line, "second profile \"%.200s\"", p->name);
      }
   }
}

static void read_supervisor(struct reader *r, xmlNode *element, bool *seen)
{
   bool restarts = false;
   if (*seen) {
      config_error(r->c, line_of(element), "second <supervisor>");
   }
   *seen = true;
   if (element->children == NULL) {
      config_error(r->c, line_of(element), "<supervisor> is empty");
   }
   EACH_ELEMENT(r, element, e)
   {
      if (is(e, "module-restarts")) {
         take_restarts(r, e, &restarts, &r->c->restarts);
      } else {
         unexpected(r, e);
      }
   }
}

static void read_root(struct reader *r, xmlNode *root)
{
   bool supervisor = false;
   if (!is(root, "nemea-supervisor")) {
      config_error(r->c, line_of(root), "the document is <%.100s>, expected <nemea-supervisor>",
                   name_of(root));
      return;
   }
   if (root->children == NULL) {
      config_error(r->c, line_of(root), "<nemea-supervisor> is empty");
   }
   EACH_ELEMENT(r, root, e)
   {
      if (is(e, "supervisor")) {
         read_supervisor(r, e, &supervisor);
      } else if (is(e, "modules")) {
         read_profile(r, e);
      } else {
         unexpected(r, e);
      }
   }
   if (r->c->n_errors == 0) {
      config_options_check(r->c);
   }
}

void config_read(struct config *c)
{
   struct reader r = {.c = c};
   xmlParserCtxt *parser = xmlNewParserCtxt();
   if (parser == NULL) {
      config_error(c, 1, "no memory");
      return;
   }
   /* Entities are not put in by the parser: what they stand for is decided in entity_text(). */
   r.doc = xmlCtxtReadMemory(parser, c->text, (int) c->length, NULL, NULL,
                             XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
   if (r.doc != NULL && xmlDocGetRootElement(r.doc) != NULL) {
      read_root(&r, xmlDocGetRootElement(r.doc));
   } else {
      const xmlError *e = xmlCtxtGetLastError(parser);
      const char *text = e != NULL && e->message != NULL ? e->message : "no document";
      config_error(c, e != NULL && e->line > 0 ? (uint32_t) e->line : 1, "not well-formed XML: %.*s",
                   (int) strcspn(text, "\n"), text);
   }
   xmlFreeDoc(r.doc);
   xmlFreeParserCtxt(parser);
}
