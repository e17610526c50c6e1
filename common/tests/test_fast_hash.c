/* SPDX-License-Identifier: BSD-3-Clause */
/* Fast hash table and fast hash filter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <nemea-common/fast_hash_filter.h>
#include <nemea-common/fast_hash_table.h>
#include <nemea-common/nc_hash.h>

#include <pthread.h>

static void a_full_row_gives_up_its_oldest(void **state)
{
   fht_table_t *t = fht_init(1, sizeof(int), sizeof(int), 0);
   int lost_key = -1, lost = -1;
   for (int i = 0; i < 4; i++) {
      int data = 10 * i;
      assert_int_equal(fht_insert(t, &i, &data, &lost_key, &lost), FHT_INSERT_OK);
   }
   int key = 0, data = 77;
   assert_int_equal(fht_insert(t, &key, &data, NULL, NULL), FHT_INSERT_FAILED); /* but 0 is the newest now */
   assert_int_equal(*(int *) fht_get_data(t, &key), 0);
   key = 9;
   assert_int_equal(fht_insert_wr(t, &key, &data), FHT_INSERT_FULL);
   assert_int_equal(fht_insert(t, &key, &data, &lost_key, &lost), FHT_INSERT_LOST);
   assert_int_equal(lost_key, 1);
   assert_int_equal(lost, 10);
   assert_null(fht_get_data(t, &lost_key));
   key = 2; /* used: 3 is the oldest */
   assert_non_null(fht_get_data(t, &key));
   key = 10;
   assert_int_equal(fht_insert(t, &key, &data, &lost_key, &lost), FHT_INSERT_LOST);
   assert_int_equal(lost_key, 3);
   key = 9; /* removed: its column is the first to be filled, nothing is lost */
   assert_int_equal(fht_remove(t, &key), 0);
   assert_int_equal(fht_remove(t, &key), 1);
   assert_int_equal(fht_insert_wr(t, &key, &data), FHT_INSERT_OK);
   fht_clear(t);
   assert_null(fht_get_data(t, &key));
   fht_destroy(t);
}

/* As recorded: one row, a stash of two, keys 0 to 7. */
static void the_stash_takes_the_oldest(void **state)
{
   static const int expected[] = {0, 0, 0, 0, 2, 2, 3, 3};
   fht_table_t *t = fht_init(1, sizeof(int), sizeof(int), 2);
   for (int i = 0; i < 8; i++) {
      int lost = -1;
      assert_int_equal(fht_insert_with_stash(t, &i, &i, &lost, NULL), expected[i]);
      assert_int_equal(lost, i < 6 ? -1 : i - 6);
   }
   for (int i = 0; i < 8; i++) {
      int8_t *lock = NULL;
      assert_int_equal(fht_get_data(t, &i) != NULL, i >= 4);
      int *data = fht_get_data_with_stash_locked(t, &i, &lock);
      assert_int_equal(data != NULL, i >= 2);
      if (data != NULL) {
         assert_int_equal(*data, i);
         assert_ptr_equal(lock, i < 4 ? &t->lock_stash : &t->lock_table[0]);
         fht_unlock_data(lock);
         assert_int_equal(fht_insert_with_stash(t, &i, &i, NULL, NULL), FHT_INSERT_FAILED);
         assert_int_equal(fht_insert_with_stash_wr(t, &i, &i), FHT_INSERT_FAILED);
      }
   }
   int key = 3, other = 5, more = 100;
   assert_int_equal(fht_insert_with_stash_wr(t, &more, &more), FHT_INSERT_FULL);
   assert_int_equal(fht_remove(t, &key), 1);
   assert_int_equal(fht_remove_with_stash(t, &key), 0);
   assert_int_equal(fht_remove_with_stash(t, &key), 1);
   assert_int_equal(fht_remove_with_stash(t, &other), 0);
   assert_int_equal(fht_insert_with_stash_wr(t, &more, &more), FHT_INSERT_OK);
   more++;
   assert_int_equal(fht_insert_with_stash_wr(t, &more, &more), FHT_INSERT_STASH_OK);
   int8_t *lock = NULL;
   assert_non_null(fht_get_data_with_stash_locked(t, &more, &lock));
   assert_int_equal(fht_remove_with_stash_locked(t, &key, lock), 1);
   assert_int_equal(fht_remove_with_stash_locked(t, &more, lock), 0);
   assert_null(fht_get_data_with_stash(t, &more));
   fht_destroy(t);
}

