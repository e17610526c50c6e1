/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * From the frame to the transport header. Border: every byte here is the network's. Each step checks that what it
 * reads was captured; what is missing by the snap length is not an error as long as the flow is known.
 * Sources: IEEE 802.1Q, RFC 791, 8200, 3032 (MPLS), 4385 (EoMPLS), 2516 (PPPoE), 2784 and 2890 (GRE), 6325 (TRILL).
 */
#include "packet.h"

#include "bytes.h"

#include <string.h>

#define MAX_LAYERS      16 /* headers below IP, or IPv6 extension headers, in one packet */
#define ARPHRD_ETHERNET 1
#define ETH_IPV4        0x0800
#define ETH_IPV6        0x86dd
#define ETH_VLAN        0x8100
#define ETH_QINQ        0x88a8
#define ETH_QINQ_OLD    0x9100
#define ETH_MPLS        0x8847
#define ETH_MPLS_MCAST  0x8848
#define ETH_PPPOE       0x8864
#define ETH_TRILL       0x22f3
#define ETH_BRIDGE      0x6558 /* GRE: an Ethernet frame */

enum {
   PROTO_HOP = 0,
   PROTO_TCP = 6,
   PROTO_UDP = 17,
   PROTO_ROUTING = 43,
   PROTO_FRAGMENT = 44,
   PROTO_GRE = 47,
   PROTO_AH = 51,
   PROTO_DEST = 60,
   PROTO_MOBILITY = 135
};

struct cursor {
   const uint8_t *p, *end;
   unsigned layers; /* left before the packet counts as malformed */
};

static inline bool have(const struct cursor *c, size_t n)
{
   return (size_t) (c->end - c->p) >= n;
}

bool packet_link_known(uint32_t link)
{
   switch (link) {
   case LINK_NULL:
   case LINK_ETHERNET:
   case LINK_RAW:
   case 12: /* RAW of some BSDs and tools */
   case LINK_SLL:
   case LINK_IPV4:
   case LINK_IPV6:
   case LINK_SLL2: return true;
   default: return false;
   }
}

/* ----------------------------------------------------------------- transport */

static void parse_transport(struct packet *packet, const uint8_t *l4, const uint8_t *end, uint32_t wire)
{
   uint32_t captured = (uint32_t) (end - l4), header = 0;
   packet->l4 = captured > 0 ? l4 : NULL;
   if (packet->protocol == PROTO_TCP && captured >= 14) {
      packet->src_port = load_be16(l4);
      packet->dst_port = load_be16(l4 + 2);
      packet->tcp_flags = l4[13];
      header = (uint32_t) (l4[12] >> 4) * 4;
   } else if ((packet->protocol == PROTO_UDP || packet->protocol == PROTO_TCP) && captured >= 4) {
      packet->src_port = load_be16(l4);
      packet->dst_port = load_be16(l4 + 2);
      header = packet->protocol == PROTO_UDP ? 8 : 20;
   }
   packet->payload_wire = wire > header ? wire - header : 0;
   packet->payload_captured = captured > header ? captured - header : 0;
   if (packet->payload_captured > packet->payload_wire) {
      packet->payload_captured = packet->payload_wire;
   }
   packet->payload = l4 + (captured < header ? captured : header);
}

/* ------------------------------------------------------------------------ IP */

static enum parse_result parse_ethertype(struct cursor c, unsigned type, struct packet *packet);

/* Replaces the outer packet by the packet inside a GRE tunnel. \return false if its type is unknown */
static bool parse_gre(struct cursor c, struct packet *packet)
{
   if (!have(&c, 4) || c.layers == 0) {
      return false;
   }
   unsigned flags = load_be16(c.p), type = load_be16(c.p + 2);
   if ((flags & 0x4007) != 0) { /* source routes, or another version (PPTP) */
      return false;
   }
   size_t header = 4 + 4 * ((flags >> 15 & 1) + (flags >> 13 & 1) + (flags >> 12 & 1));
   if (!have(&c, header)) {
      return false;
   }
   c.p += header;
   c.layers--;
   struct packet inner = *packet;
   if (type == ETH_BRIDGE) {
      if (!have(&c, 14)) {
         return false;
      }
      type = load_be16(c.p + 12);
      c.p += 14;
   }
   if (parse_ethertype(c, type, &inner) != PARSE_OK) {
      return false;
   }
   *packet = inner;
   return true;
}

static void set_ipv4(uint8_t ip[16], const uint8_t *from)
{
   memset(ip, 0, 8);
   memcpy(ip + 8, from, 4);
   memset(ip + 12, 0xff, 4);
}

