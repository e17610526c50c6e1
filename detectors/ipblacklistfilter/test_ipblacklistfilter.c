/* SPDX-License-Identifier: BSD-3-Clause */
/** Which side of a flow is reported, which files are read, and what happens when they change. */
#include <nemea/module_cmocka.h>
#include <signal.h>

#include "../blacklist/test_filter.h"

#define FORMAT                                                                                               \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint32 PACKETS,uint64 BYTES," \
   "time TIME_FIRST,time TIME_LAST"

/* What is reported of a flow: "SRC_BLACKLIST DST_BLACKLIST IDS"; "": nothing. */
static const char *flow(nm_test_t *t, const char *src, unsigned src_port, const char *dst, unsigned dst_port)
{
   static char got[256];
   char text[256], *save = NULL, line[1024];
   snprintf(text, sizeof(text), "%s,%s,%u,%u,6,3,100,2020-01-01T00:00:00,2020-01-01T00:00:00", src, dst,
            src_port, dst_port);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
   got[0] = 0;
   const char *alert = nm_test_next(t, 0);
   if (alert == NULL) {
      return got;
   }
   snprintf(line, sizeof(line), "%s", alert);
   strtok_r(line, ",", &save);
   strtok_r(NULL, ",", &save);
   strtok_r(NULL, ",", &save);
   const char *d = strtok_r(NULL, ",", &save), *s = strtok_r(NULL, ",", &save), *ids = strchr(alert, '"');
   snprintf(got, sizeof(got), "%s %s %s", s, d, ids);
   return got;
}

static void one_side_is_reported_the_source_first(void **state)
{
   char arguments[2 * PATH_BYTES];
   (void) state;
   write_file("ip4", "192.0.2.1,1\n192.0.2.2,2\n198.51.100.1,4;3:80\n");
   write_file("ip6", "2001:db8::/33,8\n");
   write_config("ip4", "ip6", "false");
   snprintf(arguments, sizeof(arguments), "-c %s", file_path("config"));
   nm_test_t *t = nm_unit_start(arguments, FORMAT);
   assert_string_equal(flow(t, "192.0.2.1", 1, "192.0.2.2", 2), "1 0 \"\"");
   assert_string_equal(flow(t, "10.0.0.1", 1, "192.0.2.2", 2), "0 2 \"\"");
   assert_string_equal(flow(t, "10.0.0.1", 1, "10.0.0.2", 2), "");
   assert_string_equal(flow(t, "192.0.2.1", 53, "192.0.2.2", 2), "");
   assert_string_equal(flow(t, "192.0.2.1", 1, "192.0.2.2", 53), "");
   assert_string_equal(flow(t, "198.51.100.1", 80, "192.0.2.2", 2), "4 0 \"\"");
   assert_string_equal(flow(t, "198.51.100.1", 81, "192.0.2.2", 2),
                       "0 2 \"\""); /* on this port it is not listed */
   assert_string_equal(flow(t, "10.0.0.1", 1, "2001:db8::1", 2), "0 8 \"\""); /* families may differ */
   assert_string_equal(flow(t, "2001:db8::1", 1, "192.0.2.1", 2), "8 0 \"\"");
   assert_int_equal(nm_test_counter(t, "entries"), 4);
   assert_int_equal(nm_test_counter(t, "hits"), 6);
   nm_test_free(t);
}

static void identifiers_of_the_adaptive_list_are_in_the_alert(void **state)
{
   char arguments[2 * PATH_BYTES];
   (void) state;
   write_file("ip4", "192.0.2.1,999,one\n192.0.2.1,999,two\n192.0.2.2,999\n");
   write_config("ip4", "-", "false");
   snprintf(arguments, sizeof(arguments), "-c %s", file_path("config"));
   nm_test_t *t = nm_unit_start(arguments, FORMAT);
   assert_string_equal(flow(t, "10.0.0.1", 1, "192.0.2.1", 2), "0 999 \"one,two\"");
   assert_string_equal(flow(t, "192.0.2.2", 1, "10.0.0.1", 2), "999 0 \"\"");
   nm_test_free(t);
}

