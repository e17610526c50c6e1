/* SPDX-License-Identifier: BSD-3-Clause */
/** Options of a module: help, defaults, parsing. */
#include "internal.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LONG     256 /* getopt's value of the first option; letters stay below */
#define OPT_LATENESS   1   /* getopt's value of options of the library */
#define OPT_NO_EOS     2
#define OPT_TELEMETRY  3
#define OWN_OPTIONS    3 /* of the library, at most */
#define MAX_LATENESS   86400
#define NO_EOS_HELP    "Do not send end of stream to the outputs when this module ends."
#define LATENESS       "lateness"
#define TELEMETRY      "telemetry"
#define TELEMETRY_HELP "Directory for a file with counters, module/stats, updated every second."
#define LATENESS_HELP  "Wait this many seconds of stream time for records that come late."

static size_t count_options(const nm_module_def_t *def)
{
   size_t n = 0;
   while (def->options != NULL && def->options[n].type != NM_TYPE_END) {
      n++;
   }
   return n;
}

static bool takes_argument(const nm_option_t *o)
{
   return o->type != NM_TYPE_FLAG && (o->type != NM_TYPE_CALL || o->argument != NULL);
}

/* Tables without an option of their own are in the list too. */
static bool is_option(const nm_option_t *o)
{
   return o->name != NULL;
}

/* Does the module declare an option of this name itself? Then the library leaves its own out. */
static bool declares(const nm_module_def_t *def, const char *name)
{
   for (const nm_option_t *o = def->options; o != NULL && o->type != NM_TYPE_END; o++) {
      if (is_option(o) && strcmp(o->name, name) == 0) {
         return true;
      }
   }
   return false;
}

/* Has the module a clock that others than itself may want to set? */
static bool has_lateness(const nm_module_t *m)
{
   return m->in_defs->name != NULL && m->def->tick != NULL && !declares(m->def, LATENESS);
}

bool options_have_query(const nm_module_def_t *def)
{
   for (const nm_option_t *o = def->options; o != NULL && o->type != NM_TYPE_END; o++) {
      if (o->alone) {
         return true;
      }
   }
   return false;
}

bool options_are_query(const nm_module_t *m)
{
   for (const nm_option_t *o = m->def->options; o != NULL && o->type != NM_TYPE_END; o++) {
      if (o->alone && *((const bool *) m->state + o->offset)) {
         return true;
      }
   }
   return false;
}

/* The help sentence with what the library knows: default, range, choices. */
static void describe(const nm_option_t *o, char *to, size_t size)
{
   int n = snprintf(to, size, "%s", o->help);
   to += n;
   size -= (size_t) n;
   switch (o->type) {
   case NM_TYPE_FLAG: snprintf(to, size, "%s", o->alone ? " Needs no -i." : ""); break;
   case NM_TYPE_UINT:
      snprintf(to, size, " (%" PRIu64 " to %" PRIu64 ", default %" PRIu64 ")", o->min, o->max, o->def);
      break;
   case NM_TYPE_INT:
      snprintf(to, size, " (%" PRId64 " to %" PRId64 ", default %" PRId64 ")", (int64_t) o->min,
               (int64_t) o->max, (int64_t) o->def);
      break;
   case NM_TYPE_DOUBLE: snprintf(to, size, " (%g to %g, default %g)", o->fmin, o->fmax, o->fdef); break;
   case NM_TYPE_STRING:
      if (o->sdef != NULL) {
         snprintf(to, size, " (default %s)", o->sdef);
      }
      break;
   case NM_TYPE_CHOICE:
      for (unsigned i = 0; o->choices[i] != NULL && (size_t) n < size; i++) {
         n = snprintf(to, size, "%s%s%s", i == 0 ? " (" : ", ", o->choices[i],
                      i == o->def ? ", the default" : "");
         to += n;
         size -= (size_t) n;
      }
      snprintf(to, size, ")");
      break;
   case NM_TYPE_FILE:
      snprintf(to, size, " Read again on SIGHUP.%s%s%s", o->sdef != NULL ? " (default " : "",
               o->sdef != NULL ? o->sdef : "", o->sdef != NULL ? ")" : "");
      break;
   case NM_TYPE_TABLE:
      snprintf(
          to, size,
          "%sMaximum number of %s in memory; when it is reached, %s. (1 to %" PRIu64 ", default %" PRIu64 ")",
          n > 0 ? " " : "", o->table->name,
          o->table->full == NC_TABLE_EVICT ? "those used only once are evicted first" : "no more are added",
          o->max, o->def);
      break;
   default: break;
   }
}

