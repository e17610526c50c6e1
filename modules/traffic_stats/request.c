/* SPDX-License-Identifier: BSD-3-Clause */
#include "request.h"
#include "store.h"

#include <string.h>

static const char *const queries[] = {"traffic", "top", "host", NULL};
static const char *const measures[] = {"bytes", "packets", "flows", NULL};
static const char *const directions[] = {"in", "out", "both", NULL};

/* \return its place in the list; -1 */
static int word_index(const char *const words[], const char *word)
{
   for (int i = 0; word != NULL && words[i] != NULL; i++) {
      if (strcmp(words[i], word) == 0) {
         return i;
      }
   }
   return -1;
}

/* A time in seconds; a fraction is left off, or fills up the second. */
static bool take_time(const char *key, const json_t *value, bool up, int64_t *to, bool *has,
                      char why[REQUEST_ERROR])
{
   int64_t us = 0;
   if (!request_time(key, value, &us, why)) {
      return false;
   }
   *to = us / 1000000 - (us % 1000000 < 0) + (up && us % 1000000 != 0);
   *has = true;
   return true;
}

static bool take_step(const json_t *value, struct traffic_request *r, char why[REQUEST_ERROR])
{
   return request_number("step", value, MINUTE, 31536000, &r->step, why) &&
          (r->step % MINUTE == 0 ||
           request_refuse(why, "\"step\": %lld: expected a multiple of 60", (long long) r->step));
}

static bool take_word(const char *key, const json_t *value, struct traffic_request *r,
                      char why[REQUEST_ERROR])
{
   const char *text = json_string_value(value);
   if (text == NULL) {
      return request_refuse(why, "\"%s\": expected a text", key);
   }
   if (strcmp(key, "address") == 0) {
      return ip_from_str(text, &r->address) != 0 ||
             request_refuse(why, "\"address\": \"%.64s\" is no address", text);
   }
   bool by = strcmp(key, "by") == 0;
   int index = word_index(by ? measures : directions, text);
   if (index < 0) {
      return request_refuse(why, "\"%s\": \"%.64s\": expected %s", key, text,
                            by ? "bytes, packets or flows" : "in, out or both");
   }
   if (by) {
      r->by = (enum measure) index;
   } else {
      r->direction = (enum direction) index;
   }
   return true;
}

/* The keys that each query has besides since and until. */
static bool belongs(const char *key, enum query query)
{
   static const char *const of_traffic[] = {"step", NULL},
                            *const of_top[] = {"by", "direction", "limit", NULL},
                            *const of_host[] = {"address", "step", NULL};
   return word_index(query == QUERY_TRAFFIC ? of_traffic : query == QUERY_TOP ? of_top : of_host, key) >= 0;
}

static bool take(const char *key, const json_t *value, struct traffic_request *r, char why[REQUEST_ERROR])
{
   if (strcmp(key, "query") == 0) {
      return true;
   }
   if (strcmp(key, "since") == 0) {
      return take_time(key, value, false, &r->since, &r->has_since, why);
   }
   if (strcmp(key, "until") == 0) {
      return take_time(key, value, true, &r->until, &r->has_until, why);
   }
   if (!belongs(key, r->query)) {
      return request_refuse(why, "\"%s\" has no key \"%.64s\"", queries[r->query], key);
   }
   if (strcmp(key, "limit") == 0) {
      return request_number(key, value, 1, TOP_MAX, &r->limit, why);
   }
   return strcmp(key, "step") == 0 ? take_step(value, r, why) : take_word(key, value, r, why);
}

bool traffic_request_parse(const char *line, size_t size, struct traffic_request *r, char why[REQUEST_ERROR])
{
   json_error_t error;
   const char *key;
   json_t *value, *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
   *r = (struct traffic_request){.direction = DIRECTION_BOTH, .limit = TOP_DEFAULT};
   if (!json_is_object(root)) {
      bool other = root != NULL;
      json_decref(root);
      return request_refuse(why, "expected a JSON object: %.100s",
                            other ? "this is another value" : error.text);
   }
   int index = word_index(queries, json_string_value(json_object_get(root, "query")));
   r->query = index >= 0 ? (enum query) index : QUERY_TRAFFIC;
   bool good = index >= 0 || request_refuse(why, "\"query\": expected traffic, top or host");
   json_object_foreach(root, key, value)
   {
      good = good && take(key, value, r, why);
   }
   if (good && r->query == QUERY_HOST && json_object_get(root, "address") == NULL) {
      good = request_refuse(why, "\"host\" needs an \"address\"");
   }
   if (good && r->has_since && r->has_until && r->since > r->until) {
      good = request_refuse(why, "\"since\" is after \"until\"");
   }
   json_decref(root);
   return good;
}
