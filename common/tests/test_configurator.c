/* SPDX-License-Identifier: BSD-3-Clause */
/* The configurator: what it reads, and what it refuses without touching the struct. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <nemea-common/configurator.h>

#define E(name, type, fallback, kind)                                                            \
   "<element type='" kind "'><name>" name "</name><type>" type "</type><default-value>" fallback \
   "</default-value></element>"
#define STRING(name, size, fallback)                                 \
   "<element type='optional'><name>" name "</name><type size='" size \
   "'>string</type><default-value>" fallback "</default-value></element>"
#define PATTERN(text)                                                                                  \
   "<configuration><module-name>m</module-name><module-author>a</module-author><struct name='c'>" text \
   "</struct></configuration>"
#define USER(text) "<configuration>\n<struct name='u'>\n" text "\n</struct></configuration>"

static char said[4096]; /* on standard error, by the last load() */

static void write_file(const char *name, const char *text)
{
   FILE *f = fopen(name, "w");
   assert_non_null(f);
   assert_true(fputs(text, f) >= 0);
   fclose(f);
}

static int load(const char *pattern, const char *user, void *out)
{
   char user_name[] = "/tmp/configurator-user-XXXXXX", error_name[] = "/tmp/configurator-error-XXXXXX";
   close(mkstemp(user_name));
   int errors = mkstemp(error_name), before = dup(STDERR_FILENO);
   assert_true(errors >= 0 && before >= 0);
   write_file(user_name, user);
   fflush(stderr);
   dup2(errors, STDERR_FILENO);
   int rc = loadConfiguration((char *) (uintptr_t) pattern, user_name, out, CONF_PATTERN_STRING);
   fflush(stderr);
   dup2(before, STDERR_FILENO);
   ssize_t n = pread(errors, said, sizeof(said) - 1, 0);
   said[n > 0 ? n : 0] = 0;
   close(errors);
   close(before);
   unlink(user_name);
   unlink(error_name);
   return rc;
}

static void assert_said(const char *what)
{
   if (strstr(said, what) == NULL) {
      fail_msg("'%s' is not in '%s'", what, said);
   }
}

static void reads_all_that_a_pattern_can_say(void **state)
{
   struct __attribute__((packed)) {
      uint8_t a;
      uint32_t b;
      char s[8];
      int16_t in;
      uint32_t *arr;
      double d;
   } c = {0};
   assert_int_equal(
       load(
           PATTERN(E("a", "uint8_t", "", "required") E("b", "UINT32_T", "3000000000", "optional")
                       STRING("s", "8", "x") "<struct name='st'>" E(
                           "in", "int16_t", "1",
                           "optional") "</struct><array name='arr'>" E("e", "uint32_t", "",
                                                                       "optional") "</array>" E("d", "double",
                                                                                                "0.5",
                                                                                                "optional")),
           USER(
               "<element name='a'> 7\n</element><element name='a'>8</element><element "
               "name='s'>abcdefghijkl</element>"
               "<struct name='st'><element name='in'>-3</element></struct><element name='unknown'>1</element>"
               "<array name='arr'><element>1</element><element>4294967295</element></array>"),
           &c),
       0);
   assert_int_equal(c.a, 7);
   assert_int_equal(c.b, 3000000000u);
   assert_string_equal(c.s, "abcdefg");
   assert_int_equal(c.in, -3);
   assert_int_equal(configuratorGetArrElemCount(c.arr), 2);
   assert_int_equal(c.arr[0], 1);
   assert_int_equal(c.arr[1], 4294967295u);
   assert_true(c.d == 0.5);
   assert_int_equal(configuratorGetArrElemCount(&c), 0);
   assert_int_equal(configuratorGetArrElemCount(NULL), 0);
   configuratorFreeUAMBS();
   assert_int_equal(configuratorGetArrElemCount(c.arr), 0);
}

