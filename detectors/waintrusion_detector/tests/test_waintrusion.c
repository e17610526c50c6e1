/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>

#include "../request.h"

#include <nemea/module_test.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../blacklist/test_filter.h"

#define COMMON "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,time TIME_LAST,"
#define PROBE                                                                                   \
   COMMON "string HTTP_REQUEST_METHOD,string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,string " \
          "HTTP_REQUEST_AGENT,string "                                                          \
          "HTTP_REQUEST_REFERER,uint16 HTTP_RESPONSE_STATUS_CODE"
#define COLLECTOR                                                                                  \
   COMMON "uint32 HTTP_REQUEST_METHOD_ID,string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,string " \
          "HTTP_REQUEST_AGENT,string "                                                             \
          "HTTP_REQUEST_REFERER,uint32 HTTP_RESPONSE_STATUS_CODE"
#define METER                                                                                  \
   COMMON "string HTTP_METHOD,string HTTP_HOST,string HTTP_URL,string HTTP_USER_AGENT,string " \
          "HTTP_REFERER,uint16 "                                                               \
          "HTTP_RESPONSE_CODE"

extern const nm_module_def_t nm_definition;

static nm_test_t *start(const char *options, const char *format)
{
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(t);
   if (nm_test_error(t) != NULL) {
      fail_msg("%s: %s", options, nm_test_error(t));
   }
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

static void request_to(nm_test_t *t, const char *host, const char *method, const char *url, const char *agent)
{
   char text[4096];
   snprintf(text, sizeof(text),
            "192.0.2.7,2001:db8::80,40000,80,6,2024-01-01T00:00:01,\"%s\",\"%s\",\"%s\",\"%s\","
            "\"\",200",
            method, host, url, agent);
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

static void request(nm_test_t *t, const char *method, const char *url, const char *agent)
{
   request_to(t, "www.example.com", method, url, agent);
}

/* The end of the next alert: field, value, rule; "": none. */
static const char *next(nm_test_t *t)
{
   const char *alert = nm_test_next(t, 0);
   const char *end = alert != NULL ? strstr(alert, ",80,40000,6,") : NULL;
   assert_true(alert == NULL || end != NULL);
   return end != NULL ? end + strlen(",80,40000,6,") : "";
}

#define EXPECT(t, field, value, rule) assert_string_equal(next(t), "\"" field "\",\"" value "\",\"" rule "\"")
/* A directory of rules with one file. */
static void write_directory(const char *rules)
{
   char command[2 * PATH_BYTES];
   snprintf(command, sizeof(command), "mkdir -p %s/rules %s/data", test_directory, test_directory);
   assert_int_equal(system(command), 0);
   write_file("rules/request-protocol-attack.data", rules);
}

#define NO_MORE(t) assert_string_equal(next(t), "")

/* Records of flow_meter hold a request and its response. */
static void attacks_in_requests(void **state)
{
   nm_test_t *t = start("-ursrc ipfixprobe", PROBE);
   (void) state;
   request(t, "GET", "/index.html?a=1&b=hello+world", "Mozilla/5.0");
   request(t, "PUT", "/api/v1/users/5", "curl/7.88.1");
   NO_MORE(t);
   request(t, "GET", "/a?id=1%27+union+select+password+from+users", "Mozilla/5.0");
   EXPECT(t, "HTTP_URL_ARGS", "1' union select password from users", "request_application_attack_sqli");
   request(t, "GET", "/a?x=%3Cscript%3Ealert(1)%3C/script%3E", "Mozilla/5.0");
   EXPECT(t, "HTTP_URL_ARGS", "<script>alert(1)</script>", "request_application_attack_xss");
   request(t, "GET", "/a?f=http://192.0.2.1/x.txt", "Mozilla/5.0");
   EXPECT(t, "HTTP_URL_ARGS", "http://192.0.2.1/x.txt", "request_application_attack_rfi");
   request(t, "GET", "/a?f=/etc/passwd", "Mozilla/5.0");
   EXPECT(t, "HTTP_URL_ARGS", "/etc/passwd", "request_application_attack_rce");
   request(t, "GET", "/.git/config", "Mozilla/5.0");
   EXPECT(t, "HTTP_URL_FILENAME", "/.git/config", "request_application_attack_lfi");
   request(t, "TRACE", "/", "Mozilla/5.0");
   EXPECT(t, "HTTP_METHOD", "TRACE", "request_method_enforcement");
   request(t, "GET", "/", "Nikto/2.1");
   EXPECT(t, "HTTP_USER_AGENT", "Nikto/2.1", "request_scanner_detection");
   NO_MORE(t);
   nm_test_free(t);
}

/* A capture of the first bytes of each packet shows the first line of a request, if that. */
static void requests_captured_in_part(void **state)
{
   nm_test_t *t = start("-ursrc ipfixprobe", PROBE);
   (void) state;
   request_to(t, "", "GET", "/index.html", "");
   NO_MORE(t);
   request_to(t, "", "GET", "/.git/config", "");
   EXPECT(t, "HTTP_URL_FILENAME", "/.git/config", "request_application_attack_lfi");
   request_to(t, "www.example.com", "GET", "/index.html", "");
   EXPECT(t, "HTTP_USER_AGENT", "", "request_protocol_enforcement");
   NO_MORE(t);
   nm_test_free(t);
}

static void one_alert_or_all(void **state)
{
   nm_test_t *t = start("-ursrc ipfixprobe", PROBE);
   (void) state;
   request(t, "FOO", "/../../etc/passwd", "sqlmap/1.0");
   EXPECT(t, "HTTP_METHOD", "FOO", "request_method_enforcement");
   NO_MORE(t);
   nm_test_free(t);
   t = start("-ursrc ipfixprobe --all", PROBE);
   request(t, "FOO", "/../../etc/passwd", "sqlmap/1.0");
   EXPECT(t, "HTTP_METHOD", "FOO", "request_method_enforcement");
   EXPECT(t, "HTTP_USER_AGENT", "sqlmap/1.0", "request_scanner_detection");
   EXPECT(t, "HTTP_URL_RAW", "/../../etc/passwd", "request_application_attack_lfi");
   NO_MORE(t);
   nm_test_free(t);
}

/* Texts without a match are remembered, for their field and these rules only. */
static void texts_that_are_known(void **state)
{
   char options[2 * PATH_BYTES];
   (void) state;
   nm_test_t *t = start("-ursrc ipfixprobe", PROBE);
   for (int i = 0; i < 3; i++) {
      request(t, "GET", "/?sqlmap=sqlmap", "Mozilla/5.0");
      NO_MORE(t);
      request(t, "GET", "/", "sqlmap");
      EXPECT(t, "HTTP_USER_AGENT", "sqlmap", "request_scanner_detection");
   }
   nm_test_free(t);
   write_directory("^a ** HTTP_USER_AGENT\n");
   snprintf(options, sizeof(options), "-ursrc ipfixprobe -r request_protocol_attack -d %s", test_directory);
   t = start(options, PROBE);
   request(t, "GET", "/", "browser");
   NO_MORE(t);
   write_directory("^b ** HTTP_USER_AGENT\n");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   request(t, "GET", "/", "browser");
   EXPECT(t, "HTTP_USER_AGENT", "browser", "request_protocol_attack");
   nm_test_free(t);
}

static void rules_are_chosen(void **state)
{
   static const char *const options[] = {
       "-ursrc ipfixprobe -r request_scanner_detection request_application_attack_lfi",
       "-ursrc ipfixprobe -nr request_method_enforcement request_application_attack_xss --all"};
   (void) state;
   for (size_t i = 0; i < 2; i++) {
      nm_test_t *t = start(options[i], PROBE);
      request(t, "FOO", "/", "sqlmap/1.0");
      EXPECT(t, "HTTP_USER_AGENT", "sqlmap/1.0", "request_scanner_detection");
      request(t, "GET", "/a?x=%3Cscript%3Ealert(1)%3C/script%3E", "x");
      NO_MORE(t);
      nm_test_free(t);
   }
}

static void wrong_options(void **state)
{
   static const char *const wrong[] = {
       "-r nonsense",  "-nr nonsense", "-r request_scanner_detection -nr request_scanner_detection",
       "-ursrc other", "word",         "-d /nonexistent"};
   (void) state;
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, wrong[i]);
      assert_non_null(nm_test_error(t));
      nm_test_free(t);
   }
}

