/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <nemea-common/prefix_tree.h>

static prefix_tree_t *make(unsigned char direction, int separator, int extension)
{
   prefix_tree_t *t = prefix_tree_initialize(direction, 4, separator, extension, RELAXATION_AFTER_DELETE_YES);
   assert_non_null(t);
   return t;
}

static prefix_tree_domain_t *insert(prefix_tree_t *t, const char *s)
{
   return prefix_tree_insert(t, s, (int) strlen(s));
}

static prefix_tree_domain_t *search(prefix_tree_t *t, const char *s)
{
   return prefix_tree_search(t, s, (int) strlen(s));
}

static void domain_names(void **state)
{
   static const char *const names[] = {"google.com", "translate.google.com", "prefix.com", "suffix.com",
                                       "ok.prefix.com"};
   prefix_tree_t *t = make(SUFFIX, '.', DOMAIN_EXTENSION_NO);
   char text[64];
   for (int i = 0; i < 5; i++) {
      prefix_tree_domain_t *d = insert(t, names[i]);
      *(uint32_t *) d->value = (uint32_t) i;
      assert_string_equal(prefix_tree_read_string(t, d, text), names[i]);
   }
   prefix_tree_domain_t *com = search(t, "com");
   assert_int_equal(com->count_of_different_subdomains, 5);
   assert_int_equal(com->degree, 1);
   assert_int_equal(com->count_of_insert, 0);
   assert_int_equal(t->root->domain->count_of_different_subdomains, 6);
   assert_int_equal(search(t, "translate.google.com")->degree, 3);
   assert_ptr_equal(search(t, "google.com")->parent_domain, com);
   assert_ptr_equal(insert(t, "google.com"), search(t, "google.com"));
   assert_int_equal(search(t, "google.com")->count_of_insert, 2);
   assert_int_equal(*(uint32_t *) search(t, "ok.prefix.com")->value, 4);
   assert_null(search(t, "fix.com")); /* prefix and suffix share these bytes */
   assert_null(search(t, "oogle.com"));
   assert_null(search(t, "net"));
   assert_int_equal(t->count_of_inserting, 6);
   prefix_tree_read_inner_node(t, com->parent, text);
   assert_string_equal(text, "com");
   prefix_tree_inner_node_t *most = prefix_tree_most_substring(com->child);
   prefix_tree_read_inner_node(t, most, text);
   assert_string_equal(text, "fix");
   assert_int_equal(most->count_of_string, 3);
   assert_null(prefix_tree_most_substring(search(t, "translate.google.com")->parent));
   prefix_tree_destroy(t);
   prefix_tree_destroy(NULL);
}

static void long_and_empty_labels(void **state)
{
   static const char *const odd[] = {"", ".com", "com.", "a..b", ".", "..", "a.b", "\x80\xff.\xfe", "com"};
   for (int direction = SUFFIX; direction <= PREFIX; direction++) {
      prefix_tree_t *t = make((unsigned char) direction, '.', DOMAIN_EXTENSION_YES);
      char text[2000], longest[1500];
      for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
         prefix_tree_domain_t *d = insert(t, odd[i]);
         assert_non_null(d);
         assert_int_equal(d->count_of_insert, 1);
         assert_string_equal(prefix_tree_read_string(t, d, text), odd[i]);
      }
      for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
         assert_string_equal(prefix_tree_read_string(t, search(t, odd[i]), text), odd[i]);
      }
      memset(longest, 'x', sizeof(longest) - 1);
      longest[sizeof(longest) - 1] = 0;
      prefix_tree_domain_t *d = insert(t, longest);
      assert_ptr_equal(search(t, longest), d);
      assert_null(prefix_tree_search(t, longest, 600));
      d = prefix_tree_insert(t, longest, 600);
      assert_ptr_equal(prefix_tree_search(t, longest, 600), d);
      assert_int_equal(strlen(prefix_tree_read_string(t, d, text)), 600);
      assert_null(prefix_tree_insert(t, NULL, 3));
      assert_null(prefix_tree_insert(t, "x", -1));
      assert_null(prefix_tree_search(t, NULL, 3));
      /* As deep as a string is long: nothing recurses. */
      char *deep = malloc(20001);
      memset(deep, '.', 20000);
      d = prefix_tree_insert(t, deep, 20000);
      assert_int_equal(d->exact_degree, 20001);
      assert_int_equal(d->degree, 255);
      free(deep);
      prefix_tree_destroy(t);
   }
}

