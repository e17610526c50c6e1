/* SPDX-License-Identifier: BSD-3-Clause */
/** How connections begin and end. Each test is named after what must be; all of it was otherwise with NEMEA 2. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

/* Hello of raw messages; a buffer with one message "ok" of number 0. */
static const uint8_t hello[] = {1, 0, 0, 0, 0, 0, 0, 0};
static const uint8_t first[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 'o', 'k'};

static int unix_socket(const char *name, struct sockaddr_un *sun)
{
   *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
   snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/trap-%s.sock", dir, name);
   return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int listen_unix(const char *name)
{
   struct sockaddr_un sun;
   int fd = unix_socket(name, &sun);
   unlink(sun.sun_path);
   assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   assert_int_equal(listen(fd, 4), 0);
   return fd;
}

static int connect_unix(const char *name)
{
   struct sockaddr_un sun;
   int fd = unix_socket(name, &sun);
   assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   return fd;
}

static int connect_tcp(const char *address, int port)
{
   struct sockaddr_in6 sin = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port)};
   int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
   if (fd < 0) {
      return -1;
   }
   memcpy(&sin.sin6_addr, address, 16);
   if (connect(fd, (struct sockaddr *) &sin, sizeof(sin)) != 0) {
      close(fd);
      return -1;
   }
   return fd;
}

#define IPV6_LOOPBACK "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define IPV4_LOOPBACK "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1"

/* ------------------------------------------------------------------- beginning */

static void tcp_outputs_listen_on_both_versions_of_ip(void **state)
{
   (void) state;
   int probe = socket(AF_INET6, SOCK_STREAM, 0);
   struct sockaddr_in6 sin = {.sin6_family = AF_INET6};
   memcpy(&sin.sin6_addr, IPV6_LOOPBACK, 16);
   bool ipv6 = probe >= 0 && bind(probe, (struct sockaddr *) &sin, sizeof(sin)) == 0;
   close(probe);
   if (!ipv6) {
      print_message("no IPv6 here: skipped\n");
      skip();
   }
   trap_ctx_t *out = open_raw(0, 1, "t:@");
   static const char *const addresses[] = {IPV6_LOOPBACK, IPV4_LOOPBACK};
   for (int i = 0; i < 2; i++) {
      int fd = connect_tcp(addresses[i], (uint16_t) free_port());
      assert_true(fd >= 0);
      close(fd);
   }
   trap_ctx_finalize(&out);
   out = open_raw(0, 1, "t:@:bind=127.0.0.1"); /* and only where they are told to */
   int fd = connect_tcp(IPV4_LOOPBACK, (uint16_t) free_port());
   assert_true(fd >= 0 || errno == ENETUNREACH);
   close(fd);
   assert_int_equal(connect_tcp(IPV6_LOOPBACK, (uint16_t) free_port()), -1);
   trap_ctx_finalize(&out);
   trap_set_verbose_level(-4);
   out = trap_ctx_init3("test", "", 0, 1, with_port("t:@:bind=192.0.2.1"), NULL);
   assert_int_equal(trap_ctx_get_last_error(out), TRAP_E_IO_ERROR);
   trap_ctx_finalize(&out);
   trap_set_verbose_level(-3);
}

/* One who sends bytes with pauses before them, or when the reader has waited in vain so often. */
struct sender {
   pthread_t thread;
   int listen_fd, accepted;
   _Atomic unsigned timeouts;
   struct {
      const uint8_t *bytes;
      size_t size;
      long pause_ms;
      unsigned timeouts;
   } pieces[6];
};

static void *sender_main(void *arg)
{
   struct sender *s = arg;
   int fd = accept(s->listen_fd, NULL, NULL);
   s->accepted = fd >= 0;
   for (size_t i = 0; i < 6 && s->pieces[i].bytes != NULL; i++) {
      nap(s->pieces[i].pause_ms);
      while (s->timeouts < s->pieces[i].timeouts) {
         nap(1);
      }
      if (send(fd, s->pieces[i].bytes, s->pieces[i].size, MSG_NOSIGNAL) < 0) {
         break;
      }
   }
   close(fd);
   return NULL;
}

static void assert_message(trap_ctx_t *in, int rc, const char *text)
{
   const void *data;
   uint16_t size;
   int got = trap_ctx_recv(in, 0, &data, &size);
   while (got == TRAP_E_TIMEOUT && rc != TRAP_E_TIMEOUT) {
      got = trap_ctx_recv(in, 0, &data, &size);
   }
   assert_int_equal(got, rc);
   if (text != NULL) {
      assert_int_equal(size, strlen(text));
      assert_memory_equal(data, text, size);
   }
}

