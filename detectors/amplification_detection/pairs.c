/* SPDX-License-Identifier: BSD-3-Clause */
/** Pairs of server and victim, and the flows that are kept of each. */
#include "amplification.h"

#define HISTOGRAM 5001 /* bins, with a step of one */

int pairs_open(nm_module_t *m)
{
   struct amplification *self = nm_self(m);
   link_head(&self->by_age);
   link_head(&self->counted);
   self->bins = calloc(HISTOGRAM, sizeof(*self->bins));
   self->used = calloc(HISTOGRAM, sizeof(*self->used));
   if (self->bins == NULL || self->used == NULL ||
       !pool_open(&self->pool, self->flows, sizeof(struct item))) {
      return nm_fail(m, "out of memory for %u flows", self->flows);
   }
   return NM_OK;
}

void pairs_close(struct amplification *self)
{
   pool_close(&self->pool);
   free(self->bins);
   free(self->used);
}

static void release(struct amplification *self, struct pair *pair)
{
   queue_clear(&self->pool, &pair->items[QUERIES]);
   queue_clear(&self->pool, &pair->items[RESPONSES]);
   link_remove(&pair->by_age);
}

static void drop(struct amplification *self, struct pair *pair)
{
   release(self, pair);
   nc_table_remove_value(self->pairs, pair);
}

void pair_evicted(void *context, const void *key, void *value)
{
   (void) key;
   release(nm_self(context), value);
}

/* Room for a flow. When the pool is empty, the pair that is silent for longest gives its flows; at last the pair's own oldest one. */
static struct item *new_item(struct amplification *self, struct pair *pair, enum side side)
{
   struct queue *q = &pair->items[side];
   if (q->n >= self->record_count) {
      queue_pop(&self->pool, q);
   }
   struct item *item = queue_push(&self->pool, q);
   while (item == NULL && (struct pair *) (void *) self->by_age.next != pair) {
      drop(self, (struct pair *) (void *) self->by_age.next);
      self->displaced++;
      item = queue_push(&self->pool, q);
   }
   while (item == NULL && (pair->items[QUERIES].n > 0 || pair->items[RESPONSES].n > 0)) {
      queue_pop(&self->pool, &pair->items[pair->items[QUERIES].n < pair->items[RESPONSES].n]);
      item = queue_push(&self->pool, q);
   }
   return item;
}

static void add_to(struct sums *sums, uint64_t packets, uint64_t bytes)
{
   sums->flows++;
   sums->packets += packets;
   sums->bytes += bytes;
}

/* Drops the old flows of one direction. Flows come in the order of their ends, not of their begins: all of them are looked at. */
static void shrink_side(struct amplification *self, struct pair *pair, enum side side, int64_t before)
{
   struct queue old = pair->items[side], *q = &pair->items[side];
   struct item keep[POOL_BLOCK];
   memset(q, 0, sizeof(*q));
   memset(&pair->total[side], 0, sizeof(pair->total[side]));
   while (old.n > 0) {
      unsigned n = 0;
      for (uint32_t block = old.head; old.n > 0 && old.head == block;) {
         const struct item *item = queue_oldest(&self->pool, &old);
         if ((int64_t) ur_time_get_sec(item->first) >= before) {
            keep[n++] = *item;
         }
         queue_pop(&self->pool,
                   &old); /* the block is free when its last item goes, so that there is room below */
      }
      for (unsigned i = 0; i < n; i++) {
         *(struct item *) queue_push(&self->pool, q) = keep[i];
         add_to(&pair->total[side], keep[i].packets, keep[i].bytes);
         pair->first = keep[i].first < pair->first ? keep[i].first : pair->first;
      }
   }
   pair->reported[side] = pair->total[side];
}

static void shrink(struct amplification *self, struct pair *pair, const struct query *q)
{
   int64_t before = (int64_t) ur_time_get_sec(q->last) - ((int64_t) self->window - (int64_t) self->period);
   pair->first = q->first;
   shrink_side(self, pair, QUERIES, before);
   shrink_side(self, pair, RESPONSES, before);
   if (pair->items[QUERIES].n == 0 && pair->items[RESPONSES].n == 0) {
      drop(self, pair);
   }
}

