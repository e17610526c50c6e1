/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugins for text protocols. */
#include "plugin_rig.h"

#include "plugins/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void numbers_and_addresses_are_as_printf_writes_them(void **state)
{
   static const uint32_t numbers[] = {0, 9, 10, 99, 100, 65535, 999999999, 1000000000, UINT32_MAX};
   static const uint8_t addresses[][4] = {
       {0, 0, 0, 0}, {1, 10, 100, 255}, {9, 99, 101, 200}, {255, 255, 255, 255}};
   char text[16], expected[16];
   (void) state;
   for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      text[text_number(text, numbers[i])] = 0;
      snprintf(expected, sizeof(expected), "%u", numbers[i]);
      assert_string_equal(text, expected);
   }
   for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
      const uint8_t *a = addresses[i];
      text[text_quad(text, a)] = 0;
      snprintf(expected, sizeof(expected), "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
      assert_string_equal(text, expected);
   }
}

static void http_headers_have_any_case_and_any_space(void **state)
{
   (void) state;
   struct rig *r = rig_new("http", "", false, 80);
   rig_text(r, false,
            "GET /a?b HTTP/1.1\r\nhost:x.example\r\nUSER-AGENT:   me \t\r\nReferer: r\r\nX: y\r\n\r\nbody");
   rig_text(r, true,
            "HTTP/1.1 404\r\nserver: s\r\nSet-Cookie: a=1; path=/\r\nSet-Cookie: none\r\nSet-Cookie: b=2\r\n"
            "Content-Type: t/x\r\n\r\n");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_METHOD"), "GET");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_URL"), "/a?b");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_HOST"), "x.example");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_AGENT"), "me");
   assert_int_equal(rig_number(r, 0, "HTTP_RESPONSE_STATUS_CODE"), 404);
   assert_string_equal(rig_string(r, 0, "HTTP_RESPONSE_SET_COOKIE_NAMES"), "a;b");
   assert_string_equal(rig_string(r, 0, "HTTP_RESPONSE_CONTENT_TYPE"), "t/x");
   rig_free(r);
}

static void a_second_http_request_begins_another_record(void **state)
{
   (void) state;
   struct rig *r = rig_new("http", "", false, 80);
   rig_text(r, false, "GET /1 HTTP/1.1\r\n\r\n");
   rig_text(r, true, "HTTP/1.1 200 OK\r\n\r\n");
   rig_text(r, false, "BREW /2 HTTP/1.1\r\n\r\n");
   rig_text(r, true, "HTTP/1.1 418 Teapot\r\n\r\n");
   rig_flush(r);
   assert_int_equal(r->n_records, 2);
   assert_string_equal(rig_string(r, 1, "HTTP_REQUEST_METHOD"), "BREW");
   assert_int_equal(rig_number(r, 1, "HTTP_RESPONSE_STATUS_CODE"), 418);
   rig_free(r);
}

static void http_that_is_cut_gives_nothing(void **state)
{
   static const char *const cut[] = {"GET /1 HT",    "GET /1", "HTTP/1.1 x\r\n\r\n",
                                     "HTTP/1.1 200", "GET ",   "no request at all"};
   (void) state;
   for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
      struct rig *r = rig_new("http", "", false, 80);
      rig_text(r, false, cut[i]);
      rig_flush(r);
      assert_int_equal(r->n_flows, 1);
      assert_int_equal(r->n_records, 0);
      rig_free(r);
   }
}

/* The rest never comes: what is there counts, but for the line that is cut. */
static void http_headers_that_are_cut_count(void **state)
{
   (void) state;
   struct rig *r = rig_new("http", "", false, 80);
   rig_text(r, false, "GET /1 HTTP/1.1\r\nUser-Agent: x\r\nHost: exam");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_URL"), "/1");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_AGENT"), "x");
   assert_string_equal(rig_string(r, 0, "HTTP_REQUEST_HOST"), "");
   rig_free(r);
}

