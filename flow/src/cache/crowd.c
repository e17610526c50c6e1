/* SPDX-License-Identifier: BSD-3-Clause */
#include "crowd.h"

#include <nemea-common/nc_table.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESSES     16384 /* with flows that were counted */
#define ENDED         16384 /* flows that may come back */
#define FORGET_S      60    /* what an address did so long ago does not matter */
#define LEFT_ALONE_S  3600
#define LOUD_PACKETS  10   /* of a flow in its first seconds */
#define LOUD_S        3    /* so long such flows are exported each second or two, ... */
#define LOUD_AGAIN_S  3600 /* and again after this time: they may be streams that began together */
#define RETURNED      4    /* flows that came back, ... */
#define RETURNED_PART 16   /* ... and one of so many that ended early: the address is left alone */

enum role { OF_TARGET, OF_SOURCE, ROLES };

struct crowd_key {
   uint8_t ip[16];
   uint32_t role;
};

struct crowd {
   uint64_t second;               /* the newer one of those that were counted */
   uint32_t unheard[2], heard[2]; /* flows, in the newer second and in the one before */
   uint32_t ended, returned;
   uint64_t left_alone; /* until this second */
   uint64_t loud;       /* since this second; 0: not yet */
};

struct ended {
   struct crowd_key crowd;
   uint32_t unused;
   uint64_t second;
};

struct crowds {
   nc_table_t *addresses;       /* struct crowd_key -> struct crowd */
   nc_table_t *flows;           /* hash -> struct ended */
   struct crowd *recent[ROLES]; /* the last that was found: flows of a flood all have the same */
   uint32_t remember_s;
   struct crowd_stats stats;
};

struct crowds *crowds_new(uint32_t remember_s)
{
   struct crowds *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   c->remember_s = remember_s;
   c->addresses = nc_table_new(&(nc_table_config_t){
       .capacity = ADDRESSES, .key_size = sizeof(struct crowd_key), .value_size = sizeof(struct crowd)});
   c->flows = nc_table_new(&(nc_table_config_t){
       .capacity = ENDED, .key_size = sizeof(uint64_t), .value_size = sizeof(struct ended)});
   if (c->addresses == NULL || c->flows == NULL) {
      crowds_free(c);
      return NULL;
   }
   return c;
}

void crowds_free(struct crowds *c)
{
   if (c != NULL) {
      nc_table_free(c->addresses);
      nc_table_free(c->flows);
      free(c);
   }
}

uint64_t crowds_bytes(const struct crowds *c)
{
   return nc_table_memory(c->addresses) + nc_table_memory(c->flows);
}

struct crowd_stats crowds_stats(const struct crowds *c)
{
   struct crowd_stats stats = c->stats;
   stats.evicted = nc_table_stats(c->addresses)->evicted + nc_table_stats(c->flows)->evicted;
   return stats;
}

/* Groups, and all hosts of the link: who sends to them asks for no answer of each. */
static bool is_group(const struct flow *f)
{
   if (f->ip_version == 6) {
      return f->dst_ip[0] == 0xff;
   }
   const uint8_t *four = f->dst_ip + 8;
   return four[0] >= 224 && (four[0] < 240 || four[0] == 255);
}

bool crowds_concern(const struct flow *f)
{
   return (f->protocol == IPPROTO_UDP || f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6) &&
          !is_group(f);
}

static struct crowd_key key_of(const struct flow *f, enum role role)
{
   struct crowd_key key = {.role = role};
   memcpy(key.ip, role == OF_TARGET ? f->dst_ip : f->src_ip, sizeof(key.ip));
   return key;
}

/* Moves the counts on to this second. */
static void advance(struct crowd *a, uint64_t second)
{
   if (second <= a->second) {
      return;
   }
   bool next = second == a->second + 1;
   a->unheard[1] = next ? a->unheard[0] : 0;
   a->heard[1] = next ? a->heard[0] : 0;
   a->unheard[0] = a->heard[0] = 0;
   if (second - a->second > FORGET_S) {
      a->ended = a->returned = 0;
   }
   a->second = second;
}

