/* SPDX-License-Identifier: BSD-3-Clause */
/** Streams over sockets, shared memory and files: recorded bytes both ways, loss, formats, termination. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

struct bytes {
   uint8_t data[1 << 20];
   size_t n;
};

/* A recorded file of NEMEA 2. */
static struct bytes *golden(const char *name)
{
   char path[512];
   snprintf(path, sizeof(path), GOLDEN "/trap/%s", name);
   FILE *f = fopen(path, "rb");
   if (f == NULL) {
      fail_msg("no recording %s", path);
   }
   struct bytes *b = calloc(1, sizeof(*b));
   b->n = fread(b->data, 1, sizeof(b->data), f);
   fclose(f);
   return b;
}

/* ----------------------------------------- a client that knows nothing of logs: connect, recv, compare */

struct plain {
   pthread_t thread;
   char path[108];
   struct bytes got[2]; /* sessions */
   int sessions;
};

static int connect_path(const char *path)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
   for (int i = 0; i < 500; i++) {
      int fd = socket(AF_UNIX, SOCK_STREAM, 0);
      if (connect(fd, (struct sockaddr *) &sun, sizeof(sun)) == 0) {
         return fd;
      }
      close(fd);
      nap(5);
   }
   return -1;
}

static void *plain_main(void *arg)
{
   struct plain *p = arg;
   for (int i = 0; i < p->sessions; i++) {
      int fd = connect_path(p->path);
      ssize_t n = 1;
      while (fd >= 0 && n > 0) {
         n = recv(fd, p->got[i].data + p->got[i].n, sizeof(p->got[i].data) - p->got[i].n, 0);
         p->got[i].n += n > 0 ? (size_t) n : 0;
      }
      close(fd);
   }
   return NULL;
}

static struct plain *plain_start(const char *name, int sessions)
{
   struct plain *p = calloc(1, sizeof(*p));
   snprintf(p->path, sizeof(p->path), "%s/trap-%s.sock", dir, name);
   p->sessions = sessions;
   pthread_create(&p->thread, NULL, plain_main, p);
   return p;
}

/* Sends the messages of a recorded socket stream after its hello, block by block. */
static void replay(trap_ctx_t *ctx, const struct bytes *b)
{
   size_t spec = (size_t) b->data[6] << 8 | b->data[7];
   for (size_t at = 8 + spec; at + 14 <= b->n;) {
      size_t end = at + 14 + ((size_t) b->data[at + 2] << 8 | b->data[at + 3]);
      for (at += 14; at < end;) {
         uint16_t size = (uint16_t) (b->data[at] << 8 | b->data[at + 1]);
         assert_int_equal(trap_ctx_send(ctx, 0, b->data + at + 2, size), TRAP_E_OK);
         at += 2u + size;
      }
      trap_ctx_send_flush(ctx, 0);
   }
}

static void set_format_of(trap_ctx_t *ctx, const struct bytes *b)
{
   char spec[4096];
   size_t n = (size_t) b->data[6] << 8 | b->data[7];
   memcpy(spec, b->data + 8, n);
   spec[n] = 0;
   trap_ctx_set_data_fmt(ctx, 0, b->data[0], spec);
}

static void check_sent(const char *file, const char *ifc)
{
   struct bytes *want = golden(file);
   trap_ctx_t *ctx = open_ctx(0, 1, ifc);
   set_format_of(ctx, want);
   struct plain *p = plain_start("s", 1);
   replay(ctx, want);
   trap_ctx_finalize(&ctx);
   pthread_join(p->thread, NULL);
   assert_int_equal(p->got[0].n, want->n);
   assert_memory_equal(p->got[0].data, want->data, want->n);
   free(p);
   free(want);
}

static void old_client_gets_recorded_unirec(void **state)
{
   check_sent("unix-unirec.bin", "u:s");
}

static void old_client_gets_recorded_raw(void **state)
{
   check_sent("unix-raw.bin", "u:s");
}

static void old_client_gets_recorded_json(void **state)
{
   check_sent("unix-json.bin", "u:s");
   check_sent("unix-json-emptyspec.bin", "u:s");
}