static void table_iteration(void **state)
{
   enum { N = 1000 };
   fht_table_t *t = fht_init(512, 4, 8, 16);
   uint64_t sum = 0, found = 0;
   for (uint32_t i = 0; i < N; i++) {
      uint64_t data = i;
      if (fht_insert_with_stash_wr(t, &i, &data) >= 0) {
         sum += i;
      }
   }
   fht_iter_t *iter = fht_init_iter(t);
   assert_int_equal(fht_remove_iter(iter), 1);
   while (fht_get_next_iter(iter) == FHT_ITER_RET_OK) {
      uint32_t key;
      memcpy(&key, iter->key_ptr, 4);
      assert_int_equal(*(uint64_t *) (void *) iter->data_ptr, key);
      found += key;
      if (key % 2 == 1) {
         assert_int_equal(fht_remove_iter(iter), 0);
         assert_int_equal(fht_remove_iter(iter), 1);
      }
   }
   assert_int_equal(found, sum);
   assert_int_equal(fht_get_next_iter(iter), FHT_ITER_RET_END);
   fht_reinit_iter(iter);
   while (fht_get_next_iter(iter) == FHT_ITER_RET_OK) {
      assert_int_equal(*iter->key_ptr % 2, 0);
   }
   fht_reinit_iter(iter);
   assert_int_equal(fht_get_next_iter(iter), FHT_ITER_RET_OK);
   fht_destroy_iter(iter); /* unlocks the row that it stood on */
   for (uint32_t i = 0; i < N; i += 2) {
      fht_get_data_with_stash(t, &i);
   }
   fht_destroy(t);
}

static void impossible_sizes(void **state)
{
   assert_null(fht_init(0, 4, 4, 0));
   assert_null(fht_init(3, 4, 4, 0));
   assert_null(fht_init(4, 0, 4, 0));
   assert_null(fht_init(4, 4, 0, 0));
   assert_null(fht_init(4, 4, 4, 3));
   assert_null(fht_init(UINT32_C(1) << 31, 4, 4, 0));
   assert_null(fht_init_iter(NULL));
   assert_null(fhf_init(3, 4, 4));
   assert_null(fhf_init(0, 4, 4));
   assert_null(fhf_init(UINT64_C(1) << 62, 4, 4));
   assert_null(fhf_init(UINT64_C(1) << 58, UINT32_MAX, UINT32_MAX));
   assert_null(fhf_init_iter(NULL));
   fht_destroy(NULL);
   fhf_destroy(NULL);
}

/* Two threads count in the same few rows: no update is lost. */
static void *count(void *table)
{
   for (uint32_t i = 0; i < 40000; i++) {
      uint32_t key = i % 8;
      int8_t *lock = NULL;
      uint64_t *n = fht_get_data_locked(table, &key, &lock);
      (*n)++;
      fht_unlock_data(lock);
   }
   return NULL;
}

static void locked_data_belong_to_one_thread(void **state)
{
   fht_table_t *t = fht_init(64, 4, 8, 0);
   pthread_t threads[2];
   uint64_t zero = 0;
   for (uint32_t key = 0; key < 8; key++) {
      assert_int_equal(fht_insert_wr(t, &key, &zero), FHT_INSERT_OK);
   }
   for (int i = 0; i < 2; i++) {
      pthread_create(&threads[i], NULL, count, t);
   }
   for (int i = 0; i < 2; i++) {
      pthread_join(threads[i], NULL);
   }
   for (uint32_t key = 0; key < 8; key++) {
      assert_int_equal(*(uint64_t *) fht_get_data(t, &key), 10000);
   }
   fht_destroy(t);
}

static void set_key(uint8_t number)
{
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){number});
}

/* Keys of one row under one hash key spread under another: a row of each table takes as many as chance gives it. */
static void chosen_keys_meet_another_hash_key(void **state)
{
   enum { ROWS = 1024, N = 2048 };
   static uint64_t keys[N];
   uint64_t key = 0;
   set_key(1);
   fht_table_t *t = fht_init(ROWS, 8, 4, 0);
   for (int i = 0; i < N; key++) {
      if (fht_row_(t, &key) == 5) {
         keys[i++] = key;
      }
   }
   fht_destroy(t);
   for (uint8_t secret = 1; secret < 6; secret++) {
      set_key(secret);
      t = fht_init(ROWS, 8, 4, 0);
      fhf_table_t *f = fhf_init(ROWS, 8, 4);
      uint32_t kept = 0, refused = 0, longest = 0, row[ROWS] = {0};
      for (uint32_t i = 0; i < N; i++) {
         kept += fht_insert_wr(t, &keys[i], &i) == FHT_INSERT_OK;
         refused += fhf_insert(f, &keys[i], &i) != FHF_INSERT_OK;
         uint32_t n = ++row[fht_row_(t, &keys[i])];
         longest = n > longest ? n : longest;
      }
      if (secret == 1) {
         assert_int_equal(kept, FHT_TABLE_COLS);
         assert_int_equal(longest, N);
      } else {
         assert_true(kept > N * 9 / 10);
         assert_true(refused < N / 100);
         assert_true(longest < 14);
      }
      fht_destroy(t);
      fhf_destroy(f);
   }
}

