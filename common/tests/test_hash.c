/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nemea-common/nc_hash.h>

static void test_depends_on_all_bytes_and_the_size(void **state)
{
   uint8_t key[64] = {0};
   for (size_t size = 1; size <= sizeof(key); size++) {
      uint64_t base = nc_hash(key, size, 7);
      assert_int_equal(base, nc_hash(key, size, 7));
      assert_int_not_equal(base, nc_hash(key, size - 1, 7));
      assert_int_not_equal(base, nc_hash(key, size, 8));
      for (size_t bit = 0; bit < size * 8; bit++) {
         key[bit / 8] ^= (uint8_t) (1u << (bit % 8));
         assert_int_not_equal(base, nc_hash(key, size, 7));
         key[bit / 8] ^= (uint8_t) (1u << (bit % 8));
      }
   }
}

static void test_spreads_counting_keys(void **state)
{
   enum { KEYS = 1 << 16, PLACES = 256 };
   uint32_t low[PLACES] = {0}, high[PLACES] = {0};
   for (uint32_t i = 0; i < KEYS; i++) {
      uint64_t hash = nc_hash(&i, sizeof(i), 1);
      low[hash % PLACES]++;
      high[hash >> 56]++;
   }
   for (unsigned i = 0; i < PLACES; i++) {
      /* Mean 256, standard deviation 16: six deviations off is not chance. */
      assert_in_range(low[i], 160, 352);
      assert_in_range(high[i], 160, 352);
   }
}

static void test_seeds_differ(void **state)
{
   assert_int_not_equal(nc_hash_seed(), nc_hash_seed());
   assert_int_not_equal(nc_hash_u64(1, 2), nc_hash_u64(2, 2));
   assert_int_not_equal(nc_hash_u64(1, 2), nc_hash_u64(1, 3));
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_depends_on_all_bytes_and_the_size),
       cmocka_unit_test(test_spreads_counting_keys),
       cmocka_unit_test(test_seeds_differ),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
