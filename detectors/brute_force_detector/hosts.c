/* SPDX-License-Identifier: BSD-3-Clause */
/** Attackers and the flows that are kept of each, in memory of fixed size. */
#include "brute.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------- links */

static void unlink_from(struct link *link)
{
   if (link->next != NULL) {
      link->prev->next = link->next;
      link->next->prev = link->prev;
      link->next = link->prev = NULL;
   }
}

static void append(struct link *head, struct link *link)
{
   link->prev = head->prev;
   link->next = head;
   head->prev->next = link;
   head->prev = link;
}

/* --------------------------------------------------------------------- pool */

static uint32_t take_block(struct brute *self)
{
   uint32_t b = self->free_block;
   if (b != 0) {
      self->free_block = self->blocks[b].next;
   } else if (self->next_block < self->n_blocks) {
      b = self->next_block++;
   }
   if (b != 0) {
      self->blocks[b].next = 0;
   }
   return b;
}

static void give_block(struct brute *self, uint32_t b)
{
   self->blocks[b].next = self->free_block;
   self->free_block = b;
}

/* -------------------------------------------------------------------- lists */

static void drop_oldest(struct brute *self, struct list *list)
{
   struct block *block = &self->blocks[list->head];
   list->matched -= block->entries[list->first].matched;
   list->n--;
   list->first++;
   if (list->n == 0 || list->first == BLOCK_ENTRIES) {
      uint32_t next = block->next;
      give_block(self, list->head);
      list->head = next;
      list->first = 0;
      if (next == 0) {
         list->tail = 0;
         list->end = 0;
      }
   }
}

static void clear_list(struct brute *self, struct list *list)
{
   while (list->head != 0) {
      uint32_t next = self->blocks[list->head].next;
      give_block(self, list->head);
      list->head = next;
   }
   memset(list, 0, sizeof(*list));
}

const struct entry *list_next(const struct brute *self, const struct list *list, uint32_t *block,
                              uint16_t *at)
{
   if (*block != 0 && *at == BLOCK_ENTRIES) {
      *block = self->blocks[*block].next;
      *at = 0;
   }
   if (*block == 0 || (*block == list->tail && *at >= list->end)) {
      return NULL;
   }
   return &self->blocks[*block].entries[(*at)++];
}

/* -------------------------------------------------------------------- hosts */

int hosts_open(nm_module_t *m)
{
   struct brute *self = nm_self(m);
   self->by_age.next = self->by_age.prev = &self->by_age;
   self->reported.next = self->reported.prev = &self->reported;
   self->n_blocks = self->flows / BLOCK_ENTRIES + 1;
   self->next_block = 1;
   self->blocks = calloc(self->n_blocks, sizeof(*self->blocks));
   return self->blocks != NULL ? NM_OK : nm_fail(m, "out of memory for %u flows", self->flows);
}

void hosts_close(struct brute *self)
{
   free(self->blocks);
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
   unlink_from(&h->by_age);
   unlink_from(&h->reported);
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
      unlink_from(&h->by_age);
   }
   append(&self->by_age, &h->by_age);
   return h;
}

/* A block for a flow of h. When the pool is empty, the host that stored a flow longest ago gives its own, so that one
 * who goes on attacking keeps them. */
static uint32_t block_for(struct brute *self, struct host *h)
{
   uint32_t b = take_block(self);
   for (struct link *link = self->by_age.next; b == 0 && link != &self->by_age; link = self->by_age.next) {
      struct host *oldest = host_of_age(link);
      if (oldest == h) {
         return 0;
      }
      release(self, oldest);
      nc_table_remove_value(self->hosts, oldest);
      self->displaced++;
      b = take_block(self);
   }
   return b;
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
      while (list->n > 0 && self->blocks[list->head].entries[list->first].seconds + timeout <=
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
   while (list->n > 0 && list->n >= config_of(self)->service[host_service(self, h)].list_size) {
      drop_oldest(self, list);
   }
   if (list->tail == 0 || list->end == BLOCK_ENTRIES) {
      uint32_t b = block_for(self, h);
      if (b == 0) { /* the pool is this host's: its oldest flow makes room */
         struct list *longer = &h->list[h->list[OUTGOING].n > h->list[INCOMING].n];
         for (uint32_t head = longer->head; longer->n > 0 && longer->head == head;) {
            drop_oldest(self, longer);
         }
         b = take_block(self);
         if (b == 0) {
            return;
         }
      }
      if (list->tail != 0) {
         self->blocks[list->tail].next = b;
      } else {
         list->head = b;
         list->first = 0;
      }
      list->tail = b;
      list->end = 0;
   }
   struct entry *entry = &self->blocks[list->tail].entries[list->end++];
   memcpy(&entry->victim, victim, sizeof(entry->victim));
   entry->seconds = ur_time_get_sec(now);
   entry->matched = matched;
   list->n++;
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
   if (h->reported.next == NULL) {
      append(&self->reported, &h->reported);
   }
}

void host_set_unreported(struct host *h)
{
   h->report = 0;
   memset(h->total, 0, sizeof(h->total));
   memset(h->matched, 0, sizeof(h->matched));
   unlink_from(&h->reported);
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