static void unbuffered_numbers_are_right(void **state)
{
   struct bytes *want = golden("unix-nobuf.bin");
   trap_ctx_t *ctx = open_ctx(0, 1, "u:s:buffer=off");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   struct plain *p = plain_start("s", 1);
   replay(ctx, want);
   trap_ctx_finalize(&ctx);
   pthread_join(p->thread, NULL);
   /* The recording documents wrong numbers 0, 0, 1 of the second and third buffer. */
   want->data[8 + 14 + 5 + 4] = 1;
   want->data[8 + 14 + 5 + 14 + 5 + 4] = 2;
   assert_int_equal(p->got[0].n, want->n);
   assert_memory_equal(p->got[0].data, want->data, want->n);
   free(p);
   free(want);
}

static void no_format_says_unknown(void **state)
{
   struct plain *p = plain_start("s", 1);
   trap_ctx_t *ctx = open_ctx(0, 1, "u:s");
   pthread_join(p->thread, NULL);
   static const uint8_t zeros[8];
   assert_int_equal(p->got[0].n, 8);
   assert_memory_equal(p->got[0].data, zeros, 8);
   trap_ctx_finalize(&ctx);
   free(p);
}

/* The recording of the unflushed change shows old records after the new hello; here they come before it. */
static void old_records_precede_a_new_format(void **state)
{
   struct bytes *first = golden("unix-unirec-change-session1.bin");
   struct bytes *second = golden("unix-unirec-change-session2.bin");
   trap_ctx_t *ctx = open_ctx(0, 1, "u:s");
   set_format_of(ctx, first);
   struct plain *p = plain_start("s", 2);
   replay(ctx, first);
   set_format_of(ctx, second);
   replay(ctx, second);
   trap_ctx_finalize(&ctx);
   pthread_join(p->thread, NULL);
   assert_int_equal(p->got[0].n, first->n);
   assert_memory_equal(p->got[0].data, first->data, first->n);
   assert_int_equal(p->got[1].n, second->n);
   assert_memory_equal(p->got[1].data, second->data, second->n);
   free(p);
   free(first);
   free(second);
}

/* ------------------------------------------------------------ a recorded sender and the new receiver */

struct server {
   pthread_t thread;
   int fd;
   const uint8_t *data;
   size_t n, step;
};

static void *server_main(void *arg)
{
   struct server *s = arg;
   int fd = accept(s->fd, NULL, NULL);
   for (size_t at = 0; at < s->n; at += s->step) {
      size_t n = s->n - at < s->step ? s->n - at : s->step;
      if (send(fd, s->data + at, n, MSG_NOSIGNAL) < 0) {
         break;
      }
   }
   close(fd);
   return NULL;
}

static void server_start(struct server *s, const char *name, const uint8_t *data, size_t n, size_t step)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-%s.sock", dir, name);
   unlink(sun.sun_path);
   s->fd = socket(AF_UNIX, SOCK_STREAM, 0);
   s->data = data;
   s->n = n;
   s->step = step;
   assert_int_equal(bind(s->fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   listen(s->fd, 4);
   pthread_create(&s->thread, NULL, server_main, s);
}

static void server_stop(struct server *s)
{
   pthread_join(s->thread, NULL);
   close(s->fd);
}

static void receives_recorded_stream_in_any_pieces(void **state)
{
   static const size_t steps[] = {1, 7, 1000};
   struct bytes *b = golden("unix-raw.bin");
   for (size_t i = 0; i < 3; i++) {
      static const char *const want[] = {"hello", "", "raw message 3", "second buffer"};
      struct server s;
      const void *data;
      uint16_t size;
      uint64_t seq;
      server_start(&s, "r", b->data, b->n, steps[i]);
      trap_ctx_t *ctx = open_ctx(1, 0, "u:r");
      trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
      for (uint64_t k = 0; k < 4; k++) {
         assert_int_equal(trap_ctx_recv_with_seq_number(ctx, 0, &data, &size, &seq), TRAP_E_OK);
         assert_int_equal(size, strlen(want[k]));
         assert_memory_equal(data, want[k], size);
         assert_int_equal(seq, k + 1);
      }
      assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
      assert_int_equal(size, 1);
      trap_ctx_finalize(&ctx);
      server_stop(&s);
   }
   free(b);
}

static void format_subset_is_announced_and_mismatch_refused(void **state)
{
   struct bytes *b = golden("unix-unirec.bin");
   static const struct {
      const char *required;
      int rc;
   } cases[] = {{"ipaddr SRC_IP", TRAP_E_FORMAT_CHANGED},
                {"", TRAP_E_FORMAT_CHANGED},
                {"ipaddr NOT_THERE", TRAP_E_FORMAT_MISMATCH},
                {"uint64 SRC_IP", TRAP_E_FORMAT_MISMATCH}};
   for (size_t i = 0; i < 4; i++) {
      struct server s;
      const void *data;
      uint16_t size;
      server_start(&s, "r", b->data, b->n, 4096);
      trap_ctx_t *ctx = open_ctx(1, 0, "u:r");
      trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_UNIREC, cases[i].required);
      assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), cases[i].rc);
      if (cases[i].rc == TRAP_E_FORMAT_CHANGED) {
         assert_int_equal(size, 75);
         assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
         assert_int_equal(size, 70);
      }
      trap_ctx_finalize(&ctx);
      server_stop(&s);
   }
   free(b);
}