static void sources_of_requests(void **state)
{
   (void) state;
   nm_test_t *t = start("", COLLECTOR); /* ipfixcol is the default */
   static const char *const records[] = {
       "192.0.2.7,10.0.0.80,40000,80,6,2024-01-01T00:00:01,1,\"h\",\"/?x=<script>a</script>\",\"a\",\"\",0",
       "192.0.2.7,10.0.0.80,40000,80,6,2024-01-01T00:00:01,11,\"h\",\"/?x=<script>a</script>\",\"a\",\"\",0",
       "192.0.2.7,10.0.0.80,40000,80,6,2024-01-01T00:00:01,1,\"h\",\"/?x=<script>a</script>\",\"a\",\"\",200",
       "192.0.2.7,10.0.0.80,40000,443,6,2024-01-01T00:00:01,1,\"h\",\"/?x=<script>a</script>\",\"a\",\"\",0",
       "192.0.2.7,10.0.0.80,443,80,6,2024-01-01T00:00:01,1,\"h\",\"/?x=<script>a</script>\",\"a\",\"\",0",
       "192.0.2.7,10.0.0.80,40000,80,17,2024-01-01T00:00:01,1,\"h\",\"/?x=<script>a</script>\",\"a\",\"\",0",
       "192.0.2.7,10.0.0.80,40000,80,6,2024-01-01T00:00:01,8,\"h\",\"/\",\"a\",\"\",0"};
   for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
      assert_int_equal(nm_test_feed(t, 0, records[i]), NM_OK);
   }
   assert_string_equal(nm_test_next(t, 0),
                       "10.0.0.80,192.0.2.7,2024-01-01T00:00:01.000000,80,40000,6,\"HTTP_URL_ARGS\","
                       "\"<script>a</script>\",\"request_application_attack_xss\"");
   EXPECT(t, "HTTP_METHOD", "TRACE", "request_method_enforcement");
   NO_MORE(t);
   nm_test_free(t);
   t = start("-ursrc flow_meter", METER);
   request(t, "FOO", "/", "a"); /* of a response */
   NO_MORE(t);
   nm_test_free(t);
   t = start("-ursrc ipfixprobe", PROBE);
   request(t, "PRI", "*", "");             /* HTTP/2 */
   request(t, "", "/x?a=/etc/passwd", ""); /* a response alone */
   NO_MORE(t);
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-ursrc flow_meter");
   assert_int_equal(nm_test_format(t, 0, PROBE), NM_ERROR);
   nm_test_free(t);
}

