/* SPDX-License-Identifier: BSD-3-Clause */
/** Options of a module: help, defaults, parsing. */
#include "internal.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LONG  256 /* getopt's value of the first option; letters stay below */
#define MAX_OPTIONS 128
#define NO_EOS_HELP "Do not send end of stream to the outputs when this module ends."

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

/* The help sentence with what the library knows: default, range, choices. */
static void describe(const nm_option_t *o, char *to, size_t size)
{
   int n = snprintf(to, size, "%s", o->help);
   to += n;
   size -= (size_t) n;
   switch (o->type) {
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
   default: break;
   }
}

trap_module_info_t *options_info(const nm_module_def_t *def)
{
   size_t n = count_options(def);
   int in = def->inputs != 0 ? def->inputs : def->input != NULL, out = def->outputs;
   trap_module_info_t *info =
       trap_create_module_info(def->name, def->summary, (int8_t) in,
                               (int8_t) (out != 0 ? out : def->output != NULL), (uint16_t) (n + 1));
   for (size_t i = 0; info != NULL && i < n; i++) {
      const nm_option_t *o = &def->options[i];
      char text[2048];
      if (strlen(o->help) >= sizeof(text)) {
         abort(); /* a mistake in the module's source, seen at its first start */
      }
      describe(o, text, sizeof(text));
      if (trap_update_module_param(info, (uint16_t) i, o->short_opt, o->name, text, takes_argument(o),
                                   o->argument) != 0) {
         options_info_free(info);
         return NULL;
      }
   }
   if (info != NULL && def->no_eos_option != NULL) {
      trap_update_module_param(info, (uint16_t) n, 'n', def->no_eos_option, NO_EOS_HELP, 0, NULL);
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
   case NM_TYPE_UINT:
   case NM_TYPE_INT:
   case NM_TYPE_CHOICE: store(m, o, o->def); break;
   case NM_TYPE_DOUBLE: memcpy((char *) m->state + o->offset, &o->fdef, sizeof(o->fdef)); break;
   case NM_TYPE_STRING: memcpy((char *) m->state + o->offset, &o->sdef, sizeof(o->sdef)); break;
   default: break;
   }
}

/* "-l, --limit" for messages. */
static const char *option_name(const nm_option_t *o)
{
   static char name[128];
   if (o->short_opt != 0) {
      snprintf(name, sizeof(name), "-%c, --%s", o->short_opt, o->name);
   } else {
      snprintf(name, sizeof(name), "--%s", o->name);
   }
   return name;
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
   store(m, o, v);
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
   return nm_fail(m, "option %s: \"%s\" is none of %s", option_name(o), text, words);
}

static int set_option(nm_module_t *m, const nm_option_t *o, const char *text)
{
   switch (o->type) {
   case NM_TYPE_FLAG: *((char *) m->state + o->offset) = true; return NM_OK;
   case NM_TYPE_UINT:
   case NM_TYPE_INT: return set_number(m, o, text);
   case NM_TYPE_DOUBLE: return set_double(m, o, text);
   case NM_TYPE_STRING: memcpy((char *) m->state + o->offset, &text, sizeof(text)); return NM_OK;
   case NM_TYPE_CHOICE: return set_choice(m, o, text);
   default: return o->call(m, text);
   }
}

static int parse_error(nm_module_t *m, int c, char **argv)
{
   if (c == ':') {
      return nm_fail(m, "option %s needs an argument (see %s -h)", argv[optind - 1], m->def->name);
   }
   if (optopt != 0 && optopt < FIRST_LONG) {
      return nm_fail(m, "invalid option -- '%c' (see %s -h)", optopt, m->def->name);
   }
   return nm_fail(m, "unknown option or surplus argument '%s' (see %s -h)", argv[optind - 1], m->def->name);
}

int options_parse(nm_module_t *m, int argc, char **argv)
{
   const nm_option_t *options = m->def->options;
   size_t n = count_options(m->def), n_long = 0, n_short = 0;
   struct option longs[MAX_OPTIONS + 2] = {{0}};
   char shorts[3 * MAX_OPTIONS] = ":";
   int by_letter[FIRST_LONG] = {0}, c;
   if (n > MAX_OPTIONS) {
      abort();
   }
   n_short = 1;
   for (size_t i = 0; i < n; i++) {
      store_default(m, &options[i]);
      longs[n_long++] =
          (struct option){options[i].name, takes_argument(&options[i]), NULL, FIRST_LONG + (int) i};
      if (options[i].short_opt != 0) {
         by_letter[(unsigned char) options[i].short_opt] = FIRST_LONG + (int) i;
         shorts[n_short++] = options[i].short_opt;
         if (takes_argument(&options[i])) {
            shorts[n_short++] = ':';
         }
      }
   }
   if (m->def->no_eos_option != NULL) {
      longs[n_long++] = (struct option){m->def->no_eos_option, no_argument, NULL, 'n'};
      shorts[n_short++] = 'n';
   }
   shorts[n_short] = 0;
   opterr = 0;
   while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
      if (c == '?' || c == ':') {
         return parse_error(m, c, argv);
      }
      if (c == 'n' && by_letter['n'] == 0) {
         m->no_eos = true;
         continue;
      }
      const nm_option_t *o = &options[(c < FIRST_LONG ? by_letter[c] : c) - FIRST_LONG];
      int rc = set_option(m, o, optarg);
      if (rc != NM_OK) {
         return rc;
      }
   }
   return optind < argc ? nm_fail(m, "unexpected argument \"%s\" (see %s -h)", argv[optind], m->def->name)
                        : NM_OK;
}
