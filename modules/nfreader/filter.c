/* SPDX-License-Identifier: BSD-3-Clause */
/** Filters of nfdump: evaluation of the tree that filter_parse.c makes. */
#include "filter_tree.h"

#include <stdlib.h>

static bool compare(enum comparison c, uint64_t a, uint64_t b)
{
   switch (c) {
   case IS_EQUAL: return a == b;
   case IS_LESS: return a < b;
   case IS_GREATER: return a > b;
   case IS_AT_MOST: return a <= b;
   default: return a >= b;
   }
}

static bool in_network(const struct node *n, const ip_addr_t *ip)
{
   return ((ip->ui64[0] ^ n->ip.ui64[0]) & n->mask.ui64[0]) == 0 &&
          ((ip->ui64[1] ^ n->ip.ui64[1]) & n->mask.ui64[1]) == 0;
}

static bool in_list(const struct node *n, const ip_addr_t *ip)
{
   void **data;
   ip_addr_t copy = *ip;
   return ipps_search(&copy, n->networks, &data) > 0;
}

static bool in_ports(const struct node *n, uint16_t port)
{
   return (n->ports[port / 64] >> (port % 64)) & 1;
}

/* Combines what is true of the source and of the destination. */
static bool of_ends(enum ends ends, bool source, bool destination)
{
   switch (ends) {
   case SOURCE: return source;
   case DESTINATION: return destination;
   case BOTH: return source && destination;
   default: return source || destination;
   }
}

static bool flags_match(const struct node *n, uint8_t flags)
{
   return n->none ? (flags & n->number) == 0 : (flags & n->number) == n->number;
}

static bool match(const struct nf_filter *f, uint32_t i, const struct nf_flow *flow);

/* Does any of the operands give this result? */
static bool any_gives(const struct nf_filter *f, const struct node *n, bool result,
                      const struct nf_flow *flow)
{
   for (uint32_t i = n->left; i != NO_NODE; i = f->nodes[i].next) {
      if (match(f, i, flow) == result) {
         return true;
      }
   }
   return false;
}

static bool match(const struct nf_filter *f, uint32_t i, const struct nf_flow *flow)
{
   const struct node *n = &f->nodes[i];
   switch (n->kind) {
   case IS_AND: return !any_gives(f, n, false, flow);
   case IS_OR: return any_gives(f, n, true, flow);
   case IS_NOT: return !match(f, n->left, flow);
   case IS_FAMILY: return ip_is4(&flow->src) == n->ipv4 && ip_is4(&flow->dst) == n->ipv4;
   case IS_PROTOCOL: return flow->protocol == n->number;
   case IS_NETWORK: return of_ends(n->ends, in_network(n, &flow->src), in_network(n, &flow->dst));
   case IS_IN_LIST: return of_ends(n->ends, in_list(n, &flow->src), in_list(n, &flow->dst));
   case IS_PORT:
      return of_ends(n->ends, compare(n->comparison, flow->src_port, n->number),
                     compare(n->comparison, flow->dst_port, n->number));
   case IS_IN_PORTS: return of_ends(n->ends, in_ports(n, flow->src_port), in_ports(n, flow->dst_port));
   case IS_FLAGS: return flags_match(n, flow->tcp_flags);
   case IS_FLAGS_NUMBER: return compare(n->comparison, flow->tcp_flags, n->number);
   case IS_PACKETS: return compare(n->comparison, flow->packets, n->number);
   case IS_BYTES: return compare(n->comparison, flow->bytes, n->number);
   default: return true;
   }
}

bool nf_filter_match(const nf_filter_t *f, const struct nf_flow *flow)
{
   return match(f, f->root, flow);
}

void nf_filter_free(nf_filter_t *f)
{
   for (uint32_t i = 0; f != NULL && i < f->n; i++) {
      free(f->nodes[i].ports);
      if (f->nodes[i].networks != NULL) {
         ipps_destroy(f->nodes[i].networks);
      }
   }
   if (f != NULL) {
      free(f->nodes);
      free(f);
   }
}
