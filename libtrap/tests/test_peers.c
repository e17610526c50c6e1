/* SPDX-License-Identifier: BSD-3-Clause */
/** No peer ends a reader, holds it in a call, or makes it grow: senders that are silent, speak something else, lie or vanish. */
#include "rig.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static int64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Hello of raw messages; a block with one message "ok" of number 0. */
static const uint8_t raw_hello[] = {1, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t ok_block[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 'o', 'k'};

/** A sender that gives each connection one script; the last one is repeated. */
struct script {
   const void *bytes;
   size_t size;
   bool stay; /* the connection stays open until the reader has closed it */
};

struct fake {
   pthread_t thread;
   int listen_fd;
   const struct script *scripts;
   int n_scripts;
   _Atomic int accepted;
   _Atomic bool stop;
};

static void play(const struct script *script, int fd)
{
   char byte;
   if (send(fd, script->bytes, script->size, MSG_NOSIGNAL) < 0) {
      return;
   }
   if (script->stay) {
      recv(fd, &byte, 1, 0);
   }
}

static void *fake_main(void *arg)
{
   struct fake *f = arg;
   while (!f->stop) {
      struct pollfd p = {.fd = f->listen_fd, .events = POLLIN};
      if (poll(&p, 1, 20) <= 0) {
         continue;
      }
      int fd = accept(f->listen_fd, NULL, NULL);
      int i = f->accepted++;
      play(&f->scripts[i < f->n_scripts ? i : f->n_scripts - 1], fd);
      close(fd);
   }
   return NULL;
}

static void fake_start(struct fake *f, const struct script *scripts, int n)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   *f = (struct fake){.scripts = scripts, .n_scripts = n};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-fake.sock", dir);
   unlink(sun.sun_path);
   f->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(bind(f->listen_fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   assert_int_equal(listen(f->listen_fd, 16), 0);
   pthread_create(&f->thread, NULL, fake_main, f);
}

static void fake_stop(struct fake *f)
{
   f->stop = true;
   pthread_join(f->thread, NULL);
   close(f->listen_fd);
}

/* Lines that libtrap writes on standard error meanwhile. */
static FILE *capture_begin(int *keep)
{
   FILE *file = tmpfile();
   fflush(stderr);
   *keep = dup(2);
   dup2(fileno(file), 2);
   trap_set_verbose_level(-1);
   return file;
}

/* How many of them have the word by now. */
static int count_lines(FILE *file, const char *word)
{
   char line[512];
   int lines = 0;
   rewind(file);
   while (fgets(line, sizeof(line), file) != NULL) {
      lines += strstr(line, word) != NULL;
   }
   fseek(file, 0, SEEK_END); /* where the next one goes: descriptor 2 shares the position */
   return lines;
}

static int capture_end(FILE *file, int keep, const char *word)
{
   fflush(stderr);
   dup2(keep, 2);
   close(keep);
   trap_set_verbose_level(-3);
   int lines = count_lines(file, word);
   fclose(file);
   return lines;
}

static void receive_ok(trap_ctx_t *in)
{
   const void *data;
   uint16_t size;
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_OK);
   assert_int_equal(size, 2);
   assert_memory_equal(data, "ok", 2);
}

static const uint8_t good[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4,   0,
                               0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 'o', 'k'};

static void no_answer_of_a_peer_ends_a_reader(void **state)
{
   static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n", ssh[] = "SSH-2.0-OpenSSH_9.2\r\n";
   static const uint8_t long_spec[] = {2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
   static const uint8_t half[] = {1, 0, 0}, empty_unirec[] = {1, 0, 0, 0};
   static const uint8_t long_block[] = {1,    0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff,
                                        0xff, 0, 0, 0, 0, 0, 0, 0, 0,    1,    0};
   const struct script scripts[] = {{http, sizeof(http) - 1, false},
                                    {ssh, sizeof(ssh) - 1, true},
                                    {long_spec, sizeof(long_spec), true},
                                    {half, sizeof(half), false},
                                    {empty_unirec, 2, false},
                                    {"", 0, false},
                                    {long_block, sizeof(long_block), true},
                                    {http, sizeof(http) - 1, false},
                                    {good, sizeof(good), true}};
   struct fake f;
   int keep;
   (void) state;
   fake_start(&f, scripts, 9);
   FILE *log = capture_begin(&keep);
   trap_ctx_t *in = open_raw(1, 0, "u:fake");
   receive_ok(in);
   trap_ctx_finalize(&in);
   assert_int_equal(capture_end(log, keep, "no TRAP stream"), 1); /* reported once for three invalid peers */
   assert_int_equal(f.accepted, 9);
   fake_stop(&f);
}

/* The sender keeps each connection until the reader closes it, so only a reader that has seen the lie gets to the next one. */
static void lying_lengths_never_reach_the_module(void **state)
{
   static const uint8_t message[] = {1, 0, 0, 0, 0, 0, 0, 0,   0,   0,    0,    11, 0, 0, 0, 0, 0,
                                     0, 0, 0, 1, 0, 0, 2, 'o', 'k', 0xff, 0xff, 1,  2, 3, 4, 5};
   static const uint8_t buffer[] = {1,    0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff,
                                    0xff, 0, 0, 0, 0, 0, 0, 0, 0,    1,    0};
   static const uint8_t spec[] = {2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
   const struct script scripts[] = {{message, sizeof(message), true},
                                    {buffer, sizeof(buffer), true},
                                    {spec, sizeof(spec), true},
                                    {good, sizeof(good), true}};
   struct fake f;
   (void) state;
   fake_start(&f, scripts, 4);
   trap_ctx_t *in = open_raw(1, 0, "u:fake");
   receive_ok(in); /* the messages before the false length */
   assert_int_equal(f.accepted, 1);
   receive_ok(in);
   assert_int_equal(f.accepted, 4);
   trap_ctx_finalize(&in);
   fake_stop(&f);
}

/* A sender that ends between two buffers has ended; one that ends inside a buffer has lost it, and the user is told. */
static void a_connection_that_ends_inside_a_buffer_is_told(void **state)
{
   uint8_t cut[sizeof(good) + 5];
   const struct script scripts[] = {
       {good, sizeof(good), false}, {cut, sizeof(cut), false}, {good, sizeof(good), true}};
   struct fake f;
   int keep;
   (void) state;
   memcpy(cut, good, sizeof(good));
   memcpy(cut + sizeof(good), ok_block, 5);
   fake_start(&f, scripts, 3);
   FILE *log = capture_begin(&keep);
   trap_ctx_t *in = open_raw(1, 0, "u:fake");
   receive_ok(in);
   receive_ok(in);
   assert_int_equal(count_lines(log, "inside a buffer"), 0);
   receive_ok(in);
   trap_ctx_finalize(&in);
   assert_int_equal(capture_end(log, keep, "inside a buffer"), 1);
   assert_int_equal(f.accepted, 3);
   fake_stop(&f);
}

/* A format: fields of a UniRec hello. */
static size_t make_hello(uint8_t *to, const char *spec)
{
   size_t n = strlen(spec);
   memset(to, 0, 8);
   to[0] = TRAP_FMT_UNIREC;
   to[6] = (uint8_t) (n >> 8);
   to[7] = (uint8_t) n;
   memcpy(to + 8, spec, n);
   return 8 + n;
}

#define AT_ONCE 4 /* more in a row would take long: the pauses between attempts grow */

static void after_bad_formats_a_good_one(const char *const *bad, int n)
{
   uint8_t hellos[AT_ONCE + 1][64];
   struct script scripts[AT_ONCE + 1];
   struct fake f;
   const void *data;
   uint16_t size;
   for (int i = 0; i < n; i++) {
      scripts[i] = (struct script){hellos[i], make_hello(hellos[i], bad[i]), false};
   }
   size_t length = make_hello(hellos[n], "uint16 A,uint8* B");
   memcpy(hellos[n] + length, ok_block, sizeof(ok_block));
   scripts[n] = (struct script){hellos[n], length + sizeof(ok_block), true};
   fake_start(&f, scripts, n + 1);
   trap_set_verbose_level(-4);
   trap_ctx_t *in = open_ctx(1, 0, "u:fake");
   trap_ctx_set_required_fmt(in, 0, TRAP_FMT_UNIREC, "");
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_FORMAT_CHANGED);
   assert_int_equal(f.accepted, n + 1);
   trap_ctx_finalize(&in);
   trap_set_verbose_level(-3);
   fake_stop(&f);
}

/* Connections that end between the hello and the first message take no change of the format with them. */
static void a_format_is_told_with_the_first_message_that_comes(void **state)
{
   uint8_t hello[64];
   const void *data;
   uint16_t size;
   struct fake f;
   (void) state;
   size_t length = make_hello(hello, "uint16 A");
   memcpy(hello + length, ok_block, sizeof(ok_block));
   const struct script scripts[] = {
       {hello, length, false}, {hello, length, false}, {hello, length + sizeof(ok_block), true}};
   fake_start(&f, scripts, 3);
   trap_ctx_t *in = open_ctx(1, 0, "u:fake");
   trap_ctx_set_required_fmt(in, 0, TRAP_FMT_ANY, "");
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_FORMAT_CHANGED);
   assert_int_equal(f.accepted, 3);
   trap_ctx_finalize(&in);
   fake_stop(&f);
}

static void formats_that_are_none_do_not_reach_the_module(void **state)
{
   static const char *const bad[] = {
       "uint8",     "uint7 A", "uint8 1A", "uint8 A-B",      "uint8 A,uint16 A",   "char* A", "string* A",
       "uint8 A B", "*",       "uint8* ",  "uint8 A\x1b[2J", "bytes A,,uint8 B,x", "",        "uint8 A,uint"};
   enum { N = sizeof(bad) / sizeof(bad[0]) };
   (void) state;
   for (int i = 0; i < N; i += AT_ONCE) {
      after_bad_formats_a_good_one(bad + i, N - i < AT_ONCE ? N - i : AT_ONCE);
   }
}

static void a_format_without_a_required_field_is_told(void **state)
{
   uint8_t hello[64];
   struct script script = {hello, make_hello(hello, "uint16 A"), true};
   struct fake f;
   const void *data;
   uint16_t size;
   (void) state;
   fake_start(&f, &script, 1);
   trap_ctx_t *in = open_ctx(1, 0, "u:fake");
   trap_ctx_set_required_fmt(in, 0, TRAP_FMT_UNIREC, "uint16 A,ipaddr SRC_IP");
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_FORMAT_MISMATCH);
   assert_non_null(strstr(trap_ctx_get_last_error_msg(in), "'ipaddr SRC_IP'"));
   trap_ctx_finalize(&in);
   fake_stop(&f);
}

