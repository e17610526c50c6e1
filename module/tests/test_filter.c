/* SPDX-License-Identifier: BSD-3-Clause */
/** The filter: which records an expression matches, its normal form, and the errors of invalid ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <nemea/filter.h>

#define FIELDS                                                                                              \
   "uint8 U8,uint16 SRC_PORT,uint16 DST_PORT,uint32 U32,uint64 U64,int8 I8,int16 I16,int32 I32,int64 I64,"  \
   "char CH,float F,double D,ipaddr SRC_IP,ipaddr DST_IP,macaddr MAC,time TIME_FIRST,string URL,bytes RAW," \
   "uint8 PROTOCOL,uint16* LIST,uint32 A1_B2"

struct fixture {
   ur_template_t *tmplt;
   void *rec;
};

static void set(struct fixture *f, const char *name, const char *value)
{
   assert_int_equal(
       ur_set_from_string_strict(f->tmplt, f->rec, (ur_field_id_t) ur_get_id_by_name(name), value), 0);
}

static int setup(void **state)
{
   static const char *const values[][2] = {{"U8", "200"},
                                           {"SRC_PORT", "443"},
                                           {"DST_PORT", "50000"},
                                           {"U32", "4294967295"},
                                           {"U64", "18446744073709551615"},
                                           {"I8", "-100"},
                                           {"I16", "-30000"},
                                           {"I32", "-5"},
                                           {"I64", "-9223372036854775808"},
                                           {"CH", "a"},
                                           {"F", "1.1"},
                                           {"D", "2.5"},
                                           {"SRC_IP", "10.0.200.1"},
                                           {"DST_IP", "2001:db8::7"},
                                           {"MAC", "00:11:22:33:44:ff"},
                                           {"TIME_FIRST", "2020-01-02T03:04:05.678"},
                                           {"URL", "http://1.2.3.4/a"},
                                           {"RAW", "666f6f"},
                                           {"PROTOCOL", "6"},
                                           {"A1_B2", "8"}};
   static struct fixture f;
   assert_int_equal(ur_define_set_of_fields(FIELDS), UR_OK);
   f.tmplt = ur_create_template_from_ifc_spec(FIELDS);
   f.rec = ur_create_record(f.tmplt, 1000);
   for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
      set(&f, values[i][0], values[i][1]);
   }
   *state = &f;
   return 0;
}

static int teardown(void **state)
{
   struct fixture *f = *state;
   ur_free_record(f->rec);
   ur_free_template(f->tmplt);
   ur_finalize();
   return 0;
}

struct warnings {
   unsigned count;
   enum nm_filter_warning kind;
   size_t offset;
   char text[320];
};

static void keep(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   struct warnings *w = arg;
   w->count++;
   w->kind = kind;
   w->offset = offset;
   snprintf(w->text, sizeof(w->text), "%s", text);
}

static bool matches(const struct fixture *f, const char *text, struct warnings *w)
{
   nm_filter_error_t error;
   nm_filter_t *filter = nm_filter_parse(text, w != NULL ? keep : NULL, w, &error);
   if (filter == NULL) {
      fail_msg("%s: %s at %zu", text, error.text, error.offset);
   }
   nm_matcher_t *m = nm_filter_bind(filter, f->tmplt, NULL, NULL, w != NULL ? keep : NULL, w);
   assert_non_null(m);
   bool result = nm_matcher_match(m, f->rec);
   nm_matcher_free(m);
   nm_filter_free(filter);
   return result;
}

static const char *const true_for_the_record[] = {
    "",
    "  \t\n",
    "true",
    "TRUE",
    "True",
    "not false",
    /* integers of each width and sign, at the borders */
    "U8 == 200",
    "U8 = 200",
    "U8 > 199",
    "U8 >= 200",
    "U8 <= 200",
    "U8 < 201",
    "U8 != 199",
    "U8 <> 0",
    "U8 < 300",
    "U8 > -1",
    "U8 => 200",
    "U8 =< 200",
    "U8 == 0310",
    "A1_B2 == 8",
    "A1_B2 == 010",
    "SRC_PORT==443",
    "U32 == 4294967295",
    "U32 < 4294967296",
    "U64 == 18446744073709551615",
    "U64 > 9223372036854775807",
    "U64 >= 18446744073709551615",
    "I8 == -100",
    "I8 < 0",
    "I8 < -99",
    "I8 > -101",
    "I16 == -30000",
    "I16 <= -30000",
    "I32 == -5",
    "I32 > -6",
    "I32 < 3000000000",
    "I64 == -9223372036854775808",
    "I64 <= -9223372036854775808",
    "I64 < 18446744073709551615",
    "I64 != 18446744073709551615",
    /* sets */
    "SRC_PORT IN [443,22, 50000]",
    "SRC_PORT in [ 1 , 443 ]",
    "U8 in [200]",
    "I8 in [-100, 5]",
    "I16 in [-30000]",
    "I32 in [1, -5, 7]",
    "I64 in [-9223372036854775808, 1]",
    "U32 in [0, 4294967295]",
    "U64 in [1, 2, 3, 18446744073709551615]",
    "NOT U8 in [1, 2, 300, -56]",
    "SRC_PORT > [443]",
    "D in [1.0, 2.5]",
    "F in [1.1]",
    "F in [7, 1.1]",
    /* floating point */
    "D == 2.5",
    "D > 2",
    "D < 3",
    "D >= 2.5",
    "D != 2.6",
    "F == 1.1",
    "F > 1",
    "F < 1.2",
    "D > -0.5",
    "NOT D == 3",
    /* addresses */
    "SRC_IP == 10.0.200.1",
    "SRC_IP == \"10.0.200.1\"",
    "SRC_IP == 10.77.1.1/8",
    "SRC_IP in 10.0.0.0/8",
    "SRC_IP >= 10.0.0.0/8",
    "SRC_IP <= 10.0.0.0/8",
    "SRC_IP > 10.0.0.0/17",
    "SRC_IP < 11.0.0.0/8",
    "SRC_IP > 9.0.0.0/8",
    "SRC_IP != 2001:db8::/32",
    "SRC_IP < 2001:db8::/32",
    "SRC_IP > ::/0",
    "SRC_IP == 0.0.0.0/0",
    "NOT SRC_IP == ::/0",
    "DST_IP == 2001:db8::7",
    "DST_IP == 2001:db8::/32",
    "DST_IP == ::/0",
    "SRC_IP in [10.0.0.0/8, 10.0.0.0/30, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24,10.0.4.0/24]",
    "SRC_IP in [10.0.200.1, fe80::1]",
    "DST_IP in [10.0.200.1, 2001:db8::/32, ::1]",
    "SRC_IP > 10.0.200.0",
    "SRC_IP < 10.0.200.2",
    "DST_IP > 255.255.255.255",
    "host == 10.0.200.1",
    "host == 10.0.0.0/8",
    "host == 2001:db8::/32",
    "host != 1.2.3.4",
    "host in [1.1.1.1, 2001:db8::7]",
    "host in 10.0.0.0/8",
    "host < 11.0.0.0",
    "host > 9.0.0.0",
    "host >= 2001:db8::7",
    "host <= 2001:db8::7",
    /* ports, protocols */
    "port == 443",
    "port == 50000",
    "port > 49999",
    "port < 444",
    "port != 443",
    "port in [1, 50000]",
    "PROTOCOL == TCP",
    "PROTOCOL != UDP",
    "PROTOCOL == tcp",
    "PROTOCOL == \"tcp\"",
    "PROTOCOL == 6",
    "PROTOCOL > 5",
    "NOT PROTOCOL == UDP",
    "PROTOCOL in [6, 17]",
    /* text */
    "URL == \"http://1.2.3.4/a\"",
    "URL == 'http://1.2.3.4/a'",
    "URL =~ \"^http\"",
    "URL ~= '[0-9]/a$'",
    "URL != \"\"",
    "RAW == \"foo\"",
    "RAW =~ 'o{2}'",
    "CH == \"a\"",
    "CH != 'b'",
    "MAC == \"00:11:22:33:44:ff\"",
    "MAC != '00:11:22:33:44:fe'",
    /* time */
    "TIME_FIRST == 2020-01-02T03:04:05.678",
    "TIME_FIRST == \"2020-01-02T03:04:05.678\"",
    "TIME_FIRST > 2020-1-2T03:04:05",
    "TIME_FIRST < 2020-01-02T03:04:05.679",
    "TIME_FIRST in [2020-01-01T00:00:00, 2020-01-02T03:04:05.678]",
    "TIME_FIRST >= 2020-01-02T03:04:05.678Z",
    /* AND and OR from left to right, NOT for one term */
    "true OR false AND true",
    "NOT (true OR true AND false) OR true",
    "(false AND true OR true)",
    "not false and true",
    "U8 == 1 OR U8 == 200 AND PROTOCOL == TCP",
    "! ( U8 == 1 && U8 == 2 )",
    "not not true",
    "((U8 == 200) && (port == 443 || port == 80)) and !(URL =~ \"^ftp\")",
    "false && true || true && true || false",
    "NOT NOFIELD == 5",
};

