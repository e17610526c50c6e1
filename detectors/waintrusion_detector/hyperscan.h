/* SPDX-License-Identifier: BSD-3-Clause */
/** The first pass over a text. Without Hyperscan there is none. */
#ifndef WAINTRUSION_HYPERSCAN_H
#define WAINTRUSION_HYPERSCAN_H

#include "rules.h"

struct hyperscan;

/** Compiles all signatures; those that Hyperscan cannot take are always candidates. \return NULL: error is set */
struct hyperscan *hyperscan_new(const struct signature *list, uint32_t n, char error[RULES_ERROR]);
void hyperscan_free(struct hyperscan *h);
/** Sets the bits of what can match, and leaves the others as they are. */
void hyperscan_candidates(struct hyperscan *h, const char *text, size_t n, uint64_t bits[RULES_WORDS]);

#endif
