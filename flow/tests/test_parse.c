/* SPDX-License-Identifier: BSD-3-Clause */
/** The parser of packets: links, tags, tunnels, IP. */
#include "parse/packet.h"

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

static enum parse_result parse_frame(const struct frame *f, uint16_t link, enum parse_depth depth,
                                     size_t captured, struct packet *packet)
{
   static uint8_t *copy; /* the result points into it */
   free(copy);
   copy = malloc(captured > 0 ? captured : 1); /* exact: sanitizers see a read past its end */
   memcpy(copy, f->bytes, captured);
   struct raw_packet raw = {.data = copy,
                            .time = 1000000000,
                            .captured = (uint32_t) captured,
                            .wire = (uint32_t) f->size,
                            .link = link};
   return packet_parse(&raw, depth, packet);
}

static enum parse_result parse_link(const struct frame *f, uint16_t link, size_t captured,
                                    struct packet *packet)
{
   return parse_frame(f, link, PARSE_OUTER, captured, packet);
}

static enum parse_result parse_as(enum parse_depth depth, const struct frame *f, size_t captured,
                                  struct packet *packet)
{
   return parse_frame(f, LINK_ETHERNET, depth, captured, packet);
}

static enum parse_result parse(const struct frame *f, size_t captured, struct packet *packet)
{
   return parse_link(f, LINK_ETHERNET, captured, packet);
}

/* A SYN. */
static void put_inner(struct frame *f, unsigned version)
{
   if (version == 4) {
      ipv4(f, 6, 20, 0);
   } else {
      ipv6(f, 6, 20);
   }
   tcp(f, 1000, 80, 2);
}

/* --------------------------------------------------------------------- tests */

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
       {"IEEE 802.3, SNAP", LINK_ETHERNET, 4, "\2\0\0\0\0\1\2\0\0\0\0\11\0\60\252\252\3\0\0\0\10\0", 22,
        true},
       {"OpenBSD loopback", LINK_LOOP, 6, "\0\0\0\30", 4, false},
       {"raw of OpenBSD", 14, 4, "", 0, false},
       {"PPP", LINK_PPP, 4, "\0\41", 2, false},
       {"PPP, as in HDLC", LINK_PPP, 6, "\377\3\0\127", 4, false},
       {"PPP, compressed", LINK_PPP, 4, "\377\3\41", 3, false},
       {"PPP in HDLC", LINK_PPP_HDLC, 4, "\377\3\0\41", 4, false},
       {"PPP in HDLC, Cisco", LINK_PPP_HDLC, 6, "\17\0\206\335", 4, false},
       {"PPPoE", LINK_PPP_ETHER, 4, "\21\0\0\1\0\52\0\41", 8, false},
       {"PPP, direction", LINK_PPP_WITH_DIR, 4, "\1\377\3\0\41", 5, false},
       {"PPP, direction as address", LINK_PPP_WITH_DIR, 6, "\0\3\0\127", 4, false},
       {"PPP of pppd", LINK_PPP_PPPD, 4, "\0\0\41", 3, false},
       {"Cisco HDLC", LINK_C_HDLC, 4, "\217\0\10\0", 4, false},
       {"frame relay", LINK_FRELAY, 4, "\30\101\3\314", 4, false},
       {"frame relay, SNAP", LINK_FRELAY, 6, "\30\101\3\0\200\0\0\0\206\335", 10, false},
       {"frame relay, Cisco", LINK_FRELAY, 4, "\30\100\100\101\10\0", 6, false},
       {"encapsulation", LINK_ENC, 4, "\2\0\0\0\0\0\0\1\0\0\0\0", 12, false},
       {"pflog", LINK_PFLOG, 6, "\5\30\0\0em0\0", 8, false},
       {"NFLOG, little endian", LINK_NFLOG, 4, "\2\0\0\5\10\0\1\0\10\0\0\0\54\0\11\0", 16, false},
       {"NFLOG, big endian", LINK_NFLOG, 6, "\12\0\0\5\0\6\0\12lo\0\0\0\100\0\11", 16, false},
       {"MPLS", LINK_MPLS, 4, "\0\2\1\100", 4, false},
       {"cooked, LLC", LINK_SLL, 4, "\0\4\0\1\0\6\2\0\0\0\0\11\0\0\0\4\252\252\3\0\0\0\10\0", 24, true},
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
   assert_false(packet_link_known(220)); /* USB */
   struct frame f = {.size = 0};
   put(&f, "12345678", 8);
   assert_int_equal(parse_link(&f, 220, f.size, &packet), PARSE_UNKNOWN_LINK);
   assert_string_equal(packet_link_name(220), "USB, Linux");
   assert_string_equal(packet_link_name(65000), "unassigned");
}

