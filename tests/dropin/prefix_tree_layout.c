/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of the prefix tree as programs compiled for NEMEA 2 read them (LP64): same order, types and offsets. */
#include <stddef.h>
#include <nemea-common/prefix_tree.h>

typedef struct old_inner {
   unsigned char length;
   unsigned int count_of_string;
   unsigned char count_of_children;
   char *string;
   struct old_inner *parent;
   struct old_domain *parent_is_domain;
   struct old_inner **child;
   struct old_domain *domain;
   void *value;
} old_inner;

typedef struct old_node_extension {
   struct old_domain *most_used_domain_less;
   struct old_domain *most_used_domain_more;
   struct old_domain *most_subdomains_less;
   struct old_domain *most_subdomains_more;
} old_node_extension;

typedef struct old_domain {
   unsigned char exception;
   unsigned char degree;
   unsigned int count_of_insert;
   unsigned int count_of_different_subdomains;
   struct old_inner *parent;
   struct old_domain *parent_domain;
   struct old_inner *child;
   void *value;
   struct old_node_extension *domain_extension;
} old_domain;

typedef struct old_tree_extension {
   struct old_domain *list_of_most_used_domains;
   struct old_domain *list_of_most_used_domains_end;
   struct old_domain *list_of_most_unused_domains;
   struct old_domain **list_of_most_subdomains;
   struct old_domain **list_of_most_subdomains_end;
} old_tree_extension;

typedef struct old_tree {
   struct old_inner *root;
   unsigned int size_of_value;
   int domain_separator;
   unsigned char prefix_suffix;
   unsigned int count_of_domain_searched_just_ones;
   unsigned int count_of_inserting;
   unsigned int count_of_inserting_for_just_ones;
   unsigned int count_of_different_domains;
   struct old_tree_extension *domain_extension;
   relaxation_after_delete relaxation;
} old_tree;

#define SAME(theirs, ours, member)                                                                       \
   typedef char theirs##_##member##_offset[offsetof(theirs, member) == offsetof(ours, member) ? 1 : -1]; \
   typedef char                                                                                          \
       theirs##_##member##_size[sizeof(((theirs *) 0)->member) == sizeof(((ours *) 0)->member) ? 1 : -1]

SAME(old_inner, prefix_tree_inner_node_t, length);
SAME(old_inner, prefix_tree_inner_node_t, count_of_string);
SAME(old_inner, prefix_tree_inner_node_t, count_of_children);
SAME(old_inner, prefix_tree_inner_node_t, string);
SAME(old_inner, prefix_tree_inner_node_t, parent);
SAME(old_inner, prefix_tree_inner_node_t, parent_is_domain);
SAME(old_inner, prefix_tree_inner_node_t, child);
SAME(old_inner, prefix_tree_inner_node_t, domain);
SAME(old_inner, prefix_tree_inner_node_t, value);

SAME(old_node_extension, node_domain_extension_t, most_used_domain_less);
SAME(old_node_extension, node_domain_extension_t, most_used_domain_more);
SAME(old_node_extension, node_domain_extension_t, most_subdomains_less);
SAME(old_node_extension, node_domain_extension_t, most_subdomains_more);

SAME(old_domain, prefix_tree_domain_t, exception);
SAME(old_domain, prefix_tree_domain_t, degree);
SAME(old_domain, prefix_tree_domain_t, count_of_insert);
SAME(old_domain, prefix_tree_domain_t, count_of_different_subdomains);
SAME(old_domain, prefix_tree_domain_t, parent);
SAME(old_domain, prefix_tree_domain_t, parent_domain);
SAME(old_domain, prefix_tree_domain_t, child);
SAME(old_domain, prefix_tree_domain_t, value);
SAME(old_domain, prefix_tree_domain_t, domain_extension);

SAME(old_tree_extension, tree_domain_extension_t, list_of_most_used_domains);
SAME(old_tree_extension, tree_domain_extension_t, list_of_most_used_domains_end);
SAME(old_tree_extension, tree_domain_extension_t, list_of_most_unused_domains);
SAME(old_tree_extension, tree_domain_extension_t, list_of_most_subdomains);
SAME(old_tree_extension, tree_domain_extension_t, list_of_most_subdomains_end);

SAME(old_tree, prefix_tree_t, root);
SAME(old_tree, prefix_tree_t, size_of_value);
SAME(old_tree, prefix_tree_t, domain_separator);
SAME(old_tree, prefix_tree_t, prefix_suffix);
SAME(old_tree, prefix_tree_t, count_of_domain_searched_just_ones);
SAME(old_tree, prefix_tree_t, count_of_inserting);
SAME(old_tree, prefix_tree_t, count_of_inserting_for_just_ones);
SAME(old_tree, prefix_tree_t, count_of_different_domains);
SAME(old_tree, prefix_tree_t, domain_extension);
SAME(old_tree, prefix_tree_t, relaxation);

/* What modules do: walk the children by byte, the label is read from its end. */
unsigned int strings_below(const prefix_tree_t *tree, const char *name, size_t length);
unsigned int strings_below(const prefix_tree_t *tree, const char *name, size_t length)
{
   const prefix_tree_inner_node_t *node = tree->root;
   while (node != NULL && length > 0 && node->child != NULL) {
      node = node->child[(unsigned char) name[--length]];
   }
   return node != NULL && (node->domain == NULL || node->domain->parent == node) ? node->count_of_string : 0;
}
