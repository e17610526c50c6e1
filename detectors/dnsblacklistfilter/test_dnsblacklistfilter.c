/* SPDX-License-Identifier: BSD-3-Clause */
/** Which names are reported. */
#include <nemea/module_cmocka.h>
#include <signal.h>

#include "../blacklist/test_filter.h"

#define FORMAT                                                                                          \
   "string DNS_NAME,ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 "    \
   "PACKETS,uint8 PROTOCOL,uint16 DST_PORT,uint16 SRC_PORT,uint16 DNS_ID,uint16 DNS_ANSWERS,uint16 "    \
   "DNS_QTYPE,uint16 DNS_RLENGTH,uint8 DNS_RCODE,bytes DNS_RDATA,uint8 DNS_DO,uint16 DNS_CLASS,uint16 " \
   "DNS_PSIZE,uint32 DNS_RR_TTL"

static nm_test_t *module(const char *options)
{
   char arguments[PATH_BYTES + 64];
   snprintf(arguments, sizeof(arguments), "-c %s %s", file_path("config"), options);
   return nm_unit_start(arguments, FORMAT);
}

/* BLACKLIST of the alert; 0: none. */
static uint64_t name(nm_test_t *t, const char *text)
{
   char *line = malloc(strlen(text) + 16);
   unsigned long lists = 0;
   sprintf(line, "\"%s\"", text);
   assert_int_equal(nm_test_feed(t, 0, line), NM_OK);
   free(line);
   const char *alert = nm_test_next(t, 0);
   if (alert != NULL) {
      assert_int_equal(sscanf(alert, "%*[^,],%*[^,],%lu", &lists), 1);
   }
   return lists;
}

static void names_match_exactly(void **state)
{
   (void) state;
   write_file("list", "evil.example\\1\n*.bad.example\\2\nslash.example/x\\4\n");
   write_config("list", NULL, "true");
   nm_test_t *t = module("");
   assert_int_equal(name(t, "evil.example"), 1);
   assert_int_equal(name(t, "EVIL.example"), 1);
   assert_int_equal(name(t, "www.evil.example"), 1);
   assert_int_equal(name(t, "WWW.evil.example"), 0);
   assert_int_equal(name(t, "a.evil.example"), 0);
   assert_int_equal(name(t, "evil.example."), 0);
   assert_int_equal(name(t, "evil.example/"), 0);
   assert_int_equal(name(t, "example"), 0);
   assert_int_equal(name(t, ""), 0);
   assert_int_equal(name(t, "."), 0);
   assert_int_equal(name(t, "www."), 0);
   assert_int_equal(name(t, "bad.example"), 0);
   assert_int_equal(name(t, "a.b.Bad.example"), 2);
   nm_test_free(t);
}

static void options_widen_that(void **state)
{
   char *huge = malloc(60001);
   (void) state;
   memset(huge, 'a', 60000);
   memcpy(huge + 60000 - 13, ".evil.example", 14);
   write_file("list", "evil.example\\1\n");
   write_config("list", NULL, "true");
   nm_test_t *t = module("--subdomains");
   assert_int_equal(name(t, "a.evil.example"), 1);
   assert_int_equal(name(t, "WWW.evil.example"), 1);
   assert_int_equal(name(t, "devil.example"), 0);
   assert_int_equal(name(t, huge), 0); /* no domain name is that long */
   nm_test_free(t);
   t = module("--any-www");
   assert_int_equal(name(t, "WwW.Evil.example"), 1);
   assert_int_equal(name(t, "www.www.evil.example"), 0);
   nm_test_free(t);
   free(huge);
}

static void a_missing_file_leaves_the_old_list(void **state)
{
   (void) state;
   write_file("list", "evil.example\\1\n");
   write_config("list", NULL, "true");
   nm_test_t *t = module("");
   remove_file("list");
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   assert_int_equal(name(t, "evil.example"), 1);
   write_file("list", "other.example\\1\n");
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   assert_int_equal(name(t, "evil.example"), 0);
   assert_int_equal(name(t, "other.example"), 1);
   nm_test_free(t);
}

static void a_plain_list_needs_no_configuration(void **state)
{
   char arguments[PATH_BYTES + 32];
   (void) state;
   write_file("plain", "192.0.2.0/24\nEvil.example # bad\n*.bad.example\nhttp://host.example/x\n");
   snprintf(arguments, sizeof(arguments), "--blacklist %s", file_path("plain"));
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   assert_int_equal(name(t, "evil.example"), 1);
   assert_int_equal(name(t, "a.bad.example"), 1);
   assert_int_equal(name(t, "host.example"), 0);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(names_match_exactly),
                                      cmocka_unit_test(options_widen_that),
                                      cmocka_unit_test(a_missing_file_leaves_the_old_list),
                                      cmocka_unit_test(a_plain_list_needs_no_configuration)};
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
