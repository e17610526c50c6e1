/* SPDX-License-Identifier: BSD-3-Clause */
/** Early exports of the flows of sweeps and floods that nobody answers, and whose flows must not be split. */
#include "cache/cache.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MANY   30 /* more than CROWD_FLOWS */
#define FEW    15
#define SOURCE 0x0a000001u
#define TARGET 0xc6336407u

struct out {
   unsigned records;
   uint64_t packets;
};

static void count(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct out *o = context;
   (void) ext;
   (void) reason;
   o->records++;
   o->packets += flow->packets + flow->packets_rev;
}

static struct flow_cache *new_cache(struct out *out, bool early)
{
   *out = (struct out){0};
   struct flow_cache_config config = {.capacity = 65536,
                                      .active_ms = 60000,
                                      .inactive_ms = 10000,
                                      .tcp_direction = true,
                                      .early = early,
                                      .export = count,
                                      .context = out};
   struct flow_cache *c = flow_cache_new(&config);
   assert_non_null(c);
   return c;
}

static uint64_t at(uint64_t ms)
{
   return 1000 * NS + ms * (NS / 1000);
}

static void put4(uint8_t *to, uint32_t value)
{
   for (unsigned i = 0; i < 4; i++) {
      to[i] = (uint8_t) (value >> (24 - 8 * i));
   }
}

/* A datagram between two ports, or an echo request or reply. */
static void pass(struct flow_cache *c, unsigned protocol, uint32_t from, uint32_t to, unsigned sport,
                 unsigned dport, uint64_t ms)
{
   uint8_t frame[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, (uint8_t) protocol};
   put4(frame + 12, from);
   put4(frame + 16, to);
   put4(frame + 20, protocol == IPPROTO_UDP ? (uint32_t) sport << 16 | dport : 8u << 24);
   frame[25] = protocol == IPPROTO_UDP ? 8 : 0;
   struct raw_packet raw = {.data = frame, .time = at(ms), .captured = 28, .wire = 28, .link = LINK_RAW};
   struct packet packet;
   assert_int_equal(packet_parse(&raw, PARSE_OUTER, &packet), PARSE_OK);
   flow_cache_packets(c, &packet, 1);
}

static unsigned after(struct flow_cache *c, const struct out *out, uint64_t ms)
{
   flow_cache_advance(c, at(ms));
   return out->records;
}

static void sweeps_over_silent_hosts_are_told_soon(void **state)
{
   static const unsigned protocols[] = {IPPROTO_UDP, IPPROTO_ICMP};
   (void) state;
   for (unsigned p = 0; p < 2; p++) {
      for (int early = 0; early < 2; early++) {
         struct out out;
         struct flow_cache *c = new_cache(&out, early);
         for (unsigned i = 0; i < MANY; i++) {
            pass(c, protocols[p], SOURCE, TARGET + i, 40000, 161, 10 * i);
         }
         assert_int_equal(after(c, &out, 990), 0);
         assert_int_equal(after(c, &out, 1000), early ? MANY : 0); /* the first ones too */
         assert_int_equal(after(c, &out, 11000), MANY);
         flow_cache_free(c);
      }
   }
}

static void floods_of_many_sources_are_told_soon(void **state)
{
   (void) state;
   for (int early = 0; early < 2; early++) {
      for (int answered = 0; answered < 2; answered++) {
         struct out out;
         struct flow_cache *c = new_cache(&out, early);
         for (unsigned i = 0; i < MANY; i++) {
            pass(c, answered ? IPPROTO_ICMP : IPPROTO_UDP, SOURCE + i, TARGET, 40000, 53, 10 * i);
            if (answered) { /* hosts answer pings */
               pass(c, IPPROTO_ICMP, TARGET, SOURCE + i, 0, 0, 10 * i + 1);
            }
         }
         assert_int_equal(after(c, &out, 1000), early ? MANY : 0);
         flow_cache_flush(c);
         assert_int_equal(out.packets, answered ? 2 * MANY : MANY);
         flow_cache_free(c);
      }
   }
}

/* A sweep that asks again after a second is waited for; one that goes on for long is not. */
static void probes_are_repeated(void **state)
{
   struct out out;
   struct flow_cache *c = new_cache(&out, true);
   (void) state;
   for (unsigned round = 0; round < 2; round++) {
      for (unsigned i = 0; i < MANY; i++) {
         pass(c, IPPROTO_UDP, SOURCE, TARGET + i, 40000, 161, 500 + 800 * round + i);
      }
   }
   assert_int_equal(after(c, &out, 2500), 0);
   assert_int_equal(after(c, &out, 3000), MANY);
   assert_int_equal(out.packets, 2 * MANY);
   flow_cache_free(c);
}

static void single_flows_wait_for_their_timeout(void **state)
{
   struct out out;
   struct flow_cache *c = new_cache(&out, true);
   (void) state;
   for (unsigned i = 0; i < FEW; i++) { /* nobody answers */
      pass(c, IPPROTO_UDP, SOURCE, TARGET + i, 40000, 161, 10 * i);
   }
   for (unsigned i = 0; i < 4 * MANY; i++) { /* a resolver: most answer */
      pass(c, IPPROTO_UDP, SOURCE + 1, TARGET + 100 + i, 40000 + i, 53, 10 + i);
      if (i % 3 != 0) {
         pass(c, IPPROTO_UDP, TARGET + 100 + i, SOURCE + 1, 53, 40000 + i, 11 + i);
      }
   }
   for (unsigned i = 0; i < MANY; i++) { /* to groups and to all */
      pass(c, IPPROTO_UDP, SOURCE + 100 + i, 0xeffffffau, 1900, 1900, 200);
      pass(c, IPPROTO_UDP, SOURCE + 200 + i, 0xffffffffu, 68, 67, 200);
   }
   assert_int_equal(after(c, &out, 9000), 0);
   flow_cache_free(c);
}

