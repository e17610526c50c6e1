/* SPDX-License-Identifier: BSD-3-Clause */
/** Clients that cost a sender something: too many, too slow, dead. */
#include "rig.h"

#include "out_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define MANY 64

/* A connection from address from (of 127/8) with a small buffer. */
static int connect_from(const char *from, int port)
{
   struct sockaddr_in sin = {.sin_family = AF_INET};
   int small = 4096, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
   inet_pton(AF_INET, from, &sin.sin_addr);
   assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
   assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof(sin)), 0);
   sin.sin_port = htons((uint16_t) port);
   sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   assert_int_equal(connect(fd, (struct sockaddr *) &sin, sizeof(sin)), 0);
   return fd;
}

static trap_ctx_t *open_tcp(int port, const char *params)
{
   char spec[160];
   snprintf(spec, sizeof(spec), "t:%d:%s", port, params);
   return open_raw(0, 1, spec);
}

static void wait_clients(trap_ctx_t *out, int n)
{
   for (int i = 0; i < 4000 && trap_ctx_get_client_count(out, 0) != n; i++) {
      nap(5);
   }
   assert_int_equal(trap_ctx_get_client_count(out, 0), n);
}

/* Whether a hello comes, or the connection ends. */
static bool gets_hello(int fd)
{
   uint8_t hello[8];
   const struct timeval limit = {.tv_sec = 20};
   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
   return recv(fd, hello, sizeof(hello), MSG_WAITALL) == (ssize_t) sizeof(hello);
}

/* ------------------------------------------------------------------- descriptors */

static int accepted;

static void accept_ready(struct io_source *source, uint32_t events)
{
   int fd = accept_next(source);
   (void) events;
   if (fd >= 0) {
      accepted++;
      close(fd);
   }
}

static struct rlimit use_up_descriptors(void)
{
   struct rlimit before, none;
   assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
   int next = dup(0);
   close(next);
   none = before;
   none.rlim_cur = (rlim_t) next;
   assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
   return before;
}