/* ------------------------------------------------------------------------- requests */

static void texts_are(const struct request *r, enum field field, const char *expected)
{
   char all[1024] = "";
   size_t n = 0;
   for (unsigned t = r->first[field]; t < r->first[field + 1]; t++) {
      n += (size_t) snprintf(all + n, sizeof(all) - n, "%.*s|", (int) r->texts[t].n, r->texts[t].data);
   }
   assert_string_equal(all, expected);
}

static void parts_of_urls(void **state)
{
   (void) state;
   struct request s;
   memset(&s, 0, sizeof(s));
   static const char *const cases[][5] = {
       {"/a/b?x=1&y=%41+%zz&z&=5&w=#f", "/a/b|", "x=1&y=%41+%zz&z&=5&w=|", "x|y|z|w|", "1|A %zz|5|"},
       {"http://host:80/p?q", "/p|", "q|", "q|", ""},
       {"http://host?q=1", "|", "q=1|", "q|", "1|"},
       {"/a?u=http://h/?x=1", "/a|", "u=http://h/?x=1|", "u|", "http://h/?x=1|"},
       {"/a#b?c", "/a|", "|", "", ""},
       {"*", "*|", "|", "", ""},
       {"", "|", "|", "", ""},
       {"/%41%4", "/%41%4|", "|", "", ""},
       {"/?%4=%4&a=%", "/|", "%4=%4&a=%|", "%4|a|", "%4|%|"}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      s.method = (struct text){"GET", 3};
      s.url = (struct text){cases[i][0], (uint32_t) strlen(cases[i][0])};
      s.host = s.agent = s.referer = (struct text){"", 0};
      request_split(&s);
      texts_are(&s, FIELD_FILENAME, cases[i][1]);
      texts_are(&s, FIELD_QUERY, cases[i][2]);
      texts_are(&s, FIELD_ARGS_NAMES, cases[i][3]);
      texts_are(&s, FIELD_ARGS, cases[i][4]);
      assert_false(s.cut);
   }
}