/* ------------------------------------------------------------------------- new sender, new receivers */

#define MANY 200000u

struct reader {
   pthread_t thread;
   const char *spec;
   _Atomic uint64_t got;
   uint64_t missed_by_seq, order_errors;
   uint32_t slow_us;
   bool ended;
};

static void *reader_main(void *arg)
{
   struct reader *r = arg;
   trap_message_t m[64];
   uint32_t n, expect = 0;
   trap_ctx_t *ctx = open_ctx(1, 0, r->spec);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
   while (!r->ended) {
      int rc = trap_ctx_recv_batch(ctx, 0, m, 64, &n);
      if (rc != TRAP_E_OK) {
         break;
      }
      for (uint32_t i = 0; i < n; i++) {
         uint32_t value;
         if (m[i].size == 1) {
            r->ended = true;
            break;
         }
         memcpy(&value, m[i].data, 4);
         r->order_errors += value < expect;
         r->missed_by_seq += m[i].seq - 1 - r->got - r->missed_by_seq;
         expect = value + 1;
         r->got++;
      }
      if (r->slow_us != 0) {
         nap(r->slow_us / 1000);
      }
   }
   trap_ctx_finalize(&ctx);
   return NULL;
}

static void send_many(trap_ctx_t *ctx, uint32_t count)
{
   uint8_t message[100] = {0};
   for (uint32_t i = 0; i < count; i++) {
      memcpy(message, &i, 4);
      assert_int_equal(trap_ctx_send(ctx, 0, message, (uint16_t) (4 + i % 97)), TRAP_E_OK);
   }
   assert_int_equal(trap_ctx_send(ctx, 0, message, 1), TRAP_E_OK);
}

static void fan_out(const char *out, const char *in, uint32_t readers, uint32_t count)
{
   struct reader r[4] = {0};
   for (uint32_t i = 0; i < readers; i++) {
      r[i].spec = in;
      pthread_create(&r[i].thread, NULL, reader_main, &r[i]);
   }
   trap_ctx_t *ctx = open_ctx(0, 1, out);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   send_many(ctx, count);
   trap_ctx_finalize(&ctx);
   for (uint32_t i = 0; i < readers; i++) {
      pthread_join(r[i].thread, NULL);
      assert_true(r[i].ended);
      assert_int_equal(r[i].got, count);
      assert_int_equal(r[i].missed_by_seq, 0);
      assert_int_equal(r[i].order_errors, 0);
   }
}

static void every_reader_gets_every_message_once(void **state)
{
   fan_out("u:m:min_clients=3", "u:m", 3, MANY);
   fan_out("u:m:min_clients=2:buffer=off", "u:m", 2, MANY / 10);
   fan_out("u:m:buffer_size=200:buffer_count=1", "u:m", 1, MANY / 10);
   setenv("TRAP_NO_SHM", "1", 1);
   fan_out("u:m:min_clients=3", "u:m", 3, MANY);
   unsetenv("TRAP_NO_SHM");
   fan_out("t:@:min_clients=2", "t:@", 2, MANY);
}

/* A ring with hardly any room: the sender waits for each message or two, and must be woken each time. */
static void a_waiting_sender_is_always_woken(void **state)
{
   for (int i = 0; i < 5; i++) {
      fan_out("u:m:min_clients=2:buffer=off:buffer_size=200:buffer_count=1", "u:m", 2, MANY / 4);
   }
}

