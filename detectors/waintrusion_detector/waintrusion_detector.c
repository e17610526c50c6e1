/* SPDX-License-Identifier: BSD-3-Clause */
/** waintrusion_detector: attacks on web applications in HTTP requests. This file is the module: options, records, alerts. */
#include "clean.h"
#include "fields.h"

#include <nemea/module.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, time TIME_LAST,
          time EVENT_TIME, string WAI_RULE, string WAI_MALICIOUS_FIELD, string WAI_MALICIOUS_VALUE)

#define DATA_PATH NEMEA_DATADIR "/wai_detector"
#define HTTPS     443

enum source { SOURCE_IPFIXCOL, SOURCE_FLOW_METER, SOURCE_IPFIXPROBE };
static const char *const sources[] = {"ipfixcol", "flow_meter", "ipfixprobe", NULL};
static const char *const engines[] = {"auto", "hyperscan", "pcre2", NULL};

struct waintrusion {
   unsigned source, engine; /* enum source, enum engine */
   bool all, verbose;
   bool only[RULES], except[RULES], any_only, any_except; /* -r, -nr */
   bool *more;                                            /* only or except: where further words go */
   struct rules *rules;
   nm_field_t method, host, url, agent, referer, code;
   bool method_is_number;
   struct request request;
   uint64_t bits[TEXTS][RULES_WORDS]; /* signatures that can match a text */
   uint64_t any[RULES_WORDS];         /* any text */
   bool known[TEXTS];                 /* nothing matches this text */
   struct clean clean;
   uint64_t requests, alerts, given_up, cut;
};

/* ------------------------------------------------------------------------- options */

static int choose(nm_module_t *m, bool to[RULES], const char *name)
{
   for (unsigned i = 0; i < RULES; i++) {
      if (strcmp(rule_names[i], name) == 0) {
         to[i] = true;
         return NM_OK;
      }
   }
   char known[1024] = "";
   for (unsigned i = 0; i < RULES; i++) {
      size_t n = strlen(known);
      snprintf(known + n, sizeof(known) - n, "%s%s", i > 0 ? ", " : "", rule_names[i]);
   }
   return nm_fail(m, "rule \"%s\" is unknown, expected one of: %s", name, known);
}

static int use_rule(nm_module_t *m, const char *value)
{
   struct waintrusion *self = nm_self(m);
   self->any_only = true;
   self->more = self->only;
   return choose(m, self->only, value);
}

static int leave_out_rule(nm_module_t *m, const char *value)
{
   struct waintrusion *self = nm_self(m);
   self->any_except = true;
   self->more = self->except;
   return choose(m, self->except, value);
}

/* Further rules after -r or -nr. */
static int arguments(nm_module_t *m, int count, char **values)
{
   struct waintrusion *self = nm_self(m);
   for (int i = 0; i < count; i++) {
      if (self->more == NULL) {
         return nm_fail(m, "unexpected argument \"%s\"", values[i]);
      }
      if (choose(m, self->more, values[i]) != NM_OK) {
         return NM_ERROR;
      }
   }
   return NM_OK;
}

static int check(nm_module_t *m)
{
   const struct waintrusion *self = nm_self(m);
   return self->any_only && self->any_except ? nm_fail(m, "options --rule and --norule exclude each other")
                                             : NM_OK;
}

static bool is_directory_of_rules(const char *path)
{
   char name[4096];
   snprintf(name, sizeof(name), "%s/rules", path);
   bool has = access(name, R_OK | X_OK) == 0;
   snprintf(name, sizeof(name), "%s/data", path);
   return has && access(name, R_OK | X_OK) == 0;
}

static void *load(nm_module_t *m, const char *path)
{
   const struct waintrusion *self = nm_self(m);
   char error[RULES_ERROR];
   bool chosen[RULES];
   if (strcmp(path, DATA_PATH) == 0) { /* the default */
      path = is_directory_of_rules(".") ? "." : is_directory_of_rules(path) ? path : NULL;
   } else if (!is_directory_of_rules(path)) {
      nm_fail(m, "option --data: \"%s\" has no directories rules and data", path);
      return NULL;
   }
   for (unsigned i = 0; i < RULES; i++) {
      chosen[i] = self->any_only ? self->only[i] : !self->except[i];
   }
   struct rules *rules = rules_load(path, chosen, (enum engine) self->engine, error);
   if (rules == NULL) {
      nm_fail(m, "%s", error);
      return NULL;
   }
   if (self->verbose) {
      fprintf(stderr, "%u signatures of %s\n", rules_count(rules), path != NULL ? path : "the program");
   }
   return rules;
}

