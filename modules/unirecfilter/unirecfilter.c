/* SPDX-License-Identifier: BSD-3-Clause */
/** unirecfilter: sends the records that match an expression, with chosen fields, to one or more outputs. */
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

NM_FIELDS()

#define RED   "\033[31m"
#define PLAIN "\033[0m"
#define BATCH 256 /* records that are matched, then sent */

struct unirecfilter {
   const char *tmplt, *expression, *path;
   bool strict;
   uint64_t cut, received;
   struct rules *rules;
   bool wrong; /* a comparison is false for every record */
   uint64_t matched;
};

static int set_cut(nm_module_t *m, const char *text)
{
   struct unirecfilter *self = nm_self(m);
   char *end = NULL;
   errno = 0;
   self->cut = strtoull(text, &end, 10);
   if (end == text || *end != 0 || *text == '-' || errno != 0 || self->cut == 0) {
      return nm_fail(m, "Error: option -c, --cut: \"%s\" is not a number of records (at least 1)", text);
   }
   return NM_OK;
}

static const nm_option_t options[] = {
    NM_STRING('O', "unirec_out", struct unirecfilter, tmplt, NULL,
              "Fields to send, \"type NAME,type NAME=value,...\"; the value is sent where the input has no "
              "such field. "
              "Default: the fields of the input."),
    NM_STRING('F', "filter", struct unirecfilter, expression, NULL,
              "Send the records for which this expression is true. Default: all."),
    NM_STRING('f', "file", struct unirecfilter, path, NULL,
              "Read \"TEMPLATE:FILTER;\" for each output from this file, and again on SIGUSR1 or SIGHUP."),
    NM_CALL('c', "cut", "uint64", set_cut, "Stop after this many received records."),
    NM_FLAG(
        0, "strict", struct unirecfilter, strict,
        "End with status 1 when an expression is wrong or compares a field that the input does not have."),
    NM_END,
};

/* ------------------------------------------------------------------- rules */

static void on_style(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   (void) kind;
   nm_warn(arg, "filter, byte %zu: %s", offset, text);
}

static void on_wrong(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   struct unirecfilter *self = nm_self(arg);
   (void) offset;
   self->wrong = true;
   printf("%s: %s\n", kind == NM_FILTER_NO_NAME ? "Error" : "Warning", text);
}

static struct rules *load(nm_module_t *m, struct rule_error *error)
{
   struct unirecfilter *self = nm_self(m);
   struct rules *rules = self->path != NULL ? rules_read(self->path, on_style, m, error)
                                            : rules_make(self->tmplt, self->expression, on_style, m, error);
   if (rules != NULL && nm_verbosity(m) >= 0) {
      for (uint32_t i = 0; i < rules->count; i++) {
         printf("Rule %u: template \"%s\", filter \"%s\"\n", i,
                rules->rules[i].fields != NULL ? rules->rules[i].fields : "",
                rules->rules[i].expression != NULL ? rules->rules[i].expression : "");
      }
   }
   return rules;
}

static int syntax_error(nm_module_t *m, const char *text)
{
   struct unirecfilter *self = nm_self(m);
   const char *expression = self->path != NULL ? self->path : self->expression;
   fprintf(stderr, "Parsing error: syntax error\n");
   printf("[%s] Filter: " RED "SYNTAX ERROR" PLAIN "\n\n[URFilter] Syntax error in filter: %s.\n",
          nm_output_spec(m, 0), expression);
   if (self->strict) {
      return nm_fail(m, "%s", text);
   }
   fprintf(stderr, "unirecfilter: %s\n", text);
   return NM_STOP; /* with status 0, as scripts expect */
}

static int load_error(nm_module_t *m, const struct rule_error *error)
{
   switch (error->kind) {
   case RULE_FILTER: return syntax_error(m, error->text);
   case RULE_TEMPLATE: return nm_fail_status(m, 254, "Error: %s", error->text);
   case RULE_FILE: return nm_fail_status(m, 7, "Error: %s", error->text);
   default: return nm_fail(m, "%s", error->text);
   }
}

static bool enough_rules(const nm_module_t *m, const struct rules *rules, struct rule_error *error)
{
   if (rules->count < nm_outputs(m)) {
      snprintf(error->text, sizeof(error->text),
               "Error: number of output filters specified in file (%u) is lower than expected (%u).",
               rules->count, nm_outputs(m));
      return false;
   }
   return true;
}

/* Gives the outputs their formats. */
static int set_formats(nm_module_t *m)
{
   struct unirecfilter *self = nm_self(m);
   int rc = NM_OK;
   for (uint32_t i = 0; rc == NM_OK && i < nm_outputs(m); i++) {
      struct rule *r = &self->rules->rules[i];
      const struct default_value *bad;
      rc = r->fields != NULL ? nm_set_output(m, i, r->fields) : nm_follow(m, i, 0, NULL, NULL);
      if (rc != NM_OK || r->fields == NULL) {
         continue;
      }
      if (!rule_set_base(r, nm_out_n(m, i), &bad)) {
         return bad != NULL ? nm_fail_status(m, 254, "Error: \"%s\" is not a value of field %s", bad->value,
                                             bad->name)
                            : nm_fail(m, "out of memory");
      }
      for (size_t k = 0; k < r->n_defaults; k++) {
         printf("%s set default to %s\n", r->defaults[k].name, r->defaults[k].value);
      }
   }
   return rc;
}

