/* SPDX-License-Identifier: BSD-3-Clause */
/** What ipv6stats writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/nemea-ipv6stats-XXXXXX";
static const char *const files[] = {"cnt_addr", "cnt_addr_L", "traffic", "ipv6_tunnels"};

static int make_directory(void **state)
{
   (void) state;
   return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_files(void **state)
{
   (void) state;
   for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
      char path[100];
      snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
      unlink(path);
   }
   return 0;
}

static int remove_directory(void **state)
{
   remove_files(state);
   return rmdir(directory);
}

static nm_test_t *start(const char *options)
{
   char text[200];
   snprintf(text, sizeof(text), "-d %s %s", directory, options);
   nm_test_t *t = nm_test_new(&nm_definition, text);
   assert_null(nm_test_error(t));
   assert_int_equal(
       nm_test_format(t, 0, "ipaddr SRC_IP,uint64 BYTES,time TIME_LAST,uint32 PACKETS,uint8 IPV6_TUN_TYPE"),
       NM_OK);
   return t;
}

static void flow(nm_test_t *t, const char *from, int second, int packets, int bytes, int tunnel)
{
   char text[200];
   snprintf(text, sizeof(text), "%s,%d,2024-01-01T%02d:%02d:%02d,%d,%d", from, bytes, 12 + second / 3600,
            second / 60 % 60, second % 60, packets, tunnel);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

/* What a file has before its last line, "updated ..."; "" if there is none. */
static const char *contents(const char *name)
{
   static char text[1024];
   char path[100];
   snprintf(path, sizeof(path), "%s/%s", directory, name);
   FILE *file = fopen(path, "re");
   text[0] = 0;
   if (file != NULL) {
      text[fread(text, 1, sizeof(text) - 1, file)] = 0;
      fclose(file);
      char *updated = strstr(text, "updated 20");
      assert_non_null(updated);
      *updated = 0;
   }
   return text;
}

static void a_window_ends_by_stream_time(void **state)
{
   (void) state;
   nm_test_t *t = start("-s 10 -L 2");
   flow(t, "192.0.2.1", 1, 5, 100, 0);
   flow(t, "192.0.2.2", 2, 5, 100, 0);
   flow(t, "192.0.2.1", 9, 5, 50, 0);
   flow(t, "2001:db8:1:1::1", 9, 10, 1000, 0);
   flow(t, "2001:db8:1:1::2", 9, 10, 1000, 0);
   flow(t, "2001:db8:1:2::1", 9, 10, 1000, 0);
   assert_string_equal(contents("traffic"), "");
   flow(t, "2001:db8:2::1", 12, 1, 1, 0);
   assert_string_equal(contents("traffic"), "ipv4 1.500 200.000 0.300\nipv6 3.000 2400.000 0.300\n");
   assert_string_equal(contents("cnt_addr"), "ipv4 2\nipv6 3\nipv6_48 1\nipv6_64 2\n");
   assert_string_equal(contents("cnt_addr_L"), "");
   flow(t, "192.0.2.1", 21, 1, 1, 0);
   assert_string_equal(contents("cnt_addr"), "ipv4 0\nipv6 1\nipv6_48 1\nipv6_64 1\n");
   assert_string_equal(contents("cnt_addr_L"), "ipv4 2\nipv6 4\nipv6_48 2\nipv6_64 3\n");
   /* Several windows without a record are closed at once. */
   flow(t, "192.0.2.1", 61, 1, 1, 0);
   assert_string_equal(contents("traffic"), "ipv4 0.000 0.000 0.000\nipv6 0.000 0.000 0.000\n");
   nm_test_free(t);
}

static void each_tunnel_has_numbers_of_its_own(void **state)
{
   (void) state;
   nm_test_t *t = start("-s 10");
   for (int bit = 0; bit < 8; bit++) {
      flow(t, "192.0.2.1", 1, (bit + 1) * 10, 100, 1 << bit);
   }
   flow(t, "192.0.2.1", 1, 1000, 100, 0);
   flow(t, "2001:db8::1", 1, 100, 50, 0x20); /* native, whatever is inside */
   flow(t, "192.0.2.1", 11, 1, 1, 0);
   assert_string_equal(contents("ipv6_tunnels"),
                       "Native 10 40 0.1\nTeredo 1 80 0.1\nISATAP 2 80 0.1\n6to4 3 80 0.1\n"
                       "AYIYA 4 80 0.1\nProto41 5 80 0.1\n6over4 6 80 0.1\n");
   assert_int_equal(nm_test_counter(t, "unknown tunnels"), 2);
   nm_test_free(t);
}

static void the_last_window_is_written_unless_asked_otherwise(void **state)
{
   (void) state;
   nm_test_t *t = start("-s 300 -p 3");
   flow(t, "192.0.2.1", 0, 2, 100, 0); /* too few packets to count the address */
   flow(t, "192.0.2.2", 9, 8, 900, 0);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(contents("traffic"),
                       "ipv4 1.000 800.000 0.200\nipv6 0.000 0.000 0.000\n"); /* of ten seconds */
   assert_string_equal(contents("cnt_addr_L"), "ipv4 1\nipv6 0\nipv6_48 0\nipv6_64 0\n");
   nm_test_free(t);
   remove_files(NULL);
   t = start("-s 300 -n");
   flow(t, "192.0.2.1", 0, 2, 100, 0);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(contents("traffic"), "");
   nm_test_free(t);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
   (void) state;
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_test_t *t = nm_test_new(&nm_definition, "-d /nowhere/at/all -s 10");
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,uint64 BYTES,time TIME_LAST,uint32 PACKETS"), NM_OK);
   flow(t, "192.0.2.1", 1, 1, 1, 0);
   flow(t, "192.0.2.1", 11, 1, 1, 0);
   assert_non_null(strstr(nm_test_caught(), "cannot write /nowhere/at/all/"));
   assert_int_equal(nm_test_counter(t, "files not written"), 3);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test_teardown(a_window_ends_by_stream_time, remove_files),
       cmocka_unit_test_teardown(each_tunnel_has_numbers_of_its_own, remove_files),
       cmocka_unit_test_teardown(the_last_window_is_written_unless_asked_otherwise, remove_files),
       cmocka_unit_test(a_directory_that_is_not_there_is_named),
   };
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
