/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * From the frame to the transport header. Border: every byte here is the network's. Each step checks that what it
 * reads was captured; what is missing by the snap length is not an error as long as the flow is known.
 * Sources: RFC 791, 8200, 2675 (jumbograms), 4302 (AH), 9260 (SCTP).
 */
#include "bytes.h"
#include "layers.h"

#define MAX_EXTENSIONS 16

enum { PROTO_HOP = 0, PROTO_ROUTING = 43, PROTO_FRAGMENT = 44, PROTO_GRE = 47, PROTO_DEST = 60 };

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
   } else if (packet->protocol == PROTO_SCTP && captured >= 4) {
      packet->src_port = load_be16(l4);
      packet->dst_port = load_be16(l4 + 2);
      header = 12;
   }
   packet->payload_wire = wire > header ? wire - header : 0;
   packet->payload_captured = captured > header ? captured - header : 0;
   if (packet->payload_captured > packet->payload_wire) {
      packet->payload_captured = packet->payload_wire;
   }
   packet->payload = l4 + (captured < header ? captured : header);
}

/* ------------------------------------------------------------------------ IP */

/* IPv4 as IPv6 has it: the header is passed over. wire: bytes of it and of what follows. */
static void skip_ah(struct cursor *c, struct packet *packet, uint32_t *wire)
{
   while (packet->protocol == PROTO_AH && have(c, 12)) {
      uint32_t length = (c->p[1] + 2u) * 4;
      if (length < 12 || !have(c, length) || !take_layer(c)) {
         return;
      }
      packet->protocol = c->p[0];
      c->p += length;
      *wire = *wire > length ? *wire - length : 0;
   }
}

/* What follows the IP headers of a packet that is no later fragment. */
static inline void parse_payload(struct cursor c, struct packet *packet, uint32_t wire)
{
   if (packet->protocol == PROTO_TCP || !c.inner) {
      if (packet->protocol != PROTO_GRE || packet->ip_version != 4 || !parse_gre(c, packet)) {
         parse_transport(packet, c.p, c.end, wire);
      }
      return;
   }
   skip_ah(&c, packet, &wire);
   if (packet->protocol != PROTO_TCP && packet->protocol != PROTO_UDP && parse_tunnel(c, packet)) {
      return;
   }
   parse_transport(packet, c.p, c.end, wire);
   if (packet->protocol == PROTO_UDP && have(&c, 8)) {
      c.p += 8;
      parse_udp_tunnel(c, packet);
   }
}

static void set_ipv4(uint8_t ip[16], const uint8_t *from)
{
   memset(ip, 0, 8);
   memcpy(ip + 8, from, 4);
   memset(ip + 12, 0xff, 4);
}