static void a_sender_that_hangs_up_at_once_is_not_asked_all_the_time(void **state)
{
   static const struct script script = {raw_hello, sizeof(raw_hello), false};
   struct fake f;
   const void *data;
   uint16_t size;
   (void) state;
   fake_start(&f, &script, 1);
   trap_ctx_t *in = open_raw(1, 0, "u:fake:timeout=700000");
   int calls = 0;
   for (; calls == 0 || f.accepted < 2; calls++) { /* once, unless the other thread got no time */
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
   }
   assert_in_range(f.accepted, 2, 12 * calls); /* pauses of 0, 10, 20, 40 ... ms */
   trap_ctx_finalize(&in);
   fake_stop(&f);
}

/* An endless series of empty blocks, over the stream. */
static void *empty_main(void *arg)
{
   static uint8_t zeros[65536];
   struct fake *f = arg;
   int fd = accept(f->listen_fd, NULL, NULL);
   send(fd, raw_hello, sizeof(raw_hello), MSG_NOSIGNAL);
   while (!f->stop && send(fd, zeros, sizeof(zeros), MSG_NOSIGNAL) > 0) {
      f->accepted++;
   }
   close(fd);
   return NULL;
}

static void *terminate_main(void *ctx)
{
   nap(100);
   trap_ctx_terminate(ctx);
   return NULL;
}

