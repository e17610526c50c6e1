/* SPDX-License-Identifier: BSD-3-Clause */
/** Searching and reading of lists: against a plain search, with lines of every kind, in directories of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "../blist.h"
#include "../config.h"
#include "../extract.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/nemea-blacklist-XXXXXX";

/* ------------------------------------------------------------------ prefixes */

#define NETWORKS 400

struct plain_network {
   ip_addr_t ip;
   unsigned length;
   uint64_t lists, on_port;
   uint16_t port;
};

static uint64_t seed = 88172645463325252;

static uint64_t next_random(void)
{
   seed ^= seed << 13;
   seed ^= seed >> 7;
   seed ^= seed << 17;
   return seed;
}

/* Addresses are close to each other, so that networks hold one another. */
static ip_addr_t random_ip(bool v6)
{
   ip_addr_t ip;
   if (!v6) {
      return ip_from_int((uint32_t) (next_random() % 4 * 0x01000000 + next_random() % 2048 * 37));
   }
   uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8};
   b[4] = (uint8_t) (next_random() % 3);
   b[8] = (uint8_t) (next_random() % 4);
   b[15] = (uint8_t) next_random();
   ip = ip_from_16_bytes_be((char *) b);
   return ip;
}

static bool bit_of(const ip_addr_t *ip, unsigned i)
{
   const uint8_t *b = (const uint8_t *) ip;
   return b[i / 8] >> (7 - i % 8) & 1;
}

static bool is_in(const struct plain_network *n, const ip_addr_t *ip)
{
   unsigned from = ip_is4(ip) ? 64 : 0;
   if (ip_is4(ip) != ip_is4(&n->ip)) {
      return false;
   }
   for (unsigned i = 0; i < n->length; i++) {
      if (bit_of(ip, from + i) != bit_of(&n->ip, from + i)) {
         return false;
      }
   }
   return true;
}

static void check_found(const struct bl_prefixes *p, const struct plain_network *networks, size_t n,
                        const ip_addr_t *ip, uint16_t port)
{
   uint64_t lists = 0;
   bool listed = false;
   for (size_t i = 0; i < n; i++) {
      if (is_in(&networks[i], ip)) {
         listed = true;
         lists |= networks[i].lists | (networks[i].port == port ? networks[i].on_port : 0);
      }
   }
   struct bl_hit hit = bl_prefixes_find(p, ip, port);
   if (hit.lists != lists || hit.listed != listed) {
      char text[INET6_ADDRSTRLEN];
      ip_to_str(ip, text);
      fail_msg("%s port %u: lists %lx, expected %lx", text, port, (long) hit.lists, (long) lists);
   }
}

static void check_networks(bool v6, unsigned shortest)
{
   struct plain_network networks[NETWORKS];
   struct bl_prefixes *p = bl_prefixes_new();
   unsigned bits = v6 ? 128 : 32;
   for (size_t i = 0; i < NETWORKS; i++) {
      struct plain_network *n = &networks[i];
      *n = (struct plain_network){.ip = random_ip(v6),
                                  .length = shortest + (unsigned) (next_random() % (bits - shortest + 1))};
      n->lists = next_random() % 3 == 0 ? 0 : UINT64_C(1) << next_random() % 64;
      n->on_port = UINT64_C(1) << next_random() % 64;
      n->port = (uint16_t) (next_random() % 3);
      struct bl_port port = {.lists = n->on_port, .port = n->port};
      assert_true(bl_prefixes_add(p, &n->ip, n->length, n->lists, &port, 1, NULL, 0));
   }
   assert_true(bl_prefixes_finish(p));
   for (int i = 0; i < 1500; i++) {
      ip_addr_t ip = i < NETWORKS ? networks[i].ip : random_ip(v6);
      check_found(p, networks, NETWORKS, &ip, (uint16_t) (next_random() % 4));
   }
   ip_addr_t edges[2];
   ip_from_str(v6 ? "::" : "0.0.0.0", &edges[0]);
   ip_from_str(v6 ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "255.255.255.255", &edges[1]);
   check_found(p, networks, NETWORKS, &edges[0], 1);
   check_found(p, networks, NETWORKS, &edges[1], 1);
   bl_prefixes_free(p);
}

static void networks_are_found_as_by_a_plain_search(void **state)
{
   (void) state;
   for (unsigned shortest = 0; shortest <= 32; shortest += 4) {
      check_networks(false, shortest);
      check_networks(true, shortest);
      check_networks(true, shortest + 96);
   }
}

