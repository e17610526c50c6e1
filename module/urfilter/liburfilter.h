/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file liburfilter.h
 * Filters of UniRec records, with the interface of NEMEA 2. New programs use <nemea/filter.h>, which says what is wrong
 * with an expression; docs/filter.md describes the language of both.
 *
 * Messages: an expression with a syntax error is reported on standard error, comparisons that are false for every record (unknown
 * field, wrong type) on standard output, each once a format. Threads: a filter belongs to one thread at a time; different
 * filters are independent of each other.
 */
#ifndef LIBURFILTER_H
#define LIBURFILTER_H

#include <unirec/unirec.h>

#ifdef __cplusplus
extern "C" {
#endif

#define URFILTER_TRUE  1
#define URFILTER_FALSE 0
#define URFILTER_ERROR (-1)

/** A filter; made by urfilter_create(). */
typedef struct urfilter_s {
   char *filter;               /**< the expression; NULL: everything matches */
   void *tree;                 /**< the compiled form; owned by the library */
   const char *ifc_identifier; /**< as given */
} urfilter_t;

/** Copies the expression; NULL and "" match every record. \param ifc_identifier name of the interface, kept by pointer for the
 * program's own messages; may be NULL. \return to urfilter_destroy(), NULL without memory */
urfilter_t *urfilter_create(const char *filter_str, const char *ifc_identifier);
/** Checks the syntax. \return URFILTER_TRUE, or URFILTER_ERROR: syntax error, or no expression was given */
int urfilter_compile(urfilter_t *unirec_filter);
/** Does a checked record of this template match? Compiles on first use, and anew when the template changes.
 * \return URFILTER_TRUE, URFILTER_FALSE, or URFILTER_ERROR: the expression does not compile */
int urfilter_match(urfilter_t *unirec_filter, const ur_template_t *template_, const void *record);
/** NULL is allowed. */
void urfilter_destroy(urfilter_t *object);

#ifdef __cplusplus
}
#endif
#endif