/* Twenty flows in a second, and then one each second: a crowd is one as long as it has so many. */
static void a_crowd_ends(void **state)
{
   struct out out;
   struct flow_cache *c = new_cache(&out, true);
   (void) state;
   for (unsigned i = 0; i < MANY; i++) {
      pass(c, IPPROTO_UDP, SOURCE, TARGET + i, 40000, 161, i);
   }
   assert_int_equal(after(c, &out, 1000), MANY);
   for (unsigned i = 0; i < 5; i++) {
      pass(c, IPPROTO_UDP, SOURCE, TARGET + 100 + i, 40000, 161, 3000 + 1000 * i);
   }
   assert_int_equal(after(c, &out, 9000), MANY);
   flow_cache_free(c);
}

/* Devices that send a datagram each four seconds: that a flow was in two records once is enough to leave them alone. */
static void exporters_are_split_once_at_most(void **state)
{
   struct out with, without;
   struct flow_cache *c = new_cache(&with, true), *d = new_cache(&without, false);
   (void) state;
   for (unsigned second = 0; second < 600; second += 4) {
      for (unsigned i = 0; i < 100; i++) {
         pass(c, IPPROTO_UDP, SOURCE + i, TARGET, 50000, 514, 1000 * second + 5 * i);
         pass(d, IPPROTO_UDP, SOURCE + i, TARGET, 50000, 514, 1000 * second + 5 * i);
      }
   }
   flow_cache_flush(c);
   flow_cache_flush(d);
   const struct crowd_stats stats = flow_cache_crowds(c);
   assert_int_equal(with.packets, without.packets);
   assert_int_equal(stats.ended, 100);
   assert_int_equal(stats.split, 100);
   assert_true(with.records <= without.records + 100);
   flow_cache_free(c);
   flow_cache_free(d);
}

/* Answers that take long, of a network of which one direction is seen first: as flows that come back. */
static void late_answers_count_as_flows_that_came_back(void **state)
{
   struct out out;
   struct flow_cache *c = new_cache(&out, true);
   (void) state;
   for (unsigned i = 0; i < MANY; i++) {
      pass(c, IPPROTO_UDP, SOURCE, TARGET + i, 40000, 161, i);
   }
   for (unsigned i = 0; i < FEW; i++) {
      pass(c, IPPROTO_UDP, TARGET + i, SOURCE, 161, 40000, 2000 + i);
   }
   assert_int_equal(flow_cache_crowds(c).split, FEW);
   unsigned before = after(c, &out, 4000);
   for (unsigned i = 0; i < MANY; i++) {
      pass(c, IPPROTO_UDP, SOURCE, TARGET + i, 40001, 161, 5000 + i);
   }
   assert_int_equal(after(c, &out, 9000), before); /* left alone */
   flow_cache_free(c);
}

/* Reflectors send without a pause: what they send in the first seconds is told all the same. A server of many streams is no target. */
static void loud_flows_of_a_crowd_are_told_while_they_last(void **state)
{
   (void) state;
   for (int early = 0; early < 2; early++) {
      for (int reflected = 0; reflected < 2; reflected++) {
         struct out out;
         struct flow_cache *c = new_cache(&out, early);
         for (unsigned ms = 0; ms < 9000; ms += 50) {
            for (unsigned i = 0; i < MANY; i++) {
               pass(c, IPPROTO_UDP, reflected ? SOURCE + i : SOURCE, reflected ? TARGET : TARGET + i, 123,
                    40000, ms);
            }
            assert_true(ms != 1950 || out.records == (early && reflected ? MANY : 0));
         }
         assert_int_equal(out.records, early && reflected ? 4 * MANY : 0);
         flow_cache_flush(c);
         assert_int_equal(out.records, early && reflected ? 5 * MANY : MANY);
         assert_int_equal(out.packets, 180 * MANY);
         flow_cache_free(c);
      }
   }
}

static void tables_that_are_full_forget(void **state)
{
   struct out out;
   struct flow_cache *c = new_cache(&out, true);
   (void) state;
   for (unsigned i = 0; i < 50000; i++) {
      pass(c, IPPROTO_UDP, SOURCE + i, TARGET + i, 40000, 161, i / 20);
      if (i % 100 == 0) {
         pass(c, IPPROTO_UDP, SOURCE - 1, TARGET + i, 40000, 161, i / 20);
      }
   }
   after(c, &out, 6000);
   assert_true(flow_cache_crowds(c).evicted > 0);
   assert_int_equal(flow_cache_crowds(c).ended, 500); /* the sweep is found all the same */
   flow_cache_flush(c);
   assert_int_equal(out.packets, 50500);
   flow_cache_free(c);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(sweeps_over_silent_hosts_are_told_soon),
       cmocka_unit_test(floods_of_many_sources_are_told_soon),
       cmocka_unit_test(probes_are_repeated),
       cmocka_unit_test(single_flows_wait_for_their_timeout),
       cmocka_unit_test(a_crowd_ends),
       cmocka_unit_test(exporters_are_split_once_at_most),
       cmocka_unit_test(late_answers_count_as_flows_that_came_back),
       cmocka_unit_test(loud_flows_of_a_crowd_are_told_while_they_last),
       cmocka_unit_test(tables_that_are_full_forget),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
