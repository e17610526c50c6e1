/* SPDX-License-Identifier: BSD-3-Clause */
/** JSON that is read and written again, against what Python's json module makes of the same text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>
#include <nemea-common/nc_json.h>

static void check(const char *text, int indent, const char *expected)
{
   nc_json_t j = {0};
   nc_json_error_t error;
   nc_json_raw(&j, "before", 6);
   bool good = nc_json_normalize(&j, text, strlen(text), indent, &error);
   if (!good) {
      fail_msg("%s: %s at %zu", text, error.reason, error.offset);
   }
   if (j.length != 6 + strlen(expected) || memcmp(j.data + 6, expected, strlen(expected)) != 0) {
      fail_msg("%s: %.*s, expected %s", text, (int) j.length - 6, j.data + 6, expected);
   }
   nc_json_free(&j);
}

static void values(void **state)
{
   static const char *const cases[][2] = {
       {" {\"a\":1,\"b\" : [ 1,2.50 ,null,true,false] }\n", "{\"a\": 1, \"b\": [1, 2.5, null, true, false]}"},
       {"{}", "{}"},
       {"[ ]", "[]"},
       {"{\"x\":{\"y\":[]}}", "{\"x\": {\"y\": []}}"},
       {"-0", "0"},
       {"123456789012345678901234567890", "123456789012345678901234567890"},
       {"1e3", "1000.0"},
       {"1E+22", "1e+22"},
       {"1e15", "1000000000000000.0"},
       {"123456789012345.5", "123456789012345.5"},
       {"1e16", "1e+16"},
       {"1.5e16", "1.5e+16"},
       {"0.0001", "0.0001"},
       {"0.00010", "0.0001"},
       {"0.00001", "1e-05"},
       {"0.000012", "1.2e-05"},
       {"0.1000", "0.1"},
       {"-0.0", "-0.0"},
       {"0.000000", "0.0"},
       {"100.0", "100.0"},
       {"0.1000000000000000055511151231257827", "0.1"},
       {"1.7976931348623157e308", "1.7976931348623157e+308"},
       {"1e999", "Infinity"},
       {"5e-324", "5e-324"},
       {"2.2250738585072014e-308", "2.2250738585072014e-308"},
       {"9007199254740993.0", "9007199254740992.0"},
       {"[NaN,Infinity,-Infinity]", "[NaN, Infinity, -Infinity]"},
       {"\"\\u00e9\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"\\u00e9/\\b\\f\\n\\r\\t\\\"\\\\\""},
       {"\"\xc5\xbe \x7f \xf0\x9f\x98\x80\"", "\"\\u017e \\u007f \\ud83d\\ude00\""},
       {"\"\\uD83D\\uDE00\\ud83d\\u0041\\udc00\"", "\"\\ud83d\\ude00\\ud83dA\\udc00\""},
       {"\"\\u0041\\u0000\"", "\"A\\u0000\""},
       {"{\"a\":1,\"b\":2,\"a\":[1,2]}", "{\"a\": [1, 2], \"b\": 2}"},
       {"{\"a\":[1,2,3],\"b\":2,\"a\":1,\"c\":3,\"b\":[0],\"a\":\"x\"}",
        "{\"a\": \"x\", \"b\": [0], \"c\": 3}"},
       {"{\"a\":{\"a\":1,\"\\u0061\":2},\"a\":{\"b\":3,\"b\":4}}", "{\"a\": {\"b\": 4}}"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      check(cases[i][0], -1, cases[i][1]);
   }
}

static void indented(void **state)
{
   (void) state;
   check("{\"a\":[1,{}],\"b\":[]}", 2, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
   check("[[1]]", 0, "[\n[\n1\n]\n]");
   check("{\"a\":1,\"b\":2,\"a\":[3]}", 1, "{\n \"a\": [\n  3\n ],\n \"b\": 2\n}");
}

/* What is wrong leaves the writer as it was. */
static void errors(void **state)
{
   static const struct {
      const char *text, *reason;
      size_t offset;
   } cases[] = {
       {"", "expected a value", 0},
       {"  ", "expected a value", 2},
       {"{\"a\":1", "expected ',' or '}'", 6},
       {"[1 2]", "expected ',' or ']'", 3},
       {"[1,]", "expected a value", 3},
       {"{\"a\":1,}", "expected a name in double quotes", 7},
       {"{a:1}", "expected a name in double quotes", 1},
       {"{\"a\" 1}", "expected ':'", 5},
       {"\"abc", "a string without its end", 4},
       {"\"a\nb\"", "a control character in a string", 2},
       {"\"\\x\"", "unknown escape sequence", 2},
       {"\"\\u12g4\"", "expected four hexadecimal digits", 3},
       {"\"\\u12", "expected four hexadecimal digits", 3},
       {"\"\xff\"", "not UTF-8", 1},
       {"\"\xed\xa0\x80\"", "not UTF-8", 1},
       {"01", "more text after the value", 1},
       {"1.", "more text after the value", 1},
       {"1e", "more text after the value", 1},
       {".5", "expected a value", 0},
       {"-", "expected a value", 0},
       {"nul", "expected a value", 0},
       {"1 1", "more text after the value", 2},
   };
   (void) state;
   nc_json_t j = {0};
   nc_json_raw(&j, "ok", 2);
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nc_json_error_t error = {0};
      size_t n = strlen(cases[i].text);
      char *exact = malloc(n + 1); /* the byte after is no part of the text */
      memcpy(exact, cases[i].text, n);
      exact[n] = '1';
      assert_false(nc_json_normalize(&j, exact, n, -1, &error));
      if (strcmp(error.reason, cases[i].reason) != 0 || error.offset != cases[i].offset) {
         fail_msg("%s: %s at %zu", cases[i].text, error.reason, error.offset);
      }
      free(exact);
      assert_int_equal(j.length, 2);
   }
   nc_json_free(&j);
}

