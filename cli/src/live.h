/* SPDX-License-Identifier: BSD-3-Clause */
/** Events on standard output while they last. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include <nemea/event.h>
#include <nemea/text.h>

/** Begin with all zero. */
struct live {
   struct event_lines lines;
   uint32_t last;  /* number of the line that was printed last; 0: none */
   unsigned width; /* of it, in characters */
};

/** An alert was joined to e of all: shows the attack when it is new, and again each time that its alerts have doubled. */
void live_show(struct live *l, const struct events *all, const struct event *e);
void live_free(struct live *l);

#endif
