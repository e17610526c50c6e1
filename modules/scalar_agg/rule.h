/* SPDX-License-Identifier: BSD-3-Clause */
/** Rules of scalar_agg: "NAME:FUNCTION(FIELD)[:FILTER]". */
#ifndef SCALAR_AGG_RULE_H
#define SCALAR_AGG_RULE_H

#include <nemea/filter.h>

enum function { FUNCTION_SUM, FUNCTION_COUNT, FUNCTION_AVG, FUNCTION_RATE, FUNCTION_COUNT_UNIQ };

#define RULE_ERROR 512 /**< bytes of a message */

/** A rule as written. */
struct rule {
   char *name, *field;
   enum function function;
   nm_filter_t *filter; /* NULL: all records */
};

/** Reads a rule. Blanks around its parts do not count; "\:" is a colon, in the filter a bare colon is one, too.
 * \param warn of the filter, may be NULL. \return false with a message; *rule is empty then */
bool rule_parse(struct rule *rule, const char *text, nm_filter_warn_fn warn, void *arg,
                char error[RULE_ERROR]);
/** Frees what is in it. */
void rule_free(struct rule *rule);

#endif
