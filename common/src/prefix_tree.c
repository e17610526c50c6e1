/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Radix tree over labels. Every domain carries a small radix tree of the labels after it; its top node is the domain's
 * child. The top node of the first labels is the root: it has no bytes and stays. Positions inside a label count in reading
 * order, and nodes keep their bytes in it. Nothing recurses: the strings decide about the depth.
 */
#include <nemea-common/prefix_tree.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef prefix_tree_t tree_t;
typedef prefix_tree_domain_t domain_t;
typedef prefix_tree_inner_node_t inner_t;

/* ------------------------------------------------------------------ reading */

/* Byte i of a text in reading order. */
static unsigned char byte_at(const tree_t *t, const char *text, size_t length, size_t i)
{
   return (unsigned char) text[t->prefix_suffix == PREFIX ? i : length - 1 - i];
}

/* Part of a text: n bytes after the first skip ones, in reading order. */
static const char *part(const tree_t *t, const char *text, size_t length, size_t skip, size_t n)
{
   return text + (t->prefix_suffix == PREFIX ? skip : length - skip - n);
}

struct labels {
   const char *text;
   size_t left;
   bool end;
};

/* Takes the next label in reading order. \return false after the last */
static bool next_label(const tree_t *t, struct labels *l, const char **label, size_t *length)
{
   size_t n = 0;
   if (l->end) {
      return false;
   }
   while (n < l->left &&
          (t->domain_separator < 0 || byte_at(t, l->text, l->left, n) != t->domain_separator)) {
      n++;
   }
   *label = part(t, l->text, l->left, 0, n);
   *length = n;
   l->end = n == l->left;
   if (!l->end) {
      size_t rest = l->left - n - 1;
      l->text = part(t, l->text, l->left, n + 1, rest);
      l->left = rest;
   }
   return true;
}

/* ------------------------------------------------------------------- memory */

static void set_length(inner_t *n, size_t length)
{
   n->exact_length = length;
   n->length = length < UCHAR_MAX ? (unsigned char) length : UCHAR_MAX;
}

static void set_children(inner_t *n, unsigned children)
{
   n->exact_children = children;
   n->count_of_children = children < UCHAR_MAX ? (unsigned char) children : UCHAR_MAX;
}

/* Copies bytes between a text and a node, whose order is that of reading. */
static void copy_bytes(const tree_t *t, char *to, const char *from, size_t n)
{
   for (size_t i = 0; i < n; i++) {
      to[i] = (char) byte_at(t, from, n, i);
   }
}

static inner_t *inner_new(size_t length)
{
   inner_t *n = calloc(1, sizeof(*n));
   if (n != NULL) {
      n->string = malloc(length + 1);
      set_length(n, length);
   }
   if (n != NULL && n->string == NULL) {
      free(n);
      return NULL;
   }
   return n;
}

static void inner_free(inner_t *n)
{
   if (n != NULL) {
      free(n->string);
      free(n->child);
      free(n);
   }
}

static bool reserve_children(inner_t *n)
{
   if (n->child == NULL) {
      n->child = calloc(COUNT_OF_LETTERS_IN_DOMAIN, sizeof(inner_t *));
   }
   return n->child != NULL;
}

static domain_t *domain_new(const tree_t *t)
{
   domain_t *d = calloc(1, sizeof(*d));
   if (d != NULL && t->size_of_value > 0) {
      d->value = calloc(1, t->size_of_value);
   }
   if (d != NULL && t->domain_extension != NULL) {
      d->domain_extension = calloc(1, sizeof(*d->domain_extension));
   }
   if (d != NULL && ((t->size_of_value > 0 && d->value == NULL) ||
                     (t->domain_extension != NULL && d->domain_extension == NULL))) {
      free(d->value);
      free(d->domain_extension);
      free(d);
      return NULL;
   }
   return d;
}

static void domain_free(domain_t *d)
{
   if (d != NULL) {
      free(d->value);
      free(d->domain_extension);
      free(d);
   }
}