/* Long requests and many arguments are looked at as far as there is room. */
static void requests_are_bounded(void **state)
{
   static struct request r;
   static char url[4 * REQUEST_TEXT];
   (void) state;
   memset(url, 'a', sizeof(url));
   r.method = (struct text){url, sizeof(url)};
   r.url = r.host = r.agent = r.referer = r.method;
   request_split(&r);
   assert_true(r.cut);
   assert_int_equal(r.texts[r.first[FIELD_METHOD_AND_URL]].n, METHOD_MAX + 1 + REQUEST_TEXT);
   for (size_t i = 0; i + 4 <= sizeof(url); i += 4) {
      memcpy(url + i, i == 0 ? "/?a=" : "&b=c", 4);
   }
   request_split(&r);
   assert_true(r.cut);
   assert_int_equal(r.first[FIELDS], 9 + REQUEST_ARGS + REQUEST_ARGS - 1);
}

/* ---------------------------------------------------------------------------- rules */

static void files_of_rules(void **state)
{
   static const char *const wrong[][2] = {{"abc\n", "line 1"},
                                          {"abc ** NO_FIELD\n", "line 1"},
                                          {"# comment\n\nabc ** HTTP_URL,\nx ** \n", "line 4"},
                                          {"a(b ** HTTP_URL\n", "line 1"},
                                          {"\\C ** HTTP_URL\n", "line 1"}};
   char error[RULES_ERROR];
   uint64_t given_up = 0;
   (void) state;
   struct rules *r = rules_new();
   const char *good = "a[ ** ]b ** HTTP_URL, HTTP_HOST\r\n# x ** y\n^$ ** HTTP_REFERER";
   assert_true(rules_parse(r, RULE_XSS, "f", good, strlen(good), error));
   assert_int_equal(rules_count(r), 2);
   assert_string_equal(rules_get(r, 0)->pattern, "a[ ** ]b");
   assert_int_equal(rules_get(r, 0)->n_fields, 2);
   assert_true(rules_finish(r, ENGINE_PCRE2, error));
   assert_false(rules_get(r, 0)->matches_empty);
   assert_true(rules_get(r, 1)->matches_empty);
   assert_true(rules_match(r, 0, "xa*bx", 5, &given_up));
   rules_free(r);
   for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
      r = rules_new();
      assert_false(rules_parse(r, RULE_XSS, "name", wrong[i][0], strlen(wrong[i][0]), error));
      if (strstr(error, wrong[i][1]) == NULL || strstr(error, "name") == NULL) {
         fail_msg("\"%s\" is not in \"%s\"", wrong[i][1], error);
      }
      rules_free(r);
   }
}

static bool matches(struct rules *r, uint32_t i, const char *text)
{
   uint64_t given_up = 0;
   return rules_match(r, i, text, strlen(text), &given_up);
}