/* IEEE 802.11: addresses by direction, QoS, several frames in one, encrypted frames, and what radiotap says of padding. */
static void wireless_frames_are_read(void **state)
{
   static const struct {
      const char *name;
      const char *header;
      size_t size;
      unsigned src, dst; /* last bytes of the addresses; 0: not IP */
   } cases[] = {
       {"to the station", "\10\2\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0", 24, 3, 1},
       {"to the network", "\10\1\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0", 24, 2, 3},
       {"between stations, QoS", "\210\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0\0\0", 26, 2, 1},
       {"bridge", "\10\3\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0\2\0\0\0\0\4", 30, 4, 3},
       {"QoS, HT control", "\210\200\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0\0\0\0\0\0\0", 30, 2, 1},
       {"several frames",
        "\210\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0\200\0"
        "\2\0\0\0\0\1\2\0\0\0\0\2\0\60",
        40, 2, 1},
       {"encrypted", "\10\100\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0", 24, 0, 0},
       {"no data", "\110\1\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0", 24, 0, 0},
       {"beacon", "\200\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\2\0\0\0\0\3\0\0", 24, 0, 0},
   };
   static const struct {
      const char *header;
      size_t size;
      bool padded;
   } radios[] = {{"\0\0\10\0\0\0\0\0", 8, false},
                 {"\0\0\11\0\2\0\0\0\40", 9, true},                                     /* flags: padded */
                 {"\0\0\31\0\3\0\0\200\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\40", 25, true}}; /* behind a time */
   struct packet packet;
   (void) state;
   for (size_t i = 0; i < LEN(cases); i++) {
      for (size_t r = 0; r <= LEN(radios); r++) {
         struct frame f = {.size = 0};
         size_t mac = cases[i].size == 40 ? 26 : cases[i].size;
         if (r > 0) {
            put(&f, radios[r - 1].header, radios[r - 1].size);
         }
         put(&f, cases[i].header, mac);
         put(&f, "\0\0\0", r > 0 && radios[r - 1].padded ? (4 - mac % 4) % 4 : 0);
         put(&f, cases[i].header + mac, cases[i].size - mac);
         put(&f, "\252\252\3\0\0\0\10\0", 8);
         put_inner(&f, 4);
         uint16_t link = r > 0 ? LINK_RADIOTAP : LINK_80211;
         enum parse_result result = parse_link(&f, link, f.size, &packet);
         if (result != (cases[i].src != 0 ? PARSE_OK : PARSE_NOT_IP)) {
            fail_msg("%s, radiotap %zu: %d", cases[i].name, r, result);
         }
         if (result == PARSE_OK) {
            assert_int_equal(packet.dst_port, 80);
            assert_int_equal(packet.src_mac[5], cases[i].src);
            assert_int_equal(packet.dst_mac[5], cases[i].dst);
         }
         for (size_t n = 0; n < f.size; n++) {
            parse_link(&f, link, n, &packet);
         }
      }
   }
}