static tree_domain_extension_t *lists_new(void)
{
   tree_domain_extension_t *e = calloc(1, sizeof(*e));
   domain_t **ends = calloc(2 * MAX_SIZE_OF_DEGREE, sizeof(*ends)); /* of all lists, in one piece */
   if (e == NULL || ends == NULL) {
      free(e);
      free(ends);
      return NULL;
   }
   e->list_of_most_subdomains = ends;
   e->list_of_most_subdomains_end = ends + MAX_SIZE_OF_DEGREE;
   return e;
}

static void lists_free(tree_domain_extension_t *e)
{
   if (e != NULL) {
      free(e->list_of_most_subdomains);
      free(e);
   }
}

static bool root_new(tree_t *t)
{
   inner_t *root = inner_new(0);
   domain_t *d = domain_new(t);
   if (root == NULL || d == NULL || !reserve_children(root)) {
      inner_free(root);
      domain_free(d);
      return false;
   }
   root->domain = root->parent_is_domain = d;
   d->child = root;
   t->root = root;
   return true;
}

tree_t *prefix_tree_initialize(unsigned char prefix_suffix, unsigned int size_of_value, int domain_separator,
                               int extension, relaxation_after_delete relaxation_set)
{
   tree_t *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return NULL;
   }
   t->prefix_suffix = prefix_suffix;
   t->size_of_value = size_of_value;
   t->domain_separator = domain_separator;
   t->relaxation = relaxation_set;
   t->domain_extension = extension == DOMAIN_EXTENSION_YES ? lists_new() : NULL;
   if ((extension == DOMAIN_EXTENSION_YES && t->domain_extension == NULL) || !root_new(t)) {
      lists_free(t->domain_extension);
      free(t);
      return NULL;
   }
   return t;
}

/* -------------------------------------------------------- lists of the extension */

/* A list of domains by a count, descending; the two lists differ in their links only. */
struct list {
   domain_t **first, **last; /* last may be NULL */
   size_t less, more;        /* offsets of the links */
};

static domain_t **link_of(domain_t *d, size_t offset)
{
   return (domain_t **) (void *) ((char *) d->domain_extension + offset);
}

static struct list used_list(tree_t *t)
{
   return (struct list){&t->domain_extension->list_of_most_used_domains,
                        &t->domain_extension->list_of_most_used_domains_end,
                        offsetof(node_domain_extension_t, most_used_domain_less),
                        offsetof(node_domain_extension_t, most_used_domain_more)};
}

static struct list unused_list(tree_t *t)
{
   return (struct list){&t->domain_extension->list_of_most_unused_domains, NULL,
                        offsetof(node_domain_extension_t, most_used_domain_less),
                        offsetof(node_domain_extension_t, most_used_domain_more)};
}

static struct list subdomain_list(tree_t *t, unsigned degree)
{
   unsigned i = degree < MAX_SIZE_OF_DEGREE ? degree : MAX_SIZE_OF_DEGREE - 1;
   return (struct list){&t->domain_extension->list_of_most_subdomains[i],
                        &t->domain_extension->list_of_most_subdomains_end[i],
                        offsetof(node_domain_extension_t, most_subdomains_less),
                        offsetof(node_domain_extension_t, most_subdomains_more)};
}

static void list_remove(struct list l, domain_t *d)
{
   domain_t *less = *link_of(d, l.less), *more = *link_of(d, l.more);
   if (more != NULL) {
      *link_of(more, l.less) = less;
   } else if (*l.first == d) {
      *l.first = less;
   }
   if (less != NULL) {
      *link_of(less, l.more) = more;
   } else if (l.last != NULL && *l.last == d) {
      *l.last = more;
   }
   *link_of(d, l.less) = *link_of(d, l.more) = NULL;
}

/* Inserts d after the domain "after"; NULL: at the front. */
static void list_insert(struct list l, domain_t *d, domain_t *after)
{
   domain_t *less = after != NULL ? *link_of(after, l.less) : *l.first;
   *link_of(d, l.more) = after;
   *link_of(d, l.less) = less;
   *(after != NULL ? link_of(after, l.less) : l.first) = d;
   if (less != NULL) {
      *link_of(less, l.more) = d;
   } else if (l.last != NULL) {
      *l.last = d;
   }
}