static void long_http_values_are_cut(void **state)
{
   char text[2000] = "HTTP/1.1 200 OK\r\n";
   (void) state;
   for (unsigned i = 0; i < 8; i++) {
      char cookie[120] = "Set-Cookie: ";
      memset(cookie + 12, 'a' + (int) i, 100);
      strcpy(cookie + 112, "=1\r\n");
      strcat(text, cookie);
   }
   strcat(text, "\r\n");
   struct rig *r = rig_new("http", "", false, 80);
   rig_text(r, true, text);
   assert_int_equal(strlen(rig_string(r, 0, "HTTP_RESPONSE_SET_COOKIE_NAMES")), 511);
   assert_int_equal(rig_string(r, 0, "HTTP_RESPONSE_SET_COOKIE_NAMES")[100], ';');
   rig_free(r);
}

/* Texts are kept in a few bytes until these are full. What was taken for long ones is given back with the message: there are many more
 * messages here than flows that there is room for. */
static void long_and_short_http_messages_take_turns(void **state)
{
   char text[2][2000], a[601];
   (void) state;
   memset(a, 'a', 600);
   a[600] = 0;
   snprintf(text[0], sizeof(text[0]),
            "%.20s /%.200s HTTP/1.1\r\nHost: h%.100s\r\nUser-Agent: u%.200s\r\nReferer: r%.200s\r\n\r\n",
            "ABCDEFGHIJKLMNOPQRST", a, a, a, a);
   snprintf(text[1], sizeof(text[1]),
            "HTTP/1.1 200 OK\r\nContent-Type: t%.50s\r\nServer: s%.200s\r\nSet-Cookie: c%.600s=1\r\n\r\n", a,
            a, a);
   struct rig *r = rig_new("http", "", false, 80);
   for (unsigned round = 0; round < 4; round++) {
      for (unsigned i = 0; i < 60; i++) {
         bool is_long = i % 2 == 0;
         rig_text(r, false, is_long ? text[0] : "GET /short HTTP/1.1\r\nHost: h\r\n\r\n");
         rig_text(r, true, is_long ? text[1] : "HTTP/1.1 200 OK\r\nServer: s\r\n\r\n");
      }
      for (unsigned i = 0; i < 60; i++) {
         bool is_long = i % 2 == 0;
         assert_string_equal(rig_string(r, i, "HTTP_REQUEST_METHOD"), is_long ? "ABCDEFGHIJKLMNO" : "GET");
         assert_int_equal(strlen(rig_string(r, i, "HTTP_REQUEST_URL")), is_long ? 127 : 6);
         assert_int_equal(strlen(rig_string(r, i, "HTTP_REQUEST_HOST")), is_long ? 63 : 1);
         assert_int_equal(strlen(rig_string(r, i, "HTTP_REQUEST_AGENT")), is_long ? 127 : 0);
         assert_int_equal(strlen(rig_string(r, i, "HTTP_REQUEST_REFERER")), is_long ? 127 : 0);
         assert_int_equal(strlen(rig_string(r, i, "HTTP_RESPONSE_CONTENT_TYPE")), is_long ? 31 : 0);
         assert_int_equal(strlen(rig_string(r, i, "HTTP_RESPONSE_SERVER")), is_long ? 127 : 1);
         assert_int_equal(strlen(rig_string(r, i, "HTTP_RESPONSE_SET_COOKIE_NAMES")), is_long ? 511 : 0);
         assert_int_equal(rig_string(r, i, "HTTP_REQUEST_HOST")[0], 'h');
         assert_int_equal(rig_string(r, i, "HTTP_RESPONSE_SERVER")[0], 's');
      }
      while (r->n_records > 0) {
         free(r->records[--r->n_records]);
      }
   }
   assert_int_equal(*flow_cache_stats(r->cache)->plugin_memory_exceeded, 0);
   rig_free(r);
}

