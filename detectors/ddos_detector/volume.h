/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The volume rule: traffic to a destination that grows by a factor over its own past, in bytes and in sources at once.
 * It needs a past of the destination, so it finds floods on servers that are in use. Arithmetic is in integers throughout.
 */
#ifndef DDOS_VOLUME_H
#define DDOS_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#define INTERVAL     60 /* seconds */
#define INTERVALS    7  /* of history, the current one included */
#define SOURCE_BITS  512
#define REPORT_EVERY 300 /* seconds */

struct volume_config {
   uint64_t min_attack; /* bytes in an interval */
   uint64_t min_before; /* bytes in an interval before the attack; less is not reported */
   uint64_t min_total;  /* bytes in the whole history; less is forgotten */
   uint32_t bytes_factor, sources_factor;
};

struct flood {
   bool active, valid;
   uint64_t begin;                           /* second */
   uint64_t last_report;                     /* second up to which it was reported */
   uint64_t original, original_sources;      /* means before it began */
   uint64_t excess;                          /* bytes above the original since it began to be valid */
   uint64_t sum_bytes, sum_sources, windows; /* since the last report */
   uint64_t id;
   uint16_t sequence;
};

struct volume {
   uint64_t bytes[INTERVALS]; /* oldest first */
   uint16_t sources[INTERVALS];
   uint64_t total;
   uint64_t source_bits[SOURCE_BITS / 64]; /* of the current interval */
   struct flood flood;
};

/** What to report of a flood. Averages are per second and per interval. */
struct volume_report {
   uint64_t bytes, first, last, id, bytes_current, bytes_original;
   uint32_t sources_current, sources_original;
   uint16_t sequence;
};

enum volume_result { VOLUME_KEEP = 0, VOLUME_REPORT = 1, VOLUME_FORGET = 2 }; /* a set */

/** Adds a flow. source: number of its (masked) source; first, last: seconds; start: of the current interval. */
void volume_add(struct volume *v, uint32_t source, uint64_t bytes, uint64_t first, uint64_t last,
                uint64_t start);
/** Looks for the begin of a flood. id: of the event, should one begin */
void volume_detect(struct volume *v, const struct volume_config *c, uint64_t start, uint64_t id);
/** Moves the history by k intervals (1..7). start: of the current interval before. \return a set of volume_result */
unsigned volume_move(struct volume *v, const struct volume_config *c, unsigned k, uint64_t start,
                     struct volume_report *report);
/** The end of all input. \return VOLUME_REPORT or VOLUME_KEEP */
unsigned volume_finish(struct volume *v, const struct volume_config *c, uint64_t start,
                       struct volume_report *report);

#endif
