/* SPDX-License-Identifier: BSD-3-Clause */
/** Numbers on the wire and in the service: exact, also at the limits of their fields and when messages are skipped. */
#include "rig.h"

#include <endian.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static int connect_to(const char *name)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-%s.sock", dir, name);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   return fd;
}

static bool read_all(int fd, void *to, size_t size)
{
   for (size_t got = 0; got < size;) {
      ssize_t n = recv(fd, (char *) to + got, size - got, 0);
      if (n <= 0) {
         return false;
      }
      got += (size_t) n;
   }
   return true;
}

/* A sender, and a client that reads the ordinary stream; its hello has been read. */
static trap_ctx_t *open_pair(const char *spec, const char *service, int *client)
{
   uint8_t hello[8];
   trap_ctx_t *ctx = trap_ctx_init3("test", "", 0, 1, spec, service);
   assert_non_null(ctx);
   assert_int_equal(trap_ctx_get_last_error(ctx), TRAP_E_OK);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   *client = connect_to("s");
   assert_true(read_all(*client, hello, sizeof(hello)));
   return ctx;
}

/* Reads blocks until message number last. \return messages read; each block holds what its header says */
static uint64_t read_blocks(int fd, uint32_t last, bool gaps)
{
   static uint8_t payload[16 << 20];
   uint64_t n = 0, next = 0;
   for (uint32_t number = UINT32_MAX; number != last;) {
      uint8_t header[14];
      uint32_t size;
      uint64_t seq;
      uint16_t count, found = 0;
      assert_true(read_all(fd, header, sizeof(header)));
      memcpy(&size, header, sizeof(size));
      memcpy(&seq, header + 4, sizeof(seq));
      memcpy(&count, header + 12, sizeof(count));
      size = be32toh(size);
      seq = le64toh(seq);
      count = le16toh(count);
      assert_true(size <= sizeof(payload) && read_all(fd, payload, size));
      for (uint32_t at = 0; at < size;) {
         uint32_t length = (uint32_t) payload[at] << 8 | payload[at + 1];
         assert_true(length >= sizeof(number) && at + 2 + length <= size);
         memcpy(&number, payload + at + 2, sizeof(number));
         at += 2 + length;
         found++;
         assert_true(found > 0); /* not more than 65535 */
      }
      assert_int_equal(found, count);
      assert_true(n == 0 || gaps || seq == next);
      assert_true(n == 0 || seq >= next);
      next = seq + count;
      n += count;
   }
   return n;
}

static void blocks_hold_as_many_messages_as_their_header_can_say(void **state)
{
   enum { MESSAGES = 300000 }; /* of six bytes: a block of a megabyte has room for more than 65535 */
   int fd;
   trap_ctx_t *ctx = open_pair("u:s:buffer_size=1000000:buffer_count=10", NULL, &fd);
   for (uint32_t i = 0; i < MESSAGES; i++) {
      void *room;
      if (i % 3 == 0) {
         assert_int_equal(trap_ctx_send(ctx, 0, &i, sizeof(i)), TRAP_E_OK);
         continue;
      }
      if (i % 3 == 1) {
         uint32_t sent;
         const trap_message_t message = {.data = &i, .size = sizeof(i)};
         assert_int_equal(trap_ctx_send_batch(ctx, 0, &message, 1, &sent), TRAP_E_OK);
         continue;
      }
      assert_int_equal(trap_ctx_reserve(ctx, 0, sizeof(i), &room), TRAP_E_OK);
      memcpy(room, &i, sizeof(i));
      assert_int_equal(trap_ctx_commit(ctx, 0, sizeof(i)), TRAP_E_OK);
   }
   trap_ctx_send_flush(ctx, 0);
   assert_int_equal(read_blocks(fd, MESSAGES - 1, false), MESSAGES);
   close(fd);
   trap_ctx_finalize(&ctx);
}

/* The counters of the only client. */
static void ask_counts(uint64_t *sent, uint64_t *skipped)
{
   static char text[65536];
   uint8_t header[8] = {10};
   uint32_t size;
   int fd = connect_to("svc");
   assert_int_equal(send(fd, header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
   assert_true(read_all(fd, header, sizeof(header)));
   memcpy(&size, header + 4, sizeof(size));
   assert_true(size <= sizeof(text) && read_all(fd, text, size));
   close(fd);
   json_t *o = json_loads(text, 0, NULL);
   json_t *c =
       json_array_get(json_object_get(json_array_get(json_object_get(o, "out"), 0), "client_stats_arr"), 1);
   assert_non_null(c);
   *sent = strtoull(json_string_value(json_object_get(c, "sent_messages")), NULL, 10);
   *skipped = strtoull(json_string_value(json_object_get(c, "skipped_messages")), NULL, 10);
   json_decref(o);
}

static void what_a_slow_client_misses_is_counted_exactly(void **state)
{
   enum { MESSAGES = 400000 };
   int fd;
   uint64_t sent, skipped, read;
   uint8_t message[100] = {0};
   trap_ctx_t *ctx = open_pair("u:s:timeout=NO_WAIT:buffer_size=10000:buffer_count=10", "svc", &fd);
   for (uint32_t i = 0; i < MESSAGES; i++) {
      memcpy(message, &i, sizeof(i));
      assert_int_equal(trap_ctx_send(ctx, 0, message, sizeof(message)), TRAP_E_OK);
   }
   trap_ctx_send_flush(ctx, 0);
   read = read_blocks(fd, MESSAGES - 1, true);
   ask_counts(&sent, &skipped);
   assert_true(skipped > MESSAGES / 2);
   assert_int_equal(read + skipped, MESSAGES);
   assert_int_equal(sent, read);
   close(fd);
   trap_ctx_finalize(&ctx);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(blocks_hold_as_many_messages_as_their_header_can_say),
       cmocka_unit_test(what_a_slow_client_misses_is_counted_exactly),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
