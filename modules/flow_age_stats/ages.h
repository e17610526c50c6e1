/* SPDX-License-Identifier: BSD-3-Clause */
/** Statistics of ages: smallest, largest, mean, and how many there are in each bin. */
#ifndef FLOW_AGE_STATS_AGES_H
#define FLOW_AGE_STATS_AGES_H

#include <stdint.h>
#include <stdio.h>
#include <unirec/ur_time.h>

#define AGE_BINS 62 /* up to 1, 10, 20, ..., 600 seconds, and older */

struct ages {
   uint64_t count, future; /* of all flows, and those whose time is still to come: age 0 */
   uint64_t min, max;      /* milliseconds */
   double sum;
   uint64_t bins[AGE_BINS];
};

/** Adds the age of a time, now being in whole seconds since 1970. */
void ages_add(struct ages *a, uint64_t now, ur_time_t time);
/** Writes "Minimal age of NAME: 1.00 s" and so on. */
void ages_print(const struct ages *a, const char *name, FILE *file);
/** Writes a line for each bin: upper bound, share, number. */
void ages_table(const struct ages *a, FILE *file);

#endif
