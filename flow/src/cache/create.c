/* SPDX-License-Identifier: BSD-3-Clause */
/** Making and removing a flow cache. */
#include "cache_state.h"

#include <stdlib.h>

#define ROW_AHEAD 1024 /* bytes of a row that are prefetched at most */

static uint32_t power_of_two(uint64_t least)
{
   uint32_t n = 1;
   while (n < least) {
      n *= 2;
   }
   return n;
}

static void set_timeouts(struct flow_cache *c)
{
   /* Whole seconds are compared as such, as exporters always did: a packet's fraction of a second does not count. */
   bool whole = c->config.active_ms % 1000 == 0 && c->config.inactive_ms % 1000 == 0;
   c->unit = whole ? NS : NS / 1000;
   c->active = c->config.active_ms / (whole ? 1000 : 1);
   c->inactive = c->config.inactive_ms / (whole ? 1000 : 1);
   uint64_t seconds = (c->config.inactive_ms + 999) / 1000;
   c->inactive_s = seconds < MAX_WHEEL / 2 ? (uint32_t) seconds : MAX_WHEEL / 2;
}

static void sort_plugins(struct flow_cache *c)
{
   for (unsigned i = 0; i < c->config.n_plugins; i++) {
      const struct flow_plugin *p = c->config.plugins[i];
      plugin_set_t set = PLUGIN_SET(i);
      bool any = p->protocols == PLUGIN_ANY;
      c->of_tcp |= any || (p->protocols & PLUGIN_TCP) != 0 ? set : 0;
      c->of_udp |= any || (p->protocols & PLUGIN_UDP) != 0 ? set : 0;
      c->of_other |= any || (p->protocols & PLUGIN_OTHER) != 0 ? set : 0;
      c->without_payload |= p->payload_only || p->stream ? 0 : set;
      c->with_before |= p->before != NULL ? set : 0;
      c->with_update |= p->update != NULL || p->before != NULL ? set : 0;
      c->with_finish |= p->finish != NULL ? set : 0;
      c->with_port |= p->port != 0 ? set : 0;
      c->of_streams |= p->stream ? set : 0;
      c->strict |= p->begins_always ? set : 0;
      if (p->skipped > 0) {
         c->skipped = c->late == 0 || p->skipped < c->skipped ? p->skipped : c->skipped;
         c->late |= set;
      }
      c->plain |= !p->stream && !p->lazy && (p->update != NULL || p->before == NULL) ? set : 0;
      for (unsigned first = 0; first < 256; first++) {
         c->begins[first] |= !p->lazy || p->begins == NULL || p->begins((uint8_t) first) ? set : 0;
      }
   }
}

static bool allocate(struct flow_cache *c)
{
   uint32_t capacity = c->config.capacity, buckets = nc_index_size(capacity);
   c->index.mask = buckets - 1;
   c->wheel_mask = power_of_two((uint64_t) c->inactive_s + 2) - 1;
   c->flows = memory_reserve((size_t) capacity * sizeof(struct flow), c->config.populate);
   c->index.buckets = memory_reserve((size_t) buckets * sizeof(nc_index_bucket_t), c->config.populate);
   c->wheel = calloc((size_t) c->wheel_mask + 1, sizeof(*c->wheel));
   bool memory = plugin_memory_open(&c->memory, c->config.plugins, c->config.n_plugins, capacity,
                                    c->config.plugin_memory, c->config.populate);
   static const struct stream_counters no_streams;
   c->streams = c->of_streams != 0 ? streams_new() : NULL;
   c->fetched = c->memory.row_size < ROW_AHEAD ? c->memory.row_size : ROW_AHEAD;
   memory = memory && (c->of_streams == 0 || c->streams != NULL);
   c->stats.streams = c->streams != NULL ? streams_counters(c->streams) : &no_streams;
   c->stats.plugin_memory_exceeded = &c->memory.exceeded;
   c->fragments =
       c->config.fragments > 0 ? fragment_cache_new(c->config.fragments, c->config.fragment_s) : NULL;
   bool with_crowds = c->config.early && c->inactive_s > EARLY_S;
   c->crowds = with_crowds ? crowds_new(c->inactive_s) : NULL;
   static const struct fragment_stats none;
   c->stats.fragments = c->fragments != NULL ? fragment_cache_stats(c->fragments) : &none;
   c->stats.table_bytes = capacity * (uint64_t) sizeof(struct flow) + c->memory.bytes +
                          buckets * (uint64_t) sizeof(nc_index_bucket_t) +
                          ((uint64_t) c->wheel_mask + 1) * sizeof(*c->wheel) +
                          fragment_cache_memory(c->fragments) + (c->streams != NULL ? streams_bytes() : 0) +
                          (with_crowds && c->crowds != NULL ? crowds_bytes(c->crowds) : 0);
   return memory && with_crowds == (c->crowds != NULL) && c->flows != NULL && c->index.buckets != NULL &&
          c->wheel != NULL && (c->config.fragments == 0 || c->fragments != NULL);
}

struct flow_cache *flow_cache_new(const struct flow_cache_config *config)
{
   struct flow_cache *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   c->config = *config;
   c->free = NONE;
   set_timeouts(c);
   sort_plugins(c);
   if (!allocate(c)) {
      flow_cache_free(c);
      return NULL;
   }
   for (uint32_t i = 0; i <= c->wheel_mask; i++) {
      c->wheel[i].head = c->wheel[i].tail = NONE;
   }
   return c;
}

void flow_cache_free(struct flow_cache *c)
{
   memory_release(c->flows, (size_t) c->config.capacity * sizeof(struct flow));
   memory_release(c->index.buckets, ((size_t) c->index.mask + 1) * sizeof(nc_index_bucket_t));
   plugin_memory_close(&c->memory);
   streams_free(c->streams);
   fragment_cache_free(c->fragments);
   crowds_free(c->crowds);
   free(c->wheel);
   free(c);
}

const struct flow_cache_stats *flow_cache_stats(const struct flow_cache *c)
{
   return &c->stats;
}

struct crowd_stats flow_cache_crowds(const struct flow_cache *c)
{
   return c->crowds != NULL ? crowds_stats(c->crowds) : (struct crowd_stats){0};
}
