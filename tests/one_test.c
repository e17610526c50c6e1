/* SPDX-License-Identifier: BSD-3-Clause */
/** Linked into every test program: with NEMEA_TEST=PATTERN it runs only the tests of that name ('*' and '?' match). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void choose(void)
{
   const char *pattern = getenv("NEMEA_TEST");
   if (pattern != NULL) {
      cmocka_set_test_filter(pattern);
   }
}