static const char *const false_for_the_record[] = {
    "false",
    "not true",
    "U8 == 199",
    "U8 != 200",
    "U8 < 200",
    "U8 > 200",
    "U8 < 0",
    "U8 > 255",
    "U8 == 456",
    "U8 == -56",
    "U64 == -1",
    "U64 < -1",
    "I64 < -9223372036854775808",
    "I64 == 9223372036854775808",
    "I8 == 156",
    "I8 > 0",
    "I16 in [35536]",
    "I8 in [156]",
    "I32 in [4294967291]",
    "U64 in [-1]",
    "SRC_PORT in [65979]",
    "U64 in [1]",
    "D == 2.4",
    "D == 3",
    "F == 1.2",
    "D < 2.5",
    "D in [2.4]",
    "F == 1.0",
    "SRC_IP == 11.0.0.0/8",
    "SRC_IP < 10.0.0.0/8",
    "SRC_IP > 10.0.0.0/8",
    "SRC_IP == 2001:db8::/32",
    "SRC_IP <= 2001:db8::/32",
    "SRC_IP >= 2001:db8::/32",
    "DST_IP == 0.0.0.0/0",
    "DST_IP in [10.0.0.0/8]",
    "SRC_IP in [::/0]",
    "SRC_IP in [10.0.0.0/25, 10.0.200.2, 10.0.200.0]",
    "SRC_IP < 0.0.0.0/0",
    "host == 1.2.3.4",
    "host != 10.0.200.1",
    "host != 2001:db8::7",
    "host < 10.0.200.1",
    "host in [1.1.1.1]",
    "host > 10.0.200.1",
    "port == 80",
    "port < 443",
    "port > 50000",
    "port in [80]",
    "PROTOCOL == UDP",
    "PROTOCOL != TCP",
    "NOT PROTOCOL == TCP",
    "URL == \"1.2.3.4\"",
    "URL == \"http\"",
    "URL =~ \"^ftp\"",
    "RAW == \"fo\"",
    "CH == 'b'",
    "CH == 'ab'",
    "MAC == '00:11:22:33:44:fe'",
    "TIME_FIRST == 2020-01-02T03:04:05",
    "TIME_FIRST < 2020-01-02T03:04:05",
    "TIME_FIRST == 1577934245",
    "true AND false",
    "true OR true AND false",
    "not true or false",
    "NOFIELD == 5",
    "NOFIELD =~ 'x'",
    "NOFIELD in [1, 2]",
    "LIST == 5",
    "U8 == 1.5",
    "SRC_IP == 5",
    "URL == 5",
    "U8 == 'x'",
    "U8 =~ 'x'",
};