static void empty_blocks_do_not_hold_a_call(void **state)
{
   struct fake f;
   const void *data;
   uint16_t size;
   pthread_t terminator;
   static const struct script none = {"", 0, false};
   (void) state;
   fake_start(&f, &none, 1);
   f.stop = true;
   pthread_join(f.thread, NULL);
   f.stop = false;
   pthread_create(&f.thread, NULL, empty_main, &f);
   trap_ctx_t *in = open_raw(1, 0, "u:fake:timeout=100000");
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
   trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_WAIT);
   pthread_create(&terminator, NULL, terminate_main, in);
   int rc;
   while ((rc = trap_ctx_recv(in, 0, &data, &size)) == TRAP_E_TIMEOUT) {
   }
   assert_int_equal(rc, TRAP_E_TERMINATED);
   assert_true(f.accepted > 0);
   pthread_join(terminator, NULL);
   trap_ctx_finalize(&in);
   f.stop = true;
   pthread_join(f.thread, NULL);
   close(f.listen_fd);
}

/* ------------------------------------------------------------------------ addresses */

static void addresses_that_nobody_has_are_reported_once(void **state)
{
   static const char *const words[] = {"cannot resolve no-such-host.invalid", "cannot connect to UNIX socket",
                                       "cannot connect to 127.0.0.1 port 1"};
   int keep, reported = 0;
   uint32_t ifc, count;
   trap_message_t message;
   (void) state;
   FILE *log = capture_begin(&keep);
   trap_ctx_t *in = open_ctx(3, 0, "t:no-such-host.invalid:1234,u:nobody,t:127.0.0.1:1");
   for (bool last = false;
        !last;) { /* once more when all are reported: several attempts, and no second line */
      last = reported == 3;
      assert_int_equal(trap_ctx_recv_any(in, NULL, 200000, &ifc, &message, 1, &count), TRAP_E_TIMEOUT);
      reported = 0;
      for (int i = 0; i < 3; i++) {
         reported += count_lines(log, words[i]) > 0;
      }
   }
   for (int i = 0; i < 3; i++) {
      assert_int_equal(count_lines(log, words[i]), 1);
   }
   trap_ctx_finalize(&in);
   assert_int_equal(capture_end(log, keep, "cannot"), 3);
}