static void rtsp_requests_and_responses(void **state)
{
   (void) state;
   struct rig *r = rig_new("rtsp", "", false, 554);
   rig_text(r, false, "DESCRIBE rtsp://h/s RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: player\r\n\r\n");
   rig_text(r, true, "RTSP/1.0 200 OK\r\nServer: s\r\nContent-Type: application/sdp\r\nContent-Base: rt");
   rig_text(r, true, "sp://h\r\n\r\n");
   rig_text(r, false, "PLAY rtsp://h/s RTSP/1.0\n\n");
   rig_flush(r);
   assert_int_equal(r->n_records, 2);
   assert_string_equal(rig_string(r, 0, "RTSP_REQUEST_METHOD"), "DESCRIBE");
   assert_string_equal(rig_string(r, 0, "RTSP_REQUEST_URI"), "rtsp://h/s");
   assert_string_equal(rig_string(r, 0, "RTSP_REQUEST_AGENT"), "player");
   assert_string_equal(rig_string(r, 0, "RTSP_RESPONSE_SERVER"), "s");
   assert_string_equal(rig_string(r, 0, "RTSP_RESPONSE_CONTENT_TYPE"), "application/sdp");
   assert_int_equal(rig_number(r, 0, "RTSP_RESPONSE_STATUS_CODE"), 200);
   assert_string_equal(rig_string(r, 1, "RTSP_REQUEST_METHOD"), "PLAY");
   rig_free(r);
}

static void smtp_counts_commands_and_replies_of_all_lines(void **state)
{
   (void) state;
   struct rig *r = rig_new("smtp", "", false, 25);
   rig_text(r, true, "220-first\r\n220 second\r\n");
   rig_text(r, false, "EHLO me\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\nDA");
   rig_text(r, true, "250 a\r\n250 b\r\n550 this is Spam\r\n");
   rig_text(r, false, "TA\r\n");
   rig_text(r, true, "503 no\r\n");
   rig_text(r, false, "NOOP\r\nquit now\r\n");
   assert_int_equal(rig_number(r, 0, "SMTP_2XX_STAT_CODE_COUNT"), 3);
   assert_int_equal(rig_number(r, 0, "SMTP_5XX_STAT_CODE_COUNT"), 2);
   assert_int_equal(rig_number(r, 0, "SMTP_STAT_CODE_FLAGS"), 0x40000000 | 4 | 0x10 | 0x40000 | 0x10000);
   assert_int_equal(rig_number(r, 0, "SMTP_COMMAND_FLAGS"), 1 | 4 | 8 | 0x10 | 0x200 | 0x400 | 0x8000);
   assert_int_equal(rig_number(r, 0, "SMTP_RCPT_CMD_COUNT"), 2);
   assert_string_equal(rig_string(r, 0, "SMTP_DOMAIN"), "me");
   assert_string_equal(rig_string(r, 0, "SMTP_FIRST_SENDER"), "<a@x>");
   assert_string_equal(rig_string(r, 0, "SMTP_FIRST_RECIPIENT"), "<b@y>");
   rig_free(r);
}

static void the_end_of_a_mail_is_found_however_it_is_cut(void **state)
{
   static const char mail[] = "MAIL FROM:<hidden@x>\r\n..\r\n.x\r\ny.\r\n.\r\nVRFY a\r\n";
   (void) state;
   for (size_t cut = 1; cut < sizeof(mail) - 8; cut++) {
      struct rig *r = rig_new("smtp", "", false, 25);
      rig_text(r, false, "DATA\r\n");
      rig_text(r, true, "354 go on\r\n");
      rig_packet(r, false, 0x18, mail, cut);
      rig_text(r, false, mail + cut);
      assert_int_equal(rig_number(r, 0, "SMTP_COMMAND_FLAGS"), 0x10 | 0x40);
      assert_int_equal(rig_number(r, 0, "SMTP_MAIL_CMD_COUNT"), 0);
      rig_free(r);
   }
}

static void commands_go_on_after_data_that_was_refused(void **state)
{
   (void) state;
   struct rig *r = rig_new("smtp", "", false, 25);
   rig_text(r, false, "DATA\r\n");
   rig_text(r, true, "503 no\r\n");
   rig_text(r, false, "QUIT\r\n");
   assert_int_equal(rig_number(r, 0, "SMTP_COMMAND_FLAGS"), 0x10 | 0x400);
   rig_free(r);
}