static bool in_list(struct list l, domain_t *d)
{
   return *link_of(d, l.more) != NULL || *link_of(d, l.less) != NULL || *l.first == d;
}

static unsigned insertions(const domain_t *d)
{
   return d->count_of_insert;
}

static unsigned subdomains(const domain_t *d)
{
   return d->count_of_different_subdomains;
}

/* Puts d at its place; its count has just grown or shrunk. */
static void list_move(struct list l, domain_t *d, unsigned (*count)(const domain_t *))
{
   if (!in_list(
           l, d)) { /* from both ends at once: the new are among the least, or the largest of a deep chain */
      domain_t *up = *l.last, *down = *l.first;
      while (up != NULL && count(up) < count(d) && count(down) >= count(d)) {
         up = *link_of(up, l.more);
         down = *link_of(down, l.less);
      }
      list_insert(l, d, up == NULL || count(up) >= count(d) ? up : *link_of(down, l.more));
      return;
   }
   domain_t *after = *link_of(d, l.more), *less = *link_of(d, l.less);
   list_remove(l, d);
   while (less != NULL && count(less) > count(d)) {
      after = less;
      less = *link_of(less, l.less);
   }
   while (after != NULL && count(after) < count(d)) {
      after = *link_of(after, l.more);
   }
   list_insert(l, d, after);
}

static void count_insertion(tree_t *t, domain_t *d)
{
   t->count_of_inserting++;
   unsigned n = ++d->count_of_insert;
   if (t->domain_extension == NULL) {
      return;
   }
   if (n == 1) {
      t->count_of_domain_searched_just_ones++;
      t->count_of_different_domains++;
      t->count_of_inserting_for_just_ones++;
      list_insert(unused_list(t), d, NULL);
   } else if (n == MAX_COUNT_TO_BE_IN_JUST_ONE_SEARCHER) {
      t->count_of_domain_searched_just_ones--;
      t->count_of_inserting_for_just_ones += MAX_COUNT_TO_BE_IN_JUST_ONE_SEARCHER - 1;
      list_remove(unused_list(t), d);
   } else if (n > MAX_COUNT_TO_BE_IN_JUST_ONE_SEARCHER) {
      t->count_of_inserting_for_just_ones++;
   }
   if (n > ADD_TO_LIST_FROM_COUNT_OF_SEARCH) {
      list_move(used_list(t), d, insertions);
   }
}

static void count_subdomains(tree_t *t, domain_t *d, int n)
{
   d->count_of_different_subdomains += (unsigned) n;
   if (t->domain_extension != NULL) {
      struct list l = subdomain_list(t, d->exact_degree);
      if (d->count_of_different_subdomains > ADD_TO_LIST_FROM_COUNT_OF_DIFFERENT_SUBDOMAINS) {
         list_move(l, d, subdomains);
      } else if (in_list(l, d)) {
         list_remove(l, d);
      }
   }
}

/* Adds n, which may be below zero, to what the nodes from a domain's end upwards count. The next fresh domains above
 * are new too and add one each. */
static void count_domains(tree_t *t, inner_t *at, int n, size_t fresh)
{
   while (at != NULL) {
      at->count_of_string += (unsigned) n;
      domain_t *above = at->parent_is_domain;
      if (above == NULL) {
         at = at->parent;
         continue;
      }
      count_subdomains(t, above, n);
      if (fresh > 0) {
         fresh--;
         n++;
      }
      at = above->parent;
   }
}

/* ------------------------------------------------------------------- labels */

/* How far a label is there. */
struct place {
   inner_t *node;  /* the last node that was reached; NULL: the domain has no labels after it */
   size_t in_node; /* bytes of the node that agree */
   size_t in_label;
};

