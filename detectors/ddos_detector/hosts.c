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

struct host *host_get(struct ddos *self, const ip_addr_t *target, uint64_t hash, uint64_t interval)
{
   bool is_new;
   struct host *h = nc_table_upsert_hashed(self->hosts, target, hash, &is_new);
   if (is_new) {
      h->id = ++self->last_id;
      h->interval = interval;
   }
   host_roll(h, interval);
   return h;
}

struct host *host_find(const struct ddos *self, const ip_addr_t *target, uint64_t hash, uint64_t interval)
{
   struct host *h = nc_table_peek_hashed(self->hosts, target, hash);
   if (h != NULL) {
      host_roll(h, interval);
   }
   return h;
}

void host_watch(struct ddos *self, struct host *h)
{
   if (h->next == NULL) { /* at the end, so that alerts come in the order in which destinations were added */
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

static void shift32(uint32_t *windows, uint64_t k)
{
   memmove(windows, windows + k, (HISTORY - k) * sizeof(*windows));
   memset(windows + HISTORY - k, 0, k * sizeof(*windows));
}

void host_roll(struct host *h, uint64_t interval)
{
   if (interval <= h->interval) {
      return;
   }
   uint64_t k = interval - h->interval < HISTORY ? interval - h->interval : HISTORY;
   for (unsigned i = 0; i < k; i++) {
      h->total -= h->bytes[i];
   }
   memmove(h->bytes, h->bytes + k, (HISTORY - k) * sizeof(*h->bytes));
   memset(h->bytes + HISTORY - k, 0, k * sizeof(*h->bytes));
   shift32(h->sources, k);
   shift32(h->flows, k);
   shift32(h->answered, k);
   uint32_t asked = interval - h->interval == 1 ? h->packets.asked : 0;
   memset(&h->packets, 0, sizeof(h->packets));
   h->packets.asked_before = asked;
   h->interval = interval;
}

void host_baseline(const struct host *h, unsigned index, uint64_t *bytes, uint64_t *sources)
{
   unsigned n = 0;
   *bytes = *sources = 0;
   for (unsigned i = 0; i < index; i++) {
      if (n > 0 || h->bytes[i] > 0) {
         *bytes += h->bytes[i];
         *sources += h->sources[i];
         n++;
      }
   }
   *bytes /= n > 0 ? n : 1;
   *sources /= n > 0 ? n : 1;
}

struct source *source_get(struct ddos *self, const struct host *h, const struct source_key *key,
                          uint64_t hash)
{
   struct source *s = nc_table_upsert_hashed(self->sources, key, hash, NULL);
   uint64_t passed = h->interval - s->interval; /* a new one has interval 0 and nothing seen */
   if (passed > 0) {
      s->seen = passed < HISTORY ? (uint8_t) (s->seen << passed) : 0;
      s->among_packets = false;
      s->interval = (uint32_t) h->interval;
   }
   return s;
}

void source_count(struct host *h, struct source *s, unsigned index)
{
   uint8_t bit = (uint8_t) (1u << (NEWEST - index));
   if ((s->seen & bit) == 0) {
      s->seen |= bit;
      h->sources[index]++;
   }
}
