/* SPDX-License-Identifier: BSD-3-Clause */
/** The tree of a filter; for filter.c and filter_parse.c only. */
#ifndef NEMEA_NFREADER_FILTER_TREE_H
#define NEMEA_NFREADER_FILTER_TREE_H

#include <unirec/ip_prefix_search.h>

#include "filter.h"

enum kind {
   IS_ANY,
   IS_AND,
   IS_OR,
   IS_NOT,
   IS_FAMILY,
   IS_PROTOCOL,
   IS_NETWORK,
   IS_IN_LIST,
   IS_PORT,
   IS_IN_PORTS,
   IS_FLAGS,
   IS_FLAGS_NUMBER,
   IS_PACKETS,
   IS_BYTES
};
enum comparison { IS_EQUAL, IS_LESS, IS_GREATER, IS_AT_MOST, IS_AT_LEAST };
enum ends { EITHER, SOURCE, DESTINATION, BOTH };

#define NO_NODE UINT32_MAX

struct node {
   enum kind kind;
   enum ends ends;
   enum comparison comparison;
   bool ipv4;     /* IS_FAMILY */
   bool none;     /* IS_FLAGS: none of the flags instead of all */
   uint32_t left; /* first operand */
   uint32_t next; /* operand behind this one, or NO_NODE */
   uint64_t number;
   ip_addr_t ip, mask; /* IS_NETWORK */
   ipps_context_t *networks;
   uint64_t *ports; /* IS_IN_PORTS: a bit for each */
};

struct nf_filter {
   struct node *nodes;
   uint32_t n, size, root;
};

#endif