static void a_slow_hello_is_waited_for(void **state)
{
   struct sender s = {.listen_fd = listen_unix("r"),
                      .pieces = {{hello, 3, 400}, {hello + 3, 5, 400}, {first, sizeof(first), 0}}};
   (void) state;
   pthread_create(&s.thread, NULL, sender_main, &s);
   trap_ctx_t *in = open_raw(1, 0, "u:r");
   const void *data;
   uint16_t size;
   assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_OK); /* without a new attempt in between */
   assert_int_equal(size, 2);
   pthread_join(s.thread, NULL);
   close(s.listen_fd);
   trap_ctx_finalize(&in);
}

/* A port whose queue is full takes no connection; the attempt to get one goes on between calls that do not wait. */
static void an_input_that_does_not_wait_keeps_its_attempt_to_connect(void **state)
{
   (void) state;
   struct sockaddr_in sin = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t) free_port()),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   int one = 1, listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), filler[8], taken[9], n_taken = 0;
   setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
   assert_int_equal(bind(listen_fd, (struct sockaddr *) &sin, sizeof(sin)), 0);
   assert_int_equal(listen(listen_fd, 0), 0);
   for (int n = 0; n < 8; n++) {
      filler[n] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      connect(filler[n], (struct sockaddr *) &sin, sizeof(sin));
   }
   trap_ctx_t *in = open_raw(1, 0, "t:localhost:@:timeout=NO_WAIT");
   const void *data;
   uint16_t size;
   for (int i = 0; i < 20; i++) {
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
      nap(5);
   }
   int rc = TRAP_E_TIMEOUT;
   fcntl(listen_fd, F_SETFL, O_NONBLOCK);
   for (int i = 0; i < 2000 && rc == TRAP_E_TIMEOUT;
        i++) { /* until the kernel has sent its SYN again, a second later */
      int fd = accept(listen_fd, NULL, NULL);
      if (fd >= 0 && n_taken < 9) {
         send(fd, hello, sizeof(hello), MSG_NOSIGNAL);
         send(fd, first, sizeof(first), MSG_NOSIGNAL);
         taken[n_taken++] = fd;
      }
      rc = trap_ctx_recv(in, 0, &data, &size);
      nap(5);
   }
   assert_int_equal(rc, TRAP_E_OK);
   assert_int_equal(size, 2);
   trap_ctx_finalize(&in);
   close(listen_fd);
   for (int i = 0; i < 8; i++) {
      close(filler[i]);
   }
   for (int i = 0; i < n_taken; i++) {
      close(taken[i]);
   }
}

/* --------------------------------------------------------------------- deadlines */

static void a_deadline_counts_inside_of_a_message(void **state)
{
   struct sender s = {
       .listen_fd = listen_unix("r"),
       .pieces = {{hello, sizeof(hello), 0}, {first, 7, 0}, {first + 7, 9, 0, 2}, {first + 16, 2, 0, 4}}};
   const void *data;
   uint16_t size;
   (void) state;
   pthread_create(&s.thread, NULL, sender_main, &s);
   trap_ctx_t *in = open_raw(1, 0, "u:r:timeout=100000");
   int rc;
   while ((rc = trap_ctx_recv(in, 0, &data, &size)) == TRAP_E_TIMEOUT) {
      s.timeouts++;
   }
   assert_int_equal(rc, TRAP_E_OK); /* and what had come before them is not forgotten */
   assert_int_equal(size, 2);
   assert_memory_equal(data, "ok", 2);
   pthread_join(s.thread, NULL);
   close(s.listen_fd);
   trap_ctx_finalize(&in);
}

static void messages_missed_across_a_timeout_are_counted(void **state)
{
   static const uint8_t later[] = {0, 0, 0, 4, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 'o', 'h'}; /* number 9 */
   struct sender s = {
       .listen_fd = listen_unix("r"),
       .pieces = {{hello, sizeof(hello), 0}, {first, sizeof(first), 0}, {later, sizeof(later), 0, 1}}};
   trap_message_t m[2];
   uint32_t n;
   (void) state;
   pthread_create(&s.thread, NULL, sender_main, &s);
   trap_ctx_t *in = open_raw(1, 0, "u:r:timeout=100000");
   int rc;
   uint64_t seq[2] = {0, 0};
   for (unsigned k = 0; k < 2; k++) {
      while ((rc = trap_ctx_recv_batch(in, 0, m, 1, &n)) == TRAP_E_TIMEOUT) {
         s.timeouts += k; /* those between the two */
      }
      assert_int_equal(rc, TRAP_E_OK);
      seq[k] = m[0].seq;
   }
   assert_int_equal(seq[1] - seq[0], 9);
   pthread_join(s.thread, NULL);
   close(s.listen_fd);
   trap_ctx_finalize(&in);
}

/* ------------------------------------------------------------------- reconnecting */