static void missing_required_value_leaves_the_struct_untouched(void **state)
{
   struct __attribute__((packed)) {
      uint8_t a;
      uint8_t z;
      uint32_t *arr;
   } c = {11, 22, NULL};
   assert_int_equal(load(PATTERN(E("a", "uint8_t", "1", "optional")
                                     E("z", "uint8_t", "", "required") "<array name='arr'>" E(
                                         "e", "uint32_t", "", "optional") "</array>"),
                         USER("<element name='a'>3</element>"), &c),
                    1);
   assert_said("variable (z) is required, but not found in user configuration file.");
   assert_int_equal(c.a, 11);
   assert_int_equal(c.z, 22);
   assert_null(c.arr);
}

static void missing_array_is_null(void **state)
{
   struct __attribute__((packed)) {
      uint32_t *arr;
      uint8_t b;
   } c = {(uint32_t *) (uintptr_t) 1, 1};
   assert_int_equal(load(PATTERN("<array name='arr'>" E("e", "uint32_t", "", "optional") "</array>" E(
                             "b", "uint8_t", "9", "optional")),
                         USER(""), &c),
                    0);
   assert_null(c.arr);
   assert_int_equal(c.b, 9);
   assert_int_equal(
       load(PATTERN("<array name='arr' type='required'>" E("e", "uint32_t", "", "optional") "</array>"),
            USER(""), &c),
       1);
   assert_said("(arr) is required");
}

static void array_of_strings_holds_them_whole(void **state)
{
   struct __attribute__((packed)) {
      char (*names)[4];
   } c = {0};
   assert_int_equal(
       load(PATTERN("<array name='names'>" STRING("n", "4", "") "</array>"),
            USER("<array "
                 "name='names'><element>abcdef</element><element>xy</element><element>123</element></array>"),
            &c),
       0);
   assert_int_equal(configuratorGetArrElemCount(c.names), 3);
   assert_string_equal(c.names[0], "abc");
   assert_string_equal(c.names[1], "xy");
   assert_string_equal(c.names[2], "123");
   configuratorFreeUAMBS();
}

static void array_of_structs_has_its_defaults_and_ignores_unknown_names(void **state)
{
   struct __attribute__((packed)) pair {
      uint16_t x;
      int64_t y;
   };
   struct __attribute__((packed)) {
      struct pair *pairs;
   } c = {0};
   const char *pattern = PATTERN("<array name='pairs'><struct>" E("x", "uint16_t", "77", "optional")
                                     E("y", "int64_t", "", "required") "</struct></array>");
   assert_int_equal(
       load(pattern,
            USER("<array name='pairs'><struct><element name='y'>-1</element><element name='other'>5</element>"
                 "</struct><struct><element name='x'>1</element><element "
                 "name='y'>2</element></struct></array>"),
            &c),
       0);
   assert_int_equal(configuratorGetArrElemCount(c.pairs), 2);
   assert_int_equal(c.pairs[0].x, 77);
   assert_int_equal(c.pairs[0].y, -1);
   assert_int_equal(c.pairs[1].x, 1);
   assert_int_equal(c.pairs[1].y, 2);
   assert_int_equal(
       load(pattern, USER("<array name='pairs'><struct><element name='x'>1</element></struct></array>"), &c),
       1);
   configuratorFreeUAMBS();
}

static void name_of_a_nested_struct_is_its_own(void **state)
{
   struct __attribute__((packed)) {
      uint8_t a;
   } c = {0};
   assert_int_equal(load("<configuration><struct kind='outer' name='c'><struct name='in'>" E(
                             "a", "uint8_t", "", "required") "</struct></struct></configuration>",
                         USER("<struct name='in'><element name='a'>5</element></struct>"), &c),
                    0);
   assert_int_equal(c.a, 5);
   assert_int_equal(load(PATTERN("<struct>" E("a", "uint8_t", "", "required") "</struct>"), USER(""), &c), 1);
   assert_said("<struct> has no name");
}

static void same_name_in_two_structs_is_two_members(void **state)
{
   struct __attribute__((packed)) {
      uint8_t one, two;
   } c = {0};
   assert_int_equal(
       load(PATTERN("<struct name='p'>" E("n", "uint8_t", "", "required") "</struct><struct name='q'>" E(
                "n", "uint8_t", "", "required") "</struct>"),
            USER("<struct name='q'><element name='n'>2</element></struct>"
                 "<struct name='p'><element name='n'>1</element></struct>"),
            &c),
       0);
   assert_int_equal(c.one, 1);
   assert_int_equal(c.two, 2);
}