enum parse_result parse_ipv4(struct cursor c, struct packet *packet)
{
   if (!have(&c, 20)) {
      return missing(&c);
   }
   const uint8_t *ip = c.p;
   uint32_t header = (uint32_t) (ip[0] & 15) * 4, total = load_be16(ip + 2);
   if (total ==
       0) { /* left to the network card (offload), or more than 16 bits can say: the frame has the length */
      total = (uint32_t) (c.end - c.p) + c.cut;
   }
   if (ip[0] >> 4 != 4 || header < 20 || total < header) {
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
   set_length(&c, total); /* what follows is padding of the frame */
   c.p = have(&c, header) ? c.p + header : c.end;
   packet->payload = c.p;
   packet->payload_wire = total - header;
   packet->payload_captured = (uint32_t) (c.end - c.p);
   if (packet->fragment_offset == 0) {
      parse_payload(c, packet, total - header);
   }
   return PARSE_OK;
}

/* Walks the extension headers to the last next header. */
static enum parse_result skip_extensions(struct cursor *c, struct packet *packet)
{
   for (unsigned n = 0; n < MAX_EXTENSIONS; n++) {
      size_t length;
      switch (packet->protocol) {
      case PROTO_HOP:
      case PROTO_ROUTING:
      case PROTO_DEST: length = have(c, 2) ? ((size_t) c->p[1] + 1) * 8 : 8; break;
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
         return missing(c);
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

/* The length in a hop-by-hop option of a packet whose header says 0; 0: there is none. */
static uint32_t jumbo_length(const struct cursor *c, unsigned protocol)
{
   enum { PAD = 0, JUMBO = 0xc2 };
   if (protocol != PROTO_HOP || !have(c, 8)) {
      return 0;
   }
   size_t end = ((size_t) c->p[1] + 1) * 8;
   for (size_t at = 2; have(c, end) && at + 2 <= end;) {
      if (c->p[at] == JUMBO && c->p[at + 1] == 4 && at + 6 <= end) {
         return load_be32(c->p + at + 2);
      }
      at += c->p[at] == PAD ? 1 : 2u + c->p[at + 1];
   }
   return 0;
}

/* Bytes after the header: those that the header says, those of a jumbogram (no more than the frame has, since anyone can
 * write any number), or without either those of the frame: packets as they were given to the network card to be cut (offload). */
static uint32_t ipv6_length(const struct cursor *c, const uint8_t *ip)
{
   uint32_t length = load_be16(ip + 4), frame = (uint32_t) (c->end - c->p) + c->cut;
   if (length != 0 || ip[6] == 59) {
      return length;
   }
   uint32_t jumbo = jumbo_length(c, ip[6]);
   return jumbo != 0 && jumbo < frame ? jumbo : frame;
}

enum parse_result parse_ipv6(struct cursor c, struct packet *packet)
{
   if (!have(&c, 40)) {
      return missing(&c);
   }
   if (c.p[0] >> 4 != 6) {
      return PARSE_MALFORMED;
   }
   const uint8_t *ip = c.p;
   c.p += 40;
   uint32_t length = ipv6_length(&c, ip);
   packet->l3 = ip;
   packet->ip_version = 6;
   packet->protocol = ip[6];
   packet->ip_bytes = length + 40;
   memcpy(packet->src_ip, ip + 8, 16);
   memcpy(packet->dst_ip, ip + 24, 16);
   set_length(&c, length);
   enum parse_result result = skip_extensions(&c, packet);
   if (result != PARSE_OK) {
      return result;
   }
   uint32_t headers = (uint32_t) (c.p - ip);
   packet->payload = c.p;
   packet->payload_wire = packet->ip_bytes > headers ? packet->ip_bytes - headers : 0;
   packet->payload_captured = (uint32_t) (c.end - c.p);
   if (packet->fragment_offset == 0) {
      parse_payload(c, packet, packet->payload_wire);
   }
   return PARSE_OK;
}

/* --------------------------------------------------------------------- packet */

enum parse_result packet_parse(const struct raw_packet *raw, enum parse_depth depth, struct packet *packet)
{
   static const uint8_t no_mac[6];
   unsigned layers = PARSE_MAX_LAYERS;
   struct cursor c = {.p = raw->data,
                      .end = raw->data + raw->captured,
                      .cut = raw->wire > raw->captured ? raw->wire - raw->captured : 0,
                      .inner = depth == PARSE_INNER,
                      .layers = &layers};
   memset(packet, 0, sizeof(*packet));
   packet->time = raw->time;
   packet->wire = raw->wire;
   packet->src_mac = packet->dst_mac = no_mac;
   if (raw->link != LINK_ETHERNET) {
      return parse_link(raw->link, c, packet);
   }
   if (!have(&c, 14)) {
      return missing(&c);
   }
   packet->dst_mac = c.p;
   packet->src_mac = c.p + 6;
   unsigned type = load_be16(c.p + 12);
   c.p += 14;
   return type == ETH_IPV4   ? parse_ipv4(c, packet)
          : type == ETH_IPV6 ? parse_ipv6(c, packet)
                             : parse_ethertype(c, type, packet);
}
