/* SPDX-License-Identifier: BSD-3-Clause */
/** Answers that a host did not ask for, by the minute: of many servers of which only this direction is seen, and of servers that answer again
 * and again. */
#include "amplification.h"

#include "../common/reflector.h"

#define WINDOW 60  /* seconds */
#define MANY   300 /* answers in a minute of servers that repeat themselves */
#define REPEATED \
   10 /* answers of each server in a minute, mean: resolvers and monitoring ask many servers, each a few times */
#define LARGE_BYTES 400     /* of a packet, mean: larger than what is sent to one who asks in general */
#define FEW_SERVERS 16      /* that send large answers nobody asked for; fewer may be those of one program */
#define FEW_BYTES   1000000 /* of theirs in a minute */
#define PORT_HASH   40503u  /* Fibonacci hashing: the same in every process, so that results are */
#define FEW_PORTS   16      /* of 64 hashes: one who asks takes another port for each question */

void flood_evicted(void *context, const void *key, void *value)
{
   (void) context;
   (void) key;
   link_remove(&((struct flood *) value)->counted);
}

/* Servers that answer again and again, much more than they were asked: what they answer to was sent in the host's name. */
static bool is_repeated(const struct amplification *self, const struct flood *f)
{
   return f->sums.flows > MANY && f->sums.flows >= REPEATED * (uint64_t) f->servers &&
          f->sums.bytes >= LARGE_BYTES * f->sums.packets && f->sums.bytes > self->min_factor * f->asked_bytes;
}

/* Few servers whose answers are larger than any that is sent to one who asks: each has the bytes of a response of an attack (-l) in
 * the mean, or all go to few ports of a host that did not ask. */
static bool is_large(const struct amplification *self, const struct flood *f)
{
   return f->servers >= FEW_SERVERS && f->sums.bytes >= FEW_BYTES &&
          f->sums.bytes >= LARGE_BYTES * f->sums.packets &&
          f->sums.bytes > self->min_factor * f->asked_bytes && 2 * (uint64_t) f->asked < f->sums.flows &&
          (f->sums.bytes >= self->min_bytes * f->sums.flows || __builtin_popcountll(f->ports) <= FEW_PORTS);
}

static bool is_attack(const struct amplification *self, const struct flood *f)
{
   return is_repeated(self, f) || is_large(self, f) ||
          (f->servers >= self->servers_min && 2 * (uint64_t) f->asked < f->sums.flows &&
           (f->sums.bytes >= LARGE_BYTES * f->sums.packets || __builtin_popcountll(f->ports) <= FEW_PORTS));
}

/* Alerts of what was not told yet. */
static int report(nm_module_t *m, struct flood *f)
{
   struct amplification *self = nm_self(m);
   const struct sums now[SIDES] = {
       [QUERIES] = {.flows = f->asked, .packets = f->asked, .bytes = f->asked_bytes}, [RESPONSES] = f->sums};
   const struct flood_key *key = nc_table_key(self->floods, f);
   if (f->id == 0 || f->window > f->alerted + 1) { /* not the same attack as before */
      f->id = ++self->last_id;
   }
   f->alerted = f->window;
   struct finding finding = {.server = f->loudest,
                             .victim = key->victim,
                             .port = (uint16_t) key->port,
                             .first = f->first,
                             .last = f->last,
                             .id = f->id,
                             .servers = f->servers,
                             .peak_bytes = peak_rate(f->peak.best_bytes),
                             .peak_packets = peak_rate(f->peak.best_packets)};
   for (unsigned side = 0; side < SIDES; side++) {
      finding.sums[side] = (struct sums){.flows = now[side].flows - f->told[side].flows,
                                         .packets = now[side].packets - f->told[side].packets,
                                         .bytes = now[side].bytes - f->told[side].bytes};
      f->told[side] = now[side];
   }
   return amplification_report(m, &finding);
}

/* The minute of a flood is over. */
static int judge(nm_module_t *m, struct flood *f)
{
   link_remove(&f->counted);
   bool rest = f->sums.flows > f->told[RESPONSES].flows;
   return rest && is_attack(nm_self(m), f) ? report(m, f) : NM_OK;
}