static void numbers_out_of_range_or_with_junk_are_refused_with_the_line(void **state)
{
   static const struct {
      const char *type, *value, *expected;
   } bad[] = {{"uint8_t", "256", "from 0 to 255"},
              {"uint8_t", "-1", "from 0 to 255"},
              {"int8_t", "-129", "from -128 to 127"},
              {"int16_t", "32768", "from -32768 to 32767"},
              {"uint32_t", "4294967296", "to 4294967295"},
              {"uint64_t", "18446744073709551616", "to 18446744073709551615"},
              {"int32_t", "12abc", "a number from"},
              {"int32_t", "", "a number from"},
              {"double", "much", "expected a number"}};
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      char pattern[512], user[256];
      uint64_t out = 99;
      snprintf(pattern, sizeof(pattern), PATTERN(E("n", "%s", "", "required")), bad[i].type);
      snprintf(user, sizeof(user), USER("<element name='n'>%s</element>"), bad[i].value);
      assert_int_equal(load(pattern, user, &out), 1);
      assert_said(bad[i].expected);
      assert_said(":3: 'n' has the value");
      assert_int_equal(out, 99);
   }
   uint64_t most = 0;
   assert_int_equal(load(PATTERN(E("n", "uint64_t", "", "required")),
                         USER("<element name='n'>18446744073709551615</element>"), &most),
                    0);
   assert_true(most == UINT64_MAX);
}

static void broken_documents_are_refused(void **state)
{
   uint8_t out[64] = {0};
   const char *good = PATTERN(E("n", "uint8_t", "1", "optional"));
   static const char *const patterns[] = {
       "",
       "<configuration>",
       "<other/>",
       "<configuration/>",
       PATTERN("<element/>"),
       PATTERN(E("n", "uint128_t", "", "optional")),
       PATTERN("<array name='a'/>"),
       PATTERN("<thing name='a'/>"),
       PATTERN(STRING("s", "0", "")),
       PATTERN(STRING("s", "many", "")),
       PATTERN("<array name='a'><struct><array name='b'/></struct></array>")};
   for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
      assert_int_equal(load(patterns[i], USER(""), out), 1);
      assert_said("Configurator: Cannot parse configuration file.");
   }
   assert_int_equal(load(good, "<configuration>", out), 1);
   assert_said("Configurator: Cannot parse user configuration file.");
   assert_int_equal(load(good, "<config/>", out), 1);
   assert_int_equal(load(good, USER(""), NULL), 1);
   assert_int_equal(loadConfiguration((char *) "/nonexistent/pattern", (char *) "/nonexistent/user", out,
                                      CONF_PATTERN_FILE),
                    1);
   assert_int_equal(loadConfiguration((char *) "x", (char *) "x", out, 2), 1);
}

static void entities_from_outside_are_not_read(void **state)
{
   char out[32] = "before";
   assert_int_equal(load(PATTERN(STRING("s", "32", "")),
                         "<!DOCTYPE c [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><configuration><struct>"
                         "<element name='s'>&x;</element></struct></configuration>",
                         out),
                    1);
   assert_said("document type");
   assert_string_equal(out, "before");
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(reads_all_that_a_pattern_can_say),
       cmocka_unit_test(missing_required_value_leaves_the_struct_untouched),
       cmocka_unit_test(missing_array_is_null),
       cmocka_unit_test(array_of_strings_holds_them_whole),
       cmocka_unit_test(array_of_structs_has_its_defaults_and_ignores_unknown_names),
       cmocka_unit_test(name_of_a_nested_struct_is_its_own),
       cmocka_unit_test(same_name_in_two_structs_is_two_members),
       cmocka_unit_test(numbers_out_of_range_or_with_junk_are_refused_with_the_line),
       cmocka_unit_test(broken_documents_are_refused),
       cmocka_unit_test(entities_from_outside_are_not_read),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
