/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_index.h>
#include <nemea-common/nc_table.h>

static nc_table_t *make(uint32_t capacity, enum nc_table_full full, nc_table_evict_fn fn, void *context)
{
   nc_table_config_t config = {.capacity = capacity,
                               .key_size = sizeof(uint64_t),
                               .value_size = sizeof(uint64_t),
                               .full = full,
                               .evicted = fn,
                               .context = context};
   nc_table_t *table = nc_table_new(&config);
   assert_non_null(table);
   return table;
}

static void put(nc_table_t *table, uint64_t key, uint64_t value)
{
   uint64_t *at = nc_table_upsert(table, &key, NULL);
   assert_non_null(at);
   *at = value;
}

static void test_nothing_is_lost_below_capacity(void **state)
{
   enum { N = 50000 };
   nc_table_t *table = make(N, NC_TABLE_EVICT, NULL, NULL);
   for (uint64_t i = 0; i < N; i++) {
      put(table, i << 16, i * 3);
   }
   assert_int_equal(nc_table_count(table), N);
   assert_int_equal(nc_table_stats(table)->evicted, 0);
   for (uint64_t i = 0; i < N; i++) {
      uint64_t key = i << 16;
      uint64_t *value = nc_table_find(table, &key);
      assert_non_null(value);
      assert_int_equal(*value, i * 3);
   }
   nc_table_free(table);
}

/* A long random mix of operations against a plain array as the model. */
static void test_random_operations_match_a_model(void **state)
{
   enum { KEYS = 600, STEPS = 200000 };
   static int64_t model[KEYS];
   memset(model, -1, sizeof(model));
   nc_table_t *table = make(KEYS, NC_TABLE_REFUSE, NULL, NULL);
   uint64_t random = 12345;
   for (unsigned step = 0; step < STEPS; step++) {
      random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
      uint64_t key = (random >> 33) % KEYS;
      uint64_t *value = nc_table_find(table, &key);
      assert_int_equal(value != NULL, model[key] >= 0);
      if (value) {
         assert_int_equal(*value, model[key]);
      }
      if ((random >> 20) & 1) {
         put(table, key, step);
         model[key] = step;
      } else {
         assert_int_equal(nc_table_remove(table, &key), model[key] >= 0);
         model[key] = -1;
      }
   }
   uint32_t cursor = 0, seen = 0;
   const void *key;
   void *value;
   while (nc_table_next(table, &cursor, &key, &value)) {
      uint64_t number;
      memcpy(&number, key, sizeof(number));
      assert_int_equal(*(uint64_t *) value, model[number]);
      assert_ptr_equal(nc_table_key(table, value), key);
      seen++;
   }
   assert_int_equal(seen, nc_table_count(table));
   nc_table_free(table);
}

/* Searches with the hashes of a batch give what the others give, for each size of keys, whatever happened since the hashing. */
static void batches_find_what_single_searches_find(void **state)
{
   enum { KEYS = 5 * NC_TABLE_BATCH, LONGEST = 70 };
   (void) state;
   for (uint32_t size = 2; size <= LONGEST; size++) {
      nc_table_t *table = nc_table_new(
          &(nc_table_config_t){.capacity = KEYS, .key_size = size, .value_size = sizeof(uint64_t)});
      static uint8_t bytes[KEYS][LONGEST];
      assert_non_null(table);
      for (uint32_t first = 0; first < KEYS; first += NC_TABLE_BATCH) {
         const void *keys[NC_TABLE_BATCH];
         uint64_t hashes[NC_TABLE_BATCH];
         for (uint32_t i = 0; i < NC_TABLE_BATCH; i++) { /* each key twice in a batch */
            memset(bytes[first + i], (int) size, sizeof(bytes[0]));
            uint16_t number = (uint16_t) (first + i / 2);
            memcpy(bytes[first + i] + size - 2, &number, sizeof(number));
            keys[i] = bytes[first + i];
         }
         nc_table_prefetch(table, keys, NC_TABLE_BATCH, hashes);
         for (uint32_t i = 0; i < NC_TABLE_BATCH; i++) {
            bool is_new;
            assert_int_equal(nc_table_find_hashed(table, keys[i], hashes[i]) == NULL, i % 2 == 0);
            ++*(uint64_t *) nc_table_upsert_hashed(table, keys[i], hashes[i], &is_new);
            assert_int_equal(is_new, i % 2 == 0);
         }
         assert_true(nc_table_remove(table, keys[0]));
         assert_null(nc_table_find_hashed(table, keys[1], hashes[1]));
      }
      assert_int_equal(nc_table_count(table), KEYS / 2 - KEYS / NC_TABLE_BATCH);
      for (uint32_t i = 0; i < KEYS; i++) {
         uint64_t *value = nc_table_find(table, bytes[i]);
         assert_int_equal(value != NULL, i % NC_TABLE_BATCH > 1);
         assert_true(value == NULL || *value == 2);
      }
      nc_table_free(table);
   }
}

