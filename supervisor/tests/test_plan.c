/* SPDX-License-Identifier: BSD-3-Clause */
/** What is to be done with a module, for each state it can be in and each that it should be in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plan.h"

#define NOW 100000

static const struct {
   const char *what;
   struct plan_module m;
   enum plan_action action;
   uint64_t wake;
} cases[] = {
    {"a new module that is wanted", {.wanted = true}, ACTION_START, PLAN_NEVER},
    {"one that others are to be started before", {.wanted = true, .held = true}, ACTION_NONE, PLAN_NEVER},
    {"the same, running, to be restarted",
     {.wanted = true, .held = true, .restart = true, .alive = true, .state = STATE_READY},
     ACTION_TERMINATE,
     PLAN_NEVER},
    {"one that is not", {.wanted = false}, ACTION_NONE, PLAN_NEVER},
    {"running as wanted", {.wanted = true, .alive = true, .state = STATE_READY}, ACTION_NONE, PLAN_NEVER},
    {"running, not wanted", {.alive = true, .state = STATE_READY}, ACTION_TERMINATE, PLAN_NEVER},
    {"starting, not wanted", {.alive = true, .state = STATE_STARTING}, ACTION_TERMINATE, PLAN_NEVER},
    {"running, removed",
     {.wanted = true, .removed = true, .alive = true, .state = STATE_RUNNING},
     ACTION_TERMINATE,
     PLAN_NEVER},
    {"running, to be restarted",
     {.wanted = true, .restart = true, .alive = true, .state = STATE_READY},
     ACTION_TERMINATE,
     PLAN_NEVER},
    {"stopping", {.alive = true, .state = STATE_STOPPING, .deadline = NOW + 5}, ACTION_NONE, NOW + 5},
    {"stopping, wanted again",
     {.wanted = true, .alive = true, .state = STATE_STOPPING, .deadline = NOW + 5},
     ACTION_NONE,
     NOW + 5},
    {"stopping for too long",
     {.alive = true, .state = STATE_STOPPING, .deadline = NOW},
     ACTION_KILL,
     NOW + PLAN_STOP_TIMEOUT},
    {"stopped, removed", {.removed = true}, ACTION_REMOVE, PLAN_NEVER},
    {"waiting for its next start",
     {.wanted = true, .state = STATE_BACKOFF, .deadline = NOW + 7},
     ACTION_NONE,
     NOW + 7},
    {"its time has come",
     {.wanted = true, .state = STATE_BACKOFF, .deadline = NOW},
     ACTION_START,
     PLAN_NEVER},
    {"waiting, not wanted", {.state = STATE_BACKOFF, .deadline = NOW}, ACTION_NONE, PLAN_NEVER},
    {"waiting, removed",
     {.removed = true, .state = STATE_BACKOFF, .deadline = NOW + 7},
     ACTION_REMOVE,
     PLAN_NEVER},
    {"failed", {.wanted = true, .state = STATE_FAILED}, ACTION_NONE, PLAN_NEVER},
    {"finished", {.wanted = true, .state = STATE_FINISHED}, ACTION_NONE, PLAN_NEVER},
    {"failed, removed", {.removed = true, .state = STATE_FAILED}, ACTION_REMOVE, PLAN_NEVER},
};

static void each_state_has_its_action(void **state)
{
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      uint64_t wake;
      if (plan_next(&cases[i].m, NOW, &wake) != cases[i].action || wake != cases[i].wake) {
         fail_msg("%s", cases[i].what);
      }
   }
}

static void restarts_are_delayed_and_counted(void **state)
{
   struct plan_module m = {.wanted = true, .limit = 3};
   uint64_t now = NOW;
   (void) state;
   for (unsigned i = 0; i < 3; i++) {
      plan_started(&m, now, true);
      assert_int_equal(m.state, STATE_STARTING);
      plan_ended(&m, now, false, 12345);
      assert_int_equal(m.state, STATE_BACKOFF);
      assert_in_range(m.deadline - now, (PLAN_FIRST_DELAY << i) / 2, PLAN_FIRST_DELAY << i);
      now = m.deadline;
   }
   plan_started(&m, now, true);
   plan_ended(&m, now, false, 0); /* four starts within a minute: 1 and 3 restarts */
   assert_int_equal(m.state, STATE_FAILED);
   plan_reset(&m);
   assert_int_equal(m.state, STATE_STOPPED);
   plan_started(&m, now, false);
   assert_int_equal(m.state, STATE_RUNNING);
   plan_ended(&m, now, true, 0);
   assert_int_equal(m.state, STATE_BACKOFF);
}

static void a_limit_of_0_is_no_restart_and_30_is_no_limit(void **state)
{
   struct plan_module none = {.wanted = true, .limit = 0}, any = {.wanted = true, .limit = 30};
   (void) state;
   plan_started(&none, NOW, true);
   plan_ended(&none, NOW, true, 0);
   assert_int_equal(none.state, STATE_FINISHED);
   uint64_t now = NOW;
   for (int i = 0; i < 1000; i++) {
      plan_started(&any, now, true);
      plan_ended(&any, now, false, 0xffffffff);
      assert_int_equal(any.state, STATE_BACKOFF);
      assert_true(any.deadline - now <= PLAN_LAST_DELAY);
      now = any.deadline;
   }
}

static void a_limit_that_was_lowered_holds_at_once(void **state)
{
   struct plan_module m = {.wanted = true, .limit = 5, .window = NOW, .restarts = 4};
   (void) state;
   m.limit = 2;
   plan_started(&m, NOW, true);
   plan_ended(&m, NOW, false, 0);
   assert_int_equal(m.state, STATE_FAILED);
}

static void a_minute_later_restarts_count_anew(void **state)
{
   struct plan_module m = {.wanted = true, .limit = 1, .window = NOW, .restarts = 1, .delays = 5};
   (void) state;
   plan_started(&m, NOW, true);
   plan_ended(&m, NOW + PLAN_WINDOW, false, 0);
   assert_int_equal(m.state, STATE_BACKOFF);
   assert_true(m.deadline - (NOW + PLAN_WINDOW) <= PLAN_FIRST_DELAY);
}

static void an_end_that_was_asked_for_is_no_failure(void **state)
{
   struct plan_module m = {.wanted = true, .limit = 0};
   (void) state;
   plan_started(&m, NOW, true);
   m.state = STATE_STOPPING;
   plan_ended(&m, NOW, false, 0);
   assert_int_equal(m.state, STATE_STOPPED);
   assert_string_equal(plan_state_name(m.state), "stopped");
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(each_state_has_its_action),
       cmocka_unit_test(restarts_are_delayed_and_counted),
       cmocka_unit_test(a_limit_of_0_is_no_restart_and_30_is_no_limit),
       cmocka_unit_test(a_limit_that_was_lowered_holds_at_once),
       cmocka_unit_test(a_minute_later_restarts_count_anew),
       cmocka_unit_test(an_end_that_was_asked_for_is_no_failure),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
