/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Tunnels: IP packets in IP packets. Border: see parse.c.
 *
 * The rule for how deep: each tunnel that leads to an IP packet is entered, the innermost packet is the one that counts. Where
 * the inside is no IP, is malformed, cut off, encrypted, a later fragment, or lies behind more than PARSE_MAX_LAYERS headers, the
 * packet around it counts. Over UDP the destination port names the tunnel; since anyone may use a port, every field
 * that has one right value is checked.
 *
 * Sources: RFC 2784, 2890, 2637 (GRE), 1853, 2473 (IP in IP), 3378 (EtherIP), 4023, 7510 (MPLS in IP and UDP), 4302 (AH), 7348 (VXLAN),
 * 8926 (Geneve), 2661 and 3931 (L2TP), 4380 (Teredo), draft-foschiano-erspan, 3GPP TS 29.281 (GTP-U).
 */
#include "bytes.h"
#include "layers.h"

enum { /* GRE */
       GRE_ERSPAN_3 = 0x22eb,
       GRE_WCCP = 0x883e,
       GRE_PPP = 0x880b,
       GRE_ERSPAN = 0x88be,
       GRE_CHECKSUM = 0x8000,
       GRE_KEY = 0x2000,
       GRE_SEQUENCE = 0x1000,
       GRE_ACK = 0x0080
};

enum { /* IP */
       PROTO_IPV4 = 4,
       PROTO_IPV6 = 41,
       PROTO_GRE = 47,
       PROTO_ETHERIP = 97,
       PROTO_L2TP = 115,
       PROTO_MPLS = 137
};

enum { /* UDP */
       PORT_L2TP = 1701,
       PORT_GTP = 2152,
       PORT_TEREDO = 3544,
       PORT_VXLAN = 4789,
       PORT_VXLAN_GPE = 4790,
       PORT_GENEVE = 6081,
       PORT_MPLS = 6635,
       PORT_VXLAN_LINUX = 8472
};

/* A packet that has what the frame has, and nothing of the packet around it. */
static struct packet inside(const struct packet *outer)
{
   return (struct packet){.time = outer->time,
                          .wire = outer->wire,
                          .src_mac = outer->src_mac,
                          .dst_mac = outer->dst_mac,
                          .vlan = outer->vlan,
                          .mpls = outer->mpls};
}

/* Replaces *packet by the packet behind a header of this length, if there is one. */
static bool enter(struct cursor c, size_t header, unsigned type, struct packet *packet)
{
   struct packet inner = inside(packet);
   if (!have(&c, header) || !take_layer(&c)) {
      return false;
   }
   c.p += header;
   if (parse_ethertype(c, type, &inner) != PARSE_OK) {
      return false;
   }
   *packet = inner;
   return true;
}

static bool enter_ip(struct cursor c, size_t header, struct packet *packet)
{
   if (!have(&c, header)) {
      return false;
   }
   c.p += header;
   return ip_type(&c) != 0 && enter(c, 0, ip_type(&c), packet);
}

static bool enter_ppp(struct cursor c, size_t header, struct packet *packet)
{
   struct packet inner = inside(packet);
   if (!have(&c, header) || !take_layer(&c)) {
      return false;
   }
   c.p += header;
   if (parse_ppp(c, &inner) != PARSE_OK) {
      return false;
   }
   *packet = inner;
   return true;
}

/* ------------------------------------------------------------------------ GRE */

/* Version 1: PPTP. */
static bool parse_gre_ppp(struct cursor c, unsigned flags, unsigned type, struct packet *packet)
{
   size_t header = 8 + ((flags & GRE_SEQUENCE) != 0 ? 4 : 0) + ((flags & GRE_ACK) != 0 ? 4 : 0);
   return type == GRE_PPP && (flags & GRE_KEY) != 0 && (flags & GRE_SEQUENCE) != 0 &&
          enter_ppp(c, header, packet);
}

/* A mirrored frame: type I has no header of its own and no sequence number, II has 8 bytes, III 12 or 20. */
static bool parse_erspan(struct cursor c, unsigned flags, unsigned type, size_t header, struct packet *packet)
{
   if (!have(&c, header)) {
      return false;
   }
   c.p += header;
   if (type == GRE_ERSPAN && (flags & GRE_SEQUENCE) == 0) {
      return enter(c, 0, ETH_BRIDGE, packet);
   }
   if (type == GRE_ERSPAN) {
      return have(&c, 8) && c.p[0] >> 4 == 1 && enter(c, 8, ETH_BRIDGE, packet);
   }
   return have(&c, 12) && c.p[0] >> 4 == 2 && enter(c, (c.p[11] & 1) != 0 ? 20 : 12, ETH_BRIDGE, packet);
}

bool parse_gre(struct cursor c, struct packet *packet)
{
   if (!have(&c, 4)) {
      return false;
   }
   unsigned flags = load_be16(c.p), type = load_be16(c.p + 2);
   if (c.inner && (flags & 7) == 1) {
      return parse_gre_ppp(c, flags, type, packet);
   }
   if ((flags & 0x4007) != 0) { /* source routes, or another version */
      return false;
   }
   size_t header = 4 + 4 * (size_t) ((flags & GRE_CHECKSUM) != 0) + 4 * (size_t) ((flags & GRE_KEY) != 0) +
                   4 * (size_t) ((flags & GRE_SEQUENCE) != 0);
   if (c.inner && (type == GRE_ERSPAN || type == GRE_ERSPAN_3)) {
      return parse_erspan(c, flags, type, header, packet);
   }
   if (c.inner && type == GRE_WCCP) { /* version 2 has a redirect header of 4 bytes */
      return enter(c, header, ETH_IPV4, packet) || enter(c, header + 4, ETH_IPV4, packet);
   }
   return enter(c, header, type, packet);
}

