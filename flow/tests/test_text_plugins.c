/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugins of protocols that are lines of text. */
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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
   static const char *const cut[] = {"GET /1 HTTP/1.1\r\nHost: exam",
                                     "GET /1 HT",
                                     "GET /1",
                                     "HTTP/1.1 x\r\n\r\n",
                                     "HTTP/1.1 200",
                                     "GET ",
                                     "no request at all"};
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

static void rtsp_requests_and_responses(void **state)
{
   (void) state;
   struct rig *r = rig_new("rtsp", "", false, 554);
   rig_text(r, false, "DESCRIBE rtsp://h/s RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: player\r\n\r\n");
   rig_text(r, true, "RTSP/1.0 200 OK\r\nServer: s\r\nContent-Type: application/sdp\r\nContent-Base: rt");
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

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(http_headers_have_any_case_and_any_space),
       cmocka_unit_test(a_second_http_request_begins_another_record),
       cmocka_unit_test(http_that_is_cut_gives_nothing),
       cmocka_unit_test(long_http_values_are_cut),
       cmocka_unit_test(rtsp_requests_and_responses),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