static void which_records(void **state)
{
   for (size_t i = 0; i < sizeof(true_for_the_record) / sizeof(true_for_the_record[0]); i++) {
      if (!matches(*state, true_for_the_record[i], NULL)) {
         fail_msg("should match: %s", true_for_the_record[i]);
      }
   }
   for (size_t i = 0; i < sizeof(false_for_the_record) / sizeof(false_for_the_record[0]); i++) {
      if (matches(*state, false_for_the_record[i], NULL)) {
         fail_msg("should not match: %s", false_for_the_record[i]);
      }
   }
}

static void wrong_expressions(void **state)
{
   static const struct {
      const char *text;
      size_t offset;
      const char *says;
   } cases[] = {
       {"ID ==", 5, "ends where"},
       {"ID", 2, "a comparison"},
       {"== 5", 0, "field name"},
       {"(U8 == 1", 8, "\")\""},
       {"U8 == 1)", 7, "AND, OR or the end"},
       {"U8 == 1;", 7, "unexpected character ';'"},
       {"U8 == 1 U8 == 2", 8, "AND, OR or the end"},
       {"U8 == [1, 2]", 6, "before \"[\""},
       {"U8 in []", 7, "before \"]\""},
       {"U8 in [1, 2", 11, "ends where"},
       {"URL < \"x\"", 6, "before \"\"x\"\""},
       {"URL =~ 5", 7, "regular expression"},
       {"URL =~ \"(\"", 8, "bad regular expression"},
       {"URL =~ \"(a{99}){99}\"", 8, "its repetitions add more than 512 places"},
       {"URL == \"open", 7, "no closing"},
       {"U8 == 0x10", 7, "AND, OR or the end"},
       {"U8 == 08", 6, "octal"},
       {"U8 == 18446744073709551616", 6, "64 bits"},
       {"U8 == -9223372036854775809", 6, "64 bits"},
       {"port == -1", 8, "port number"},
       {"host == 5", 8, "address"},
       {"host =~ \"x\"", 5, "a comparison"},
       {"PROTOCOL > TCP", 11, "protocol"},
       {"SRC_IP == 10.0.0.0/33", 18, "unexpected character '/'"},
       {"SRC_IP < DST_IP", 9, "number, time, address"},
       {"TIME_FIRST == 2020-13-01T00:00:00", 14, "not a date"},
       {"U8 == 1 AND", 11, "ends where"},
       {"U8 == 1 \x01", 8, "0x01"},
       {"U8 == 1 'a\n'", 8, "'a\\n'"},
   };
   char deep[400], *p = deep;
   nm_filter_error_t error;
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      assert_null(nm_filter_parse(cases[i].text, NULL, NULL, &error));
      if (error.offset != cases[i].offset || strstr(error.text, cases[i].says) == NULL) {
         fail_msg("%s: %s at %zu", cases[i].text, error.text, error.offset);
      }
   }
   p += sprintf(p, "%0*d", 99, 0);
   memset(deep, '(', 99);
   p += sprintf(p, "true");
   memset(p, ')', 99);
   p[99] = 0;
   nm_filter_t *filter = nm_filter_parse(deep, NULL, NULL, &error);
   assert_non_null(filter);
   nm_filter_free(filter);
   memset(deep, '!', sizeof(deep));
   strcpy(deep + 300, "true");
   assert_null(nm_filter_parse(deep, NULL, NULL, &error));
   assert_non_null(strstr(error.text, "nested deeper"));
}

