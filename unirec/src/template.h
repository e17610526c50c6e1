/* SPDX-License-Identifier: BSD-3-Clause */
/** The private part of a template. */
#ifndef UR_TEMPLATE_H
#define UR_TEMPLATE_H

#include "internal.h"

#define MAX_PLANS 8 /* copy plans cached per destination; those of further sources are made for each copy */

struct copy_span {
   uint16_t to, from, size;
};

/** How to copy records of one template into another. Never changed once published. */
struct copy_plan {
   struct copy_plan *next;
   uint64_t source; /* serial number of the source's template */
   bool all_var;    /* every variable-length field of the destination comes from the source */
   uint16_t n_spans, n_vars;
   struct copy_span *spans; /* fixed part */
   int16_t *vars;           /* by variable-length field of the destination: its index in the source, or -1 */
};

struct template
{
   ur_template_t t; /* first member: callers hold a pointer to it */
   uint64_t serial; /* unique in the process */
   struct copy_plan *plans;
   uint32_t used_since; /* of registry_use() */
};

void plans_free(struct template *tmplt);

#endif
