/* SPDX-License-Identifier: BSD-3-Clause */
/** What is printed of clients. */
#include <nemea/module_cmocka.h>

#include "../blacklist/test_filter.h"

#define FLOWS                                                                                 \
   "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint64 SRC_BLACKLIST,uint64 " \
   "DST_BLACKLIST,string ADAPTIVE_IDS"

static nm_test_t *module(const char *options)
{
   char arguments[3 * PATH_BYTES];
   write_file(
       "config",
       "<configuration><struct name=\"blacklist_array\"><array type=\"IP\"><struct><element "
       "name=\"id\">3</element><element "
       "name=\"category\">Intrusion.Botnet</element><element name=\"method\">http</element><element "
       "name=\"name\">n</element>"
       "<element name=\"file_format\">text</element><element name=\"source\">http://x</element><element "
       "name=\"download_interval\">1</element><element "
       "name=\"ip_version\">4</element></struct></array></struct></configuration>");
   write_file("list", "198.51.100.0/24,4\n203.0.113.1,1\n");
   int n = snprintf(arguments, sizeof(arguments), "%s -c %s", options, file_path("config"));
   snprintf(arguments + n, sizeof(arguments) - (size_t) n, " -4 %s", file_path("list"));
   return nm_unit_start(arguments, FLOWS);
}

static void evidence(nm_test_t *t, const char *id, const char *more)
{
   char text[512];
   snprintf(text, sizeof(text),
            "{\"id\": \"%s\", \"event_type\": \"BotnetDetection\", \"key\": \"192.0.2.1\", "
            "\"grouped_events_cnt\": 2, \"first_detection_ts\": "
            "1704067200.0, \"last_detection_ts\": 1704067201.0%s}",
            id, more);
   assert_int_equal(nm_test_feed_bytes(t, 1, text, (uint16_t) strlen(text), 0), NM_OK);
}

static void clients_that_did_more_are_reported(void **state)
{
   nm_test_t *t = module("");
   (void) state;
   nm_test_feed(t, 0, "10.0.0.1,192.0.2.1,1000,80,999,0,\"one\"");
   nm_test_feed(t, 0, "192.0.2.1,10.0.0.1,80,1000,0,999,\"two,one\"");
   nm_test_feed(t, 0, "10.0.0.1,198.51.100.9,1000,6667,999,0,\"one\"");
   nm_test_feed(t, 0, "10.0.0.1,198.51.100.8,1000,53,999,0,\"one\""); /* DNS */
   nm_test_feed(t, 0, "10.0.0.2,203.0.113.1,1000,80,999,0,\"one\"");  /* on a list, but not of a botnet */
   nm_test_feed(t, 0, "10.0.0.3,192.0.2.1,1000,80,1,0,\"one\"");      /* not adaptive */
   evidence(t, "one", "");
   evidence(t, "one", ", \"scatter_part\": 2");
   evidence(t, "three", "");
   nm_test_feed_bytes(t, 1, "no JSON", 7, 0);
   assert_true(nm_test_catch(STDOUT_FILENO));
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(nm_test_caught(),
                       "event one: BotnetDetection, 192.0.2.1, 2 detections from 2024-01-01T00:00:00Z to "
                       "2024-01-01T00:00:01Z\n"
                       "  client 10.0.0.1: 3 flows\n"
                       "    2 flows with the server of the event, first 192.0.2.1 port 80\n"
                       "    1 flows with ports 6660 to 6670 (IRC), first 198.51.100.9 port 6667\n"
                       "    1 flows with other addresses on lists of botnets, first 198.51.100.9 port 6667\n"
                       "event three: BotnetDetection, 192.0.2.1, 2 detections from 2024-01-01T00:00:00Z to "
                       "2024-01-01T00:00:01Z\n"
                       "  no client did more\n");
   assert_int_equal(nm_test_counter(t, "no evidence"), 1);
   nm_test_free(t);
}

static void memory_is_bounded(void **state)
{
   nm_test_t *t = module("--capacity 2 --events 1");
   (void) state;
   for (int i = 0; i < 3; i++) {
      nm_test_feed(t, 0, "10.0.0.1,192.0.2.1,1000,80,999,0,\"one\"");
   }
   evidence(t, "one", "");
   evidence(t, "two", "");
   assert_int_equal(nm_test_counter(t, "left out"), 2);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(clients_that_did_more_are_reported),
                                      cmocka_unit_test(memory_is_bounded)};
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
