/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/filter.h
 * Filters: expressions over the fields of UniRec records, as unirecfilter reads them.
 *
 *     DST_PORT == 53 && (host in [10.0.0.0/8, 2001:db8::/32] || URL =~ "^http")
 *
 * A filter is used in two steps. nm_filter_parse() checks the syntax; no format is needed. nm_filter_bind() resolves the fields
 * against a template and gives a matcher, which is bound again when the format changes. Matching allocates nothing and
 * takes a few nanoseconds for each comparison (regular expressions aside, which are those of the C library).
 *
 * The language: docs/filter.md. AND and OR have the same precedence and are evaluated from left to right.
 * Threads: filters and matchers do not change once made; any number of threads may match with one at once.
 */
#ifndef NEMEA_FILTER_H
#define NEMEA_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <unirec/unirec.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NM_FILTER_MAX_TEXT  (1u << 20) /**< longest expression, bytes */
#define NM_FILTER_MAX_DEPTH 100        /**< deepest nesting of brackets and NOT */

/** A parsed expression. Opaque. */
typedef struct nm_filter nm_filter_t;
/** An expression that is bound to a template. Opaque. */
typedef struct nm_matcher nm_matcher_t;

/** What is wrong with an expression. */
typedef struct nm_filter_error {
   size_t offset; /**< of the first byte of the place in the expression */
   char text[256];
} nm_filter_error_t;

/** What nm_filter_parse() and nm_filter_bind() warn about. The comparison named is false for every record, but for
 * NM_FILTER_STYLE, where nothing is wrong but may be read in two ways. */
enum nm_filter_warning {
   NM_FILTER_NO_FIELD,   /**< the template does not have the field */
   NM_FILTER_WRONG_TYPE, /**< the field cannot be compared with such a value */
   NM_FILTER_NO_NAME,    /**< unknown name of a protocol */
   NM_FILTER_STYLE       /**< AND beside OR without brackets; a number in octal */
};

/** Receives warnings. \param text one line, without a newline; valid during the call */
typedef void (*nm_filter_warn_fn)(void *arg, enum nm_filter_warning kind, size_t offset, const char *text);

/** Parses an expression; NULL and blanks alone match everything. \param warn may be NULL
 * \param error filled when the result is NULL; may be NULL. \return to nm_filter_free(), or NULL */
nm_filter_t *nm_filter_parse(const char *text, nm_filter_warn_fn warn, void *arg, nm_filter_error_t *error);
/** NULL is allowed. Its matchers must be freed before. */
void nm_filter_free(nm_filter_t *filter);

/** Resolves the fields of a filter. The filter must outlive the matcher, the template need not.
 * \param defaults, values template and record (both NULL: none) with the values of fields that tmplt does not have
 * \return to nm_matcher_free(); NULL without memory */
nm_matcher_t *nm_filter_bind(const nm_filter_t *filter, const ur_template_t *tmplt,
                             const ur_template_t *defaults, const void *values, nm_filter_warn_fn warn,
                             void *arg);
/** NULL is allowed. */
void nm_matcher_free(nm_matcher_t *matcher);
/** Does a record (checked, of the template that the matcher was bound to) match? */
bool nm_matcher_match(const nm_matcher_t *matcher, const void *rec);

/** The expression in its normal form. \param matcher NULL, or a matcher of this filter: comparisons that are false for every
 * record are then written between the texts begin and end. \return to free(), NULL without memory */
char *nm_filter_text(const nm_filter_t *filter, const nm_matcher_t *matcher, const char *begin,
                     const char *end);

#ifdef __cplusplus
}
#endif
#endif
