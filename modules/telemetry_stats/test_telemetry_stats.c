/* SPDX-License-Identifier: BSD-3-Clause */
/** telemetry_stats: what is sent on, counted and shown. */
#include <setjmp.h>
#include <stdarg.h>

#include <dirent.h>
#include <errno.h>
#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void records_are_sent_on_and_counted(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-o stdout");
   assert_null(nm_test_error(t));
   nm_test_format(t, 0, "uint32 ID,string NAME");
   nm_test_feed(t, 0, "1,abc");
   nm_test_feed(t, 0, "2,");
   assert_string_equal(nm_test_next(t, 0), "1,\"abc\"");
   assert_string_equal(nm_test_next(t, 0), "2,\"\"");
   uint32_t one_byte[3] = {3, 0, 0};
   nm_test_feed_bytes(t, 0, one_byte, 8, 6); /* numbers 3 to 5 are missing */
   nm_test_catch(STDOUT_FILENO);
   nm_test_finish(t);
   const char *screen = nm_test_caught();
   assert_non_null(strstr(screen, "records                       3 "));
   assert_non_null(strstr(screen, "bytes                        27 "));
   assert_non_null(strstr(screen, "missed                        3 "));
   assert_non_null(strstr(screen, "50.00%\n"));
   assert_null(strchr(screen, '\033')); /* not a terminal */
   assert_int_equal(nm_test_counter(t, "receivedRecords"), 3);
   assert_int_equal(nm_test_counter(t, "receivedBytes"), 27);
   assert_int_equal(nm_test_counter(t, "missedRecords"), 3);
   nm_test_free(t);
}

static void wrong_outputs(void **state)
{
   static const char *const cases[][2] = {
       {"", "option -o, --output is needed"},
       {"-o stderr", "\"stderr\" is not one of stdout, appfs"},
       {"-o stdout:interval=0", "interval \"0\" is not a number of seconds from 1 to 86400"},
       {"-o stdout:interval=x", "interval \"x\" is not"},
       {"-o stdout:mountPoint=x", "parameter \"mountPoint=x\" is not interval=SECONDS"},
       {"-o appfs", "appfs needs a directory"},
       {"-o appfs:mountPoint=", "appfs needs a directory"},
       {"-o appfs:interval=1", "parameter \"interval=1\" is not mountPoint=DIRECTORY"},
       {"-o stdout -o stdout", "is given twice"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, cases[i][0]);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL ||
          nm_test_status(t) != 1) {
         fail_msg("%s: %s", cases[i][0], nm_test_error(t));
      }
      nm_test_free(t);
   }
}

#ifdef HAVE_FUSE
static const char *contents(const char *path)
{
   static char text[1024];
   FILE *file = fopen(path, "re");
   assert_non_null(file);
   text[fread(text, 1, sizeof(text) - 1, file)] = 0;
   fclose(file);
   return text;
}

static void the_file_system_has_what_was_counted(void **state)
{
   char folder[] = "/tmp/telemetry-XXXXXX", path[100], line[100];
   struct stat st;
   (void) state;
   if (access("/dev/fuse", R_OK | W_OK) != 0) {
      print_message("skipped: /dev/fuse: %s\n", strerror(errno));
      skip();
   }
   assert_non_null(mkdtemp(folder));
   snprintf(line, sizeof(line), "-o appfs:mountPoint=%s/new", folder);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   if (nm_test_error(t) != NULL) { /* in a container without the right to mount */
      print_message("skipped: %s\n", nm_test_error(t));
      nm_test_free(t);
      skip();
   }
   nm_test_format(t, 0, "uint32 ID");
   snprintf(path, sizeof(path), "%s/new/input/stats", folder);
   assert_string_equal(contents(path),
                       "receivedBytes: 0\nreceivedRecords: 0\nmissedRecords: 0\nmissed: 0.00 %\n");
   nm_test_feed(t, 0, "1");
   nm_test_feed(t, 0, "2");
   nm_test_idle(t);
   assert_string_equal(contents(path),
                       "receivedBytes: 8\nreceivedRecords: 2\nmissedRecords: 0\nmissed: 0.00 %\n");
   assert_int_equal(stat(path, &st), 0);
   assert_true(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0444);
   assert_null(fopen(path, "we"));
   snprintf(path, sizeof(path), "%s/new/input/other", folder);
   assert_int_equal(stat(path, &st), -1);
   assert_int_equal(errno, ENOENT);
   snprintf(path, sizeof(path), "%s/new", folder);
   DIR *dir = opendir(path);
   assert_non_null(dir);
   int entries = 0;
   for (struct dirent *e; (e = readdir(dir)) != NULL; entries++) {
      assert_true(e->d_name[0] == '.' || strcmp(e->d_name, "input") == 0);
   }
   closedir(dir);
   assert_int_equal(entries, 3);
   /* The kernel does not wait until a directory is closed. What it asks next comes behind it, so that libfuse has freed the directory. */
   snprintf(path, sizeof(path), "%s/new/nothing", folder);
   assert_int_equal(stat(path, &st), -1);
   snprintf(path, sizeof(path), "%s/new", folder);
   nm_test_free(t);
   assert_int_equal(rmdir(path), 0); /* nothing is mounted there any more */
   assert_int_equal(rmdir(folder), 0);
}
#else
static void without_libfuse3_there_is_a_clear_error(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new(&nm_definition, "-o appfs:mountPoint=/tmp/x");
   assert_non_null(strstr(nm_test_error(t), "built without libfuse3"));
   nm_test_free(t);
}
#endif

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(records_are_sent_on_and_counted),
       cmocka_unit_test(wrong_outputs),
#ifdef HAVE_FUSE
       cmocka_unit_test(the_file_system_has_what_was_counted),
#else
       cmocka_unit_test(without_libfuse3_there_is_a_clear_error),
#endif
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
