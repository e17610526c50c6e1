/* SPDX-License-Identifier: BSD-3-Clause */
/** The maximum number of plugins: each has its own bytes and its own bit in the flow's set. */
#include "cache/cache.h"
#include "cache/plugin_memory.h"
#include "export/sink.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct seen {
   uint32_t number, packets;
};

static unsigned records_of_last(const void *ext)
{
   (void) ext;
   return 7;
}

static unsigned create(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct seen *s = ext;
   (void) flow;
   (void) reverse;
   s->packets = 1;
   return packet->payload_wire == 0 ? PLUGIN_HAS_DATA : PLUGIN_NOTHING;
}

static unsigned update(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct seen *s = ext;
   (void) flow;
   (void) packet;
   (void) reverse;
   s->packets++;
   return PLUGIN_HAS_DATA;
}

/* Plugins with an odd number drop their data at export. */
static bool finish(void *ext, const struct flow *flow)
{
   (void) flow;
   return ((const struct seen *) ext)->packets % 2 == 0;
}

static struct flow_plugin plugins[MAX_PLUGINS];
static plugin_set_t exported;
static unsigned n_exported, n_records;
static uint32_t packets[MAX_PLUGINS];
static struct flow_sink_config sink;

static void keep(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   (void) context;
   (void) reason;
   exported = flow->plugins;
   n_exported++;
   n_records = sink_count_records(&sink, ext, flow->plugins);
   for (unsigned i = 0; i < MAX_PLUGINS; i++) {
      packets[i] = (flow->plugins >> i & 1) != 0 ? ((struct seen *) ext[i])->packets : 0;
   }
}

/* Plugin i finds something in every flow, unless i is a multiple of three; every fourth is lazy. */
static void run(unsigned n, unsigned n_packets)
{
   struct flow_cache_config config = {
       .capacity = 16, .active_ms = 300000, .inactive_ms = 30000, .n_plugins = n, .export = keep};
   struct packet packet = {
       .time = NS, .protocol = 17, .ip_version = 4, .src_mac = (const uint8_t *) "abcdef"};
   packet.dst_mac = packet.src_mac;
   sink = (struct flow_sink_config){.n_plugins = n};
   for (unsigned i = 0; i < n; i++) {
      plugins[i] = (struct flow_plugin){.name = "dummy",
                                        .ext_size = sizeof(struct seen),
                                        .lazy = i % 4 == 0,
                                        .create = create,
                                        .update = update,
                                        .finish = i % 3 == 0 ? finish : NULL,
                                        .records = i == n - 1 ? records_of_last : NULL};
      config.plugins[i] = sink.plugins[i] = &plugins[i];
   }
   exported = 0;
   n_exported = 0;
   struct flow_cache *cache = flow_cache_new(&config);
   assert_non_null(cache);
   for (unsigned i = 0; i < n_packets; i++) {
      flow_cache_packets(cache, &packet, 1);
   }
   flow_cache_flush(cache);
   flow_cache_free(cache);
   assert_int_equal(n_exported, 1);
}

static void each_plugin_has_a_bit_of_its_own(void **state)
{
   static const unsigned counts[] = {1, 32, 33, 40, MAX_PLUGINS};
   (void) state;
   for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
      unsigned n = counts[c];
      for (unsigned n_packets = 1; n_packets <= 4; n_packets++) {
         plugin_set_t expected = 0;
         run(n, n_packets);
         for (unsigned i = 0; i < n; i++) {
            bool there = i % 3 != 0 || n_packets % 2 == 0;
            expected |= there ? PLUGIN_SET(i) : 0;
            assert_int_equal(packets[i], there ? n_packets : 0);
         }
         assert_true(exported == expected);
         assert_int_equal(n_records, (expected & PLUGIN_SET(n - 1)) != 0 ? 7 : 1);
      }
   }
}

/* Locked pages cannot be returned to the system; they are zeroed instead. */
static void memory_is_zero_even_where_it_is_locked(void **state)
{
   (void) state;
   for (int locked = 0; locked < 2; locked++) {
      uint8_t *p = memory_reserve(4096, false);
      assert_non_null(p);
      memset(p, 1, 4096);
      if (locked && mlock(p, 4096) != 0) {
         print_message("memory cannot be locked here\n");
      }
      memory_zero(p, 4096);
      for (size_t i = 0; i < 4096; i++) {
         assert_int_equal(p[i], 0);
      }
      memory_release(p, 4096);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(memory_is_zero_even_where_it_is_locked),
       cmocka_unit_test(each_plugin_has_a_bit_of_its_own),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
