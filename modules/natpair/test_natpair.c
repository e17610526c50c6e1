/* SPDX-License-Identifier: BSD-3-Clause */
/** Which flows natpair takes for the two halves of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <nemea/module_test.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "halves.h"

#define FORMAT                                                                                        \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,time TIME_FIRST,time " \
   "TIME_LAST,uint32 PACKETS_REV"
#define HOST   "192.168.1.7"
#define HOST2  "192.168.1.8"
#define ROUTER "198.51.100.1"
#define SERVER "203.0.113.9"

static nm_test_t *start(const char *options)
{
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, LAN, FORMAT), NM_OK);
   assert_int_equal(nm_test_format(t, WAN, FORMAT), NM_OK);
   return t;
}

/* A TCP flow, times in milliseconds of the minute. */
static void flow(nm_test_t *t, int side, const char *from, int from_port, const char *to, int to_port,
                 int first, int last, int packets_back)
{
   char text[256];
   snprintf(text, sizeof(text), "%s,%s,%d,%d,6,2024-01-01T12:00:%02d.%03d,2024-01-01T12:00:%02d.%03d,%d",
            from, to, from_port, to_port, first / 1000, first % 1000, last / 1000, last % 1000, packets_back);
   assert_int_equal(nm_test_feed(t, (uint32_t) side, text), NM_OK);
}

static void both_directions_are_paired(void **state)
{
   (void) state;
   nm_test_t *t = start("-r " ROUTER);
   flow(t, LAN, HOST, 5000, SERVER, 443, 100, 200, 0);
   flow(t, WAN, ROUTER, 6000, SERVER, 443, 101, 202, 0);
   /* The answer is seen in the WAN first, and its other half may come first here. */
   flow(t, LAN, SERVER, 443, HOST, 5000, 111, 212, 0);
   flow(t, WAN, SERVER, 443, ROUTER, 6000, 110, 210, 0);
   assert_string_equal(nm_test_next(t, 0), "192.168.1.7,198.51.100.1,203.0.113.9,2024-01-01T12:00:00.100000,"
                                           "2024-01-01T12:00:00.202000,5000,6000,443,0,6");
   assert_string_equal(nm_test_next(t, 0), "192.168.1.7,198.51.100.1,203.0.113.9,2024-01-01T12:00:00.110000,"
                                           "2024-01-01T12:00:00.212000,5000,6000,443,1,6");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "halves that wait"), 0);
   nm_test_free(t);
}

/* Pairs of a flow of the LAN with one of the WAN that differs from it. */
static unsigned pairs(const char *options, const char *server, int port, int first, int last,
                      int packets_back)
{
   nm_test_t *t = start(options);
   flow(t, LAN, HOST, 5000, SERVER, 443, 100, 200, packets_back);
   flow(t, WAN, ROUTER, 5000, server, port, first, last, packets_back);
   unsigned n = nm_test_pending(t, 0);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "halves without a partner"), n == 0 ? 2 : 0);
   nm_test_free(t);
   return n;
}

static void what_differs_is_no_pair(void **state)
{
   (void) state;
   const char *usual = "-r " ROUTER;
   assert_int_equal(pairs(usual, SERVER, 443, 100, 200, 0), 1);
   assert_int_equal(pairs(usual, SERVER, 443, 101, 202, 0), 1);
   assert_int_equal(pairs(usual, "203.0.113.8", 443, 101, 202, 0), 0);
   assert_int_equal(pairs(usual, SERVER, 444, 101, 202, 0), 0);
   assert_int_equal(pairs(usual, SERVER, 443, 102, 202, 0), 0); /* 2 ms is too much */
   assert_int_equal(pairs(usual, SERVER, 443, 101, 203, 0), 0); /* 3 ms */
   assert_int_equal(pairs(usual, SERVER, 443, 99, 201, 0),
                    0); /* behind the router before it was at the router */
   assert_int_equal(pairs(usual, SERVER, 443, 101, 199, 0), 0);
   assert_int_equal(pairs(usual, SERVER, 443, 101, 199, 3), 1); /* the last packet was an answer */
   assert_int_equal(
       pairs("-r " ROUTER " --first-difference 5 --last-difference 10", SERVER, 443, 104, 209, 0), 1);
}

static void the_likeliest_half_is_chosen(void **state)
{
   (void) state;
   nm_test_t *t = start("-r " ROUTER);
   flow(t, LAN, HOST, 5000, SERVER, 443, 100, 200, 0);
   flow(t, LAN, HOST2, 5001, SERVER, 443, 100, 200, 0);
   flow(t, LAN, HOST2, 5002, SERVER, 443, 101, 200, 0);
   flow(t, WAN, ROUTER, 5000, SERVER, 443, 101, 201, 0);
   assert_non_null(strstr(nm_test_next(t, 0), "5000,5000,443"));
   flow(t, WAN, ROUTER, 7777, SERVER, 443, 101, 201, 0);
   assert_non_null(strstr(nm_test_next(t, 0), "5002,7777,443"));
   nm_test_free(t);
}

