/* SPDX-License-Identifier: BSD-3-Clause */
/** Messages sent as batches: the same as one by one, also where one of them cannot be sent. */
#include "rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 300, MESSAGES = 200000, LONGEST = 400 };

/* Messages number first to first + n - 1: the number, then bytes that follow from it; of many lengths. */
static void make_batch(trap_message_t *batch, uint8_t *bytes, uint32_t first, uint32_t n)
{
   for (uint32_t i = 0; i < n; i++) {
      uint32_t number = first + i;
      uint8_t *to = bytes + (size_t) i * LONGEST;
      memset(to, (int) (number * 7 & 255), LONGEST);
      memcpy(to, &number, sizeof(number));
      batch[i] = (trap_message_t){.data = to, .size = (uint16_t) (4 + number % (LONGEST - 4))};
   }
}

static void is_message(const trap_message_t *m, uint32_t number)
{
   static uint8_t bytes[LONGEST];
   trap_message_t want;
   make_batch(&want, bytes, number, 1);
   assert_int_equal(m->size, want.size);
   assert_memory_equal(m->data, want.data, want.size);
}

/* Sends numbers 0 to MESSAGES - 1, in batches of several sizes or one by one, and an end of stream. */
static void send_all(trap_ctx_t *ctx, bool batches)
{
   static uint8_t bytes[BATCH * LONGEST];
   static trap_message_t batch[BATCH];
   uint32_t n = 1;
   for (uint32_t at = 0; at < MESSAGES; at += n) {
      n = batches ? 1 + at * 31 % BATCH : 1;
      n = n < MESSAGES - at ? n : MESSAGES - at;
      make_batch(batch, bytes, at, n);
      uint32_t sent = batches ? 0 : 1;
      assert_int_equal(batches ? trap_ctx_send_batch(ctx, 0, batch, n, &sent)
                               : trap_ctx_send(ctx, 0, batch->data, batch->size),
                       TRAP_E_OK);
      assert_int_equal(sent, n);
   }
   assert_int_equal(trap_ctx_send(ctx, 0, "", 1), TRAP_E_OK);
}

/* Reads numbers 0 to MESSAGES - 1 and the end. */
static void *read_all(void *arg)
{
   trap_ctx_t *ctx = arg;
   trap_message_t m[64];
   uint32_t n = 0, next = 0;
   for (bool ended = false; !ended;) {
      assert_int_equal(trap_ctx_recv_batch(ctx, 0, m, 64, &n), TRAP_E_OK);
      for (uint32_t i = 0; i < n; i++) {
         ended = m[i].size <= 1;
         if (!ended) {
            is_message(&m[i], next++);
         }
      }
   }
   assert_int_equal(next, MESSAGES);
   return NULL;
}

static void a_reader_gets_every_message_in_order(void **state)
{
   static const char *const specs[][2] = {{"u:s:timeout=WAIT:min_clients=1", "u:s"},
                                          {"u:s:timeout=WAIT:min_clients=1:buffer_size=1000", "u:s"},
                                          {"t:@:timeout=WAIT:min_clients=1", "t:localhost:@"}};
   for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
      pthread_t thread;
      trap_ctx_t *out = open_raw(0, 1, specs[i][0]), *in = open_raw(1, 0, specs[i][1]);
      assert_int_equal(pthread_create(&thread, NULL, read_all, in), 0);
      send_all(out, true);
      trap_ctx_send_flush(out, 0);
      pthread_join(thread, NULL);
      trap_ctx_finalize(&in);
      trap_ctx_finalize(&out);
   }
}

static size_t write_file(const char *name, bool batches, uint8_t **bytes)
{
   char spec[200];
   struct stat st;
   snprintf(spec, sizeof(spec), "f:%s/%s:w", dir, name);
   trap_ctx_t *ctx = open_raw(0, 1, spec);
   send_all(ctx, batches);
   trap_ctx_finalize(&ctx);
   snprintf(spec, sizeof(spec), "%s/%s", dir, name);
   int fd = open(spec, O_RDONLY);
   assert_true(fd >= 0 && fstat(fd, &st) == 0);
   *bytes = malloc((size_t) st.st_size);
   assert_int_equal(read(fd, *bytes, (size_t) st.st_size), st.st_size);
   close(fd);
   return (size_t) st.st_size;
}

static void a_file_has_the_same_bytes(void **state)
{
   uint8_t *one, *several;
   size_t size = write_file("one", false, &one);
   assert_int_equal(write_file("several", true, &several), size);
   assert_memory_equal(one, several, size);
   free(one);
   free(several);
}

