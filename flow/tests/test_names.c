/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugins for names and services of devices: passivedns, dnssd, ssdp. */
#include "plugin_rig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Header: one question, n answers; the question: a.example, type A. */
#define DNS(flags, n) "\0\7" flags "\0\1\0" n "\0\0\0\0" QUESTION
#define QUESTION      "\1a\7example\0\0\1\0\1"
#define RR(type, len) "\0" type "\0\1\0\0\0\74\0" len

static void passivedns_has_a_record_for_each_address(void **state)
{
   static const char answer[] = DNS("\x81\x80", "\4") /**/
       "\xc0\x0c" RR("\1", "\4") "\xc0\0\2\1"         /* A 192.0.2.1 */
                                 "\xc0\x0c" RR("\20",
                                               "\2") "\1x" /* TXT */
                                                     "\xc0\x0c" RR(
                                                         "\1",
                                                         "\3") "\xc0\0\2" /* an A of three bytes */
                                                               "\0019\0012\0010\003192\7in-addr\4arpa\0" RR(
                                                                   "\14", "\2") /**/
       "\xc0\x0c";                                                              /* PTR a.example */
   struct rig *r = rig_new("passivedns", "", true, 53);
   (void) state;
   rig_packet(r, true, 0, answer, sizeof(answer) - 1);
   rig_flush(r);
   assert_int_equal(r->n_records, 2);
   for (unsigned i = 0; i < 2; i++) {
      ip_addr_t *ip = ur_get_ptr_by_id(r->tmplt, r->records[i], ur_get_id_by_name("DNS_IP"));
      assert_string_equal(rig_string(r, i, "DNS_NAME"), "a.example");
      assert_int_equal(rig_number(r, i, "DNS_RR_TTL"), 60);
      assert_int_equal(ip_get_v4_as_int(ip), i == 0 ? 0xc0000201 : 0xc0000209);
   }
   assert_int_equal(rig_number(r, 0, "DNS_ATYPE"), 1);
   assert_int_equal(rig_number(r, 1, "DNS_ATYPE"), 12);
   rig_free(r);
}

static void passivedns_takes_only_answers_that_are_whole(void **state)
{
   static const char answer[] = DNS("\x81\x80", "\1") "\xc0\x0c" RR("\1", "\4") "\xc0\0\2\1";
   (void) state;
   for (size_t size = 0; size < sizeof(answer) - 1; size++) {
      struct rig *r = rig_new("passivedns", "", true, 53);
      rig_packet(r, true, 0, answer, size);
      rig_packet(r, false, 0, answer, sizeof(answer) - 1);
      rig_flush(r);
      assert_int_equal(r->n_records, 0);
      rig_free(r);
   }
}

static void dnssd_names_questions_once_and_services_with_their_port(void **state)
{
   static const char question[] = DNS("\0\0", "\0");
   static const char service[] =
       "\0\0\x84\0\0\0\0\3\0\0\0\0" /**/
       "\1p\4_ipp\5local\0" RR(
           "\41", "\22") "\0\0\0\0\2\x77\4host\5local\0"                                        /* SRV 631 */
                         "\xc0\x0c" RR("\20", "\6") "\5k=v=w"                                   /* TXT */
                                                    "\xc0\x0c" RR("\15", "\12") "\3ARM\5Linux"; /* HINFO */
   (void) state;
   for (unsigned with_text = 0; with_text < 2; with_text++) {
      struct rig *r = rig_new("dnssd", with_text ? "t=1" : "t=0", true, 5353);
      rig_packet(r, false, 0, question, sizeof(question) - 1);
      rig_packet(r, false, 0, question, sizeof(question) - 1);
      rig_packet(r, true, 0, service, sizeof(service) - 1);
      assert_string_equal(rig_string(r, 0, "DNSSD_QUERIES"), "a.example;");
      assert_string_equal(rig_string(r, 0, "DNSSD_RESPONSES"),
                          with_text ? "p._ipp.local;631;host.local;ARM:Linux;k=v=w:;"
                                    : "p._ipp.local;631;host.local;ARM:Linux;;");
      assert_int_equal(r->n_records, 1);
      rig_free(r);
   }
}

static void dnssd_lists_only_the_keys_of_the_file(void **state)
{
   static const char service[] =
       "\0\0\x84\0\0\0\0\2\0\0\0\0"                                /**/
       "\1p\4_ipp\5local\0" RR("\20", "\20") "\4ty=X\5Note=\4a=bc" /**/
                                             "\1q\4_ftp\5local\0" RR("\20", "\5") "\4ty=Y";
   char path[] = "/tmp/nemea-txt-XXXXXX", option[64], error[FLOW_PLUGIN_ERROR] = "";
   (void) state;
   int fd = mkstemp(path);
   assert_true(fd >= 0);
   dprintf(fd, "# comment\n_IPP.local, note ,ty\r\n_http.local,path\n");
   close(fd);
   snprintf(option, sizeof(option), "txt=%s", path);
   struct rig *r = rig_new("dnssd", option, true, 5353);
   rig_packet(r, true, 0, service, sizeof(service) - 1);
   assert_string_equal(rig_string(r, 0, "DNSSD_RESPONSES"),
                       "p._ipp.local;-1;;;ty=X:Note=:;q._ftp.local;-1;;;;");
   rig_free(r);
   fd = open(path, O_WRONLY | O_TRUNC);
   dprintf(fd, "_ipp.local,ty\n_http.local path\n");
   close(fd);
   assert_false(flow_plugin_configure(flow_plugin_find("dnssd"), option, error));
   assert_non_null(strstr(error, ":2: \"_http.local path\" is not SERVICE.DOMAIN,KEY,..."));
   unlink(path);
   assert_false(flow_plugin_configure(flow_plugin_find("dnssd"), option, error));
   assert_non_null(strstr(error, "cannot read"));
}

