/* SPDX-License-Identifier: BSD-3-Clause */
#include "fragments.h"

#include <nemea-common/nc_table.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 40 /* bytes of the IP header that are kept */
#define NS     UINT64_C(1000000000)

struct fragment_key {
   uint8_t src_ip[16], dst_ip[16];
   uint32_t id;
   uint16_t vlan;
   uint8_t ip_version, protocol;
};

struct fragment_ports {
   uint64_t time;
   uint64_t waiting; /* number of the last fragment that waits; 0: none */
   uint16_t src, dst;
   bool known; /* the first fragment was seen */
};

/* A fragment that came before the first one of its packet. Its place in the ring is its number modulo the capacity. */
struct held {
   struct packet packet;
   uint64_t number;
   uint64_t previous; /* of the same packet; 0: none */
   bool waits;
   uint8_t src_mac[6], dst_mac[6];
   uint8_t l3[HEADER];
};

/* One that was released. */
struct ready {
   uint32_t place;
   bool alone;
};

struct fragment_cache {
   nc_table_t *table;
   struct held *ring;
   struct ready *ready; /* a ring too */
   uint32_t capacity;
   uint32_t waiting;
   uint64_t oldest, next;            /* numbers; from 1 */
   uint64_t ready_first, ready_next; /* counts */
   uint64_t timeout;
   struct fragment_stats stats;
};

struct fragment_cache *fragment_cache_new(uint32_t capacity, uint32_t seconds)
{
   struct fragment_cache *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   c->capacity = capacity;
   c->timeout = seconds * NS;
   c->oldest = c->next = 1;
   c->ring = calloc(capacity, sizeof(*c->ring));
   c->ready = calloc(capacity, sizeof(*c->ready));
   c->table = nc_table_new(&(nc_table_config_t){.capacity = capacity,
                                                .key_size = sizeof(struct fragment_key),
                                                .value_size = sizeof(struct fragment_ports)});
   if (c->table == NULL || c->ring == NULL || c->ready == NULL) {
      fragment_cache_free(c);
      return NULL;
   }
   return c;
}

void fragment_cache_free(struct fragment_cache *c)
{
   if (c != NULL) {
      if (c->table != NULL) {
         nc_table_free(c->table);
      }
      free(c->ring);
      free(c->ready);
      free(c);
   }
}

uint64_t fragment_cache_memory(const struct fragment_cache *c)
{
   return c != NULL ? nc_table_memory(c->table) + c->capacity * (sizeof(*c->ring) + sizeof(*c->ready)) : 0;
}

const struct fragment_stats *fragment_cache_stats(const struct fragment_cache *c)
{
   return &c->stats;
}

uint32_t fragment_cache_waiting(const struct fragment_cache *c)
{
   return c->waiting;
}

static void release(struct fragment_cache *c, struct held *h, bool alone)
{
   h->waits = false;
   c->waiting--;
   c->stats.timed_out += alone;
   c->ready[c->ready_next++ % c->capacity] = (struct ready){(uint32_t) (h - c->ring), alone};
}

/* Releases the fragments that wait for this first one, in the order of arrival. */
static void release_all(struct fragment_cache *c, uint64_t last, const struct packet *first)
{
   uint64_t number = last, after = 0;
   struct held *h;
   /* The list runs from the last one to the first: reverse it. */
   while (number != 0 && (h = &c->ring[number % c->capacity])->number == number && h->waits) {
      uint64_t previous = h->previous;
      h->previous = after;
      after = number;
      number = previous;
   }
   for (number = after; number != 0; number = h->previous) {
      h = &c->ring[number % c->capacity];
      h->packet.src_port = first->src_port;
      h->packet.dst_port = first->dst_port;
      release(c, h, false);
   }
}

void fragment_cache_expire(struct fragment_cache *c, uint64_t now)
{
   for (; c->waiting > 0 && c->oldest < c->next; c->oldest++) {
      struct held *h = &c->ring[c->oldest % c->capacity];
      if (!h->waits || h->number != c->oldest) {
         continue;
      }
      if (now <= h->packet.time + c->timeout) {
         return;
      }
      release(c, h, true);
   }
}

static void copy_packet(struct held *h, const struct packet *packet)
{
   size_t header = (size_t) (packet->payload - packet->l3);
   header = header < HEADER ? header : HEADER;
   h->packet = *packet;
   memcpy(h->src_mac, packet->src_mac, 6);
   memcpy(h->dst_mac, packet->dst_mac, 6);
   memset(h->l3, 0, HEADER);
   memcpy(h->l3, packet->l3, header);
   h->packet.src_mac = h->src_mac;
   h->packet.dst_mac = h->dst_mac;
   h->packet.l3 = h->l3;
   h->packet.l4 = NULL;
   h->packet.payload = h->l3 + header;
   h->packet.payload_captured = 0;
}

/* \return false: there is no place */
static bool hold(struct fragment_cache *c, const struct packet *packet, uint64_t previous)
{
   struct held *h = &c->ring[c->next % c->capacity];
   if (h->waits) {
      return false;
   }
   copy_packet(h, packet);
   h->number = c->next++;
   h->previous = previous;
   h->waits = true;
   c->waiting++;
   return true;
}

enum fragment_result fragment_cache_look(struct fragment_cache *c, struct packet *packet)
{
   struct fragment_key key = {.id = packet->fragment_id,
                              .vlan = packet->vlan,
                              .ip_version = packet->ip_version,
                              .protocol = packet->protocol};
   memcpy(key.src_ip, packet->src_ip, 16);
   memcpy(key.dst_ip, packet->dst_ip, 16);
   struct fragment_ports *p = nc_table_find(c->table, &key);
   bool fresh = p != NULL && packet->time <= p->time + c->timeout;
   c->stats.all++;
   if (packet->fragment_offset == 0) {
      c->stats.first++;
      uint64_t waiting = fresh && !p->known ? p->waiting : 0;
      p = nc_table_upsert(c->table, &key, NULL);
      *p = (struct fragment_ports){
          .time = packet->time, .src = packet->src_port, .dst = packet->dst_port, .known = true};
      release_all(c, waiting, packet);
      return FRAGMENT_PORTS;
   }
   if (fresh && p->known) {
      packet->src_port = p->src;
      packet->dst_port = p->dst;
      return FRAGMENT_PORTS;
   }
   uint64_t previous = fresh ? p->waiting : 0;
   if (!hold(c, packet, previous)) {
      c->stats.not_found++;
      return FRAGMENT_NOTHING;
   }
   uint64_t began = fresh ? p->time : packet->time;
   p = nc_table_upsert(c->table, &key, NULL);
   *p = (struct fragment_ports){.time = began, .waiting = c->next - 1};
   return FRAGMENT_WAITS;
}

struct packet *fragment_cache_take(struct fragment_cache *c, bool *alone)
{
   if (c->ready_first == c->ready_next) {
      return NULL;
   }
   const struct ready *r = &c->ready[c->ready_first++ % c->capacity];
   *alone = r->alone;
   return &c->ring[r->place].packet;
}