/* A guess helps as long as it is right; whatever becomes of its entry, the answer is that of a search. */
static void guesses_never_change_the_answer(void **state)
{
   static const uint32_t sizes[] = {8, 24, 11};
   (void) state;
   for (unsigned k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
      const uint32_t size = sizes[k];
      uint8_t keys[3][24] = {{1}, {2}, {3}};
      uint64_t hashes[3];
      void *guesses[3];
      nc_table_t *table =
          nc_table_new(&(nc_table_config_t){.capacity = 2, .key_size = size, .value_size = sizeof(uint64_t)});
      assert_non_null(table);
      for (unsigned i = 0; i < 3; i++) {
         keys[i][size - 1] = 9;
         hashes[i] = nc_hash(keys[i], size);
      }
      void *first = nc_table_upsert(table, keys[0], NULL);
      nc_table_prefetch_hashed(table, hashes, 3, guesses);
      assert_ptr_equal(guesses[0], first);
      assert_null(guesses[1]);

      bool is_new = true;
      const uint64_t lookups = nc_table_stats(table)->lookups;
      assert_ptr_equal(nc_table_peek_guessed(table, keys[0], hashes[0], guesses[0]), first);
      assert_ptr_equal(nc_table_upsert_guessed(table, keys[0], hashes[0], guesses[0], &is_new), first);
      assert_false(is_new);
      assert_ptr_equal(nc_table_find_guessed(table, keys[0], hashes[0], guesses[0]), first);
      assert_ptr_equal(nc_table_find_guessed(table, keys[0], hashes[0], NULL), first);
      assert_int_equal(nc_table_stats(table)->lookups, lookups + 3);
      assert_null(nc_table_peek_guessed(table, keys[1], hashes[1], guesses[1]));
      assert_null(nc_table_find_guessed(table, keys[1], hashes[1], guesses[0]));

      /* Used twice, so the clock passes over it: the third key takes the place of the second. */
      void *second = nc_table_upsert_guessed(table, keys[1], hashes[1], guesses[1], &is_new);
      assert_true(is_new);
      assert_ptr_equal(nc_table_upsert_guessed(table, keys[2], hashes[2], guesses[2], &is_new), second);
      assert_true(is_new);
      assert_ptr_equal(nc_table_peek(table, keys[0]), first);

      /* A guess whose entry is another's by now, and one whose entry is gone. */
      assert_null(nc_table_peek_guessed(table, keys[1], hashes[1], second));
      assert_true(nc_table_remove(table, keys[0]));
      assert_null(nc_table_peek_guessed(table, keys[0], hashes[0], first));
      assert_null(nc_table_find_guessed(table, keys[0], hashes[0], first));
      assert_non_null(nc_table_upsert_guessed(table, keys[0], hashes[0], first, &is_new));
      assert_true(is_new);
      nc_table_free(table);
   }
}

static void a_search_by_a_guess_is_a_use(void **state)
{
   (void) state;
   const uint64_t keys[3] = {1, 2, 3};
   uint64_t hash = nc_hash_u64(keys[0]);
   void *guess;
   nc_table_t *table =
       nc_table_new(&(nc_table_config_t){.capacity = 2, .key_size = 8, .value_size = sizeof(uint64_t)});
   assert_non_null(table);
   void *first = nc_table_upsert(table, &keys[0], NULL);
   nc_table_upsert(table, &keys[1], NULL);
   nc_table_prefetch_hashed(table, &hash, 1, &guess);
   assert_ptr_equal(nc_table_find_guessed(table, &keys[0], hash, guess), first);
   nc_table_upsert(table, &keys[2], NULL); /* in place of the one that was used once */
   assert_ptr_equal(nc_table_peek(table, &keys[0]), first);
   assert_null(nc_table_peek(table, &keys[1]));
   nc_table_free(table);
}

