/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea/module_cmocka.h
 * What unit tests of modules that use cmocka have in common; includes <cmocka.h> and nemea/module_test.h. The module's source is
 * compiled with -DNM_TEST and linked with the test.
 */
#ifndef NEMEA_MODULE_CMOCKA_H
#define NEMEA_MODULE_CMOCKA_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The module under test. */
extern const nm_module_def_t nm_definition;

/** Starts the module with these options; its first input has this format. */
static inline nm_test_t *nm_unit_start(const char *options, const char *format)
{
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_non_null(t);
   if (nm_test_error(t) != NULL) {
      fail_msg("options %s: %s", options, nm_test_error(t));
   }
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

/** A record of the first input as text, which the module must accept. */
static inline void nm_unit_feed(nm_test_t *t, const char *values)
{
   if (nm_test_feed(t, 0, values) != NM_OK) {
      fail_msg("record %s: %s", values, nm_test_error(t) != NULL ? nm_test_error(t) : "it is not accepted");
   }
}

/** The same of a format that begins with "time TIME_FIRST,time TIME_LAST": seconds of 2024-01-01, then the other values. */
static inline void nm_unit_feed_at(nm_test_t *t, unsigned first, unsigned last, const char *values)
{
   char text[512];
   snprintf(text, sizeof(text), "2024-01-01T%02u:%02u:%02u,2024-01-01T%02u:%02u:%02u%s%s", first / 3600,
            first / 60 % 60, first % 60, last / 3600, last / 60 % 60, last % 60, values[0] != 0 ? "," : "",
            values);
   nm_unit_feed(t, text);
}

/** A record whose last field is a string of n bytes; values: those before it. */
static inline void nm_unit_feed_long(nm_test_t *t, const char *values, size_t n)
{
   size_t size = strlen(values) + n + 4;
   char *text = (char *) malloc(size);
   assert_non_null(text);
   int at = snprintf(text, size, "%s,\"", values);
   memset(text + at, 'y', n);
   memcpy(text + at + n, "\"", 2);
   nm_unit_feed(t, text);
   free(text);
}

/** The next record of the first output must contain this text. */
static inline void nm_unit_expect(nm_test_t *t, const char *text)
{
   const char *got = nm_test_next(t, 0);
   assert_non_null(got);
   if (strstr(got, text) == NULL) {
      fail_msg("%s is not in %s", text, got);
   }
}

/** Reads what the first output has sent. \return the number of records */
static inline unsigned nm_unit_count(nm_test_t *t)
{
   unsigned n = 0;
   while (nm_test_next(t, 0) != NULL) {
      n++;
   }
   return n;
}

/** Path of a temporary file. It exists between nm_unit_make_file() and nm_unit_remove_file(). */
static inline char *nm_unit_path(void)
{
   static char path[48];
   if (path[0] == 0) {
      snprintf(path, sizeof(path), "/tmp/nemea-unit-%ld", (long) getpid());
   }
   return path;
}

/** Set-up of cmocka_run_group_tests(): makes an empty file at nm_unit_path(). */
static inline int nm_unit_make_file(void **state)
{
   unlink(nm_unit_path()); /* of a test that crashed and had the same process id */
   int fd = open(nm_unit_path(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
   (void) state;
   return fd >= 0 ? close(fd) : -1;
}

/** Teardown of cmocka_run_group_tests(): removes it. */
static inline int nm_unit_remove_file(void **state)
{
   (void) state;
   return unlink(nm_unit_path());
}

/** Replaces the contents of that file. */
static inline void nm_unit_write(const char *text)
{
   FILE *file = fopen(nm_unit_path(), "we");
   assert_non_null(file);
   fputs(text, file);
   assert_int_equal(fclose(file), 0);
}

#ifdef __cplusplus
}
#endif
#endif
