/* SPDX-License-Identifier: BSD-3-Clause */
/** Which lines json_replay sends. The module gets its files as words of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

static char path[] = "/tmp/json-replay-XXXXXX";

static nm_test_t *module(const char *text, size_t length)
{
   char line[200];
   FILE *file = fopen(path, "we");
   fwrite(text, 1, length, file);
   fclose(file);
   snprintf(line, sizeof(line), "-f x %s %s", path, path);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   assert_null(nm_test_error(t));
   return t;
}

static int run(nm_test_t *t)
{
   int rc;
   do {
      rc = nm_test_source(t);
   } while (rc == NM_OK);
   return rc;
}

static void lines(void **state)
{
   static const char text[] = "{\"a\":1}\n\n \t\r\n{bad\n1\n[1,2.50]\r\n\"last\"";
   (void) state;
   nm_test_t *t = module(text, sizeof(text) - 1);
   assert_int_equal(run(t), NM_STOP);
   for (int i = 0; i < 2; i++) { /* two files */
      assert_string_equal(nm_test_next(t, 0), "{\"a\": 1}");
      assert_string_equal(nm_test_next(t, 0), "[1, 2.5]");
      assert_string_equal(nm_test_next(t, 0), "\"last\"");
   }
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "skipped"), 4); /* "1" would end the stream */
   nm_test_free(t);
}

/* A line longer than the buffer, and one whose message is too long to send. */
static void long_lines(void **state)
{
   (void) state;
   size_t size = 600000;
   char *text = malloc(size);
   memset(text, ' ', size);
   memcpy(text, "[1,", 3);
   memcpy(text + 299998, "2]\n\"", 4);
   memset(text + 300002, 'x', 70000);
   memcpy(text + 370002, "\"\n[3]\n", 6);
   nm_test_t *t = module(text, 370008);
   assert_int_equal(run(t), NM_STOP);
   assert_string_equal(nm_test_next(t, 0), "[1, 2]");
   assert_string_equal(nm_test_next(t, 0), "[3]");
   assert_int_equal(nm_test_counter(t, "skipped"), 2);
   nm_test_free(t);
   free(text);
}

static void no_such_file(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "/nonexistent");
   assert_int_equal(run(t), NM_ERROR);
   assert_non_null(strstr(nm_test_error(t), "/nonexistent"));
   nm_test_free(t);
}

int main(void)
{
   int fd = mkostemp(path, O_CLOEXEC);
   const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(long_lines),
                                      cmocka_unit_test(no_such_file)};
   int failed = cmocka_run_group_tests(tests, NULL, NULL);
   close(fd);
   unlink(path);
   return failed;
}
