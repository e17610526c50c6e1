/* SPDX-License-Identifier: BSD-3-Clause */
/** What events.c and runs.c share: how events are compared and joined. */
#ifndef NEMEA_EVENT_JOIN_H
#define NEMEA_EVENT_JOIN_H

#include <nemea/event.h>

/** Adds, up to the greatest number. */
static inline void event_add(uint64_t *to, uint64_t n)
{
   *to = *to > UINT64_MAX - n ? UINT64_MAX : *to + n;
}

/** What b knows of hosts and ports goes to a, too. */
void event_join_ends(struct event *a, const struct event *b);
/** Where two events differ in source, target, port or protocol, there are many. */
void event_keep_common(struct event *to, const struct event *e);
/** The id of a run is that of its first part, but for the kind. */
void event_set_run_id(struct event *run, const struct event *first);
/** For qsort(): by time, then by everything else. */
int event_compare(const void *left, const void *right);
/** Scans of one source with short gaps become runs; the parts stay in all->parts. */
void events_join_runs(struct events *all);

#endif
