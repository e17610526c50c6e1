/* SPDX-License-Identifier: BSD-3-Clause */
/** Who began a flow, flows over several VLANs, and flows that are exported as soon as they are over. */
#include "cache/cache.h"
#include "plugins/registry.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIN     0x01
#define SYN     0x02
#define RST     0x04
#define ACK     0x10
#define CLIENT  1
#define SERVER  2
#define MAX_OUT 16

struct out {
   unsigned n;
   struct flow flows[MAX_OUT];
};

static void keep(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   struct out *o = context;
   (void) ext;
   (void) reason;
   assert_true(o->n < MAX_OUT);
   o->flows[o->n++] = *flow;
}

static struct flow_cache *new_cache(struct out *out, struct flow_cache_config config)
{
   *out = (struct out){.n = 0};
   config.capacity = 64;
   config.active_ms = 300000;
   config.inactive_ms = 30000;
   config.export = keep;
   config.context = out;
   for (const char *const *p = (const char *const[]){"basicplus", "bstats", "pstats", "phists", "tls", NULL};
        *p != NULL; p++) {
      config.plugins[config.n_plugins++] = flow_plugin_find(*p);
   }
   struct flow_cache *c = flow_cache_new(&config);
   assert_non_null(c);
   return c;
}

/* An IPv4 packet from CLIENT or SERVER. extra: bytes of the transport header from its fifth on, else zeros with these TCP flags. */
static size_t make(uint8_t frame[128], unsigned protocol, unsigned from, unsigned flags)
{
   size_t n = protocol == IPPROTO_TCP ? 40 : 28;
   memset(frame, 0, 128);
   frame[0] = 0x45;
   frame[3] = (uint8_t) n;
   frame[8] = 64;
   frame[9] = (uint8_t) protocol;
   frame[12] = frame[16] = 10;
   frame[15] = (uint8_t) from;
   frame[19] = (uint8_t) (3 - from);
   frame[20] = from == CLIENT ? 0x9c : 0;
   frame[21] = from == CLIENT ? 0x40 : 80;
   frame[22] = from == CLIENT ? 0 : 0x9c;
   frame[23] = from == CLIENT ? 80 : 0x40;
   frame[25] = 8;
   frame[32] = protocol == IPPROTO_TCP ? 0x50 : 0;
   frame[33] = (uint8_t) (protocol == IPPROTO_TCP ? flags : 0);
   return n;
}

static void pass_frame(struct flow_cache *c, const uint8_t *frame, size_t n, uint64_t ms, uint16_t vlan)
{
   struct raw_packet raw = {.data = frame,
                            .time = 1000 * NS + ms * (NS / 1000),
                            .captured = (uint32_t) n,
                            .wire = (uint32_t) n,
                            .link = LINK_RAW};
   struct packet packet;
   assert_int_equal(packet_parse(&raw, PARSE_OUTER, &packet), PARSE_OK);
   packet.vlan = vlan;
   flow_cache_packets(c, &packet, 1);
}

static void pass(struct flow_cache *c, unsigned protocol, unsigned from, unsigned flags, uint64_t ms)
{
   uint8_t frame[128];
   size_t n = make(frame, protocol, from, flags);
   pass_frame(c, frame, n, ms, 0);
}

struct two {
   unsigned protocol, from, flags, ms, second_flags, second_ms;
   bool turned;
};