static void slow_reader(const char *name)
{
   struct reader slow = {.spec = name, .slow_us = 20000};
   pthread_create(&slow.thread, NULL, reader_main, &slow);
   trap_ctx_t *ctx = open_ctx(0, 1, "u:m:buffer_size=4000:buffer_count=4");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   while (trap_ctx_get_client_count(ctx, 0) < 1) {
      nap(5);
   }
   /* Over a plain stream a receiver counts from the first message that it got. */
   uint8_t message[100] = {0};
   assert_int_equal(trap_ctx_send(ctx, 0, message, sizeof(message)), TRAP_E_OK);
   trap_ctx_send_flush(ctx, 0);
   while (slow.got < 1) {
      nap(1);
   }
   trap_ctx_ifcctl(ctx, TRAPIFC_OUTPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_NO_WAIT);
   for (uint32_t i = 1; i < 50000; i++) {
      memcpy(message, &i, 4);
      assert_int_equal(trap_ctx_send(ctx, 0, message, sizeof(message)), TRAP_E_OK);
   }
   trap_ctx_ifcctl(ctx, TRAPIFC_OUTPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_WAIT);
   assert_int_equal(trap_ctx_send(ctx, 0, message, 1), TRAP_E_OK);
   trap_ctx_finalize(&ctx);
   pthread_join(slow.thread, NULL);
   assert_true(slow.ended);
   assert_int_equal(slow.order_errors, 0);
   assert_true(slow.missed_by_seq > 0);
   assert_int_equal(slow.got + slow.missed_by_seq, 50000);
}

static void no_wait_counts_what_a_slow_reader_misses(void **state)
{
   slow_reader("u:m");
   setenv("TRAP_NO_SHM", "1", 1);
   slow_reader("u:m");
   unsetenv("TRAP_NO_SHM");
}

/* Prevents: a module that hangs before its first client comes, though its output was told not to wait. */
static void only_wait_waits_for_the_first_client(void **state)
{
   static const char *const specs[] = {"u:m:timeout=NO_WAIT", "u:m:timeout=HALF_WAIT", "u:m:timeout=1000",
                                       "u:m:timeout=NO_WAIT:buffer=off", "t:@:timeout=HALF_WAIT"};
   static char big[60000];
   for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
      trap_ctx_t *ctx = open_ctx(0, 1, specs[i]);
      trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
      for (int k = 0; k < 300; k++) { /* more than the log holds */
         assert_int_equal(trap_ctx_send(ctx, 0, big, sizeof(big)), TRAP_E_OK);
      }
      trap_ctx_finalize(&ctx);
   }
   /* The timeout may come from the module, too. */
   trap_ctx_t *ctx = open_ctx(0, 1, "u:m");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   assert_int_equal(trap_ctx_ifcctl(ctx, TRAPIFC_OUTPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_HALFWAIT), TRAP_E_OK);
   for (int k = 0; k < 300; k++) {
      assert_int_equal(trap_ctx_send(ctx, 0, big, sizeof(big)), TRAP_E_OK);
   }
   trap_ctx_finalize(&ctx);
}

static void positive_timeout_ends_a_send(void **state)
{
   trap_ctx_t *ctx = open_ctx(0, 1, "u:m:buffer_size=1000:buffer_count=1");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   struct plain silent = {.sessions = 0};
   snprintf(silent.path, sizeof(silent.path), "%s/trap-m.sock", dir);
   int fd = connect_path(silent.path); /* never reads */
   while (trap_ctx_get_client_count(ctx, 0) < 1) {
      nap(5);
   }
   trap_ctx_ifcctl(ctx, TRAPIFC_OUTPUT, 0, TRAPCTL_SETTIMEOUT, 50000);
   uint8_t message[500] = {0};
   int rc = TRAP_E_OK;
   for (int i = 0; i < 100000 && rc == TRAP_E_OK; i++) {
      rc = trap_ctx_send(ctx, 0, message, sizeof(message));
   }
   assert_int_equal(rc, TRAP_E_TIMEOUT);
   close(fd);
   trap_ctx_finalize(&ctx);
}

static void message_larger_than_a_buffer_is_an_error(void **state)
{
   static const uint8_t big[65535];
   trap_ctx_t *ctx = open_ctx(0, 1, "u:m:buffer_size=1000");
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
   assert_int_equal(trap_ctx_send(ctx, 0, big, 985), TRAP_E_MEMORY);
   trap_ctx_finalize(&ctx);
}

