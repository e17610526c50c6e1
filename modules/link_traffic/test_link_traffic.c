/* SPDX-License-Identifier: BSD-3-Clause */
/** link_traffic: its configuration, its counters, and what munin gets of them. */
#include "../munin/test_client.h"

#include "links.h"

#define FLOWS "uint64 BYTES,uint64 LINK_BIT_FIELD,uint32 PACKETS,uint8 DIR_BIT_FIELD"

static char folder[] = "/tmp/links-XXXXXX", socket_path[64], config[64];

static void write_config(const char *text)
{
   FILE *file = fopen(config, "we");
   assert_non_null(file);
   fputs(text, file);
   fclose(file);
}

static nm_test_t *module(const char *options)
{
   char line[200];
   snprintf(line, sizeof(line), "-c %s -s %s %s", config, socket_path, options);
   return nm_test_new(&nm_definition, line);
}

static void feed(nm_test_t *t, const char *const *values, size_t n)
{
   nm_test_format(t, 0, FLOWS);
   for (size_t i = 0; i < n; i++) {
      assert_int_equal(nm_test_feed(t, 0, values[i]), NM_OK);
   }
   nm_test_idle(t);
}

static const char *const flows[] = {
    "100,1,2,0", "50,1,1,0", "7,1,3,1", "1000,4294967297,4294967295,1", "1000,4294967297,4294967295,1",
    "5,3,1,0",   "5,1,1,2",  "9,2,1,1"};

static void links_have_their_counters(void **state)
{
   (void) state;
   write_config("# links\n\n 1 , nix2 ,LINK1,ff0000\n4294967297,cesnet-1,LINK2,0x00ff00\n2,b,L,#123456\n");
   assert_true(nm_test_catch(STDOUT_FILENO));
   nm_test_t *t = module("");
   char expected[200];
   snprintf(expected, sizeof(expected), "Accessing config file %s.\n>Configuration success.\n", config);
   assert_string_equal(nm_test_caught(), expected);
   assert_null(nm_test_error(t));
   feed(t, flows, sizeof(flows) / sizeof(flows[0]));
   assert_string_equal(
       test_answer(socket_path),
       "cesnet-1-in-bytes,cesnet-1-in-flows,cesnet-1-in-packets,cesnet-1-out-bytes,cesnet-1-out-flows,cesnet-"
       "1-out-packets,"
       "b-in-bytes,b-in-flows,b-in-packets,b-out-bytes,b-out-flows,b-out-packets,"
       "nix2-in-bytes,nix2-in-flows,nix2-in-packets,nix2-out-bytes,nix2-out-flows,nix2-out-packets\n"
       "0,0,0,2000,2,8589934590,0,0,0,9,1,1,150,2,3,7,1,3\n");
   assert_int_equal(nm_test_counter(t, "unknown links"), 1);
   assert_int_equal(nm_test_counter(t, "unknown directions"), 1);
   nm_test_free(t);
}

static void directions_may_be_left_out(void **state)
{
   (void) state;
   write_config("1,nix2,LINK1,ff0000\n2,b,L,0\n");
   nm_test_t *t = module("-d");
   feed(t, flows, sizeof(flows) / sizeof(flows[0]));
   assert_string_equal(
       test_answer(socket_path),
       "b-in-bytes,b-in-flows,b-in-packets,nix2-in-bytes,nix2-in-flows,nix2-in-packets\n0,0,0,150,2,3\n");
   nm_test_free(t);
}

/* More than fit in the 4096 bytes of NEMEA 2. */
static void many_links_are_shown(void **state)
{
   (void) state;
   FILE *file = fopen(config, "we");
   assert_non_null(file);
   for (int i = 0; i < LINKS_MAX; i++) {
      fprintf(file, "%d,a-link-with-a-long-name-to-be-sent-as-a-name-of-columns-%d,F,0\n", i, i);
   }
   fclose(file);
   nm_test_t *t = module("");
   assert_null(nm_test_error(t));
   feed(t, (const char *const[]){"3,999,1,0"}, 1);
   const char *text = test_answer(socket_path), *values = strchr(text, '\n');
   assert_non_null(values);
   assert_memory_equal(values, "\n3,1,1,0,0,0,0,", 15);
   assert_int_equal(text[strlen(text) - 1], '\n');
   nm_test_free(t);
}

static void check_config(const char *text, const char *expected)
{
   char message[500];
   write_config(text);
   nm_test_t *t = module("");
   assert_non_null(nm_test_error(t));
   snprintf(message, sizeof(message), "Error loading configuration. %s, %s", config, expected);
   assert_string_equal(nm_test_error(t), message);
   assert_int_equal(nm_test_status(t), 0);
   nm_test_free(t);
}

static void errors_of_the_configuration_have_a_place(void **state)
{
   (void) state;
   check_config("# nothing\n", "line 1: there is no link in the file");
   check_config("1,a,F,0\n2,b,F\n", "line 2: expected number,name,field,color");
   check_config("1,a,F,0,5\n", "line 1: expected number,name,field,color");
   check_config("x,a,F,0\n", "line 1: \"x\" is not the number of a link");
   check_config("-1,a,F,0\n", "line 1: \"-1\" is not the number of a link");
   check_config("18446744073709551616,a,F,0\n",
                "line 1: \"18446744073709551616\" is not the number of a link");
   check_config("1,,F,0\n", "line 1: expected a name of 1 to 64 printable characters");
   check_config("1,a\tb,F,0\n", "line 1: expected a name of 1 to 64 printable characters");
   check_config("1,a,F G,0\n", "line 1: \"F G\" is not the name of a field");
   check_config("1,a,F,red\n", "line 1: \"red\" is not a color, expected hexadecimal digits");
   check_config("1,a,F,0\n#\n1,b,F,0\n", "line 3: link 1, b: this number or name is in line 1 too");
   check_config("1,a,F,0\n2,a,F,0\n", "line 2: link 2, a: this number or name is in line 1 too");
   char longest[3000];
   memset(longest, 'x', sizeof(longest) - 1);
   longest[sizeof(longest) - 1] = 0;
   check_config(longest, "line 1: longer than 1022 bytes");
   unlink(config);
   nm_test_t *t = module("");
   snprintf(longest, sizeof(longest),
            "Error while opening config file %s: No such file or directory. Error loading configuration.",
            config);
   assert_string_equal(nm_test_error(t), longest);
   nm_test_free(t);
}

static int make_folder(void **state)
{
   (void) state;
   if (mkdtemp(folder) == NULL) {
      return -1;
   }
   snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
   snprintf(config, sizeof(config), "%s/config", folder);
   return 0;
}

static int remove_folder(void **state)
{
   (void) state;
   unlink(config);
   return rmdir(folder);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(links_have_their_counters),
       cmocka_unit_test(directions_may_be_left_out),
       cmocka_unit_test(many_links_are_shown),
       cmocka_unit_test(errors_of_the_configuration_have_a_place),
   };
   return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