static void release(void *rules)
{
   rules_free(rules);
}

static const nm_option_t options[] = {
    NM_CALL('r', "rule", "string", use_rule, "Use only this rule, and those in the words after it."),
    NM_CALL(0, "norule", "string", leave_out_rule,
            "Do not use this rule, nor those in the words after it (also -nr)."),
    NM_CHOICE(0, "ursrc", struct waintrusion, source, SOURCE_IPFIXCOL, sources,
              "Names of the fields of requests (also -ursrc): those of ipfixcol (HTTP_REQUEST_METHOD_ID, "
              "HTTP_REQUEST_HOST, HTTP_REQUEST_URL, HTTP_REQUEST_AGENT, HTTP_REQUEST_REFERER, "
              "HTTP_RESPONSE_STATUS_CODE), of the flow_meter of NEMEA 2 (HTTP_METHOD, HTTP_HOST, HTTP_URL, "
              "HTTP_USER_AGENT, HTTP_REFERER, HTTP_RESPONSE_CODE), or of flow_meter and ipfixprobe (as "
              "ipfixcol, but "
              "HTTP_REQUEST_METHOD; the status code may be left out)."),
    NM_FLAG(0, "verbose", struct waintrusion, verbose, "Say how many signatures are loaded."),
    NM_FLAG(0, "all", struct waintrusion, all,
            "Report each rule that a request matches, not only the first one."),
    NM_CHOICE(0, "engine", struct waintrusion, engine, ENGINE_AUTO, engines,
              "Engine of the search; auto is Hyperscan where the program was built with it. The alerts are "
              "the same."),
    NM_FILE_OR('d', "data", struct waintrusion, rules, DATA_PATH, load, release,
               "Directory with rules/ and data/. Without it that is the working directory if it has both, "
               "then this one, "
               "then the rules in the program."),
    NM_END,
};
static const char *const spellings[] = {"-nr", "--norule", "-ursrc", "--ursrc", NULL};

/* --------------------------------------------------------------------------- fields */

static int init(nm_module_t *m)
{
   static const struct {
      const char *method, *host, *url, *agent, *referer, *code;
   } names[] = {
       [SOURCE_IPFIXCOL] = {"HTTP_REQUEST_METHOD_ID", "HTTP_REQUEST_HOST", "HTTP_REQUEST_URL",
                            "HTTP_REQUEST_AGENT", "HTTP_REQUEST_REFERER", "HTTP_RESPONSE_STATUS_CODE"},
       [SOURCE_FLOW_METER] = {"HTTP_METHOD", "HTTP_HOST", "HTTP_URL", "HTTP_USER_AGENT", "HTTP_REFERER",
                              "HTTP_RESPONSE_CODE"},
       [SOURCE_IPFIXPROBE] = {"HTTP_REQUEST_METHOD", "HTTP_REQUEST_HOST", "HTTP_REQUEST_URL",
                              "HTTP_REQUEST_AGENT", "HTTP_REQUEST_REFERER", "HTTP_RESPONSE_STATUS_CODE"}};
   struct waintrusion *self = nm_self(m);
   nm_counter(m, "requests", &self->requests);
   nm_counter(m, "alerts", &self->alerts);
   nm_counter(m, "searches given up", &self->given_up);
   nm_counter(m, "requests cut off", &self->cut);
   unsigned s = self->source;
   bool good = nm_field_bind(m, &self->method, 0, names[s].method, true) == NM_OK &&
               nm_field_bind(m, &self->host, 0, names[s].host, true) == NM_OK &&
               nm_field_bind(m, &self->url, 0, names[s].url, true) == NM_OK &&
               nm_field_bind(m, &self->agent, 0, names[s].agent, true) == NM_OK &&
               nm_field_bind(m, &self->referer, 0, names[s].referer, true) == NM_OK &&
               nm_field_bind(m, &self->code, 0, names[s].code, s != SOURCE_IPFIXPROBE) == NM_OK;
   return good ? NM_OK : NM_ERROR;
}