static void set_peak(const struct amplification *self, const struct pair *pair, struct finding *finding)
{
   struct peak peak = {.newest = 0};
   const struct queue *q = &pair->items[RESPONSES];
   struct queue_cursor c = queue_begin(q);
   for (const struct item *item; (item = queue_next(&self->pool, q, &c)) != NULL;) {
      ur_time_t last = item->first + (((ur_time_t) item->lasts << 32) / 1000);
      peak_add(&peak, item->first, last, item->bytes, item->packets);
   }
   finding->peak_bytes = peak_rate(peak.best_bytes);
   finding->peak_packets = peak_rate(peak.best_packets);
}

static uint32_t milliseconds(ur_time_t first, ur_time_t last)
{
   uint64_t ms = last > first ? ((last - first) >> 16) * 1000 >> 16 : 0;
   return ms < UINT32_MAX ? (uint32_t) ms : UINT32_MAX;
}

static int evaluate(nm_module_t *m, struct pair *pair, const struct query *q)
{
   struct amplification *self = nm_self(m);
   enum decision decision = pair_decide(self, pair);
   if (decision != NOTHING && self->log_dir != NULL) {
      pair_log(m, pair, decision == BIG);
   }
   if (decision == NOTHING || (decision == BIG && self->classic)) {
      return NM_OK;
   }
   const struct pair_key *key = nc_table_key(self->pairs, pair);
   pair->id = pair->id != 0 ? pair->id : ++self->last_id;
   struct finding finding = {.server = key->server,
                             .victim = key->victim,
                             .port = self->port,
                             .first = pair->first,
                             .last = q->last,
                             .id = pair->id,
                             .servers = 1};
   for (unsigned side = 0; side < SIDES; side++) {
      finding.sums[side].flows = pair->total[side].flows - pair->reported[side].flows;
      finding.sums[side].packets = pair->total[side].packets - pair->reported[side].packets;
      finding.sums[side].bytes = pair->total[side].bytes - pair->reported[side].bytes;
   }
   if (self->details) {
      set_peak(self, pair, &finding);
   }
   return amplification_report(m, &finding);
}

/* Pairs that were silent for the whole window go. */
static void prune(struct amplification *self, ur_time_t now)
{
   if (now < self->pruned + ((ur_time_t) self->period << 32)) {
      return;
   }
   self->pruned = now;
   for (struct link *link = self->by_age.next; link != &self->by_age; link = self->by_age.next) {
      struct pair *pair = (struct pair *) (void *) link;
      if ((int64_t) ur_time_get_sec(now) - (int64_t) ur_time_get_sec(pair->last) <= (int64_t) self->window) {
         return;
      }
      drop(self, pair);
   }
}

int pairs_add(nm_module_t *m, const struct query *q)
{
   struct amplification *self = nm_self(m);
   struct pair_key key;
   bool is_new;
   prune(self, q->last);
   memcpy(&key.server, q->server, sizeof(key.server)); /* not aligned in records */
   memcpy(&key.victim, q->victim, sizeof(key.victim));
   struct pair *pair = nc_table_upsert(self->pairs, &key, &is_new);
   if (is_new) {
      pair->first = q->first;
   } else {
      link_remove(&pair->by_age);
   }
   link_append(&self->by_age, &pair->by_age);
   struct item *item = new_item(self, pair, q->side);
   if (item != NULL) {
      *item = (struct item){.first = q->first,
                            .bytes = q->bytes,
                            .packets = q->packets,
                            .lasts = milliseconds(q->first, q->last)};
   }
   add_to(&pair->total[q->side], q->packets, q->bytes);
   pair->last = q->last > pair->last ? q->last : pair->last;
   if (is_new || (int64_t) ur_time_get_sec(q->last) - (int64_t) ur_time_get_sec(pair->first) <=
                     (int64_t) self->window) {
      return NM_OK;
   }
   int rc = evaluate(m, pair, q);
   shrink(self, pair, q);
   return rc;
}