static void test_refuses_when_full(void **state)
{
   nc_table_t *table = make(2, NC_TABLE_REFUSE, NULL, NULL);
   put(table, 1, 1);
   put(table, 2, 2);
   uint64_t key = 3;
   bool is_new;
   assert_null(nc_table_upsert(table, &key, &is_new));
   assert_int_equal(nc_table_stats(table)->refused, 1);
   nc_table_clear(table);
   put(table, 3, 3);
   assert_int_equal(nc_table_count(table), 1);
   nc_table_free(table);
}

static void count_eviction(void *context, const void *key, void *value)
{
   uint64_t *sum = context;
   *sum += *(uint64_t *) value;
}

static void test_flood_of_single_keys_does_not_push_out_used_ones(void **state)
{
   uint64_t sum = 0;
   nc_table_t *table = make(1000, NC_TABLE_EVICT, count_eviction, &sum);
   for (uint64_t i = 0; i < 100; i++) {
      put(table, i, 0);
   }
   for (uint64_t flood = 1000; flood < 100000; flood++) {
      put(table, flood, 1);
      uint64_t busy = flood % 100;
      assert_non_null(nc_table_find(table, &busy));
   }
   assert_int_equal(nc_table_count(table), 1000);
   assert_int_equal(sum, 99000 - 900);
   assert_int_equal(nc_table_stats(table)->evicted, sum);
   nc_table_free(table);
}

/* Tables evict and iterate alike under every key of the hash. */
static void test_order_does_not_depend_on_the_hash_key(void **state)
{
   enum { CAPACITY = 64 };
   uint64_t first[CAPACITY];
   for (uint8_t secret = 0; secret < 8; secret++) {
      nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){secret});
      nc_table_t *table = make(CAPACITY, NC_TABLE_EVICT, NULL, NULL);
      for (uint64_t i = 0; i < 1000; i++) {
         put(table, i * i % 257, i);
      }
      uint32_t cursor = 0, n = 0;
      const void *key;
      void *value;
      while (nc_table_next(table, &cursor, &key, &value)) {
         uint64_t number;
         memcpy(&number, key, sizeof(number));
         first[n] = secret == 0 ? number : first[n];
         assert_int_equal(number, first[n++]);
      }
      assert_int_equal(n, CAPACITY);
      nc_table_free(table);
   }
}

/* Keys of one bucket, as only those can choose who know the key of the hash. */
static void collisions(uint32_t capacity, uint64_t *keys, uint32_t n)
{
   uint32_t mask = nc_index_size(capacity) - 1;
   uint64_t key = 0;
   for (uint32_t i = 0; i < n; key++) {
      if ((nc_hash(&key, sizeof(key)) & mask) == 7) {
         keys[i++] = key;
      }
   }
}

static void a_value_that_is_kept_can_be_used(void **state)
{
   (void) state;
   nc_table_t *table = make(2, NC_TABLE_EVICT, NULL, NULL);
   const uint64_t first = 1, second = 2, third = 3;
   const void *kept = nc_table_upsert(table, &first, NULL);
   nc_table_upsert(table, &second, NULL);
   nc_table_use(table, kept);
   nc_table_upsert(table, &third, NULL);
   assert_ptr_equal(nc_table_peek(table, &first), kept);
   assert_null(nc_table_peek(table, &second)); /* the first one has a second chance */
   nc_table_free(table);
}

static void test_collisions_are_bounded(void **state)
{
   enum { CAPACITY = 4000, PLACES = NC_INDEX_WAYS * NC_INDEX_REACH, N = 2 * PLACES };
   static uint64_t keys[N];
   uint64_t evicted = 0;
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){1});
   collisions(CAPACITY, keys, N);
   nc_table_t *table = make(CAPACITY, NC_TABLE_EVICT, count_eviction, &evicted);
   for (uint32_t i = 0; i < N; i++) {
      put(table, keys[i], 1);
      assert_non_null(nc_table_peek(table, &keys[i]));
   }
   assert_int_equal(nc_table_count(table), PLACES);
   assert_int_equal(nc_table_stats(table)->crowded, N - PLACES);
   assert_int_equal(evicted, N - PLACES);
   uint32_t there = 0;
   for (uint32_t i = 0; i < N; i++) {
      bool found = nc_table_remove(table, &keys[i]);
      there += found;
   }
   assert_int_equal(there, PLACES);
   assert_int_equal(nc_table_count(table), 0);
   nc_table_free(table);
   table = make(CAPACITY, NC_TABLE_REFUSE, NULL, NULL);
   for (uint32_t i = 0; i < N; i++) {
      assert_true((nc_table_upsert(table, &keys[i], NULL) != NULL) == (i < PLACES));
   }
   assert_int_equal(nc_table_stats(table)->refused, N - PLACES);
   nc_table_free(table);
}

