/* SPDX-License-Identifier: BSD-3-Clause */
/** The flow cache, called directly. */
#include "cache/cache.h"

#include <nemea-common/nc_hash.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

/* ---------------------------------------------------------------------- cache */

static struct flow exported[4096];
static enum flow_end reasons[4096];
static unsigned n_exported;

static void keep(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   (void) context;
   (void) ext;
   assert_true(n_exported < LEN(exported));
   reasons[n_exported] = reason;
   exported[n_exported++] = *flow;
}

static struct flow_cache *new_cache(uint32_t capacity, bool split)
{
   struct flow_cache_config c = {.capacity = capacity,
                                 .active_ms = 300000,
                                 .inactive_ms = 30000,
                                 .split = split,
                                 .fragments = 64,
                                 .fragment_s = 3,
                                 .export = keep};
   n_exported = 0;
   return flow_cache_new(&c);
}

/* A packet of host a to host b at a second. */
static struct packet packet_of(unsigned a, unsigned b, unsigned second, unsigned flags)
{
   static const uint8_t mac[6];
   struct packet packet = {.src_port = 1000,
                           .dst_port = 80,
                           .protocol = 6,
                           .ip_version = 4,
                           .time = second * NS,
                           .ip_bytes = 40,
                           .wire = 60,
                           .tcp_flags = (uint8_t) flags,
                           .src_mac = mac,
                           .dst_mac = mac};
   memcpy(packet.src_ip + 8, &a, 4);
   memcpy(packet.dst_ip + 8, &b, 4);
   memset(packet.src_ip + 12, 0xff, 4);
   memset(packet.dst_ip + 12, 0xff, 4);
   if (a > b) {
      packet.src_port = 80;
      packet.dst_port = 1000;
   }
   return packet;
}

static void pass(struct flow_cache *c, struct packet packet)
{
   flow_cache_packets(c, &packet, 1);
}

static void both_directions_are_one_flow_unless_split(void **state)
{
   (void) state;
   for (int split = 0; split < 2; split++) {
      struct flow_cache *c = new_cache(64, split != 0);
      pass(c, packet_of(1, 2, 100, 2));
      pass(c, packet_of(2, 1, 101, 18));
      pass(c, packet_of(1, 2, 102, 16));
      flow_cache_flush(c);
      assert_int_equal(n_exported, split ? 2 : 1);
      assert_int_equal(exported[0].packets, 2);
      assert_int_equal(exported[0].tcp_flags, 18);
      assert_int_equal(exported[0].packets_rev, split ? 0 : 1);
      assert_int_equal(exported[0].last, 102 * NS);
      flow_cache_free(c);
   }
}

static void timeouts_end_flows(void **state)
{
   struct flow_cache *c = new_cache(64, false);
   (void) state;
   pass(c, packet_of(1, 2, 100, 16));
   pass(c, packet_of(1, 2, 129, 16)); /* 29 s of silence */
   pass(c, packet_of(3, 4, 158, 16));
   assert_int_equal(n_exported, 0);
   flow_cache_advance(c, 160 * NS);
   assert_int_equal(n_exported, 1);
   assert_int_equal(reasons[0], FLOW_END_INACTIVE);
   assert_int_equal(exported[0].packets, 2);
   for (unsigned s = 158; s < 500; s += 20) {
      pass(c, packet_of(3, 4, s, 16));
   }
   assert_int_equal(n_exported, 2);
   assert_int_equal(reasons[1], FLOW_END_ACTIVE);
   flow_cache_free(c);
}

