/* SPDX-License-Identifier: BSD-3-Clause */
/** Files of rules: which there are, from a directory or built in. */
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct list_file {
   const char *name;
   enum rule rule;
   enum list_kind kind;
   enum field fields[4]; /* ends with FIELDS */
};

static const struct list_file lists[] = {
    {"allowed-http-methods", RULE_METHOD, LIST_NOT_ONE, {FIELD_METHOD, FIELDS}},
    {"scanners-user-agents", RULE_SCANNER, LIST_WORD, {FIELD_AGENT, FIELDS}},
    {"scanners-urls", RULE_SCANNER, LIST_PLAIN, {FIELD_FILENAME, FIELD_ARGS, FIELDS}},
    {"scanners-headers", RULE_SCANNER, LIST_PLAIN, {FIELD_HOST, FIELD_AGENT, FIELD_REFERER, FIELDS}},
    {"windows-powershell-commands", RULE_RCE, LIST_PLAIN, {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS}},
    {"unix-shell", RULE_RCE, LIST_PLAIN, {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS}},
    {"php-config-directives", RULE_PHP, LIST_PLAIN, {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS}},
    {"php-variables", RULE_PHP, LIST_PLAIN, {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS}},
    {"php-function-names-933150", RULE_PHP, LIST_PLAIN, {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS}},
    {"restricted-files", RULE_LFI, LIST_PLAIN, {FIELD_FILENAME, FIELDS}},
    {"lfi-os-files", RULE_LFI, LIST_PLAIN, {FIELD_ARGS, FIELD_ARGS_NAMES, FIELDS}},
};

/* Contents of a file of a directory, to free. \return NULL: error is set, or, where missing is allowed, there is none */
static char *read_file(const char *path, size_t *size, bool may_be_missing, char error[RULES_ERROR])
{
   struct stat st;
   FILE *file = fopen(path, "re");
   error[0] = 0;
   if (file == NULL && errno == ENOENT && may_be_missing) {
      return NULL;
   }
   if (file == NULL || fstat(fileno(file), &st) != 0) {
      snprintf(error, RULES_ERROR, "%.500s: %s", path, strerror(errno));
      if (file != NULL) {
         fclose(file);
      }
      return NULL;
   }
   bool fits = S_ISREG(st.st_mode) && st.st_size <= RULES_FILE_MAX;
   char *text = fits ? malloc((size_t) st.st_size + 1) : NULL;
   if (text == NULL) {
      snprintf(error, RULES_ERROR, "%.500s: %s", path, fits ? "out of memory" : "no file of at most 4 MB");
   } else {
      *size = fread(text, 1, (size_t) st.st_size, file);
   }
   fclose(file);
   return text;
}

/* Calls back with the contents of a file. */
static bool with_file(struct rules *r, const char *directory, const char *name, const struct list_file *list,
                      enum rule rule, char error[RULES_ERROR])
{
   char path[4096];
   size_t size = 0;
   char *read = NULL;
   const char *text;
   snprintf(path, sizeof(path), "%s/%s", directory != NULL ? directory : "built-in", name);
   if (directory != NULL) {
      text = read = read_file(path, &size, list == NULL, error);
   } else {
      error[0] = 0;
      text = builtin_file(name, &size);
   }
   if (text == NULL) {
      return error[0] == 0;
   }
   bool good = list == NULL ? rules_parse(r, rule, path, text, size, error)
                            : rules_parse_list(r, rule, list->kind, list->fields, path, text, size, error);
   free(read);
   return good;
}

static bool load_rule(struct rules *r, const char *directory, enum rule rule, char error[RULES_ERROR])
{
   char name[128];
   snprintf(name, sizeof(name), "rules/%s.data", rule_names[rule]);
   for (char *c = name; *c != 0; c++) {
      *c = *c == '_' ? '-' : *c;
   }
   if (!with_file(r, directory, name, NULL, rule, error)) {
      return false;
   }
   for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
      snprintf(name, sizeof(name), "data/%s.data", lists[i].name);
      if (lists[i].rule == rule && !with_file(r, directory, name, &lists[i], rule, error)) {
         return false;
      }
   }
   return true;
}

struct rules *rules_load(const char *directory, const bool chosen[RULES], enum engine engine,
                         char error[RULES_ERROR])
{
   struct rules *r = rules_new();
   bool good = r != NULL;
   if (!good) {
      snprintf(error, RULES_ERROR, "out of memory");
   }
   for (unsigned rule = 0; good && rule < RULES; rule++) {
      good = !chosen[rule] || load_rule(r, directory, (enum rule) rule, error);
   }
   if (!good || !rules_finish(r, engine, error)) {
      rules_free(r);
      return NULL;
   }
   return r;
}
