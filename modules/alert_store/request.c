/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"
#include "database.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_PREFIX 6 /* digits of an id that are enough to look for it */

static const char *const operations[] = {"list", "show", "mark", "follow", "stats", "count", NULL};
static const char *const counted[] = {"kind", "detector", "confidence", "state", NULL};
static const char *const sorts[] = {"arrival", "begin",      "kind",  "source", "target",
                                    "flows",   "confidence", "state", NULL};

static int word_index(const char *const words[], const char *word)
{
   for (int i = 0; words[i] != NULL; i++) {
      if (strcmp(words[i], word) == 0) {
         return i;
      }
   }
   return -1;
}

/* event_confidence_names and event_state_names have no end mark. */
static int name_index(const char *const names[], int n, const char *word)
{
   int i = 0;
   while (i < n && strcmp(names[i], word) != 0) {
      i++;
   }
   return i < n ? i : -1;
}

static bool take_id(const char *text, struct request *r, char why[REQUEST_ERROR])
{
   size_t n = strspn(text, "0123456789abcdef");
   if (text[n] != 0 || n < MIN_PREFIX || n > 32) {
      return request_refuse(
          why, "\"id\": \"%.64s\": expected the first %d to 32 digits of an id, 0 to 9 and a to f", text,
          MIN_PREFIX);
   }
   char from[EVENT_ID_SIZE], to[EVENT_ID_SIZE];
   memset(from, '0', 32);
   memset(to, 'f', 32);
   memcpy(from, text, n);
   memcpy(to, text, n);
   from[32] = to[32] = 0;
   id_to_bytes(from, r->id_from);
   id_to_bytes(to, r->id_to);
   r->has_id = true;
   return true;
}

static bool take_text(const char *key, const char *text, char *to, size_t size, char why[REQUEST_ERROR])
{
   if (strlen(text) >= size) {
      return request_refuse(why, "\"%s\": longer than %zu bytes", key, size - 1);
   }
   strcpy(to, text);
   return true;
}

static bool take_word(const char *key, const char *text, struct request *r, char why[REQUEST_ERROR])
{
   if (strcmp(key, "host") == 0) {
      return request_hosts(key, text, &r->hosts, why);
   }
   if (strcmp(key, "id") == 0) {
      return take_id(text, r, why);
   }
   if (strcmp(key, "note") == 0) {
      return take_text(key, text, r->note, sizeof(r->note), why);
   }
   if (strcmp(key, "detector") == 0) {
      return take_text(key, text, r->detector, sizeof(r->detector), why);
   }
   if (strcmp(key, "kind") == 0) {
      return word_index(event_kinds, text) >= 0
                 ? take_text(key, text, r->kind, sizeof(r->kind), why)
                 : request_refuse(
                       why, "\"kind\": \"%.64s\" is no kind of events (docs/event.schema.json lists them)",
                       text);
   }
   if (strcmp(key, "by") == 0) {
      int by = word_index(counted, text);
      r->by = by >= 0 ? (enum count_by) by : BY_KIND;
      return by >= 0 ||
             request_refuse(why, "\"by\": \"%.64s\": expected kind, detector, confidence or state", text);
   }
   if (strcmp(key, "sort") == 0) {
      int sort = word_index(sorts, text);
      r->sort = sort >= 0 ? (enum sort_by) sort : SORT_ARRIVAL;
      return sort >= 0 ||
             request_refuse(why,
                            "\"sort\": \"%.64s\": expected arrival, begin, kind, source, target, "
                            "flows, confidence or state",
                            text);
   }
   if (strcmp(key, "order") == 0) {
      r->ascending = strcmp(text, "ascending") == 0;
      return r->ascending || strcmp(text, "descending") == 0 ||
             request_refuse(why, "\"order\": \"%.64s\": expected ascending or descending", text);
   }
   if (strcmp(key, "confidence") == 0) {
      r->confidence = name_index(event_confidence_names, 3, text);
      return r->confidence >= 0 ||
             request_refuse(why, "\"confidence\": \"%.64s\": expected low, medium or high", text);
   }
   int state = name_index(event_state_names, 4, text);
   if (state < 0) {
      return request_refuse(why, "\"%s\": \"%.64s\": expected new, seen, false or closed", key, text);
   }
   r->state = state;
   return true;
}

static bool take(const char *key, const json_t *value, struct request *r, char why[REQUEST_ERROR])
{
   static const char *const words[] = {"host",  "id", "note", "detector", "kind", "confidence",
                                       "state", "by", "sort", "order",    NULL};
   int64_t limit = LIMIT_DEFAULT;
   if (strcmp(key, "op") == 0) {
      return true;
   }
   if (strcmp(key, "since") == 0) {
      return request_time(key, value, &r->since, why);
   }
   if (strcmp(key, "until") == 0) {
      return request_time(key, value, &r->until, why);
   }
   if (strcmp(key, "before") == 0) {
      return request_number(key, value, 1, INT64_MAX, &r->before, why);
   }
   if (strcmp(key, "step") == 0) {
      bool good = request_number(key, value, 1, STEP_MAX, &r->step, why);
      r->step *= 1000000;
      return good;
   }
   if (strcmp(key, "limit") == 0) {
      bool good = request_number(key, value, 1, LIMIT_MAX, &limit, why);
      r->limit = (unsigned) limit;
      return good;
   }
   if (word_index(words, key) < 0) {
      return request_refuse(why, "unknown key \"%.64s\"", key);
   }
   return json_is_string(value) ? take_word(key, json_string_value(value), r, why)
                                : request_refuse(why, "\"%s\": expected a text", key);
}

static bool complete(struct request *r, char why[REQUEST_ERROR])
{
   if ((r->op == OP_SHOW || r->op == OP_MARK) && !r->has_id) {
      return request_refuse(why, "\"%s\" needs an \"id\"", operations[r->op]);
   }
   if (r->op == OP_COUNT && r->step == 0) {
      return request_refuse(why, "\"count\" needs a \"step\" in seconds");
   }
   if (r->ascending && r->sort == SORT_ARRIVAL) {
      return request_refuse(why, "\"order\": \"ascending\" needs a \"sort\" other than arrival");
   }
   if (r->op == OP_MARK) {
      if (r->state < 0) {
         return request_refuse(why, "\"mark\" needs a \"state\"");
      }
      r->mark = (enum event_state) r->state;
      r->state = -1;
   }
   return true;
}

bool request_parse(const char *line, size_t size, struct request *r, char why[REQUEST_ERROR])
{
   json_error_t error;
   const char *key;
   json_t *value, *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
   *r = (struct request){
       .since = INT64_MIN, .until = INT64_MAX, .state = -1, .before = INT64_MAX, .limit = LIMIT_DEFAULT};
   if (!json_is_object(root)) {
      bool other = root != NULL;
      json_decref(root);
      return request_refuse(why, "expected a JSON object: %.100s",
                            other ? "this is another value" : error.text);
   }
   const char *op = json_string_value(json_object_get(root, "op"));
   int index = op != NULL ? word_index(operations, op) : -1;
   r->op = index >= 0 ? (enum operation) index : OP_LIST;
   bool good = index >= 0 || request_refuse(why, "\"op\": expected list, show, mark, follow, stats or count");
   json_object_foreach(root, key, value)
   {
      good = good && take(key, value, r, why);
   }
   json_decref(root);
   return good && complete(r, why);
}