/* The same keys under other keys of the hash, and what attackers sent to the hash that this one replaced: one of two
 * folded factors zero. No search is longer than for random keys. */
static void test_chosen_collisions_meet_another_hash_key(void **state)
{
   enum { CAPACITY = 4000, N = 2 * NC_INDEX_WAYS * NC_INDEX_REACH };
   static uint64_t keys[N];
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){1});
   collisions(CAPACITY, keys, N);
   for (uint8_t secret = 2; secret < 10; secret++) {
      nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){secret});
      nc_table_t *table = make(CAPACITY, NC_TABLE_EVICT, NULL, NULL);
      nc_table_config_t pairs = {.capacity = 100000, .key_size = 40};
      nc_table_t *flows = nc_table_new(&pairs);
      assert_non_null(flows);
      for (uint32_t i = 0; i < N; i++) {
         put(table, keys[i], 1);
      }
      for (uint64_t i = 0; i < pairs.capacity; i++) {
         uint64_t key[5] = {i, UINT64_C(0xe7037ed1a0b428db), 1, UINT64_C(0xe7037ed1a0b428db), i << 32};
         nc_table_upsert(flows, key, NULL);
      }
      assert_int_equal(nc_table_stats(table)->crowded, 0);
      assert_int_equal(nc_table_count(table), N);
      assert_int_equal(nc_table_stats(flows)->crowded, 0);
      assert_int_equal(nc_table_count(flows), pairs.capacity);
      nc_table_free(table);
      nc_table_free(flows);
   }
}

/* Whatever is put into a table and taken out of it while its index grows, and what was hashed before, is found afterwards. */
static void nothing_is_lost_while_the_index_grows(void **state)
{
   enum { KEYS = 60000, STEPS = 300000 };
   static bool model[KEYS];
   uint64_t random = 54321, early[2] = {KEYS + 1, KEYS + 2}, hashes[2];
   nc_table_t *table = make(KEYS + 1, NC_TABLE_EVICT, NULL, NULL);
   void *guesses[2];
   (void) state;
   put(table, early[0], 4711);
   hashes[0] = nc_hash(&early[0], sizeof(early[0]));
   hashes[1] = nc_hash(&early[1], sizeof(early[1]));
   nc_table_prefetch_hashed(table, hashes, 2, guesses);
   for (unsigned step = 0; step < STEPS; step++) {
      random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
      uint64_t key = (random >> 33) % KEYS;
      assert_true((nc_table_peek(table, &key) != NULL) == model[key]);
      if ((random >> 20 & 3) != 0) {
         put(table, key, key);
         model[key] = true;
      } else {
         assert_true(nc_table_remove(table, &key) == model[key]);
         model[key] = false;
      }
   }
   uint32_t there = 1;
   for (uint64_t key = 0; key < KEYS; key++) {
      const uint64_t *value = nc_table_peek(table, &key);
      assert_true((value != NULL) == model[key] && (value == NULL || *value == key));
      there += model[key];
   }
   assert_true(there > KEYS / 2);
   assert_int_equal(nc_table_count(table), there);
   assert_int_equal(nc_table_stats(table)->evicted, 0);
   assert_int_equal(*(uint64_t *) nc_table_peek_guessed(table, &early[0], hashes[0], guesses[0]), 4711);
   assert_null(nc_table_peek_guessed(table, &early[1], hashes[1], guesses[1]));
   nc_table_clear(table);
   put(table, 7, 8);
   assert_int_equal(nc_table_count(table), 1);
   assert_null(nc_table_peek(table, &early[0]));
   nc_table_free(table);
}

