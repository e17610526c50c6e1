/* SPDX-License-Identifier: BSD-3-Clause */
/** Hash collisions in the flow cache: the tests search for keys with the same bucket and the same tag. */
#include "../src/cache/cache.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CAPACITY 8
#define CROWD    4000 /* flows, of the cache that is flooded */
#define KEYS     400000

struct seen {
   unsigned flows;
   uint32_t packets[2], packets_rev[2];
};

static struct packet packet_of(uint32_t n, bool reverse)
{
   static const uint8_t mac[6];
   struct packet packet = {
       .protocol = 17, .ip_version = 4, .time = 1000 * NS, .src_mac = mac, .dst_mac = mac};
   memset(packet.src_ip + 12, 0xff, 4);
   memset(packet.dst_ip + 12, 0xff, 4);
   memcpy(reverse ? packet.dst_ip + 8 : packet.src_ip + 8, &n, 4);
   packet.src_port = reverse ? 53 : 1000;
   packet.dst_port = reverse ? 1000 : 53;
   return packet;
}

static int compare_hashes(const void *a, const void *b)
{
   const uint64_t *x = a, *y = b;
   return x[0] < y[0] ? -1 : x[0] > y[0];
}

/* Finds two numbers whose packets have the same bucket and tag. */
static bool find_pair(uint32_t mask, uint32_t pair[2])
{
   uint64_t(*all)[2] = calloc(KEYS, sizeof(*all));
   bool found = false;
   for (uint32_t i = 0; i < KEYS; i++) {
      struct packet packet = packet_of(i, false);
      uint64_t hash = hash_packet(&packet, false);
      all[i][0] = (hash >> 32) << 32 | (hash & mask);
      all[i][1] = i;
   }
   qsort(all, KEYS, sizeof(*all), compare_hashes);
   for (uint32_t i = 1; i < KEYS && !found; i++) {
      found = all[i][0] == all[i - 1][0];
      pair[0] = (uint32_t) all[i - 1][1];
      pair[1] = (uint32_t) all[i][1];
   }
   free(all);
   return found;
}

static uint32_t pair[2];

static void keep(void *context, const struct flow *f, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct seen *s = context;
   (void) ext;
   (void) reason;
   uint32_t n;
   memcpy(&n, f->src_ip + 8, 4);
   assert_true(n == pair[0] || n == pair[1]);
   s->packets[n == pair[1]] += f->packets;
   s->packets_rev[n == pair[1]] += f->packets_rev;
   s->flows++;
}

static void keys_are_compared_never_only_hashes(void **state)
{
   struct seen seen = {.flows = 0};
   (void) state;
   struct flow_cache *c = flow_cache_new(&(struct flow_cache_config){
       .capacity = CAPACITY, .active_ms = 300000, .inactive_ms = 30000, .export = keep, .context = &seen});
   assert_non_null(c);
   assert_true(find_pair(c->index.mask, pair));
   static const struct {
      unsigned which;
      bool reverse;
   } packets[] = {{0, false}, {1, false}, {1, true}, {0, false}, {1, false}, {0, true}, {0, true}};
   for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
      struct packet packet = packet_of(pair[packets[i].which], packets[i].reverse);
      flow_cache_packets(c, &packet, 1);
   }
   flow_cache_flush(c);
   assert_int_equal(seen.flows, 2);
   assert_int_equal(seen.packets[0], 2);
   assert_int_equal(seen.packets_rev[0], 2);
   assert_int_equal(seen.packets[1], 2);
   assert_int_equal(seen.packets_rev[1], 1);
   flow_cache_free(c);
}

static void count_flows(void *context, const struct flow *f, void *const ext[MAX_PLUGINS],
                        enum flow_end reason)
{
   uint64_t *counts = context;
   (void) ext;
   counts[reason == FLOW_END_RESOURCES] += f->packets;
}

/* A flood of keys of one bucket, as an attacker who knows the key of the hash could choose: searches stay bounded, no packet is lost. */
static void collisions_are_bounded(void **state)
{
   enum { PLACES = NC_INDEX_WAYS * NC_INDEX_REACH, N = 2 * PLACES };
   uint64_t counts[2] = {0};
   (void) state;
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){1});
   struct flow_cache *c = flow_cache_new(&(struct flow_cache_config){.capacity = CROWD,
                                                                     .active_ms = 300000,
                                                                     .inactive_ms = 30000,
                                                                     .export = count_flows,
                                                                     .context = counts});
   assert_non_null(c);
   uint32_t n = 0;
   for (uint32_t i = 0; n < N; i++) {
      struct packet packet = packet_of(i, false);
      if ((hash_packet(&packet, false) & c->index.mask) == 3) {
         n++;
         flow_cache_packets(c, &packet, 1);
      }
   }
   assert_int_equal(flow_cache_stats(c)->cached, PLACES);
   assert_int_equal(flow_cache_stats(c)->crowded, N - PLACES);
   flow_cache_flush(c);
   assert_int_equal(counts[1], N - PLACES);
   assert_int_equal(counts[0], PLACES);
   flow_cache_free(c);
}

static void both_directions_have_one_hash(void **state)
{
   (void) state;
   for (uint32_t i = 0; i < 1000; i++) {
      struct packet packet = packet_of(i, false), r = packet_of(i, true);
      assert_int_equal(hash_packet(&packet, false), hash_packet(&r, false));
      memcpy(packet.dst_ip, packet.src_ip, 16); /* the ports decide */
      r = packet;
      r.src_port = packet.dst_port;
      r.dst_port = packet.src_port;
      assert_int_equal(hash_packet(&packet, false), hash_packet(&r, false));
      r.dst_port++;
      assert_int_not_equal(hash_packet(&packet, false), hash_packet(&r, false));
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(keys_are_compared_never_only_hashes),
       cmocka_unit_test(collisions_are_bounded),
       cmocka_unit_test(both_directions_have_one_hash),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
