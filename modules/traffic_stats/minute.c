/* SPDX-License-Identifier: BSD-3-Clause */
#include "minute.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PLACES 4096

static void evicted(void *context, const void *key, void *value)
{
   struct minute *m = context;
   const struct host *h = value;
   (void) key;
   if (h->place != 0) {
      m->places[h->place - 1].owner = NULL;
   }
}

bool minute_create(struct minute *m, uint32_t hosts)
{
   const nc_table_config_t config = {.capacity = hosts,
                                     .key_size = sizeof(ip_addr_t),
                                     .value_size = sizeof(struct host),
                                     .evicted = evicted,
                                     .context = m};
   memset(m, 0, sizeof(*m));
   m->n_places = hosts < MOST_PLACES ? hosts : MOST_PLACES;
   m->hosts = nc_table_new(&config);
   m->places = calloc(m->n_places, sizeof(*m->places));
   return m->hosts != NULL && m->places != NULL;
}

void minute_free(struct minute *m)
{
   nc_table_free(m->hosts);
   free(m->places);
   memset(m, 0, sizeof(*m));
}

void minute_begin(struct minute *m, uint64_t begin)
{
   m->open = m->changed = true;
   m->begin = begin;
   m->used = m->hand = m->round = 0;
   memset(m->protocols, 0, sizeof(m->protocols));
   nc_table_clear(m->hosts);
}

const struct detail *minute_detail(const struct minute *m, const struct host *h)
{
   return h->place != 0 ? &m->places[h->place - 1].detail : NULL;
}

/* ------------------------------------------------------------------- counting */

/* For the choice between two hosts: many small flows weigh as much as a few large ones. */
static uint64_t weight(const struct host *h)
{
   return (h->in.flows + h->out.flows) * 8 + h->in.packets + h->out.packets +
          (h->in.bytes + h->out.bytes) / 1024;
}

/* A place for the host's peers and ports, if there is one for it now. */
static void find_place(struct minute *m, struct host *h)
{
   uint32_t i = m->used;
   if (i < m->n_places) {
      m->used++;
   } else {
      i = m->hand;
      m->hand = i + 1 < m->n_places ? i + 1 : 0;
      struct host *owner = m->places[i].owner;
      if (owner != NULL && weight(owner) * 2 >= weight(h)) {
         return;
      }
      if (owner != NULL) {
         owner->place = 0;
      }
   }
   memset(&m->places[i].detail, 0, sizeof(m->places[i].detail));
   m->places[i].owner = h;
   h->place = i + 1;
}

/* A host that has no place tries to get one each time the number of its flows has doubled. */
static bool is_power_of_two(uint64_t n)
{
   return (n & (n - 1)) == 0;
}

static void count_host(struct minute *m, const struct flow *f, bool is_source, uint64_t hash)
{
   struct host *h = nc_table_upsert_hashed(m->hosts, is_source ? &f->source : &f->destination, hash, NULL);
   if (h == NULL) {
      return;
   }
   const struct amount *out = is_source ? &f->forward : &f->reverse;
   const struct amount *in = is_source ? &f->reverse : &f->forward;
   amount_add(&h->out, out);
   amount_add(&h->in, in);
   if (h->place == 0 && is_power_of_two(h->in.flows + h->out.flows)) {
      find_place(m, h);
   }
   if (h->place != 0) {
      struct detail *d = &m->places[h->place - 1].detail;
      struct amount both = *in;
      amount_add(&both, out);
      detail_add_peer(d, is_source ? &f->destination : &f->source, &both);
      if (f->port != NO_PORT) {
         detail_add_port(d, f->port, &both);
      }
   }
}

void minute_add(struct minute *m, const struct flow *flows, uint32_t n)
{
   const void *keys[NC_TABLE_BATCH] = {NULL};
   uint64_t hashes[NC_TABLE_BATCH];
   m->changed = true;
   for (uint32_t i = 0; i < n; i++) {
      keys[2 * i] = &flows[i].source;
      keys[2 * i + 1] = &flows[i].destination;
   }
   nc_table_prefetch(m->hosts, keys, 2 * n, hashes);
   for (uint32_t i = 0; i < n; i++) {
      const struct flow *f = &flows[i];
      amount_add(&m->protocols[f->protocol], &f->forward);
      amount_add(&m->protocols[f->protocol], &f->reverse);
      count_host(m, f, true, hashes[2 * i]);
      count_host(m, f, false, hashes[2 * i + 1]);
   }
}