/* A flow ends when it was silent for exactly the timeout, not only after more than that; in seconds and in milliseconds. */
static void silence_of_exactly_the_timeout_ends_a_flow(void **state)
{
   static const uint64_t inactive[] = {30000, 1500}; /* whole seconds are compared as whole seconds */
   (void) state;
   for (size_t i = 0; i < LEN(inactive); i++) {
      for (int early = 0; early < 2; early++) {
         struct flow_cache_config config = {
             .capacity = 64, .active_ms = 300000, .inactive_ms = inactive[i], .export = keep};
         struct flow_cache *c = flow_cache_new(&config);
         struct packet packet = packet_of(1, 2, 100, 16);
         n_exported = 0;
         pass(c, packet);
         packet.time += inactive[i] * (NS / 1000) - (early ? 1 : 0);
         pass(c, packet);
         assert_int_equal(n_exported, early ? 0 : 1);
         assert_true(early || reasons[0] == FLOW_END_INACTIVE);
         flow_cache_free(c);
      }
   }
   struct flow_cache *c = new_cache(64, false); /* the same when time goes on without a packet of the flow */
   pass(c, packet_of(1, 2, 100, 16));
   flow_cache_advance(c, 130 * NS - 1);
   assert_int_equal(n_exported, 0);
   flow_cache_advance(c, 130 * NS);
   assert_int_equal(n_exported, 1);
   flow_cache_free(c);
}

static void an_age_of_exactly_the_active_timeout_ends_a_flow(void **state)
{
   (void) state;
   for (unsigned age = 299; age <= 300; age++) {
      struct flow_cache *c = new_cache(64, false);
      for (unsigned s = 100; s <= 380; s += 20) {
         pass(c, packet_of(1, 2, s, 16));
      }
      pass(c, packet_of(1, 2, 100 + age, 16));
      assert_int_equal(n_exported, age == 300);
      assert_true(age != 300 || reasons[0] == FLOW_END_ACTIVE);
      flow_cache_free(c);
   }
}

static unsigned first_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) ext;
   (void) flow;
   (void) packet;
   (void) reverse;
   return PLUGIN_HAS_DATA;
}

static unsigned before_push(void *ext, const struct flow *flow, const struct packet *packet)
{
   (void) ext;
   (void) flow;
   return (packet->tcp_flags & 8) != 0 ? PLUGIN_FLUSH_FIRST : PLUGIN_NOTHING;
}

/* A plugin splits the flow: nothing counted in the first part is counted in the second. */
static void a_flow_that_goes_on_begins_with_empty_counters(void **state)
{
   static const struct flow_plugin cutter = {
       .name = "cutter", .ext_size = 8, .create = first_packet, .before = before_push};
   struct flow_cache_config config = {.capacity = 64,
                                      .active_ms = 300000,
                                      .inactive_ms = 30000,
                                      .plugins = {&cutter},
                                      .n_plugins = 1,
                                      .export = keep};
   struct flow_cache *c = flow_cache_new(&config);
   (void) state;
   n_exported = 0;
   pass(c, packet_of(1, 2, 100, 2));
   pass(c, packet_of(2, 1, 101, 0x12));
   pass(c, packet_of(1, 2, 102, 0x18)); /* cuts */
   pass(c, packet_of(2, 1, 103, 0x11));
   flow_cache_flush(c);
   assert_int_equal(n_exported, 2);
   assert_int_equal(reasons[0], FLOW_END_FORCED);
   assert_int_equal(exported[0].tcp_flags, 2);
   assert_int_equal(exported[0].tcp_flags_rev, 0x12);
   assert_int_equal(exported[1].tcp_flags, 0x18);
   assert_int_equal(exported[1].tcp_flags_rev, 0x11);
   assert_int_equal(exported[1].packets, 1);
   assert_int_equal(exported[1].packets_rev, 1);
   assert_int_equal(exported[1].bytes, 40);
   assert_int_equal(exported[1].bytes_rev, 40);
   assert_int_equal(exported[1].first, 101 * NS);
   assert_int_equal(exported[1].last, 103 * NS);
   flow_cache_free(c);
}

static void a_new_connection_ends_the_old_one(void **state)
{
   struct flow_cache *c = new_cache(64, false);
   (void) state;
   pass(c, packet_of(1, 2, 100, 2));
   pass(c, packet_of(1, 2, 101, 17));
   pass(c, packet_of(1, 2, 102, 2));
   assert_int_equal(n_exported, 1);
   assert_int_equal(reasons[0], FLOW_END_DETECTED);
   flow_cache_free(c);
}