/* Compiles the filters for the format of the input. */
static int bind_filters(nm_module_t *m)
{
   struct unirecfilter *self = nm_self(m);
   bool terminal = isatty(STDOUT_FILENO);
   for (uint32_t i = 0; i < nm_outputs(m); i++) {
      struct rule *r = &self->rules->rules[i];
      nm_matcher_free(r->matcher);
      r->matcher = nm_filter_bind(r->filter, nm_in_n(m, 0), nm_out_n(m, i), r->base, on_wrong, m);
      if (r->matcher == NULL) {
         return nm_fail(m, "out of memory for a filter");
      }
      if (r->expression != NULL) {
         char *text = nm_filter_text(r->filter, terminal ? r->matcher : NULL, RED, PLAIN);
         printf("[%s] Filter: %s\n", nm_output_spec(m, i), text != NULL ? text : "");
         free(text);
      }
   }
   fflush(stdout);
   return self->strict && self->wrong
              ? nm_fail(m, "a comparison is false for every record, see the warnings on standard output")
              : NM_OK;
}

/* -------------------------------------------------------------------- life */

static int init(nm_module_t *m)
{
   struct unirecfilter *self = nm_self(m);
   struct rule_error error = {.kind = RULE_MEMORY};
   printf("Output interfaces: %u\n", nm_outputs(m));
   if (self->path != NULL && self->expression != NULL) {
      return nm_fail_status(m, 6, "Error: Invalid arguments - two filters.");
   }
   if (self->path != NULL && self->tmplt != NULL) {
      fprintf(stderr, "Warning: option -O is ignored, the templates are those of file %s.\n", self->path);
   }
   if (self->path == NULL && nm_outputs(m) > 1) {
      return nm_fail(m, "Error: For more than one output interface use parameter -f FILE.");
   }
   self->rules = load(m, &error);
   if (self->rules == NULL) {
      return load_error(m, &error);
   }
   if (!enough_rules(m, self->rules, &error)) {
      return nm_fail_status(m, 8, "%s", error.text);
   }
   nm_counter(m, "matched", &self->matched);
   return set_formats(m);
}

static int format(nm_module_t *m, uint32_t input)
{
   (void) input;
   return bind_filters(m);
}

/* A broken file leaves the rules as they are. */
static int reload(nm_module_t *m)
{
   struct unirecfilter *self = nm_self(m);
   struct rule_error error = {.kind = RULE_MEMORY};
   if (self->path == NULL) {
      nm_warn(m, "there is no file of rules to read again (option -f)");
      return NM_OK;
   }
   printf("\nReloading filter...\n\nNew filter:\n");
   struct rules *rules = load(m, &error);
   if (rules == NULL || !enough_rules(m, rules, &error)) {
      fflush(stdout);
      nm_warn(m, "the rules stay as they are: %s", error.text);
      rules_free(rules);
      return NM_OK;
   }
   rules_free(self->rules);
   self->rules = rules;
   int rc = set_formats(m);
   return rc == NM_OK && nm_in_n(m, 0) != NULL ? bind_filters(m) : rc;
}

static int user_signal(nm_module_t *m, int signal)
{
   (void) signal;
   return reload(m);
}

/* Sends the fields of an output of its own format. */
static int send_selected(nm_module_t *m, uint32_t output, const struct rule *r, const nm_record_t *rec)
{
   void *record = nm_record(m, output);
   memcpy(record, r->base, r->base_size);
   nm_copy(m, output, record, rec->data);
   return nm_send_n(m, output, record);
}

/* At most BATCH records: what matches goes out together. first: number of records before these */
static int filter_for(nm_module_t *m, uint32_t output, const nm_record_t *recs, uint32_t n, uint64_t first)
{
   struct unirecfilter *self = nm_self(m);
   const struct rule *r = &self->rules->rules[output];
   bool verbose = nm_verbosity(m) >= 1;
   nm_record_t matches[BATCH];
   uint32_t n_matches = 0;
   for (uint32_t k = 0; k < n; k++) {
      bool match = nm_matcher_match(r->matcher, recs[k].data);
      if (verbose) {
         printf("ADVANCED VERBOSE: Record %" PRIu64 " %s on interface %u\n", first + k + 1,
                match ? "accepted" : "declined", output);
      }
      matches[n_matches] = recs[k];
      n_matches += match;
   }
   self->matched += n_matches;
   if (r->base == NULL) {
      return nm_forward_batch(m, output, matches, n_matches);
   }
   int rc = NM_OK;
   for (uint32_t k = 0; rc == NM_OK && k < n_matches; k++) {
      rc = send_selected(m, output, r, &matches[k]);
   }
   return rc;
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct unirecfilter *self = nm_self(m);
   uint64_t left = self->cut != 0 ? self->cut - self->received : UINT64_MAX;
   bool last = n >= left;
   n = last ? (uint32_t) left : n;
   uint32_t most = nm_verbosity(m) >= 1 ? 1 : BATCH; /* the lines about a record stay together */
   for (uint32_t part, k = 0; k < n; k += part) {
      part = n - k < most ? n - k : most;
      for (uint32_t i = 0; i < nm_outputs(m); i++) {
         int rc = filter_for(m, i, recs + k, part, self->received);
         if (rc != NM_OK) {
            return rc;
         }
      }
      self->received += part;
   }
   return last ? NM_STOP : NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct unirecfilter *self = nm_self(m);
   rules_free(self->rules);
}

NM_MODULE(
    "unirecfilter",
    "Sends the records that match an expression, with all or selected fields. With several outputs, "
    "each has its own template and expression, from a file. The expressions are described in docs/filter.md.",
    .in = NM_INPUTS({"records", .fields = NULL}), .out = NM_OUTPUTS({"matches", .min = 1, .max = 32}),
    .options = options, .state_size = sizeof(struct unirecfilter), .no_eos_option = "no_eof",
    .flags = NM_CLAIM_USR1, .init = init, .format = format, .records = records, .reload = reload,
    .user_signal = user_signal, .cleanup = cleanup)