static enum parse_result parse_ipv4(struct cursor c, struct packet *packet)
{
   if (!have(&c, 20) || c.p[0] >> 4 != 4) {
      return PARSE_MALFORMED;
   }
   const uint8_t *ip = c.p;
   uint32_t header = (uint32_t) (ip[0] & 15) * 4, total = load_be16(ip + 2);
   if (total == 0) { /* left to the network card (offload): the frame has the length */
      total = (uint32_t) (c.end - c.p);
   }
   if (header < 20 || total < header) {
      return PARSE_MALFORMED;
   }
   unsigned fragment = load_be16(ip + 6);
   packet->l3 = ip;
   packet->ip_version = 4;
   packet->protocol = ip[9];
   packet->ip_bytes = total;
   set_ipv4(packet->src_ip, ip + 12);
   set_ipv4(packet->dst_ip, ip + 16);
   packet->fragment = (fragment & 0x3fff) != 0;
   packet->fragment_offset = (uint16_t) ((fragment & 0x1fff) * 8);
   packet->fragment_id = load_be16(ip + 4);
   if (total < (uint32_t) (c.end - c.p)) { /* padding of the frame */
      c.end = c.p + total;
   }
   c.p = have(&c, header) ? c.p + header : c.end;
   packet->payload = c.p;
   packet->payload_wire = total - header;
   packet->payload_captured = (uint32_t) (c.end - c.p);
   if (packet->fragment_offset == 0 && !(packet->protocol == PROTO_GRE && parse_gre(c, packet))) {
      parse_transport(packet, c.p, c.end, total - header);
   }
   return PARSE_OK;
}

/* Walks the extension headers to the last next header. */
static enum parse_result skip_extensions(struct cursor *c, struct packet *packet)
{
   for (unsigned n = 0; n < MAX_LAYERS; n++) {
      size_t length;
      switch (packet->protocol) {
      case PROTO_HOP:
      case PROTO_ROUTING:
      case PROTO_DEST:
      case PROTO_MOBILITY: length = have(c, 2) ? ((size_t) c->p[1] + 1) * 8 : 8; break;
      case PROTO_AH: length = have(c, 2) ? ((size_t) c->p[1] + 2) * 4 : 8; break;
      case PROTO_FRAGMENT:
         length = 8;
         if (have(c, length)) {
            packet->fragment = true;
            packet->fragment_offset = load_be16(c->p + 2) & 0xfff8;
            packet->fragment_id = load_be32(c->p + 4);
         }
         break;
      default: return PARSE_OK;
      }
      if (!have(c, length)) {
         return PARSE_MALFORMED;
      }
      bool later_part = packet->protocol == PROTO_FRAGMENT && packet->fragment_offset != 0;
      packet->protocol = c->p[0];
      c->p += length;
      if (later_part) { /* encrypted: what follows is payload */
         return PARSE_OK;
      }
   }
   return PARSE_MALFORMED;
}

static enum parse_result parse_ipv6(struct cursor c, struct packet *packet)
{
   if (!have(&c, 40) || c.p[0] >> 4 != 6) {
      return PARSE_MALFORMED;
   }
   const uint8_t *ip = c.p;
   uint32_t length = load_be16(ip + 4);
   packet->l3 = ip;
   packet->ip_version = 6;
   packet->protocol = ip[6];
   packet->ip_bytes = length + 40;
   memcpy(packet->src_ip, ip + 8, 16);
   memcpy(packet->dst_ip, ip + 24, 16);
   if (packet->ip_bytes < (uint32_t) (c.end - c.p) && length != 0) {
      c.end = c.p + packet->ip_bytes;
   }
   c.p += 40;
   enum parse_result result = skip_extensions(&c, packet);
   if (result != PARSE_OK) {
      return result;
   }
   uint32_t headers = (uint32_t) (c.p - ip);
   packet->payload = c.p;
   packet->payload_wire = packet->ip_bytes > headers ? packet->ip_bytes - headers : 0;
   packet->payload_captured = (uint32_t) (c.end - c.p);
   if (packet->fragment_offset == 0) {
      parse_transport(packet, c.p, c.end, packet->payload_wire);
   }
   return PARSE_OK;
}

/* ---------------------------------------------------------------------- link */

/* After a label stack: IP by its first bits, or a control word and an Ethernet frame. */
static enum parse_result parse_mpls(struct cursor *c, unsigned *type, struct packet *packet)
{
   bool bottom = false;
   for (unsigned n = 0; !bottom; n++) {
      if (!have(c, 4) || n == MAX_LAYERS) {
         return PARSE_MALFORMED;
      }
      uint32_t entry = load_be32(c->p);
      if (packet->mpls == 0) {
         packet->mpls = entry;
      }
      bottom = (entry & 0x100) != 0;
      c->p += 4;
   }
   if (!have(c, 1)) {
      return PARSE_MALFORMED;
   }
   switch (c->p[0] >> 4) {
   case 4: *type = ETH_IPV4; return PARSE_OK;
   case 6: *type = ETH_IPV6; return PARSE_OK;
   case 0:
      if (!have(c, 4 + 14)) {
         return PARSE_MALFORMED;
      }
      *type = load_be16(c->p + 4 + 12);
      c->p += 4 + 14;
      return PARSE_OK;
   default: return PARSE_NOT_IP;
   }
}

