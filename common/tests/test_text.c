/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <nemea-common/nc_text.h>

static const char *terminal(const char *text, size_t length)
{
   static char to[256];
   size_t n = nc_text_terminal(to, sizeof(to), text, length);
   assert_int_equal(n, strlen(to));
   return to;
}

#define TERMINAL(literal) terminal(literal, sizeof(literal) - 1)

static void test_terminal_shows_plain_text_as_it_is(void **state)
{
   assert_string_equal(TERMINAL("uint8 X \\d {\"a\"}"), "uint8 X \\d {\"a\"}");
   assert_string_equal(TERMINAL("P\xc5\x99\xc3\xadklad \xe2\x82\xac \xf0\x9f\x90\x8c"),
                       "P\xc5\x99\xc3\xadklad \xe2\x82\xac \xf0\x9f\x90\x8c");
}

static void test_terminal_obeys_nothing(void **state)
{
   assert_string_equal(TERMINAL("a\n\x1b[31mHACK\a"), "a\\n\\x1b[31mHACK\\x07");
   assert_string_equal(TERMINAL("\r\t\0\x7f"), "\\r\\t\\x00\\x7f");
   assert_string_equal(TERMINAL("\x9b"
                                "2J"),
                       "\\x9b2J"); /* C1, a single byte */
   assert_string_equal(TERMINAL("\xc2\x9b"
                                "2J"),
                       "\\u009b2J"); /* C1 in UTF-8 */
   assert_string_equal(TERMINAL("\xe2\x80\xae"
                                "exe"),
                       "\\u202eexe");                                /* written from right to left */
   assert_string_equal(TERMINAL("\xf3\xa0\x81\x81"), "\\U000e0041"); /* invisible tag */
   assert_string_equal(TERMINAL("\xc0\x9b"), "\\xc0\\x9b");          /* overlong */
   assert_string_equal(TERMINAL("\xed\xa0\x80"), "\\xed\\xa0\\x80"); /* surrogate */
   assert_string_equal(TERMINAL("\xf4\x90\x80\x80\xff"), "\\xf4\\x90\\x80\\x80\\xff");
   assert_string_equal(TERMINAL("\xe2\x82"), "\\xe2\\x82"); /* cut */
}

static void test_terminal_never_gives_a_byte_that_acts(void **state)
{
   srand(1);
   for (unsigned run = 0; run < 20000; run++) {
      char text[16], to[NC_TEXT_ESCAPE * sizeof(text) + 1];
      for (size_t i = 0; i < sizeof(text); i++) {
         text[i] = (char) rand();
      }
      size_t n = nc_text_terminal(to, sizeof(to), text, sizeof(text));
      for (size_t i = 0; i < n;) {
         uint32_t code;
         size_t step = nc_text_decode(to + i, n - i, &code);
         assert_int_not_equal(step, 0);
         assert_true(nc_text_plain(code));
         i += step;
      }
   }
}

static void test_terminal_cuts_before_a_whole_character(void **state)
{
   for (size_t size = 0; size < 16; size++) {
      char *to = malloc(size + 1);
      to[size] = 'E';
      size_t n = nc_text_terminal(to, size, "ab\x1b\xe2\x82\xac", 6);
      assert_int_equal(to[size], 'E');
      assert_int_equal(n, size < 2 ? 0 : size < 3 ? 1 : size < 7 ? 2 : size < 10 ? 6 : 9);
      assert_true(size == 0 || to[n] == 0);
      free(to);
   }
}

static void test_line_is_one_line_and_says_that_it_was_cut(void **state)
{
   char *text = NULL, *longest = malloc(2 * NC_TEXT_LINE + 1);
   size_t size = 0;
   FILE *to = open_memstream(&text, &size);
   nc_text_line(to, "x: ", "%s", "a\nERROR: forged");
   memset(longest, '\x1b', 2 * NC_TEXT_LINE);
   longest[2 * NC_TEXT_LINE] = 0;
   nc_text_line(to, "y: ", "%s", longest);
   fclose(to);
   assert_memory_equal(text, "x: a\\nERROR: forged\ny: \\x1b\\x1b", 30);
   assert_string_equal(text + size - 8, "\\x1b...\n");
   assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n'), text + size - 1);
   free(text);
   free(longest);
}

static const char *csv(const char *text, size_t length, bool guard)
{
   static char to[256];
   *nc_csv_string(to, text, length, guard) = 0;
   return to;
}

static void test_csv_strings(void **state)
{
   assert_string_equal(csv("a\"b\n\x1b[31m\xc3\xa9,", 12, false), "\"a\"\"b [31m,\"");
   assert_string_equal(csv("=1+1", 4, false), "\"=1+1\"");
   assert_string_equal(csv("=1+1", 4, true), "\"'=1+1\"");
   assert_string_equal(csv("\x01 \n@x", 5, true), "\"  '@x\"");
   assert_string_equal(csv("a=1", 3, true), "\"a=1\"");
   char quotes[100], to[NC_CSV_BOUND(sizeof(quotes))];
   memset(quotes, '"', sizeof(quotes));
   assert_int_equal(nc_csv_string(to, quotes, sizeof(quotes), true) - to, 202);
}

static void test_csv_characters(void **state)
{
   static const struct {
      char c, delimiter;
      bool guard;
      const char *text;
   } cases[] = {{'x', ',', true, "x"},
                {',', ',', false, "\",\""},
                {',', ';', false, ","},
                {'"', ',', false, "\"\"\"\""},
                {'\n', ',', false, "\"\\x0a\""},
                {'\x1b', ',', false, "\"\\x1b\""},
                {'\xff', ',', false, "\"\\xff\""},
                {'=', ',', true, "'="},
                {'=', ',', false, "="},
                {0, ',', true, ""},
                {'\\', ',', false, "\\"}};
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char to[NC_CSV_CHAR_BOUND + 1];
      *nc_csv_char(to, cases[i].c, cases[i].delimiter, cases[i].guard) = 0;
      assert_string_equal(to, cases[i].text);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(test_terminal_shows_plain_text_as_it_is),
       cmocka_unit_test(test_terminal_obeys_nothing),
       cmocka_unit_test(test_terminal_never_gives_a_byte_that_acts),
       cmocka_unit_test(test_terminal_cuts_before_a_whole_character),
       cmocka_unit_test(test_line_is_one_line_and_says_that_it_was_cut),
       cmocka_unit_test(test_csv_strings),
       cmocka_unit_test(test_csv_characters),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