/* With --early: a flood that the minute in progress has enough for. What the host asked in the minute before counts too, as its
 * answers may come in this one. */
static int look(nm_module_t *m, struct flood *f)
{
   struct flood known = *f;
   known.asked += f->asked_before;
   known.asked_bytes += f->asked_bytes_before;
   return is_attack(nm_self(m), &known) ? report(m, f) : NM_OK;
}

static void restart(struct amplification *self, struct flood *f, uint64_t window)
{
   uint32_t id = f->id;
   uint64_t alerted = f->alerted;
   bool next = window == f->window + 1;
   uint32_t asked = next ? f->asked : 0;
   uint64_t asked_bytes = next ? f->asked_bytes : 0;
   memset(f, 0, offsetof(struct flood, peak));
   f->peak.best_bytes = f->peak.best_packets = 0;
   f->id = id;
   f->alerted = alerted;
   f->window = window;
   f->asked_before = asked;
   f->asked_bytes_before = asked_bytes;
   f->number = ++self->numbers;
}

/* What a host gets from servers of a port, in this minute of the stream. */
static int find_flood(nm_module_t *m, const ip_addr_t *victim, uint16_t port, struct flood **flood)
{
   struct amplification *self = nm_self(m);
   struct flood_key key = {.port = port};
   uint64_t window = ur_time_get_sec(nm_now(m)) / WINDOW;
   int rc = NM_OK;
   memcpy(&key.victim, victim, sizeof(key.victim)); /* not aligned in records */
   struct flood *f = nc_table_upsert(self->floods, &key, NULL);
   if (f->window != window) {
      if (link_is_in(&f->counted)) {
         rc = judge(m, f);
      }
      restart(self, f, window);
   }
   *flood = f;
   return rc;
}

int floods_answer(nm_module_t *m, const ip_addr_t *server, const ip_addr_t *victim, uint16_t server_port,
                  uint16_t victim_port, const struct query *q)
{
   struct amplification *self = nm_self(m);
   struct flood *f;
   bool is_new;
   int rc = find_flood(m, victim, server_port, &f);
   f->first = f->sums.flows == 0 || q->first < f->first ? q->first : f->first;
   f->last = q->last > f->last ? q->last : f->last;
   f->sums.flows++;
   f->sums.packets += q->packets;
   f->sums.bytes += q->bytes;
   if (self->details) {
      peak_add(&f->peak, q->first, q->last, q->bytes, q->packets);
   }
   f->ports |= UINT64_C(1) << ((uint16_t) (victim_port * PORT_HASH) >> 10);
   if (q->bytes > f->loudest_bytes) {
      f->loudest_bytes = q->bytes;
      memcpy(&f->loudest, server, sizeof(f->loudest));
   }
   struct server_key key = {.number = f->number};
   memcpy(&key.server, server, sizeof(key.server));
   nc_table_upsert(self->servers, &key, &is_new);
   f->servers += is_new;
   bool many = f->servers >= self->servers_min || f->sums.flows > MANY ||
               (f->servers >= FEW_SERVERS && f->sums.bytes >= FEW_BYTES);
   if (many && !link_is_in(&f->counted)) {
      link_append(&self->counted, &f->counted);
   }
   return rc == NM_OK && self->early && many && f->told[RESPONSES].flows == 0 ? look(m, f) : rc;
}

int floods_request(nm_module_t *m, const ip_addr_t *client, uint16_t server_port, uint64_t bytes)
{
   struct flood *f;
   int rc = find_flood(m, client, server_port, &f);
   f->asked++;
   f->asked_bytes += bytes;
   return rc;
}

int floods_judge(nm_module_t *m, uint64_t window, bool all)
{
   struct amplification *self = nm_self(m);
   int rc = NM_OK;
   for (struct link *link = self->counted.next, *next; link != &self->counted && rc == NM_OK; link = next) {
      next = link->next;
      struct flood *f = (struct flood *) (void *) link;
      if (all || f->window < window) {
         rc = judge(m, f);
      }
   }
   return rc;
}
