/* SPDX-License-Identifier: BSD-3-Clause */
/** The tables of topn as text. */
#ifndef TOPN_REPORT_H
#define TOPN_REPORT_H

#include <stdio.h>
#include <time.h>

#include "tables.h"

struct report {
   FILE *to;
   const struct group *groups; /* the first is that of all records, the others those of ports */
   const uint16_t *ports;      /* of groups[1] and on */
   uint32_t n_groups, top;
   struct ranking ranking; /* of ports and addresses: room for top */
   ip_addr_t *items;       /* top addresses */
};

/** Writes all tables. Flows are sorted in place: the groups must be cleared before the next record. */
void report_write(struct report *r, time_t at);

#endif
