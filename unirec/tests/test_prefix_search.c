/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <unirec/ip_prefix_search.h>

static ipps_network_t net(const char *addr, uint32_t length, const char *data)
{
   ipps_network_t n = {.mask = length, .data = (void *) (uintptr_t) data, .data_len = strlen(data) + 1};
   assert_int_equal(ip_from_str(addr, &n.addr), 1);
   return n;
}

static ipps_context_t *make(ipps_network_t *nets, uint32_t n)
{
   ipps_network_list_t list = {n, nets};
   return ipps_init(&list);
}

/* Expects the data of an address, joined. */
static void expect(ipps_context_t *c, const char *addr, const char *joined)
{
   ip_addr_t ip;
   void **data = NULL;
   char found[64] = "";
   assert_int_equal(ip_from_str(addr, &ip), 1);
   int n = ipps_search(&ip, c, &data);
   for (int i = 0; i < n; i++) {
      strcat(strcat(found, i > 0 ? " " : ""), data[i]);
   }
   assert_string_equal(found, joined);
   assert_true(n > 0 || data == NULL);
}

static void nested_and_unsorted_networks(void **state)
{
   ipps_network_t nets[] = {net("192.168.1.128", 25, "ccc"), net("10.0.0.0", 8, "ten"),
                            net("192.168.1.0", 24, "aaa"),   net("192.168.1.77", 25, "bbb"),
                            net("2001:db8::", 32, "six"),    net("10.0.0.0", 8, "again")};
   ipps_context_t *c = make(nets, 6);
   char text[INET6_ADDRSTRLEN];
   ip_to_str(&nets[3].addr, text);
   assert_string_equal(text, "192.168.1.0"); /* masked in place */
   memset(nets, 0, sizeof(nets));
   expect(c, "192.168.1.100", "aaa bbb");
   expect(c, "192.168.1.200", "aaa ccc");
   expect(c, "192.168.1.255", "aaa ccc");
   expect(c, "192.168.2.0", "");
   expect(c, "192.168.0.255", "");
   expect(c, "10.255.255.255", "ten again");
   expect(c, "2001:db8:ffff::1", "six");
   expect(c, "2001:db9::", "");
   assert_int_equal(c->v4_count, 3);
   assert_int_equal(c->v6_count, 1);
   assert_int_equal(c->v4_prefix_intervals[1].data_cnt, 2);
   assert_int_equal(ipps_destroy(c), 0);
}

static void everything_and_its_edges(void **state)
{
   ipps_network_t nets[] = {net("0.0.0.0", 0, "all"), net("255.255.255.255", 32, "last"),
                            net("0.0.0.0", 32, "first"), net("::", 0, "all6"),
                            net("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128, "last6")};
   ipps_context_t *c = make(nets, 5);
   expect(c, "0.0.0.0", "all first");
   expect(c, "0.0.0.1", "all");
   expect(c, "255.255.255.254", "all");
   expect(c, "255.255.255.255", "all last");
   expect(c, "1::", "all6");
   expect(c, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "all6 last6");
   expect(c, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "all6");
   ipps_destroy(c);
}

/* Bounds such as ::ffff:ffff look like IPv4 addresses in an ip_addr_t. */
static void low_ipv6_networks_leave_no_hole(void **state)
{
   ipps_network_t nets[] = {net("::", 32, "wide"), net("::", 96, "low")};
   ipps_context_t *c = make(nets, 2);
   expect(c, "::1", "wide low");
   expect(c, "::fffe:ffff", "wide low");
   expect(c, "::1:0:0", "wide");
   expect(c, "::1:8000:0", "wide");
   expect(c, "::1:ffff:fffe", "wide");
   expect(c, "0:0:ffff::", "wide");
   expect(c, "0:1::", "");
   ipps_destroy(c);
}

static void bad_lists_are_refused(void **state)
{
   ipps_network_t long4[] = {net("10.0.0.0", 33, "x")}, long6[] = {net("10::", 129, "x")};
   ipps_network_list_t empty = {0, long4};
   assert_null(ipps_init(NULL));
   assert_null(ipps_init(&empty));
   assert_null(make(long4, 1));
   assert_null(make(long6, 1));
   assert_int_equal(ipps_destroy(NULL), 1);
   ipps_network_t no_data[] = {{.mask = 8}};
   assert_int_equal(ip_from_str("10.0.0.0", &no_data[0].addr), 1);
   ipps_context_t *c = make(no_data, 1);
   void **data = NULL;
   assert_int_equal(ipps_search(&no_data[0].addr, c, &data), 1);
   assert_non_null(data[0]);
   ipps_destroy(c);
}

/* Random networks of a small address range, compared with a linear search. */
static void as_a_linear_search_finds_them(void **state)
{
   enum { NETS = 200 };
   static ipps_network_t nets[NETS];
   static char names[NETS][4];
   srand(1);
   for (int i = 0; i < NETS; i++) {
      snprintf(names[i], sizeof(names[i]), "%03d", i);
      nets[i] = (ipps_network_t){ip_from_int(0x0a000000u | (uint32_t) (rand() & 0xfff)),
                                 20 + (uint32_t) rand() % 13, names[i], 4};
   }
   ipps_context_t *c = make(nets, NETS);
   for (uint32_t a = 0x0a000000u - 4; a < 0x0a001004u; a++) {
      ip_addr_t ip = ip_from_int(a);
      void **data = NULL;
      int n = ipps_search(&ip, c, &data), want = 0;
      for (uint32_t length = 20; length <= 32; length++) {
         for (int i = 0; i < NETS; i++) {
            uint32_t mask = ~((UINT32_C(1) << (32 - length)) - 1);
            if (nets[i].mask == length && (a & mask) == ip_get_v4_as_int(&nets[i].addr)) {
               assert_true(want < n);
               assert_string_equal(data[want], names[i]);
               want++;
            }
         }
      }
      assert_int_equal(n, want);
   }
   ipps_destroy(c);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(nested_and_unsorted_networks), cmocka_unit_test(everything_and_its_edges),
       cmocka_unit_test(low_ipv6_networks_leave_no_hole), cmocka_unit_test(bad_lists_are_refused),
       cmocka_unit_test(as_a_linear_search_finds_them)};
   return cmocka_run_group_tests(tests, NULL, NULL);
}