/* ----------------------------------------------------------------------- keep-alive */

static bool set_loopback(bool up)
{
   struct ifreq r = {.ifr_name = "lo"};
   int fd = socket(AF_INET, SOCK_DGRAM, 0);
   bool ok = ioctl(fd, SIOCGIFFLAGS, &r) == 0;
   r.ifr_flags = (short) (up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
   ok = ok && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
   close(fd);
   return ok;
}

/* Cuts the network under a connection and puts it back: only a reader that has given up the old connection makes a new one. */
static int reconnects(const char *parameters)
{
   struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   socklen_t length = sizeof(sin);
   int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
   assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof(sin)), 0);
   assert_int_equal(listen(fd, 4), 0);
   getsockname(fd, (struct sockaddr *) &sin, &length);
   char spec[100];
   snprintf(spec, sizeof(spec), "t:127.0.0.1:%d:timeout=100000:%s", ntohs(sin.sin_port), parameters);
   trap_ctx_t *in = open_raw(1, 0, spec);
   const void *data;
   uint16_t size;
   int first = -1, second = -1;
   while (first < 0) {
      trap_ctx_recv(in, 0, &data, &size);
      first = accept(fd, NULL, NULL);
   }
   send(first, good, sizeof(good), MSG_NOSIGNAL);
   receive_ok(in);
   assert_true(set_loopback(false));
   for (int64_t end = now_ms() + 4000; now_ms() < end;) {
      trap_ctx_recv(in, 0, &data, &size);
   }
   assert_true(set_loopback(true));
   for (int64_t end = now_ms() + 20000; second < 0 && now_ms() < end;) {
      trap_ctx_recv(in, 0, &data, &size);
      second = accept(fd, NULL, NULL);
   }
   trap_ctx_finalize(&in);
   close(first);
   close(fd);
   if (second >= 0) {
      close(second);
   }
   return second >= 0;
}

static void a_sender_whose_machine_vanishes_is_noticed(void **state)
{
   (void) state;
   if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0) {
      print_message("no network namespaces here: skipped\n");
      skip();
   }
   assert_true(set_loopback(true));
   assert_int_equal(reconnects("keepalive=1/1/1"), 1);
}

int main(int argc, char **argv)
{
   const struct CMUnitTest slow[] = {
       cmocka_unit_test(a_sender_whose_machine_vanishes_is_noticed), /* moves into a network of its own */
   };
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(no_answer_of_a_peer_ends_a_reader),
       cmocka_unit_test(lying_lengths_never_reach_the_module),
       cmocka_unit_test(a_connection_that_ends_inside_a_buffer_is_told),
       cmocka_unit_test(a_format_is_told_with_the_first_message_that_comes),
       cmocka_unit_test(formats_that_are_none_do_not_reach_the_module),
       cmocka_unit_test(a_format_without_a_required_field_is_told),
       cmocka_unit_test(a_sender_that_hangs_up_at_once_is_not_asked_all_the_time),
       cmocka_unit_test(empty_blocks_do_not_hold_a_call),
       cmocka_unit_test(addresses_that_nobody_has_are_reported_once),
   };
   if (argc > 1 && strcmp(argv[1], "slow") == 0) {
      return cmocka_run_group_tests(slow, rig_setup, rig_teardown);
   }
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