static int format(nm_module_t *m, uint32_t input)
{
   struct waintrusion *self = nm_self(m);
   const nm_field_t *texts[] = {&self->host, &self->url, &self->agent, &self->referer, &self->method};
   (void) input;
   self->method_is_number = self->source == SOURCE_IPFIXCOL;
   for (size_t i = 0; i < 4u + !self->method_is_number; i++) {
      if (texts[i]->type != UR_TYPE_STRING) {
         return nm_fail(
             m, "the fields of the request in the input are no strings (option --ursrc names their source)");
      }
   }
   return NM_OK;
}

static struct text text_of(const nm_field_t *field, const void *rec)
{
   struct text text;
   text.data = nm_field_data(field, rec, &text.n);
   return text;
}

/* Number of a method as ipfixcol sends it. \return NULL: no request */
static const char *method_of(uint64_t id)
{
   switch (id) {
   case 2: return "POST";
   case 4: return "HEAD";
   case 5: return "PUT";
   case 6: return "OPTIONS";
   case 7: return "DELETE";
   case 8: return "TRACE";
   case 9: return "CONNECT";
   case 11: return NULL;
   default: return "GET";
   }
}

/* The begin of a connection of HTTP/2 (RFC 9113) looks like a request. */
static bool is_preface(const struct request *r)
{
   return r->method.n == 3 && memcmp(r->method.data, "PRI", 3) == 0 && r->url.n == 1 && r->url.data[0] == '*';
}

/* \return false: the record is of no request */
static bool read_request(struct waintrusion *self, const void *rec)
{
   struct request *r = &self->request;
   r->url = text_of(&self->url, rec);
   r->host = text_of(&self->host, rec);
   r->agent = text_of(&self->agent, rec);
   r->referer = text_of(&self->referer, rec);
   if (self->method_is_number) {
      const char *method = method_of(nm_field_u64(&self->method, rec));
      r->method = (struct text){method, method != NULL ? (uint32_t) strlen(method) : 0};
   } else {
      r->method = text_of(&self->method, rec);
   }
   if (r->method.n == 0 || is_preface(r)) {
      return false;
   }
   /* Records of ipfixprobe hold a request and the response to it; those of others one of both. */
   return self->source == SOURCE_IPFIXPROBE || nm_field_u64(&self->code, rec) == 0;
}

/* -------------------------------------------------------------------------- records */

static int send_alert(nm_module_t *m, const void *rec, const struct signature *s, enum field field,
                      const struct text *value)
{
   struct waintrusion *self = nm_self(m);
   void *alert = nm_alert(m, rec);
   self->alerts++;
   nm_set(m, alert, F_EVENT_TIME, nm_get(m, rec, F_TIME_LAST));
   bool good = nm_set_string(m, 0, alert, F_WAI_RULE, rule_names[s->rule]) == NM_OK &&
               nm_set_string(m, 0, alert, F_WAI_MALICIOUS_FIELD, field_names[field]) == NM_OK &&
               nm_set_var(m, 0, alert, F_WAI_MALICIOUS_VALUE, value->data, value->n) == NM_OK;
   return good ? nm_send(m, alert) : NM_ERROR;
}

/* The first text of a request that a signature matches. \return false: none */
static bool find(struct waintrusion *self, uint32_t i, enum field *field, const struct text **text)
{
   const struct request *r = &self->request;
   const struct signature *s = rules_get(self->rules, i);
   for (unsigned k = 0; k < s->n_fields; k++) {
      unsigned f = s->fields[k];
      for (unsigned t = r->first[f]; t < r->first[f + 1]; t++) {
         const struct text *candidate = &r->texts[t];
         bool possible = !self->known[t] && (self->bits[t][i / 64] >> i % 64 & 1) != 0;
         if (possible && (candidate->n == 0 ||
                          rules_match(self->rules, i, candidate->data, candidate->n, &self->given_up))) {
            *field = (enum field) f;
            *text = candidate;
            return true;
         }
      }
   }
   return false;
}