/* ------------------------------------------------------------------- over IP */

/* L2TP version 3 does not say what follows its header; both ends know. The usual forms that lead to IP are tried. */
static bool parse_l2tp3(struct cursor c, struct packet *packet)
{
   static const uint8_t cookies[] = {0, 4, 8};
   if (!have(&c, 4) || load_be32(c.p) == 0) { /* session 0: control */
      return false;
   }
   for (size_t i = 0; i < 2 * sizeof(cookies); i++) {
      size_t header = 4u + cookies[i / 2] + (i % 2 == 0 ? 4 : 0); /* with and without the default sublayer */
      if (have(&c, header + 14)) {
         unsigned type = load_be16(c.p + header + 12);
         if ((type == ETH_IPV4 || type == ETH_IPV6 || type == 0x8100) &&
             enter(c, header, ETH_BRIDGE, packet)) {
            return true;
         }
      }
   }
   return false;
}

bool parse_tunnel(struct cursor c, struct packet *packet)
{
   switch (packet->protocol) {
   case PROTO_IPV4: return enter(c, 0, ETH_IPV4, packet);
   case PROTO_IPV6: return enter(c, 0, ETH_IPV6, packet);
   case PROTO_GRE: return parse_gre(c, packet);
   case PROTO_ETHERIP: return have(&c, 2) && c.p[0] >> 4 == 3 && enter(c, 2, ETH_BRIDGE, packet);
   case PROTO_MPLS: return enter(c, 0, ETH_MPLS, packet);
   case PROTO_L2TP: return parse_l2tp3(c, packet);
   default: return false;
   }
}

/* ------------------------------------------------------------------ over UDP */

static bool parse_vxlan(struct cursor c, bool extended, struct packet *packet)
{
   static const uint16_t types[] = {0, ETH_IPV4, ETH_IPV6, ETH_BRIDGE, ETH_NSH, ETH_MPLS};
   if (!have(&c, 8) || (c.p[0] & 0x08) == 0 || c.p[7] != 0) {
      return false;
   }
   if (!extended || (c.p[0] & 0x04) == 0) {
      return enter(c, 8, ETH_BRIDGE, packet);
   }
   unsigned next = c.p[3];
   return next > 0 && next < sizeof(types) / sizeof(types[0]) && enter(c, 8, types[next], packet);
}

static bool parse_geneve(struct cursor c, struct packet *packet)
{
   return have(&c, 8) && c.p[0] >> 6 == 0 && (c.p[1] & 0x3f) == 0 && c.p[7] == 0 &&
          enter(c, 8 + 4 * (size_t) (c.p[0] & 63), load_be16(c.p + 2), packet);
}

static bool parse_gtp(struct cursor c, struct packet *packet)
{
   enum { USER_DATA = 255, ANY = 7, EXTENSION = 4, MAX_EXTENSIONS = 8 };
   if (!have(&c, 8) || c.p[0] >> 4 != 3 || c.p[1] != USER_DATA) {
      return false;
   }
   unsigned flags = c.p[0];
   size_t header = 8;
   if ((flags & ANY) != 0) {
      header += 4;
      for (unsigned n = 0; (flags & EXTENSION) != 0 && have(&c, header + 1) && c.p[header - 1] != 0; n++) {
         if (c.p[header] == 0 || n == MAX_EXTENSIONS) {
            return false;
         }
         header += 4 * (size_t) c.p[header]; /* its last byte is the type of the next */
         if (!have(&c, header)) {
            return false;
         }
      }
   }
   return enter_ip(c, header, packet);
}

static bool parse_l2tp(struct cursor c, struct packet *packet)
{
   enum { CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200 };
   if (!have(&c, 6)) {
      return false;
   }
   unsigned flags = load_be16(c.p);
   if ((flags & CONTROL) != 0) {
      return false;
   }
   if ((flags & 15) == 3) {
      c.p += 4;
      return parse_l2tp3(c, packet);
   }
   if ((flags & 15) != 2) {
      return false;
   }
   size_t header = 6 + ((flags & LENGTH) != 0 ? 2u : 0u) + ((flags & SEQUENCE) != 0 ? 4u : 0u);
   if ((flags & OFFSET) != 0) {
      if (!have(&c, header + 2)) {
         return false;
      }
      header += 2u + load_be16(c.p + header);
   }
   return enter_ppp(c, header, packet);
}

/* Behind an authentication and the address of the sender, which are optional. */
static bool parse_teredo(struct cursor c, struct packet *packet)
{
   if (have(&c, 4) && c.p[0] == 0 && c.p[1] == 1) {
      size_t header = 13u + c.p[2] + c.p[3];
      if (!have(&c, header)) {
         return false;
      }
      c.p += header;
   }
   if (have(&c, 8) && c.p[0] == 0 && c.p[1] == 0) {
      c.p += 8;
   }
   return have(&c, 40) && ip_type(&c) == ETH_IPV6 && enter(c, 0, ETH_IPV6, packet);
}

bool parse_udp_tunnel(struct cursor c, struct packet *packet)
{
   switch (packet->dst_port) {
   case PORT_VXLAN:
   case PORT_VXLAN_LINUX: return parse_vxlan(c, false, packet);
   case PORT_VXLAN_GPE: return parse_vxlan(c, true, packet);
   case PORT_GENEVE: return parse_geneve(c, packet);
   case PORT_GTP: return parse_gtp(c, packet);
   case PORT_L2TP: return parse_l2tp(c, packet);
   case PORT_MPLS: return enter(c, 0, ETH_MPLS, packet);
   case PORT_TEREDO: return parse_teredo(c, packet);
   default: return packet->src_port == PORT_TEREDO && parse_teredo(c, packet);
   }
}