static void exceptions(void **state)
{
   prefix_tree_t *t = make(SUFFIX, '.', DOMAIN_EXTENSION_NO);
   prefix_tree_domain_t *d = prefix_tree_add_string_exception(t, "good.com", 8);
   assert_non_null(d);
   assert_ptr_equal(prefix_tree_add_string_exception(t, "good.com", 8), d);
   assert_int_equal(prefix_tree_is_string_in_exception(t, "good.com", 8), 1);
   assert_int_equal(prefix_tree_is_string_in_exception(t, "very.good.com", 13), 1);
   assert_int_equal(prefix_tree_is_string_in_exception(t, "notgood.com", 11), 0);
   assert_int_equal(prefix_tree_is_string_in_exception(t, "com", 3), 0);
   assert_null(insert(t, "good.com"));
   assert_null(insert(t, "very.good.com"));
   assert_non_null(insert(t, "notgood.com"));
   prefix_tree_destroy(t);
}

static void repeat(prefix_tree_t *t, const char *s, int n)
{
   while (n-- > 0) {
      insert(t, s);
   }
}

static void counters_and_lists_of_the_extension(void **state)
{
   prefix_tree_t *t = make(SUFFIX, '.', DOMAIN_EXTENSION_YES);
   char name[32];
   repeat(t, "once.com", 1);
   repeat(t, "nine.com", 9);
   repeat(t, "ten.com", 10);
   repeat(t, "many.com", 21);
   repeat(t, "most.com", 30);
   assert_int_equal(t->count_of_domain_searched_just_ones, 2);
   assert_int_equal(t->count_of_different_domains, 5);
   assert_int_equal(t->count_of_inserting, 71);
   assert_int_equal(t->count_of_inserting_for_just_ones, 1 + 1 + 10 + 21 + 30);
   tree_domain_extension_t *e = t->domain_extension;
   assert_ptr_equal(e->list_of_most_unused_domains, search(t, "nine.com"));
   assert_ptr_equal(e->list_of_most_unused_domains->domain_extension->most_used_domain_less,
                    search(t, "once.com"));
   assert_ptr_equal(e->list_of_most_used_domains, search(t, "most.com"));
   assert_ptr_equal(e->list_of_most_used_domains_end, search(t, "many.com"));
   repeat(t, "many.com", 10);
   assert_ptr_equal(e->list_of_most_used_domains, search(t, "many.com"));
   assert_true(prefix_tree_most_used_domain_percent_of_subdomains(t, 1) == 0); /* com has five */
   for (int i = 0; i < 12; i++) {
      snprintf(name, sizeof(name), "h%d.many.com", i);
      insert(t, name);
   }
   assert_ptr_equal(e->list_of_most_subdomains[1], search(t, "com"));
   assert_ptr_equal(e->list_of_most_subdomains[2], search(t, "many.com"));
   assert_true(prefix_tree_most_used_domain_percent_of_subdomains(t, 2) == 12.0 / 18);
   assert_true(prefix_tree_most_used_domain_percent_of_subdomains(t, 5) == 0);
   for (int i = 0; i < 20; i++) {
      snprintf(name, sizeof(name), "h%d.most.com", i);
      insert(t, name);
   }
   assert_ptr_equal(e->list_of_most_subdomains[2], search(t, "most.com"));
   assert_ptr_equal(e->list_of_most_subdomains_end[2], search(t, "many.com"));
   prefix_tree_delete_inner_node(t, search(t, "most.com")->child);
   assert_int_equal(search(t, "most.com")->count_of_different_subdomains, 0);
   assert_ptr_equal(e->list_of_most_subdomains[2], search(t, "many.com"));
   prefix_tree_delete_inner_node(t, t->root);
   assert_null(e->list_of_most_subdomains[2]);
   assert_null(e->list_of_most_used_domains);
   assert_null(e->list_of_most_unused_domains);
   assert_int_equal(t->count_of_different_domains, 0);
   assert_int_equal(t->count_of_domain_searched_just_ones, 0);
   assert_int_equal(t->root->domain->count_of_different_subdomains, 0);
   assert_non_null(insert(t, "again.com"));
   prefix_tree_destroy(t);
}