static void warnings(void **state)
{
   static const struct {
      const char *text;
      enum nm_filter_warning kind;
      size_t offset;
      const char *says;
   } cases[] = {
       {"U8 == 200 && NOFIELD == 5", NM_FILTER_NO_FIELD, 13, "NOFIELD is not present in input format."},
       {"U8 == 'x'", NM_FILTER_WRONG_TYPE, 0, "Type of U8 is not string"},
       {"URL == 1.2.3.4", NM_FILTER_WRONG_TYPE, 0, "Type of URL is not IP address"},
       {"SRC_IP in [1, 2]", NM_FILTER_WRONG_TYPE, 0, "Type of SRC_IP is not integer"},
       {"PROTOCOL == nosuch", NM_FILTER_NO_NAME, 0, "Protocol nosuch is not known"},
       {"PROTOCOL == 'a\n'", NM_FILTER_NO_NAME, 0, "Protocol a\\n is not known"},
       {"U8 == 1 || U8 == 2 && U8 == 3", NM_FILTER_STYLE, 19, "left to right"},
       {"U8 == 010", NM_FILTER_STYLE, 6, "octal: 8"},
   };
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct warnings w = {.count = 0};
      matches(*state, cases[i].text, &w);
      if (w.count != 1 || w.kind != cases[i].kind || w.offset != cases[i].offset ||
          strstr(w.text, cases[i].says) == NULL) {
         fail_msg("%s: %u, %s at %zu", cases[i].text, w.count, w.text, w.offset);
      }
   }
}

