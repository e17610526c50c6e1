/* SPDX-License-Identifier: BSD-3-Clause */
#include "open_events.h"

#include <stdlib.h>
#include <string.h>

bool open_events_create(struct open_events *all, uint32_t capacity)
{
   uint32_t buckets = 64;
   memset(all, 0, sizeof(*all));
   while (buckets < capacity) {
      buckets *= 2;
   }
   all->capacity = capacity;
   all->mask = buckets - 1;
   all->list = calloc(capacity, sizeof(*all->list));
   all->buckets = calloc(buckets, sizeof(*all->buckets));
   all->dirty = calloc(capacity, sizeof(*all->dirty));
   return all->list != NULL && all->buckets != NULL && all->dirty != NULL;
}

void open_events_free(struct open_events *all)
{
   free(all->list);
   free(all->buckets);
   free(all->dirty);
   memset(all, 0, sizeof(*all));
}

struct open_event *open_events_find(struct open_events *all, const struct event *e)
{
   uint64_t hash = event_hash(e);
   for (uint32_t i = all->buckets[hash & all->mask]; i != 0; i = all->list[i - 1].next) {
      struct open_event *o = &all->list[i - 1];
      if (o->hash == hash && event_belongs(&o->e, e)) {
         return o;
      }
   }
   return NULL;
}

bool open_events_have_room(const struct open_events *all)
{
   return all->n < all->capacity || !all->list[all->oldest - 1].dirty;
}

static uint32_t number_of(const struct open_events *all, const struct open_event *o)
{
   return (uint32_t) (o - all->list) + 1;
}

static void unlink_age(struct open_events *all, struct open_event *o)
{
   *(o->newer != 0 ? &all->list[o->newer - 1].older : &all->newest) = o->older;
   *(o->older != 0 ? &all->list[o->older - 1].newer : &all->oldest) = o->newer;
}

static void link_newest(struct open_events *all, struct open_event *o)
{
   uint32_t i = number_of(all, o);
   o->newer = 0;
   o->older = all->newest;
   *(all->newest != 0 ? &all->list[all->newest - 1].newer : &all->oldest) = i;
   all->newest = i;
}

static struct open_event *evict(struct open_events *all)
{
   struct open_event *o = &all->list[all->oldest - 1];
   uint32_t i = number_of(all, o), *link = &all->buckets[o->hash & all->mask];
   while (*link != i) {
      link = &all->list[*link - 1].next;
   }
   *link = o->next;
   unlink_age(all, o);
   all->evicted++;
   return o;
}

struct open_event *open_events_add(struct open_events *all, const struct event *e)
{
   struct open_event *o = all->n < all->capacity ? &all->list[all->n++] : evict(all);
   memset(o, 0, sizeof(*o));
   o->e = *e;
   o->hash = event_hash(e);
   uint32_t *bucket = &all->buckets[o->hash & all->mask];
   o->next = *bucket;
   *bucket = number_of(all, o);
   link_newest(all, o);
   return o;
}

void open_events_touch(struct open_events *all, struct open_event *o)
{
   if (!o->dirty) {
      o->dirty = true;
      all->dirty[all->n_dirty++] = number_of(all, o) - 1;
   }
   unlink_age(all, o);
   link_newest(all, o);
}
