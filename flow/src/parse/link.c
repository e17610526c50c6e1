/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Headers of link types, other than Ethernet's own. Border: see parse.c.
 * Sources: the list of link types of tcpdump.org, RFC 1662 (PPP), 2427 (frame relay), IEEE 802.11, radiotap.org, netfilter's
 * nfnetlink_log.h, OpenBSD's enc(4) and pflog(4).
 */
#include "bytes.h"
#include "layers.h"

#define ARPHRD_ETHERNET 1
#define SLL_LLC         4 /* in place of an ethertype */

bool packet_link_known(uint32_t link)
{
   switch (link) {
   case LINK_NULL:
   case LINK_ETHERNET:
   case LINK_PPP:
   case LINK_RAW_BSD:
   case LINK_RAW_OPENBSD:
   case LINK_PPP_HDLC:
   case LINK_PPP_ETHER:
   case LINK_RAW:
   case LINK_C_HDLC:
   case LINK_80211:
   case LINK_FRELAY:
   case LINK_LOOP:
   case LINK_ENC:
   case LINK_SLL:
   case LINK_PFLOG:
   case LINK_RADIOTAP:
   case LINK_PPP_PPPD:
   case LINK_PPP_WITH_DIR:
   case LINK_MPLS:
   case LINK_IPV4:
   case LINK_IPV6:
   case LINK_NFLOG:
   case LINK_SLL2: return true;
   default: return false;
   }
}

/* IP behind a header that need not be read. */
static enum parse_result parse_raw(struct cursor c, size_t header, struct packet *packet)
{
   if (!have(&c, header + 1)) {
      return missing(&c);
   }
   c.p += header;
   return parse_ethertype(c, ip_type(&c), packet);
}

static enum parse_result parse_cooked(struct cursor c, bool second, struct packet *packet)
{
   size_t header = second ? 20 : 16;
   if (!have(&c, header)) {
      return missing(&c);
   }
   if (load_be16(c.p + (second ? 8 : 2)) == ARPHRD_ETHERNET) {
      packet->src_mac = c.p + (second ? 12 : 6);
   }
   unsigned type = load_be16(c.p + (second ? 0 : 14));
   c.p += header;
   return type == SLL_LLC ? parse_llc(c, packet)
          : type < 1536   ? parse_not_ip(&c, type, packet)
                          : parse_ethertype(c, type, packet);
}

/* ------------------------------------------------------------------------ PPP */

enum parse_result parse_ppp(struct cursor c, struct packet *packet)
{
   if (have(&c, 2) && c.p[0] == 0xff && c.p[1] == 0x03) { /* as in HDLC: address and control */
      c.p += 2;
   }
   if (!have(&c, 2)) {
      return missing(&c);
   }
   size_t size = (c.p[0] & 1) != 0 ? 1 : 2; /* compressed to one byte */
   unsigned protocol = size == 1 ? c.p[0] : load_be16(c.p);
   c.p += size;
   switch (protocol) {
   case 0x0021: return parse_ethertype(c, ETH_IPV4, packet);
   case 0x0057: return parse_ethertype(c, ETH_IPV6, packet);
   case 0x0281: return parse_ethertype(c, ETH_MPLS, packet);
   default: return parse_not_ip(&c, 0, packet);
   }
}

static enum parse_result parse_c_hdlc(struct cursor c, struct packet *packet)
{
   if (!have(&c, 4)) {
      return missing(&c);
   }
   unsigned type = load_be16(c.p + 2);
   c.p += 4;
   return type < 1536 ? parse_not_ip(&c, type, packet) : parse_ethertype(c, type, packet);
}

