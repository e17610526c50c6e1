/* SPDX-License-Identifier: BSD-3-Clause */
/** Which requests are reported. */
#include <nemea/module_cmocka.h>
#include <signal.h>

#include "../blacklist/test_filter.h"

#define FORMAT                                                                                          \
   "string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,string HTTP_REQUEST_REFERER,ipaddr SRC_IP,ipaddr " \
   "DST_IP,uint16 DST_PORT,uint16 SRC_PORT,time TIME_FIRST,time TIME_LAST,uint64 BYTES,uint32 "         \
   "PACKETS,uint8 PROTOCOL"

static nm_test_t *module(const char *options)
{
   char arguments[PATH_BYTES + 64];
   snprintf(arguments, sizeof(arguments), "-c %s %s", file_path("config"), options);
   return nm_unit_start(arguments, FORMAT);
}

/* BLACKLIST of the alert; 0: none. */
static uint64_t request(nm_test_t *t, const char *host, const char *url)
{
   char line[1024];
   unsigned long lists = 0;
   snprintf(line, sizeof(line), "\"%s\",\"%s\",\"http://r/\"", host, url);
   assert_int_equal(nm_test_feed(t, 0, line), NM_OK);
   const char *alert = nm_test_next(t, 0);
   if (alert != NULL) {
      assert_int_equal(sscanf(alert, "%*[^,],%*[^,],%lu", &lists), 1);
   }
   return lists;
}

static void urls_match_exactly(void **state)
{
   (void) state;
   write_file("list", "evil.example\\1\nevil.example/path?x=1\\2\n*.bad.example/x\\4\n");
   write_config("list", NULL, "true");
   nm_test_t *t = module("");
   assert_int_equal(request(t, "www.Evil.example", "///"), 1);
   assert_int_equal(request(t, "evil.example", ""), 1);
   assert_int_equal(request(t, "evil.example", "/path?x=1"), 2);
   assert_int_equal(request(t, "evil.example", "/PATH?X=1/"), 2);
   assert_int_equal(request(t, "evil.example", "/path"), 0);
   assert_int_equal(request(t, "a.evil.example", "/"), 0);
   assert_int_equal(request(t, "", "/path"), 0);
   assert_int_equal(request(t, "/", "/"), 0);
   assert_int_equal(request(t, "www.", ""), 0);
   assert_int_equal(request(t, "a.bad.example", "/x"), 4);
   assert_int_equal(request(t, "bad.example", "/x"), 0);
   nm_test_free(t);
   t = module("--subdomains");
   assert_int_equal(request(t, "a.evil.example", "/path?x=1"), 2);
   assert_int_equal(request(t, "other.example", "/x.evil.example/path?x=1"), 0);
   nm_test_free(t);
}

static void records_of_any_size_are_reported_whole(void **state)
{
   char *line = malloc(65536);
   (void) state;
   write_file("list", "evil.example\\1\n");
   write_config("list", NULL, "true");
   nm_test_t *t = module("");
   memset(line, 'r', 60000);
   memcpy(line, "\"evil.example\",\"/\",\"", 20);
   memcpy(line + 60000, "\"", 2);
   assert_int_equal(nm_test_feed(t, 0, line), NM_OK);
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_true(strlen(alert) > 59900);
   nm_test_free(t);
   free(line);
}

static void a_plain_list_needs_no_configuration(void **state)
{
   char arguments[PATH_BYTES + 32];
   (void) state;
   write_file("plain", "192.0.2.0/24\nevil.example\nhttp://host.example/x/\n");
   snprintf(arguments, sizeof(arguments), "--blacklist %s", file_path("plain"));
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   assert_int_equal(request(t, "evil.example", "/"), 1);
   assert_int_equal(request(t, "host.example", "/x"), 1);
   assert_int_equal(request(t, "host.example", "/"), 0);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(urls_match_exactly),
                                      cmocka_unit_test(records_of_any_size_are_reported_whole),
                                      cmocka_unit_test(a_plain_list_needs_no_configuration)};
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