static void lists_are_read_again(void **state)
{
   char arguments[2 * PATH_BYTES];
   (void) state;
   write_file("ip4", "192.0.2.1,1\n");
   write_file("ip6", "2001:db8::1,1\n");
   write_config("ip4", "ip6", "true");
   snprintf(arguments, sizeof(arguments), "-c %s", file_path("config"));
   nm_test_t *t = nm_unit_start(arguments, FORMAT);
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK); /* nothing has changed */
   write_file("ip4", "192.0.2.1,2\n192.0.2.2,2\n");
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   assert_string_equal(flow(t, "192.0.2.1", 1, "10.0.0.1", 2), "2 0 \"\"");
   assert_string_equal(flow(t, "192.0.2.2", 1, "10.0.0.1", 2), "2 0 \"\"");
   remove_file("ip6"); /* what cannot be read leaves all as it is */
   write_file("ip4", "192.0.2.1,4\n");
   nm_test_signal(t, SIGHUP);
   assert_string_equal(flow(t, "192.0.2.1", 1, "10.0.0.1", 2), "2 0 \"\"");
   assert_string_equal(flow(t, "2001:db8::1", 1, "10.0.0.1", 2), "1 0 \"\"");
   write_file("ip6", "2001:db8::1,16\n");
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   assert_string_equal(flow(t, "192.0.2.1", 1, "10.0.0.1", 2), "4 0 \"\"");
   assert_string_equal(flow(t, "2001:db8::1", 1, "10.0.0.1", 2), "16 0 \"\"");
   assert_int_equal(nm_test_counter(t, "entries"), 2);
   nm_test_free(t);
}

static void options_replace_the_files_of_the_configuration(void **state)
{
   char arguments[3 * PATH_BYTES];
   (void) state;
   write_file("ip4", "192.0.2.1,1\n");
   write_file("other4", "192.0.2.1,2\n");
   write_file("other6", "2001:db8::1,4\n");
   write_config("ip4", "-", "false");
   char *config = strdup(file_path("config")), *other4 = strdup(file_path("other4"));
   snprintf(arguments, sizeof(arguments), "-c %s -4 %s -6 %s", config, other4, file_path("other6"));
   nm_test_t *t = nm_unit_start(arguments, FORMAT);
   assert_string_equal(flow(t, "192.0.2.1", 1, "10.0.0.1", 2), "2 0 \"\"");
   assert_string_equal(flow(t, "2001:db8::1", 1, "10.0.0.1", 2), "4 0 \"\"");
   nm_test_free(t);
   snprintf(arguments, sizeof(arguments), "-c %s -6 /nonexistent", config); /* a warning */
   t = nm_unit_start(arguments, FORMAT);
   assert_string_equal(flow(t, "192.0.2.1", 1, "10.0.0.1", 2), "1 0 \"\"");
   nm_test_free(t);
   snprintf(arguments, sizeof(arguments), "-c %s -4 /nonexistent", config);
   t = nm_test_new(&nm_definition, arguments);
   assert_non_null(strstr(nm_test_error(t), "/nonexistent"));
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-c /nonexistent");
   assert_non_null(strstr(nm_test_error(t), "/nonexistent"));
   nm_test_free(t);
   free(config);
   free(other4);
}

static void a_plain_list_needs_no_configuration(void **state)
{
   char arguments[PATH_BYTES + 32];
   (void) state;
   write_file("plain", "# bad\n192.0.2.0/24\nevil.example\n2001:db8::/32\nhttp://evil.example/x\n");
   snprintf(arguments, sizeof(arguments), "--blacklist %s", file_path("plain"));
   nm_test_t *t = nm_unit_start(arguments, FORMAT);
   assert_string_equal(flow(t, "192.0.2.200", 1, "10.0.0.1", 2), "1 0 \"\"");
   assert_string_equal(flow(t, "10.0.0.1", 1, "2001:db8::1", 2), "0 1 \"\"");
   assert_int_equal(nm_test_counter(t, "entries"), 2);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(one_side_is_reported_the_source_first),
                                      cmocka_unit_test(identifiers_of_the_adaptive_list_are_in_the_alert),
                                      cmocka_unit_test(lists_are_read_again),
                                      cmocka_unit_test(options_replace_the_files_of_the_configuration),
                                      cmocka_unit_test(a_plain_list_needs_no_configuration)};
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