static bool is_crowd(const struct crowd *a, uint64_t second)
{
   uint64_t unheard = (uint64_t) a->unheard[0] + a->unheard[1];
   return unheard >= CROWD_FLOWS && unheard >= (uint64_t) a->heard[0] + a->heard[1] &&
          second >= a->left_alone;
}

/* NULL: not there */
static struct crowd *look_up(struct crowds *c, const struct crowd_key *key)
{
   struct crowd *a =
       c->recent[key->role]; /* entries are never removed, but another address may have taken its place */
   if (a != NULL && memcmp(nc_table_key(c->addresses, a), key, sizeof(*key)) == 0) {
      nc_table_use(c->addresses, a);
      return a;
   }
   a = nc_table_find(c->addresses, key);
   c->recent[key->role] = a != NULL ? a : c->recent[key->role];
   return a;
}

/* The address of this role if it has a crowd, NULL if not. */
static struct crowd *find(struct crowds *c, const struct flow *f, enum role role, uint64_t second)
{
   struct crowd_key key = key_of(f, role);
   struct crowd *a = look_up(c, &key);
   if (a == NULL) {
      return NULL;
   }
   advance(a, second);
   return is_crowd(a, second) ? a : NULL;
}

static void count(struct crowds *c, const struct flow *f, enum role role, uint64_t second)
{
   struct crowd_key key = key_of(f, role);
   struct crowd *a = look_up(c, &key);
   a = a != NULL ? a : nc_table_upsert(c->addresses, &key, NULL);
   advance(a, second);
   /* Hosts answer floods of pings: only who pings many learns from answers that they are there. */
   if (f->packets_rev == 0 || (role == OF_TARGET && crowds_unheard(f))) {
      a->unheard[0]++;
   } else {
      a->heard[0]++;
   }
}

/* The other ends of a crowd are not counted: they may be so many that they would fill the table. */
void crowds_count(struct crowds *c, const struct flow *f, uint64_t second)
{
   bool of_target = find(c, f, OF_TARGET, second) != NULL;
   if (of_target || find(c, f, OF_SOURCE, second) == NULL) {
      count(c, f, OF_TARGET, second);
   }
   if (!of_target) {
      count(c, f, OF_SOURCE, second);
   }
}

bool crowds_have(struct crowds *c, const struct flow *f, uint64_t second)
{
   return find(c, f, OF_TARGET, second) != NULL ||
          (f->packets_rev == 0 && find(c, f, OF_SOURCE, second) != NULL);
}

bool crowds_loud(struct crowds *c, const struct flow *f, uint64_t second)
{
   struct crowd *a = f->packets >= LOUD_PACKETS && f->packets_rev == 0 ? find(c, f, OF_TARGET, second) : NULL;
   if (a == NULL) {
      return false;
   }
   if (a->loud == 0 || second > a->loud + LOUD_AGAIN_S) {
      a->loud = second;
   }
   if (second > a->loud + LOUD_S) {
      return false;
   }
   c->stats.ended++;
   c->stats.split++;
   return true;
}

void crowds_ended(struct crowds *c, const struct flow *f, uint64_t second)
{
   enum role role = OF_TARGET;
   struct crowd *a = find(c, f, OF_TARGET, second);
   if (a == NULL) {
      role = OF_SOURCE;
      a = find(c, f, OF_SOURCE, second);
   }
   c->stats.ended++;
   if (a != NULL) {
      a->ended++;
      struct ended *e = nc_table_upsert(c->flows, &f->hash, NULL);
      e->crowd = key_of(f, role);
      e->second = second;
   }
}

void crowds_begun(struct crowds *c, uint64_t hash, uint64_t second)
{
   struct ended *e = nc_table_count(c->flows) > 0 ? nc_table_find(c->flows, &hash) : NULL;
   if (e == NULL) {
      return;
   }
   struct crowd *a = second - e->second <= c->remember_s ? nc_table_find(c->addresses, &e->crowd) : NULL;
   c->stats.split += second - e->second <= c->remember_s;
   nc_table_remove_value(c->flows, e);
   if (a == NULL) {
      return;
   }
   a->returned++;
   if (a->returned >= RETURNED && (uint64_t) a->returned * RETURNED_PART >= a->ended) {
      a->left_alone = second + LEFT_ALONE_S;
      a->ended = a->returned = 0;
   }
}