static struct place find_place(const tree_t *t, const domain_t *above, const char *label, size_t length)
{
   struct place p = {above->child, 0, 0};
   inner_t *next = p.node;
   while (next != NULL) {
      p.node = next;
      p.in_node = 0;
      while (p.in_node < next->exact_length && p.in_label < length &&
             (unsigned char) next->string[p.in_node] == byte_at(t, label, length, p.in_label)) {
         p.in_node++;
         p.in_label++;
      }
      if (p.in_node < next->exact_length || p.in_label == length || next->child == NULL) {
         break;
      }
      next = next->child[byte_at(t, label, length, p.in_label)];
   }
   return p;
}

/* Address of the pointer to the domain of a label that ends at a node. */
static domain_t **end_of_label(tree_t *t, inner_t *n)
{
   return n == t->root ? &t->empty_label : &n->domain;
}

static domain_t *domain_at(tree_t *t, struct place p, size_t length)
{
   return p.node != NULL && p.in_node == p.node->exact_length && p.in_label == length
              ? *end_of_label(t, p.node)
              : NULL;
}

/* Address of the pointer to a node. */
static inner_t **slot_of(inner_t *n)
{
   return n->parent_is_domain != NULL ? &n->parent_is_domain->child
                                      : &n->parent->child[(unsigned char) n->string[0]];
}

static void add_child(inner_t *parent, inner_t *child)
{
   parent->child[(unsigned char) child->string[0]] = child;
   set_children(parent, parent->exact_children + 1);
   child->parent = parent;
   child->parent_is_domain = NULL;
}

/* Splits a node after its first bytes; upper, which has them, takes its place. */
static void split(inner_t *node, inner_t *upper)
{
   size_t n = upper->exact_length, rest = node->exact_length - n;
   *slot_of(node) = upper;
   upper->parent = node->parent;
   upper->parent_is_domain = node->parent_is_domain;
   upper->count_of_string = node->count_of_string;
   memmove(node->string, node->string + n, rest);
   set_length(node, rest);
   add_child(upper, node);
}

/* Makes the domain of a label that is not there, counted by the caller. Takes all memory before it changes anything. */
static domain_t *make_domain(tree_t *t, domain_t *above, struct place p, const char *label, size_t length)
{
   size_t rest = length - p.in_label;
   bool cut = p.node != NULL && p.in_node < p.node->exact_length, leaf = p.node == NULL || rest > 0;
   inner_t *upper = cut ? inner_new(p.in_node) : NULL;
   inner_t *tail = leaf ? inner_new(rest) : NULL;
   domain_t *d = domain_new(t);
   inner_t *grows = cut ? upper : leaf ? p.node : NULL; /* gets children */
   if (d == NULL || (cut && upper == NULL) || (leaf && tail == NULL) ||
       (grows != NULL && !reserve_children(grows))) {
      inner_free(upper);
      inner_free(tail);
      domain_free(d);
      return NULL;
   }
   inner_t *at = p.node;
   if (cut) {
      memcpy(upper->string, at->string, p.in_node);
      split(at, upper);
      at = upper;
   }
   if (tail != NULL) {
      copy_bytes(t, tail->string, part(t, label, length, p.in_label, rest), rest);
   }
   if (tail != NULL && at != NULL) {
      add_child(at, tail);
   } else if (tail != NULL) {
      above->child = tail;
      tail->parent_is_domain = above;
   }
   at = tail != NULL ? tail : at;
   *end_of_label(t, at) = d;
   d->parent = at;
   d->parent_domain = above;
   d->exact_degree = above->exact_degree + 1;
   d->degree = d->exact_degree < UCHAR_MAX ? (unsigned char) d->exact_degree : UCHAR_MAX;
   return d;
}

domain_t *prefix_tree_insert(tree_t *tree, const char *string, int length)
{
   struct labels l = {string, (size_t) length, false};
   const char *label;
   size_t n;
   domain_t *d = tree->root->domain;
   if (string == NULL || length < 0) {
      return NULL;
   }
   size_t fresh = 0;
   bool good = true;
   while (good && next_label(tree, &l, &label, &n)) {
      struct place p = find_place(tree, d, label, n);
      domain_t *next = domain_at(tree, p, n);
      if (next == NULL) {
         next = make_domain(tree, d, p, label, n);
         fresh += next != NULL;
      }
      good = next != NULL && !next->exception;
      d = next != NULL ? next : d;
   }
   /* Counted once for all labels, or a string of nothing but separators would take the square of its length. */
   if (fresh > 0) {
      count_domains(tree, d->parent, 1, fresh - 1);
   }
   if (!good) {
      return NULL;
   }
   count_insertion(tree, d);
   return d;
}

