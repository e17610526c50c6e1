/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <nemea-common/b_plus_tree.h>

#define KEYS 2000

static int compare(void *a, void *b)
{
   uint32_t x, y;
   memcpy(&x, a, 4);
   memcpy(&y, b, 4);
   return x < y ? LESS : x > y ? MORE : EQUAL;
}

/* The tree holds exactly the keys that are marked, in order; values are where they were. */
static void check(bpt_t *t, uint32_t *const values[KEYS])
{
   bpt_list_item_t *item = bpt_list_init(t);
   unsigned long n = 0;
   int more = bpt_list_start(t, item);
   for (uint32_t key = 0; key < KEYS; key++) {
      if (values[key] != NULL) {
         assert_int_equal(more, 1);
         assert_int_equal(*(uint32_t *) item->key, key);
         assert_ptr_equal(item->value, values[key]);
         assert_int_equal(*values[key], key * 3);
         more = bpt_list_item_next(t, item);
         n++;
      }
   }
   assert_int_equal(more, 0);
   assert_int_equal(bpt_item_cnt(t), n);
   bpt_list_clean(item);
}

/* All nodes but the root are at least half full, all leaves equally deep. */
static int check_node(bpt_t *t, bpt_nd_t *n, bpt_nd_t *parent)
{
   assert_ptr_equal(n->parent, parent);
   assert_true(n->count <= t->m - 1);
   if (n->state_extend == 2) {
      assert_true(parent == NULL || n->count >= t->m / 2);
      return 1;
   }
   assert_true(n->count >= (parent == NULL ? 1 : (t->m + 1) / 2 - 1));
   bpt_nd_t **children = n->extend;
   int depth = check_node(t, children[0], n);
   for (int i = 1; i <= n->count; i++) {
      assert_int_equal(check_node(t, children[i], n), depth);
   }
   return depth + 1;
}

static void insertions_and_deletions_in_any_order(void **state)
{
   static const unsigned sizes[] = {0, 3, 4, 5, 7, 50};
   for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
      bpt_t *t = bpt_init(sizes[s], compare, sizeof(uint32_t), sizeof(uint32_t));
      uint32_t *values[KEYS] = {NULL};
      srand(7);
      for (int i = 0; i < 40000; i++) {
         uint32_t key = (uint32_t) rand() % KEYS;
         int phase = i / 10000, what = rand() % 4;
         if (what < (phase % 2 == 0 ? 3 : 1)) {
            uint32_t *v = bpt_search_or_insert(t, &key);
            assert_non_null(v);
            assert_true(values[key] == NULL ? *v == 0 : v == values[key]);
            values[key] = v;
            *v = key * 3;
         } else {
            assert_int_equal(bpt_item_del(t, &key), values[key] != NULL);
            values[key] = NULL;
         }
         if (i % 1000 == 0) {
            check(t, values);
            check_node(t, t->root, NULL);
         }
      }
      for (uint32_t key = 0; key < KEYS; key++) {
         assert_ptr_equal(bpt_search(t, &key), values[key]);
         bpt_item_del(t, &key);
         values[key] = NULL;
      }
      check(t, values);
      assert_int_equal(check_node(t, t->root, NULL), 1);
      bpt_clean(t);
   }
   bpt_clean(NULL);
}

static void rising_and_falling_keys(void **state)
{
   bpt_t *up = bpt_init(4, compare, 4, 4), *down = bpt_init(4, compare, 4, 4);
   for (uint32_t key = 0; key < KEYS; key++) {
      uint32_t other = KEYS - 1 - key;
      *(uint32_t *) bpt_insert(up, &key) = key;
      *(uint32_t *) bpt_insert(down, &other) = other;
   }
   check_node(up, up->root, NULL);
   check_node(down, down->root, NULL);
   bpt_list_item_t *item = bpt_list_init(down);
   assert_int_equal(bpt_list_start(down, item), 1);
   for (uint32_t key = 0; key < KEYS; key++) {
      assert_int_equal(*(uint32_t *) item->value, key);
      assert_int_equal(bpt_list_item_next(down, item), key < KEYS - 1);
   }
   assert_int_equal(*(uint32_t *) item->key, KEYS - 1); /* unchanged at the end */
   bpt_list_clean(item);
   bpt_clean(up);
   bpt_clean(down);
}

static void walk_that_deletes(void **state)
{
   for (unsigned keep = 0; keep <= 3; keep++) {
      bpt_t *t = bpt_init(5, compare, 4, 4);
      uint32_t *values[KEYS] = {NULL};
      for (uint32_t key = 0; key < KEYS; key++) {
         values[key] = bpt_insert(t, &key);
         *values[key] = key * 3;
      }
      bpt_list_item_t *item = bpt_list_init(t);
      for (int more = bpt_list_start(t, item); more;) {
         uint32_t key = *(uint32_t *) item->key;
         if (keep > 0 && key % keep == 0) {
            more = bpt_list_item_next(t, item);
         } else {
            values[key] = NULL;
            more = bpt_list_item_del(t, item);
         }
      }
      check(t, values);
      check_node(t, t->root, NULL);
      if (keep == 0) {
         assert_null(item->value);
         assert_int_equal(bpt_list_start(t, item), 0);
      }
      bpt_list_clean(item);
      bpt_clean(t);
   }
}

static void a_set_without_values(void **state)
{
   bpt_t *t = bpt_init(50, compare, 0, 4);
   uint32_t a = 1, b = 2;
   void *va = bpt_insert(t, &a), *vb = bpt_insert(t, &b);
   assert_non_null(va);
   assert_non_null(vb);
   assert_true(va != vb);
   assert_null(bpt_insert(t, &a));
   assert_ptr_equal(bpt_search(t, &a), va);
   bpt_clean(t);
   assert_null(bpt_init(50, NULL, 4, 4));
   assert_null(bpt_init(50, compare, 4, 0));
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(insertions_and_deletions_in_any_order),
       cmocka_unit_test(rising_and_falling_keys),
       cmocka_unit_test(walk_that_deletes),
       cmocka_unit_test(a_set_without_values),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