static void the_filter_keeps_all(void **state)
{
   enum { N = 20000 };
   fhf_table_t *t = fhf_init(8, 4, 4);
   const void *data = NULL;
   int8_t *lock = NULL;
   void *own = NULL;
   for (uint32_t i = 0; i < N; i++) {
      int rc = fhf_insert(t, &i, &i);
      while (rc == FHF_INSERT_FULL) {
         assert_int_equal(fhf_resize(&t), FHF_RESIZE_OK);
         rc = fhf_insert(t, &i, &i);
      }
      assert_int_equal(rc, FHF_INSERT_OK);
   }
   for (uint32_t i = 0; i < N; i++) {
      assert_int_equal(fhf_get_data(t, &i, &data), FHF_FOUND);
      assert_int_equal(*(const uint32_t *) data, i);
      assert_int_equal(fhf_insert(t, &i, &i), FHF_INSERT_FAILED);
   }
   uint32_t key = 5, missing = N;
   assert_int_equal(fhf_insert_own_or_update(t, &key, &lock, &own), FHF_INSERT_FAILED);
   *(uint32_t *) own = 55;
   fhf_unlock_data(lock);
   assert_int_equal(fhf_get_data_locked(t, &key, &lock, &data), FHF_FOUND);
   assert_int_equal(*(const uint32_t *) data, 55);
   assert_int_equal(fhf_remove_locked(t, &missing, lock), FHF_NOT_REMOVED);
   assert_int_equal(fhf_remove_locked(t, &key, lock), FHF_REMOVED);
   assert_int_equal(fhf_update_data(t, &key, &lock, &own), FHF_NOT_FOUND);
   assert_int_equal(fhf_get_data(t, &missing, &data), FHF_NOT_FOUND);
   key = 6;
   assert_int_equal(fhf_remove(t, &key), FHF_REMOVED);
   assert_int_equal(fhf_remove(t, &key), FHF_NOT_REMOVED);
   fhf_iter_t *iter = fhf_init_iter(t);
   uint32_t n = 0;
   while (fhf_get_next_iter(iter) == FHF_ITER_RET_OK) {
      n++;
      assert_int_equal(fhf_remove_iter(iter), FHF_REMOVED);
   }
   assert_int_equal(n, N - 2);
   fhf_reinit_iter(iter);
   assert_int_equal(fhf_get_next_iter(iter), FHF_ITER_RET_END);
   fhf_destroy_iter(iter);
   fhf_clear(t);
   fhf_destroy(t);
}

static uint64_t same_hash(const void *key, uint32_t size, uint64_t seed)
{
   return 0;
}

static void a_row_that_no_size_divides(void **state)
{
   fhf_table_t *t = fhf_init(1, 4, 4), *before = t;
   t->hash_function = same_hash;
   for (uint32_t i = 0; i < 9; i++) {
      assert_int_equal(fhf_insert(t, &i, &i), i < 8 ? FHF_INSERT_OK : FHF_INSERT_FULL);
   }
   assert_int_equal(fhf_resize(&t), FHF_RESIZE_OK); /* the new table has the library's own hash */
   assert_ptr_equal(t->old_table, before);
   fhf_destroy(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_full_row_gives_up_its_oldest),
       cmocka_unit_test(the_stash_takes_the_oldest),
       cmocka_unit_test(table_iteration),
       cmocka_unit_test(impossible_sizes),
       cmocka_unit_test(locked_data_belong_to_one_thread),
       cmocka_unit_test(chosen_keys_meet_another_hash_key),
       cmocka_unit_test(the_filter_keeps_all),
       cmocka_unit_test(a_row_that_no_size_divides),
   };
   set_key(1);
   return cmocka_run_group_tests(tests, NULL, NULL);
}
