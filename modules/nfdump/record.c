/* SPDX-License-Identifier: BSD-3-Clause */
/** Records of version 2 files: a list of elements, each with its size. */
#include "record.h"

#include <endian.h>

#define KNOWN_TYPES 16 /* types below it are nfdump's: exporters, samplers, maps, ... */

static enum nf_record bad(const char **reason, const char *text)
{
   *reason = text;
   return NF_IS_BAD;
}

static void read_generic(const uint8_t *p, struct nf_flow *flow)
{
   flow->first = nf_get64(p);
   flow->last = nf_get64(p + 8);
   flow->packets = nf_get64(p + 24);
   flow->bytes = nf_get64(p + 32);
   flow->src_port = nf_get16(p + 40);
   flow->dst_port = nf_get16(p + 42);
   flow->protocol = p[44];
   flow->tcp_flags = p[45];
   flow->tos = p[47];
}

/* Two numbers of 64 bits. */
static ip_addr_t ipv6(const uint8_t *p)
{
   ip_addr_t ip;
   ip.ui64[0] = htobe64(nf_get64(p));
   ip.ui64[1] = htobe64(nf_get64(p + 8));
   return ip;
}

/* \return false: the element is too short for its type */
static bool read_element(const uint8_t *element, size_t size, struct nf_flow *flow)
{
   const uint8_t *p = element + NF_RECORD_SIZE;
   switch (nf_get16(element)) {
   case NF_GENERIC:
      if (size < NF_GENERIC_SIZE) {
         return false;
      }
      read_generic(p, flow);
      return true;
   case NF_IPV4:
      if (size < NF_IPV4_SIZE) {
         return false;
      }
      flow->src = ip_from_int(nf_get32(p));
      flow->dst = ip_from_int(nf_get32(p + 4));
      return true;
   case NF_IPV6:
      if (size < NF_IPV6_SIZE) {
         return false;
      }
      flow->src = ipv6(p);
      flow->dst = ipv6(p + 16);
      return true;
   case NF_MISC:
      if (size < NF_MISC_SIZE) {
         return false;
      }
      flow->input = nf_get32(p);
      flow->output = nf_get32(p + 4);
      flow->direction = p[10];
      flow->tcp_flags_rev = p[14];
      return true;
   case NF_REVERSE:
      if (size < NF_REVERSE_SIZE) {
         return false;
      }
      flow->packets_rev = nf_get64(p + 8);
      flow->bytes_rev = nf_get64(p + 16);
      return true;
   default: return true;
   }
}

void nf_flow_reverse(struct nf_flow *flow)
{
   const struct nf_flow f = *flow;
   flow->src = f.dst;
   flow->dst = f.src;
   flow->src_port = f.dst_port;
   flow->dst_port = f.src_port;
   flow->input = f.output;
   flow->output = f.input;
   flow->packets = f.packets_rev;
   flow->bytes = f.bytes_rev;
   flow->tcp_flags = f.tcp_flags_rev;
   flow->packets_rev = flow->bytes_rev = 0;
   flow->tcp_flags_rev = flow->tos = 0;
}

enum nf_record nf_record_read(const uint8_t *record, size_t size, struct nf_flow *flow, const char **reason)
{
   unsigned type = nf_get16(record);
   if (type != NF_FLOW) {
      return type < KNOWN_TYPES || type == NF_IDENT || type == NF_STATISTICS ? NF_IS_OTHER : NF_IS_UNKNOWN;
   }
   if (size < NF_FLOW_SIZE) {
      return bad(reason, "it is shorter than the header of a flow, 12 bytes");
   }
   memset(flow, 0, sizeof(*flow));
   flow->src = flow->dst = ip_from_int(0);
   flow->engine_id = record[7];
   unsigned n = nf_get16(record + 4);
   bool counters = false;
   for (size_t at = NF_FLOW_SIZE; n > 0; n--) {
      size_t left = size - at, length = left >= NF_RECORD_SIZE ? nf_get16(record + at + 2) : 0;
      if (length < NF_RECORD_SIZE || length > left) {
         return bad(reason, "an element is longer than the record, or shorter than its own header");
      }
      if (!read_element(record + at, length, flow)) {
         return bad(reason, "an element is shorter than its type says");
      }
      counters |= nf_get16(record + at) == NF_GENERIC;
      at += length;
   }
   return counters ? NF_IS_FLOW : NF_IS_OTHER;
}
