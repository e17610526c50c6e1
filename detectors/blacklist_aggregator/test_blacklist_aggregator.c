/* SPDX-License-Identifier: BSD-3-Clause */
/** What is joined, when it is reported, and what happens when there is too much of it. */
#include <nemea/module_cmocka.h>

#define IP_FORMAT                                                                                          \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 DST_BLACKLIST,uint64 SRC_BLACKLIST,time TIME_FIRST,time TIME_LAST," \
   "uint16 DST_PORT,uint64 BYTES,uint32 COUNT,uint32 PACKETS,uint8 PROTOCOL"
#define URL_FORMAT                                                                                       \
   "string HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,uint64 BLACKLIST,time TIME_FIRST,time "             \
   "TIME_LAST,string "                                                                                   \
   "HTTP_REQUEST_REFERER,ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,uint16 DST_PORT,uint8 " \
   "PROTOCOL"

static nm_test_t *module(const char *options)
{
   nm_test_t *t = nm_unit_start(options, IP_FORMAT);
   assert_int_equal(nm_test_format(t, 1, URL_FORMAT), NM_OK);
   return t;
}

static void address(nm_test_t *t, const char *dst, const char *src, const char *lists, unsigned second,
                    unsigned port)
{
   char line[256];
   snprintf(line, sizeof(line), "%s,%s,%s,2024-01-01T00:%02u:%02u,2024-01-01T00:%02u:%02u,%u,100,1,2,6", dst,
            src, lists, second / 60, second % 60, second / 60, second % 60, port);
   assert_int_equal(nm_test_feed(t, 0, line), NM_OK);
}

static void url(nm_test_t *t, const char *host, const char *path, unsigned second)
{
   char *line = malloc(strlen(host) + strlen(path) + 256);
   sprintf(line, "\"%s\",\"%s\",1,2024-01-01T00:%02u:%02u,2024-01-01T00:%02u:%02u", host, path, second / 60,
           second % 60, second / 60, second % 60);
   assert_int_equal(nm_test_feed(t, 1, line), NM_OK);
   free(line);
}

static void intervals_are_of_stream_time(void **state)
{
   nm_test_t *t = module("-t 1");
   (void) state;
   address(t, "10.0.0.1", "192.0.2.1", "0,1", 10, 80);
   url(t, "evil.example", "/", 10);
   address(t, "10.0.0.2", "192.0.2.1", "0,1", 60, 80);
   url(t, "evil.example", "/", 60);
   assert_int_equal(nm_test_pending(t, 0), 0);
   address(t, "10.0.0.3", "192.0.2.1", "0,1", 76, 80);
   url(t, "evil.example", "/", 76); /* 70 s is over, with five seconds for what comes late */
   assert_int_equal(nm_test_pending(t, 0), 2);
   const char *event = nm_test_next(t, 0);
   assert_non_null(strstr(event, "\"source\": \"192.0.2.1\""));
   assert_non_null(strstr(event, "\"targets\": [\"10.0.0.1\", \"10.0.0.2\", \"10.0.0.3\"]"));
   assert_non_null(strstr(event, "\"source_ports\": []"));
   event = nm_test_next(t, 0);
   assert_non_null(strstr(event, "\"tgt_sent_flows\": 2"));
   nm_test_end(t, 0);
   assert_int_equal(nm_test_end(t, 1), NM_STOP);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_pending(t, 0), 1); /* the last request */
   nm_test_free(t);
}

static void only_a_leading_www_is_left_out(void **state)
{
   nm_test_t *t = module("");
   (void) state;
   url(t, "www.evil.example", "/", 1);
   url(t, "evil.example", "/", 1);
   url(t, "web.example", "/x", 1);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_next(t, 0), "\"source_url\": \"evil.example\""));
   assert_non_null(strstr(nm_test_next(t, 0), "\"source_url\": \"web.example/x\""));
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void many_targets_are_split(void **state)
{
   nm_test_t *t = module("");
   char target[32];
   size_t size, targets = 0;
   const char *message;
   (void) state;
   for (unsigned i = 0; i < 2500; i++) {
      snprintf(target, sizeof(target), "10.0.%u.%u", i / 250, i % 250);
      address(t, "192.0.2.1", target, "1,0", 1, i + 1);
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_pending(t, 0), 3);
   while ((message = nm_test_next_bytes(t, 0, &size)) != NULL) {
      assert_true(size < 65536);
      for (size_t i = 0; i + 6 < size; i++) {
         targets += memcmp(message + i, "\"10.0.", 6) == 0;
      }
   }
   assert_int_equal(targets, 2500);
   assert_int_equal(nm_test_counter(t, "ports left out"), 1500);
   nm_test_free(t);
}

/* Nothing is lost when the tables are full: what is there is reported early. */
static void full_tables_end_the_interval(void **state)
{
   nm_test_t *t = module("--capacity 4");
   char source[32];
   (void) state;
   for (unsigned i = 0; i < 10; i++) {
      snprintf(source, sizeof(source), "192.0.2.%u", i);
      address(t, "10.0.0.1", source, "0,1", 1, 80);
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_pending(t, 0), 10);
   assert_int_equal(nm_test_counter(t, "reported early"), 2);
   nm_test_free(t);
}

static void huge_urls_are_cut(void **state)
{
   nm_test_t *t = module("");
   char *path = malloc(50001);
   size_t size;
   (void) state;
   memset(path, '\x01', 50000);
   path[50000] = 0;
   url(t, "evil.example", path, 1);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(nm_test_next_bytes(t, 0, &size));
   assert_true(size < 30000);
   nm_test_free(t);
   free(path);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(intervals_are_of_stream_time), cmocka_unit_test(only_a_leading_www_is_left_out),
       cmocka_unit_test(many_targets_are_split), cmocka_unit_test(full_tables_end_the_interval),
       cmocka_unit_test(huge_urls_are_cut)};
   return cmocka_run_group_tests(tests, NULL, NULL);
}