static void a_changed_format_after_a_reconnect_is_no_error(void **state)
{
   char log[128], text[4096] = "";
   const void *data;
   uint16_t size;
   (void) state;
   snprintf(log, sizeof(log), "%s/log", dir);
   fflush(stderr);
   int keep = dup(2), fd = open(log, O_RDWR | O_CREAT | O_TRUNC, 0600);
   dup2(fd, 2);
   trap_set_verbose_level(-1);
   static const char *const formats[] = {"uint8 A,uint8 B", "uint8 B,uint16 C"};
   trap_ctx_t *in = open_ctx(1, 0, "u:f");
   trap_ctx_set_required_fmt(in, 0, TRAP_FMT_UNIREC, "uint8 B");
   for (int i = 0; i < 2; i++) {
      trap_ctx_t *out = open_ctx(0, 1, "u:f");
      trap_ctx_set_data_fmt(out, 0, TRAP_FMT_UNIREC, formats[i]);
      int rc = TRAP_E_TIMEOUT;
      trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, 10000);
      while (rc == TRAP_E_TIMEOUT) {
         if (trap_ctx_get_client_count(out, 0) > 0) {
            trap_ctx_send(out, 0, "abc", (uint16_t) (2 + i));
            trap_ctx_send_flush(out, 0);
         }
         rc = trap_ctx_recv(in, 0, &data, &size);
      }
      dprintf(keep, "%s", rc == TRAP_E_FORMAT_CHANGED ? "" : trap_ctx_get_last_error_msg(in));
      assert_int_equal(rc, TRAP_E_FORMAT_CHANGED);
      trap_ctx_finalize(&out);
   }
   trap_ctx_finalize(&in);
   trap_set_verbose_level(-3);
   fflush(stderr);
   dup2(keep, 2);
   close(keep);
   assert_true(pread(fd, text, sizeof(text) - 1, 0) >= 0);
   close(fd);
   assert_null(strstr(text, "ERROR"));
   assert_null(strstr(text, "required"));
}

/* --------------------------------------------------------------------------- ending */

static void a_client_that_hung_up_is_noticed_without_sending(void **state)
{
   static const char *const specs[] = {"u:gone", "t:@"};
   (void) state;
   for (int i = 0; i < 2; i++) {
      trap_ctx_t *out = open_raw(0, 1, specs[i]);
      int fd = i == 0 ? connect_unix("gone") : connect_tcp(IPV4_LOOPBACK, (uint16_t) free_port());
      assert_true(fd >= 0);
      for (int k = 0; k < 1000 && trap_ctx_get_client_count(out, 0) == 0; k++) {
         nap(5);
      }
      assert_int_equal(trap_ctx_get_client_count(out, 0), 1);
      close(fd);
      for (int k = 0; k < 1000 && trap_ctx_get_client_count(out, 0) > 0; k++) {
         nap(5);
      }
      assert_int_equal(trap_ctx_get_client_count(out, 0), 0);
      trap_ctx_finalize(&out);
   }
}

static void a_client_that_never_reads_does_not_hold_up_the_end_for_ever(void **state)
{
   static const uint8_t message[1000];
   (void) state;
   trap_ctx_t *out = open_raw(0, 1, "u:stuck:buffer_size=2000:buffer_count=4");
   int fd = connect_unix("stuck");
   while (trap_ctx_get_client_count(out, 0) == 0) {
      nap(5);
   }
   trap_ctx_ifcctl(out, TRAPIFC_OUTPUT, 0, TRAPCTL_SETTIMEOUT, 10000);
   int rc = TRAP_E_OK;
   for (int i = 0; i < 100000 && rc == TRAP_E_OK; i++) {
      rc = trap_ctx_send(out, 0, message, sizeof(message));
   }
   assert_int_equal(rc, TRAP_E_TIMEOUT);
   struct timespec before, after;
   clock_gettime(CLOCK_MONOTONIC, &before);
   trap_ctx_terminate(out);
   trap_ctx_finalize(&out);
   clock_gettime(CLOCK_MONOTONIC, &after);
   assert_true(after.tv_sec - before.tv_sec < 20); /* a hang, not a matter of speed */
   close(fd);
}

static void the_last_messages_arrive_though_the_sender_was_terminated(void **state)
{
   (void) state;
   for (int round = 0; round < 20; round++) {
      trap_ctx_t *out = open_raw(0, 1, "u:last"), *in = open_raw(1, 0, "u:last:timeout=NO_WAIT");
      const void *data;
      uint16_t size;
      while (trap_ctx_get_client_count(out, 0) == 0) {
         assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
      }
      assert_int_equal(trap_ctx_send(out, 0, "last", 4), TRAP_E_OK); /* in an unfinished buffer */
      trap_ctx_terminate(out);
      trap_ctx_finalize(&out);
      trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, 1000000);
      assert_message(in, TRAP_E_OK, "last");
      trap_ctx_finalize(&in);
   }
}