static void the_syn_the_time_and_the_port_decide_who_began(void **state)
{
   static const struct two cases[] = {
       {IPPROTO_TCP, SERVER, SYN | ACK, 10, SYN, 10, true}, /* same time */
       {IPPROTO_TCP, SERVER, RST | ACK, 10, SYN, 10, true},
       {IPPROTO_TCP, SERVER, RST | ACK, 10, SYN, 5, true},  /* the file's order is wrong */
       {IPPROTO_TCP, SERVER, RST | ACK, 5, SYN, 10, true},  /* so are the times */
       {IPPROTO_TCP, CLIENT, SYN, 10, SYN | ACK, 5, false}, /* the SYN decides before the time */
       {IPPROTO_TCP, CLIENT, SYN, 10, RST | ACK, 10, false},
       {IPPROTO_TCP, SERVER, ACK, 10, ACK, 5, true},
       {IPPROTO_TCP, SERVER, ACK, 10, ACK, 11, false},
       {IPPROTO_UDP, SERVER, 0, 10, 0, 5, true},
       {IPPROTO_UDP, SERVER, 0, 10, 0, 10, true}, /* the port */
       {IPPROTO_UDP, CLIENT, 0, 10, 0, 10, false},
       {IPPROTO_UDP, SERVER, 0, 10, 0, 11, false},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      for (int tcp = 0; tcp < 2; tcp++) {
         const struct two *t = &cases[i];
         struct out out;
         struct flow_cache *c = new_cache(&out, (struct flow_cache_config){.tcp_direction = tcp});
         pass(c, t->protocol, t->from, t->flags, t->ms);
         pass(c, t->protocol, 3 - t->from, t->second_flags, t->second_ms);
         flow_cache_flush(c);
         bool turned = tcp && t->turned;
         const struct flow *f = &out.flows[0];
         assert_int_equal(out.n, 1);
         assert_int_equal(f->src_ip[11], turned ? 3 - t->from : t->from);
         assert_int_equal(f->src_port == 80, (turned ? 3 - t->from : t->from) == SERVER);
         assert_int_equal(f->packets, 1);
         assert_int_equal(f->packets_rev, 1);
         assert_int_equal(turned ? f->tcp_flags_rev : f->tcp_flags, t->flags);
         assert_int_equal(turned ? f->tcp_flags : f->tcp_flags_rev, t->second_flags);
         assert_int_equal(f->first, 1000 * NS + (t->ms < t->second_ms ? t->ms : t->second_ms) * (NS / 1000));
         flow_cache_free(c);
      }
   }
}

static void vlans_can_be_joined(void **state)
{
   (void) state;
   for (int join = 0; join < 2; join++) {
      struct out out;
      uint8_t frame[128];
      struct flow_cache *c = new_cache(&out, (struct flow_cache_config){.join_vlans = join});
      pass_frame(c, frame, make(frame, IPPROTO_UDP, CLIENT, 0), 0, 10);
      pass_frame(c, frame, make(frame, IPPROTO_UDP, SERVER, 0), 1, 20);
      pass_frame(c, frame, make(frame, IPPROTO_UDP, CLIENT, 0), 2, 10);
      flow_cache_flush(c);
      assert_int_equal(out.n, join ? 1 : 2);
      assert_int_equal(out.flows[0].packets, 2);
      assert_int_equal(out.flows[0].vlan, 10);
      flow_cache_free(c);
   }
}

/* How many flows are out when this many milliseconds have passed. */
static unsigned after(struct flow_cache *c, const struct out *out, uint64_t ms)
{
   flow_cache_advance(c, 1000 * NS + ms * (NS / 1000));
   return out->n;
}