/* What was hashed with another hash than that of the table keeps it. */
static void a_hash_of_the_callers_own_stays_while_the_index_grows(void **state)
{
   enum { KEYS = 50000 };
   nc_table_t *table = make(KEYS, NC_TABLE_EVICT, NULL, NULL);
   bool is_new;
   (void) state;
   for (unsigned round = 0; round < 2; round++) {
      for (uint64_t key = 0; key < KEYS; key++) {
         assert_non_null(nc_table_upsert_hashed(table, &key, nc_hash_u64(~key), &is_new));
         assert_true(is_new == (round == 0));
      }
   }
   assert_int_equal(nc_table_count(table), KEYS);
   nc_table_free(table);
}

/* Keys of two places that only those can choose who know the key of the hash: in another order they do not all fit, and the larger index
 * takes them in another order. What it has no place for is evicted, and said to be. */
static void what_a_larger_index_has_no_place_for_is_evicted(void **state)
{
   enum {
      CAPACITY = 20000,
      PLACE = 7,
      FIRST = NC_INDEX_WAYS * NC_INDEX_REACH,
      SECOND = FIRST / 2,
      N = FIRST + SECOND,
      OTHERS = 12000 /* for which the index grows */
   };
   static uint64_t keys[N], others[OTHERS];
   const uint32_t mask = nc_index_size(CAPACITY) - 1;
   uint32_t first = 0, second = FIRST, n_others = 0, there = 0;
   uint64_t evicted = 0;
   (void) state;
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){1});
   for (uint64_t key = 0; first < FIRST || second < N || n_others < OTHERS; key++) {
      const uint32_t at = nc_hash(&key, sizeof(key)) & mask;
      if (at == PLACE && first < FIRST) {
         keys[first++] = key;
      } else if (at == PLACE + NC_INDEX_REACH / 2 && second < N) {
         keys[second++] = key;
      } else if (at % 1024 > PLACE + 2 * NC_INDEX_REACH && n_others < OTHERS) {
         others[n_others++] = key;
      }
   }
   nc_table_t *table = make(CAPACITY, NC_TABLE_EVICT, count_eviction, &evicted);
   for (uint32_t i = 0; i < N; i++) { /* entries that are taken again are taken from the last one on */
      put(table, others[i], 1);
   }
   for (uint32_t i = 0; i < N; i++) {
      assert_true(nc_table_remove(table, &others[i]));
   }
   for (uint32_t i = 0; i < N; i++) {
      put(table, keys[i], 1);
   }
   assert_int_equal(evicted, 0);
   for (uint32_t i = 0; i < OTHERS; i++) {
      put(table, others[i], 1);
   }
   assert_int_equal(evicted, SECOND);
   assert_int_equal(nc_table_stats(table)->evicted, SECOND);
   assert_int_equal(nc_table_stats(table)->crowded, SECOND);
   for (uint32_t i = 0; i < N; i++) {
      bool found = nc_table_remove(table, &keys[i]);
      there += found;
   }
   assert_int_equal(there, N - SECOND);
   for (uint32_t i = 0; i < OTHERS; i++) {
      assert_true(nc_table_remove(table, &others[i]));
   }
   assert_int_equal(nc_table_count(table), 0);
   nc_table_free(table);
}

static void test_set_without_values(void **state)
{
   nc_table_config_t config = {.capacity = 10, .key_size = 3};
   nc_table_t *set = nc_table_new(&config);
   assert_non_null(set);
   bool is_new;
   void *first = nc_table_upsert(set, "abc", &is_new);
   assert_true(is_new);
   nc_table_upsert(set, "abd", &is_new);
   assert_true(is_new);
   nc_table_upsert(set, "abc", &is_new);
   assert_false(is_new);
   nc_table_remove_value(set, first);
   assert_null(nc_table_peek(set, "abc"));
   assert_non_null(nc_table_peek(set, "abd"));
   assert_true(nc_table_memory(set) > 0);
   nc_table_free(set);
}

