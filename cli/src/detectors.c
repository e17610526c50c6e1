/* SPDX-License-Identifier: BSD-3-Clause */
#include "detectors.h"

#include "source.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What the input offers. */
struct offer {
   bool captures, flow_files;
   ur_layout_t **formats; /* of the flow files that could be read */
   unsigned n_formats;
};

/* --------------------------------------------------------------------- names */

/* Is the name in a list separated by commas? */
static bool listed(const char *list, const char *name)
{
   size_t n = strlen(name);
   for (const char *p = list; *p != 0; p += strcspn(p, ","), p += *p == ',') {
      if (strcspn(p, ",") == n && strncmp(p, name, n) == 0) {
         return true;
      }
   }
   return false;
}

bool detectors_known(const char *list, char *why, size_t size)
{
   const char *p = list;
   do {
      size_t n = strcspn(p, ",");
      bool known = false;
      for (unsigned i = 0; event_descriptions[i] != NULL && !known; i++) {
         known = strlen(event_descriptions[i]->program) == n &&
                 strncmp(event_descriptions[i]->program, p, n) == 0;
      }
      if (!known) {
         int used = snprintf(
             why, size, "unknown detector \"%.*s\" (expected names separated by commas, of:", (int) n, p);
         for (unsigned i = 0; event_descriptions[i] != NULL && used > 0 && (size_t) used < size; i++) {
            used += snprintf(why + used, size - (size_t) used, " %s%s", event_descriptions[i]->program,
                             event_descriptions[i + 1] != NULL ? "," : ")");
         }
         return false;
      }
      p += n;
   } while (*p++ == ',');
   return true;
}

/* ---------------------------------------------------------------------- list */

static json_t *words(const char *text, char separator)
{
   json_t *list = json_array();
   const char separators[] = {separator, 0};
   while (text != NULL && *text != 0) {
      size_t n = strcspn(text, separators);
      json_array_append_new(list, json_stringn(text, n));
      text += n + strspn(text + n, separators);
   }
   return list;
}

static bool list_json(FILE *to)
{
   json_t *list = json_array();
   for (unsigned i = 0; event_descriptions[i] != NULL; i++) {
      const struct event_description *d = event_descriptions[i];
      json_t *kinds = words(d->kinds, ' ');
      json_array_insert_new(kinds, 0, json_string(d->kind));
      json_array_append_new(list,
                            json_pack("{s:s,s:o,s:o,s:o,s:o,s:b,s:b}", "detector", d->program, "kinds", kinds,
                                      "attack", words(d->attack, ' '), "fields", words(d->needs, ','),
                                      "plugins", words(d->plugins, '+'), "plugins_optional",
                                      d->plugins_optional, "blacklist", d->blacklist));
   }
   bool done = json_dumpf(list, to, JSON_INDENT(2)) == 0 && fputc('\n', to) != EOF;
   json_decref(list);
   return done && fflush(to) == 0;
}

/* The names of fields without their types. */
static void put_names(const char *fields, FILE *to)
{
   for (const char *p = fields; p != NULL && *p != 0; p += *p == ',') {
      p += strcspn(p, " ,");
      p += *p == ' ';
      size_t n = strcspn(p, ",");
      fprintf(to, " %.*s", (int) n, p);
      p += n;
   }
}

bool detectors_list(bool json, FILE *to)
{
   if (json) {
      return list_json(to);
   }
   for (unsigned i = 0; event_descriptions[i] != NULL; i++) {
      const struct event_description *d = event_descriptions[i];
      fprintf(to, "%s: %s%s%s; needs", d->program, d->kind, d->kinds != NULL ? " " : "",
              d->kinds != NULL ? d->kinds : "");
      put_names(d->needs, to);
      if (d->plugins != NULL) {
         fprintf(to, "; %s flow_meter -p %s", d->plugins_optional ? "sees more with" : "of", d->plugins);
      }
      if (d->through != NULL) {
         fprintf(to, "; reads records of %s", d->through);
      }
      fprintf(to, "%s\n", d->blacklist ? "; a blacklist (-b)" : "");
   }
   return fflush(to) == 0 && !ferror(to);
}

/* --------------------------------------------------------------------- choice */