static void what_is_encrypted_is_not_read_as_smtp(void **state)
{
   (void) state;
   for (unsigned refused = 0; refused < 2; refused++) {
      struct rig *r = rig_new("smtp", "", false, 25);
      rig_text(r, false, "EHLO a\r\n");
      rig_text(r, true, "250 b\r\n");
      rig_text(r, false, "STARTTLS\r\n");
      rig_text(r, true, refused ? "454 not now\r\n" : "220 go ahead\r\n");
      rig_text(r, false, "QUIT\r\n"); /* as ciphertext may contain by chance */
      rig_text(r, true, "221 bye\r\n");
      assert_int_equal(rig_number(r, 0, "SMTP_COMMAND_FLAGS"), refused ? 0x401 : 0x001);
      assert_int_equal(rig_number(r, 0, "SMTP_2XX_STAT_CODE_COUNT"), 2);
      rig_free(r);
   }
}

static void each_sip_message_is_a_record(void **state)
{
   (void) state;
   struct rig *r = rig_new("sip", "", true, 5060);
   rig_text(r, false,
            "INVITE sip:b@y;x=1 SIP/2.0\r\nf: \"A\" <sips:a@x>;tag=1\r\nTO:<sip:b@y>\r\nvia: SIP/2.0/UDP "
            "1.1.1.1;branch=z\r\nV: SIP/2.0/TCP h\r\ni: (id)-\r\nuser-agent:  [me]! \r\nCSeq:1 "
            "INVITE\r\n\r\nTo: no");
   rig_text(r, true, "SIP/2.0 404 Not Found\r\nCall-ID: 12345678901234567890123456789012345\r\nCSeq: 1 INV");
   rig_text(r, false, "ACK sip:short SIP/2.0\r\n\r\n");
   rig_text(r, false,
            "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\nNT: urn:a-long-enough-name\r\n\r\n");
   rig_flush(r);
   assert_int_equal(r->n_records, 2);
   assert_int_equal(rig_number(r, 0, "SIP_MSG_TYPE"), 1);
   assert_string_equal(rig_string(r, 0, "SIP_REQUEST_URI"), "sip:b@y");
   assert_string_equal(rig_string(r, 0, "SIP_CALLING_PARTY"), "sips:a@x");
   assert_string_equal(rig_string(r, 0, "SIP_CALLED_PARTY"), "sip:b@y");
   assert_string_equal(rig_string(r, 0, "SIP_VIA"), "SIP/2.0/UDP 1.1.1.1;SIP/2.0/TCP h");
   assert_string_equal(rig_string(r, 0, "SIP_CALL_ID"), "(id)-");
   assert_string_equal(rig_string(r, 0, "SIP_USER_AGENT"), "[me]!");
   assert_string_equal(rig_string(r, 0, "SIP_CSEQ"), "1 INVITE");
   assert_int_equal(rig_number(r, 1, "SIP_MSG_TYPE"), 99);
   assert_int_equal(rig_number(r, 1, "SIP_STATUS_CODE"), 404);
   assert_string_equal(rig_string(r, 1, "SIP_CSEQ"), "");
   rig_free(r);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(numbers_and_addresses_are_as_printf_writes_them),
       cmocka_unit_test(http_headers_have_any_case_and_any_space),
       cmocka_unit_test(a_second_http_request_begins_another_record),
       cmocka_unit_test(http_that_is_cut_gives_nothing),
       cmocka_unit_test(http_headers_that_are_cut_count),
       cmocka_unit_test(long_http_values_are_cut),
       cmocka_unit_test(long_and_short_http_messages_take_turns),
       cmocka_unit_test(rtsp_requests_and_responses),
       cmocka_unit_test(smtp_counts_commands_and_replies_of_all_lines),
       cmocka_unit_test(the_end_of_a_mail_is_found_however_it_is_cut),
       cmocka_unit_test(commands_go_on_after_data_that_was_refused),
       cmocka_unit_test(what_is_encrypted_is_not_read_as_smtp),
       cmocka_unit_test(each_sip_message_is_a_record),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