static enum parse_result parse_pppoe(struct cursor *c, unsigned *type)
{
   if (!have(c, 8)) {
      return PARSE_MALFORMED;
   }
   unsigned protocol = load_be16(c->p + 6);
   if (c->p[1] != 0 || (protocol != 0x0021 && protocol != 0x0057)) {
      return PARSE_NOT_IP;
   }
   *type = protocol == 0x0021 ? ETH_IPV4 : ETH_IPV6;
   c->p += 8;
   return PARSE_OK;
}

static enum parse_result parse_trill(struct cursor *c, unsigned *type, struct packet *packet)
{
   size_t header = have(c, 6) ? 6 + 4 * (size_t) (load_be16(c->p) >> 6 & 31) : 6;
   if (!have(c, header + 14)) {
      return PARSE_MALFORMED;
   }
   packet->dst_mac = c->p + header;
   packet->src_mac = packet->dst_mac + 6;
   *type = load_be16(c->p + header + 12);
   c->p += header + 14;
   return PARSE_OK;
}

static enum parse_result parse_ethertype(struct cursor c, unsigned type, struct packet *packet)
{
   bool tagged = false;
   for (; c.layers > 0; c.layers--) {
      enum parse_result result = PARSE_OK;
      switch (type) {
      case ETH_IPV4: return parse_ipv4(c, packet);
      case ETH_IPV6: return parse_ipv6(c, packet);
      case ETH_VLAN:
      case ETH_QINQ:
      case ETH_QINQ_OLD:
         if (!have(&c, 4)) {
            return PARSE_MALFORMED;
         }
         if (!tagged) {
            packet->vlan = load_be16(c.p) & 0xfff;
            tagged = true;
         }
         type = load_be16(c.p + 2);
         c.p += 4;
         break;
      case ETH_MPLS:
      case ETH_MPLS_MCAST: result = parse_mpls(&c, &type, packet); break;
      case ETH_PPPOE: result = parse_pppoe(&c, &type); break;
      case ETH_TRILL: result = parse_trill(&c, &type, packet); break;
      default:
         packet->ethertype = (uint16_t) type;
         packet->l3 = c.p;
         packet->payload_captured = (uint32_t) (c.end - c.p);
         return PARSE_NOT_IP;
      }
      if (result != PARSE_OK) {
         return result;
      }
   }
   return PARSE_MALFORMED;
}

/* Ethertype of a packet that begins with its IP header. */
static unsigned raw_type(const struct cursor *c)
{
   unsigned version = have(c, 1) ? c->p[0] >> 4 : 0;
   return version == 4 ? ETH_IPV4 : version == 6 ? ETH_IPV6 : 0;
}

enum parse_result packet_parse(const struct raw_packet *raw, struct packet *packet)
{
   static const uint8_t no_mac[6];
   struct cursor c = {.p = raw->data, .end = raw->data + raw->captured, .layers = MAX_LAYERS};
   unsigned type = 0;
   size_t header = 0;
   memset(packet, 0, sizeof(*packet));
   packet->time = raw->time;
   packet->wire = raw->wire;
   packet->src_mac = packet->dst_mac = no_mac;
   switch (raw->link) {
   case LINK_ETHERNET:
      header = 14;
      if (have(&c, header)) {
         packet->dst_mac = c.p;
         packet->src_mac = c.p + 6;
         type = load_be16(c.p + 12);
      }
      break;
   case LINK_SLL:
      header = 16;
      if (have(&c, header)) {
         packet->src_mac = load_be16(c.p + 2) == ARPHRD_ETHERNET ? c.p + 6 : no_mac;
         type = load_be16(c.p + 14);
      }
      break;
   case LINK_SLL2:
      header = 20;
      if (have(&c, header)) {
         packet->src_mac = load_be16(c.p + 8) == ARPHRD_ETHERNET ? c.p + 12 : no_mac;
         type = load_be16(c.p);
      }
      break;
   case LINK_NULL:
      c.p += have(&c, 4) ? 4 : 0;
      type = raw_type(&c);
      break;
   default: type = raw_type(&c); break;
   }
   if (!have(&c, header)) {
      return PARSE_MALFORMED;
   }
   c.p += header;
   return parse_ethertype(c, type, packet);
}
