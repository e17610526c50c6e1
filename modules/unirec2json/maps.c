/* SPDX-License-Identifier: BSD-3-Clause */
/** The maps of unirec2json: by value, by regular expression (PCRE2), and of times. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "maps.h"
#include "values.h"

#include <errno.h>
#include <jansson.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdlib.h>

#define MATCH_LIMIT 100000 /* steps; an expression that needs more does not match */
#define LONGEST_KEY 65536

/* A value that a map gives. */
struct result {
   enum value_kind kind;
   char *json, *text;
   size_t json_length, text_length;
};

struct rule {
   const char *source, *target; /* belong to the configuration */
   const json_t *mapping;
   size_t n;
   struct result *results;   /* in the order of the mapping */
   pcre2_code **expressions; /* NULL: a match of the whole value */
};

struct maps {
   json_t *config;
   struct rule *rules; /* those of "match", then those of "regex" */
   size_t n_rules, n_times;
   const char **times;
   char (*time_texts)[40];
   pcre2_match_data *match;
   pcre2_match_context *limits;
   nc_json_t buffer;
};

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(error, MAPS_ERROR, format, ap);
   va_end(ap);
   return false;
}

static bool make_result(struct result *r, const json_t *value, char *error)
{
   nc_json_t json = {0};
   nc_json_error_t e;
   char *dumped = json_dumps(value, JSON_ENCODE_ANY);
   if (dumped == NULL || !nc_json_normalize(&json, dumped, strlen(dumped), -1, &e)) {
      free(dumped);
      nc_json_free(&json);
      return fail(error, "a value of a mapping cannot be written");
   }
   free(dumped);
   r->json = malloc(json.length);
   if (r->json == NULL) {
      nc_json_free(&json);
      return fail(error, "out of memory");
   }
   memcpy(r->json, json.data, json.length);
   r->json_length = json.length;
   nc_json_free(&json);
   r->kind = json_is_string(value) ? VALUE_STRING : json_is_number(value) ? VALUE_NUMBER : VALUE_OTHER;
   r->text = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
   r->text_length = json_is_string(value) ? json_string_length(value) : 0;
   return r->kind != VALUE_STRING || r->text != NULL || fail(error, "out of memory");
}

static bool compile(struct rule *rule, size_t i, const char *pattern, char *error)
{
   int code;
   PCRE2_SIZE offset;
   rule->expressions[i] =
       pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
                     PCRE2_ANCHORED | PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code, &offset, NULL);
   if (rule->expressions[i] == NULL) {
      PCRE2_UCHAR text[200];
      pcre2_get_error_message(code, text, sizeof(text));
      return fail(error, "regular expression \"%.100s\", byte %zu: %s", pattern, (size_t) offset,
                  (char *) text);
   }
   pcre2_jit_compile(rule->expressions[i], PCRE2_JIT_COMPLETE);
   return true;
}

static bool read_rule(struct rule *rule, const json_t *entry, const char *list, bool regex, char *error)
{
   rule->source = json_string_value(json_object_get(entry, "src"));
   rule->target = json_string_value(json_object_get(entry, "dest"));
   rule->mapping = json_object_get(entry, "mapping");
   if (rule->source == NULL || rule->target == NULL || !json_is_object(rule->mapping)) {
      return fail(error,
                  "\"%s\": expected objects with the strings \"src\" and \"dest\" and the object \"mapping\"",
                  list);
   }
   size_t n = json_object_size(rule->mapping);
   rule->results = calloc(n + 1, sizeof(*rule->results));
   rule->expressions = regex ? calloc(n + 1, sizeof(pcre2_code *)) : NULL;
   if (rule->results == NULL || (regex && rule->expressions == NULL)) {
      return fail(error, "out of memory");
   }
   const char *key;
   json_t *value;
   json_object_foreach((json_t *) (uintptr_t) rule->mapping, key, value)
   {
      size_t i = rule->n++;
      if (!make_result(&rule->results[i], value, error) || (regex && !compile(rule, i, key, error))) {
         return false;
      }
   }
   return true;
}

static bool read_rules(struct maps *maps, const char *list, bool regex, char *error)
{
   const json_t *array = json_object_get(maps->config, list);
   if (array != NULL && !json_is_array(array)) {
      return fail(error, "\"%s\": expected an array", list);
   }
   for (size_t i = 0; i < json_array_size(array); i++) {
      if (!read_rule(&maps->rules[maps->n_rules++], json_array_get(array, i), list, regex, error)) {
         return false;
      }
   }
   return true;
}

static bool read_times(struct maps *maps, char *error)
{
   const json_t *array = json_object_get(maps->config, "timify");
   if (array != NULL && !json_is_array(array)) {
      return fail(error, "\"timify\": expected an array");
   }
   for (size_t i = 0; i < json_array_size(array); i++) {
      maps->times[i] = json_string_value(json_array_get(array, i));
      if (maps->times[i] == NULL) {
         return fail(error, "\"timify\": expected an array of names");
      }
      maps->n_times++;
   }
   return true;
}

