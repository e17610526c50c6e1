/* SPDX-License-Identifier: BSD-3-Clause */
/** Forwarding: targets, loops, datagrams that arrive unchanged, source addresses that are kept. */
#include "collector/forward.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A socket on a free port of 127.0.0.1. */
static int listen_udp(struct sockaddr_storage *address, uint16_t *port)
{
   struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   socklen_t length = sizeof(*address);
   int fd = socket(AF_INET, SOCK_DGRAM, 0);
   assert_int_equal(bind(fd, (struct sockaddr *) &in, sizeof(in)), 0);
   assert_int_equal(getsockname(fd, (struct sockaddr *) address, &length), 0);
   *port = ntohs(((struct sockaddr_in *) address)->sin_port);
   return fd;
}

static struct sockaddr_storage exporter(void)
{
   struct sockaddr_storage s = {.ss_family = AF_INET};
   struct sockaddr_in *in = (struct sockaddr_in *) &s;
   in->sin_addr.s_addr = htonl(0x7f000005); /* 127.0.0.5 */
   in->sin_port = htons(4711);
   return s;
}

static void receive(int fd, const char *expected, struct sockaddr_in *from)
{
   char data[2000];
   socklen_t length = sizeof(*from);
   struct pollfd p = {.fd = fd, .events = POLLIN};
   assert_int_equal(poll(&p, 1, -1), 1);
   ssize_t n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *) from, &length);
   assert_int_equal(n, strlen(expected));
   assert_memory_equal(data, expected, strlen(expected));
}

static void targets_that_make_no_sense_are_refused(void **state)
{
   (void) state;
   static const char *const wrong[] = {"",           "4739",     "host",     ":4739", "host:", "host:0",
                                       "host:65536", "host:47x", "::1:4739", "[::1]", "[]:1",  "[::1:4739"};
   char error[FC_FORWARD_ERROR];
   struct fc_forward *f = fc_forward_new();
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      assert_false(fc_forward_add(f, wrong[i], false, error));
      assert_non_null(strstr(error, "expected HOST:PORT or [ADDRESS]:PORT"));
   }
   for (unsigned i = 0; i < FC_MAX_TARGETS; i++) {
      assert_true(fc_forward_add(f, "127.0.0.1:9", false, error));
   }
   assert_false(fc_forward_add(f, "127.0.0.1:9", false, error));
   assert_non_null(strstr(error, "more than 16 targets"));
   fc_forward_free(f);
}

static void datagrams_arrive_unchanged_at_each_target(void **state)
{
   (void) state;
   char text[2][40], error[FC_FORWARD_ERROR];
   struct sockaddr_storage address, from[2] = {exporter(), exporter()};
   struct sockaddr_in seen;
   uint16_t port[2];
   int fd[2];
   struct fc_forward *f = fc_forward_new();
   for (int i = 0; i < 2; i++) {
      fd[i] = listen_udp(&address, &port[i]);
      snprintf(text[i], sizeof(text[i]), "127.0.0.1:%u", port[i]);
      assert_true(fc_forward_add(f, text[i], false, error));
   }
   struct iovec data[2] = {{(char[]){"first"}, 5}, {(char[]){"the second one"}, 14}};
   fc_forward_send(f, data, from, 2);
   for (unsigned i = 0; i < 2; i++) {
      uint64_t sent, failed;
      receive(fd[i], "first", &seen);
      receive(fd[i], "the second one", &seen);
      assert_string_equal(fc_forward_counters(f, i, &sent, &failed), text[i]);
      assert_int_equal(sent, 2);
      assert_int_equal(failed, 0);
      close(fd[i]);
   }
   fc_forward_free(f);
}