/* Counts of all nodes are sums of what is below them. \return domains below and at n */
static unsigned check_counts(prefix_tree_inner_node_t *n)
{
   unsigned sum = 0, children = 0;
   if (n == NULL) {
      return 0;
   }
   if (n->domain != NULL) {
      unsigned below = check_counts(n->domain->child);
      assert_int_equal(n->domain->count_of_different_subdomains, below);
      assert_ptr_equal(n->domain->parent, n);
      sum += 1 + below;
   }
   for (int i = 0; n->child != NULL && i < 256; i++) {
      if (n->child[i] != NULL) {
         assert_ptr_equal(n->child[i]->parent, n);
         assert_null(n->child[i]->parent_is_domain);
         sum += check_counts(n->child[i]);
         children++;
      }
   }
   assert_int_equal(n->exact_children, children);
   assert_int_equal(n->count_of_children, children < 255 ? children : 255);
   assert_int_equal(n->length, n->exact_length < 255 ? n->exact_length : 255);
   assert_int_equal(n->count_of_string, sum);
   assert_true(sum > 0);
   return sum;
}

/* \return domains of the tree */
static unsigned check_tree(prefix_tree_t *t)
{
   prefix_tree_inner_node_t *root = t->root;
   unsigned sum = 0, children = 0;
   assert_null(root->parent);
   assert_int_equal(root->length, 0);
   for (int i = 0; i < 256; i++) {
      if (root->child[i] != NULL) {
         assert_ptr_equal(root->child[i]->parent, root);
         sum += check_counts(root->child[i]);
         children++;
      }
   }
   if (t->empty_label != NULL) {
      sum += 1 + check_counts(t->empty_label->child);
   }
   assert_int_equal(root->exact_children, children);
   assert_int_equal(root->count_of_string, sum);
   return sum;
}

/* Is the end of one string, at a label, the other one? (PREFIX: the start.) */
static bool below(const char *s, const char *top, bool prefix)
{
   size_t n = strlen(s), m = strlen(top);
   if (n == m) {
      return strcmp(s, top) == 0;
   }
   return n > m && (prefix ? strncmp(s, top, m) == 0 && s[m] == '.'
                           : strcmp(s + n - m, top) == 0 && s[n - m - 1] == '.');
}

static void random_strings_and_deletions(void **state)
{
   enum { N = 300 };
   static char names[N][12];
   for (int direction = SUFFIX; direction <= PREFIX; direction++) {
      prefix_tree_t *t = make((unsigned char) direction, '.', DOMAIN_EXTENSION_YES);
      bool there[N] = {false};
      srand(3);
      for (int i = 0; i < N; i++) {
         int n = rand() % 10;
         for (int k = 0; k < n; k++) {
            names[i][k] = "aab."[rand() % 4];
         }
         names[i][n] = 0;
      }
      for (int step = 0; step < 4000; step++) {
         int i = rand() % N;
         if (rand() % 8 != 0) {
            assert_non_null(insert(t, names[i]));
            there[i] = true;
         } else if (there[i]) {
            prefix_tree_domain_t *d = search(t, names[i]);
            char text[16];
            assert_string_equal(prefix_tree_read_string(t, d, text), names[i]);
            if (d->child != NULL) { /* all below this label, but not itself */
               prefix_tree_delete_inner_node(t, d->child);
               for (int k = 0; k < N; k++) {
                  there[k] &=
                      !below(names[k], names[i], direction == PREFIX) || strcmp(names[k], names[i]) == 0;
               }
            }
         }
         if (step % 50 == 0) {
            assert_int_equal(t->root->domain->count_of_different_subdomains, check_tree(t));
            for (int k = 0; k < N; k++) {
               assert_true(!there[k] || search(t, names[k]) != NULL);
            }
         }
      }
      prefix_tree_destroy(t);
   }
}