static bool read_config(struct maps *maps, char *error)
{
   const json_t *c = maps->config;
   size_t rules = json_array_size(json_object_get(c, "match")) + json_array_size(json_object_get(c, "regex"));
   size_t times = json_array_size(json_object_get(c, "timify"));
   maps->rules = calloc(rules + 1, sizeof(*maps->rules));
   maps->times = calloc(times + 1, sizeof(*maps->times));
   maps->time_texts = calloc(times + 1, sizeof(*maps->time_texts));
   maps->match = pcre2_match_data_create(1, NULL);
   maps->limits = pcre2_match_context_create(NULL);
   if (maps->rules == NULL || maps->times == NULL || maps->time_texts == NULL || maps->match == NULL ||
       maps->limits == NULL) {
      return fail(error, "out of memory");
   }
   pcre2_set_match_limit(maps->limits, MATCH_LIMIT);
   if (!json_is_object(c)) {
      return fail(error, "expected an object");
   }
   return read_rules(maps, "match", false, error) && read_rules(maps, "regex", true, error) &&
          read_times(maps, error);
}

struct maps *maps_read(const char *path, char *error)
{
   json_error_t e;
   struct maps *maps = calloc(1, sizeof(*maps));
   if (maps == NULL) {
      fail(error, "out of memory");
      return NULL;
   }
   maps->config = json_load_file(path, 0, &e);
   if (maps->config == NULL ? !fail(error, "line %d, column %d: %s", e.line, e.column, e.text)
                            : !read_config(maps, error)) {
      maps_free(maps);
      return NULL;
   }
   return maps;
}

void maps_free(struct maps *maps)
{
   if (maps == NULL) {
      return;
   }
   for (size_t i = 0; i < maps->n_rules; i++) {
      struct rule *r = &maps->rules[i];
      for (size_t k = 0; k < r->n; k++) {
         free(r->results[k].json);
         free(r->results[k].text);
         if (r->expressions != NULL) {
            pcre2_code_free(r->expressions[k]);
         }
      }
      free(r->results);
      free(r->expressions);
   }
   free(maps->rules);
   free(maps->times);
   free(maps->time_texts);
   pcre2_match_data_free(maps->match);
   pcre2_match_context_free(maps->limits);
   nc_json_free(&maps->buffer);
   json_decref(maps->config);
   free(maps);
}

size_t maps_members(const struct maps *maps)
{
   return maps->n_rules;
}

static struct member *find(struct member *members, size_t n, const char *name)
{
   for (size_t i = 0; i < n; i++) {
      if (strcmp(members[i].name, name) == 0) {
         return &members[i];
      }
   }
   return NULL;
}

/* \return the result for a value; NULL: none */
static const struct result *look_up(const struct maps *maps, const struct rule *rule,
                                    const struct member *source)
{
   const struct result *found = NULL;
   size_t i = 0;
   const char *key;
   json_t *value;
   json_object_foreach((json_t *) (uintptr_t) rule->mapping, key, value)
   {
      bool match =
          rule->expressions == NULL
              ? strlen(key) == source->text_length && memcmp(key, source->text, source->text_length) == 0
              : pcre2_match(rule->expressions[i], (PCRE2_SPTR) source->text, source->text_length, 0, 0,
                            maps->match, maps->limits) >= 0;
      found = match ? &rule->results[i] : found; /* the last one that matches */
      i++;
   }
   return found;
}

static void set_member(struct member *members, size_t *n, const char *name, const struct result *r)
{
   static char null[] = "null";
   static const struct result none = {.kind = VALUE_OTHER, .json = null, .json_length = 4};
   struct member *m = find(members, *n, name);
   m = m != NULL ? m : &members[(*n)++];
   r = r != NULL ? r : &none;
   bool string = r->kind == VALUE_STRING;
   *m = (struct member){name,
                        r->kind,
                        r->json,
                        r->json_length,
                        string       ? r->text
                        : r == &none ? "None"
                                     : r->json,
                        string ? r->text_length : r->json_length};
}

static bool write_time(struct maps *maps, size_t i, struct member *m)
{
   char number[64];
   if (m->kind != VALUE_NUMBER || m->json_length >= sizeof(number)) {
      return false;
   }
   memcpy(number, m->json, m->json_length);
   number[m->json_length] = 0;
   double seconds = strtod(number, NULL);
   if (!(seconds >= 0 && seconds < 253402300800.0)) { /* to the year 9999 */
      return false;
   }
   nc_json_clear(&maps->buffer);
   value_write_time(&maps->buffer, (uint64_t) seconds);
   memcpy(maps->time_texts[i], maps->buffer.data, maps->buffer.length);
   *m = (struct member){m->name,
                        VALUE_STRING,
                        maps->time_texts[i],
                        maps->buffer.length,
                        maps->time_texts[i] + 1,
                        maps->buffer.length - 2};
   return true;
}

const char *maps_apply(struct maps *maps, struct member *members, size_t *n)
{
   for (size_t i = 0; i < maps->n_rules; i++) {
      const struct rule *rule = &maps->rules[i];
      const struct member *source = find(members, *n, rule->source);
      if (source == NULL) {
         return rule->source;
      }
      const struct result *r = look_up(maps, rule, source);
      if (r != NULL || rule->expressions == NULL) {
         set_member(members, n, rule->target, r);
      }
   }
   for (size_t i = 0; i < maps->n_times; i++) {
      struct member *m = find(members, *n, maps->times[i]);
      if (m == NULL || !write_time(maps, i, m)) {
         return maps->times[i];
      }
   }
   return NULL;
}