/* An OPT record uses class and TTL otherwise, but has the same layout: the records after it must be found. */
static void dnssd_goes_on_after_an_opt_record(void **state)
{
   static const char service[] = "\0\0\x84\0\0\0\0\0\0\0\0\2"               /**/
                                 "\0\0\x29\x05\xa0\0\0\x11\x94\0\4\0\0\0\0" /**/
                                 "\1p\4_ipp\5local\0" RR("\41", "\11") "\0\0\0\0\2\x77\1h\0";
   (void) state;
   struct rig *r = rig_new("dnssd", "", true, 5353);
   rig_packet(r, true, 0, service, sizeof(service) - 1);
   assert_string_equal(rig_string(r, 0, "DNSSD_RESPONSES"), "p._ipp.local;631;h;;;");
   rig_free(r);
}

static void passivedns_reads_names_of_ipv6_addresses(void **state)
{
   static const char answer[] =
       "\0\7\x81\x80\0\0\0\2\0\0\0\0" /**/
       "\1f\1e\1d\1c\1b\1a\0019\0018\0017\0016\0015\0014\0013\0012\0011\0010"
       "\0010\0010\0010\0010\0010\0010\0010\0010\18\1b\1d\0010\0011\0010\0010\0012"
       "\3ip6\4arpa\0" RR("\14", "\3") "\1h\0" /**/
                                       "\1f\1e\3ip6\4arpa\0" RR(
                                           "\14", "\3") "\1x\0"; /* two labels are not an address */
   (void) state;
   struct rig *r = rig_new("passivedns", "", true, 53);
   rig_packet(r, true, 0, answer, sizeof(answer) - 1);
   rig_flush(r);
   assert_int_equal(r->n_records, 1);
   assert_memory_equal(ur_get_ptr_by_id(r->tmplt, r->records[0], ur_get_id_by_name("DNS_IP")),
                       "\x20\x01\x0d\xb8\0\0\0\0\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
   rig_free(r);
}

static void dnssd_keeps_what_fits_of_many_names(void **state)
{
   char question[] = DNS("\0\0", "\0");
   struct rig *r = rig_new("dnssd", "", true, 5353);
   (void) state;
   for (unsigned i = 0; i < 20 * 26; i++) {
      question[13] = (char) ('a' + i % 26);
      question[15] = (char) ('a' + i / 26);
      rig_packet(r, false, 0, question, sizeof(question) - 1);
   }
   assert_int_equal(strlen(rig_string(r, 0, "DNSSD_QUERIES")), 1024 / 10 * 10);
   rig_free(r);
}

static void ssdp_lists_what_is_offered_and_sought(void **state)
{
   struct rig *r = rig_new("ssdp", "", true, 1900);
   (void) state;
   for (unsigned i = 0; i < 2; i++) {
      rig_text(
          r, false,
          "NOTIFY * HTTP/1.1\r\nLocation: http://192.0.2.1:8080/d.xml\r\nnt: urn:x:1\r\nSERVER: s\r\n\r\n");
      rig_text(r, false,
               "M-SEARCH * HTTP/1.1\r\nST: urn:y:1\r\nUSER-AGENT: me\r\nSERVER: not of a search\r\n\r\n");
   }
   assert_int_equal(rig_number(r, 0, "SSDP_LOCATION_PORT"), 8080);
   assert_string_equal(rig_string(r, 0, "SSDP_NT"), "x:1\r;");
   assert_string_equal(rig_string(r, 0, "SSDP_SERVER"), "s\r;");
   assert_string_equal(rig_string(r, 0, "SSDP_ST"), "y:1\r;");
   assert_string_equal(rig_string(r, 0, "SSDP_USER_AGENT"), "me\r;");
   rig_free(r);
}

static void ssdp_takes_the_port_after_an_address_of_either_kind(void **state)
{
   static const struct {
      const char *location;
      unsigned port;
   } cases[] = {{"http://[2001:db8::1]:8080/", 8080},
                {"http://192.0.2.1:80/", 80},
                {"http://192.0.2.1/", 0},
                {"http://192.0.2.1:99999/", 0},
                {":", 0},
                {"", 0}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char text[128];
      struct rig *r = rig_new("ssdp", "", true, 1900);
      snprintf(text, sizeof(text), "NOTIFY * HTTP/1.1\r\nLOCATION: %s\r\n\r\n", cases[i].location);
      rig_text(r, false, text);
      assert_int_equal(rig_number(r, 0, "SSDP_LOCATION_PORT"), cases[i].port);
      rig_free(r);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(passivedns_has_a_record_for_each_address),
       cmocka_unit_test(passivedns_takes_only_answers_that_are_whole),
       cmocka_unit_test(dnssd_names_questions_once_and_services_with_their_port),
       cmocka_unit_test(passivedns_reads_names_of_ipv6_addresses),
       cmocka_unit_test(dnssd_lists_only_the_keys_of_the_file),
       cmocka_unit_test(dnssd_goes_on_after_an_opt_record),
       cmocka_unit_test(dnssd_keeps_what_fits_of_many_names),
       cmocka_unit_test(ssdp_lists_what_is_offered_and_sought),
       cmocka_unit_test(ssdp_takes_the_port_after_an_address_of_either_kind),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