static void normal_form(void **state)
{
   static const char *const cases[][2] = {
       {"SRC_PORT==443||host==10.0.0.0/8", "SRC_PORT == 443 || host == 10.0.0.0/8 (255.0.0.0)"},
       {"(U8=1 or U8<>2) and not D<1.5", "( U8 == 1 || U8 != 2 ) && ! ( D < 1.500000 )"},
       {"PROTOCOL == tcp", "PROTOCOL == 6"},
       {"SRC_PORT in [443, 22]", "SRC_PORT IN [22, 443, ]"},
       {"SRC_IP in [10.0.0.2, 10.0.0.0/8]", "SRC_IP IN [10.0.0.0/8, 10.0.0.2/32, ]"},
       {"TIME_FIRST > 2020-1-2T03:04:05.6", "TIME_FIRST > 2020-01-02T03:04:05.600"},
       {"URL ~= 'a' && I8 == -5", "URL =~ \"a\" && I8 == -5"},
       {"NOFIELD == 1 && U8 == 2", "<NOFIELD == 1> && U8 == 2"},
       {"", "true"},
   };
   struct fixture *f = *state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_filter_t *filter = nm_filter_parse(cases[i][0], NULL, NULL, NULL);
      assert_non_null(filter);
      nm_matcher_t *m = nm_filter_bind(filter, f->tmplt, NULL, NULL, NULL, NULL);
      char *text = nm_filter_text(filter, m, "<", ">");
      assert_string_equal(text, cases[i][1]);
      free(text);
      nm_matcher_free(m);
      nm_filter_free(filter);
   }
}

/* A field that the input lacks has its value from the defaults. */
static void default_values(void **state)
{
   struct fixture *f = *state;
   assert_int_equal(ur_define_set_of_fields("uint16 FOO,string BAR,uint8 U8"), UR_OK);
   ur_template_t *defaults = ur_create_template_from_ifc_spec("uint16 FOO,string BAR,uint8 U8");
   void *values = ur_create_record(defaults, 100);
   ur_set_from_string(defaults, values, (ur_field_id_t) ur_get_id_by_name("FOO"), "7");
   ur_set_from_string(defaults, values, (ur_field_id_t) ur_get_id_by_name("BAR"), "axb");
   static const struct {
      const char *text;
      bool result;
   } cases[] = {{"FOO == 7", true},
                {"FOO in [6, 70000, 7]", true},
                {"FOO > 7 || BAR =~ 'x'", true},
                {"BAR == 'x'", false},
                {"U8 == 200", true},
                {"U8 == 0", false},
                {"FOO == 7 && BAR == 'axb' && U8 == 200", true}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_filter_t *filter = nm_filter_parse(cases[i].text, NULL, NULL, NULL);
      nm_matcher_t *m = nm_filter_bind(filter, f->tmplt, defaults, values, NULL, NULL);
      if (nm_matcher_match(m, f->rec) != cases[i].result) {
         fail_msg("%s", cases[i].text);
      }
      nm_matcher_free(m);
      nm_filter_free(filter);
   }
   ur_free_record(values);
   ur_free_template(defaults);
}

/* A value of a regular expression ends at its first NUL, and never after the field. */
static void regex_bounds(void **state)
{
   struct fixture *f = *state;
   int id = ur_get_id_by_name("RAW");
   ur_set_var(f->tmplt, f->rec, id, "ab\0cd", 5);
   assert_true(matches(f, "RAW =~ 'b$'", NULL));
   assert_false(matches(f, "RAW =~ 'c'", NULL));
   ur_set_var(f->tmplt, f->rec, id, "ab", 2); /* what follows in the record is not a NUL */
   assert_true(matches(f, "RAW =~ '^ab$'", NULL));
   ur_set_var(f->tmplt, f->rec, id, "foo", 3);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(which_records), cmocka_unit_test(wrong_expressions), cmocka_unit_test(warnings),
       cmocka_unit_test(normal_form),   cmocka_unit_test(default_values),    cmocka_unit_test(regex_bounds),
   };
   return cmocka_run_group_tests(tests, setup, teardown);
}