/* \param exception stop at the first exception on the way */
static domain_t *find(tree_t *t, const char *string, int length, bool exception)
{
   struct labels l = {string, (size_t) length, false};
   const char *label;
   size_t n;
   domain_t *d = string != NULL && length >= 0 ? t->root->domain : NULL;
   while (d != NULL && !(exception && d->exception) && next_label(t, &l, &label, &n)) {
      d = domain_at(t, find_place(t, d, label, n), n);
   }
   return d;
}

domain_t *prefix_tree_search(tree_t *tree, const char *string, int length)
{
   return find(tree, string, length, false);
}

domain_t *prefix_tree_add_string_exception(tree_t *tree, const char *string, int length)
{
   domain_t *d = find(tree, string, length, false);
   if (d != NULL && d->exception) {
      return d;
   }
   d = prefix_tree_insert(tree, string, length);
   if (d != NULL) {
      d->exception = 1;
   }
   return d;
}

int prefix_tree_is_string_in_exception(tree_t *tree, const char *string, int length)
{
   const domain_t *d = find(tree, string, length, true);
   return d != NULL && d->exception;
}

/* --------------------------------------------------------------- text, counts */

/* From the end of the string to its start in reading order: for PREFIX the text is written backwards. */
char *prefix_tree_read_string(tree_t *tree, domain_t *domain, char *string)
{
   bool prefix = tree->prefix_suffix == PREFIX;
   size_t length = 0;
   for (int write = prefix ? 0 : 1; write <= 1; write++) {
      size_t at = write && prefix ? length : 0;
      for (const domain_t *d = domain; d->parent != NULL; d = d->parent_domain) {
         for (const inner_t *n = d->parent; n != NULL; n = n->parent) {
            if (write) {
               at -= prefix ? n->exact_length : 0;
               copy_bytes(tree, string + at, n->string, n->exact_length);
               at += prefix ? 0 : n->exact_length;
            }
            length += n->exact_length;
         }
         if (d->parent_domain->parent != NULL) {
            if (write) {
               at -= prefix;
               string[at] = (char) tree->domain_separator;
               at += !prefix;
            }
            length++;
         }
      }
   }
   string[prefix ? length / 2 : length] = 0;
   return string;
}

char *prefix_tree_read_inner_node(tree_t *tree, inner_t *node, char *string)
{
   copy_bytes(tree, string, node->string, node->exact_length);
   string[node->exact_length] = 0;
   return NULL;
}

inner_t *prefix_tree_most_substring(inner_t *node)
{
   inner_t *most = NULL;
   for (int i = 0; node->child != NULL && i < COUNT_OF_LETTERS_IN_DOMAIN; i++) {
      inner_t *c = node->child[i];
      if (c != NULL && (most == NULL || c->count_of_string > most->count_of_string)) {
         most = c;
      }
   }
   return most;
}

double prefix_tree_most_used_domain_percent_of_subdomains(tree_t *tree, int depth)
{
   if (tree->domain_extension == NULL || depth < 0 || depth >= MAX_SIZE_OF_DEGREE ||
       tree->domain_extension->list_of_most_subdomains[depth] == NULL) {
      return 0;
   }
   return (double) tree->domain_extension->list_of_most_subdomains[depth]->count_of_different_subdomains /
          (double) tree->root->domain->count_of_different_subdomains;
}

/* ----------------------------------------------------------------- deletion */

