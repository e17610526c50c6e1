/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Stores the values of a configuration file where the pattern says. A copy of the struct is filled, so that an error leaves
 * the caller's unchanged.
 */
#include "configurator.h"

#include <errno.h>
#include <nemea-common/configurator.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An array handed to a caller, until configuratorFreeUAMBS(). */
struct array {
   struct array *next;
   void *memory;
   unsigned int count;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct array *arrays;

static void free_arrays(struct array *a)
{
   while (a != NULL) {
      struct array *next = a->next;
      free(a->memory);
      free(a);
      a = next;
   }
}

/* -------------------------------------------------------------------- values */

static bool bad_value(const xmlNode *at, const struct conf_member *m, const char *text)
{
   int bits = (int) m->size * 8;
   if (m->type->family == CONF_UNSIGNED) {
      conf_error(at, "'%s' has the value '%s' (expected a number from 0 to %llu)", m->name, text,
                 (unsigned long long) (UINT64_MAX >> (64 - bits)));
   } else if (m->type->family == CONF_SIGNED) {
      long long most = (long long) (INT64_MAX >> (64 - bits));
      conf_error(at, "'%s' has the value '%s' (expected a number from %lld to %lld)", m->name, text,
                 -most - 1, most);
   } else {
      conf_error(at, "'%s' has the value '%s' (expected a number)", m->name, text);
   }
   return false;
}

static bool put_number(const xmlNode *at, const struct conf_member *m, const char *text, uint8_t *to)
{
   char *end;
   errno = 0;
   int unused = 64 - (int) m->size * 8;
   if (m->type->family == CONF_FLOAT) {
      double d = strtod(text, &end);
      float f = (float) d;
      memcpy(to, m->size == sizeof(f) ? (void *) &f : (void *) &d, m->size);
      errno = 0; /* too large is infinite, too small is 0 */
   } else if (m->type->family == CONF_SIGNED) {
      int64_t v = strtoll(text, &end, 10);
      if (v > INT64_MAX >> unused || v < INT64_MIN >> unused) {
         return bad_value(at, m, text);
      }
      memcpy(to, (uint8_t *) &v + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - m->size : 0), m->size);
   } else {
      uint64_t v = strtoull(text, &end, 10);
      if (v > UINT64_MAX >> unused || strchr(text, '-') != NULL) {
         return bad_value(at, m, text);
      }
      memcpy(to, (uint8_t *) &v + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 8 - m->size : 0), m->size);
   }
   return (errno == 0 && end != text && end[strspn(end, " \t\r\n")] == 0) || bad_value(at, m, text);
}

static bool put_text(const xmlNode *at, const struct conf_member *m, const char *text, uint8_t *to)
{
   if (m->type->family != CONF_STRING) {
      return put_number(at, m, text, to);
   }
   size_t length = strnlen(text, m->size - 1);
   memcpy(to, text, length);
   to[length] = 0;
   return true;
}

/* The default value; 0 for a number without one. */
static bool put_fallback(const xmlNode *at, const struct conf_member *m, uint8_t *to)
{
   bool empty = m->fallback[strspn(m->fallback, " \t\r\n")] == 0;
   return put_text(at, m, empty && m->type->family != CONF_STRING ? "0" : m->fallback, to);
}

static bool put_node(xmlNode *node, const struct conf_member *m, uint8_t *to)
{
   char *text = conf_text(node, true);
   bool good = text != NULL && put_text(node, m, text, to);
   free(text);
   return good;
}

/* ------------------------------------------------------------------- structs */

static bool missing(const xmlNode *in, const struct conf_member *m)
{
   conf_error(in, "validation failed, variable (%s) is required, but not found in user configuration file.",
              m->name);
   return false;
}

/* The first child of in that has the tag and the name. */
static xmlNode *find(xmlNode *in, const struct conf_member *m)
{
   static const char *const tags[] = {
       [CONF_ELEMENT] = "element", [CONF_STRUCT] = "struct", [CONF_ARRAY] = "array"};
   for (xmlNode *c = in != NULL ? conf_next(in->children, tags[m->kind]) : NULL; c != NULL;
        c = conf_next(c->next, tags[m->kind])) {
      xmlChar *name = xmlGetProp(c, BAD_CAST "name");
      bool found = name != NULL && strcmp((const char *) name, m->name) == 0;
      xmlFree(name);
      if (found) {
         return c;
      }
   }
   return NULL;
}

static bool fill_struct(struct array **made, xmlNode *in, const struct conf_member *m, uint8_t *to);

static void *new_array(struct array **made, xmlNode *node, const struct conf_member *m, size_t count)
{
   struct array *a = calloc(1, sizeof(*a));
   if (m->stride == 0 || count > CONF_MAX_ARRAY / m->stride) {
      conf_error(node, "array '%s' has %zu elements (expected at most %zu)", m->name, count,
                 m->stride == 0 ? 0 : CONF_MAX_ARRAY / m->stride);
      free(a);
      return NULL;
   }
   if (a == NULL || (a->memory = calloc(count, m->stride)) == NULL) {
      conf_error(node, "no memory for the %zu elements of array '%s'", count, m->name);
      free(a);
      return NULL;
   }
   a->count = (unsigned int) count;
   a->next = *made;
   *made = a;
   return a->memory;
}

