/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nemea-common/nc_cms.h>
#include <nemea-common/nc_hash.h>
#include <nemea-common/nc_hll.h>

static void test_hll_error_is_within_four_deviations(void **state)
{
   static const uint32_t counts[] = {1, 10, 100, 1000, 10000, 100000};
   for (unsigned p = 8; p <= 12; p += 4) {
      double allowed = 4 * 1.04 / sqrt(NC_HLL_BYTES(p));
      for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
         uint8_t registers[NC_HLL_BYTES(12)] = {0};
         assert_true(nc_hll_count(registers, p) == 0.0);
         for (uint64_t n = 0; n < counts[i] * UINT64_C(2); n++) {
            nc_hll_add(registers, p, nc_hash_u64(n / 2));
         }
         double estimate = nc_hll_count(registers, p);
         assert_true(fabs(estimate - counts[i]) <= allowed * counts[i] + 0.5);
      }
   }
}

static void test_hll_merge_counts_the_union(void **state)
{
   enum { P = 10 };
   uint8_t a[NC_HLL_BYTES(P)] = {0}, b[NC_HLL_BYTES(P)] = {0}, all[NC_HLL_BYTES(P)] = {0};
   for (uint64_t n = 0; n < 5000; n++) {
      uint64_t hash = nc_hash_u64(n);
      nc_hll_add(n < 3000 ? a : b, P, hash);
      nc_hll_add(all, P, hash);
   }
   nc_hll_merge(a, b, P);
   assert_memory_equal(a, all, sizeof(all));
}

static void test_hll_extreme_hashes(void **state)
{
   uint8_t registers[NC_HLL_BYTES(4)] = {0};
   nc_hll_add(registers, 4, 0);
   nc_hll_add(registers, 4, UINT64_MAX);
   assert_int_equal(registers[0], 61);
   assert_int_equal(registers[15], 1);
   for (uint64_t i = 0; i < 16; i++) {
      nc_hll_add(registers, 4, i << 60);
   }
   assert_true(nc_hll_count(registers, 4) > 1e6);
}

static void test_cms_never_below_and_close(void **state)
{
   enum { KEYS = 2000, WIDTH = 4096 };
   nc_cms_t *sketch = nc_cms_new(WIDTH, 4);
   assert_non_null(sketch);
   uint64_t total = 0;
   for (uint64_t key = 0; key < KEYS; key++) {
      nc_cms_add(sketch, nc_hash_u64(key), (uint32_t) key % 10 + 1);
      total += key % 10 + 1;
   }
   unsigned far = 0;
   for (uint64_t key = 0; key < KEYS; key++) {
      uint32_t estimate = nc_cms_count(sketch, nc_hash_u64(key)), exact = (uint32_t) key % 10 + 1;
      assert_true(estimate >= exact);
      far += estimate - exact > 2.72 / WIDTH * (double) total;
   }
   assert_true(far <= KEYS / 50);
   nc_cms_halve(sketch);
   assert_true(nc_cms_count(sketch, nc_hash_u64(9)) >= 5);
   nc_cms_clear(sketch);
   assert_int_equal(nc_cms_count(sketch, nc_hash_u64(9)), 0);
   assert_int_equal(nc_cms_add(sketch, 1, UINT32_MAX), UINT32_MAX);
   assert_int_equal(nc_cms_add(sketch, 1, 5), UINT32_MAX);
   nc_cms_free(sketch);
   assert_null(nc_cms_new(3, 1));
   assert_null(nc_cms_new(4, 0));
}

int main(void)
{
   nc_hash_expand_key(&nc_hash_key_, (const uint8_t[16]){1}); /* the same estimates in each run */
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_hll_error_is_within_four_deviations),
       cmocka_unit_test(test_hll_merge_counts_the_union),
       cmocka_unit_test(test_hll_extreme_hashes),
       cmocka_unit_test(test_cms_never_below_and_close),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