/* What goes before the inner packet, behind an IP header of this version and protocol. */
static const struct tunnel {
   const char *name;
   unsigned version, protocol;
   unsigned port; /* of UDP, 0: none */
   const char *header;
   size_t size;
   unsigned inner; /* version */
   bool outer;     /* entered by default, too */
} tunnels[] = {
    {"IPv4 in IPv4", 4, 4, 0, "", 0, 4, false},
    {"IPv6 in IPv4", 4, 41, 0, "", 0, 6, false},
    {"IPv4 in IPv6", 6, 4, 0, "", 0, 4, false},
    {"IPv6 in IPv6", 6, 41, 0, "", 0, 6, false},
    {"GRE over IPv4", 4, 47, 0, "\0\0\10\0", 4, 4, true},
    {"GRE over IPv6, all fields", 6, 47, 0, "\260\0\206\335\0\0\0\0\0\0\0\7\0\0\0\1", 16, 6, false},
    {"PPTP", 4, 47, 0, "\60\201\210\13\0\60\0\1\0\0\0\1\0\0\0\2\0\41", 18, 4, false},
    {"WCCP", 4, 47, 0, "\0\0\210\76\0\0\0\0", 8, 4, false},
    {"ERSPAN I", 4, 47, 0, "\0\0\210\276\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 18, 4, false},
    {"ERSPAN II", 4, 47, 0, "\20\0\210\276\0\0\0\1\20\1\0\1\0\0\0\1\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 30, 4,
     false},
    {"ERSPAN III", 4, 47, 0, "\20\0\42\353\0\0\0\1\40\1\0\1\0\0\0\1\0\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\206\335",
     34, 6, false},
    {"ERSPAN III, platform", 6, 47, 0,
     "\20\0\42\353\0\0\0\1\40\1\0\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 42, 4,
     false},
    {"AH, IP in IP", 4, 51, 0, "\4\4\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 24, 4, false},
    {"AH", 4, 51, 0, NULL, 0, 0, false},
    {"EtherIP", 4, 97, 0, "\60\0\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 16, 4, false},
    {"MPLS in IP", 6, 137, 0, "\0\2\1\100", 4, 4, false},
    {"L2TPv3 over IP, cookie", 4, 115, 0, "\0\0\0\7\1\2\3\4\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 22, 4, false},
    {"VXLAN", 4, 17, 4789, "\10\0\0\0\0\0\7\0\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 22, 4, false},
    {"VXLAN, tagged frame", 6, 17, 4789, "\10\0\0\0\0\0\7\0\2\0\0\0\0\1\2\0\0\0\0\2\201\0\0\5\206\335", 26, 6,
     false},
    {"VXLAN-GPE", 4, 17, 4790, "\14\0\0\2\0\0\7\0", 8, 6, false},
    {"Geneve, options", 4, 17, 6081, "\1\0\145\130\0\0\7\0\0\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 26, 4,
     false},
    {"Geneve, IP", 6, 17, 6081, "\0\0\206\335\0\0\7\0", 8, 6, false},
    {"GTP-U", 4, 17, 2152, "\60\377\0\50\0\0\0\1", 8, 4, false},
    {"GTP-U, extension", 4, 17, 2152, "\64\377\0\50\0\0\0\1\0\0\0\205\1\0\0\0", 16, 6, false},
    {"L2TP", 4, 17, 1701, "\100\2\0\0\0\1\0\1\377\3\0\41", 12, 4, false},
    {"L2TP, offset and sequence", 4, 17, 1701, "\12\2\0\1\0\1\0\0\0\0\0\2\0\0\0\127", 16, 6, false},
    {"L2TPv3", 4, 17, 1701, "\0\3\0\0\0\0\0\7\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 22, 4, false},
    {"Teredo, origin", 4, 17, 3544, "\0\0\1\2\3\4\5\6", 8, 6, false},
    {"MPLS in UDP", 4, 17, 6635, "\0\2\1\100", 4, 4, false},
};

static void put_tunnel(struct frame *f, const struct tunnel *t, size_t inner)
{
   size_t size = t->size + inner + (t->port != 0 ? 8 : 0);
   if (t->version == 4) {
      ipv4(f, t->protocol, size, 0);
   } else {
      ipv6(f, t->protocol, size);
   }
   if (t->port != 0) {
      udp(f, 50000, t->port, (unsigned) (t->size + inner));
   }
   put(f, t->header, t->size);
}

static void inner_packets_are_found_in_every_tunnel(void **state)
{
   struct packet packet;
   (void) state;
   for (size_t i = 0; i < LEN(tunnels); i++) {
      struct frame f = {.size = 0};
      struct tunnel t = tunnels[i];
      bool transport = t.inner == 0; /* AH before the transport header */
      ethernet(&f, t.version == 4 ? 0x0800 : 0x86dd);
      if (transport) {
         t.header = "\6\4\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0";
         t.size = 24;
         put_tunnel(&f, &t, 20);
         tcp(&f, 1000, 80, 2);
      } else {
         put_tunnel(&f, &t, t.inner == 4 ? 40 : 60);
         put_inner(&f, t.inner);
      }
      if (parse_as(PARSE_INNER, &f, f.size, &packet) != PARSE_OK || packet.protocol != 6 ||
          packet.dst_port != 80 || packet.src_port != 1000 || packet.payload_wire != 0 || packet.fragment ||
          packet.ip_bytes != (transport      ? 64
                              : t.inner == 4 ? 40
                                             : 60)) {
         fail_msg("%s: protocol %u, port %u", t.name, packet.protocol, packet.dst_port);
      }
      assert_int_equal(parse(&f, f.size, &packet), PARSE_OK);
      if (t.outer ? packet.dst_port != 80 : packet.protocol != t.protocol || packet.ip_version != t.version) {
         fail_msg("%s by default: protocol %u", t.name, packet.protocol);
      }
      /* Cut anywhere or with any byte changed, nothing is read past the end; where the inside is cut, the packet around it counts. */
      for (size_t n = 0; n < f.size; n++) {
         enum parse_result result = parse_as(PARSE_INNER, &f, n, &packet);
         assert_true(n < 14 + 40 || result == PARSE_OK);
         f.bytes[n] ^= 0xff;
         parse_as(PARSE_INNER, &f, f.size, &packet);
         f.bytes[n] ^= 0xff;
      }
   }
}

static void tunnels_are_entered_as_deep_as_the_rule_says(void **state)
{
   (void) state;
   for (unsigned depth = 1; depth <= PARSE_MAX_LAYERS; depth++) {
      struct frame f = {.size = 0};
      struct packet packet;
      ethernet(&f, 0x0800);
      for (unsigned i = depth; i > 0; i--) {
         put_tunnel(&f, &tunnels[0], (size_t) 20 * (i - 1) + 40);
      }
      put_inner(&f, 4);
      assert_int_equal(parse_as(PARSE_INNER, &f, f.size, &packet), PARSE_OK);
      /* Two headers each: the tunnel and what it leads to. Where that is too deep, the deepest within the limit counts. */
      assert_int_equal(packet.protocol, depth <= PARSE_MAX_LAYERS / 2 ? 6 : 4);
   }
}

static void tags_are_passed_over(void **state)
{
   static const struct {
      const char *name;
      unsigned type;
      const char *bytes;
      size_t size;
   } tags[] = {
       {"Cisco SGT", 0x8909, "\1\1\0\1\0\7\10\0", 8},
       {"VN-Tag", 0x8926, "\0\1\0\2\10\0", 6},
       {"802.1ah", 0x88e7, "\0\0\0\7\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 18},
       {"HSR", 0x892f, "\0\52\0\1\10\0", 6},
       {"NSH", 0x894f, "\0\2\1\1\0\0\7\0", 8},
       {"NSH, Ethernet", 0x894f, "\0\3\1\3\0\0\7\0\0\0\0\0\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 26},
       {"MACsec", 0x88e5, "\0\0\0\0\0\1\10\0", 8},
       {"MPLS, frame without a control word", 0x8847, "\0\2\1\100\2\0\0\0\0\1\2\0\0\0\0\2\10\0", 18},
       {"MPLS, frame that begins like IPv4", 0x8847, "\0\2\1\100\106\0\0\1\0\1\2\0\0\0\0\2\10\0", 18},
   };
   struct packet packet;
   (void) state;
   for (size_t i = 0; i < LEN(tags); i++) {
      struct frame f = {.size = 0};
      ethernet(&f, tags[i].type);
      put(&f, tags[i].bytes, tags[i].size);
      put_inner(&f, 4);
      put(&f, "0123456789012345", tags[i].type == 0x88e5 ? 16 : 0);
      if (parse(&f, f.size, &packet) != PARSE_OK || packet.dst_port != 80 || packet.payload_wire != 0) {
         fail_msg("%s", tags[i].name);
      }
      for (size_t n = 0; n < f.size; n++) {
         parse(&f, n, &packet);
      }
   }
}

/* What nobody could tell: an attempt for each way to read it, in each of the frames, must not multiply. */
static void attempts_do_not_multiply(void **state)
{
   struct frame f = {.size = 0};
   struct packet packet;
   (void) state;
   ethernet(&f, 0x8847);
   while (f.size < sizeof(f.bytes) - 64) {
      put(&f, "\0\2\1\100\0\0\0\0", 8);
      ethernet(&f, 0x8847);
   }
   assert_int_not_equal(parse_as(PARSE_INNER, &f, f.size, &packet), PARSE_OK);
}

static void snapshot_length_is_told_from_malformed(void **state)
{
   struct frame f = {.size = 0};
   struct packet packet;
   (void) state;
   ethernet(&f, 0x0800);
   put_inner(&f, 4);
   for (size_t n = 0; n < 34; n++) {
      assert_int_equal(parse(&f, n, &packet), PARSE_TRUNCATED);
   }
   assert_int_equal(parse(&f, 34, &packet), PARSE_OK);
   f.size = 30;
   assert_int_equal(parse(&f, 30, &packet), PARSE_MALFORMED);
}

/* A packet that the network card is to cut has no length; a jumbogram has it in an option, which may say anything. */
static void lengths_of_ipv6_packets_without_one(void **state)
{
   static const char *const options[] = {"", "\6\0\302\4\0\0\0\200", "\6\0\302\4\377\377\377\377"};
   struct packet packet;
   (void) state;
   for (size_t i = 0; i < LEN(options); i++) {
      struct frame f = {.size = 0};
      size_t option = i > 0 ? 8 : 0;
      ethernet(&f, 0x86dd);
      ipv6(&f, i > 0 ? 0 : 6, 0);
      put(&f, options[i], option);
      tcp(&f, 1000, 80, 2);
      for (int k = 0; k < 10; k++) {
         put(&f, "0123456789", 10);
      }
      put(&f, "padding!", i == 1 ? 8 : 0);
      assert_int_equal(parse(&f, f.size, &packet), PARSE_OK);
      assert_int_equal(packet.dst_port, 80);
      assert_int_equal(packet.payload_captured, 100);
      assert_int_equal(packet.ip_bytes, 40 + option + 120);
      assert_int_equal(parse(&f, 14 + 40 + option + 24, &packet), PARSE_OK);
      assert_int_equal(packet.payload_captured, 4);
      assert_int_equal(packet.payload_wire, 100); /* what was not captured counts, too */
   }
   struct frame f = {.size = 0};
   ethernet(&f, 0x86dd);
   ipv6(&f, 135, 8);
   put(&f, "\73\0\5\0\0\0\0\0", 8); /* mobility */
   assert_int_equal(parse(&f, f.size, &packet), PARSE_OK);
   assert_int_equal(packet.protocol, 135);
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

static void ports_of_sctp_are_part_of_the_flow(void **state)
{
   struct frame f = {.size = 0};
   struct packet packet;
   (void) state;
   ethernet(&f, 0x0800);
   ipv4(&f, 132, 12 + 4, 0);
   put(&f, "\x0b\x59\x0b\x5a\1\2\3\4\0\0\0\0", 12);
   put(&f, "\1\0\0\4", 4);
   assert_int_equal(parse(&f, f.size, &packet), PARSE_OK);
   assert_int_equal(packet.src_port, 2905);
   assert_int_equal(packet.dst_port, 2906);
   assert_int_equal(packet.payload_wire, 4);
   assert_memory_equal(packet.payload, "\1\0\0\4", 4);
   assert_int_equal(parse(&f, 14 + 20 + 3, &packet), PARSE_OK); /* cut within the ports */
   assert_int_equal(packet.src_port, 0);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(ports_of_sctp_are_part_of_the_flow),
       cmocka_unit_test(every_encapsulation_leads_to_the_same_flow),
       cmocka_unit_test(every_link_type_leads_to_the_same_flow),
       cmocka_unit_test(wireless_frames_are_read),
       cmocka_unit_test(inner_packets_are_found_in_every_tunnel),
       cmocka_unit_test(tunnels_are_entered_as_deep_as_the_rule_says),
       cmocka_unit_test(tags_are_passed_over),
       cmocka_unit_test(attempts_do_not_multiply),
       cmocka_unit_test(snapshot_length_is_told_from_malformed),
       cmocka_unit_test(lengths_of_ipv6_packets_without_one),
       cmocka_unit_test(unknown_gre_is_a_flow_of_the_tunnel),
       cmocka_unit_test(malformed_packets_are_told_from_other_protocols),
       cmocka_unit_test(padding_of_the_frame_is_no_payload),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
