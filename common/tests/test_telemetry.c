/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters as files: replaced as a whole, never through a link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <nemea-common/nc_telemetry.h>

static char directory[] = "/tmp/nc_telemetry.XXXXXX";

static const char *path(const char *name)
{
   static char text[256];
   snprintf(text, sizeof(text), "%s/%s", directory, name);
   return text;
}

static const char *read_from(FILE *f)
{
   static char text[256];
   text[fread(text, 1, sizeof(text) - 1, f)] = 0;
   return text;
}

static void assert_file(const char *name, const char *contents)
{
   FILE *f = fopen(path(name), "r");
   assert_non_null(f);
   assert_string_equal(read_from(f), contents);
   fclose(f);
}

static void files_are_replaced_as_a_whole(void **state)
{
   char error[NC_TELEMETRY_ERROR] = "";
   assert_true(nc_telemetry_mkdir(directory, "module", error));
   assert_true(nc_telemetry_mkdir(directory, "module", error)); /* is there */
   assert_true(nc_telemetry_write(directory, "module/stats", "records: 1\n", 11, error));
   FILE *reader = fopen(path("module/stats"), "r");
   assert_non_null(reader);
   assert_true(nc_telemetry_write(directory, "module/stats", "records: 22\n", 12, error));
   assert_string_equal(read_from(reader), "records: 1\n"); /* who has the old file sees all of it */
   fclose(reader);
   assert_file("module/stats", "records: 22\n");
   assert_int_not_equal(access(path("module/stats.new"), F_OK), 0);
   assert_string_equal(error, "");
}

static void links_are_not_followed(void **state)
{
   char error[NC_TELEMETRY_ERROR] = "", victim[256];
   assert_true(nc_telemetry_write(directory, "victim", "precious", 8, error));
   snprintf(victim, sizeof(victim), "%s", path("victim"));
   assert_int_equal(symlink(victim, path("stats.new")), 0);
   assert_false(nc_telemetry_write(directory, "stats", "x", 1, error));
   assert_non_null(strstr(error, "telemetry: cannot write /tmp/nc_telemetry."));
   assert_file("victim", "precious");
}

static void errors_name_the_path(void **state)
{
   char error[NC_TELEMETRY_ERROR];
   assert_false(nc_telemetry_mkdir("/nowhere/t", NULL, error));
   assert_string_equal(error, "telemetry: cannot create directory /nowhere/t: No such file or directory");
   assert_false(nc_telemetry_mkdir("/nowhere", "input", error));
   assert_string_equal(error, "telemetry: cannot create directory /nowhere/input: No such file or directory");
   assert_false(nc_telemetry_write("/nowhere", "stats", "x", 1, error));
   assert_string_equal(error, "telemetry: cannot write /nowhere/stats: No such file or directory");
}

static int make(void **state)
{
   return mkdtemp(directory) == NULL;
}

static int clean(void **state)
{
   static const char *const names[] = {"module/stats", "module", "stats.new", "victim", ""};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      remove(path(names[i]));
   }
   return 0;
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(files_are_replaced_as_a_whole),
       cmocka_unit_test(links_are_not_followed),
       cmocka_unit_test(errors_name_the_path),
   };
   return cmocka_run_group_tests(tests, make, clean);
}
