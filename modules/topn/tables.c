/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables.h"

#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------- flows */

static bool flows_open(struct flows *f, uint32_t top)
{
   f->flows = calloc(top, sizeof(*f->flows));
   return ranking_open(&f->ranking, top) && f->flows != NULL;
}

static void flows_close(struct flows *f)
{
   ranking_close(&f->ranking);
   free(f->flows);
}

void flows_put(struct flows *f, uint64_t value, uint64_t order, const struct flow *flow)
{
   int64_t slot = ranking_insert(&f->ranking, value, order, 0);
   if (slot >= 0) {
      f->flows[slot] = *flow;
   }
}

/* --------------------------------------------------------------- addresses */

/* The cell of an address. */
static inline struct counts *cell_of(const struct addresses *a, uint64_t hash)
{
   return &a->sketch[hash & a->mask];
}

static inline uint64_t hash_of(const void *ip)
{
   return nc_hash(ip, sizeof(ip_addr_t)); /* as nc_table_prefetch() gives it */
}

static void keep_evicted(void *context, const void *key, void *value)
{
   struct addresses *a = context;
   const struct counts *c = value;
   struct counts *cell = cell_of(a, hash_of(key));
   for (int k = 0; k < METRICS; k++) {
      cell->of[k] = c->of[k] > cell->of[k] ? c->of[k] : cell->of[k];
   }
   a->estimated = true;
   ++*a->evicted;
}

static bool addresses_open(struct addresses *a, uint32_t capacity, uint64_t *evicted)
{
   uint32_t cells = 1024;
   while (cells < capacity) {
      cells *= 2;
   }
   a->mask = cells - 1;
   a->evicted = evicted;
   a->sketch = calloc(cells, sizeof(*a->sketch));
   a->table = nc_table_new(&(nc_table_config_t){.capacity = capacity,
                                                .key_size = sizeof(ip_addr_t),
                                                .value_size = sizeof(struct counts),
                                                .evicted = keep_evicted,
                                                .context = a});
   return a->table != NULL && a->sketch != NULL;
}

void addresses_add_hashed(struct addresses *a, const ip_addr_t *ip, uint64_t hash, uint64_t packets,
                          uint64_t bytes)
{
   bool is_new;
   struct counts *c = nc_table_upsert_hashed(a->table, ip, hash, &is_new);
   if (__builtin_expect(is_new && a->estimated, 0)) { /* it may have been here before */
      *c = *cell_of(a, hash);
   }
   counts_add(c, packets, bytes);
}

void addresses_add(struct addresses *a, const ip_addr_t *ip, uint64_t packets, uint64_t bytes)
{
   addresses_add_hashed(a, ip, hash_of(ip), packets, bytes);
}

static uint64_t big_endian(const uint8_t *bytes)
{
   uint64_t value;
   memcpy(&value, bytes, sizeof(value));
   return __builtin_bswap64(value);
}

void addresses_rank(const struct addresses *a, enum metric metric, struct ranking *ranking, ip_addr_t *items)
{
   uint32_t cursor = 0;
   const void *key;
   void *value;
   while (nc_table_next(a->table, &cursor, &key, &value)) {
      const ip_addr_t *ip = key;
      const struct counts *c = value;
      int64_t slot = ranking_add(ranking, c->of[metric], big_endian(ip->bytes), big_endian(ip->bytes + 8));
      if (slot >= 0) {
         items[slot] = *ip;
      }
   }
}

ip_addr_t address_network(const ip_addr_t *ip, uint8_t length)
{
   ip_addr_t network;
   unsigned first = ip_is4(ip) ? 8 : 0, end = ip_is4(ip) ? 12 : 16;
   memcpy(&network, ip, sizeof(network));
   for (unsigned i = first, left = length; i < end; i++) {
      unsigned bits = left < 8 ? left : 8;
      network.bytes[i] &= (uint8_t) (0xff00u >> bits);
      left -= bits;
   }
   return network;
}

/* ------------------------------------------------------------------- group */

bool group_open(struct group *g, uint32_t top, uint32_t capacity, const uint8_t prefix[ADDRESS_KINDS],
                uint64_t *evicted)
{
   g->ports = aligned_alloc(64, PORTS * sizeof(*g->ports));
   if (g->ports != NULL) {
      memset(g->ports, 0, PORTS * sizeof(*g->ports));
   }
   bool good =
       g->ports != NULL && flows_open(&g->flows[BY_PACKETS], top) && flows_open(&g->flows[BY_BYTES], top);
   for (int kind = 0; good && kind < ADDRESS_KINDS; kind++) {
      good = (kind != HOSTS && prefix[kind] == 0) || addresses_open(&g->addresses[kind], capacity, evicted);
   }
   return good;
}

void group_close(struct group *g)
{
   for (int k = 0; k < METRICS; k++) {
      flows_close(&g->flows[k]);
   }
   for (int kind = 0; kind < ADDRESS_KINDS; kind++) {
      nc_table_free(g->addresses[kind].table);
      free(g->addresses[kind].sketch);
   }
   free(g->ports);
}

void group_clear(struct group *g)
{
   memset(g->ports, 0, PORTS * sizeof(*g->ports));
   for (int k = 0; k < METRICS; k++) {
      ranking_clear(&g->flows[k].ranking);
   }
   for (int kind = 0; kind < ADDRESS_KINDS; kind++) {
      struct addresses *a = &g->addresses[kind];
      if (a->table != NULL) {
         if (a->estimated) {
            memset(a->sketch, 0, ((size_t) a->mask + 1) * sizeof(*a->sketch));
            a->estimated = false;
         }
         nc_table_clear(a->table);
      }
   }
}