static void deletion_joins_and_cleans_up(void **state)
{
   for (int relax = 0; relax <= 1; relax++) {
      prefix_tree_t *t =
          prefix_tree_initialize(PREFIX, 0, -1, DOMAIN_EXTENSION_NO, (relaxation_after_delete) relax);
      char text[16];
      assert_null(insert(t, "abcdef")->value);
      insert(t, "abcxyz");
      insert(t, "abcxy");
      prefix_tree_delete_inner_node(t, search(t, "abcdef")->parent);
      assert_null(search(t, "abcdef"));
      assert_non_null(search(t, "abcxyz"));
      prefix_tree_read_inner_node(t, search(t, "abcxy")->parent, text);
      assert_string_equal(text, relax == RELAXATION_AFTER_DELETE_YES ? "abcxy" : "xy");
      assert_int_equal(t->root->domain->count_of_different_subdomains, check_tree(t));
      prefix_tree_delete_inner_node(t, search(t, "abcxy")->parent); /* the rest goes with it */
      assert_int_equal(t->root->count_of_string, 0);
      assert_int_equal(t->root->count_of_children, 0);
      assert_int_equal(t->root->domain->count_of_different_subdomains, 0);
      prefix_tree_delete_inner_node(t, NULL);
      prefix_tree_destroy(t);
   }
}

/* What old binaries read. */
#define AT(type, member, offset) assert_int_equal(offsetof(type, member), offset)

static void layout_of_nemea_2(void **state)
{
   AT(prefix_tree_inner_node_t, length, 0);
   AT(prefix_tree_inner_node_t, count_of_string, 4);
   AT(prefix_tree_inner_node_t, count_of_children, 8);
   AT(prefix_tree_inner_node_t, string, 16);
   AT(prefix_tree_inner_node_t, parent, 24);
   AT(prefix_tree_inner_node_t, parent_is_domain, 32);
   AT(prefix_tree_inner_node_t, child, 40);
   AT(prefix_tree_inner_node_t, domain, 48);
   AT(prefix_tree_inner_node_t, value, 56);
   assert_int_equal(sizeof(node_domain_extension_t), 32);
   AT(node_domain_extension_t, most_used_domain_less, 0);
   AT(node_domain_extension_t, most_used_domain_more, 8);
   AT(node_domain_extension_t, most_subdomains_less, 16);
   AT(node_domain_extension_t, most_subdomains_more, 24);
   AT(prefix_tree_domain_t, exception, 0);
   AT(prefix_tree_domain_t, degree, 1);
   AT(prefix_tree_domain_t, count_of_insert, 4);
   AT(prefix_tree_domain_t, count_of_different_subdomains, 8);
   AT(prefix_tree_domain_t, parent, 16);
   AT(prefix_tree_domain_t, parent_domain, 24);
   AT(prefix_tree_domain_t, child, 32);
   AT(prefix_tree_domain_t, value, 40);
   AT(prefix_tree_domain_t, domain_extension, 48);
   assert_int_equal(sizeof(tree_domain_extension_t), 40);
   AT(tree_domain_extension_t, list_of_most_used_domains, 0);
   AT(tree_domain_extension_t, list_of_most_used_domains_end, 8);
   AT(tree_domain_extension_t, list_of_most_unused_domains, 16);
   AT(tree_domain_extension_t, list_of_most_subdomains, 24);
   AT(tree_domain_extension_t, list_of_most_subdomains_end, 32);
   AT(prefix_tree_t, root, 0);
   AT(prefix_tree_t, size_of_value, 8);
   AT(prefix_tree_t, domain_separator, 12);
   AT(prefix_tree_t, prefix_suffix, 16);
   AT(prefix_tree_t, count_of_domain_searched_just_ones, 20);
   AT(prefix_tree_t, count_of_inserting, 24);
   AT(prefix_tree_t, count_of_inserting_for_just_ones, 28);
   AT(prefix_tree_t, count_of_different_domains, 32);
   AT(prefix_tree_t, domain_extension, 40);
   AT(prefix_tree_t, relaxation, 48);
}

/* The structs as a module of NEMEA 2 was compiled with them. */
struct old_domain;
struct old_node {
   unsigned char length;
   unsigned int count_of_string;
   unsigned char count_of_children;
   char *string;
   struct old_node *parent;
   struct old_domain *parent_is_domain;
   struct old_node **child;
   struct old_domain *domain;
   void *value;
};
struct old_domain {
   unsigned char exception, degree;
   unsigned int count_of_insert, count_of_different_subdomains;
   struct old_node *parent;
   struct old_domain *parent_domain;
   struct old_node *child;
   void *value;
   void *domain_extension;
};
struct old_tree {
   struct old_node *root;
};

