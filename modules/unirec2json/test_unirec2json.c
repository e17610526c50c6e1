/* SPDX-License-Identifier: BSD-3-Clause */
/** Records as JSON, in the form of NEMEA 2 and in the clean one, and maps of values. */
#include <nemea/module_cmocka.h>

static nm_test_t *module(const char *options)
{
   char line[200];
   snprintf(line, sizeof(line), "%s", options);
   return nm_test_new(&nm_definition, line);
}

static void check(const char *options, const char *format, const char *values, const char *expected)
{
   nm_test_t *t = module(options);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, values), NM_OK);
   assert_string_equal(nm_test_next(t, 0), expected);
   nm_test_free(t);
}

static void numbers(void **state)
{
   (void) state;
   check("", "uint64 U,int64 I,double D,float F,time T,uint8 B,char C",
         "18446744073709551615,-9223372036854775808,1e-7,0.5,2020-01-01T00:00:00.120999,255,a",
         "{\"D\": 1e-07, \"I\": -9223372036854775808, \"T\": 1577836800.12, \"U\": 18446744073709551615, "
         "\"F\": 0.5, "
         "\"B\": 255, \"C\": 97}");
   check("", "time T", "2020-01-01T00:00:00", "{\"T\": 1577836800.0}");
}

static void both_forms(void **state)
{
   static const char fields[] = "macaddr MAC,int8 SMALL,bytes RAW,ipaddr IP6";
   static const char values[] = "00:11:22:aa:bb:cc,-128,275c0a41ff22,2001:db8::1";
   (void) state;
   check("", fields, values,
         "{\"IP6\": \"2001:db8::1\", \"MAC\": \"UnirecMACAddr('00:11:22:aa:bb:cc')\", \"SMALL\": "
         "\"b'\\\\x80'\", "
         "\"RAW\": \"bytearray(b'\\\\'\\\\\\\\\\\\nA\\\\xff\\\"')\"}");
   check("--clean", fields, values,
         "{\"IP6\": \"2001:db8::1\", \"MAC\": \"00:11:22:aa:bb:cc\", \"SMALL\": -128, \"RAW\": "
         "\"275c0a41ff22\"}");
}

static void maps(void **state)
{
   char options[100];
   (void) state;
   snprintf(options, sizeof(options), "-M %s", nm_unit_path());
   nm_unit_write("{\"match\":[{\"src\":\"N\",\"dest\":\"NAME\",\"mapping\":{\"6\":\"TCP\",\"17\":[1,2.50],"
                 "\"18\":{\"a\":1}}},"
                 "{\"src\":\"NAME\",\"dest\":\"S\",\"mapping\":{\"TCP\":7}}],"
                 "\"regex\":[{\"src\":\"S2\",\"dest\":\"R\",\"mapping\":{\"a\\\\d+\":1,\"a\":2,\"b\":3}}],"
                 "\"timify\":[\"T\"]}");
   check(
       options, "time T,uint16 N,string S,string S2", "2020-01-02T03:04:05.9,6,\"s\",\"a12\"",
       "{\"T\": \"2020-01-02T03:04:05Z\", \"N\": 6, \"S\": 7, \"S2\": \"a12\", \"NAME\": \"TCP\", \"R\": 2}");
   check(options, "time T,uint16 N,string S,string S2", "2020-01-02T03:04:05.9,5,\"s\",\"xa1\"",
         "{\"T\": \"2020-01-02T03:04:05Z\", \"N\": 5, \"S\": null, \"S2\": \"xa1\", \"NAME\": null}");
   nm_test_t *t = module(options);
   assert_int_equal(nm_test_format(t, 0, "uint16 N"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "6"), NM_ERROR);
   assert_non_null(strstr(nm_test_error(t), "\"S2\""));
   nm_test_free(t);
}

static void wrong_maps(void **state)
{
   static const char *const cases[][2] = {
       {"[]", "expected an object"},
       {"{\n\"match\":", "line 2"},
       {"{\"match\":1}", "\"match\": expected an array"},
       {"{\"match\":[{\"src\":\"A\"}]}", "\"match\""},
       {"{\"regex\":[{\"src\":\"A\",\"dest\":\"B\",\"mapping\":{\"(\":1}}]}", "regular expression \"(\""},
       {"{\"timify\":[1]}", "array of names"},
   };
   char options[100];
   (void) state;
   snprintf(options, sizeof(options), "-M %s", nm_unit_path());
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_unit_write(cases[i][0]);
      nm_test_t *t = module(options);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL) {
         fail_msg("%s: %s", cases[i][0], nm_test_error(t));
      }
      nm_test_free(t);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(both_forms),
                                      cmocka_unit_test(maps), cmocka_unit_test(wrong_maps)};
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