struct waiting {
   trap_ctx_t *ctx;
   pid_t tid;
};

static void *terminate_when_asleep(void *arg)
{
   const struct waiting *w = arg;
   wait_until_asleep(w->tid);
   trap_ctx_terminate(w->ctx);
   return NULL;
}

static void terminate_wakes_waiting_calls(void **state)
{
   static const char *const specs[] = {"u:nobody", "t:@"};
   for (int i = 0; i < 3; i++) {
      pthread_t t;
      const void *data;
      uint16_t size;
      trap_ctx_t *ctx = i < 2 ? open_ctx(1, 0, specs[i]) : open_ctx(0, 1, "u:m");
      struct waiting w = {.ctx = ctx, .tid = (pid_t) syscall(SYS_gettid)};
      pthread_create(&t, NULL, terminate_when_asleep, &w);
      if (i < 2) {
         trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
         assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_TERMINATED);
      } else {
         trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_RAW);
         assert_int_equal(trap_ctx_send(ctx, 0, "x", 1), TRAP_E_TERMINATED);
      }
      pthread_join(t, NULL);
      trap_ctx_finalize(&ctx);
   }
}

static void running_socket_is_not_stolen(void **state)
{
   trap_ctx_t *a = open_ctx(0, 1, "u:m");
   trap_ctx_t *b = trap_ctx_init3("second", "", 0, 1, "u:m", NULL);
   assert_non_null(b);
   assert_int_equal(trap_ctx_get_last_error(b), TRAP_E_IO_ERROR);
   trap_ctx_finalize(&b);
   trap_ctx_finalize(&a);
}

static void any_input_is_served_in_turn(void **state)
{
   uint32_t ifc, n, count[2] = {0, 0};
   uint8_t active[2] = {1, 1};
   trap_message_t m[8];
   trap_ctx_t *out = open_ctx(0, 2, "u:a,u:b");
   trap_ctx_t *in = open_ctx(2, 0, "u:a,u:b");
   for (uint32_t i = 0; i < 2; i++) {
      trap_ctx_set_data_fmt(out, i, TRAP_FMT_RAW);
      trap_ctx_set_required_fmt(in, i, TRAP_FMT_RAW);
   }
   assert_int_equal(trap_ctx_recv_any(in, active, 50000, &ifc, m, 8, &n), TRAP_E_TIMEOUT);
   for (int i = 0; i < 10; i++) {
      assert_int_equal(trap_ctx_send(out, 0, "ab", 2), TRAP_E_OK);
      assert_int_equal(trap_ctx_send(out, 1, "cd", 2), TRAP_E_OK);
   }
   trap_ctx_send_flush(out, 0);
   trap_ctx_send_flush(out, 1);
   while (count[0] + count[1] < 20) {
      assert_int_equal(trap_ctx_recv_any(in, active, 2000000, &ifc, m, 8, &n), TRAP_E_OK);
      count[ifc] += n;
   }
   assert_int_equal(count[0], 10);
   active[0] = 0;
   trap_ctx_send(out, 0, "ab", 2);
   trap_ctx_send_flush(out, 0);
   assert_int_equal(trap_ctx_recv_any(in, active, 50000, &ifc, m, 8, &n), TRAP_E_TIMEOUT);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

/* -------------------------------------------------------------------------------------------- files */

/* A file of what was sent on a socket: the recorded bytes. */
static void check_file(const char *stream, const char *file, const char *parameters)
{
   char spec[256], path[128];
   struct bytes *sock = golden(stream), *want = golden(file);
   struct bytes *got = calloc(1, sizeof(*got));
   snprintf(path, sizeof(path), "%s/sub/%s", dir, file);
   snprintf(spec, sizeof(spec), "f:%s:%s", path, parameters);
   trap_ctx_t *ctx = open_ctx(0, 1, spec);
   set_format_of(ctx, sock);
   replay(ctx, sock);
   trap_ctx_finalize(&ctx);
   FILE *f = fopen(path, "rb");
   assert_non_null(f);
   got->n = fread(got->data, 1, sizeof(got->data), f);
   fclose(f);
   assert_int_equal(got->n, want->n);
   assert_memory_equal(got->data, want->data, want->n);
   free(sock);
   free(want);
   free(got);
}

static void files_are_the_recorded_bytes(void **state)
{
   check_file("unix-raw.bin", "file-raw.trapcap", "w");
   check_file("unix-raw.bin", "file-raw-nobuf.trapcap", "w:buffer=off");
   check_file("unix-json.bin", "file-json.trapcap", "w");
   check_file("unix-unirec.bin", "file-unirec.trapcap", "w");
}

static void format_change_loses_no_file(void **state)
{
   char spec[256], path[256];
   const void *data;
   uint16_t size;
   snprintf(spec, sizeof(spec), "f:%s/c.trapcap:w", dir);
   trap_ctx_t *ctx = open_ctx(0, 1, spec);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_UNIREC, "uint8 A");
   trap_ctx_send(ctx, 0, "12", 2);
   trap_ctx_set_data_fmt(ctx, 0, TRAP_FMT_UNIREC, "uint16 B");
   trap_ctx_send(ctx, 0, "345", 3);
   trap_ctx_finalize(&ctx);
   snprintf(path, sizeof(path), "f:%s/c.trapcap*", dir);
   ctx = open_ctx(1, 0, path);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_UNIREC, "");
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_FORMAT_CHANGED);
   assert_int_equal(size, 2);
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_FORMAT_CHANGED);
   assert_int_equal(size, 3);
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
   assert_int_equal(size, 0);
   trap_ctx_finalize(&ctx);
}