static enum parse_result parse_frame_relay(struct cursor c, struct packet *packet)
{
   size_t address = 0;
   do {
      if (!have(&c, address + 1)) {
         return missing(&c);
      }
   } while ((c.p[address++] & 1) == 0 && address < 4);
   c.p += address;
   if (!have(&c, 2)) {
      return missing(&c);
   }
   if (c.p[0] != 0x03) { /* Cisco: an ethertype in place of the control field */
      unsigned type = load_be16(c.p);
      c.p += 2;
      return type < 1536 ? parse_not_ip(&c, type, packet) : parse_ethertype(c, type, packet);
   }
   c.p += c.p[1] == 0 ? 2 : 1; /* padding */
   if (!have(&c, 1)) {
      return missing(&c);
   }
   unsigned protocol = *c.p++;
   if (protocol == 0xcc || protocol == 0x8e) {
      return parse_ethertype(c, protocol == 0xcc ? ETH_IPV4 : ETH_IPV6, packet);
   }
   if (protocol != 0x80 || !have(&c, 5)) {
      return protocol == 0x80 ? missing(&c) : parse_not_ip(&c, 0, packet);
   }
   unsigned type = load_be16(c.p + 3);
   bool ethertype = (load_be32(c.p) >> 8) == 0 && type >= 1536;
   c.p += 5;
   return ethertype ? parse_ethertype(c, type, packet) : parse_not_ip(&c, type, packet);
}

/* ------------------------------------------------------------------- wireless */

/* padded: the header's length is a multiple of 4 (a radiotap flag). */
static enum parse_result parse_80211(struct cursor c, bool padded, struct packet *packet)
{
   enum { DATA = 2, QOS = 8, NO_DATA = 4, TO_DS = 1, FROM_DS = 2, PROTECTED = 0x40, ORDER = 0x80 };
   if (!have(&c, 24)) {
      return have(&c, 1) && (c.p[0] >> 2 & 3) != DATA ? parse_not_ip(&c, 0, packet) : missing(&c);
   }
   unsigned subtype = c.p[0] >> 4, flags = c.p[1];
   if ((c.p[0] >> 2 & 3) != DATA || (subtype & NO_DATA) != 0 || (flags & PROTECTED) != 0) {
      return parse_not_ip(&c, 0, packet);
   }
   bool to = (flags & TO_DS) != 0, from = (flags & FROM_DS) != 0, qos = (subtype & QOS) != 0;
   const uint8_t *frame = c.p;
   size_t header = to && from ? 30 : 24, control = header;
   header += qos ? 2 : 0;
   header += qos && (flags & ORDER) != 0 ? 4 : 0;
   header = padded ? (header + 3) / 4 * 4 : header;
   if (!have(&c, header)) {
      return missing(&c);
   }
   packet->dst_mac = frame + (to ? 16 : 4);
   packet->src_mac = frame + (to && from ? 24 : from ? 16 : 10);
   c.p += header;
   if (qos && (frame[control] & 0x80) != 0) { /* several frames in one: the first is read */
      if (!have(&c, 14)) {
         return missing(&c);
      }
      uint32_t length = load_be16(c.p + 12);
      c.p += 14;
      set_length(&c, length);
   }
   return parse_llc(c, packet);
}

