/* SPDX-License-Identifier: BSD-3-Clause */
#include "api.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREFIX     "/api/v1/"
#define WORD_MAX   64
#define MODULE_MAX 128

enum kind { ARG_TIME, ARG_RFC3339, ARG_WORD, ARG_NUMBER, ARG_HOST, ARG_ADDRESS, ARG_ADDRESSES };

/* An argument that a path takes; it stands in the request by the same name. */
struct parameter {
   const char *key;
   enum kind kind;
   long max; /* of ARG_NUMBER */
};

/* What may stand behind the path's own name. */
enum tail { TAIL_NONE, TAIL_ID, TAIL_ADDRESS, TAIL_LOG, TAIL_TAP };

struct route {
   const char *path; /* behind PREFIX, or whole when it begins with '/' */
   enum tail tail;
   enum lane lane;
   enum answer_form form;
   const char *verb_key, *verb; /* of the request: "op": "list" */
   struct parameter parameters[API_ARGUMENTS];
   bool open;
};

#define EVENT_FILTER                                                                                         \
   {"since", ARG_TIME}, {"until", ARG_TIME}, {"host", ARG_HOST}, {"kind", ARG_WORD}, {"detector", ARG_WORD}, \
       {"confidence", ARG_WORD},                                                                             \
   {                                                                                                         \
      "state", ARG_WORD                                                                                      \
   }
#define PERIOD             \
   {"since", ARG_RFC3339}, \
   {                       \
      "until", ARG_RFC3339 \
   }

