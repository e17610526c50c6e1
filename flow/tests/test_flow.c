/* SPDX-License-Identifier: BSD-3-Clause */
/** Parser and flow cache, called directly. */
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

/* ------------------------------------------------------------- making packets */

struct frame {
   uint8_t bytes[2048];
   size_t size;
};

static void put(struct frame *f, const void *bytes, size_t n)
{
   memcpy(f->bytes + f->size, bytes, n);
   f->size += n;
}

static void put8(struct frame *f, unsigned v)
{
   f->bytes[f->size++] = (uint8_t) v;
}

static void put16(struct frame *f, unsigned v)
{
   put8(f, v >> 8);
   put8(f, v);
}

static void ethernet(struct frame *f, unsigned type)
{
   put(f, "\x02\0\0\0\0\2\x02\0\0\0\0\1", 12);
   put16(f, type);
}

/* IPv4 header for size bytes of payload; fragment: flags and offset. */
static void ipv4(struct frame *f, unsigned protocol, size_t size, unsigned fragment)
{
   put16(f, 0x4500);
   put16(f, (unsigned) size + 20);
   put16(f, 0x1234);
   put16(f, fragment);
   put16(f, 64 << 8 | protocol);
   put16(f, 0);
   put(f, "\x0a\0\0\1\x0a\0\0\2", 8);
}

static void ipv6(struct frame *f, unsigned next, size_t size)
{
   put(f, "\x60\0\0\0", 4);
   put16(f, (unsigned) size);
   put16(f, next << 8 | 64);
   put(f, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 32);
}

static void tcp(struct frame *f, unsigned src, unsigned dst, unsigned flags)
{
   put16(f, src);
   put16(f, dst);
   put(f, "\0\0\0\0\0\0\0\0", 8);
   put16(f, 0x5000 | flags);
   put(f, "\x20\0\0\0\0\0", 6);
}

static void udp(struct frame *f, unsigned src, unsigned dst, unsigned size)
{
   put16(f, src);
   put16(f, dst);
   put16(f, size + 8);
   put16(f, 0);
}

static enum parse_result parse_link(const struct frame *f, uint16_t link, size_t captured,
                                    struct packet *packet)
{
   static uint8_t *copy;
   free(copy);
   copy = malloc(captured > 0 ? captured : 1); /* exact: sanitizers see a read past its end */
   memcpy(copy, f->bytes, captured);
   struct raw_packet raw = {
       .data = copy, .time = NS, .captured = (uint32_t) captured, .wire = (uint32_t) f->size, .link = link};
   return packet_parse(&raw, packet);
}

static enum parse_result parse(const struct frame *f, size_t captured, struct packet *packet)
{
   return parse_link(f, LINK_ETHERNET, captured, packet);
}

/* --------------------------------------------------------------------- parser */

static void assert_tcp_flow(const struct frame *f, unsigned version, unsigned vlan)
{
   struct packet packet;
   assert_int_equal(parse(f, f->size, &packet), PARSE_OK);
   assert_int_equal(packet.ip_version, version);
   assert_int_equal(packet.protocol, IPPROTO_TCP);
   assert_int_equal(packet.src_port, 1000);
   assert_int_equal(packet.dst_port, 80);
   assert_int_equal(packet.tcp_flags, 2);
   assert_int_equal(packet.vlan, vlan);
   assert_int_equal(packet.src_ip[version == 4 ? 11 : 15], 1);
   assert_int_equal(packet.dst_ip[version == 4 ? 11 : 15], 2);
   assert_int_equal(packet.payload_wire, 0);
   /* A packet truncated anywhere is a packet of the same flow, another packet, or malformed; nothing is read past its end. */
   for (size_t n = 0; n < f->size; n++) {
      parse(f, n, &packet);
   }
}