static trap_ctx_t *handled;

static void on_alarm(int sig)
{
   (void) sig;
   trap_ctx_terminate(handled);
}

/* The signal comes at any moment of a send, with its locks held. */
static void terminating_is_safe_in_a_signal_handler(void **state)
{
   uint8_t message[100] = {0};
   (void) state;
   struct sigaction act = {.sa_handler = on_alarm}, before;
   sigaction(SIGALRM, &act, &before);
   for (int i = 0; i < 100; i++) {
      handled = open_raw(0, 1, "u:signal:timeout=NO_WAIT:buffer_size=500:autoflush=1000");
      struct itimerval timer = {.it_value.tv_usec = 1000 + i * 37};
      setitimer(ITIMER_REAL, &timer, NULL);
      int rc = TRAP_E_OK;
      while (rc == TRAP_E_OK) {
         rc = trap_ctx_send(handled, 0, message, sizeof(message));
      }
      assert_int_equal(rc, TRAP_E_TERMINATED);
      trap_ctx_finalize(&handled);
   }
   sigaction(SIGALRM, &before, NULL);
}

static void *reader_main(void *arg)
{
   const void *data;
   uint16_t size;
   unsigned wanted = *(unsigned *) arg;
   trap_ctx_t *in = open_raw(1, 0, "u:leave:timeout=300000");
   for (unsigned i = 0; i < wanted && trap_ctx_recv(in, 0, &data, &size) == TRAP_E_OK; i++) {
   }
   trap_ctx_finalize(&in);
   return NULL;
}

static void clients_may_leave_while_the_sender_ends(void **state)
{
   static const uint8_t message[300];
   (void) state;
   for (int plain = 0; plain < 2; plain++) {
      if (plain) {
         setenv("TRAP_NO_SHM", "1", 1);
      }
      for (unsigned round = 0; round < 4; round++) {
         pthread_t readers[4];
         unsigned wanted[4];
         trap_ctx_t *out = open_raw(0, 1, "u:leave:timeout=NO_WAIT:buffer_size=1000");
         for (unsigned i = 0; i < 4; i++) {
            wanted[i] = 10 + 100 * i + 13 * round;
            pthread_create(&readers[i], NULL, reader_main, &wanted[i]);
         }
         for (int k = 0; k < 100 && trap_ctx_get_client_count(out, 0) < 4; k++) {
            nap(1);
         }
         for (unsigned i = 0; i < 330 + 13 * round; i++) {
            trap_ctx_send(out, 0, message, sizeof(message));
         }
         trap_ctx_finalize(&out);
         for (unsigned i = 0; i < 4; i++) {
            pthread_join(readers[i], NULL);
         }
      }
   }
   unsetenv("TRAP_NO_SHM");
}

static void the_end_of_one_context_leaves_the_others_their_sockets(void **state)
{
   char path[160];
   const void *data;
   uint16_t size;
   (void) state;
   trap_ctx_t *one = open_raw(0, 1, "u:one"), *two = open_raw(0, 1, "u:two");
   trap_ctx_finalize(&two);
   trap_ctx_t *three = open_raw(0, 1, "u:three"), *in = open_raw(1, 0, "u:three:timeout=NO_WAIT");
   snprintf(path, sizeof(path), "%s/trap-one.sock", dir);
   assert_int_equal(access(path, F_OK), 0);
   for (int i = 0; i < 1000 && trap_ctx_get_client_count(three, 0) == 0; i++) {
      trap_ctx_recv(in, 0, &data, &size);
      nap(1);
   }
   assert_int_equal(trap_ctx_get_client_count(three, 0), 1);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&three);
   trap_ctx_finalize(&one);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(tcp_outputs_listen_on_both_versions_of_ip),
       cmocka_unit_test(a_slow_hello_is_waited_for),
       cmocka_unit_test(an_input_that_does_not_wait_keeps_its_attempt_to_connect),
       cmocka_unit_test(a_deadline_counts_inside_of_a_message),
       cmocka_unit_test(messages_missed_across_a_timeout_are_counted),
       cmocka_unit_test(a_changed_format_after_a_reconnect_is_no_error),
       cmocka_unit_test(a_client_that_hung_up_is_noticed_without_sending),
       cmocka_unit_test(a_client_that_never_reads_does_not_hold_up_the_end_for_ever),
       cmocka_unit_test(the_last_messages_arrive_though_the_sender_was_terminated),
       cmocka_unit_test(terminating_is_safe_in_a_signal_handler),
       cmocka_unit_test(clients_may_leave_while_the_sender_ends),
       cmocka_unit_test(the_end_of_one_context_leaves_the_others_their_sockets),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