static uint32_t load_le32(const uint8_t *p)
{
   return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

static enum parse_result parse_radiotap(struct cursor c, struct packet *packet)
{
   enum { TIME = 1, FLAGS = 2, MORE = 1u << 31, HAS_FCS = 0x10, PADDED = 0x20 };
   if (!have(&c, 8)) {
      return missing(&c);
   }
   size_t length = c.p[2] | (size_t) c.p[3] << 8, at = 4;
   if (length < 8 || c.p[0] != 0) {
      return PARSE_MALFORMED;
   }
   if (!have(&c, length)) {
      return missing(&c);
   }
   uint32_t present = load_le32(c.p + 4), more = present;
   for (at = 8; (more & MORE) != 0 && at + 4 <= length; at += 4) {
      more = load_le32(c.p + at);
   }
   unsigned flags = 0;
   if ((present & FLAGS) != 0) {
      at = (present & TIME) != 0 ? (at + 7) / 8 * 8 + 8 : at;
      flags = at < length ? c.p[at] : 0;
   }
   c.p += length;
   uint32_t left = (uint32_t) (c.end - c.p) + c.cut;
   if ((flags & HAS_FCS) != 0 && left >= 4) {
      set_length(&c, left - 4);
   }
   return parse_80211(c, (flags & PADDED) != 0, packet);
}

/* ------------------------------------------------------------------- firewalls */

/* Attributes in the byte order of the machine that captured, which their small types tell. */
static enum parse_result parse_nflog(struct cursor c, struct packet *packet)
{
   enum { PAYLOAD = 9, HEADER = 4 };
   if (!have(&c, 4)) {
      return missing(&c);
   }
   c.p += 4;
   while (have(&c, HEADER)) {
      size_t left = (size_t) (c.end - c.p) + c.cut;
      bool little = c.p[3] == 0;
      size_t length = little ? c.p[0] | (size_t) c.p[1] << 8 : load_be16(c.p);
      unsigned type = little ? c.p[2] : load_be16(c.p + 2);
      if (length < HEADER || length > left) {
         return PARSE_MALFORMED;
      }
      if (type == PAYLOAD) {
         set_length(&c, (uint32_t) length);
         c.p += HEADER;
         return parse_ethertype(c, ip_type(&c), packet);
      }
      length = (length + 3) / 4 * 4;
      if (!have(&c, length)) {
         return missing(&c);
      }
      c.p += length;
   }
   return c.cut > 0 ? PARSE_TRUNCATED : parse_not_ip(&c, 0, packet);
}

static enum parse_result parse_pflog(struct cursor c, struct packet *packet)
{
   size_t header = have(&c, 1) ? (c.p[0] + (size_t) 3) / 4 * 4 : 4;
   return header < 4 ? PARSE_MALFORMED : parse_raw(c, header, packet);
}

enum parse_result parse_link(uint16_t link, struct cursor c, struct packet *packet)
{
   switch (link) {
   case LINK_SLL: return parse_cooked(c, false, packet);
   case LINK_SLL2: return parse_cooked(c, true, packet);
   case LINK_NULL:
   case LINK_LOOP: return parse_raw(c, 4, packet);
   case LINK_ENC: return parse_raw(c, 12, packet);
   case LINK_RAW:
   case LINK_RAW_BSD:
   case LINK_RAW_OPENBSD:
   case LINK_IPV4:
   case LINK_IPV6: return parse_raw(c, 0, packet);
   case LINK_PPP_HDLC:
      if (have(&c, 1) && (c.p[0] == 0x0f || c.p[0] == 0x8f)) {
         return parse_c_hdlc(c, packet);
      }
      return parse_ppp(c, packet);
   case LINK_PPP: return parse_ppp(c, packet);
   case LINK_PPP_PPPD:
   case LINK_PPP_WITH_DIR:
      if (!have(&c, 1)) {
         return missing(&c);
      }
      /* A byte for the direction, or in place of the address (pppd). */
      c.p += have(&c, 2) && c.p[0] <= 1 && c.p[1] == 0x03 ? 2 : 1;
      return parse_ppp(c, packet);
   case LINK_PPP_ETHER: return parse_ethertype(c, ETH_PPPOE, packet);
   case LINK_C_HDLC: return parse_c_hdlc(c, packet);
   case LINK_FRELAY: return parse_frame_relay(c, packet);
   case LINK_80211: return parse_80211(c, false, packet);
   case LINK_RADIOTAP: return parse_radiotap(c, packet);
   case LINK_NFLOG: return parse_nflog(c, packet);
   case LINK_PFLOG: return parse_pflog(c, packet);
   case LINK_MPLS: return parse_ethertype(c, ETH_MPLS, packet);
   default: return PARSE_UNKNOWN_LINK;
   }
}
