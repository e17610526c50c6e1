/* SPDX-License-Identifier: BSD-3-Clause */
/** Rules of unirecfilter: for each output a template with default values, and a filter. */
#ifndef UNIRECFILTER_RULES_H
#define UNIRECFILTER_RULES_H

#include <nemea/filter.h>
#include <nemea/module.h>

#define MAX_RULE_FILE (16u << 20) /* bytes of a file of rules */

/** "NAME=value" of a template. */
struct default_value {
   char *name, *value;
};

/** What one output gets. */
struct rule {
   char *fields; /* typed, "type NAME,type NAME"; NULL: those of the input */
   struct default_value *defaults;
   size_t n_defaults;
   char *expression; /* NULL: every record */
   nm_filter_t *filter;
   /* For the formats of the input and the output that are in use. */
   nm_matcher_t *matcher;
   void *base; /* record of the output with the default values, NULL without defaults */
   uint32_t base_size;
};

struct rules {
   struct rule *rules;
   uint32_t count;
};

/** What is wrong with a file or a template. */
struct rule_error {
   enum { RULE_FILE, RULE_TEMPLATE, RULE_FILTER, RULE_MEMORY } kind;
   char text[400];
};

/** Reads a file of rules, "TEMPLATE:FILTER;" each. \return to rules_free(), or NULL with *error filled */
struct rules *rules_read(const char *path, nm_filter_warn_fn warn, void *arg, struct rule_error *error);
/** One rule from a template and an expression; NULL: all fields, every record. */
struct rules *rules_make(const char *tmplt, const char *expression, nm_filter_warn_fn warn, void *arg,
                         struct rule_error *error);
void rules_free(struct rules *rules);

/** Makes the record of default values for the output's template. \return false: a value does not suit its type (*bad names it) or no
 * memory (*bad is NULL) */
bool rule_set_base(struct rule *rule, const ur_template_t *out, const struct default_value **bad);

#endif