/* Takes a domain out of the lists and counters of the extension. */
static void forget_domain(tree_t *t, domain_t *d)
{
   if (t->domain_extension == NULL) {
      return;
   }
   if (d->count_of_insert > 0) {
      t->count_of_different_domains--;
   }
   if (d->count_of_insert > 0 && d->count_of_insert < MAX_COUNT_TO_BE_IN_JUST_ONE_SEARCHER) {
      t->count_of_domain_searched_just_ones--;
      list_remove(unused_list(t), d);
   } else if (in_list(used_list(t), d)) {
      list_remove(used_list(t), d);
   }
   if (in_list(subdomain_list(t, d->exact_degree), d)) {
      list_remove(subdomain_list(t, d->exact_degree), d);
   }
}

/* Frees a node and all below it; nothing above is touched. count_of_string serves as the place in child. */
static void free_below(tree_t *t, inner_t *top)
{
   inner_t *n = top;
   n->count_of_string = 0;
   for (;;) {
      inner_t *next = NULL;
      if (n->domain != NULL && n->domain->child != NULL) {
         next = n->domain->child;
         n->domain->child = NULL;
      } else {
         while (next == NULL && n->child != NULL && n->count_of_string < COUNT_OF_LETTERS_IN_DOMAIN) {
            next = n->child[n->count_of_string++];
         }
      }
      if (next != NULL) {
         n = next;
         n->count_of_string = 0;
         continue;
      }
      inner_t *up = n->parent_is_domain != NULL ? n->parent_is_domain->parent : n->parent;
      bool last = n == top;
      if (n->domain != NULL) {
         forget_domain(t, n->domain);
         domain_free(n->domain);
      }
      inner_free(n);
      if (last) {
         return;
      }
      n = up;
   }
}

/* Joins a node that has one child and ends no label with its child. */
static void join(inner_t *n)
{
   inner_t *child = NULL;
   if (n->domain != NULL || n->exact_children != 1) { /* the root has a domain always */
      return;
   }
   for (int i = 0; child == NULL; i++) {
      child = n->child[i];
   }
   size_t length = n->exact_length + child->exact_length;
   char *string = malloc(length + 1);
   if (string == NULL) {
      return; /* a node with one child is valid too */
   }
   memcpy(string, n->string, n->exact_length);
   memcpy(string + n->exact_length, child->string, child->exact_length);
   *slot_of(n) = child;
   child->parent = n->parent;
   child->parent_is_domain = n->parent_is_domain;
   free(child->string);
   child->string = string;
   set_length(child, length);
   inner_free(n);
}

/* Removes everything but the root. */
static void empty(tree_t *t)
{
   inner_t *root = t->root;
   for (int i = 0; i < COUNT_OF_LETTERS_IN_DOMAIN; i++) {
      if (root->child[i] != NULL) {
         free_below(t, root->child[i]);
         root->child[i] = NULL;
      }
   }
   if (t->empty_label != NULL) {
      if (t->empty_label->child != NULL) {
         free_below(t, t->empty_label->child);
      }
      forget_domain(t, t->empty_label);
      domain_free(t->empty_label);
      t->empty_label = NULL;
   }
   set_children(root, 0);
}

void prefix_tree_delete_inner_node(tree_t *tree, inner_t *node)
{
   if (node == NULL) {
      return;
   }
   count_domains(tree, node, -(int) node->count_of_string, 0);
   if (node == tree->root) {
      empty(tree);
      return;
   }
   /* Nodes above that hold nothing else go with it; the root has a domain always. */
   inner_t *above = node->parent;
   *slot_of(node) = NULL;
   while (above != NULL) {
      set_children(above, above->exact_children - 1);
      if (above->exact_children > 0 || above->domain != NULL) {
         break;
      }
      inner_t *unused = above;
      *slot_of(unused) = NULL;
      above = unused->parent;
      inner_free(unused);
   }
   free_below(tree, node);
   if (above != NULL && tree->relaxation == RELAXATION_AFTER_DELETE_YES) {
      join(above);
   }
}

void prefix_tree_destroy(tree_t *tree)
{
   if (tree == NULL) {
      return;
   }
   empty(tree);
   domain_free(tree->root->domain);
   inner_free(tree->root);
   lists_free(tree->domain_extension);
   free(tree);
}