/* A writer knows the names of the last object; the result is that of a writer that does not. */
static void objects_one_after_another(void **state)
{
   static const char *const texts[] = {
       "{\"SRC_IP\":\"10.0.0.1\",\"a\":1,\"TTL\":64}",
       "{\"SRC_IP\":\"10.0.0.2\" , \"a\" :2 ,\"TTL\":65}",
       "{\"SRC_IP\":1}",
       "{\"SRC_IP\":1,\"a\":2,\"TTL\":3,\"b\":4,\"SRC_IP\":5}",
       "{\"SRC_IP\":1,\"a\":2,\"TTL\":3,\"b\":4,\"\\u0061\":5}",
       "{\"SRC_IP\":1,\"a\":{\"SRC_IP\":1,\"a\":2,\"a\":3},\"TTL\":3,\"TTL\":4}",
       "{\"SRC_IP\":1,\"b\":2,\"a\":3,\"SRC_IP\":4}",
       "{\"SRC_IQ\":1,\"b\":2}",
       "{\"SRC_IQ\\n\\\"\\u017e\":1,\"b\":2}",
       "{\"SRC_IQ\\n\\\"\xc5\xbe\":1,\"b\":2}",
       "[{\"x\":1,\"y\":2},{\"x\":3,\"y\":4,\"x\":5},{\"y\":1},{}]",
       "{}",
       "{\"\":1,\"0123456789012345678901234567890123456789012\":2,\"\":3}",
       "{\"\":1,\"0123456789012345678901234567890123456789012345\":2,\"0\":3,\"\\u0030\":4}",
       "{\"\":1,\"0123456789012345678901234567890123456789012345\":2,\"c\":3,\"\":4}",
       "{\"SRC_IP\":1,\"a\":2",
       "{\"SRC_IP\":1,\"a\" 2}",
       "{\"SRC_IP\":1,\"a",
   };
   enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
   (void) state;
   nc_json_t known = {0};
   for (size_t i = 0; i < TEXTS * (TEXTS + 2); i++) { /* each after each other one */
      const char *text = texts[i % 2 == 0 ? i / 2 % TEXTS : (i / 2 + i / 2 / TEXTS) % TEXTS];
      size_t n = strlen(text);
      nc_json_t fresh = {0};
      nc_json_error_t error = {0}, expected = {0};
      char *exact = malloc(n);
      memcpy(exact, text, n);
      nc_json_clear(&known);
      bool good = nc_json_normalize(&fresh, text, n, -1, &expected);
      assert_int_equal(nc_json_normalize(&known, exact, n, -1, &error), good);
      assert_int_equal(known.length, fresh.length);
      if (good) {
         assert_memory_equal(known.data, fresh.data, fresh.length);
      } else {
         assert_string_equal(error.reason, expected.reason);
         assert_int_equal(error.offset, expected.offset);
      }
      free(exact);
      nc_json_free(&fresh);
   }
   nc_json_free(&known);
}

