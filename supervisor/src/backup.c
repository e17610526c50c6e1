/* SPDX-License-Identifier: BSD-3-Clause */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is(const xmlNode *n, const char *name)
{
   return n->type == XML_ELEMENT_NODE && xmlStrEqual(n->name, BAD_CAST name);
}

/* The text of a child element, to be freed with xmlFree(). NULL: there is none */
static char *value(const xmlNode *n, const char *name)
{
   for (xmlNode *c = n->children; c != NULL; c = c->next) {
      if (is(c, name)) {
         return (char *) xmlNodeGetContent(c);
      }
   }
   return NULL;
}

static pid_t pid_of(const xmlNode *n)
{
   char *text = (char *) xmlGetNoNsProp(n, BAD_CAST "module_pid"), *end = text;
   errno = 0;
   long pid = text != NULL ? strtol(text, &end, 10) : 0;
   bool good = text != NULL && end != text && *end == 0 && errno == 0 && pid >= 0 && pid <= INT_MAX;
   xmlFree(text);
   return good ? (pid_t) pid : -1;
}

/* \return false: why */
static bool add(struct backup *b, const xmlNode *n, bool profile, char *why, size_t size)
{
   char *name = value(n, "name"), *enabled = value(n, "enabled");
   bool on = enabled != NULL && strcmp(enabled, "true") == 0;
   bool good = name != NULL && *name != 0 && (on || (enabled != NULL && strcmp(enabled, "false") == 0));
   pid_t pid = profile ? 0 : pid_of(n);
   struct backup_entry *grown = NULL;
   if (!good) {
      (void) snprintf(why, size, "line %ld: <%s> needs <name>, and <enabled> true or false", xmlGetLineNo(n),
                      (const char *) n->name);
   } else if (pid < 0) {
      (void) snprintf(why, size, "line %ld: <module> needs module_pid, the number of a process or 0",
                      xmlGetLineNo(n));
   } else if (b->n >= CONFIG_PROFILES + CONFIG_MODULES) {
      (void) snprintf(why, size, "it has more than %d modules and profiles",
                      CONFIG_PROFILES + CONFIG_MODULES);
   } else if ((grown = reallocarray(b->entries, b->n + 1, sizeof(*grown))) == NULL) {
      (void) snprintf(why, size, "no memory");
   } else {
      b->entries = grown;
      b->entries[b->n] = (struct backup_entry){strdup(name), profile, on, pid};
      b->n++;
      if (b->entries[b->n - 1].name == NULL) {
         (void) snprintf(why, size, "no memory");
         grown = NULL;
      }
   }
   xmlFree(name);
   xmlFree(enabled);
   return grown != NULL;
}

static bool read_document(struct backup *b, xmlDoc *doc, char *why, size_t size)
{
   const xmlNode *root = doc != NULL ? xmlDocGetRootElement(doc) : NULL;
   if (root == NULL || !is(root, "nemea-supervisor")) {
      (void) snprintf(why, size, "expected an XML document with the root <nemea-supervisor>");
      return false;
   }
   bool ok = true;
   for (const xmlNode *p = root->children; ok && p != NULL; p = p->next) {
      ok = !is(p, "modules") || add(b, p, true, why, size);
      for (const xmlNode *m = is(p, "modules") ? p->children : NULL; ok && m != NULL; m = m->next) {
         ok = !is(m, "module") || add(b, m, false, why, size);
      }
   }
   return ok;
}

struct backup *backup_read_text(const char *text, size_t length, char *why, size_t size)
{
   struct backup *b = calloc(1, sizeof(*b));
   xmlDoc *doc =
       length <= BACKUP_SIZE
           ? xmlReadMemory(text, (int) length, "backup.xml", NULL,
                           XML_PARSE_NONET | XML_PARSE_BIG_LINES | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)
           : NULL;
   if (b == NULL || !read_document(b, doc, why, size)) {
      backup_free(b);
      b = NULL;
   }
   xmlFreeDoc(doc);
   return b;
}

struct backup *backup_read(const char *path, char *why, size_t size)
{
   struct stat st;
   struct backup *b = NULL;
   int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
   if (fd < 0 || fstat(fd, &st) != 0) {
      (void) snprintf(why, size, "%s", strerror(errno));
   } else if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) ||
              st.st_size > (off_t) BACKUP_SIZE) {
      (void) snprintf(why, size, "expected a file of this user or root, of at most %u bytes", BACKUP_SIZE);
   } else {
      char *text = malloc((size_t) st.st_size + 1);
      ssize_t n = text != NULL ? read(fd, text, (size_t) st.st_size) : -1;
      if (n < 0) {
         (void) snprintf(why, size, "%s", strerror(errno));
      } else {
         b = backup_read_text(text, (size_t) n, why, size);
      }
      free(text);
   }
   if (fd >= 0) {
      close(fd);
   }
   return b;
}

void backup_free(struct backup *b)
{
   for (uint32_t i = 0; b != NULL && i < b->n; i++) {
      free(b->entries[i].name);
   }
   free(b != NULL ? b->entries : NULL);
   free(b);
}
