/* SPDX-License-Identifier: BSD-3-Clause */
#include "fragments.h"

#include <nemea-common/nc_table.h>
#include <stdlib.h>
#include <string.h>

struct fragment_key {
   uint8_t src_ip[16], dst_ip[16];
   uint32_t id;
   uint16_t vlan;
   uint8_t ip_version, protocol;
};

struct fragment_ports {
   uint64_t time;
   uint16_t src, dst;
};

struct fragment_cache {
   nc_table_t *table;
};

struct fragment_cache *fragment_cache_new(uint32_t capacity, uint64_t seed)
{
   struct fragment_cache *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   c->table = nc_table_new(&(nc_table_config_t){.capacity = capacity,
                                                .key_size = sizeof(struct fragment_key),
                                                .value_size = sizeof(struct fragment_ports),
                                                .seed = seed});
   if (c->table == NULL) {
      free(c);
      return NULL;
   }
   return c;
}

void fragment_cache_free(struct fragment_cache *c)
{
   if (c != NULL) {
      nc_table_free(c->table);
      free(c);
   }
}

uint64_t fragment_cache_memory(const struct fragment_cache *c)
{
   return c != NULL ? nc_table_memory(c->table) : 0;
}

bool fragment_cache_ports(struct fragment_cache *c, struct packet *k)
{
   struct fragment_key key = {
       .id = k->fragment_id, .vlan = k->vlan, .ip_version = k->ip_version, .protocol = k->protocol};
   memcpy(key.src_ip, k->src_ip, 16);
   memcpy(key.dst_ip, k->dst_ip, 16);
   if (k->fragment_offset == 0) {
      struct fragment_ports *p = nc_table_upsert(c->table, &key, NULL);
      *p = (struct fragment_ports){.time = k->time, .src = k->src_port, .dst = k->dst_port};
      return true;
   }
   const struct fragment_ports *p = nc_table_find(c->table, &key);
   if (p == NULL || k->time > p->time + FRAGMENT_TIMEOUT) {
      return false;
   }
   k->src_port = p->src;
   k->dst_port = p->dst;
   return true;
}
