/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nemea-common/nc_wheel.h>

struct item {
   nc_timer_t timer;
   uint64_t when;
   unsigned fired;
};

struct check {
   uint64_t now;
   nc_wheel_t *wheel;
};

static void fire(void *context, nc_timer_t *timer)
{
   struct check *check = context;
   struct item *item = (struct item *) timer;
   item->fired++;
   assert_true(item->when < check->now);
   assert_false(nc_timer_is_set(timer));
}

static void test_all_expire_once_and_never_early(void **state)
{
   enum { N = 1000 };
   static struct item items[N];
   struct check check = {.wheel = nc_wheel_new(64, 10)};
   assert_non_null(check.wheel);
   check.now = 5000;
   assert_int_equal(nc_wheel_advance(check.wheel, check.now, fire, &check), 0);
   for (unsigned i = 0; i < N; i++) {
      items[i].when = 5000 + (uint64_t) i * 7919 % 3000;
      nc_wheel_set(check.wheel, &items[i].timer, items[i].when);
   }
   nc_wheel_cancel(&items[3].timer);
   uint64_t fired = 0;
   for (check.now = 5003; check.now < 9000; check.now += check.now % 3 ? 13 : 400) {
      fired += nc_wheel_advance(check.wheel, check.now, fire, &check);
   }
   assert_int_equal(fired, N - 1);
   for (unsigned i = 0; i < N; i++) {
      assert_int_equal(items[i].fired, i != 3);
   }
   nc_wheel_free(check.wheel);
}

static void again(void *context, nc_timer_t *timer)
{
   struct check *check = context;
   struct item *item = (struct item *) timer;
   if (++item->fired < 5) {
      nc_wheel_set(check->wheel, timer, check->now);
   }
}

static void test_set_again_from_the_callback(void **state)
{
   struct item item = {0};
   struct check check = {.wheel = nc_wheel_new(8, 1)};
   nc_wheel_set(check.wheel, &item.timer, 0);
   for (check.now = 1; check.now < 100; check.now += 2) {
      nc_wheel_advance(check.wheel, check.now, again, &check);
   }
   assert_int_equal(item.fired, 5);
   nc_wheel_free(check.wheel);
}

static void test_first_advance_serves_earlier_timers(void **state)
{
   struct item item = {.when = 3};
   struct check check = {.wheel = nc_wheel_new(8, 1), .now = 1000000};
   nc_wheel_set(check.wheel, &item.timer, item.when);
   assert_int_equal(nc_wheel_advance(check.wheel, check.now, fire, &check), 1);
   assert_int_equal(nc_wheel_advance(check.wheel, 5, fire, &check), 0);
   nc_wheel_free(check.wheel);
   assert_null(nc_wheel_new(3, 1));
   assert_null(nc_wheel_new(4, 0));
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_all_expire_once_and_never_early),
       cmocka_unit_test(test_set_again_from_the_callback),
       cmocka_unit_test(test_first_advance_serves_earlier_timers),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
