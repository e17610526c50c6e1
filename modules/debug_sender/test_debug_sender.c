/* SPDX-License-Identifier: BSD-3-Clause */
/** debug_sender: commands typed at it, values and rules. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "value.h"

/* The module with these lines as its standard input, run until it stops. */
static nm_test_t *session(const char *format, const char *lines, const char **printed)
{
   int fd = memfd_create("lines", MFD_CLOEXEC);
   assert_true(fd >= 0);
   assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
   lseek(fd, 0, SEEK_SET);
   dup2(fd, STDIN_FILENO);
   close(fd);
   clearerr(stdin);
   fflush(stdin);
   assert_true(nm_test_catch(STDOUT_FILENO));
   nm_test_t *t = nm_test_new(&nm_definition, format);
   int rc = nm_test_error(t) == NULL ? NM_OK : NM_ERROR;
   for (int i = 0; rc == NM_OK && i < 100; i++) {
      rc = nm_test_source(t);
   }
   *printed = nm_test_caught();
   assert_int_equal(rc, NM_STOP);
   return t;
}

static void a_record_is_shown_edited_and_sent(void **state)
{
   const char *printed;
   (void) state;
   nm_test_t *t = session("ipaddr SRC_IP,uint16 PORT,string NAME",
                          "e\n10.0.0.1\n80\na \"b\", c\np\ns\n\ns 2\nx\n", &printed);
   assert_non_null(
       strstr(printed, "\nSRC_IP = ::\nPORT = 0\nNAME = \"\"\n\nType help to get list of commands.\n> "));
   assert_non_null(strstr(
       printed,
       "SRC_IP [::]: PORT [0]: NAME [\"\"]: > SRC_IP = 10.0.0.1\nPORT = 80\nNAME = \"a \"\"b\"\", c\"\n"));
   assert_non_null(strstr(
       printed,
       "> Sending the record ... done\n> Sending the record ... done\n> Sending 2 records ... done\n> "));
   for (int i = 0; i < 4; i++) {
      assert_string_equal(nm_test_next(t, 0), "10.0.0.1,80,\"a \"\"b\"\", c\"");
   }
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void rules_are_applied_before_each_record(void **state)
{
   const char *printed;
   (void) state;
   nm_test_t *t =
       session("uint16 PORT,string NAME", "edit\n!+2\n+3\nsend 2\nprint\nedit\n!\n\nsend\nquit\n", &printed);
   assert_string_equal(nm_test_next(t, 0), "2,\"+3\""); /* text stays text */
   assert_string_equal(nm_test_next(t, 0), "4,\"+3\"");
   assert_string_equal(nm_test_next(t, 0), "4,\"+3\"");
   assert_non_null(strstr(printed, "PORT = 4 {+2}\n"));
   nm_test_free(t);
}

static void bad_text_is_asked_for_again(void **state)
{
   const char *printed;
   (void) state;
   nm_test_t *t = session("uint8 N", "edit\n256\n-\nx\n!y\n7\nsend 0\nnonsense\ns\n", &printed);
   assert_non_null(strstr(printed, "Unable to convert '256' to uint8: "));
   assert_non_null(strstr(printed, "Unable to convert '-' to uint8: "));
   assert_non_null(strstr(printed, "Unable to convert 'x' to uint8: "));
   assert_non_null(strstr(printed, "Unable to convert 'y' to uint8: "));
   assert_non_null(strstr(printed, "\"0\" is not a number of records\n"));
   assert_non_null(strstr(printed, "Unknown command \"nonsense\". Type help to get list of commands.\n"));
   assert_string_equal(nm_test_next(t, 0), "7");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void end_of_input_within_edit_is_an_end(void **state)
{
   const char *printed;
   (void) state;
   nm_test_t *t = session("uint8 N,uint8 O", "edit\n1\n", &printed);
   assert_null(nm_test_error(t));
   nm_test_free(t);
}

static void the_end_of_stream_can_be_sent_and_records_after_it(void **state)
{
   const char *printed;
   (void) state;
   nm_test_t *t = session("uint16 N", "s\nt\ns\nt\n", &printed);
   assert_string_equal(nm_test_next(t, 0), "0");
   assert_string_equal(nm_test_next(t, 0), "");
   assert_string_equal(nm_test_next(t, 0), "0");
   assert_string_equal(nm_test_next(t, 0), "");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void a_wrong_format_is_named(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "uint99 N");
   assert_non_null(strstr(nm_test_error(t), "fields \"uint99 N\": a type is unknown"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "");
   assert_non_null(strstr(nm_test_error(t), "expected the format of the records after the options"));
   nm_test_free(t);
}

/* What a field of this type has after "from" and then "text". NULL: bad text */
static char *after(const char *type, const char *from, const char *text)
{
   static char record[UR_MAX_SIZE];
   char format[40], *result = NULL;
   snprintf(format, sizeof(format), "%s X_%s", type, strcmp(type, "int8*") == 0 ? "a" : type);
   assert_int_equal(ur_define_set_of_fields(format), UR_OK);
   ur_template_t *t = ur_create_template_from_ifc_spec(format);
   memset(record, 0, sizeof(record));
   assert_true(value_set(t, record, t->ids[0], from));
   if (value_set(t, record, t->ids[0], text)) {
      result = value_text(t, record, t->ids[0]);
   }
   ur_free_template(t);
   return result;
}

static void relative_values(void **state)
{
   static const char *const cases[][4] = {
       {"uint8", "250", "+10", "4"}, /* wraps */
       {"uint16", "5", "-5", "0"},
       {"int32", "-5", "-5", "-10"},
       {"uint64", "1", "-2", "18446744073709551615"},
       {"uint32", "1", "+", NULL},
       {"uint32", "1", "+x", NULL},
       {"double", "1.5", "+0.25", "1.750000"},
       {"float", "1.5", "-2", "-0.500000"},
       {"ipaddr", "10.0.0.255", "+1", "10.0.1.0"},
       {"ipaddr", "10.0.1.0", "-1", "10.0.0.255"},
       {"ipaddr", "2001:db8::ffff", "+1", "2001:db8::1:0"},
       {"ipaddr", "2001:db8::1:0", "-1", "2001:db8::ffff"},
       {"time", "2024-01-01T00:00:00", "+1.5", "2024-01-01T00:00:01.500000"},
       {"time", "2024-01-01T00:00:00", "-60", "2023-12-31T23:59:00.000000"},
       {"time", "2024-01-01T00:00:00", "nowhere", NULL},
       {"string", "a", "-1", "\"-1\""},
       {"int8*", "[1|2]", "[3|-4]", "[3|-4]"},
       {"int8*", "[1|2]", "[3|x]", NULL},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char *got = after(cases[i][0], cases[i][1], cases[i][2]);
      if (cases[i][3] == NULL) {
         assert_null(got);
      } else {
         assert_non_null(got);
         assert_string_equal(got, cases[i][3]);
      }
      free(got);
   }
   ur_finalize();
}

static void now_is_now(void **state)
{
   char *got = after("time", "1970-01-01T00:00:00", "now-3600");
   (void) state;
   assert_non_null(got);
   assert_true(atoi(got) >= 2024);
   free(got);
   ur_finalize();
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_record_is_shown_edited_and_sent),
       cmocka_unit_test(rules_are_applied_before_each_record),
       cmocka_unit_test(bad_text_is_asked_for_again),
       cmocka_unit_test(end_of_input_within_edit_is_an_end),
       cmocka_unit_test(the_end_of_stream_can_be_sent_and_records_after_it),
       cmocka_unit_test(a_wrong_format_is_named),
       cmocka_unit_test(relative_values),
       cmocka_unit_test(now_is_now),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
