/* SPDX-License-Identifier: BSD-3-Clause */
/** Both engines give the same alerts. It takes seconds, which is what Hyperscan needs to compile all rules. */
#include <setjmp.h>
#include <stdarg.h>

#include "../rules.h"

#include <ctype.h>
#include <nemea/module_test.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REQUESTS 300
#define FORMAT                                                                                              \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,time TIME_LAST,string "      \
   "HTTP_REQUEST_METHOD,string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,string HTTP_REQUEST_AGENT,string " \
   "HTTP_REQUEST_REFERER"

extern const nm_module_def_t nm_definition;

/* Texts that are pieces of attacks and of ordinary requests, one after another, in the order of a fixed sequence. */
static void make_text(char *to, size_t size, unsigned *seed)
{
   static const char *const pieces[] = {"<script",
                                        ">alert(1)",
                                        "' or 1=1 --",
                                        " union select ",
                                        "../",
                                        "/etc/passwd",
                                        "<?php ",
                                        "system(",
                                        "onerror=",
                                        "javascript:",
                                        "http://1.2.3.4/",
                                        "hello",
                                        " ",
                                        "%00",
                                        "\\x41",
                                        "eval(",
                                        "sleep(5)",
                                        ";cat ",
                                        "a=1",
                                        "$_GET",
                                        "&&",
                                        "|id",
                                        "`ls`",
                                        "%0d%0aSet-Cookie: a",
                                        "\xef\xbc\x9cscript",
                                        "data:text/html",
                                        "<svg/onload=",
                                        "information_schema",
                                        "'",
                                        "phpinfo"};
   size_t n = 0;
   to[0] = 0;
   for (unsigned i = 0; i < 4; i++) {
      *seed = *seed * 1103515245 + 12345;
      n += (size_t) snprintf(to + n, size - n, "%s",
                             pieces[(*seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))]);
   }
}

/* All alerts of the same requests. */
static char *alerts_of(const char *engine)
{
   char options[128], one[256], two[256], record[2048];
   char *all = NULL;
   size_t size;
   unsigned seed = 1;
   FILE *to = open_memstream(&all, &size);
   snprintf(options, sizeof(options), "-ursrc ipfixprobe --all --engine %s", engine);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(t);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   for (unsigned i = 0; i < REQUESTS; i++) {
      make_text(one, sizeof(one), &seed);
      make_text(two, sizeof(two), &seed);
      snprintf(record, sizeof(record),
               "192.0.2.7,10.0.0.80,40000,80,6,2024-01-01T00:00:01,\"%s\",\"h\",\"/%s?%s=%s\",\"%s\",\"%s\"",
               i % 7 == 0 ? "FOO" : "GET", i % 2 == 0 ? one : "index.html", i % 3 == 0 ? two : "a", one,
               i % 5 == 0 ? two : "Mozilla/5.0", i % 11 == 0 ? two : "");
      assert_int_equal(nm_test_feed(t, 0, record), NM_OK);
      for (const char *alert = nm_test_next(t, 0); alert != NULL; alert = nm_test_next(t, 0)) {
         fprintf(to, "%u: %s\n", i, alert);
      }
   }
   nm_test_free(t);
   fclose(to);
   return all;
}

static void both_engines_give_the_same_alerts(void **state)
{
   (void) state;
   char *slow = alerts_of("pcre2");
   assert_non_null(strstr(slow, "request_application_attack_sqli"));
   assert_non_null(strstr(slow, "request_application_attack_rce"));
   if (!rules_have_hyperscan()) {
      free(slow);
      nm_test_t *t = nm_test_new(&nm_definition, "--engine hyperscan");
      assert_non_null(strstr(nm_test_error(t), "built without Hyperscan"));
      nm_test_free(t);
      return;
   }
   char *fast = alerts_of("hyperscan");
   assert_string_equal(slow, fast);
   free(slow);
   free(fast);
}

/* What is left out before it is searched for would not have matched. */
static void all_that_match_are_candidates(void **state)
{
   const bool all[RULES] = {true, true, true, true, true, true, true, true, true, true, true};
   char error[RULES_ERROR], text[256];
   struct rules *r = rules_load(NULL, all, ENGINE_PCRE2, error);
   unsigned seed = 7, matches = 0, left_out = 0;
   uint64_t given_up = 0;
   (void) state;
   assert_non_null(r);
   for (unsigned n = 0; n < 2000; n++) {
      make_text(text, sizeof(text), &seed);
      for (char *c = text; *c != 0 && n % 3 > 0; c++) {
         *c = (char) (n % 3 == 1 ? toupper((unsigned char) *c) : tolower((unsigned char) *c));
      }
      for (uint32_t i = 0; i < rules_count(r); i++) {
         uint64_t bits[RULES_WORDS];
         rules_candidates(r, rules_get(r, i)->fields[0], text, strlen(text), bits);
         const bool candidate = bits[i / 64] >> i % 64 & 1,
                    found = rules_match(r, i, text, strlen(text), &given_up);
         assert_true(candidate || !found);
         matches += found;
         left_out += !candidate;
      }
   }
   assert_true(matches > 1000 && left_out > 1000);
   rules_free(r);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(both_engines_give_the_same_alerts),
                                      cmocka_unit_test(all_that_match_are_candidates)};
   return cmocka_run_group_tests(tests, NULL, NULL);
}