/* Adds one option of the library's own. */
static void add_own(trap_module_info_t *info, uint16_t *n, char letter, const char *name, const char *help,
                    const char *argument)
{
   if (info != NULL) {
      trap_update_module_param(info, (*n)++, letter, name, help, argument != NULL, argument);
   }
}

static bool add_option(trap_module_info_t *info, uint16_t i, const nm_option_t *o)
{
   char text[2048];
   if (strlen(o->help) >= sizeof(text)) {
      abort(); /* a mistake in the module's source, seen at its first start */
   }
   describe(o, text, sizeof(text));
   return trap_update_module_param(info, i, o->short_opt, o->name, text, takes_argument(o), o->argument) == 0;
}

trap_module_info_t *options_info(const nm_module_t *m)
{
   const nm_module_def_t *def = m->def;
   size_t n_options = count_options(def);
   uint16_t n = 0;
   int in, out;
   interfaces_range(m, &in, &out);
   const char *format = getenv("LIBTRAP_OUTPUT_FORMAT");
   char *summary = format != NULL && strcmp(format, "json") == 0 ? strdup(def->summary) : interfaces_help(m);
   trap_module_info_t *info = summary != NULL
                                  ? trap_create_module_info(def->name, summary, (int8_t) in, (int8_t) out,
                                                            (uint16_t) (n_options + OWN_OPTIONS))
                                  : NULL;
   free(summary);
   for (size_t i = 0; info != NULL && i < n_options; i++) {
      if (is_option(&def->options[i]) && !add_option(info, n++, &def->options[i])) {
         options_info_free(info);
         return NULL;
      }
   }
   if (def->no_eos_option != NULL) {
      add_own(info, &n, 'n', def->no_eos_option, NO_EOS_HELP, NULL);
   }
   if (has_lateness(m)) {
      char help[256];
      bool several = in != 1 && !(def->flags & NM_MERGE);
      double seconds = def->lateness != 0 ? (double) def->lateness / (double) US : several ? 5 : 0;
      snprintf(help, sizeof(help), LATENESS_HELP " (0 to %d, default %g)", MAX_LATENESS, seconds);
      add_own(info, &n, 0, LATENESS, help, "double");
   }
   if (!declares(def, TELEMETRY)) {
      add_own(info, &n, 0, TELEMETRY, TELEMETRY_HELP, "string");
   }
   return info;
}

void options_info_free(trap_module_info_t *info)
{
   for (size_t i = 0; info != NULL && info->params != NULL && info->params[i] != NULL; i++) {
      free(info->params[i]->long_opt);
      free(info->params[i]->description);
      free(info->params[i]->argument_type);
      free(info->params[i]);
   }
   if (info != NULL) {
      free(info->params);
      free(info->name);
      free(info->description);
      free(info);
   }
}

static void store(nm_module_t *m, const nm_option_t *o, uint64_t value)
{
   char *at = (char *) m->state + o->offset;
   switch (o->size) {
   case 1: *(uint8_t *) at = (uint8_t) value; break;
   case 2: *(uint16_t *) (void *) at = (uint16_t) value; break;
   case 4: *(uint32_t *) (void *) at = (uint32_t) value; break;
   default: *(uint64_t *) (void *) at = value; break;
   }
}

static void store_default(nm_module_t *m, const nm_option_t *o)
{
   switch (o->type) {
   case NM_TYPE_TABLE: m->values[o - m->def->options].capacity = o->def; break;
   case NM_TYPE_UINT:
   case NM_TYPE_INT:
   case NM_TYPE_CHOICE: store(m, o, o->def); break;
   case NM_TYPE_DOUBLE: memcpy((char *) m->state + o->offset, &o->fdef, sizeof(o->fdef)); break;
   case NM_TYPE_STRING: memcpy((char *) m->state + o->offset, &o->sdef, sizeof(o->sdef)); break;
   case NM_TYPE_FILE: m->values[o - m->def->options].path = o->sdef; break;
   default: break;
   }
}

