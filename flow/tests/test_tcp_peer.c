/* SPDX-License-Identifier: BSD-3-Clause */
/** A dead peer is told apart from a slow reader. The test passes its own time; it does not wait. */
#include "export/tcp_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define S       UINT64_C(1000000000)
#define TIMEOUT (60 * S)

static void only_silence_while_something_is_due_counts(void **state)
{
   static const struct {
      uint64_t second;
      struct tcp_progress progress;
      bool dead;
   } steps[] = {
       {1, {.acked = 0, .unacked = 0}, false},
       {1000, {.acked = 0, .unacked = 5}, false}, /* the connection was idle, so the peer is not dead */
       {1059, {.acked = 0, .unacked = 5}, false},
       {1059, {.acked = 1, .unacked = 4}, false}, /* slow but alive */
       {1118, {.acked = 1, .unacked = 9}, false},
       {1120, {.acked = 2, .unacked = 0}, false}, /* its window is closed */
       {9000, {.acked = 2, .unacked = 0}, false}, /* for long */
       {9001, {.acked = 2, .unacked = 1}, false}, /* open again */
       {9060, {.acked = 2, .unacked = 1}, false},
       {9061, {.acked = 2, .unacked = 1}, true},
   };
   struct tcp_peer p = {0};
   (void) state;
   for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
      assert_int_equal(tcp_peer_judge(&p, &steps[i].progress, steps[i].second * S, TIMEOUT), steps[i].dead);
   }
}

/* A connection over the loopback interface: to[0] sends to to[1]. */
static void connect_pair(int to[2])
{
   struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   socklen_t size = sizeof(a);
   int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
   to[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_true(listener >= 0 && to[0] >= 0);
   assert_int_equal(bind(listener, (struct sockaddr *) &a, sizeof(a)), 0);
   assert_int_equal(listen(listener, 1), 0);
   assert_int_equal(getsockname(listener, (struct sockaddr *) &a, &size), 0);
   assert_int_equal(connect(to[0], (struct sockaddr *) &a, sizeof(a)), 0);
   to[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
   assert_true(to[1] >= 0);
   close(listener);
}

static uint32_t unacked(int fd)
{
   struct tcp_info info;
   socklen_t size = sizeof(info);
   assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
   return info.tcpi_unacked;
}

static void who_reads_nothing_with_a_closed_window_is_there(void **state)
{
   static const char bytes[65536];
   struct tcp_peer p = {0};
   int to[2];
   (void) state;
   connect_pair(to);
   do { /* until the buffers are full and everything sent is acknowledged */
      while (send(to[0], bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
      }
      assert_int_equal(errno, EAGAIN);
   } while (unacked(to[0]) > 0);
   for (uint64_t t = 1; t < 1000; t++) {
      assert_false(tcp_peer_is_dead(&p, to[0], t * S, TIMEOUT));
   }
   close(to[0]);
   close(to[1]);
}

/* \return false: not permitted */
static bool loopback(bool up)
{
   struct ifreq r = {.ifr_name = "lo"};
   int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
   r.ifr_flags = up ? IFF_UP : 0;
   bool good = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &r) == 0;
   close(fd);
   return good;
}

static void whose_network_is_gone_is_dead(void **state)
{
   struct tcp_peer p = {0};
   int to[2];
   (void) state;
   if ((unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) || !loopback(true)) {
      print_message("skipped: a network namespace of its own is not permitted here\n");
      skip();
   }
   connect_pair(to);
   assert_false(tcp_peer_is_dead(&p, to[0], 1 * S, TIMEOUT));
   assert_true(loopback(false));
   assert_int_equal(send(to[0], "data", 4, MSG_NOSIGNAL), 4);
   while (unacked(to[0]) == 0) {
   }
   assert_false(tcp_peer_is_dead(&p, to[0], 1000 * S, TIMEOUT));
   assert_false(tcp_peer_is_dead(&p, to[0], 1059 * S, TIMEOUT));
   assert_true(tcp_peer_is_dead(&p, to[0], 1060 * S, TIMEOUT));
   assert_true(loopback(true));
   close(to[0]);
   close(to[1]);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(only_silence_while_something_is_due_counts),
       cmocka_unit_test(who_reads_nothing_with_a_closed_window_is_there),
       cmocka_unit_test(whose_network_is_gone_is_dead),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