static void every_encapsulation_leads_to_the_same_flow(void **state)
{
   struct frame plain = {.size = 0}, vlan = plain, qinq = plain, mpls = plain, pppoe = plain, gre = plain,
                eompls = plain, ext = plain;
   (void) state;
   ethernet(&plain, 0x0800);
   ipv4(&plain, 6, 20, 0);
   tcp(&plain, 1000, 80, 2);
   assert_tcp_flow(&plain, 4, 0);
   ethernet(&vlan, 0x8100);
   put16(&vlan, 0x6064);
   put16(&vlan, 0x86dd);
   ipv6(&vlan, 6, 20);
   tcp(&vlan, 1000, 80, 2);
   assert_tcp_flow(&vlan, 6, 100);
   ethernet(&qinq, 0x88a8);
   put16(&qinq, 7);
   put16(&qinq, 0x8100);
   put16(&qinq, 8);
   put16(&qinq, 0x0800);
   ipv4(&qinq, 6, 20, 0);
   tcp(&qinq, 1000, 80, 2);
   assert_tcp_flow(&qinq, 4, 7);
   ethernet(&mpls, 0x8847);
   put(&mpls, "\0\1\0\x40\0\2\1\x40", 8);
   ipv4(&mpls, 6, 20, 0);
   tcp(&mpls, 1000, 80, 2);
   assert_tcp_flow(&mpls, 4, 0);
   ethernet(&eompls, 0x8847);
   put(&eompls, "\0\2\1\x40\0\0\0\0", 8);
   ethernet(&eompls, 0x0800);
   ipv4(&eompls, 6, 20, 0);
   tcp(&eompls, 1000, 80, 2);
   assert_tcp_flow(&eompls, 4, 0);
   ethernet(&pppoe, 0x8864);
   put(&pppoe, "\x11\0\0\1\0\x2a\0\x21", 8);
   ipv4(&pppoe, 6, 20, 0);
   tcp(&pppoe, 1000, 80, 2);
   assert_tcp_flow(&pppoe, 4, 0);
   ethernet(&gre, 0x0800);
   ipv4(&gre, 47, 48, 0);
   put(&gre, "\x20\0\x86\xdd\0\0\0\7", 8); /* with a key */
   gre.bytes[17] = 20 + 8 + 60;
   ipv6(&gre, 6, 20);
   tcp(&gre, 1000, 80, 2);
   assert_tcp_flow(&gre, 6, 0);
   ethernet(&ext, 0x86dd);
   ipv6(&ext, 0, 8 + 16 + 20);
   put(&ext, "\x33\0\0\0\0\0\0\0", 8); /* hop-by-hop, then AH of 16 bytes */
   put(&ext, "\x06\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
   tcp(&ext, 1000, 80, 2);
   assert_tcp_flow(&ext, 6, 0);
}

static void every_link_type_leads_to_the_same_flow(void **state)
{
   static const uint8_t mac[] = {2, 0, 0, 0, 0, 9}, no_mac[6];
   static const struct {
      const char *name;
      uint16_t link;
      unsigned version; /* of IP */
      const char *header;
      size_t size;
      bool mac;
   } cases[] = {
       {"ethernet", LINK_ETHERNET, 4, "\2\0\0\0\0\1\2\0\0\0\0\11\10\0", 14, true},
       {"null, little endian", LINK_NULL, 4, "\2\0\0\0", 4, false},
       {"null, big endian", LINK_NULL, 6, "\0\0\0\36", 4, false},
       {"raw", LINK_RAW, 4, "", 0, false},
       {"raw", LINK_RAW, 6, "", 0, false},
       {"raw of BSD", 12, 4, "", 0, false},
       {"IPv4", LINK_IPV4, 4, "", 0, false},
       {"IPv6", LINK_IPV6, 6, "", 0, false},
       {"cooked", LINK_SLL, 4, "\0\4\0\1\0\6\2\0\0\0\0\11\0\0\10\0", 16, true},
       {"cooked, not of Ethernet", LINK_SLL, 6, "\0\4\2\0\0\6\2\0\0\0\0\11\0\0\206\335", 16, false},
       {"cooked 2", LINK_SLL2, 4, "\10\0\0\0\0\0\0\1\0\1\4\6\2\0\0\0\0\11\0\0", 20, true},
       {"cooked 2, not of Ethernet", LINK_SLL2, 6, "\206\335\0\0\0\0\0\1\2\0\4\6\2\0\0\0\0\11\0\0", 20,
        false},
   };
   struct packet packet;
   (void) state;
   for (size_t i = 0; i < LEN(cases); i++) {
      struct frame f = {.size = 0};
      put(&f, cases[i].header, cases[i].size);
      if (cases[i].version == 4) {
         ipv4(&f, 6, 20, 0);
      } else {
         ipv6(&f, 6, 20);
      }
      tcp(&f, 1000, 80, 2);
      assert_true(packet_link_known(cases[i].link));
      if (parse_link(&f, cases[i].link, f.size, &packet) != PARSE_OK ||
          packet.ip_version != cases[i].version || packet.src_port != 1000 || packet.dst_port != 80) {
         fail_msg("%s, IPv%u", cases[i].name, cases[i].version);
      }
      assert_memory_equal(packet.src_mac, cases[i].mac ? mac : no_mac, 6);
      for (size_t n = 0; n < f.size; n++) {
         enum parse_result cut = parse_link(&f, cases[i].link, n, &packet);
         assert_true(n >= cases[i].size || cut != PARSE_OK);
      }
   }
   assert_false(packet_link_known(105)); /* IEEE 802.11 */
}

static void unknown_gre_is_a_flow_of_the_tunnel(void **state)
{
   struct frame f = {.size = 0};
   struct packet packet;
   (void) state;
   ethernet(&f, 0x0800);
   ipv4(&f, 47, 12, 0);
   put(&f, "\x20\x01\x88\x0b\0\0\0\0\0\0\0\0", 12);
   assert_int_equal(parse(&f, f.size, &packet), PARSE_OK);
   assert_int_equal(packet.protocol, 47);
   assert_int_equal(packet.ip_bytes, 32);
}

static void malformed_packets_are_told_from_other_protocols(void **state)
{
   struct frame arp = {.size = 0}, shorter = arp, version = arp, loop = arp;
   struct packet packet;
   (void) state;
   ethernet(&arp, 0x0806);
   put(&arp, "\0\1\x08\0\6\4\0\1", 8);
   assert_int_equal(parse(&arp, arp.size, &packet), PARSE_NOT_IP);
   ethernet(&shorter, 0x0800);
   ipv4(&shorter, 6, 0, 0);
   shorter.bytes[14] = 0x44; /* a header of 16 bytes */
   assert_int_equal(parse(&shorter, shorter.size, &packet), PARSE_MALFORMED);
   ethernet(&version, 0x0800);
   ipv6(&version, 6, 0);
   assert_int_equal(parse(&version, version.size, &packet), PARSE_MALFORMED);
   ethernet(&loop, 0x8100);
   for (int i = 0; i < 100; i++) {
      put(&loop, "\0\1\x81\0", 4);
   }
   assert_int_equal(parse(&loop, loop.size, &packet), PARSE_MALFORMED);
}

static void padding_of_the_frame_is_no_payload(void **state)
{
   struct frame f = {.size = 0};
   struct packet packet;
   (void) state;
   ethernet(&f, 0x0800);
   ipv4(&f, 17, 8 + 3, 0);
   udp(&f, 5000, 53, 3);
   put(&f, "abc", 3);
   put(&f, "\0\0\0\0\0\0\0\0\0", 9);
   assert_int_equal(parse(&f, f.size, &packet), PARSE_OK);
   assert_int_equal(packet.payload_wire, 3);
   assert_int_equal(packet.payload_captured, 3);
   assert_memory_equal(packet.payload, "abc", 3);
}

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
       cmocka_unit_test(every_encapsulation_leads_to_the_same_flow),
       cmocka_unit_test(every_link_type_leads_to_the_same_flow),
       cmocka_unit_test(unknown_gre_is_a_flow_of_the_tunnel),
       cmocka_unit_test(malformed_packets_are_told_from_other_protocols),
       cmocka_unit_test(padding_of_the_frame_is_no_payload),
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
