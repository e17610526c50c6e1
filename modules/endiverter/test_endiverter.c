/* SPDX-License-Identifier: BSD-3-Clause */
/** endiverter: both ways, and records that fit in neither. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <string.h>

#include <cmocka.h>

#define FORMAT "uint32 X,uint16 ID,uint8 U,string S,uint16* A,time* T"

/* A record of FORMAT in the other byte order than that of x86: X 1, ID 2, U 7, S "hi", A [1|2], T [1 s]. */
static const unsigned char big[] = {
    0,   0,   0, 1,             /* X */
    0,   2,                     /* ID */
    7,                          /* U */
    0,   0,   0, 2,             /* S: offset, length */
    0,   2,   0, 4,             /* A */
    0,   6,   0, 8,             /* T */
    'h', 'i',                   /* S */
    0,   1,   0, 2,             /* A */
    0,   0,   0, 1, 0, 0, 0, 0, /* T */
};

static void records_of_the_other_order_are_read(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, FORMAT);
   assert_string_equal(nm_test_output_format(t, 0), FORMAT);
   assert_int_equal(nm_test_feed_bytes(t, 0, big, sizeof(big), 0), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "1,2,7,\"hi\",[1|2],[1970-01-01T00:00:01.000000]");
   nm_test_free(t);
}

static void records_of_this_order_are_swapped(void **state)
{
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, "ipaddr A,uint32 X,uint16 ID,uint8 U,macaddr M");
   nm_test_feed(t, 0, "10.0.0.1,1,2,7,00:11:22:33:44:55");
   assert_string_equal(nm_test_output_format(t, 0), "ipaddr A,macaddr M,uint32 X,uint16 ID,uint8 U");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.1,00:11:22:33:44:55,16777216,512,7");
   nm_test_free(t);
}

static void records_that_fit_in_neither_are_skipped_and_counted(void **state)
{
   unsigned char bad[sizeof(big)];
   nm_test_t *t = nm_test_new(&nm_definition, "");
   (void) state;
   nm_test_format(t, 0, FORMAT);
   memcpy(bad, big, sizeof(big));
   bad[8] = 13; /* the text begins beyond the record */
   assert_int_equal(nm_test_feed_bytes(t, 0, bad, sizeof(bad), 0), NM_OK);
   for (size_t size = 2; size < sizeof(big); size++) { /* cut */
      assert_int_equal(nm_test_feed_bytes(t, 0, big, (uint16_t) size, 0), NM_OK);
   }
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "malformed"), sizeof(big) - 2 + 1);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(records_of_the_other_order_are_read),
       cmocka_unit_test(records_of_this_order_are_swapped),
       cmocka_unit_test(records_that_fit_in_neither_are_skipped_and_counted),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