static void flows_that_are_not_translated_are_left_out(void **state)
{
   (void) state;
   nm_test_t *t = start("-r " ROUTER);
   flow(t, LAN, HOST, 1, HOST2, 2, 1, 1, 0);       /* within the LAN */
   flow(t, LAN, HOST, 1, ROUTER, 53, 1, 1, 0);     /* with the router itself */
   flow(t, LAN, SERVER, 1, "8.8.8.8", 2, 1, 1, 0); /* passing by */
   flow(t, WAN, HOST, 1, SERVER, 2, 1, 1, 0);
   assert_int_equal(nm_test_counter(t, "not translated"), 4);
   assert_int_equal(nm_test_counter(t, "halves that wait"), 0);
   nm_test_free(t);
}

static void ipv6_and_several_addresses_of_a_router(void **state)
{
   (void) state;
   nm_test_t *t = start("-r " ROUTER " -r 2001:db8::1");
   flow(t, LAN, "fd00::5", 5000, "2001:db8:9::9", 443, 100, 200, 0);
   flow(t, WAN, "2001:db8::1", 5000, "2001:db8:9::9", 443, 100, 200, 0);
   assert_non_null(strstr(nm_test_next(t, 0), "fd00::5,2001:db8::1,2001:db8:9::9"));
   nm_test_free(t);
}

static void halves_that_wait_are_bounded_in_time_and_number(void **state)
{
   (void) state;
   nm_test_t *t = start("-r " ROUTER " --capacity 3 -f 2");
   for (int port = 1; port <= 4; port++) {
      flow(t, LAN, HOST, port, SERVER, 1000 + port, 100, 200, 0);
   }
   assert_int_equal(nm_test_counter(t, "halves without room"), 1);
   assert_int_equal(nm_test_counter(t, "halves that wait"), 3);
   flow(t, WAN, ROUTER, 1, SERVER, 1001, 100, 200,
        0); /* its other half was pushed out, and so is the next one */
   assert_int_equal(nm_test_pending(t, 0), 0);
   flow(t, WAN, ROUTER, 4, SERVER, 1004, 100, 200, 0);
   assert_int_equal(nm_test_pending(t, 0), 1);
   flow(t, LAN, HOST, 9, SERVER, 9, 20000, 20000, 0);
   flow(t, WAN, ROUTER, 10, SERVER, 10, 20000, 20000, 0);
   flow(t, WAN, ROUTER, 11, SERVER, 11, 20000, 20000, 0);
   assert_int_equal(nm_test_counter(t, "halves that wait"), 3); /* those of the beginning are forgotten */
   nm_test_free(t);
}

static void many_halves_alike_do_not_make_it_slow(void **state)
{
   (void) state;
   nm_test_t *t = start("-r " ROUTER);
   for (int port = 1; port <= 3 * HALVES_OF_A_STEP; port++) {
      flow(t, LAN, HOST, port, SERVER, 443, 100, 200, 0);
   }
   assert_int_equal(nm_test_counter(t, "halves that wait"), HALVES_OF_A_STEP);
   assert_int_equal(nm_test_counter(t, "halves too much alike"), 2 * HALVES_OF_A_STEP);
   nm_test_free(t);
}

static void wrong_options_are_named(void **state)
{
   (void) state;
   static const char *const wrong[][2] = {
       {"", "option -r, --router is needed"},
       {"-r router", "option -r, --router: 'router' is no IP address"},
       {"-r 192.0.2.1 --first-difference 0", "first-difference"},
       {"-r 192.0.2.1 -N /nowhere/networks", "cannot open '/nowhere/networks'"},
   };
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, wrong[i][0]);
      assert_non_null(nm_test_error(t));
      assert_non_null(strstr(nm_test_error(t), wrong[i][1]));
      nm_test_free(t);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(both_directions_are_paired),
       cmocka_unit_test(what_differs_is_no_pair),
       cmocka_unit_test(the_likeliest_half_is_chosen),
       cmocka_unit_test(flows_that_are_not_translated_are_left_out),
       cmocka_unit_test(ipv6_and_several_addresses_of_a_router),
       cmocka_unit_test(halves_that_wait_are_bounded_in_time_and_number),
       cmocka_unit_test(many_halves_alike_do_not_make_it_slow),
       cmocka_unit_test(wrong_options_are_named),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
