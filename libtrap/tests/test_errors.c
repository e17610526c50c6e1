/* SPDX-License-Identifier: BSD-3-Clause */
/** The last error is the calling thread's own. */
#include "rig.h"

#include <pthread.h>
#include <string.h>

#define ROUNDS 20000

static trap_ctx_t *ctx;

static void failed(int rc, int expected, const char *text)
{
   assert_int_equal(rc, expected);
   assert_int_equal(trap_ctx_get_last_error(ctx), expected);
   assert_non_null(strstr(trap_ctx_get_last_error_msg(ctx), text));
}

static void *receive_and_fail(void *arg)
{
   (void) arg;
   for (int i = 0; i < ROUNDS; i++) {
      const void *data;
      uint16_t size;
      failed(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_TIMEOUT, "timeout");
      failed(trap_ctx_recv(ctx, 7, &data, &size), TRAP_E_NOT_SELECTED, "input");
   }
   return NULL;
}

static void *send_and_fail(void *arg)
{
   (void) arg;
   for (int i = 0; i < ROUNDS; i++) {
      failed(trap_ctx_send(ctx, 0, NULL, 5), TRAP_E_BAD_FPARAMS, "parameters");
      failed(trap_ctx_commit(ctx, 0, 5), TRAP_E_BAD_FPARAMS, "5 bytes");
      assert_int_equal(trap_ctx_send(ctx, 0, "x", 1), TRAP_E_OK);
      assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   }
   return NULL;
}

static void threads_that_fail_do_not_see_each_other(void **state)
{
   (void) state;
   pthread_t receiver, sender;
   ctx = open_ctx(1, 1, "u:nobody:timeout=NO_WAIT,b:");
   pthread_create(&receiver, NULL, receive_and_fail, NULL);
   pthread_create(&sender, NULL, send_and_fail, NULL);
   pthread_join(receiver, NULL);
   pthread_join(sender, NULL);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK); /* this thread has not failed */
   assert_string_equal(trap_ctx_get_last_error_msg(ctx), "No error");
   trap_ctx_finalize(&ctx);
}

static void messages_stay_readable(void **state)
{
   (void) state;
   ctx = open_ctx(1, 1, "g:2:ab,b:");
   assert_int_equal(trap_ctx_commit(ctx, 0, 9), TRAP_E_BAD_FPARAMS);
   const char *first = trap_ctx_get_last_error_msg(ctx);
   for (uint16_t i = 10; i < 2000; i++) { /* more different texts than are kept */
      assert_int_equal(trap_ctx_commit(ctx, 0, i), TRAP_E_BAD_FPARAMS);
      assert_true(strlen(trap_ctx_get_last_error_msg(ctx)) > 0);
   }
   assert_non_null(strstr(first, "9 bytes"));
   const void *data;
   uint16_t size;
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   trap_ctx_finalize(&ctx);
}

static void contexts_keep_their_errors_apart(void **state)
{
   (void) state;
   trap_ctx_t *other = open_ctx(0, 1, "b:");
   ctx = open_ctx(0, 1, "b:");
   assert_int_equal(trap_ctx_send(ctx, 0, NULL, 1), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_send(other, 0, "x", 1), TRAP_E_OK);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_get_last_error(other), TRAP_E_OK);
   trap_ctx_finalize(&ctx);
   trap_ctx_finalize(&other);
   ctx = open_ctx(0, 1, "b:"); /* often at the same address */
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   trap_ctx_finalize(&ctx);
}

static void *read_init_error(void *arg)
{
   assert_int_equal(trap_ctx_get_last_error(arg), TRAP_E_BADPARAMS);
   assert_non_null(strstr(trap_ctx_get_last_error_msg(arg), "Interface type 'b' cannot be an input."));
   return NULL;
}

static void any_thread_reads_why_a_context_did_not_open(void **state)
{
   (void) state;
   pthread_t thread;
   ctx = trap_ctx_init3("test", "", 1, 0, "b:", NULL);
   read_init_error(ctx);
   pthread_create(&thread, NULL, read_init_error, ctx);
   pthread_join(thread, NULL);
   trap_ctx_finalize(&ctx);
}

static void *fail_simply(void *arg)
{
   const void *data;
   uint16_t size;
   (void) arg;
   assert_int_equal(trap_recv(0, &data, &size), TRAP_E_TIMEOUT);
   return NULL;
}

static void success_does_not_hide_the_failure_of_another_thread(void **state)
{
   (void) state;
   pthread_t thread;
   char in[] = "nobody:timeout=NO_WAIT", out[] = "", types[] = "ub", *params[] = {in, out, NULL};
   trap_module_info_t info = {.name = (char *) "m", .num_ifc_in = 1, .num_ifc_out = 1};
   assert_int_equal(trap_init(&info, (trap_ifc_spec_t){types, params}), TRAP_E_OK);
   assert_int_equal(trap_last_error, TRAP_E_OK);
   pthread_create(&thread, NULL, fail_simply, NULL);
   pthread_join(thread, NULL);
   assert_int_equal(trap_send(0, "x", 1), TRAP_E_OK);
   assert_int_equal(trap_last_error, TRAP_E_TIMEOUT);
   assert_string_equal(trap_last_error_msg, "Read or write operation timeout");
   assert_int_equal(trap_send(0, NULL, 1), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_last_error, TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_send(0, "x", 1), TRAP_E_OK); /* its own is taken back */
   assert_int_equal(trap_last_error, TRAP_E_OK);
   trap_finalize();
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(threads_that_fail_do_not_see_each_other),
       cmocka_unit_test(contexts_keep_their_errors_apart),
       cmocka_unit_test(any_thread_reads_why_a_context_did_not_open),
       cmocka_unit_test(success_does_not_hide_the_failure_of_another_thread),
       cmocka_unit_test(messages_stay_readable), /* last: it fills the table of texts */
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