/* What cannot be sent does not keep the others back. */
static void a_datagram_too_large_is_counted(void **state)
{
   (void) state;
   static char large[70000];
   char text[40], error[FC_FORWARD_ERROR];
   struct sockaddr_storage address, from[2] = {exporter(), exporter()};
   struct sockaddr_in seen;
   uint16_t port;
   uint64_t sent, failed;
   int fd = listen_udp(&address, &port);
   struct fc_forward *f = fc_forward_new();
   snprintf(text, sizeof(text), "127.0.0.1:%u", port);
   assert_true(fc_forward_add(f, text, false, error));
   struct iovec data[2] = {{large, sizeof(large)}, {(char[]){"small"}, 5}};
   fc_forward_send(f, data, from, 2);
   receive(fd, "small", &seen);
   fc_forward_counters(f, 0, &sent, &failed);
   assert_int_equal(sent, 1);
   assert_int_equal(failed, 1);
   close(fd);
   fc_forward_free(f);
}

static void loops_are_refused(void **state)
{
   (void) state;
   char text[40], error[FC_FORWARD_ERROR];
   struct sockaddr_storage own;
   uint16_t port;
   int fd = listen_udp(&own, &port);
   struct fc_forward *f = fc_forward_new();
   snprintf(text, sizeof(text), "127.0.0.1:%u", port);
   assert_true(fc_forward_add(f, text, false, error));
   assert_false(fc_forward_check(f, &own, error));
   assert_non_null(strstr(error, text));
   assert_non_null(strstr(error, "round for ever"));

   /* All addresses, of both versions of IP: those of this machine are among them. */
   struct sockaddr_in *in = (struct sockaddr_in *) &own;
   in->sin_addr.s_addr = INADDR_ANY;
   assert_false(fc_forward_check(f, &own, error));
   struct sockaddr_storage any = {.ss_family = AF_INET6};
   ((struct sockaddr_in6 *) &any)->sin6_port = htons(port);
   assert_false(fc_forward_check(f, &any, error));

   in->sin_addr.s_addr = htonl(0x7f000002); /* another address, another port */
   assert_true(fc_forward_check(f, &own, error));
   in->sin_addr.s_addr = INADDR_ANY;
   in->sin_port = htons((uint16_t) (port ^ 1));
   assert_true(fc_forward_check(f, &own, error));
   close(fd);
   fc_forward_free(f);

   f = fc_forward_new();
   snprintf(text, sizeof(text), "192.0.2.1:%u", port); /* not of this machine */
   if (fc_forward_add(f, text, false, error)) {        /* there may be no route */
      in->sin_port = htons(port);
      assert_true(fc_forward_check(f, &own, error));
   }
   fc_forward_free(f);
}

static void the_source_is_kept_if_asked(void **state)
{
   (void) state;
   char text[40], error[FC_FORWARD_ERROR];
   struct sockaddr_storage address, from[2] = {exporter(), {.ss_family = AF_INET6}};
   struct sockaddr_in seen;
   uint16_t port;
   uint64_t sent, failed;
   int fd = listen_udp(&address, &port);
   struct fc_forward *f = fc_forward_new();
   snprintf(text, sizeof(text), "127.0.0.1:%u", port);
   if (!fc_forward_add(f, text, true, error)) {
      assert_non_null(strstr(error, "CAP_NET_RAW"));
      fc_forward_free(f);
      close(fd);
      skip();
   }
   struct iovec data[2] = {{(char[]){"odd length."}, 11}, {(char[]){"of IPv6"}, 7}};
   fc_forward_send(f, data, from, 2);
   receive(fd, "odd length.", &seen);
   assert_int_equal(ntohl(seen.sin_addr.s_addr), 0x7f000005);
   assert_int_equal(ntohs(seen.sin_port), 4711);
   fc_forward_counters(f, 0, &sent, &failed);
   assert_int_equal(sent, 1);
   assert_int_equal(failed, 1); /* an exporter of IPv6 cannot be the source of a datagram of IPv4 */
   fc_forward_free(f);
   close(fd);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(targets_that_make_no_sense_are_refused),
       cmocka_unit_test(datagrams_arrive_unchanged_at_each_target),
       cmocka_unit_test(a_datagram_too_large_is_counted),
       cmocka_unit_test(loops_are_refused),
       cmocka_unit_test(the_source_is_kept_if_asked),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