static const struct route routes[] = {
    {"alerts",
     TAIL_NONE,
     LANE_ALERTS,
     ANSWER_ROWS,
     "op",
     "list",
     {EVENT_FILTER,
      {"sort", ARG_WORD},
      {"order", ARG_WORD},
      {"limit", ARG_NUMBER, 1000},
      {"before", ARG_NUMBER, 0}}},
    {"alerts/count",
     TAIL_NONE,
     LANE_ALERTS,
     ANSWER_ROWS,
     "op",
     "count",
     {EVENT_FILTER, {"step", ARG_NUMBER, 31536000}, {"by", ARG_WORD}}},
    {"alerts/stats", TAIL_NONE, LANE_ALERTS, ANSWER_ROWS, "op", "stats", {{NULL}}},
    {"alerts/", TAIL_ID, LANE_ALERTS, ANSWER_ONE, "op", "show", {{NULL}}},
    {"traffic",
     TAIL_NONE,
     LANE_TRAFFIC,
     ANSWER_ROWS,
     "query",
     "traffic",
     {PERIOD, {"step", ARG_NUMBER, 31536000}}},
    {"traffic/top",
     TAIL_NONE,
     LANE_TRAFFIC,
     ANSWER_ROWS,
     "query",
     "top",
     {PERIOD, {"by", ARG_WORD}, {"direction", ARG_WORD}, {"limit", ARG_NUMBER, 1000}}},
    {"hosts/",
     TAIL_ADDRESS,
     LANE_TRAFFIC,
     ANSWER_ROWS,
     "query",
     "host",
     {PERIOD, {"step", ARG_NUMBER, 31536000}}},
    {"addresses", TAIL_NONE, LANE_LOCAL, ANSWER_ADDRESSES, "", "", {{"a", ARG_ADDRESSES}}},
    {"flows",
     TAIL_NONE,
     LANE_FLOWS,
     ANSWER_FLOWS,
     "",
     "",
     {{"host", ARG_HOST},
      {"with", ARG_HOST},
      {"port", ARG_NUMBER, 65535},
      {"since", ARG_TIME},
      {"until", ARG_TIME},
      {"limit", ARG_NUMBER, 1000}}},
    {"modules", TAIL_NONE, LANE_SUPERVISOR, ANSWER_MODULES, "command", "graph", {{NULL}}},
    {"modules/", TAIL_LOG, LANE_SUPERVISOR, ANSWER_RESULT, "command", "logs", {{"lines", ARG_NUMBER, 10000}}},
    {"modules/",
     TAIL_TAP,
     LANE_SUPERVISOR,
     ANSWER_RESULT,
     "command",
     "tap",
     {{"output", ARG_NUMBER, 255}, {"records", ARG_NUMBER, 100}, {"seconds", ARG_NUMBER, 5}}},
    {"events",
     TAIL_NONE,
     LANE_SUPERVISOR,
     ANSWER_RESULT,
     "command",
     "events",
     {{"limit", ARG_NUMBER, 1024}, {"after", ARG_NUMBER, 0}}},
    {"system", TAIL_NONE, LANE_SUPERVISOR, ANSWER_SYSTEM, "command", "info", {{NULL}}},
    {"live", TAIL_NONE, LANE_LOCAL, ANSWER_LIVE, "", "", {{NULL}}},
    {"/readyz", TAIL_NONE, LANE_SUPERVISOR, ANSWER_READY, "command", "status", {{NULL}}, true},
    {"/metrics", TAIL_NONE, LANE_SUPERVISOR, ANSWER_METRICS, "command", "metrics", {{NULL}}, true},
    {"/_stats", TAIL_NONE, LANE_SUPERVISOR, ANSWER_STATS, "command", "status", {{NULL}}, true},
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

static unsigned refuse(char why[API_WHY], unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static unsigned refuse(char why[API_WHY], unsigned status, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(why, API_WHY, format, ap);
   va_end(ap);
   return status;
}

/* ---------------------------------------------------------------------- values */

static bool is_address(const char *text, size_t length)
{
   unsigned char bytes[16];
   char address[INET6_ADDRSTRLEN];
   if (length >= sizeof(address)) {
      return false;
   }
   memcpy(address, text, length);
   address[length] = 0;
   return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

/* An address or a network. */
static bool is_host(const char *text)
{
   const char *slash = strchr(text, '/');
   size_t digits = slash != NULL ? strspn(slash + 1, "0123456789") : 1;
   return is_address(text, slash != NULL ? (size_t) (slash - text) : strlen(text)) && digits > 0 &&
          digits <= 3 && (slash == NULL || slash[1 + digits] == 0);
}

static bool is_word(const char *text)
{
   size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.");
   return length > 0 && length <= WORD_MAX && text[length] == 0;
}

static bool is_time(const char *text, double *seconds)
{
   char *end = NULL;
   size_t length = strspn(text, "0123456789.");
   *seconds = length > 0 && length < 32 && text[length] == 0 ? strtod(text, &end) : -1;
   return *seconds >= 0 && *seconds < 4294967296.0 && *end == 0;
}

static bool is_number(const char *text, long max, json_int_t *n)
{
   size_t length = strspn(text, "0123456789");
   *n = length > 0 && length < 19 && text[length] == 0 ? strtoll(text, NULL, 10) : -1;
   return *n >= 0 && (max == 0 || *n <= max);
}

static json_t *address_list(const char *text)
{
   json_t *list = json_array();
   for (bool more = true; more;) {
      size_t length = strcspn(text, ",");
      if (!is_address(text, length) || json_array_size(list) == API_ADDRESSES) {
         json_decref(list);
         return NULL;
      }
      json_array_append_new(list, json_stringn(text, length));
      more = text[length] == ',';
      text += length + more;
   }
   return list;
}

static json_t *time_text(double seconds)
{
   char text[32];
   time_t whole = (time_t) seconds;
   struct tm tm;
   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&whole, &tm));
   return json_string(text);
}

/* \return NULL: the value is not what the parameter takes */
static json_t *value_of(const struct parameter *p, const char *text)
{
   double seconds;
   json_int_t n;
   switch (p->kind) {
   case ARG_TIME: return is_time(text, &seconds) ? json_real(seconds) : NULL;
   case ARG_RFC3339: return is_time(text, &seconds) ? time_text(seconds) : NULL;
   case ARG_WORD: return is_word(text) ? json_string(text) : NULL;
   case ARG_NUMBER: return is_number(text, p->max, &n) ? json_integer(n) : NULL;
   case ARG_HOST: return is_host(text) ? json_string(text) : NULL;
   case ARG_ADDRESS: return is_address(text, strlen(text)) ? json_string(text) : NULL;
   default: return address_list(text);
   }
}

static const char *expected(enum kind kind)
{
   switch (kind) {
   case ARG_TIME:
   case ARG_RFC3339: return "seconds since 1970";
   case ARG_WORD: return "a word of letters, digits, '-', '_' and '.'";
   case ARG_NUMBER: return "a number in its range";
   case ARG_HOST: return "an address or a network (192.0.2.0/24)";
   case ARG_ADDRESS: return "an address";
   default: return "at most 200 addresses, separated by commas";
   }
}

static unsigned take_arguments(const struct route *r, const struct argument *arguments, unsigned n,
                               struct call *call, char why[API_WHY])
{
   for (unsigned i = 0; i < n; i++) {
      const struct parameter *p = r->parameters;
      while (p < r->parameters + API_ARGUMENTS && p->key != NULL && strcmp(p->key, arguments[i].key) != 0) {
         p++;
      }
      if (p == r->parameters + API_ARGUMENTS || p->key == NULL) {
         return refuse(why, 400, "unknown argument \"%.64s\"", arguments[i].key);
      }
      if (json_object_get(call->request, p->key) != NULL) {
         return refuse(why, 400, "argument \"%s\" is given twice", p->key);
      }
      json_t *value = arguments[i].value != NULL ? value_of(p, arguments[i].value) : NULL;
      if (value == NULL) {
         return refuse(why, 400, "argument \"%s\": expected %s", p->key, expected(p->kind));
      }
      json_object_set_new(call->request, p->key, value);
   }
   return 200;
}

/* ----------------------------------------------------------------------- paths */

/* "NAME/log": the name of a module, which the supervisor would take for a pattern if it could be one. */
static bool take_module(const char *tail, const char *end, json_t *request)
{
   size_t length = strlen(tail), behind = strlen(end);
   size_t name = length > behind ? length - behind : 0;
   if (name == 0 || name > MODULE_MAX || strcmp(tail + name, end) != 0 || strcspn(tail, "/*?[\\") != name ||
       strncmp(tail, "profile:", 8) == 0) {
      return false;
   }
   json_t *text = json_stringn(tail, name);
   return text != NULL && json_object_set_new(request, "names", json_pack("[o]", text)) == 0;
}

static bool take_tail(enum tail kind, const char *tail, json_t *request)
{
   size_t digits = strspn(tail, "0123456789abcdef");
   switch (kind) {
   case TAIL_ID:
      return digits >= 6 && digits <= 32 && tail[digits] == 0 &&
             json_object_set_new(request, "id", json_string(tail)) == 0;
   case TAIL_ADDRESS:
      return is_address(tail, strlen(tail)) &&
             json_object_set_new(request, "address", json_string(tail)) == 0;
   case TAIL_LOG: return take_module(tail, "/log", request);
   case TAIL_TAP: return take_module(tail, "/tap", request);
   default: return *tail == 0;
   }
}

/* Puts what the path says into the request. \return NULL: no such path */
static const struct route *find_route(const char *path, json_t *request)
{
   bool api = strncmp(path, PREFIX, strlen(PREFIX)) == 0;
   for (size_t i = 0; i < N_ROUTES; i++) {
      const struct route *r = &routes[i];
      const char *rest = r->path[0] == '/' ? path : api ? path + strlen(PREFIX) : NULL;
      size_t length = strlen(r->path);
      if (rest != NULL && strncmp(rest, r->path, length) == 0 && take_tail(r->tail, rest + length, request)) {
         return r;
      }
   }
   return NULL;
}

/* The body of a mark: {"state": WORD, "note": TEXT}. The store checks the state. */
static unsigned take_mark(const char *body, size_t size, json_t *request, char why[API_WHY])
{
   json_t *root = json_loadb(body, size, JSON_REJECT_DUPLICATES, NULL), *value;
   const char *key;
   unsigned status = json_is_string(json_object_get(root, "state")) ? 200 : 400;
   json_object_foreach(root, key, value)
   {
      if ((strcmp(key, "state") != 0 && strcmp(key, "note") != 0) || !json_is_string(value)) {
         status = 400;
      }
      json_object_set(request, key, value);
   }
   json_decref(root);
   json_object_set_new(request, "op", json_string("mark"));
   return status == 200
              ? 200
              : refuse(why, 400,
                       "expected {\"state\": \"new\", \"seen\", \"false\" or \"closed\", \"note\": TEXT}");
}

/* ----------------------------------------------------------------------- flows */

static void add_words(json_t *words, const char *option, json_t *value)
{
   char number[32];
   if (value == NULL) {
      return;
   }
   json_array_append_new(words, json_string(option));
   if (json_is_string(value)) {
      json_array_append(words, value);
      return;
   }
   snprintf(number, sizeof(number), "%lld",
            json_is_integer(value) ? (long long) json_integer_value(value)
                                   : (long long) json_real_value(value));
   json_array_append_new(words, json_string(number));
}

/* The command line of nemea flows behind "--archive DIR". */
static void flow_words(struct call *call)
{
   json_t *words = json_array(), *limit = json_object_get(call->request, "limit"),
          *until = json_object_get(call->request, "until");
   if (limit == NULL || json_integer_value(limit) == 0) {
      json_object_set_new(call->request, "limit", json_integer(100));
   }
   if (until != NULL) { /* whole seconds are given: flows of the last one are meant, too */
      json_object_set_new(call->request, "until", json_integer((json_int_t) ceil(json_real_value(until))));
   }
   add_words(words, "--host", json_object_get(call->request, "host"));
   add_words(words, "--host", json_object_get(call->request, "with"));
   add_words(words, "--port", json_object_get(call->request, "port"));
   add_words(words, "--since", json_object_get(call->request, "since"));
   add_words(words, "--until", json_object_get(call->request, "until"));
   add_words(words, "--limit", json_object_get(call->request, "limit"));
   json_decref(call->request);
   call->request = words;
}

static unsigned check_together(struct call *call, char why[API_WHY])
{
   if (call->form == ANSWER_FLOWS) {
      if (json_object_get(call->request, "host") == NULL) {
         return refuse(why, 400, "flows are looked up by \"host\"");
      }
      flow_words(call);
   }
   if (call->form == ANSWER_ADDRESSES && json_object_get(call->request, "a") == NULL) {
      return refuse(why, 400, "expected a=ADDRESS,ADDRESS,...");
   }
   return 200;
}

unsigned api_parse(const char *method, const char *path, const struct argument *arguments, unsigned n,
                   const char *body, size_t body_size, struct call *call, char why[API_WHY])
{
   bool post = strcmp(method, "POST") == 0;
   *call = (struct call){.request = json_object()};
   *why = 0;
   if (!post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
      return refuse(why, 405, "expected GET or POST");
   }
   if (post && strcmp(path, PREFIX "logout") == 0) {
      call->form = ANSWER_LOGOUT;
      call->lane = LANE_LOCAL;
      call->changes = true;
      return 200;
   }
   const struct route *r = call->request != NULL ? find_route(path, call->request) : NULL;
   if (r == NULL) {
      return refuse(why, 404, "there is nothing at this path (docs/page.md describes the API)");
   }
   call->lane = r->lane;
   call->form = r->form;
   call->open = r->open;
   if (r->verb_key[0] != 0) {
      json_object_set_new(call->request, r->verb_key, json_string(r->verb));
   }
   if (post) {
      call->changes = true;
      return r->tail != TAIL_ID ? refuse(why, 405, "this is read only")
             : n > 0            ? refuse(why, 400, "unknown argument \"%.64s\"", arguments[0].key)
                                : take_mark(body, body_size, call->request, why);
   }
   unsigned status = take_arguments(r, arguments, n, call, why);
   return status == 200 ? check_together(call, why) : status;
}