/* In the manner of an old module: down from the root by the bytes of a number, as far as they agree; then up again from the domain
 * that was found, which gives the number backwards. \return bytes that agree */
static size_t old_walk(const struct old_tree *t, const char *number, char *up)
{
   const struct old_node *node = t->root;
   size_t n = 0, i = 0;
   while (node->child != NULL && node->child[(unsigned char) number[n]] != NULL) {
      node = node->child[(unsigned char) number[n]];
      for (i = 0; i < node->length && node->string[i] == number[n]; i++) {
         n++;
      }
      if (i < node->length || number[n] == 0) {
         break;
      }
   }
   *up = 0;
   if (node->domain != NULL && node != t->root) {
      for (const struct old_node *above = node->domain->parent; above != NULL; above = above->parent) {
         for (i = above->length; i > 0; i--) {
            *up++ = above->string[i - 1];
         }
      }
      *up = 0;
   }
   return n;
}

static void an_old_module_walks_the_tree(void **state)
{
   static const char *const numbers[] = {"420123", "420124", "42", "00420123", "7"};
   for (int direction = SUFFIX; direction <= PREFIX; direction++) {
      prefix_tree_t *t = make((unsigned char) direction, -1, DOMAIN_EXTENSION_NO);
      const struct old_tree *old = (const struct old_tree *) (const void *) t;
      char read[32], text[32], up[32];
      for (int i = 0; i < 5; i++) {
         insert(t, numbers[i]);
         assert_int_equal(old->root->count_of_string, i + 1);
      }
      for (int i = 0; i < 5; i++) {
         size_t n = strlen(numbers[i]);
         for (size_t k = 0; k <= n; k++) { /* in the order in which the tree reads */
            read[k] = k == n ? 0 : numbers[i][direction == PREFIX ? k : n - 1 - k];
         }
         assert_int_equal(old_walk(old, read, up), n);
         assert_int_equal(strlen(up), n);
         for (size_t k = 0; k < n; k++) {
            assert_int_equal(up[k], read[n - 1 - k]);
         }
         assert_string_equal(prefix_tree_read_string(t, search(t, numbers[i]), text), numbers[i]);
      }
      assert_int_equal(old_walk(old, "x", up), 0);
      assert_string_equal(up, "");
      prefix_tree_inner_node_t *most = prefix_tree_most_substring(t->root);
      assert_int_equal(((struct old_node *) (void *) most)->string[0], direction == PREFIX ? '4' : '3');
      prefix_tree_delete_inner_node(t, t->root);
      assert_int_equal(old->root->count_of_string, 0);
      assert_non_null(insert(t, "421"));
      assert_int_equal(old->root->count_of_string, 1);
      prefix_tree_destroy(t);
   }
}

static void counts_of_one_byte_saturate(void **state)
{
   prefix_tree_t *t = make(PREFIX, -1, DOMAIN_EXTENSION_NO);
   char longest[700];
   for (int i = 0; i < 256; i++) {
      const char byte = (char) i;
      assert_non_null(prefix_tree_insert(t, &byte, 1));
   }
   assert_int_equal(t->root->count_of_children, 255);
   assert_int_equal(t->root->exact_children, 256);
   memset(longest, 'y', sizeof(longest));
   prefix_tree_domain_t *d = prefix_tree_insert(t, longest, sizeof(longest));
   assert_int_equal(d->parent->length, 255);
   assert_int_equal(d->parent->exact_length, sizeof(longest) - 1);
   prefix_tree_destroy(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(domain_names),
       cmocka_unit_test(long_and_empty_labels),
       cmocka_unit_test(exceptions),
       cmocka_unit_test(counters_and_lists_of_the_extension),
       cmocka_unit_test(random_strings_and_deletions),
       cmocka_unit_test(deletion_joins_and_cleans_up),
       cmocka_unit_test(layout_of_nemea_2),
       cmocka_unit_test(an_old_module_walks_the_tree),
       cmocka_unit_test(counts_of_one_byte_saturate),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
