/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Whether an input can get what it requires, by what programs of this system say of their interfaces (interfaces.json, made when they
 * are built). What is not known for sure is taken as possible: programs of others, formats that come from files, other machines or
 * scripts, and options whose fields depend on more than a word.
 */
#include "config.h"

#include <jansson.h>
#include <limits.h>
#include <sandbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTS 256 /* of fields, of one output */
#define DEPTH 16  /* modules that hand on what they read, one behind the other */

/* What an output may send. Texts belong to the declarations. */
struct records {
   bool json; /* texts, not records */
   struct list {
      const char *fields; /* "type NAME,...": an output has none that is in no list */
      const char *word;   /* not NULL: it would have them if the params of the module `of` held this word */
      const char *of;
   } lists[LISTS];
   size_t n;
};

struct check {
   struct config *config;
   const struct config_output *outputs;
   size_t n;
   json_t *programs;
};

static json_t *declarations(void)
{
   static const char *const places[] = {INTERFACES_INSTALLED, "supervisor/interfaces/interfaces.json"};
   json_t *programs = NULL;
   for (size_t i = 0; programs == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
      char path[PATH_MAX];
      bool absolute = *places[i] == '/';
      (void) snprintf(path, sizeof(path), "%s%s%s", absolute ? "" : sandbox_root(), absolute ? "" : "/",
                      places[i]);
      programs = json_load_file(path, 0, NULL);
   }
   return programs;
}

/* The declaration of an interface: of the list "inputs" or "outputs" of its program. The last entry takes all that is left.
 * \return NULL: unknown */
static const json_t *declaration(const struct check *k, const struct config_module *m, const char *list,
                                 uint32_t index)
{
   char name[NAME_MAX + 1];
   const json_t *all =
       sandbox_program(m->path, name) ? json_object_get(json_object_get(k->programs, name), list) : NULL;
   size_t n = json_array_size(all), i = 0;
   for (uint32_t first = 0; i + 1 < n; i++) {
      json_int_t max = json_integer_value(json_object_get(json_array_get(all, i), "max"));
      if (index < first + max) {
         break;
      }
      first += (uint32_t) max;
   }
   return json_array_get(all, i);
}

static const char *text(const json_t *o, const char *key)
{
   const char *s = json_string_value(json_object_get(o, key));
   return s != NULL ? s : "";
}

/* \return false: there is no room for more */
static bool add(struct records *r, const char *fields, const char *word, const struct config_module *of)
{
   if (*fields != 0 && r->n < LISTS) {
      r->lists[r->n++] = (struct list){fields, word, of->name};
   }
   return r->n < LISTS;
}

/* Fields that options add. \return false: nobody knows which */
static bool add_optional(struct records *r, const struct config_module *m, const json_t *declared)
{
   const json_t *o;
   size_t i;
   json_array_foreach(json_object_get(declared, "added"), i, o)
   {
      const char *word = text(o, "word"), *fields = text(o, "fields");
      bool absent = *word != 0 && (m->params == NULL || strstr(m->params, word) == NULL);
      bool any = strcmp(fields, "*") == 0;
      if ((any && !absent) || (!any && !add(r, fields, absent ? word : NULL, m))) {
         return false;
      }
   }
   return true;
}

static bool what_output_sends(const struct check *k, const struct config_output *o, int depth,
                              struct records *r);

/* What those send that an input reads. \return false: unknown */
static bool what_input_gets(const struct check *k, const struct config_module *m, uint32_t index, int depth,
                            struct records *r)
{
   const struct config_interface *ifc = NULL;
   for (uint32_t i = 0, n = 0; i < m->n_interfaces && ifc == NULL; i++) {
      if (m->interfaces[i].direction == DIRECTION_IN && n++ == index) {
         ifc = &m->interfaces[i];
      }
   }
   if (ifc == NULL || !config_meets(ifc) || !config_is_local(ifc)) {
      return false;
   }
   size_t senders = 0;
   for (size_t i = 0; i < k->n; i++) {
      if (config_same_end(k->outputs[i].ifc, ifc)) {
         senders++;
         if (!what_output_sends(k, &k->outputs[i], depth, r)) {
            return false;
         }
      }
   }
   return senders > 0 && !r->json;
}

static bool what_all_inputs_get(const struct check *k, const struct config_module *m, int depth,
                                struct records *r)
{
   uint32_t index = 0;
   bool ok = true;
   for (uint32_t i = 0; i < m->n_interfaces && ok; i++) {
      if (m->interfaces[i].direction == DIRECTION_IN) {
         ok = what_input_gets(k, m, index++, depth, r);
      }
   }
   return ok;
}

/* \return false: unknown */
static bool what_output_sends(const struct check *k, const struct config_output *o, int depth,
                              struct records *r)
{
   const json_t *d = declaration(k, o->module, "outputs", o->index);
   const char *format = text(d, "format"), *fields = text(d, "fields");
   if (strcmp(text(d, "data"), "json") == 0) {
      r->json = true;
      return true;
   }
   if (strcmp(text(d, "data"), "unirec") != 0 || depth >= DEPTH || !add(r, fields, NULL, o->module) ||
       !add_optional(r, o->module, d)) {
      return false;
   }
   if (strcmp(format, "follow") == 0) {
      uint32_t input = (uint32_t) json_integer_value(json_object_get(d, "input"));
      return what_input_gets(k, o->module, input, depth + 1, r);
   }
   if (strcmp(format, "union") == 0) {
      return what_all_inputs_get(k, o->module, depth + 1, r);
   }
   return strcmp(format, "chosen") == 0 ? r->n > 0 : *fields != 0;
}

