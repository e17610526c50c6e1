/* SPDX-License-Identifier: BSD-3-Clause */
/** The destinations and the source networks of each, in tables of fixed size. */
#include "ddos.h"

#include "detail.h"

void hosts_evicted(void *context, const void *key, void *value)
{
   struct ddos *self = nm_self(context);
   struct host *h = value;
   (void) key;
   if (h->flood != NULL) {
      self->lost++;
      free(h->flood);
   }
   detail_free(self, h);
   host_unwatch(h);
}

void hosts_open(struct ddos *self)
{
   self->watched.next = self->watched.prev = &self->watched;
}

void hosts_close(struct ddos *self)
{
   for (struct host *h = self->watched.next; h != NULL && h != &self->watched; h = h->next) {
      free(h->flood);
   }
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (self->details != NULL && nc_table_next(self->hosts, &cursor, &key, &value)) {
      detail_free(self, value);
   }
   free(self->details);
   self->details = NULL;
}

struct host *host_get(struct ddos *self, const ip_addr_t *target, const struct place *place)
{
   bool is_new;
   struct host *h = nc_table_upsert_guessed(self->hosts, target, place->hash, place->guess, &is_new);
   if (is_new) {
      h->id = ++self->last_id;
      h->interval = (uint32_t) self->interval;
      h->next = NULL;
      h->flood = NULL;
      h->lead = NULL;
      h->detail = NULL;
      h->quiet_until = 0;
      h->has_packets = h->has_past = false;
   }
   return h;
}

void host_watch(struct ddos *self, struct host *h)
{
   if (h->next == NULL) {
      host_need_past(h);
      /* at the end, so that alerts come in the order in which destinations were added */
      h->prev = self->watched.prev;
      h->next = &self->watched;
      h->prev->next = h;
      self->watched.prev = h;
   }
}

void host_unwatch(struct host *h)
{
   if (h->next != NULL) {
      h->next->prev = h->prev;
      h->prev->next = h->next;
      h->next = h->prev = NULL;
   }
}

struct packets *host_packets(struct host *h)
{
   if (!h->has_packets) {
      h->packets = (struct packets){.syn = 0};
      h->networks = h->port_lead = 0;
      h->port = 0;
      h->has_packets = true;
   }
   return &h->packets;
}

void host_need_past(struct host *h)
{
   if (!h->has_past) {
      memset(h->past_bytes, 0, sizeof(h->past_bytes));
      memset(h->past_sources, 0, sizeof(h->past_sources));
      h->deaf = 0;
      h->has_past = true;
   }
}

uint64_t host_bytes(const struct host *h, unsigned i)
{
   if (i < NEWEST) {
      return h->past_bytes[host_slot(h, i)];
   }
   uint64_t bytes = h->total;
   for (unsigned k = 0; k < PAST && h->has_past; k++) {
      bytes -= h->past_bytes[k];
   }
   return bytes;
}

/* The newest interval becomes the k-th before; those between had nothing. */
static void move_windows(struct host *h, unsigned k)
{
   host_need_past(h);
   const uint64_t bytes = host_bytes(h, NEWEST);
   for (unsigned i = 0; i < k; i++) {
      const unsigned slot = host_slot(h, i); /* of the interval that leaves, and that which comes */
      h->total -= h->past_bytes[slot];
      h->past_bytes[slot] = i == 0 ? bytes : 0;
      h->past_sources[slot] = i == 0 ? h->sources : 0;
      h->deaf &= (uint8_t) ~(1u << slot);
      h->deaf |= (uint8_t) ((i == 0 && host_is_deaf(h, NEWEST)) << slot);
   }
}

void host_move(struct host *h, uint64_t interval)
{
   uint64_t k = interval - h->interval;
   if (k <= PAST) {
      move_windows(h, (unsigned) k);
   } else {
      h->total = 0;
      h->has_past = false;
   }
   h->asked_before = k == 1 ? h->asked : 0;
   h->sources = h->flows = h->answered = h->asked = h->answers = h->good = 0;
   h->has_packets = false;
   h->interval = (uint32_t) interval;
   if (h->next != NULL) {
      host_need_past(h);
   }
}

void host_baseline(struct host *h, unsigned index, uint64_t *bytes, uint64_t *sources)
{
   unsigned n = 0;
   *bytes = *sources = 0;
   for (unsigned i = 0; i < index; i++) {
      if (n > 0 || host_bytes(h, i) > 0) {
         *bytes += host_bytes(h, i);
         *sources += *host_sources(h, i);
         n++;
      }
   }
   *bytes /= n > 0 ? n : 1;
   *sources /= n > 0 ? n : 1;
}

/* As of this interval; valid until that of another flow is looked up. */
static struct source *source_get(struct ddos *self, struct source_ref *ref)
{
   if (ref->source != NULL) {
      return ref->source;
   }
   if (!ref->is_hashed) {
      ref->key = source_key(ref);
   }
   struct source *s = nc_table_upsert_guessed(self->sources, &ref->key, ref->key, ref->guess, NULL);
   uint64_t passed = self->interval - s->interval; /* a new one has interval 0 and nothing seen */
   if (passed > 0) {
      s->seen = passed < HISTORY ? (uint8_t) (s->seen << passed) : 0;
      s->among_packets = false;
      s->interval = (uint32_t) self->interval;
   }
   ref->source = s;
   return s;
}

void source_count(struct ddos *self, struct host *h, struct source_ref *ref, unsigned index)
{
   struct source *s = source_get(self, ref);
   uint8_t bit = (uint8_t) (1u << (NEWEST - index));
   if ((s->seen & bit) == 0) {
      s->seen |= bit;
      ++*host_sources(h, index);
   }
}

bool source_joins(struct ddos *self, struct source_ref *ref)
{
   struct source *s = source_get(self, ref);
   bool joins = !s->among_packets;
   s->among_packets = true;
   return joins;
}