static bool look_at_input(const struct analysis *a, struct offer *o)
{
   *o = (struct offer){.captures = a->interface != NULL || a->collect != NULL || a->follow};
   o->formats = calloc(a->n_files + 1u, sizeof(ur_layout_t *));
   if (o->formats == NULL) {
      return false;
   }
   for (unsigned i = 0; i < a->n_files && !a->follow; i++) {
      enum source_kind kind = a->kinds[i];
      if (kind == SOURCE_CAPTURE || kind == SOURCE_EXPORT) {
         o->captures = true;
      } else if (kind != SOURCE_BAD) {
         char *format = source_format(a->files[i], kind);
         ur_layout_t *layout = format != NULL ? ur_layout_create(format) : NULL;
         free(format);
         o->flow_files = true;
         if (layout != NULL) {
            o->formats[o->n_formats++] = layout;
         }
      }
   }
   return true;
}

/* \return a field that d needs and a layout has not, or has with another type; NULL: it has all */
static const char *missing(const ur_layout_t *needs, const ur_layout_t *have)
{
   for (int i = 0; i < ur_layout_count(needs); i++) {
      int k = ur_layout_find(have, ur_layout_name(needs, i));
      if (k < 0 || ur_layout_type(have, k) != ur_layout_type(needs, i)) {
         return ur_layout_name(needs, i);
      }
   }
   return NULL;
}

/* Do the flow files have what d needs? \return false with the reason */
static bool fits_formats(const struct event_description *d, const struct offer *o, char *why, size_t size)
{
   const char *field = NULL;
   ur_layout_t *needs = d->needs != NULL ? ur_layout_create(d->needs) : NULL;
   for (unsigned i = 0; i < o->n_formats && needs != NULL && field == NULL; i++) {
      field = missing(needs, o->formats[i]);
   }
   if (field != NULL) {
      ur_field_type_t type = ur_layout_type(needs, ur_layout_find(needs, field));
      snprintf(why, size, "the flow records do not have the field %s %s", ur_field_type_str[type], field);
   }
   ur_layout_free(needs);
   return field == NULL;
}

static bool can_run(const struct analysis *a, const struct event_description *d, const struct offer *o,
                    char *why, size_t size)
{
   bool needs_plugins = d->plugins != NULL && !d->plugins_optional;
   if (d->blacklist && a->blacklist == NULL) {
      snprintf(why, size, "no blacklist was given (-b FILE)");
      return false;
   }
   if (d->through != NULL) {
      snprintf(why, size, "it reads what the module %s sends, not flows", d->through);
      return false;
   }
   if (!fits_formats(d, o, why, size)) {
      return false;
   }
   if (needs_plugins && o->flow_files && (o->captures || o->n_formats == 0)) {
      snprintf(why, size, "it needs the plugin %s of flow_meter, and not all of the input is captures",
               d->plugins);
      return false;
   }
   return true;
}

bool *detectors_choose(struct analysis *a)
{
   char why[SKIP_REASON];
   struct offer offer;
   unsigned n = 0;
   while (event_descriptions[n] != NULL) {
      n++;
   }
   bool *chosen = calloc(n + 1u, sizeof(*chosen));
   a->skipped = calloc(n + 1u, sizeof(*a->skipped));
   if (chosen == NULL || a->skipped == NULL || !look_at_input(a, &offer)) {
      free(chosen);
      return NULL;
   }
   for (unsigned i = 0; i < n; i++) {
      const struct event_description *d = event_descriptions[i];
      if (a->detectors != NULL && !listed(a->detectors, d->program)) {
         continue;
      }
      chosen[i] = can_run(a, d, &offer, why, sizeof(why));
      if (!chosen[i] && d->through != NULL && a->detectors == NULL) {
         continue; /* flows are not for it */
      }
      if (!chosen[i]) {
         struct skipped *s = &a->skipped[a->n_skipped++];
         s->detector = d->program;
         snprintf(s->reason, sizeof(s->reason), "%s", why);
      }
      if (!chosen[i] && a->detectors != NULL) { /* it was asked for by name */
         analysis_note(a, "%s was not run: %s", d->program, why);
      }
   }
   for (unsigned i = 0; i < offer.n_formats; i++) {
      ur_layout_free(offer.formats[i]);
   }
   free(offer.formats);
   return chosen;
}
