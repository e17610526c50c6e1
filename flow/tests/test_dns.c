/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin dns: text of answers, and messages with false lengths. */
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Header: one question, one answer; the question: a.example, type A. The answer's name is the question's. */
#define REPLY(type, size, data) \
   "\0\7\x81\x80\0\1\0\1\0\0\0\0\1a\7example\0\0\1\0\1\xc0\x0c\0" type "\0\1\0\0\0\74\0" size data

struct reply {
   const char *bytes;
   size_t size;
   const char *text;
};

#define CASE(type, size, data, text)                                     \
   {                                                                     \
      REPLY(type, size, data), sizeof(REPLY(type, size, data)) - 1, text \
   }

static void check(const struct reply *reply)
{
   struct rig *r = rig_new("dns", "", true, 53);
   rig_packet(r, true, 0, reply->bytes, reply->size);
   assert_string_equal(rig_string(r, 0, "DNS_NAME"), "a.example");
   assert_string_equal(rig_string(r, 0, "DNS_RDATA"), reply->text);
   assert_int_equal(rig_number(r, 0, "DNS_RLENGTH"), strlen(reply->text));
   rig_free(r);
}

static void answers_have_their_text(void **state)
{
   static const struct reply replies[] = {
       CASE("\1", "\4", "\xc0\0\2\1", "192.0.2.1"),
       CASE("\34", "\20", "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", "2001:db8::1"),
       CASE("\5", "\4", "\1b\xc0\x0e", "b.example"),
       CASE("\17", "\6", "\0\12\1m\xc0\x0e", "10 m.example"),
       CASE("\20", "\5", "\2ab\1c", "ab c"),
       CASE("\16", "\4", "\1\x78\0\0", "x "), /* MINFO: the second name is the root */
       CASE("\16", "\6", "\1r\0\1e\0", "r e"),
       CASE("\53", "\6", "\x12\x34\x08\x02kk", "4660 8 2 <key>"),
       CASE("\60", "\4", "\1\1\3\x0d", "257 3 13 <key>"),
       CASE("\x63", "\1", "x", "(not_impl)"),
       CASE("\x40", "\1", "x", ""),
       CASE("\x41", "\3", "\0\1\0", "1 ."), /* HTTPS */
       CASE("\x41", "\x15", "\0\1\1h\0\0\1\0\6\2h2\2h3\0\3\0\2\1\xbb", "1 h alpn=h2,h3 port=443"),
       CASE("\x41", "\xf", "\0\1\0\0\4\0\10\xc0\0\2\1\xc0\0\2\2", "1 . ipv4hint=192.0.2.1,192.0.2.2"),
       CASE("\x41", "\x9", "\0\1\0\0\5\0\2xy", "1 . key5"),
   };
   (void) state;
   for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
      check(&replies[i]);
   }
}

static void data_are_not_read_beyond_their_length(void **state)
{
   static const struct reply replies[] = {
       CASE("\1", "\2", "\xc0\0\2\1", ""), /* an A of two bytes; the next bytes are not part of it */
       CASE("\34", "\4", "\x20\1\x0d\xb8\0\0\0", ""), /* an AAAA of four */
       CASE("\17", "\1", "\0\12\1m\0", "0 "),         /* an MX of one */
       CASE("\20", "\2", "\7ab", "a"),                /* a string longer than the record */
   };
   (void) state;
   for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
      check(&replies[i]);
   }
}

static void names_that_go_in_circles_end(void **state)
{
   static const char circle[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1a\xc0\x0c\0\1\0\1",
                     itself[] = "\0\7\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1",
                     ahead[] = "\0\7\0\0\0\1\0\0\0\0\0\0\xc0\x20\0\1\0\1";
   (void) state;
   const struct {
      const char *p;
      size_t n;
   } messages[] = {{circle, sizeof(circle) - 1}, {itself, sizeof(itself) - 1}, {ahead, sizeof(ahead) - 1}};
   for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
      struct rig *r = rig_new("dns", "", true, 53);
      rig_packet(r, false, 0, messages[i].p, messages[i].n);
      rig_flush(r);
      assert_int_equal(r->n_records, 1);
      assert_int_equal(rig_number(r, 0, "DNS_ID"), 7);
      rig_free(r);
   }
}

static void tcp_messages_need_their_length(void **state)
{
   static const char message[] = "\0\x1b"
                                 "\0\7\1\0\0\1\0\0\0\0\0\0\1a\7example\0\0\1\0\1";
   (void) state;
   for (size_t n = 1; n < sizeof(message) - 1; n++) {
      struct rig *r = rig_new("dns", "", false, 53);
      rig_packet(r, false, 0x18, message, n);
      rig_flush(r);
      assert_int_equal(r->n_records, 0);
      rig_free(r);
   }
   struct rig *r = rig_new("dns", "", false, 53);
   rig_packet(r, false, 0x18, message, sizeof(message) - 1);
   assert_string_equal(rig_string(r, 0, "DNS_NAME"), "a.example");
   rig_free(r);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(answers_have_their_text),
       cmocka_unit_test(data_are_not_read_beyond_their_length),
       cmocka_unit_test(names_that_go_in_circles_end),
       cmocka_unit_test(tcp_messages_need_their_length),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