/* A connection that cannot be accepted stays ready: the thread must not look at it all the time. */
static void without_descriptors_listening_pauses(void **state)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   struct reactor r;
   (void) state;
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/full", dir);
   assert_int_equal(reactor_open(&r), 0);
   struct io_source listening = {.ready = accept_ready,
                                 .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
   assert_int_equal(bind(listening.fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   assert_int_equal(listen(listening.fd, 5), 0);
   assert_int_equal(source_add(&r, &listening, EPOLLIN), 0);
   int client = socket(AF_UNIX, SOCK_STREAM, 0);
   assert_int_equal(connect(client, (struct sockaddr *) &sun, sizeof(sun)), 0);
   struct rlimit before = use_up_descriptors();
   int64_t start = now_ms();
   int events = 0;
   while (events < 3) { /* one after each pause, however often the loop comes round */
      events += reactor_run(&r, 1);
   }
   assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
   assert_true(now_ms() - start >= 150);
   while (accepted == 0) {
      assert_true(reactor_run(&r, 10000) >= 0);
   }
   close(client);
   source_close(&listening);
   assert_int_equal(reactor_close(&r), 0);
}

static void clients_get_in_when_descriptors_are_free_again(void **state)
{
   (void) state;
   int port = (int) free_port(), fd[4];
   trap_ctx_t *out = trap_ctx_init3("test", "", 0, 2, "u:fds:timeout=NO_WAIT,b:", "service_fds");
   trap_ctx_t *tcp = open_tcp(port, "timeout=NO_WAIT");
   trap_ctx_set_data_fmt(out, 0, TRAP_FMT_RAW);
   for (int i = 0; i < 4; i++) {
      fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
   }
   struct rlimit before = use_up_descriptors();
   struct sockaddr_in sin = {
       .sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   for (int i = 0; i < 4; i++) {
      assert_int_equal(connect(fd[i], (struct sockaddr *) &sin, sizeof(sin)), 0);
   }
   for (int i = 0; i < 20; i++) {
      assert_int_equal(trap_ctx_send(tcp, 0, "message", 7), TRAP_E_OK);
      trap_ctx_send_flush(tcp, 0);
   }
   assert_int_equal(trap_ctx_get_client_count(tcp, 0), 0);
   assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
   wait_clients(tcp, 4);
   for (int i = 0; i < 4; i++) {
      assert_true(gets_hello(fd[i]));
      close(fd[i]);
   }
   trap_ctx_finalize(&tcp);
   trap_ctx_finalize(&out);
}

/* ------------------------------------------------------------------------ limits */

static void one_address_cannot_take_all_places(void **state)
{
   int fd[MANY], port = (int) free_port(), first = 0;
   (void) state;
   trap_ctx_t *out = open_tcp(port, "timeout=NO_WAIT");
   for (int i = 0; i < MANY; i++) {
      fd[i] = connect_from("127.0.0.1", port);
   }
   for (int i = 0; i < MANY; i++) {
      first += gets_hello(fd[i]);
   }
   assert_int_equal(first, MAX_PER_ADDRESS);
   int honest = connect_from("127.0.0.2", port);
   assert_true(gets_hello(honest));
   wait_clients(out, MAX_PER_ADDRESS + 1);
   close(honest);
   for (int i = 0; i < MANY; i++) {
      close(fd[i]);
   }
   trap_ctx_finalize(&out);
   /* A number that was chosen counts for all, and a limit of its own for each. */
   static const char *const params[] = {"timeout=NO_WAIT:max_clients=3", "timeout=NO_WAIT:max_per_address=2"};
   for (int i = 0; i < 2; i++) {
      int n = 0;
      out = open_tcp(port, params[i]);
      for (int k = 0; k < 5; k++) {
         fd[k] = connect_from("127.0.0.1", port);
         n += gets_hello(fd[k]);
      }
      assert_int_equal(n, 3 - i);
      for (int k = 0; k < 5; k++) {
         close(fd[k]);
      }
      trap_ctx_finalize(&out);
   }
}

static void who_does_not_take_the_hello_loses_its_place(void **state)
{
   static char spec[900000];
   size_t n = 0;
   (void) state;
   for (int i = 0; n < sizeof(spec) - 64; i++) {
      n += (size_t) snprintf(spec + n, sizeof(spec) - n, "%suint8 A_RATHER_LONG_NAME_OF_A_FIELD_%07d",
                             i > 0 ? "," : "", i);
   }
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-hello.sock", dir);
   trap_ctx_t *out = open_raw(0, 1, "u:hello:timeout=NO_WAIT");
   trap_ctx_set_data_fmt(out, 0, TRAP_FMT_UNIREC, spec);
   int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(connect(silent, (struct sockaddr *) &sun, sizeof(sun)), 0);
   wait_clients(out, 1);
   wait_clients(out, 0);
   close(silent);
   trap_ctx_finalize(&out);
}

/* ------------------------------------------------------------------- slow and dead */

/* A client that has not moved for less than maxstall is waited for. The time can only be longer than expected. */
static void maxstall_is_as_long_as_it_says(void **state)
{
   static const uint8_t message[1000];
   (void) state;
   int port = (int) free_port();
   trap_ctx_t *out = open_tcp(port, "timeout=WAIT:maxstall=600:buffer_size=2000:buffer_count=4");
   int fd = connect_from("127.0.0.1", port);
   wait_clients(out, 1);
   int64_t longest = 0;
   for (int i = 0; i < 20000 && longest < 600; i++) {
      int64_t before = now_ms();
      assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
      int64_t waited = now_ms() - before;
      longest = waited > longest ? waited : longest;
   }
   assert_true(longest >= 600);
   for (int i = 0; i < 50; i++) { /* and then it is not waited for again: this would take half a minute */
      assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
   }
   close(fd);
   trap_ctx_finalize(&out);
}

static void set_loopback(bool up)
{
   struct ifreq request = {.ifr_name = "lo"};
   int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
   assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
   request.ifr_flags = (short) (up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
   assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
   close(fd);
}

static void read_what_is_there(int fd)
{
   char bytes[65536];
   struct pollfd p = {.fd = fd, .events = POLLIN};
   while (poll(&p, 1, 1) > 0 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
   }
}

/* In a network of its own: two clients, of which one reads, then the cable is pulled. */
static void a_dead_machine_is_told_from_a_slow_reader(void **state)
{
   static const uint8_t message[1000];
   (void) state;
   int old = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
   if (old < 0 || unshare(CLONE_NEWNET) != 0) {
      print_message("needs to be root to have a network of its own: skipped\n");
      skip();
   }
   set_loopback(true);
   int port = (int) free_port();
   trap_ctx_t *out = open_tcp(port, "timeout=NO_WAIT:ack_timeout=400:buffer_size=20000:buffer_count=4");
   int reading = connect_from("127.0.0.1", port);
   wait_clients(out, 1);
   assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
   trap_ctx_send_flush(out, 0);
   int slow = connect_from("127.0.0.1", port);
   wait_clients(out, 2);
   for (int i = 0; i < 20000; i++) { /* until the slow one's window is closed */
      assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
      if (i % 100 == 0) {
         read_what_is_there(reading);
      }
   }
   read_what_is_there(reading);
   assert_int_equal(trap_ctx_get_client_count(out, 0), 2);
   set_loopback(false);
   for (int i = 0; i < 4; i++) {
      assert_int_equal(trap_ctx_send(out, 0, message, sizeof(message)), TRAP_E_OK);
   }
   trap_ctx_send_flush(out, 0);
   wait_clients(out, 1); /* the one whose window is open */
   set_loopback(true);
   struct client_info info[MAX_CLIENTS];
   struct socket_output *s = (struct socket_output *) ((struct trap_context *) out)->out[0];
   struct sockaddr_in sin;
   socklen_t length = sizeof(sin);
   assert_int_equal(getsockname(slow, (struct sockaddr *) &sin, &length), 0);
   assert_int_equal(output_clients(s, info), 1);
   assert_int_equal(info[0].id, ntohs(sin.sin_port));
   close(reading);
   close(slow);
   trap_ctx_finalize(&out);
   assert_int_equal(setns(old, CLONE_NEWNET), 0);
   close(old);
}

extern char trap_err_msg[4095]; /* the last line that was logged */

/* ------------------------------------------------------------------------- log */

/* Prevents: SIGBUS in a reader whose sender shrinks the log. */
static void a_log_that_can_be_resized_is_refused(void **state)
{
   struct trap_log log, attached;
   char bytes[4096];
   (void) state;
   assert_int_equal(log_create(&log, 65536), 0);
   assert_int_equal(log_attach(&attached, log.fd), 0);
   log_close(&attached);
   for (int seals = 0; seals < 4; seals++) { /* none, one, the other, both */
      int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
      off_t size = lseek(log.fd, 0, SEEK_END);
      assert_true(size > 0);
      for (off_t at = 0; at < size; at += (off_t) sizeof(bytes)) {
         assert_int_equal(pread(log.fd, bytes, sizeof(bytes), at), sizeof(bytes));
         assert_int_equal(pwrite(fd, bytes, sizeof(bytes), at), sizeof(bytes));
      }
      assert_int_equal(
          fcntl(fd, F_ADD_SEALS, (seals & 1 ? F_SEAL_SHRINK : 0) | (seals & 2 ? F_SEAL_GROW : 0)), 0);
      assert_int_equal(log_attach(&attached, fd), seals == 3 ? 0 : -EINVAL);
      log_close(&attached);
      close(fd);
   }
   log_close(&log);
}

static void a_live_source_is_warned_of_clients_without_a_limit(void **state)
{
   (void) state;
   static const struct {
      const char *params;
      bool warned;
   } cases[] = {{"timeout=WAIT", true},
                {"timeout=HALF_WAIT", true},
                {"timeout=WAIT:maxstall=30000", false},
                {"timeout=NO_WAIT", false}};
   for (int i = 0; i < 4; i++) {
      trap_ctx_t *out = open_tcp((int) free_port(), cases[i].params);
      trap_err_msg[0] = 0;
      trap_set_verbose_level(-2);
      trap_ctx_live_source(out);
      trap_set_verbose_level(-3);
      assert_int_equal(strstr(trap_err_msg, "maxstall=") != NULL, cases[i].warned);
      trap_ctx_finalize(&out);
   }
   trap_ctx_t *out = open_raw(0, 1, "u:live");
   trap_err_msg[0] = 0;
   trap_ctx_live_source(out);
   assert_string_equal(trap_err_msg, "");
   trap_ctx_finalize(&out);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(without_descriptors_listening_pauses),
       cmocka_unit_test(clients_get_in_when_descriptors_are_free_again),
       cmocka_unit_test(one_address_cannot_take_all_places),
       cmocka_unit_test(who_does_not_take_the_hello_loses_its_place),
       cmocka_unit_test(maxstall_is_as_long_as_it_says),
       cmocka_unit_test(a_log_that_can_be_resized_is_refused),
       cmocka_unit_test(a_live_source_is_warned_of_clients_without_a_limit),
       cmocka_unit_test(a_dead_machine_is_told_from_a_slow_reader),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