/* A capture may end before the headers: where no header is known, none is empty. */
static bool has_headers(const struct request *r)
{
   for (unsigned f = FIELD_HOST; f <= FIELD_REFERER; f++) {
      for (unsigned t = r->first[f]; t < r->first[f + 1]; t++) {
         if (r->texts[t].n > 0) {
            return true;
         }
      }
   }
   return false;
}

/* What is known of the texts of a request before they are searched. */
static void prepare(struct waintrusion *self)
{
   const struct request *r = &self->request;
   uint32_t words = (rules_count(self->rules) + 63) / 64;
   bool headers = has_headers(r);
   memset(self->any, 0, words * sizeof(self->any[0]));
   for (unsigned f = 0; f < FIELDS; f++) {
      for (unsigned t = r->first[f]; t < r->first[f + 1]; t++) {
         const struct text *text = &r->texts[t];
         self->known[t] = (f >= FIELD_HOST && !headers) || (clean_takes((enum field) f, text) &&
                                                            clean_has(&self->clean, (enum field) f, text));
         if (self->known[t]) {
            continue;
         }
         rules_candidates(self->rules, (enum field) f, text->data, text->n, self->bits[t]);
         for (uint32_t i = 0; i < words; i++) {
            self->any[i] |= self->bits[t][i];
         }
      }
   }
}

/* Nothing in this request matched. */
static void remember(struct waintrusion *self)
{
   const struct request *r = &self->request;
   for (unsigned f = 0; f < FIELDS; f++) {
      for (unsigned t = r->first[f]; t < r->first[f + 1]; t++) {
         if (!self->known[t] && clean_takes((enum field) f, &r->texts[t])) {
            clean_add(&self->clean, (enum field) f, &r->texts[t]);
         }
      }
   }
}

/* The next signature from *i on that can match at all. \return false: there is none */
static bool next_candidate(const struct waintrusion *self, uint32_t *i)
{
   uint32_t n = rules_count(self->rules);
   while (*i < n) {
      uint64_t rest = self->any[*i / 64] >> *i % 64;
      if (rest != 0) {
         *i += (uint32_t) __builtin_ctzll(rest);
         return true;
      }
      *i = (*i / 64 + 1) * 64;
   }
   return false;
}

static int judge(nm_module_t *m, const void *rec)
{
   struct waintrusion *self = nm_self(m);
   enum field field;
   const struct text *text;
   bool reported[RULES] = {false}, any = false;
   prepare(self);
   for (uint32_t i = 0; next_candidate(self, &i); i++) {
      const struct signature *s = rules_get(self->rules, i);
      if (reported[s->rule] || !find(self, i, &field, &text)) {
         continue;
      }
      if (send_alert(m, rec, s, field, text) != NM_OK) {
         return NM_ERROR;
      }
      reported[s->rule] = any = true;
      if (!self->all) {
         break;
      }
   }
   if (!any) {
      remember(self);
   }
   return NM_OK;
}

static int reload(nm_module_t *m)
{
   struct waintrusion *self = nm_self(m);
   memset(&self->clean, 0, sizeof(self->clean));
   return NM_OK;
}

static int record(nm_module_t *m, const void *rec)
{
   struct waintrusion *self = nm_self(m);
   /* Over UDP it is the discovery of devices (SSDP), which has methods of its own. */
   if (nm_get(m, rec, F_SRC_PORT) == HTTPS || nm_get(m, rec, F_DST_PORT) == HTTPS ||
       nm_get(m, rec, F_PROTOCOL) == IPPROTO_UDP || !read_request(self, rec)) {
      return NM_OK;
   }
   request_split(&self->request);
   self->requests++;
   self->cut += self->request.cut;
   return judge(m, rec);
}

NM_MODULE(
    "waintrusion_detector",
    "Detects attacks on web applications in HTTP requests, by the rules of the OWASP ModSecurity Core Rule "
    "Set.",
    .in = NM_INPUTS({.name = "requests",
                     .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                               "time TIME_LAST"}),
    .output = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 SRC_PORT,uint8 PROTOCOL,time EVENT_TIME,"
              "string WAI_RULE,string WAI_MALICIOUS_FIELD,string WAI_MALICIOUS_VALUE",
    .options = options, .spellings = spellings, .state_size = sizeof(struct waintrusion),
    .arguments = arguments, .check = check, .init = init, .format = format, .record = record,
    .reload = reload)
