/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <nemea-common/nc_bloom.h>

static const uint64_t key[2] = {1, 2};

static unsigned members(const nc_bloom_t *b, uint32_t from, uint32_t to)
{
   unsigned n = 0;
   for (uint32_t i = from; i < to; i++) {
      n += nc_bloom_may_have(b, &i, sizeof(i));
   }
   return n;
}

static void test_what_was_added_is_there_and_little_else(void **state)
{
   nc_bloom_t b;
   assert_int_equal(nc_bloom_init(&b, 1024, key), 0);
   for (uint32_t i = 0; i < 40000; i++) { /* 13 bits each */
      nc_bloom_add(&b, &i, sizeof(i));
   }
   assert_int_equal(members(&b, 0, 40000), 40000);
   assert_in_range(members(&b, 100000, 200000), 1, 2000);
   nc_bloom_free(&b);
}

static void test_a_filter_shrinks_to_what_is_in_it(void **state)
{
   nc_bloom_t b;
   assert_int_equal(nc_bloom_init(&b, 1024, key), 0);
   for (uint32_t i = 0; i < 1000; i++) {
      nc_bloom_add(&b, &i, sizeof(i));
   }
   nc_bloom_fold(&b);
   assert_in_range(b.blocks, 16, 32);
   assert_true(nc_bloom_fill(&b) <= 0.5);
   assert_int_equal(members(&b, 0, 1000), 1000);
   assert_in_range(members(&b, 100000, 200000), 1, 3000);
   nc_bloom_free(&b);
}

static void test_an_empty_filter_has_one_block_and_nothing(void **state)
{
   nc_bloom_t b;
   assert_int_equal(nc_bloom_init(&b, 64, key), 0);
   nc_bloom_fold(&b);
   assert_int_equal(b.blocks, 1);
   assert_int_equal(members(&b, 0, 1000), 0);
   nc_bloom_free(&b);
}

static void test_numbers_of_blocks_are_powers_of_two(void **state)
{
   nc_bloom_t b;
   static const uint32_t bad[] = {0, 3, 1000, NC_BLOOM_MAX_BLOCKS * 2, UINT32_MAX};
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      errno = 0;
      assert_int_equal(nc_bloom_init(&b, bad[i], key), -1);
      assert_int_equal(errno, EINVAL);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_what_was_added_is_there_and_little_else),
       cmocka_unit_test(test_a_filter_shrinks_to_what_is_in_it),
       cmocka_unit_test(test_an_empty_filter_has_one_block_and_nothing),
       cmocka_unit_test(test_numbers_of_blocks_are_powers_of_two),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
