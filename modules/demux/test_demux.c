/* SPDX-License-Identifier: BSD-3-Clause */
/** demux: streams of mux, of the mux of NEMEA 2, and of senders that mean harm. */
#include <setjmp.h>
#include <stdarg.h>

#include <nemea/module_test.h>
#include <string.h>

#include <cmocka.h>

#include "../mux/message.h"

static int feed(nm_test_t *t, uint16_t id, uint16_t link, const void *payload, uint16_t size)
{
   struct mux_header header = {.id = id, .link = link, .type = TRAP_FMT_UNIREC};
   char message[200];
   memcpy(message, &header, 5);
   memcpy(message + 5, payload, size);
   return nm_test_feed_bytes(t, 0, message, (uint16_t) (5 + size), 0);
}

static nm_test_t *module(void)
{
   nm_test_t *t = nm_test_new(&nm_definition, "-n 2");
   assert_null(nm_test_error(t));
   return t;
}

static void records_come_out_where_they_came_in(void **state)
{
   (void) state;
   nm_test_t *t = module();
   feed(t, MUX_HELLO, 0, "uint16 ID", 10);
   feed(t, MUX_HELLO, 1, "uint8 X", 8);
   feed(t, MUX_DATA, 0, "\1\1", 2);
   feed(t, MUX_DATA, 1, "\5", 1);
   feed(t, MUX_HELLO, 0, "uint16 ID", 10); /* again: no change */
   feed(t, MUX_DATA, 0, "\2\0", 2);
   assert_string_equal(nm_test_output_format(t, 0), "uint16 ID");
   assert_string_equal(nm_test_next(t, 0), "257");
   assert_string_equal(nm_test_next(t, 0), "2");
   assert_string_equal(nm_test_next(t, 1), "5");
   feed(t, MUX_DATA, 0, "", 1); /* the ends */
   feed(t, MUX_DATA, 1, "", 0);
   assert_string_equal(nm_test_next(t, 0), "");
   assert_string_equal(nm_test_next(t, 1), "");
   feed(t, MUX_HELLO, 0, "uint8 X", 8);
   feed(t, MUX_DATA, 0, "\7", 1);
   assert_string_equal(nm_test_next(t, 0), "7");
   nm_test_free(t);
}

static void the_junk_byte_of_the_old_mux_is_cut(void **state)
{
   (void) state;
   nm_test_t *t = module();
   feed(t, MUX_HELLO, 0, "uint16 ID\0j", 11);
   feed(t, MUX_DATA, 0, "\1\1j", 3);
   assert_string_equal(nm_test_next(t, 0), "257");
   feed(t, MUX_DATA, 0, "\0j", 2); /* the end, and no record of two bytes */
   assert_string_equal(nm_test_next(t, 0), "");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void nothing_of_the_sender_is_trusted(void **state)
{
   static const struct {
      uint16_t id, link, size;
      const char *payload;
   } cases[] = {
       {MUX_DATA, 2, 2, "\1\1"},             /* no such output */
       {MUX_HELLO, 0xffff, 10, "uint16 ID"}, /* the same */
       {7, 0, 2, "\1\1"},                    /* unknown kind */
       {MUX_ERROR, 0, 0, ""},                /* error */
       {MUX_HELLO, 0, 9, "uint16 ID"},       /* no string */
       {MUX_HELLO, 0, 0, ""},                /* the same */
       {MUX_HELLO, 0, 13, "uint16 ID\0\0\0"} /* more than junk after it */,
       {MUX_HELLO, 0, 10, "uint99 ID"}, /* no format */
       {MUX_HELLO, 1, 9, "string ID"},  /* another type than link 0 */
       {MUX_DATA, 0, 5, "\0\0\xff\0x"}, /* a field beyond the record, when the format is string S */
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = module();
      feed(t, MUX_HELLO, 0, i == 8 ? "uint16 ID" : "string S", i == 8 ? 10 : 9);
      assert_int_equal(nm_test_counter(t, "malformed"), 0);
      assert_int_equal(feed(t, cases[i].id, cases[i].link, cases[i].payload, cases[i].size), NM_OK);
      assert_int_equal(nm_test_counter(t, "malformed"), 1);
      assert_null(nm_test_next(t, 0));
      assert_null(nm_test_next(t, 1));
      assert_null(nm_test_error(t));
      nm_test_free(t);
   }
}

static void short_messages_and_links_without_format(void **state)
{
   (void) state;
   nm_test_t *t = module();
   for (uint16_t size = 2; size < 5; size++) {
      assert_int_equal(nm_test_feed_bytes(t, 0, "\1\0\0\0", size, 0), NM_OK);
   }
   assert_int_equal(nm_test_counter(t, "malformed"), 3);
   feed(t, MUX_DATA, 1, "\1\1", 2);
   assert_int_equal(nm_test_counter(t, "of unknown format"), 1);
   assert_int_equal(nm_test_feed_bytes(t, 0, "", 1, 0), NM_STOP);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(records_come_out_where_they_came_in),
       cmocka_unit_test(the_junk_byte_of_the_old_mux_is_cut),
       cmocka_unit_test(nothing_of_the_sender_is_trusted),
       cmocka_unit_test(short_messages_and_links_without_format),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
