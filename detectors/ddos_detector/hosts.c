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
      h->has_packets = true;
   }
   return &h->packets;
}

void host_need_past(struct host *h)
{
   if (!h->has_past) {
      memset(h->past_bytes, 0, sizeof(h->past_bytes));
      memset(h->past_sources, 0, sizeof(h->past_sources));
      memset(h->past_flows, 0, sizeof(h->past_flows));
      memset(h->past_answered, 0, sizeof(h->past_answered));
      h->has_past = true;
   }
}

/* The newest interval becomes the k-th before. */
static void shift(uint32_t past[PAST], uint64_t k, uint32_t *newest)
{
   memmove(past, past + k, (PAST - k) * sizeof(*past));
   memset(past + PAST - k, 0, k * sizeof(*past));
   past[PAST - k] = *newest;
   *newest = 0;
}

static void forget(struct host *h)
{
   h->total = h->bytes = 0;
   h->sources = h->flows = h->answered = 0;
   h->has_past = false;
}

static void move_windows(struct host *h, uint64_t k)
{
   host_need_past(h);
   for (unsigned i = 0; i < k; i++) {
      h->total -= h->past_bytes[i];
   }
   memmove(h->past_bytes, h->past_bytes + k, (PAST - k) * sizeof(*h->past_bytes));
   memset(h->past_bytes + PAST - k, 0, k * sizeof(*h->past_bytes));
   h->past_bytes[PAST - k] = h->bytes;
   h->bytes = 0;
   shift(h->past_sources, k, &h->sources);
   shift(h->past_flows, k, &h->flows);
   shift(h->past_answered, k, &h->answered);
}

void host_roll(struct host *h, uint64_t interval)
{
   if (interval <= h->interval) {
      return;
   }
   uint64_t k = interval - h->interval;
   if (k <= PAST) {
      move_windows(h, k);
   } else {
      forget(h);
   }
   h->asked_before = k == 1 ? h->asked : 0;
   h->asked = h->answers = h->good = h->networks = h->port_lead = 0;
   h->port = 0;
   h->has_packets = false;
   h->interval = interval;
   if (h->next != NULL) {
      host_need_past(h);
   }
}

void host_baseline(struct host *h, unsigned index, uint64_t *bytes, uint64_t *sources)
{
   unsigned n = 0;
   *bytes = *sources = 0;
   for (unsigned i = 0; i < index; i++) {
      if (n > 0 || *host_bytes(h, i) > 0) {
         *bytes += *host_bytes(h, i);
         *sources += *host_sources(h, i);
         n++;
      }
   }
   *bytes /= n > 0 ? n : 1;
   *sources /= n > 0 ? n : 1;
}

struct source *source_get(struct ddos *self, const struct source_key *key, uint64_t hash, uint64_t interval)
{
   struct source *s = nc_table_upsert_hashed(self->sources, key, hash, NULL);
   uint64_t passed = interval - s->interval; /* a new one has interval 0 and nothing seen */
   if (passed > 0) {
      s->seen = passed < HISTORY ? (uint8_t) (s->seen << passed) : 0;
      s->among_packets = false;
      s->interval = (uint32_t) interval;
   }
   return s;
}

void source_count(struct host *h, struct source *s, unsigned index)
{
   uint8_t bit = (uint8_t) (1u << (NEWEST - index));
   if ((s->seen & bit) == 0) {
      s->seen |= bit;
      ++*host_sources(h, index);
   }
}