static void add(struct bl_prefixes *p, const char *text, uint64_t lists, const char *id)
{
   ip_addr_t ip;
   unsigned length;
   assert_true(bl_parse_network(text, strlen(text), &ip, &length));
   assert_true(bl_prefixes_add(p, &ip, length, lists, NULL, 0, id, id != NULL ? strlen(id) : 0));
}

static struct bl_hit find(const struct bl_prefixes *p, const char *text)
{
   ip_addr_t ip;
   assert_true(ip_from_str(text, &ip));
   return bl_prefixes_find(p, &ip, 1);
}

static void the_ends_of_the_address_space_are_networks_like_others(void **state)
{
   struct bl_prefixes *p = bl_prefixes_new();
   (void) state;
   assert_true(bl_prefixes_finish(p));
   assert_false(find(p, "1.2.3.4").listed);
   assert_false(find(p, "::1").listed);
   bl_prefixes_free(p);
   p = bl_prefixes_new();
   add(p, "0.0.0.0", 1, NULL);
   add(p, "255.255.255.255", 2, NULL);
   add(p, "255.255.255.254/31", 4, NULL);
   add(p, "::/0", 8, NULL);
   add(p, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 16, NULL);
   assert_true(bl_prefixes_finish(p));
   assert_int_equal(find(p, "0.0.0.0").lists, 1);
   assert_false(find(p, "0.0.0.1").listed);
   assert_false(find(p, "255.255.255.253").listed);
   assert_int_equal(find(p, "255.255.255.254").lists, 4);
   assert_int_equal(find(p, "255.255.255.255").lists, 6);
   assert_int_equal(find(p, "::").lists, 8);
   assert_int_equal(find(p, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").lists, 24);
   bl_prefixes_free(p);
}

static void identifiers_of_one_address_are_joined(void **state)
{
   struct bl_prefixes *p = bl_prefixes_new();
   (void) state;
   add(p, "192.0.2.1", 0, "one");
   add(p, "192.0.2.1", 0, "two");
   add(p, "192.0.2.0/24", 0, "around");
   add(p, "192.0.2.2", 1, NULL);
   assert_true(bl_prefixes_finish(p));
   assert_int_equal(bl_prefixes_count(p, false), 3);
   assert_string_equal(find(p, "192.0.2.1").ids, "around,one,two");
   assert_string_equal(find(p, "192.0.2.2").ids, "around");
   assert_null(find(p, "192.0.3.1").ids);
   bl_prefixes_free(p);
   p = bl_prefixes_new(); /* a list of many lines about one address does not make alerts longer and longer */
   for (int i = 0; i < 10000; i++) {
      add(p, "192.0.2.1", 0, "00000000-0000-0000-0000-000000000000");
   }
   assert_true(bl_prefixes_finish(p));
   assert_true(strlen(find(p, "192.0.2.1").ids) <= BL_IDS_MAX);
   bl_prefixes_free(p);
}

/* --------------------------------------------------------------------- names */

static uint64_t find_name(const struct bl_names *names, const char *text, bool subdomains)
{
   return bl_names_find(names, text, strlen(text), bl_host_length(text, strlen(text)), subdomains);
}

static void names_are_found_exactly_or_below_entries_that_say_so(void **state)
{
   struct bl_names *names = bl_names_new();
   (void) state;
   assert_int_equal(find_name(names, "", true), 0);
   assert_true(bl_names_add(names, "evil.example", 12, 1, false));
   assert_true(bl_names_add(names, "evil.example", 12, 8, false));
   assert_int_equal(find_name(names, "evil.example", false), 9);
   assert_int_equal(find_name(names, "a.evil.example", false), 0);
   assert_int_equal(find_name(names, "a.evil.example", true), 9);
   assert_int_equal(find_name(names, "devil.example", true), 0);
   assert_int_equal(find_name(names, "example", true), 0);
   assert_true(bl_names_add(names, "bad.example", 11, 2, true));
   assert_int_equal(find_name(names, "bad.example", false), 0);
   assert_int_equal(find_name(names, "a.b.bad.example", false), 2);
   assert_int_equal(find_name(names, ".bad.example", false), 2);
   assert_int_equal(find_name(names, "bad.example.", false), 0);
   assert_true(bl_names_add(names, "bad.example/x", 13, 4, true));
   assert_int_equal(find_name(names, "a.bad.example/x", false), 4);
   assert_int_equal(find_name(names, "a.example/b.bad.example/x", false),
                    0); /* dots of the path are no labels */
   assert_int_equal(bl_names_count(names), 3);
   bl_names_free(names);
}

static void many_names(void **state)
{
   struct bl_names *names = bl_names_new();
   char text[96];
   (void) state;
   for (int i = 0; i < 100000; i++) {
      int n = snprintf(text, sizeof(text), "%s%d.example",
                       i % 2 ? "a-long-name-that-needs-another-hash-of-the-library-" : "n", i);
      assert_true(bl_names_add(names, text, (size_t) n, (uint64_t) i + 1, false));
   }
   for (int i = 0; i < 200000; i++) {
      snprintf(text, sizeof(text), "%s%d.example",
               i % 2 ? "a-long-name-that-needs-another-hash-of-the-library-" : "n", i);
      assert_int_equal(find_name(names, text, false), i < 100000 ? i + 1 : 0);
   }
   assert_false(bl_names_add(names, text, BL_NAME_MAX + 1, 1, false));
   bl_names_free(names);
}

/* ---------------------------------------------------------------------- lines */

static void make_file(const char *name, const char *text, size_t length, char path[BL_PATH_MAX])
{
   snprintf(path, BL_PATH_MAX, "%s/%s", directory, name);
   int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
   assert_true(fd >= 0);
   assert_int_equal(write(fd, text, length), length);
   close(fd);
}

static void lines_of_lists_of_addresses(void **state)
{
   static const struct {
      const char *line;
      bool entry;
   } cases[] = {{"192.0.2.1,1", true},
                {"192.0.2.0/24,18446744073709551615", true},
                {"2001:0db8:0000:0000:0000:0000:0000:0001,4", true},
                {"2001:db8::/33,4;3:80,443;1:22", true},
                {"192.0.2.1,999,1b4e28ba-2fa1-11d2-883f-0016d3cca427", true},
                {"garbage", false},
                {"1.22.x.1,4", false},
                {"192.0.2.1,0", false},
                {"192.0.2.1,", false},
                {"192.0.2.1,-1", false},
                {"192.0.2.1,18446744073709551616", false},
                {"192.0.2.1/33,1", false},
                {"192.0.2.1/,1", false},
                {"192.0.2.1/1x,1", false},
                {"2001:db8::/129,1", false},
                {"192.0.2.1,1;", false},
                {"192.0.2.1,1;1", false},
                {"192.0.2.1,1;1:", false},
                {"192.0.2.1,1;1:65536", false},
                {"192.0.2.1,1;0:1", false},
                {"192.0.2.1,1;65:1", false},
                {"192.0.2.1,1;1:80,", false},
                {"192.0.2.1,1 ", false},
                {"192.0.2.1,999,", false},
                {"192.0.2.1,999,01234567890123456789012345678901234567890123456789012345678901234", false}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char path[BL_PATH_MAX], error[BL_ERROR] = "";
      struct bl_stamp stamp;
      struct bl_read r;
      struct bl_prefixes *p = bl_prefixes_new();
      make_file("ip", cases[i].line, strlen(cases[i].line), path);
      assert_true(bl_read_prefixes(path, p, &stamp, &r, error));
      if (r.entries != cases[i].entry || r.bad == cases[i].entry) {
         fail_msg("%s: %s", cases[i].line, r.reason);
      }
      assert_true(cases[i].entry || r.first_bad == 1);
      bl_prefixes_free(p);
   }
}

static void a_port_of_a_list_that_does_not_hold_the_address_means_nothing(void **state)
{
   char path[BL_PATH_MAX], error[BL_ERROR] = "";
   struct bl_stamp stamp;
   struct bl_read r;
   struct bl_prefixes *p = bl_prefixes_new();
   static const char text[] = "192.0.2.1,5;1:80;2:80\r\n\n192.0.2.1,2;2:22\n";
   ip_addr_t ip;
   (void) state;
   make_file("ip", text, strlen(text), path);
   assert_true(bl_read_prefixes(path, p, &stamp, &r, error));
   assert_int_equal(r.entries, 2);
   assert_int_equal(r.bad, 0);
   assert_true(bl_prefixes_finish(p));
   assert_true(ip_from_str("192.0.2.1", &ip));
   assert_int_equal(bl_prefixes_find(p, &ip, 80).lists, 5);
   assert_int_equal(bl_prefixes_find(p, &ip, 22).lists, 6);
   assert_int_equal(bl_prefixes_find(p, &ip, 1).lists, 4);
   bl_prefixes_free(p);
}

static void lines_of_lists_of_names(void **state)
{
   char path[BL_PATH_MAX], error[BL_ERROR] = "";
   struct bl_stamp stamp;
   struct bl_read r;
   static const char start[] =
       "a.example\\1\nno backslash\nb.example\\0\nb.example\\x\n\\1\nc\\d.example\\2\n*.e.example\\4\n";
   size_t n = strlen(start), size = n + 2 * BL_LINE_MAX;
   char *text = malloc(size);
   (void) state;
   memset(text, 'x', size);
   memcpy(text, start, n);
   memcpy(text + size - 15, "\nlast.example\\8", 15); /* behind a line that is too long */
   make_file("names", text, size, path);
   free(text);
   struct bl_names *names = bl_names_new();
   assert_true(bl_read_names(path, names, &stamp, &r, error));
   assert_int_equal(r.entries, 4);
   assert_int_equal(r.bad, 5);
   assert_int_equal(r.first_bad, 2);
   assert_non_null(strstr(r.reason, "\"no backslash\""));
   assert_int_equal(find_name(names, "a.example", false), 1);
   assert_int_equal(find_name(names, "c\\d.example", false), 2);
   assert_int_equal(find_name(names, "x.e.example", false), 4);
   assert_int_equal(find_name(names, "last.example", false), 8);
   bl_names_free(names);
}

static void a_plain_list_serves_all_filters(void **state)
{
   char path[BL_PATH_MAX], error[BL_ERROR] = "";
   struct bl_stamp stamp;
   struct bl_read r;
   static const char text[] = "# comment\n\n 192.0.2.0/24 # a network\n2001:db8::1\nWWW.Evil.example\n"
                              "http://evil.example/Path/\n*.bad.example\nnonsense\n";
   (void) state;
   make_file("plain", text, strlen(text), path);
   struct bl_prefixes *p = bl_prefixes_new();
   assert_true(bl_read_plain(path, BL_ADDRESSES, p, NULL, &stamp, &r, error));
   assert_int_equal(r.entries, 2);
   assert_int_equal(r.bad, 1);
   assert_int_equal(r.first_bad, 8);
   assert_true(bl_prefixes_finish(p));
   assert_int_equal(find(p, "192.0.2.77").lists, 1);
   assert_int_equal(find(p, "2001:db8::1").lists, 1);
   bl_prefixes_free(p);
   struct bl_names *names = bl_names_new();
   assert_true(bl_read_plain(path, BL_DOMAINS, NULL, names, &stamp, &r, error));
   assert_int_equal(r.entries, 2);
   assert_int_equal(find_name(names, "evil.example", false), 1);
   assert_int_equal(find_name(names, "x.bad.example", false), 1);
   bl_names_free(names);
   names = bl_names_new();
   assert_true(bl_read_plain(path, BL_URLS, NULL, names, &stamp, &r, error));
   assert_int_equal(r.entries, 3);
   assert_int_equal(find_name(names, "evil.example/path", false), 1);
   bl_names_free(names);
}

/* -------------------------------------------------------------------- extraction */

static void entries_of_public_lists(void **state)
{
   static const char *const ipv4[][2] = {{"192.0.2.1", "192.0.2.1"},
                                         {"192.0.2.0/24 ; SBL1", "192.0.2.0/24"},
                                         {"192.0.2.1/32", "192.0.2.1"},
                                         {"\"2024-01-01\",\"192.0.2.7\",\"443\"", "192.0.2.7"},
                                         {"host at 192.0.2.1.", "192.0.2.1"},
                                         {"192.0.2.0/99", "192.0.2.0"},
                                         {"1.2.3", NULL},
                                         {"1.2.3.4.5", NULL},
                                         {"v1.2.3.4", NULL},
                                         {"300.1.1.1 192.0.2.9", "192.0.2.9"},
                                         {"", NULL}};
   static const char *const ipv6[][2] = {
       {"2001:db8::/33 ; x", "2001:0db8:0000:0000:0000:0000:0000:0000/33"},
       {"x 2001:DB8::1,", "2001:0db8:0000:0000:0000:0000:0000:0001"},
       {"12:30:45 2001:db8::2/128", "2001:0db8:0000:0000:0000:0000:0000:0002"},
       {"192.0.2.1", NULL},
       {"::ffff", "0000:0000:0000:0000:0000:0000:0000:ffff"}};
   static const char *const urls[][2] = {{"http://www.Evil.Example/Path/?Q=1/", "evil.example/path/?q=1"},
                                         {"https://evil.example", "evil.example"},
                                         {"evil.example:8080/x", "evil.example:8080/x"},
                                         {"  evil.example rest", "evil.example"},
                                         {"http://user:word@evil.example/x", "evil.example/x"},
                                         {"someone@evil.example", NULL},
                                         {"# comment.example", NULL},
                                         {"/evil.example", NULL},
                                         {"*.Evil.example/X", "*.evil.example/x"},
                                         {"*.example", NULL},
                                         {"*.", NULL},
                                         {"localhost", NULL},
                                         {".example", NULL},
                                         {"evil.", NULL},
                                         {"<a href=x.example>", NULL},
                                         {"http://evil.example/\xc3\xa4", NULL},
#ifdef HAVE_IDN2
                                         {"http://B\xc3\xbc"
                                          "cher.example/x",
                                          "xn--bcher-kva.example/x"},
#endif
                                         {"", NULL}};
   char to[BL_LINE_MAX];
   (void) state;
   for (size_t i = 0; i < sizeof(ipv4) / sizeof(ipv4[0]); i++) {
      bool found = bl_extract_ipv4(ipv4[i][0], strlen(ipv4[i][0]), to);
      if (found != (ipv4[i][1] != NULL) || (found && strcmp(to, ipv4[i][1]) != 0)) {
         fail_msg("%s: %s", ipv4[i][0], found ? to : "nothing");
      }
   }
   for (size_t i = 0; i < sizeof(ipv6) / sizeof(ipv6[0]); i++) {
      bool found = bl_extract_ipv6(ipv6[i][0], strlen(ipv6[i][0]), to);
      if (found != (ipv6[i][1] != NULL) || (found && strcmp(to, ipv6[i][1]) != 0)) {
         fail_msg("%s: %s", ipv6[i][0], found ? to : "nothing");
      }
   }
   for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
      size_t n = bl_extract_url(urls[i][0], strlen(urls[i][0]), to, sizeof(to) - 1);
      to[n] = 0;
      if (strcmp(to, urls[i][1] != NULL ? urls[i][1] : "") != 0) {
         fail_msg("%s: %s", urls[i][0], to);
      }
   }
}

static void columns_of_csv(void **state)
{
   static const struct {
      const char *line, *value;
      unsigned column;
   } cases[] = {{"a,b,c", "b", 2},       {"a,b,c", "c", 3},
                {"a,b,c", "", 4},        {"\"x,y\",b", "b", 2},
                {"\"x,y\",b", "x,y", 1}, {"\"x\"\"y\",b", "b", 2},
                {"a,\"b", "b", 2},       {"", "", 1},
                {",,c", "c", 3},         {"\"", "", 2}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      size_t n;
      const char *value = bl_csv_column(cases[i].line, strlen(cases[i].line), cases[i].column, &n);
      if (n != strlen(cases[i].value) || memcmp(value, cases[i].value, n) != 0) {
         fail_msg("column %u of %s: %.*s", cases[i].column, cases[i].line, (int) n, value);
      }
   }
}

/* ------------------------------------------------------------------ directories */

static void files_are_replaced_in_one_step(void **state)
{
   char path[BL_PATH_MAX], error[BL_ERROR] = "", text[8] = "";
   struct bl_stamp before, after;
   (void) state;
   snprintf(path, sizeof(path), "%s/new/directory/list", directory);
   assert_true(bl_replace(path, "one", 3, error));
   int old = bl_open(path, &before, error);
   assert_true(old >= 0);
   assert_true(bl_replace(path, "two", 3, error));
   assert_int_equal(read(old, text, sizeof(text)), 3);
   assert_string_equal(text, "one"); /* who reads it goes on reading the old one */
   close(old);
   int fd = bl_open(path, &after, error);
   assert_int_equal(read(fd, text, sizeof(text)), 3);
   assert_string_equal(text, "two");
   close(fd);
   assert_false(bl_stamp_equal(&before, &after));
   assert_false(bl_replace(directory, "x", 1, error)); /* a directory is no file */
   assert_false(bl_replace("/dev/null/x", "x", 1, error));
}

static void refused(const char *path)
{
   char error[BL_ERROR] = "";
   struct bl_stamp stamp;
   assert_true(bl_open(path, &stamp, error) < 0);
   assert_non_null(strstr(error, path));
   error[0] = 0;
   assert_false(bl_replace(path, "x", 1, error));
   assert_non_null(strstr(error, path));
}

static void in_directories_for_everyone_only_our_own_are_used(void **state)
{
   char path[BL_PATH_MAX], link_path[BL_PATH_MAX], error[BL_ERROR];
   struct bl_stamp stamp;
   (void) state;
   snprintf(path, sizeof(path), "%s/open", directory);
   assert_int_equal(mkdir(path, 0700), 0);
   assert_int_equal(chmod(path, 0777), 0);
   make_file("open/list", "192.0.2.1,1\n", 12, path);
   refused(path); /* others can write the directory */
   snprintf(path, sizeof(path), "%s/own", directory);
   assert_int_equal(mkdir(path, 0700), 0);
   snprintf(link_path, sizeof(link_path), "%s/link", directory);
   assert_int_equal(symlink(path, link_path), 0);
   make_file("own/list", "192.0.2.1,1\n", 12, path);
   int fd = bl_open(path, &stamp, error);
   assert_true(fd >= 0);
   close(fd);
   snprintf(path, sizeof(path), "%s/link/list", directory);
   refused(path); /* a link to a directory */
   snprintf(path, sizeof(path), "%s/own/../own/list", directory);
   refused(path);
   snprintf(path, sizeof(path), "%s/own/link", directory);
   assert_int_equal(symlink("/etc/passwd", path), 0);
   assert_true(bl_open(path, &stamp, error) < 0); /* a link to a file */
   assert_true(bl_replace(path, "x", 1, error));  /* which is replaced, not followed */
   fd = bl_open(path, &stamp, error);
   assert_true(fd >= 0);
   close(fd);
   char shared[] = "/tmp/nemea-blacklist-file-XXXXXX";
   fd = mkstemp(shared);
   refused(shared);
   close(fd);
   unlink(shared);
}

/* ---------------------------------------------------------------- configuration */

static const char *shipped; /* bl_downloader_config.xml */

static void the_configuration_of_public_lists(void **state)
{
   char error[BL_ERROR] = "";
   struct bl_config config;
   (void) state;
   if (!bl_config_read(shipped, &config, NULL, NULL, error)) {
      fail_msg("%s", error);
   }
   assert_int_equal(config.interval, 10);
   assert_int_equal(config.timeout, 5);
   assert_string_equal(config.files[BL_FILE_DNS], "/var/lib/nemea/dns.blist");
   assert_string_equal(config.sources[0].name, "Feodo Tracker");
   assert_string_equal(config.sources[0].category, "Intrusion.Botnet");
   assert_true(config.sources[0].format == BL_FORMAT_JSON && config.sources[0].files[BL_FILE_IP4]);
   assert_true(config.sources[config.n - 1].names && config.sources[config.n - 1].files[BL_FILE_DNS]);
   bl_config_free(&config);
}

int main(int argc, char **argv)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(networks_are_found_as_by_a_plain_search),
       cmocka_unit_test(the_ends_of_the_address_space_are_networks_like_others),
       cmocka_unit_test(identifiers_of_one_address_are_joined),
       cmocka_unit_test(names_are_found_exactly_or_below_entries_that_say_so),
       cmocka_unit_test(many_names),
       cmocka_unit_test(lines_of_lists_of_addresses),
       cmocka_unit_test(a_port_of_a_list_that_does_not_hold_the_address_means_nothing),
       cmocka_unit_test(lines_of_lists_of_names),
       cmocka_unit_test(a_plain_list_serves_all_filters),
       cmocka_unit_test(entries_of_public_lists),
       cmocka_unit_test(columns_of_csv),
       cmocka_unit_test(the_configuration_of_public_lists),
       cmocka_unit_test(files_are_replaced_in_one_step),
       cmocka_unit_test(in_directories_for_everyone_only_our_own_are_used)};
   shipped = argc > 1 ? argv[1] : "bl_downloader_config.xml";
   if (mkdtemp(directory) == NULL) {
      return 1;
   }
   int failed = cmocka_run_group_tests(tests, NULL, NULL);
   char command[128];
   snprintf(command, sizeof(command), "rm -r -- %s", directory);
   return failed + (system(command) != 0);
}
