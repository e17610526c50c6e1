/* SPDX-License-Identifier: BSD-3-Clause */
/** A packet as captured, and what the parser found in it. */
#ifndef FLOW_PACKET_H
#define FLOW_PACKET_H

#include <stdbool.h>
#include <stdint.h>

/** Link types (the LINKTYPE_ numbers of capture files) that are understood. */
enum link_type {
   LINK_NULL = 0,
   LINK_ETHERNET = 1,
   LINK_PPP = 9,
   LINK_RAW_BSD = 12,
   LINK_RAW_OPENBSD = 14,
   LINK_PPP_HDLC = 50,
   LINK_PPP_ETHER = 51,
   LINK_RAW = 101,
   LINK_C_HDLC = 104,
   LINK_80211 = 105,
   LINK_FRELAY = 107,
   LINK_LOOP = 108,
   LINK_ENC = 109,
   LINK_SLL = 113,
   LINK_PFLOG = 117,
   LINK_RADIOTAP = 127,
   LINK_PPP_PPPD = 166,
   LINK_PPP_WITH_DIR = 204,
   LINK_MPLS = 219,
   LINK_IPV4 = 228,
   LINK_IPV6 = 229,
   LINK_NFLOG = 239,
   LINK_SLL2 = 276
};

/** A packet of a capture. The bytes belong to the capture and live until its next read. */
struct raw_packet {
   const uint8_t *data;
   uint64_t time;     /**< nanoseconds since the epoch */
   uint32_t captured; /**< bytes at data */
   uint32_t wire;     /**< bytes on the wire */
   uint16_t link;     /**< enum link_type */
};

#define PACKET_KEY_SIZE 40 /* src_ip up to and with vlan */

/** What the parser found. Numbers in host byte order. */
struct packet {
   /* The flow key, in the order of its bytes; addresses in the form of UniRec's ip_addr_t. */
   uint8_t src_ip[16], dst_ip[16];
   uint16_t src_port, dst_port; /**< 0 unless TCP, UDP or SCTP */
   uint8_t protocol;            /**< IPv4 protocol or the last IPv6 next header */
   uint8_t ip_version;          /**< 4 or 6 */
   uint16_t vlan;               /**< id of the outermost tag, 0: none */

   uint64_t time;                    /**< nanoseconds since the epoch */
   const uint8_t *src_mac, *dst_mac; /**< 6 bytes each, zeros where the link has none */
   const uint8_t *l3;                /**< IP header */
   const uint8_t *l4; /**< header after it; NULL: a fragment that is not the first, or nothing captured */
   const uint8_t *payload;    /**< after the TCP, UDP or SCTP header, else after the IP headers */
   uint32_t payload_captured; /**< bytes at payload */
   uint32_t payload_wire;     /**< bytes of it on the wire */
   uint32_t ip_bytes;         /**< length of the IP packet by its header */
   uint32_t wire;             /**< length of the frame */
   uint32_t fragment_id;      /**< of a fragment */
   uint32_t mpls;             /**< top label stack entry; 0: none */
   uint16_t ethertype;        /**< when it is not IP */
   uint16_t fragment_offset;  /**< bytes */
   bool fragment;             /**< part of a fragmented packet */
   uint8_t tcp_flags;         /**< the 8 flag bits */
};

enum parse_result {
   PARSE_OK,
   PARSE_NOT_IP,
   PARSE_MALFORMED,   /**< headers that contradict each other or the length of the packet */
   PARSE_TRUNCATED,   /**< the snapshot length cut the packet below its flow key */
   PARSE_UNKNOWN_LINK /**< no parser for the link type */
};

/** Which packet is looked for where IP packets carry IP packets. */
enum parse_depth {
   PARSE_OUTER, /**< the outer one; only GRE over IPv4 is entered, as NEMEA 2 did */
   PARSE_INNER /**< the innermost that can be read within PARSE_MAX_LAYERS headers; see tunnel.c for the tunnels */
};

#define PARSE_MAX_LAYERS 16 /**< headers below IP and tunnels in one packet, all attempts counted */

/** Parses a packet. Never reads beyond raw->captured. All of *packet is set when the result is PARSE_OK. When it is PARSE_NOT_IP,
 * ethertype, addresses of the link, and time are, and l3 and payload_captured are what follows the ethertype. */
enum parse_result packet_parse(const struct raw_packet *raw, enum parse_depth depth, struct packet *packet);
/** \return true for the link types that packet_parse() knows */
bool packet_link_known(uint32_t link);
/** Name of a link type in words, known or not. \return "unassigned" for numbers without a name here */
const char *packet_link_name(uint32_t link);

#endif