/* ------------------------------------------------------------------- comparison */

/* A field of a list "type NAME,type NAME". */
struct field {
   const char *type, *name;
   int type_length, name_length;
};

static bool next_field(const char **p, struct field *f)
{
   *p += strspn(*p, ", ");
   f->type = *p;
   f->type_length = (int) strcspn(*p, " ,");
   *p += f->type_length;
   *p += strspn(*p, " ");
   f->name = *p;
   f->name_length = (int) strcspn(*p, " ,");
   *p += f->name_length;
   return f->name_length > 0;
}

static bool same(const char *a, int a_length, const char *b, int b_length)
{
   return a_length == b_length && memcmp(a, b, (size_t) a_length) == 0;
}

/* Whether an output may have the field. \param other gets it with another type \param by gets the list that would add it */
static bool may_have(const struct records *r, const struct field *wanted, struct field *other,
                     const struct list **by)
{
   for (size_t i = 0; i < r->n; i++) {
      const char *p = r->lists[i].fields;
      for (struct field f; next_field(&p, &f);) {
         if (!same(f.name, f.name_length, wanted->name, wanted->name_length)) {
            continue;
         }
         bool type = same(f.type, f.type_length, wanted->type, wanted->type_length);
         if (type && r->lists[i].word == NULL) {
            return true;
         }
         if (type) {
            *by = *by == NULL ? &r->lists[i] : *by;
         } else if (r->lists[i].word == NULL) {
            *other = f;
         }
      }
   }
   return false;
}

/* The fields that an input requires and the records cannot have, as a list for people. \return NULL: none, or no memory */
static char *list_missing(const char *required, const struct records *r)
{
   char *list = NULL;
   size_t size;
   FILE *to = open_memstream(&list, &size);
   size_t n = 0;
   for (struct field f; to != NULL && next_field(&required, &f);) {
      struct field other = {0};
      const struct list *by = NULL;
      if (may_have(r, &f, &other, &by)) {
         continue;
      }
      (void) fprintf(to, "%s%.*s %.*s", n++ > 0 ? ", " : "", f.type_length, f.type, f.name_length, f.name);
      if (other.type != NULL) {
         (void) fprintf(to, " (it is %.*s there)", other.type_length, other.type);
      } else if (by != NULL) {
         (void) fprintf(to, " (\"%s\" sends it with \"%s\" in its params)", by->of, by->word);
      }
   }
   if (to == NULL || fclose(to) != 0 || n == 0) {
      free(list);
      return NULL;
   }
   return list;
}

static void compare(struct config *c, const struct config_module *m, const struct config_interface *ifc,
                    const json_t *wanted, const struct config_output *sender, const struct records *r)
{
   const char *end;
   int length = (int) config_end(ifc, &end);
   bool json = strcmp(text(wanted, "data"), "json") == 0;
   if (json != r->json) {
      config_warning(c, ifc->line, "module \"%.100s\" reads %s from %s %.*s, module \"%.100s\" sends %s",
                     m->name, json ? "JSON" : "UniRec records", config_end_kind(ifc), length, end,
                     sender->module->name, r->json ? "JSON" : "UniRec records");
      return;
   }
   char *missing = json ? NULL : list_missing(text(wanted, "fields"), r);
   if (missing != NULL) {
      config_warning(c, ifc->line,
                     "module \"%.100s\" requires fields that the records of module \"%.100s\" on %s %.*s do "
                     "not have: %s",
                     m->name, sender->module->name, config_end_kind(ifc), length, end, missing);
   }
   free(missing);
}

static void check_module(struct check *k, const struct config_module *m, struct records *r)
{
   uint32_t index = 0;
   for (uint32_t i = 0; i < m->n_interfaces; i++) {
      const struct config_interface *ifc = &m->interfaces[i];
      if (ifc->direction != DIRECTION_IN) {
         continue;
      }
      const json_t *wanted = declaration(k, m, "inputs", index++);
      const char *data = text(wanted, "data");
      if (!config_meets(ifc) || !config_is_local(ifc) ||
          (strcmp(data, "unirec") != 0 && strcmp(data, "json") != 0)) {
         continue;
      }
      for (size_t n = 0; n < k->n; n++) {
         r->n = 0;
         r->json = false;
         if (config_same_end(k->outputs[n].ifc, ifc) && what_output_sends(k, &k->outputs[n], 0, r)) {
            compare(k->config, m, ifc, wanted, &k->outputs[n], r);
         }
      }
   }
}

void config_check_formats(struct config *c, const struct config_output *outputs, size_t n)
{
   struct check k = {c, outputs, n, declarations()};
   struct records *r = k.programs != NULL ? malloc(sizeof(*r)) : NULL;
   for (uint32_t i = 0; r != NULL && i < c->n_modules; i++) {
      if (config_enabled(c, &c->modules[i])) {
         check_module(&k, &c->modules[i], r);
      }
   }
   free(r);
   json_decref(k.programs);
}
