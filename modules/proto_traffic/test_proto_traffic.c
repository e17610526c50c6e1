/* SPDX-License-Identifier: BSD-3-Clause */
/** proto_traffic: counters, and how clients of the socket get them. */
#include "../munin/test_client.h"

#include <sys/stat.h>

#define FLOWS "uint64 BYTES,uint32 PACKETS,uint8 PROTOCOL"
#define NAMES                                                                                                \
   "icmp-flows,tcp-flows,udp-flows,icmp6-flows,esp-flows,gre-flows,sctp-flows,others-flows,icmp-bytes,tcp-"  \
   "bytes,"                                                                                                  \
   "udp-bytes,icmp6-bytes,esp-bytes,gre-bytes,sctp-bytes,others-bytes,icmp-packets,tcp-packets,udp-packets," \
   "icmp6-packets,esp-packets,gre-packets,sctp-packets,others-packets\n"

static char folder[] = "/tmp/proto-XXXXXX", path[64], options[80];

static int make_folder(void **state)
{
   (void) state;
   if (mkdtemp(folder) == NULL) {
      return -1;
   }
   snprintf(path, sizeof(path), "%s/new/socket", folder);
   snprintf(options, sizeof(options), "-s %s", path);
   return 0;
}

static int remove_folder(void **state)
{
   (void) state;
   unlink(path);
   snprintf(path, sizeof(path), "%s/new", folder);
   rmdir(path);
   return rmdir(folder);
}

static void each_protocol_has_its_counters(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   assert_string_equal(test_answer(path), NAMES "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n");
   nm_test_format(t, 0, FLOWS);
   static const int numbers[] = {1, 6, 6, 17, 58, 50, 47, 132, 0, 2, 255};
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      char text[40];
      snprintf(text, sizeof(text), "1000,4294967295,%d", numbers[i]);
      assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
   }
   nm_test_idle(t);
   assert_string_equal(test_answer(path),
                       NAMES "1,2,1,1,1,1,1,3,1000,2000,1000,1000,1000,1000,1000,3000,4294967295,8589934590,"
                             "4294967295,4294967295,4294967295,4294967295,4294967295,12884901885\n");
   nm_test_free(t);
}

static void a_client_that_leaves_at_once_harms_nobody(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, options);
   for (int i = 0; i < 100; i++) {
      close(test_connect(path));
   }
   assert_memory_equal(test_answer(path), NAMES, strlen(NAMES));
   nm_test_free(t);
}

static void the_socket_is_for_all_and_goes_with_the_module(void **state)
{
   struct stat st;
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_int_equal(stat(path, &st), 0);
   assert_int_equal(st.st_mode & 0777, 0666);
   nm_test_free(t);
   assert_int_equal(stat(path, &st), -1);
}

static void an_old_socket_is_replaced_but_no_file(void **state)
{
   (void) state;
   nm_test_t *old = nm_test_new(&nm_definition, options);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   nm_test_free(old); /* does not remove what is no longer its own */
   assert_memory_equal(test_answer(path), NAMES, strlen(NAMES));
   nm_test_free(t);
   FILE *file = fopen(path, "we");
   assert_non_null(file);
   fclose(file);
   t = nm_test_new(&nm_definition, options);
   assert_non_null(strstr(nm_test_error(t), "a file of this name is not a socket"));
   nm_test_free(t);
   assert_int_equal(access(path, F_OK), 0);
   unlink(path);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(each_protocol_has_its_counters),
       cmocka_unit_test(a_client_that_leaves_at_once_harms_nobody),
       cmocka_unit_test(the_socket_is_for_all_and_goes_with_the_module),
       cmocka_unit_test(an_old_socket_is_replaced_but_no_file),
   };
   return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