/* More names than are known again. */
static void objects_of_many_members(void **state)
{
   char text[4000] = "{", expected[4000] = "{";
   (void) state;
   nc_json_t j = {0};
   nc_json_error_t error;
   for (int i = 0; i < 100; i++) {
      sprintf(text + strlen(text), "\"member %d\":%d,", i, i);
      sprintf(expected + strlen(expected), "%s\"member %d\": %d", i > 0 ? ", " : "", i, i != 1 ? i : 7);
   }
   strcat(text, "\"member 1\":7}");
   strcat(expected, "}");
   for (int i = 0; i < 3; i++) {
      nc_json_clear(&j);
      assert_true(nc_json_normalize(&j, text, strlen(text), -1, &error));
      assert_int_equal(j.length, strlen(expected));
      assert_memory_equal(j.data, expected, j.length);
   }
   nc_json_free(&j);
}

static void bounds(void **state)
{
   (void) state;
   nc_json_t j = {0};
   nc_json_error_t error = {0};
   char deep[2 * NC_JSON_DEPTH + 4];
   memset(deep, '[', NC_JSON_DEPTH + 1);
   memset(deep + NC_JSON_DEPTH + 1, ']', NC_JSON_DEPTH + 1);
   assert_false(nc_json_normalize(&j, deep, 2 * NC_JSON_DEPTH + 2, -1, &error));
   assert_string_equal(error.reason, "nested too deeply");
   assert_true(nc_json_normalize(&j, deep + 1, 2 * NC_JSON_DEPTH, -1, &error));
   assert_int_equal(j.length, 2 * NC_JSON_DEPTH);
   nc_json_clear(&j);
   assert_false(nc_json_normalize(&j, deep + 1, 2 * NC_JSON_DEPTH, 1 << 20, &error));
   assert_string_equal(error.reason, "the result is too long");
   assert_int_equal(j.length, 0);
   nc_json_free(&j);
}

static void written_values(void **state)
{
   (void) state;
   nc_json_t j = {0};
   nc_json_u64(&j, UINT64_MAX);
   nc_json_i64(&j, INT64_MIN);
   nc_json_i64(&j, 0);
   nc_json_double(&j, -0.1);
   nc_json_double(&j, (double) NAN);
   nc_json_string(&j, "a\xff\"\n", 4);
   static const char expected[] = "18446744073709551615-92233720368547758080-0.1NaN\"a\\ufffd\\\"\\n\"";
   assert_int_equal(j.length, sizeof(expected) - 1);
   assert_memory_equal(j.data, expected, sizeof(expected) - 1);
   nc_json_free(&j);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(values),
                                      cmocka_unit_test(indented),
                                      cmocka_unit_test(errors),
                                      cmocka_unit_test(objects_one_after_another),
                                      cmocka_unit_test(objects_of_many_members),
                                      cmocka_unit_test(bounds),
                                      cmocka_unit_test(written_values)};
   return cmocka_run_group_tests(tests, NULL, NULL);
}
