/* SPDX-License-Identifier: BSD-3-Clause */
/* SuperFastHash, counting sort, progress printer, pacing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <nemea-common/counting_sort.h>
#include <nemea-common/progress_printer.h>
#include <nemea-common/real_time_sending.h>
#include <nemea-common/super_fast_hash.h>

static void known_hashes(void **state)
{
   assert_int_equal(SuperFastHash("a", 1), 0x115ea782);
   assert_int_equal(SuperFastHash("abc", 3), 0xd2be198a);
   assert_int_equal(SuperFastHash("hello world", 11), 0xa68c6882);
   assert_int_equal(SuperFastHash("x", 0), 0);
   assert_int_equal(SuperFastHash("x", -1), 0);
   assert_int_equal(SuperFastHash(NULL, 4), 0);
   assert_true(SuperFastHash("ab\xff", 3) != SuperFastHash("ab\x7f", 3));
}

struct item {
   uint32_t key;
   uint32_t number;
};

static uint32_t key_of(const void *item)
{
   return ((const struct item *) item)->key;
}

static void check_sorted(const struct item *items, uint32_t n, cs_order order)
{
   for (uint32_t i = 1; i < n; i++) {
      if (items[i - 1].key == items[i].key) {
         assert_true(items[i - 1].number < items[i].number);
      } else {
         assert_true((items[i - 1].key < items[i].key) == (order == CS_ORDER_ASC));
      }
   }
}

static void sorts_and_keeps_the_order_of_equals(void **state)
{
   struct item in[1000], out[1000];
   for (uint32_t i = 0; i < 1000; i++) {
      in[i] = (struct item){100 + i * 7919 % 37, i};
   }
   assert_int_equal(counting_sort(in, out, 1000, sizeof(in[0]), 100, 136, CS_ORDER_ASC, key_of), CS_SUCCESS);
   check_sorted(out, 1000, CS_ORDER_ASC);
   assert_int_equal(counting_sort(in, out, 1000, sizeof(in[0]), 0, 1000, CS_ORDER_DSC, key_of), CS_SUCCESS);
   check_sorted(out, 1000, CS_ORDER_DSC);
}

static void sort_refuses_what_it_cannot_do(void **state)
{
   struct item in[2] = {{5, 0}, {5, 1}}, out[2];
   assert_int_equal(counting_sort(in, out, 2, 8, 5, 5, CS_ORDER_ASC, key_of),
                    CS_SUCCESS); /* a single key is a range */
   assert_int_equal(counting_sort(in, out, 2, 8, 6, 5, CS_ORDER_ASC, key_of), CS_BAD_PARAM);
   assert_int_equal(counting_sort(NULL, out, 2, 8, 0, 5, CS_ORDER_ASC, key_of), CS_BAD_PARAM);
   assert_int_equal(counting_sort(in, NULL, 2, 8, 0, 5, CS_ORDER_ASC, key_of), CS_BAD_PARAM);
   assert_int_equal(counting_sort(in, out, 0, 8, 0, 5, CS_ORDER_ASC, key_of), CS_BAD_PARAM);
   assert_int_equal(counting_sort(in, out, 2, 0, 0, 5, CS_ORDER_ASC, key_of), CS_BAD_PARAM);
   assert_int_equal(counting_sort(in, out, 2, 8, 0, 5, CS_ORDER_ASC, NULL), CS_BAD_PARAM);
   assert_int_equal(counting_sort(in, out, 2, 8, 0, 4, CS_ORDER_ASC, key_of), CS_BAD_INDEX);
   assert_int_equal(counting_sort(in, out, 2, 8, 6, 9, CS_ORDER_ASC, key_of), CS_BAD_INDEX);
}

NMCM_PROGRESS_DECL

static void count_elsewhere(struct nmcm_progress_t *nmcm_progress_ptr, int n)
{
   for (int i = 0; i < n; i++) {
      NMCM_PROGRESS_PRINT
   }
}

/* What is printed on standard output, through a pipe. */
static void a_dot_every_so_many(void **state)
{
   int fds[2], kept = dup(STDOUT_FILENO), failed = 0;
   char text[32] = "";
   assert_int_equal(pipe(fds), 0);
   fflush(stdout);
   dup2(fds[1], STDOUT_FILENO);
   NMCM_PROGRESS_DEF
   NMCM_PROGRESS_PRINT
   NMCM_PROGRESS_INIT(3, failed = 1);
   count_elsewhere(nmcm_progress_ptr, 10);
   NMCM_PROGRESS_PRINT;
   NMCM_PROGRESS_NEWLINE
   fflush(stdout);
   dup2(kept, STDOUT_FILENO);
   close(kept);
   close(fds[1]);
   assert_int_equal(read(fds[0], text, sizeof(text) - 1), 4);
   close(fds[0]);
   assert_string_equal(text, "...\n");
   NMCM_PROGRESS_INIT(0, failed = 1)
   assert_int_equal(failed, 1);
}

static void records_wait_for_their_time(void **state)
{
   rt_state_t s;
   int failed = 0;
   RT_INIT(s, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, failed = 1);
   assert_int_equal(rt_delay_(&s, 5000, 1000), 0);
   assert_int_equal(rt_delay_(&s, 5100, 1002), 1900);
   assert_int_equal(rt_delay_(&s, 7000, 1002), 0);
   assert_int_equal(rt_delay_(&s, 7000, 999), 0);    /* older than the first: at once */
   assert_int_equal(rt_delay_(&s, 907000, 1010), 0); /* the sender was stopped for a quarter of an hour */
   assert_int_equal(rt_delay_(&s, 907001, 1903), 999);
   assert_int_equal(rt_delay_(&s, 907001, 5000), 0); /* a jump: from here on */
   assert_int_equal(rt_delay_(&s, 907001, 5001), 1000);
   assert_int_equal(rt_delay_(&s, 907001, 100), 0);
   assert_int_equal(rt_delay_(&s, 907001, 101), 1000);
   RT_INIT(s, 10, 1000u, 100, 3.5, failed = 1);
   RT_CHECK_DELAY(1, 101, s);
   RT_CHECK_DELAY(2, 101, s);
   assert_int_equal(failed, 0);
   RT_INIT(s, -1, 0, 0, 0, failed = 1);
   assert_int_equal(failed, 1);
   RT_DESTROY(s);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(known_hashes),
       cmocka_unit_test(sorts_and_keeps_the_order_of_equals),
       cmocka_unit_test(sort_refuses_what_it_cannot_do),
       cmocka_unit_test(a_dot_every_so_many),
       cmocka_unit_test(records_wait_for_their_time),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
