/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Filters of nfdump over flows: addresses, networks, ports, protocol, TCP flags, packets and bytes with and, or, not. The language is
 * described in README.md. Other terms of nfdump's are errors that name the word.
 */
#ifndef NEMEA_NFREADER_FILTER_H
#define NEMEA_NFREADER_FILTER_H

#include <stdbool.h>

#include "../nfdump/flow.h"

#define NF_FILTER_MAX_TEXT  (1u << 20)
#define NF_FILTER_MAX_DEPTH 100 /* of brackets and not */
#define NF_FILTER_ERROR     256

typedef struct nf_filter nf_filter_t;

/** Parses an expression. \param error filled when the result is NULL. \return to nf_filter_free(), or NULL */
nf_filter_t *nf_filter_parse(const char *text, char error[NF_FILTER_ERROR]);
/** NULL is allowed. */
void nf_filter_free(nf_filter_t *f);
bool nf_filter_match(const nf_filter_t *f, const struct nf_flow *flow);

#endif