static void a_full_cache_exports_the_longest_silent_flow(void **state)
{
   struct flow_cache *c = new_cache(16, false);
   (void) state;
   for (unsigned i = 0; i < 16; i++) {
      pass(c, packet_of(1 + i, 1000, 100 + i / 4, 16));
   }
   pass(c, packet_of(1, 1000, 110, 16)); /* the oldest is in use again */
   pass(c, packet_of(500, 1000, 110, 16));
   assert_int_equal(n_exported, 1);
   assert_int_equal(reasons[0], FLOW_END_RESOURCES);
   assert_int_equal(exported[0].src_ip[8], 2);
   for (unsigned i = 0; i < 2000; i++) {
      pass(c, packet_of(600 + i, 5000, 111, 2));
   }
   assert_int_equal(n_exported, 2001);
   flow_cache_flush(c);
   assert_int_equal(n_exported, 2017);
   flow_cache_free(c);
}

static void one_packet_from_the_future_ends_nothing(void **state)
{
   struct flow_cache *c = new_cache(64, false);
   (void) state;
   pass(c, packet_of(1, 2, 100, 16));
   pass(c, packet_of(3, 4, 1000000, 16));
   pass(c, packet_of(1, 2, 101, 16));
   assert_int_equal(n_exported, 0);
   flow_cache_free(c);
}

static void size_of_batches_and_hash_key_change_nothing(void **state)
{
   static struct flow first[4096];
   unsigned n_first = 0;
   (void) state;
   for (unsigned round = 0; round < 4; round++) {
      struct flow_cache_config config = {.capacity = 64,
                                         .active_ms = 60000,
                                         .inactive_ms = 10000,
                                         .fragments = 16,
                                         .fragment_s = 3,
                                         .export = keep};
      nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){(uint8_t) round});
      struct flow_cache *c = flow_cache_new(&config);
      struct packet batch[FLOW_BATCH];
      unsigned n = 0, size = 1 + round * 21;
      n_exported = 0;
      srandom(7);
      for (unsigned i = 0; i < 3000; i++) {
         batch[n++] =
             packet_of(1 + (unsigned) random() % 150, 200 + (unsigned) random() % 3, 100 + i / 40, 16);
         if (n == size || i == 2999) {
            flow_cache_packets(c, batch, n);
            n = 0;
         }
      }
      flow_cache_flush(c);
      if (round == 0) {
         n_first = n_exported;
         memcpy(first, exported, sizeof(first));
      }
      assert_int_equal(n_exported, n_first);
      for (unsigned i = 0; i < n_first; i++) {
         assert_memory_equal(exported[i].src_ip, first[i].src_ip, PACKET_KEY_SIZE);
         assert_int_equal(exported[i].packets, first[i].packets);
      }
      flow_cache_free(c);
   }
}

static struct packet fragment_of(unsigned id, unsigned second, unsigned offset)
{
   static const uint8_t header[20] = {0x45};
   struct packet packet = packet_of(1, 2, second, 0);
   packet.fragment = true;
   packet.fragment_id = id;
   packet.fragment_offset = (uint16_t) offset;
   packet.l3 = header;
   packet.payload = header + sizeof(header);
   if (offset > 0) {
      packet.src_port = packet.dst_port = 0;
   }
   return packet;
}

static void later_fragments_get_the_ports_of_the_first(void **state)
{
   struct flow_cache *c = new_cache(64, false);
   struct packet first = fragment_of(0, 100, 0), later = fragment_of(0, 101, 1480),
                 late = fragment_of(0, 110, 1480);
   (void) state;
   pass(c, first);
   pass(c, later);
   pass(c, late); /* more than three seconds behind the first */
   flow_cache_flush(c);
   assert_int_equal(n_exported, 2);
   assert_int_equal(exported[0].packets, 2);
   assert_int_equal(exported[1].src_port, 0);
   assert_int_equal(flow_cache_stats(c)->fragments_without_first, 1);
   flow_cache_free(c);
}

