/* SPDX-License-Identifier: BSD-3-Clause */
/** \file prefix_tree.h
 * Strings in a radix tree, read from the left (PREFIX) or from the right (SUFFIX, as domain names are), and split at
 * a separator into labels, which are called domains here. Each label boundary that was ever inserted is a node with
 * a value and counters.
 *
 * Strings are bytes of any value and length, compared exactly. Empty labels (".com", "a..b", "") are labels like others.
 * The tree has no limit of its own: an inner node with children takes 2 KiB. Where outsiders choose the strings,
 * delete old ones. Threads: one tree belongs to one thread. */
#ifndef PREFIX_TREE_H
#define PREFIX_TREE_H

/* Also what sources written for NEMEA 2 expect this header to bring in. */
#include <getopt.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef PREFIX
#define PREFIX 1 /**< strings are read from the left */
#endif
#ifndef SUFFIX
#define SUFFIX 0 /**< strings are read from the right */
#endif

#define COUNT_OF_LETTERS_IN_DOMAIN                     256
#define MAX_SIZE_OF_DOMAIN                             256 /* no limit any more */
#define MAX_SIZE_OF_DEGREE                             5   /* lists of most subdomains */
#define ADD_TO_LIST_FROM_COUNT_OF_SEARCH               20
#define ADD_TO_LIST_FROM_COUNT_OF_DIFFERENT_SUBDOMAINS 10
#define MAX_COUNT_TO_BE_IN_JUST_ONE_SEARCHER           10

typedef enum { DOMAIN_EXTENSION_YES = 0, DOMAIN_EXTENSION_NO = 1 } domain_extension;

typedef enum {
   RELAXATION_AFTER_DELETE_YES = 0, /**< nodes that a deletion left with one child are joined with it */
   RELAXATION_AFTER_DELETE_NO = 1
} relaxation_after_delete;

struct prefix_tree_domain_t;

/** Links of a domain in the lists of the extension. */
typedef struct node_domain_extension_t {
   struct prefix_tree_domain_t *most_used_domain_less; /**< the next one, used less */
   struct prefix_tree_domain_t *most_used_domain_more;
   struct prefix_tree_domain_t *most_subdomains_less; /**< the next one, with fewer subdomains */
   struct prefix_tree_domain_t *most_subdomains_more;
} node_domain_extension_t;

/** Lists of the extension. */
typedef struct tree_domain_extension_t {
   struct prefix_tree_domain_t *list_of_most_used_domains; /**< inserted more than 20 times, the most first */
   struct prefix_tree_domain_t *list_of_most_used_domains_end;
   struct prefix_tree_domain_t
       *list_of_most_unused_domains; /**< inserted fewer than 10 times, the newest first */
   /** By degree (4: and above): those with more than 10 subdomains, the most first. */
   struct prefix_tree_domain_t **list_of_most_subdomains;     /**< MAX_SIZE_OF_DEGREE of them */
   struct prefix_tree_domain_t **list_of_most_subdomains_end; /**< the same */
} tree_domain_extension_t;

/* The order and the types of the members are those of NEMEA 2, whose modules read them; values that may
 * exceed these types are repeated in wider members at the end. Only the library makes these structs. */

/** A part of a label. */
typedef struct prefix_tree_inner_node_t {
   unsigned char length;            /**< of string, bytes; 255: 255 or more */
   unsigned int count_of_string;    /**< domains at this node and below it, in all labels */
   unsigned char count_of_children; /**< 255: 255 or 256 */
   char *string; /**< not terminated, in reading order: in a suffix tree the last byte comes first */
   struct prefix_tree_inner_node_t *parent;       /**< NULL below a domain */
   struct prefix_tree_domain_t *parent_is_domain; /**< the domain above, NULL below an inner node */
   struct prefix_tree_inner_node_t *
       *child;                          /**< 256 pointers by the next byte that is read; NULL: no children */
   struct prefix_tree_domain_t *domain; /**< a label ends here */
   void *value;                         /**< for the user; never read or freed */
   size_t exact_length;                 /**< of string */
   unsigned int exact_children;         /**< their number */
} prefix_tree_inner_node_t;

