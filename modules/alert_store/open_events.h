/* SPDX-License-Identifier: BSD-3-Clause */
/** Events that alerts may still be joined to: a table of fixed size. When it is full, the event that was silent for longest leaves it. */
#ifndef ALERT_STORE_OPEN_EVENTS_H
#define ALERT_STORE_OPEN_EVENTS_H

#include <nemea/event.h>

struct open_event {
   struct event e;
   int64_t no;                            /* in the database; 0: not yet */
   unsigned known_sources, known_targets; /* addresses that the database knows of it */
   bool dirty;                            /* differs from the database */
   uint64_t hash;
   uint32_t next;         /* in its bucket: index + 1 */
   uint32_t newer, older; /* by the time of the last alert: index + 1 */
};

struct open_events {
   struct open_event *list;
   uint32_t *buckets, *dirty; /* dirty: indexes */
   uint32_t n, capacity, mask, n_dirty, newest, oldest;
   uint64_t evicted;
};

bool open_events_create(struct open_events *all, uint32_t capacity);
void open_events_free(struct open_events *all);
/** The event that e belongs to. \return NULL: there is none */
struct open_event *open_events_find(struct open_events *all, const struct event *e);
/** Whether one more event fits without losing one that is dirty. */
bool open_events_have_room(const struct open_events *all);
/** Adds an event. There must be room. */
struct open_event *open_events_add(struct open_events *all, const struct event *e);
/** It was joined to: it is the newest, and dirty. */
void open_events_touch(struct open_events *all, struct open_event *o);

#endif
