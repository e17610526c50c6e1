/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Headers between the link and IP: tags, labels, LLC. Border: see parse.c.
 * Sources: IEEE 802.1Q, 802.1ah, 802.1AE, 802.2, IEC 62439-3 (HSR), RFC 3032 (MPLS), 4385 (EoMPLS), 2516 (PPPoE),
 * 6325 (TRILL), 8300 (NSH); Cisco's SGT and VN-Tag as Wireshark shows them.
 */
#include "bytes.h"
#include "layers.h"

#define ETHERNET 14

enum {
   ETH_MAX_LENGTH = 1535, /* below: the length of an IEEE 802.3 frame */
   ETH_TRILL = 0x22f3,
   ETH_VLAN = 0x8100,
   ETH_MPLS_MCAST = 0x8848,
   ETH_QINQ = 0x88a8,
   ETH_MACSEC = 0x88e5,
   ETH_802_1AH = 0x88e7,
   ETH_CISCO_SGT = 0x8909,
   ETH_VN_TAG = 0x8926,
   ETH_HSR = 0x892f,
   ETH_QINQ_OLD = 0x9100
};

enum parse_result parse_not_ip(const struct cursor *c, unsigned type, struct packet *packet)
{
   packet->ethertype = (uint16_t) type;
   packet->l3 = c->p;
   packet->payload_captured = (uint32_t) (c->end - c->p);
   return PARSE_NOT_IP;
}

/* The headers of this layer that end with an ethertype: those of length bytes, with the ethertype in their last two. */
static enum parse_result skip_tag(struct cursor *c, size_t length, unsigned *type)
{
   if (!have(c, length)) {
      return missing(c);
   }
   *type = load_be16(c->p + length - 2);
   c->p += length;
   return PARSE_OK;
}

static enum parse_result skip_ethernet(struct cursor *c, unsigned *type, struct packet *packet)
{
   if (!have(c, ETHERNET)) {
      return missing(c);
   }
   packet->dst_mac = c->p;
   packet->src_mac = c->p + 6;
   return skip_tag(c, ETHERNET, type);
}

/* ----------------------------------------------------------------------- MPLS */

/* An attempt leaves the packet alone unless it finds IP. */
static bool attempt(struct cursor c, unsigned type, size_t skip, struct packet *packet)
{
   struct packet copy = *packet;
   if (!have(&c, skip)) {
      return false;
   }
   c.p += skip;
   if (parse_ethertype(c, type, &copy) != PARSE_OK) {
      return false;
   }
   *packet = copy;
   return true;
}

/* After a label stack nothing says what follows: IP by its first bits, a control word and an Ethernet frame, or a frame alone. */
static enum parse_result parse_mpls(struct cursor c, struct packet *packet)
{
   bool bottom = false;
   for (unsigned n = 0; !bottom; n++) {
      if (!have(&c, 4)) {
         return missing(&c);
      }
      if (n == PARSE_MAX_LAYERS) {
         return PARSE_MALFORMED;
      }
      uint32_t entry = load_be32(c.p);
      if (packet->mpls == 0) {
         packet->mpls = entry;
      }
      bottom = (entry & 0x100) != 0;
      c.p += 4;
   }
   if (!have(&c, 1)) {
      return missing(&c);
   }
   unsigned first = c.p[0] >> 4;
   if (first == 1) { /* a message of the path's own (RFC 5586) */
      return parse_not_ip(&c, ETH_MPLS, packet);
   }
   if ((first == 4 || first == 6) && attempt(c, ip_type(&c), 0, packet)) {
      return PARSE_OK;
   }
   if ((first == 0 && attempt(c, ETH_BRIDGE, 4, packet)) || attempt(c, ETH_BRIDGE, 0, packet)) {
      return PARSE_OK;
   }
   return first == 4 || first == 6 || !have(&c, 4 + ETHERNET) ? missing(&c)
                                                              : parse_not_ip(&c, ETH_MPLS, packet);
}

/* ----------------------------------------------------------------------- tags */

static enum parse_result parse_pppoe(struct cursor c, struct packet *packet)
{
   if (!have(&c, 8)) {
      return missing(&c);
   }
   if (c.p[1] != 0) { /* discovery */
      return parse_not_ip(&c, ETH_PPPOE, packet);
   }
   c.p += 6;
   return parse_ppp(c, packet);
}

static enum parse_result skip_trill(struct cursor *c, unsigned *type, struct packet *packet)
{
   size_t header = have(c, 6) ? 6 + 4 * (size_t) (load_be16(c->p) >> 6 & 31) : 6;
   if (!have(c, header)) {
      return missing(c);
   }
   c->p += header;
   return skip_ethernet(c, type, packet);
}

/* Frames that MACsec only authenticates are read. */
static enum parse_result skip_macsec(struct cursor *c, unsigned *type)
{
   enum { AUTHENTICATION = 16, SCI = 0x20, ENCRYPTED = 0x08 | 0x04 };
   if (!have(c, 1)) {
      return missing(c);
   }
   if ((c->p[0] & ENCRYPTED) != 0) {
      *type = 0;
      return PARSE_OK;
   }
   enum parse_result result = skip_tag(c, (c->p[0] & SCI) != 0 ? 16 : 8, type);
   uint32_t left = (uint32_t) (c->end - c->p) + c->cut;
   set_length(c, left > AUTHENTICATION ? left - AUTHENTICATION : 0);
   return result;
}

