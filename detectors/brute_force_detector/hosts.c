/* SPDX-License-Identifier: BSD-3-Clause */
/** Attackers and the flows that are kept of each, in memory of fixed size. */
#include "brute.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------- lists */

static void drop_oldest(struct brute *self, struct list *list)
{
   list->matched -= ((struct entry *) queue_oldest(&self->pool, &list->entries))->matched;
   queue_pop(&self->pool, &list->entries);
}

static void clear_list(struct brute *self, struct list *list)
{
   queue_clear(&self->pool, &list->entries);
   list->matched = 0;
}

/* -------------------------------------------------------------------- hosts */

int hosts_open(nm_module_t *m)
{
   struct brute *self = nm_self(m);
   link_head(&self->by_age);
   link_head(&self->reported);
   return pool_open(&self->pool, self->flows, sizeof(struct entry))
              ? NM_OK
              : nm_fail(m, "out of memory for %u flows", self->flows);
}

void hosts_close(struct brute *self)
{
   pool_close(&self->pool);
}

void host_clear(struct brute *self, struct host *h)
{
   clear_list(self, &h->list[INCOMING]);
   clear_list(self, &h->list[OUTGOING]);
   h->first_matched = h->last_matched = 0;
   h->packets = 0;
   h->bytes = 0;
   memset(&h->delayed, 0, sizeof(h->delayed));
}

static void release(struct brute *self, struct host *h)
{
   host_clear(self, h);
   link_remove(&h->by_age);
   link_remove(&h->reported);
}

void hosts_evicted(void *context, const void *key, void *value)
{
   (void) key;
   release(nm_self(context), value);
}

struct host *host_get(struct brute *self, enum service service, const ip_addr_t *attacker)
{
   struct host_key key = {.service = service};
   bool is_new;
   memcpy(&key.attacker, attacker, sizeof(key.attacker)); /* not aligned in records */
   struct host *h = nc_table_upsert(self->hosts, &key, &is_new);
   if (is_new) {
      h->expired = self->checked_delete;
   } else {
      link_remove(&h->by_age);
   }
   link_append(&self->by_age, &h->by_age);
   return h;
}

/* Room for a flow of h. When the pool is empty, the host that stored a flow longest ago gives its own, so that one who goes on
 * attacking keeps them; at last h its own oldest ones. */
static struct entry *new_entry(struct brute *self, struct host *h, struct list *list)
{
   struct entry *entry = queue_push(&self->pool, &list->entries);
   while (entry == NULL && host_of_age(self->by_age.next) != h) {
      struct host *oldest = host_of_age(self->by_age.next);
      release(self, oldest);
      nc_table_remove_value(self->hosts, oldest);
      self->displaced++;
      entry = queue_push(&self->pool, &list->entries);
   }
   struct list *in = &h->list[INCOMING], *out = &h->list[OUTGOING];
   while (entry == NULL && (in->entries.n > 0 || out->entries.n > 0)) {
      drop_oldest(self, in->entries.n < out->entries.n ? out : in);
      entry = queue_push(&self->pool, &list->entries);
   }
   return entry;
}

/* Entries that have become too old at the last check go. */
static void expire(struct brute *self, struct host *h)
{
   if (h->expired >= self->checked_delete) {
      return;
   }
   h->expired = self->checked_delete;
   uint64_t timeout = config_of(self)->service[host_service(self, h)].record_timeout;
   for (unsigned d = 0; d < DIRECTIONS; d++) {
      struct list *list = &h->list[d];
      while (list->entries.n > 0 &&
             ((const struct entry *) queue_oldest(&self->pool, &list->entries))->seconds + timeout <=
                 ur_time_get_sec(self->checked_delete)) {
         drop_oldest(self, list);
      }
   }
   if (h->list[INCOMING].matched + h->list[OUTGOING].matched == 0 && h->report == 0) {
      h->first_matched = 0;
      h->packets = 0;
      h->bytes = 0;
   }
}

void host_keep(struct brute *self, struct host *h, enum direction direction, const ip_addr_t *victim,
               bool matched, ur_time_t now)
{
   struct list *list = &h->list[direction];
   expire(self, h);
   h->last = now;
   while (list->entries.n > 0 &&
          list->entries.n >= config_of(self)->service[host_service(self, h)].list_size) {
      drop_oldest(self, list);
   }
   struct entry *entry = new_entry(self, h, list);
   if (entry == NULL) {
      return;
   }
   memcpy(&entry->victim, victim, sizeof(entry->victim));
   entry->seconds = ur_time_get_sec(now);
   entry->matched = matched;
   list->matched += matched;
}

void host_set_reported(struct brute *self, struct host *h, ur_time_t now)
{
   h->report = now;
   memset(h->total, 0, sizeof(h->total));
   memset(h->matched, 0, sizeof(h->matched));
   h->first_matched = h->last_matched = 0;
   h->packets = 0;
   h->bytes = 0;
   if (!link_is_in(&h->reported)) {
      link_append(&self->reported, &h->reported);
   }
}

void host_set_unreported(struct host *h)
{
   h->report = 0;
   memset(h->total, 0, sizeof(h->total));
   memset(h->matched, 0, sizeof(h->matched));
   link_remove(&h->reported);
}

void hosts_forget(struct brute *self, ur_time_t now)
{
   self->checked_delete = now;
   for (struct link *link = self->by_age.next; link != &self->by_age; link = self->by_age.next) {
      struct host *h = host_of_age(link);
      uint64_t timeout = config_of(self)->service[host_service(self, h)].host_timeout;
      if (ur_time_get_sec(h->last) + timeout > ur_time_get_sec(now)) {
         break;
      }
      release(self, h);
      nc_table_remove_value(self->hosts, h);
   }
}
