/* SPDX-License-Identifier: BSD-3-Clause */
/** Option -t of agg: which time windows there are. */
#ifndef AGGREGATOR_WINDOW_H
#define AGGREGATOR_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/** Seconds; 0: no such window. */
struct window {
   uint32_t active, passive, global;
};

#define WINDOW_DEFAULT ((struct window){.active = 10})

/** Reads "A:SECONDS", "P:SECONDS", "G:SECONDS", "M:ACTIVE,PASSIVE" or "SECONDS". What is wrong is said on standard error, and
 * its default stays. */
struct window window_parse(const char *text);

#endif