/* "-l, --limit" for messages. */
const char *option_name(const nm_option_t *o)
{
   static char name[128];
   if (o->short_opt != 0) {
      snprintf(name, sizeof(name), "-%c, --%s", o->short_opt, o->name);
   } else {
      snprintf(name, sizeof(name), "--%s", o->name);
   }
   return name;
}

NM_PUBLIC bool nm_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
   char *end = NULL;
   errno = 0;
   *value = strtoull(text, &end, 10);
   return *text >= '0' && *text <= '9' && *end == 0 && errno == 0 && *value >= min && *value <= max;
}

static int set_number(nm_module_t *m, const nm_option_t *o, const char *text)
{
   char *end = NULL;
   bool is_signed = o->type == NM_TYPE_INT;
   errno = 0;
   uint64_t v = is_signed ? (uint64_t) strtoll(text, &end, 10) : strtoull(text, &end, 10);
   bool good = end != text && *end == 0 && errno == 0;
   if (is_signed) {
      if (!good || (int64_t) v < (int64_t) o->min || (int64_t) v > (int64_t) o->max) {
         return nm_fail(m, "option %s: \"%s\" is not a number from %" PRId64 " to %" PRId64, option_name(o),
                        text, (int64_t) o->min, (int64_t) o->max);
      }
   } else if (!good || strchr(text, '-') != NULL || v < o->min || v > o->max) {
      return nm_fail(m, "option %s: \"%s\" is not a number from %" PRIu64 " to %" PRIu64, option_name(o),
                     text, o->min, o->max);
   }
   if (o->type == NM_TYPE_TABLE) {
      m->values[o - m->def->options].capacity = v;
   } else {
      store(m, o, v);
   }
   return NM_OK;
}

static int set_double(nm_module_t *m, const nm_option_t *o, const char *text)
{
   char *end = NULL;
   double v = strtod(text, &end);
   if (end == text || *end != 0 || !(v >= o->fmin && v <= o->fmax)) {
      return nm_fail(m, "option %s: \"%s\" is not a number from %g to %g", option_name(o), text, o->fmin,
                     o->fmax);
   }
   memcpy((char *) m->state + o->offset, &v, sizeof(v));
   return NM_OK;
}

static int set_choice(nm_module_t *m, const nm_option_t *o, const char *text)
{
   char words[512] = "";
   for (unsigned i = 0; o->choices[i] != NULL; i++) {
      if (strcmp(o->choices[i], text) == 0) {
         store(m, o, i);
         return NM_OK;
      }
      size_t n = strlen(words);
      snprintf(words + n, sizeof(words) - n, "%s%s", i > 0 ? ", " : "", o->choices[i]);
   }
   return nm_fail(m, "option %s: \"%s\" is not one of %s", option_name(o), text, words);
}

static int set_option(nm_module_t *m, const nm_option_t *o, const char *text)
{
   switch (o->type) {
   case NM_TYPE_FLAG: *((char *) m->state + o->offset) = true; return NM_OK;
   case NM_TYPE_UINT:
   case NM_TYPE_TABLE:
   case NM_TYPE_INT: return set_number(m, o, text);
   case NM_TYPE_FILE: m->values[o - m->def->options].path = text; return NM_OK;
   case NM_TYPE_DOUBLE: return set_double(m, o, text);
   case NM_TYPE_STRING: memcpy((char *) m->state + o->offset, &text, sizeof(text)); return NM_OK;
   case NM_TYPE_CHOICE: return set_choice(m, o, text);
   default: return o->call(m, text);
   }
}

static int parse_error(nm_module_t *m, int c, char **argv)
{
   const char *name = m->def->name;
   int status = m->def->option_status != 0 ? m->def->option_status : EXIT_FAILURE;
   if (c == ':') {
      return nm_fail_status(m, status, "option %s needs an argument (see %s -h)", argv[optind - 1], name);
   }
   if (m->flags & NM_IGNORE_UNKNOWN) {
      char letter[] = {'-', (char) optopt, 0};
      bool is_short = optopt != 0 && optopt < FIRST_LONG;
      nm_warn(m, "option %s is not known and ignored (see %s -h)", is_short ? letter : argv[optind - 1],
              name);
      return NM_OK;
   }
   if (optopt != 0 && optopt < FIRST_LONG) {
      return nm_fail_status(m, status, "invalid option -- '%c' (see %s -h)", optopt, name);
   }
   return nm_fail_status(m, status, "unknown option or surplus argument '%s' (see %s -h)", argv[optind - 1],
                         name);
}