static enum parse_result skip_nsh(struct cursor *c, unsigned *type)
{
   static const uint16_t types[] = {0, ETH_IPV4, ETH_IPV6, ETH_BRIDGE, ETH_NSH, ETH_MPLS};
   if (!have(c, 8)) {
      return missing(c);
   }
   size_t length = 4 * (size_t) (load_be16(c->p) & 63);
   unsigned next = c->p[3];
   if (length < 8 || c->p[0] >> 6 != 0) {
      return PARSE_MALFORMED;
   }
   if (!have(c, length)) {
      return missing(c);
   }
   *type = next < sizeof(types) / sizeof(types[0]) ? types[next] : 0;
   c->p += length;
   return PARSE_OK;
}

static enum parse_result skip_vlan(struct cursor *c, unsigned *type, bool *tagged, struct packet *packet)
{
   if (!have(c, 4)) {
      return missing(c);
   }
   if (!*tagged) {
      packet->vlan = load_be16(c->p) & 0xfff;
      *tagged = true;
   }
   return skip_tag(c, 4, type);
}

/* ------------------------------------------------------------------ LLC, SNAP */

enum parse_result parse_llc(struct cursor c, struct packet *packet)
{
   static const uint8_t snap[] = {0xaa, 0xaa, 0x03};
   if (!have(&c, 3)) {
      return missing(&c);
   }
   if (c.p[0] == 0x06 && c.p[1] == 0x06 && c.p[2] == 0x03) { /* IP without SNAP */
      c.p += 3;
      return parse_ethertype(c, ip_type(&c), packet);
   }
   if (memcmp(c.p, snap, sizeof(snap)) != 0) {
      return parse_not_ip(&c, 0, packet);
   }
   if (!have(&c, 8)) {
      return missing(&c);
   }
   uint32_t organization = load_be32(c.p + 2) & 0xffffff;
   unsigned type = load_be16(c.p + 6);
   c.p += 8;
   if (organization == 0x0080c2 && (type == 1 || type == 7)) { /* RFC 2427: a bridged Ethernet frame */
      type = ETH_BRIDGE;
   } else if (organization != 0 && organization != 0x0000f8) {
      return parse_not_ip(&c, 0, packet);
   }
   return type > ETH_MAX_LENGTH ? parse_ethertype(c, type, packet) : parse_not_ip(&c, type, packet);
}

/* --------------------------------------------------------------------- layers */

/* One header. *type: that of the next one. \return OK to go on */
static enum parse_result skip_one(struct cursor *c, unsigned *type, bool *tagged, struct packet *packet)
{
   switch (*type) {
   case ETH_VLAN:
   case ETH_QINQ:
   case ETH_QINQ_OLD: return skip_vlan(c, type, tagged, packet);
   case ETH_TRILL: return skip_trill(c, type, packet);
   case ETH_BRIDGE: return c->inner ? skip_ethernet(c, type, packet) : skip_tag(c, ETHERNET, type);
   case ETH_802_1AH:
      if (!have(c, 4)) {
         return missing(c);
      }
      c->p += 4;
      return skip_ethernet(c, type, packet);
   case ETH_CISCO_SGT: return skip_tag(c, have(c, 2) && c->p[1] > 1 ? 4u + 4u * c->p[1] : 8, type);
   case ETH_VN_TAG:
   case ETH_HSR: return skip_tag(c, 6, type);
   case ETH_NSH: return skip_nsh(c, type);
   default: return skip_macsec(c, type);
   }
}

enum parse_result parse_ethertype(struct cursor c, unsigned type, struct packet *packet)
{
   bool tagged = false;
   while (take_layer(&c)) {
      switch (type) {
      case ETH_IPV4: return parse_ipv4(c, packet);
      case ETH_IPV6: return parse_ipv6(c, packet);
      case ETH_MPLS:
      case ETH_MPLS_MCAST: return parse_mpls(c, packet);
      case ETH_PPPOE: return parse_pppoe(c, packet);
      case ETH_VLAN:
      case ETH_QINQ:
      case ETH_QINQ_OLD:
      case ETH_TRILL:
      case ETH_BRIDGE:
      case ETH_802_1AH:
      case ETH_CISCO_SGT:
      case ETH_VN_TAG:
      case ETH_HSR:
      case ETH_NSH:
      case ETH_MACSEC: {
         enum parse_result result = skip_one(&c, &type, &tagged, packet);
         if (result != PARSE_OK) {
            return result;
         }
         break;
      }
      default:
         if (type > 0 && type <= ETH_MAX_LENGTH) {
            set_length(&c, type);
            return parse_llc(c, packet);
         }
         return parse_not_ip(&c, type, packet);
      }
   }
   return PARSE_MALFORMED;
}