static void lists(void **state)
{
   static const enum field fields[] = {FIELD_ARGS, FIELDS};
   static const char text[] = "# comment\nfoo\n$_x.(\r\n\n";
   char error[RULES_ERROR];
   (void) state;
   struct rules *r = rules_new();
   for (int kind = LIST_PLAIN; kind <= LIST_NOT_ONE; kind++) {
      assert_true(
          rules_parse_list(r, RULE_PHP, (enum list_kind) kind, fields, "f", text, strlen(text), error));
   }
   assert_true(rules_parse_list(r, RULE_PHP, LIST_PLAIN, fields, "f", "# nothing\n", 10, error));
   assert_int_equal(rules_count(r), 3);
   assert_true(matches(r, 0, "xFOOx") && matches(r, 0, "a$_X.(b") && !matches(r, 0, "fo") &&
               !matches(r, 0, "$_xx("));
   assert_true(matches(r, 1, "a FOO-x") && !matches(r, 1, "foox") && matches(r, 1, "a$_x.(b"));
   assert_true(matches(r, 2, "foox") && !matches(r, 2, "Foo") && matches(r, 2, ""));
   rules_free(r);
}

/* A request that makes a regular expression try very many ways costs a bounded time, and the next one is searched as ever. */
static void searches_are_bounded(void **state)
{
   static char text[4096];
   uint64_t given_up = 0;
   char error[RULES_ERROR];
   const char *bad = "^(a+)+(b+)+$ ** HTTP_URL\n";
   (void) state;
   struct rules *r = rules_new();
   assert_true(rules_parse(r, RULE_XSS, "f", bad, strlen(bad), error) &&
               rules_finish(r, ENGINE_PCRE2, error));
   memset(text, 'a', sizeof(text));
   text[sizeof(text) - 2] = 'b';
   text[sizeof(text) - 1] = 'c';
   assert_false(rules_match(r, 0, text, sizeof(text), &given_up));
   assert_int_equal(given_up, 1);
   assert_true(rules_match(r, 0, "aab", 3, &given_up));
   assert_int_equal(given_up, 1);
   rules_free(r);
}

/* A directory in place of the built-in rules; read again on a signal, and kept when it is broken then. */
static void rules_of_a_directory(void **state)
{
   char options[2 * PATH_BYTES];
   (void) state;
   write_directory("^/secret ** HTTP_URL\n");
   snprintf(options, sizeof(options), "-ursrc ipfixprobe -r request_protocol_attack -d %s", test_directory);
   nm_test_t *t = start(options, PROBE);
   request(t, "GET", "/secret", "a");
   EXPECT(t, "HTTP_URL", "/secret", "request_protocol_attack");
   write_directory("^/other ** HTTP_URL\n");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   request(t, "GET", "/secret", "a");
   request(t, "GET", "/other", "a");
   EXPECT(t, "HTTP_URL", "/other", "request_protocol_attack");
   NO_MORE(t);
   write_directory("^/other( ** HTTP_URL\n");
   assert_true(nm_test_catch(STDERR_FILENO));
   nm_test_signal(t, SIGHUP);
   nm_test_caught();
   request(t, "GET", "/other", "a");
   EXPECT(t, "HTTP_URL", "/other", "request_protocol_attack");
   nm_test_free(t);
   t = nm_test_new(&nm_definition, options);
   assert_non_null(strstr(nm_test_error(t), "request-protocol-attack.data, line 1"));
   nm_test_free(t);
}

/* Without the file of a list the program does not start: nothing would be found, and nobody would know. */
static void a_missing_list(void **state)
{
   char options[2 * PATH_BYTES];
   (void) state;
   snprintf(options, sizeof(options), "-r request_method_enforcement -d %s", test_directory);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(strstr(nm_test_error(t), "allowed-http-methods.data"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(attacks_in_requests),
       cmocka_unit_test(requests_captured_in_part),
       cmocka_unit_test(one_alert_or_all),
       cmocka_unit_test(texts_that_are_known),
       cmocka_unit_test(rules_are_chosen),
       cmocka_unit_test(wrong_options),
       cmocka_unit_test(sources_of_requests),
       cmocka_unit_test(parts_of_urls),
       cmocka_unit_test(requests_are_bounded),
       cmocka_unit_test(files_of_rules),
       cmocka_unit_test(lists),
       cmocka_unit_test(searches_are_bounded),
       cmocka_unit_test(rules_of_a_directory),
       cmocka_unit_test(a_missing_list),
   };
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