static int set_lateness(nm_module_t *m, const char *text)
{
   char *end = NULL;
   double v = strtod(text, &end);
   if (end == text || *end != 0 || !(v >= 0 && v <= MAX_LATENESS)) {
      return nm_fail(m, "option --" LATENESS ": \"%s\" is not a number from 0 to %d", text, MAX_LATENESS);
   }
   m->has_lateness = true;
   m->lateness = (uint64_t) (v * (double) US);
   return NM_OK;
}

/* Arguments of getopt_long(). */
struct syntax {
   struct option longs[MAX_OPTIONS + OWN_OPTIONS + 1];
   char shorts[3 * MAX_OPTIONS];
   int by_letter[FIRST_LONG];
   size_t n_long, n_short;
};

static void add_syntax(struct syntax *s, char letter, const char *name, bool argument, int value)
{
   s->longs[s->n_long++] = (struct option){name, argument ? required_argument : no_argument, NULL, value};
   if (letter != 0 && s->by_letter[(unsigned char) letter] == 0) {
      s->by_letter[(unsigned char) letter] = value;
      s->shorts[s->n_short++] = letter;
      if (argument) {
         s->shorts[s->n_short++] = ':';
      }
   }
}

static void make_syntax(const nm_module_t *m, struct syntax *s)
{
   const nm_option_t *options = m->def->options;
   memset(s, 0, sizeof(*s));
   s->shorts[s->n_short++] = ':';
   for (size_t i = 0; i < count_options(m->def); i++) {
      if (is_option(&options[i])) {
         add_syntax(s, options[i].short_opt, options[i].name, takes_argument(&options[i]),
                    FIRST_LONG + (int) i);
      }
   }
   if (m->def->no_eos_option != NULL) {
      add_syntax(s, 'n', m->def->no_eos_option, false, OPT_NO_EOS);
   }
   if (has_lateness(m)) {
      add_syntax(s, 0, LATENESS, true, OPT_LATENESS);
   }
   if (!declares(m->def, TELEMETRY)) {
      add_syntax(s, 0, TELEMETRY, true, OPT_TELEMETRY);
   }
}

/* Words that getopt does not know become those that it does. */
static void respell(const nm_module_def_t *def, int argc, char **argv)
{
   for (int i = 1; def->spellings != NULL && i < argc && strcmp(argv[i], "--") != 0; i++) {
      for (const char *const *pair = def->spellings; pair[0] != NULL; pair += 2) {
         if (strcmp(argv[i], pair[0]) == 0) {
            argv[i] = (char *) (uintptr_t) pair[1];
            break;
         }
      }
   }
}

int options_parse(nm_module_t *m, int argc, char **argv)
{
   struct syntax s;
   int c, rc = NM_OK;
   if (count_options(m->def) > MAX_OPTIONS) {
      abort();
   }
   for (size_t i = 0; i < count_options(m->def); i++) {
      store_default(m, &m->def->options[i]);
   }
   make_syntax(m, &s);
   respell(m->def, argc, argv);
   opterr = 0;
   while (rc == NM_OK && (c = getopt_long(argc, argv, s.shorts, s.longs, NULL)) != -1) {
      int value = c > OWN_OPTIONS && c < FIRST_LONG ? s.by_letter[c] : c;
      if (c == '?' || c == ':') {
         rc = parse_error(m, c, argv);
      } else if (value == OPT_NO_EOS) {
         m->no_eos = true;
      } else if (value == OPT_LATENESS) {
         rc = set_lateness(m, optarg);
      } else if (value == OPT_TELEMETRY) {
         m->telemetry = optarg;
      } else {
         rc = outcome(m, set_option(m, &m->def->options[value - FIRST_LONG], optarg));
      }
   }
   if (rc == NM_OK && m->def->arguments != NULL) {
      return outcome(m, m->def->arguments(m, argc - optind, argv + optind));
   }
   return rc == NM_OK && optind < argc
              ? nm_fail(m, "unexpected argument \"%s\" (see %s -h)", argv[optind], m->def->name)
              : rc;
}