static void what_is_not_cleared_is_left_to_the_caller(void **state)
{
   nc_table_config_t config = {.capacity = 1, .key_size = 8, .value_size = 64, .cleared = 16};
   nc_table_t *table = nc_table_new(&config);
   const uint64_t keys[] = {1, 2};
   const void *batch[] = {&keys[0], &keys[1]};
   uint64_t hashes[2];
   static const char zero[16];
   (void) state;
   assert_non_null(table);
   memset(nc_table_upsert(table, &keys[0], NULL), 7, 64);
   nc_table_prefetch(table, batch, 2, hashes);
   assert_ptr_equal(nc_table_peek_hashed(table, &keys[0], hashes[0]), nc_table_peek(table, &keys[0]));
   assert_null(nc_table_peek_hashed(table, &keys[1], hashes[1]));
   const char *value =
       nc_table_upsert_hashed(table, &keys[1], hashes[1], NULL); /* in the place of the other */
   assert_memory_equal(value, zero, 16);
   assert_int_equal(value[16], 7);
   nc_table_free(table);
}

/* Entries keep their bytes apart for as long as they live, and those that take their place find them. */
static void bytes_apart_belong_to_their_entry(void **state)
{
   enum { N = 100 };
   nc_table_config_t config = {.capacity = N, .key_size = 8, .value_size = 16, .apart = 192};
   nc_table_t *table = nc_table_new(&config);
   (void) state;
   assert_non_null(table);
   for (uint64_t i = 0; i < 2 * N; i++) {
      void *value = nc_table_upsert(table, &i, NULL);
      uint64_t *apart = nc_table_apart(table, value);
      assert_int_equal((uintptr_t) apart % 64, 0);
      assert_ptr_equal(nc_table_owner(table, apart), value);
      assert_int_equal(apart[0], i < N ? 0 : i - N + 1); /* the oldest is evicted */
      assert_int_equal(apart[23], i < N ? 0 : i - N + 1);
      apart[0] = apart[23] = i + 1;
   }
   for (uint64_t i = N; i < 2 * N; i++) {
      const uint64_t *apart = nc_table_apart(table, nc_table_peek(table, &i));
      assert_int_equal(apart[0], i + 1);
      assert_int_equal(apart[23], i + 1);
   }
   assert_true(nc_table_memory(table) > N * (24 + 192));
   nc_table_free(table);
}

static void test_impossible_sizes(void **state)
{
   const nc_table_config_t wrong[] = {{.capacity = 0, .key_size = 1},
                                      {.capacity = 1, .key_size = 0},
                                      {.capacity = NC_TABLE_MAX_CAPACITY + 1, .key_size = 1}};
   for (unsigned i = 0; i < 3; i++) {
      errno = 0;
      assert_null(nc_table_new(&wrong[i]));
      assert_int_equal(errno, EINVAL);
   }
}

/* The row is followed by another one, which must not count. */
static void both_ways_to_compare_a_row_agree(void **state)
{
   static _Alignas(16) uint32_t row[12];
   (void) state;
   for (unsigned mask = 0; mask < 256; mask++) {
      for (unsigned i = 0; i < 12; i++) {
         row[i] = i >= 8 || (mask >> i & 1) != 0 ? 7 : 8 + i;
      }
      assert_int_equal(nc_index_equal_(row, 7), mask);
      assert_int_equal(nc_index_equal_portable_(row, 7), mask);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(both_ways_to_compare_a_row_agree),
       cmocka_unit_test(test_nothing_is_lost_below_capacity),
       cmocka_unit_test(test_random_operations_match_a_model),
       cmocka_unit_test(batches_find_what_single_searches_find),
       cmocka_unit_test(guesses_never_change_the_answer),
       cmocka_unit_test(a_search_by_a_guess_is_a_use),
       cmocka_unit_test(test_refuses_when_full),
       cmocka_unit_test(test_flood_of_single_keys_does_not_push_out_used_ones),
       cmocka_unit_test(test_order_does_not_depend_on_the_hash_key),
       cmocka_unit_test(a_value_that_is_kept_can_be_used),
       cmocka_unit_test(test_collisions_are_bounded),
       cmocka_unit_test(test_chosen_collisions_meet_another_hash_key),
       cmocka_unit_test(nothing_is_lost_while_the_index_grows),
       cmocka_unit_test(a_hash_of_the_callers_own_stays_while_the_index_grows),
       cmocka_unit_test(what_a_larger_index_has_no_place_for_is_evicted),
       cmocka_unit_test(test_set_without_values),
       cmocka_unit_test(what_is_not_cleared_is_left_to_the_caller),
       cmocka_unit_test(bytes_apart_belong_to_their_entry),
       cmocka_unit_test(test_impossible_sizes),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