/** A label and all that is in front of it in reading order. */
typedef struct prefix_tree_domain_t {
   unsigned char exception;
   unsigned char degree;                       /**< labels; 255: 255 or more */
   unsigned int count_of_insert;               /**< insertions of exactly this string */
   unsigned int count_of_different_subdomains; /**< domains below, at any depth */
   prefix_tree_inner_node_t *parent;           /**< where the label ends; NULL for the root */
   struct prefix_tree_domain_t *parent_domain; /**< one label less; NULL for the root */
   prefix_tree_inner_node_t *child;            /**< of the next labels */
   void *value; /**< size_of_value bytes of the user, first zero; NULL when that is 0 */
   node_domain_extension_t *domain_extension; /**< NULL without the extension */
   unsigned int exact_degree;                 /**< labels */
} prefix_tree_domain_t;

typedef struct prefix_tree_t {
   prefix_tree_inner_node_t
       *root; /**< an empty part, above all first labels; its domain is the empty string without labels */
   unsigned int size_of_value;
   int domain_separator; /**< -1: a string is one label */
   unsigned char prefix_suffix;
   unsigned int count_of_domain_searched_just_ones; /**< domains in the list of unused ones */
   unsigned int count_of_inserting;                 /**< insertions */
   unsigned int count_of_inserting_for_just_ones;   /**< insertions but those that repeat an unused domain */
   unsigned int count_of_different_domains;         /**< strings that were inserted */
   tree_domain_extension_t *domain_extension;       /**< NULL without the extension */
   relaxation_after_delete relaxation;
   prefix_tree_domain_t *empty_label; /**< the empty string as a label, whose place the root has taken */
} prefix_tree_t;

/** \param prefix_suffix PREFIX or SUFFIX \param size_of_value bytes of a domain's value, 0 for none
 * \param domain_separator a byte, or -1 \param extension DOMAIN_EXTENSION_YES keeps the lists and their counters
 * \return NULL without memory */
prefix_tree_t *prefix_tree_initialize(unsigned char prefix_suffix, unsigned int size_of_value,
                                      int domain_separator, int extension,
                                      relaxation_after_delete relaxation_set);
/** NULL is allowed. */
void prefix_tree_destroy(prefix_tree_t *tree);
/** Finds or makes the domain of a string and counts the insertion.
 * \return NULL for an exception and what is below one, a NULL string, a negative length, or without memory */
prefix_tree_domain_t *prefix_tree_insert(prefix_tree_t *tree, const char *string, int length);
/** \return the domain of exactly this string, or NULL */
prefix_tree_domain_t *prefix_tree_search(prefix_tree_t *tree, const char *string, int length);
/** Inserts a string and makes it an exception. */
prefix_tree_domain_t *prefix_tree_add_string_exception(prefix_tree_t *tree, const char *string, int length);
/** \return 1 when the string, or it without its last labels, is an exception, else 0 */
int prefix_tree_is_string_in_exception(prefix_tree_t *tree, const char *string, int length);
/** Writes the whole string of a domain and a NUL; the caller knows how long its strings are. \return string */
char *prefix_tree_read_string(prefix_tree_t *tree, prefix_tree_domain_t *domain, char *string);
/** Writes the part of an inner node and a NUL. \return NULL */
char *prefix_tree_read_inner_node(prefix_tree_t *tree, prefix_tree_inner_node_t *node, char *string);
/** \return the child with the most domains; NULL without children */
prefix_tree_inner_node_t *prefix_tree_most_substring(prefix_tree_inner_node_t *node);
/** Share of all domains that are below the domain with the most subdomains of a depth.
 * \return 0 to 1; 0 without the extension, for a depth of 5 or more, or when none has more than 10 */
double prefix_tree_most_used_domain_percent_of_subdomains(prefix_tree_t *tree, int depth);
/** Deletes a node, all below it, and the counts of it; the root: empties the tree. */
void prefix_tree_delete_inner_node(prefix_tree_t *tree, prefix_tree_inner_node_t *node);

#ifdef __cplusplus
}
#endif
#endif