static bool fill_array(struct array **made, xmlNode *node, const struct conf_member *m, uint8_t *to)
{
   const char *tag = m->of_structs ? "struct" : "element";
   size_t count = 0;
   uint8_t *memory = NULL;
   for (xmlNode *c = node != NULL ? conf_next(node->children, tag) : NULL; c != NULL;
        c = conf_next(c->next, tag)) {
      count++;
   }
   if (count > 0 && (memory = new_array(made, node, m, count)) == NULL) {
      return false;
   }
   memcpy(to, &memory, sizeof(memory));
   xmlNode *c = count > 0 ? conf_next(node->children, tag) : NULL;
   for (; c != NULL; c = conf_next(c->next, tag), memory += m->stride) {
      struct conf_member named = m->members[0]; /* errors name the array */
      named.name = m->name;
      if (m->of_structs ? !fill_struct(made, c, m, memory) : !put_node(c, &named, memory)) {
         return false;
      }
   }
   return true;
}

/* Members of m, or of the elements of array m, from the children of in (NULL: none). */
static bool fill_struct(struct array **made, xmlNode *in, const struct conf_member *m, uint8_t *to)
{
   for (size_t i = 0; i < m->n_members; to += m->members[i].size, i++) {
      const struct conf_member *child = &m->members[i];
      xmlNode *node = find(in, child);
      bool good = true;
      if (node == NULL && child->required) {
         return missing(in, child);
      }
      switch (child->kind) {
      case CONF_ELEMENT: good = node != NULL ? put_node(node, child, to) : put_fallback(in, child, to); break;
      case CONF_STRUCT: good = fill_struct(made, node, child, to); break;
      case CONF_ARRAY: good = fill_array(made, node, child, to); break;
      }
      if (!good) {
         return false;
      }
   }
   return true;
}

static void keep_arrays(struct array *made)
{
   pthread_mutex_lock(&lock);
   while (made != NULL) {
      struct array *next = made->next;
      made->next = arrays;
      arrays = made;
      made = next;
   }
   pthread_mutex_unlock(&lock);
}

bool conf_fill(const struct conf_member *top, xmlDoc *doc, void *out)
{
   struct array *made = NULL; /* handed to the caller on success only */
   xmlNode *root = conf_root(doc);
   uint8_t *image = root != NULL ? malloc(top->size) : NULL;
   if (image == NULL) {
      return false;
   }
   memcpy(image, out, top->size); /* members without a value keep theirs */
   bool good = fill_struct(&made, conf_next(root->children, "struct"), top, image);
   if (good) {
      memcpy(out, image, top->size);
      keep_arrays(made);
   } else {
      free_arrays(made);
   }
   free(image);
   return good;
}

/* ----------------------------------------------------------------- interface */

static bool load(const char *pattern, const char *user, void *out, int pattern_type)
{
   struct conf_member top = {0};
   bool text = pattern_type == CONF_PATTERN_STRING;
   xmlDoc *doc = conf_read(text ? "pattern" : pattern, text ? pattern : NULL, text ? strlen(pattern) : 0);
   bool good = doc != NULL && conf_pattern(doc, &top);
   xmlFreeDoc(doc);
   if (!good) {
      conf_error(NULL, "Cannot parse configuration file.");
   } else if ((doc = conf_read(user, NULL, 0)) == NULL) {
      conf_error(NULL, "Cannot parse user configuration file.");
      good = false;
   } else {
      good = conf_fill(&top, doc, out);
      xmlFreeDoc(doc);
      if (!good) {
         conf_error(NULL, "Parsing failed.");
      }
   }
   conf_pattern_free(&top);
   return good;
}

int loadConfiguration(char *pattern, char *userFile, void *out, int patternType)
{
   if (pattern == NULL || userFile == NULL || out == NULL ||
       (patternType != CONF_PATTERN_FILE && patternType != CONF_PATTERN_STRING)) {
      conf_error(
          NULL,
          "loadConfiguration: bad argument (expected a pattern, a file, a struct, a pattern type of 0 or 1)");
      return EXIT_FAILURE;
   }
   return load(pattern, userFile, out, patternType) ? EXIT_SUCCESS : EXIT_FAILURE;
}

unsigned int configuratorGetArrElemCount(void *arr)
{
   unsigned int count = 0;
   pthread_mutex_lock(&lock);
   for (const struct array *a = arrays; a != NULL && arr != NULL; a = a->next) {
      if (a->memory == arr) {
         count = a->count;
         break;
      }
   }
   pthread_mutex_unlock(&lock);
   return count;
}

void configuratorFreeUAMBS(void)
{
   pthread_mutex_lock(&lock);
   struct array *all = arrays;
   arrays = NULL;
   pthread_mutex_unlock(&lock);
   free_arrays(all);
}
