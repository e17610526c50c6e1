/* SPDX-License-Identifier: BSD-3-Clause */
/** A flow of an nfdump file, and what readers and writers of such files need of their layout. */
#ifndef NEMEA_NFDUMP_FLOW_H
#define NEMEA_NFDUMP_FLOW_H

#include <stdint.h>
#include <unirec/ipaddr.h>

/** A flow, of one direction or of both. What a file does not have is zero. */
struct nf_flow {
   ip_addr_t src, dst;
   uint64_t first, last;            /**< milliseconds since 1970 */
   uint64_t packets, bytes;         /**< from source to destination */
   uint64_t packets_rev, bytes_rev; /**< from destination to source; 0: a flow of one direction */
   uint32_t input, output;          /**< indexes of the interfaces */
   uint16_t src_port, dst_port;
   uint8_t protocol, tcp_flags, tcp_flags_rev, tos, direction, engine_id;
};

/** Turns a flow of both directions into that from destination to source. Its type of service is unknown, and so 0. */
void nf_flow_reverse(struct nf_flow *flow);

/* Numbers are in the byte order of the machine that wrote the file; its first two bytes tell it. */
#define NF_MAGIC         0xA50Cu
#define NF_MAGIC_SWAPPED 0x0CA5u

/* Version 2: header; blocks, the last ones of them an appendix with the records IDENT and STATISTICS. */
#define NF_HEADER_SIZE 40 /* bytes; its members, by their offsets: */
#define NF_AT_MAGIC    0
#define NF_AT_VERSION  2
#define NF_AT_PROGRAM  4  /* uint32: version of nfdump */
#define NF_AT_CREATED  8  /* uint64: seconds since 1970 */
#define NF_AT_PACKING  16 /* uint8: enum nf_compression */
#define NF_AT_CIPHER   17 /* uint8: 0 */
#define NF_AT_APPENDIX 18 /* uint16: blocks of the appendix */
#define NF_AT_CREATOR  20 /* uint32 */
#define NF_AT_OFFSET   24 /* uint64: of the appendix in the file */
#define NF_AT_BLOCKS   36 /* uint32: blocks of flows */

/* Version 1: header with flags, then a text and statistics. */
#define NF1_HEADER_SIZE 276
#define NF1_AT_FLAGS    4 /* uint32, see below */
#define NF1_AT_BLOCKS   8 /* uint32 */
#define NF1_FLAG_LZO    0x1u
#define NF1_FLAG_BZ2    0x8u
#define NF1_FLAG_LZ4    0x10u

/* A block: uint32 records, uint32 bytes that follow, uint16 type, uint16 flags. */
#define NF_BLOCK_HEADER_SIZE 12
#define NF1_BLOCK            2 /* types */
#define NF_BLOCK             3
#define NF_BLOCK_ARRAY       4
#define NF_BLOCK_PLAIN       0x1u /* flag: not compressed, whatever the header says */
#define NF_BLOCK_CIPHER      0x2u /* flag: encrypted */

/* A record begins with uint16 type, uint16 size. */
#define NF_RECORD_SIZE 4
#define NF_FLOW \
   11 /* version 2: a header of NF_FLOW_SIZE bytes and elements, each uint16 type, uint16 size, data */
#define NF_FLOW_SIZE    12
#define NF_IDENT        0x8001
#define NF_STATISTICS   0x8002
#define NF_GENERIC      1 /* elements, and their sizes with these two numbers */
#define NF_GENERIC_SIZE 52
#define NF_IPV4         2
#define NF_IPV4_SIZE    12
#define NF_IPV6         3
#define NF_IPV6_SIZE    36
#define NF_MISC         4
#define NF_MISC_SIZE    20
#define NF_REVERSE      5 /* number of aggregated flows, packets and bytes of the other direction */
#define NF_REVERSE_SIZE 28

static inline uint16_t nf_get16(const uint8_t *p)
{
   uint16_t v;
   memcpy(&v, p, sizeof(v));
   return v;
}
static inline uint32_t nf_get32(const uint8_t *p)
{
   uint32_t v;
   memcpy(&v, p, sizeof(v));
   return v;
}
static inline uint64_t nf_get64(const uint8_t *p)
{
   uint64_t v;
   memcpy(&v, p, sizeof(v));
   return v;
}
static inline void nf_put16(uint8_t *p, uint16_t v)
{
   memcpy(p, &v, sizeof(v));
}
static inline void nf_put32(uint8_t *p, uint32_t v)
{
   memcpy(p, &v, sizeof(v));
}
static inline void nf_put64(uint8_t *p, uint64_t v)
{
   memcpy(p, &v, sizeof(v));
}

#endif
