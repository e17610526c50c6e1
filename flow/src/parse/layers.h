/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the parsers of the layers share. A parser gets the rest of the packet, checks what it reads, and calls the parser
 * of the next layer, which may lie above it: a tunnel begins again below IP.
 */
#ifndef FLOW_LAYERS_H
#define FLOW_LAYERS_H

#include "packet.h"

#include <stddef.h>

enum {
   ETH_IPV4 = 0x0800,
   ETH_BRIDGE = 0x6558, /* an Ethernet frame */
   ETH_IPV6 = 0x86dd,
   ETH_MPLS = 0x8847,
   ETH_PPPOE = 0x8864,
   ETH_NSH = 0x894f
};

enum { PROTO_TCP = 6, PROTO_UDP = 17, PROTO_AH = 51, PROTO_SCTP = 132 };

struct cursor {
   const uint8_t *p, *end;
   uint32_t cut;     /* bytes after end that were on the wire */
   bool inner;       /* enum parse_depth */
   unsigned *layers; /* left in this packet: shared by all attempts, so that none multiplies the others */
};

static inline bool have(const struct cursor *c, size_t n)
{
   return (size_t) (c->end - c->p) >= n;
}

/* The result when bytes are missing. */
static inline enum parse_result missing(const struct cursor *c)
{
   return c->cut > 0 ? PARSE_TRUNCATED : PARSE_MALFORMED;
}

/* Counts a layer. \return false: there are too many */
static inline bool take_layer(const struct cursor *c)
{
   return *c->layers > 0 && (*c->layers)-- > 0;
}

/* Sets the length of what the cursor is in, if less follows than the frame has. */
static inline void set_length(struct cursor *c, uint32_t length)
{
   uint32_t captured = (uint32_t) (c->end - c->p);
   if (length <= captured) {
      c->end = c->p + length;
      c->cut = 0;
   } else if (length - captured < c->cut) {
      c->cut = length - captured;
   }
}

/* Ethertype of a packet that begins with its IP header; 0: it does not. */
static inline unsigned ip_type(const struct cursor *c)
{
   unsigned version = have(c, 1) ? c->p[0] >> 4 : 0;
   return version == 4 ? ETH_IPV4 : version == 6 ? ETH_IPV6 : 0;
}

/* parse.c */
enum parse_result parse_ipv4(struct cursor c, struct packet *packet);
enum parse_result parse_ipv6(struct cursor c, struct packet *packet);

/* link.c: from the header of a link type. */
enum parse_result parse_link(uint16_t link, struct cursor c, struct packet *packet);
enum parse_result parse_ppp(struct cursor c, struct packet *packet);

/* ethertype.c: what follows a number of this kind, or the length of an IEEE 802.3 frame in its place. */
enum parse_result parse_ethertype(struct cursor c, unsigned type, struct packet *packet);
enum parse_result parse_llc(struct cursor c, struct packet *packet);
enum parse_result parse_not_ip(const struct cursor *c, unsigned type, struct packet *packet);

/* tunnel.c. The cursor is behind the IP headers, that of UDP behind its header. They replace *packet by the packet inside.
 * \return false: there is none that can be read, *packet is as before */
bool parse_gre(struct cursor c, struct packet *packet);
bool parse_tunnel(struct cursor c, struct packet *packet);
bool parse_udp_tunnel(struct cursor c, struct packet *packet);

#endif