static void fragments_before_the_first_wait_for_it(void **state)
{
   (void) state;
   for (unsigned together = 0; together < 2; together++) { /* one by one and in a batch: the same */
      struct flow_cache *c = new_cache(64, false);
      struct packet packets[5] = {fragment_of(1, 100, 2960), fragment_of(1, 100, 1480),
                                  fragment_of(2, 100, 1480), fragment_of(1, 101, 0),
                                  fragment_of(1, 101, 4440)};
      if (together) {
         flow_cache_packets(c, packets, 5);
      } else {
         for (unsigned i = 0; i < 5; i++) {
            pass(c, packets[i]);
         }
      }
      flow_cache_flush(c);
      assert_int_equal(n_exported, 2);
      const struct flow *whole = &exported[exported[0].packets == 4 ? 0 : 1],
                        *alone = &exported[whole == exported];
      assert_int_equal(whole->packets, 4);
      assert_int_not_equal(whole->src_port, 0);
      assert_true(whole->first == 100 * NS);
      assert_int_equal(alone->packets, 1);
      assert_int_equal(alone->src_port, 0);
      assert_int_equal(flow_cache_stats(c)->fragments_without_first, 1);
      const struct fragment_stats *f = flow_cache_stats(c)->fragments;
      assert_int_equal(f->all, 5);
      assert_int_equal(f->first, 1);
      assert_int_equal(f->not_found, 0);
      assert_int_equal(f->timed_out, 1);
      flow_cache_free(c);
   }
}

static void fragments_wait_for_three_seconds_only(void **state)
{
   struct flow_cache *c = new_cache(64, false);
   (void) state;
   pass(c, fragment_of(1, 100, 1480));
   pass(c, fragment_of(1, 104, 0));
   flow_cache_flush(c);
   assert_int_equal(n_exported, 2);
   assert_int_equal(flow_cache_stats(c)->fragments_without_first, 1);
   flow_cache_free(c);
}

static void a_flood_of_fragments_does_not_wait_beyond_the_capacity(void **state)
{
   struct flow_cache *c = new_cache(64, false);
   (void) state;
   for (unsigned i = 0; i < 1000; i++) {
      pass(c, fragment_of(i, 100, 1480));
   }
   assert_int_equal(flow_cache_stats(c)->fragments_without_first, 1000 - 64);
   assert_int_equal(flow_cache_stats(c)->fragments->not_found, 1000 - 64);
   pass(c, fragment_of(5, 101, 0)); /* released in order of arrival; the others keep waiting */
   pass(c, fragment_of(1000, 101, 1480));
   flow_cache_flush(c);
   assert_int_equal(flow_cache_stats(c)->packets, 1002);
   flow_cache_free(c);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(both_directions_are_one_flow_unless_split),
       cmocka_unit_test(timeouts_end_flows),
       cmocka_unit_test(silence_of_exactly_the_timeout_ends_a_flow),
       cmocka_unit_test(an_age_of_exactly_the_active_timeout_ends_a_flow),
       cmocka_unit_test(a_flow_that_goes_on_begins_with_empty_counters),
       cmocka_unit_test(a_new_connection_ends_the_old_one),
       cmocka_unit_test(a_full_cache_exports_the_longest_silent_flow),
       cmocka_unit_test(one_packet_from_the_future_ends_nothing),
       cmocka_unit_test(size_of_batches_and_hash_key_change_nothing),
       cmocka_unit_test(later_fragments_get_the_ports_of_the_first),
       cmocka_unit_test(fragments_before_the_first_wait_for_it),
       cmocka_unit_test(fragments_wait_for_three_seconds_only),
       cmocka_unit_test(a_flood_of_fragments_does_not_wait_beyond_the_capacity),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