static void flows_that_are_over_are_exported_early(void **state)
{
   (void) state;
   for (int early = 0; early < 2; early++) {
      struct out out;
      struct flow_cache *c = new_cache(&out, (struct flow_cache_config){.early = early});
      pass(c, IPPROTO_TCP, CLIENT, SYN, 0); /* refused */
      pass(c, IPPROTO_TCP, SERVER, RST | ACK, 0);
      assert_int_equal(after(c, &out, 0), 0);
      assert_int_equal(after(c, &out, 2000), early);
      flow_cache_free(c);
      c = new_cache(&out, (struct flow_cache_config){.early = early});
      pass(c, IPPROTO_TCP, CLIENT, SYN, 0); /* nobody answers */
      assert_int_equal(after(c, &out, 700), 0);
      assert_int_equal(after(c, &out, 1000), early);
      flow_cache_free(c);
      c = new_cache(&out, (struct flow_cache_config){.early = early});
      pass(c, IPPROTO_TCP, CLIENT, SYN, 400); /* the answer may take 0.7 seconds */
      assert_int_equal(after(c, &out, 1000), 0);
      pass(c, IPPROTO_TCP, SERVER, SYN | ACK, 1090);
      assert_int_equal(after(c, &out, 4000), 0);
      flow_cache_free(c);
      c = new_cache(&out, (struct flow_cache_config){.early = early});
      pass(c, IPPROTO_TCP, CLIENT, SYN, 0); /* closed by both; the last ACK belongs to it */
      pass(c, IPPROTO_TCP, SERVER, SYN | ACK, 0);
      pass(c, IPPROTO_TCP, CLIENT, ACK, 0);
      pass(c, IPPROTO_TCP, CLIENT, FIN | ACK, 5000);
      assert_int_equal(after(c, &out, 9000), 0);
      pass(c, IPPROTO_TCP, SERVER, FIN | ACK, 9000);
      pass(c, IPPROTO_TCP, CLIENT, ACK, 9001);
      pass(c, IPPROTO_TCP, SERVER, ACK, 9002);
      assert_int_equal(after(c, &out, 11000), early);
      flow_cache_flush(c);
      assert_int_equal(out.n, 1);
      assert_int_equal(out.flows[0].packets, 4);
      flow_cache_free(c);
      c = new_cache(&out, (struct flow_cache_config){.early = early});
      pass(c, IPPROTO_TCP, CLIENT, SYN, 0); /* goes on */
      pass(c, IPPROTO_TCP, SERVER, SYN | ACK, 0);
      assert_int_equal(after(c, &out, 20000), 0);
      flow_cache_free(c);
   }
}

static void a_flood_in_one_flow_is_exported_while_it_lasts(void **state)
{
   (void) state;
   for (int early = 0; early < 2; early++) {
      for (int answered = 0; answered < 2; answered++) {
         struct out out;
         struct flow_cache *c = new_cache(&out, (struct flow_cache_config){.early = early});
         for (unsigned i = 0; i < 12000; i++) {
            pass(c, IPPROTO_UDP, CLIENT, 0, i / 10);
            if (answered && i == 0) {
               pass(c, IPPROTO_UDP, SERVER, 0, 0);
            }
         }
         assert_int_equal(out.n, early && !answered ? 2 : 0);
         flow_cache_flush(c);
         unsigned packets = 0;
         for (unsigned i = 0; i < out.n; i++) {
            packets += out.flows[i].packets;
         }
         assert_int_equal(packets, 12000);
         flow_cache_free(c);
      }
   }
}

static void an_unreachable_port_ends_its_flow(void **state)
{
   (void) state;
   for (int early = 0; early < 2; early++) {
      struct out out;
      uint8_t lost[128], frame[128] = {0x45, 0, 0,      56, 0, 0, 0,      0, 64, IPPROTO_ICMP, 0, 0, 10,
                                       0,    0, SERVER, 10, 0, 0, CLIENT, 3, 3};
      struct flow_cache *c = new_cache(&out, (struct flow_cache_config){.early = early});
      size_t n = make(lost, IPPROTO_UDP, CLIENT, 0);
      pass_frame(c, lost, n, 0, 0);
      memcpy(frame + 28, lost, n);
      pass_frame(c, frame, 28 + n, 10, 0);
      assert_int_equal(after(c, &out, 2000), early);
      assert_true(!early || out.flows[0].protocol == IPPROTO_UDP);
      flow_cache_free(c);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_syn_the_time_and_the_port_decide_who_began),
       cmocka_unit_test(vlans_can_be_joined),
       cmocka_unit_test(flows_that_are_over_are_exported_early),
       cmocka_unit_test(a_flood_in_one_flow_is_exported_while_it_lasts),
       cmocka_unit_test(an_unreachable_port_ends_its_flow),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