static void the_message_that_is_not_sent_ends_a_batch(void **state)
{
   static uint8_t bytes[2000];
   uint32_t sent = 9;
   const trap_message_t batch[] = {{bytes, 0, 10}, {bytes, 0, 10}, {bytes, 0, 2000}, {bytes, 0, 10}};
   trap_ctx_t *ctx = open_raw(0, 1, "u:s:timeout=NO_WAIT:buffer_size=1000");
   assert_int_equal(trap_ctx_send_batch(ctx, 0, batch, 4, &sent), TRAP_E_MEMORY);
   assert_int_equal(sent, 2);
   assert_int_equal(trap_ctx_send_batch(ctx, 0, batch + 3, 1, &sent), TRAP_E_OK);
   assert_int_equal(sent, 1);
   trap_ctx_finalize(&ctx);

   ctx = open_raw(0, 1, "u:s:timeout=1:min_clients=1"); /* nobody reads */
   assert_int_equal(trap_ctx_send_batch(ctx, 0, batch, 2, &sent), TRAP_E_TIMEOUT);
   assert_int_equal(sent, 0);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_TIMEOUT);
   trap_ctx_finalize(&ctx);
}

static void wrong_calls_are_refused(void **state)
{
   const trap_message_t batch[] = {{"abcd", 0, 4}};
   uint32_t sent = 9;
   trap_ctx_t *ctx = open_ctx(0, 1, "b:");
   assert_int_equal(trap_ctx_send_batch(NULL, 0, batch, 1, &sent), TRAP_E_NOT_INITIALIZED);
   assert_int_equal(trap_ctx_send_batch(ctx, 1, batch, 1, &sent), TRAP_E_BAD_IFC_INDEX);
   assert_int_equal(trap_ctx_send_batch(ctx, 0, NULL, 1, &sent), TRAP_E_BAD_FPARAMS);
   assert_int_equal(sent, 0);
   assert_int_equal(trap_ctx_send_batch(ctx, 0, batch, 1, &sent), TRAP_E_OK);
   assert_int_equal(sent, 1);
   assert_int_equal(trap_ctx_send_batch(ctx, 0, NULL, 0, &sent), TRAP_E_OK);
   assert_int_equal(sent, 0);
   trap_ctx_terminate(ctx);
   assert_int_equal(trap_ctx_send_batch(ctx, 0, batch, 1, &sent), TRAP_E_TERMINATED);
   trap_ctx_finalize(&ctx);

   char spec[200];
   snprintf(spec, sizeof(spec), "f:%s/no_format:w", dir);
   ctx = open_ctx(0, 1, spec);
   sent = 9;
   assert_int_equal(trap_ctx_send_batch(ctx, 0, batch, 1, &sent), TRAP_E_NOT_INITIALIZED);
   assert_int_equal(sent, 0);
   trap_ctx_finalize(&ctx);
}

/* Numbers of two threads are told apart by the lowest bit. */
struct sender {
   pthread_t thread;
   trap_ctx_t *ctx;
   uint32_t bit;
};

static void *send_half(void *arg)
{
   const struct sender *s = arg;
   uint32_t numbers[BATCH], sent;
   trap_message_t batch[BATCH];
   for (uint32_t at = 0, n; at < MESSAGES / 2; at += n) {
      n = 1 + at * 31 % BATCH;
      n = n < MESSAGES / 2 - at ? n : MESSAGES / 2 - at;
      for (uint32_t i = 0; i < n; i++) {
         numbers[i] = (at + i) << 1 | s->bit;
         batch[i] = (trap_message_t){.data = &numbers[i], .size = sizeof(numbers[i])};
      }
      assert_int_equal(trap_ctx_send_batch(s->ctx, 0, batch, n, &sent), TRAP_E_OK);
   }
   return NULL;
}

static void two_threads_may_send_batches(void **state)
{
   trap_ctx_t *out = open_raw(0, 1, "u:s:timeout=WAIT:min_clients=1:buffer_size=10000");
   trap_ctx_t *in = open_raw(1, 0, "u:s");
   struct sender senders[2] = {{.ctx = out, .bit = 0}, {.ctx = out, .bit = 1}};
   uint32_t next[2] = {0, 0}, n = 0;
   trap_message_t m[64];
   for (int i = 0; i < 2; i++) {
      assert_int_equal(pthread_create(&senders[i].thread, NULL, send_half, &senders[i]), 0);
   }
   while (next[0] + next[1] < MESSAGES) {
      assert_int_equal(trap_ctx_recv_batch(in, 0, m, 64, &n), TRAP_E_OK);
      for (uint32_t i = 0; i < n; i++) {
         uint32_t number;
         assert_int_equal(m[i].size, sizeof(number));
         memcpy(&number, m[i].data, sizeof(number));
         assert_int_equal(number >> 1, next[number & 1]++);
      }
   }
   for (int i = 0; i < 2; i++) {
      pthread_join(senders[i].thread, NULL);
   }
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_reader_gets_every_message_in_order),
       cmocka_unit_test(a_file_has_the_same_bytes),
       cmocka_unit_test(the_message_that_is_not_sent_ends_a_batch),
       cmocka_unit_test(wrong_calls_are_refused),
       cmocka_unit_test(two_threads_may_send_batches),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
