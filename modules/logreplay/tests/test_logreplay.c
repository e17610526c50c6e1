/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of logreplay without a process: lines to records. */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

/* Replays a text; the test that has what was sent. */
static nm_test_t *replay(const char *text, const char *options, int *result)
{
   char path[] = "/tmp/logreplay-test-XXXXXX", arguments[128];
   int fd = mkstemp(path);
   assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text));
   close(fd);
   snprintf(arguments, sizeof(arguments), "-f %s %s", path, options);
   nm_test_t *t = nm_test_new(&nm_definition, arguments);
   do {
      *result = nm_test_source(t);
   } while (*result == NM_OK);
   unlink(path);
   return t;
}

static void lines_become_records_of_the_title_above_them(void **state)
{
   int rc;
   nm_test_t *t = replay("uint32 N,string S\n1,\"a, b\"\nuint16 P\n80\n", "", &rc);
   (void) state;
   assert_int_equal(rc, NM_STOP);
   assert_string_equal(nm_test_next(t, 0), "1,\"a, b\"");
   assert_string_equal(nm_test_next(t, 0), "80");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void bad_lines_are_skipped_and_counted(void **state)
{
   int rc;
   nm_test_t *t = replay("uint32 N\n1\nx\n3\n", "", &rc);
   (void) state;
   assert_string_equal(nm_test_next(t, 0), "1");
   assert_string_equal(nm_test_next(t, 0), "3");
   assert_int_equal(nm_test_counter(t, "lines"), 3);
   assert_int_equal(nm_test_counter(t, "skipped"), 1);
   nm_test_free(t);
}

static void a_bad_title_is_an_error(void **state)
{
   int rc;
   nm_test_t *t = replay("uint33 N\n1\n", "", &rc);
   (void) state;
   assert_int_equal(rc, NM_ERROR);
   assert_non_null(strstr(nm_test_error(t), "uint33 N"));
   nm_test_free(t);
}

static void it_stops_after_as_many_lines_as_it_was_told(void **state)
{
   int rc;
   nm_test_t *t = replay("uint32 N\n1\n2\n3\n", "-c 2", &rc);
   (void) state;
   assert_int_equal(rc, NM_STOP);
   assert_int_equal(nm_test_pending(t, 0), 2);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(lines_become_records_of_the_title_above_them),
       cmocka_unit_test(bad_lines_are_skipped_and_counted),
       cmocka_unit_test(a_bad_title_is_an_error),
       cmocka_unit_test(it_stops_after_as_many_lines_as_it_was_told),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