static void damaged_file_gives_what_stands_before_the_damage(void **state)
{
   char path[256], spec[300];
   const void *data;
   uint16_t size;
   static const uint8_t file[] = {1, 0, 0, 0,   0,   0,    0,    0,    0,    0, 0,
                                  4, 0, 2, 'o', 'k', 0xff, 0xff, 0xff, 0xff, 1, 2};
   snprintf(path, sizeof(path), "%s/bad.trapcap", dir);
   FILE *f = fopen(path, "wb");
   fwrite(file, 1, sizeof(file), f);
   fclose(f);
   snprintf(spec, sizeof(spec), "f:%s", path);
   trap_ctx_t *ctx = open_ctx(1, 0, spec);
   trap_ctx_set_required_fmt(ctx, 0, TRAP_FMT_RAW);
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
   assert_int_equal(size, 2);
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_NEGOTIATION_FAILED);
   assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_NEGOTIATION_FAILED);
   trap_ctx_finalize(&ctx);
}

static void shell_text_in_file_names_stays_text(void **state)
{
   char spec[256], path[256];
   snprintf(spec, sizeof(spec), "f:%s/$(touch owned)`id`.trapcap", dir);
   trap_ctx_t *ctx = open_ctx(0, 1, spec);
   trap_ctx_finalize(&ctx);
   snprintf(path, sizeof(path), "%s/$(touch owned)`id`.trapcap", dir);
   assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(old_client_gets_recorded_unirec),
       cmocka_unit_test(old_client_gets_recorded_raw),
       cmocka_unit_test(old_client_gets_recorded_json),
       cmocka_unit_test(unbuffered_numbers_are_right),
       cmocka_unit_test(no_format_says_unknown),
       cmocka_unit_test(old_records_precede_a_new_format),
       cmocka_unit_test(receives_recorded_stream_in_any_pieces),
       cmocka_unit_test(format_subset_is_announced_and_mismatch_refused),
       cmocka_unit_test(every_reader_gets_every_message_once),
       cmocka_unit_test(a_waiting_sender_is_always_woken),
       cmocka_unit_test(no_wait_counts_what_a_slow_reader_misses),
       cmocka_unit_test(only_wait_waits_for_the_first_client),
       cmocka_unit_test(positive_timeout_ends_a_send),
       cmocka_unit_test(message_larger_than_a_buffer_is_an_error),
       cmocka_unit_test(terminate_wakes_waiting_calls),
       cmocka_unit_test(running_socket_is_not_stolen),
       cmocka_unit_test(any_input_is_served_in_turn),
       cmocka_unit_test(files_are_the_recorded_bytes),
       cmocka_unit_test(format_change_loses_no_file),
       cmocka_unit_test(damaged_file_gives_what_stands_before_the_damage),
       cmocka_unit_test(shell_text_in_file_names_stays_text),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
