/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of vportscan_aggregator without a process. */
#include <nemea/module_cmocka.h>

#define ALERT                                                                                           \
   "ipaddr DST_IP,ipaddr SRC_IP,uint32 PORT_CNT,time TIME_FIRST,time TIME_LAST,uint16 DST_PORT,uint16 " \
   "SRC_PORT,uint8 EVENT_TYPE,uint8 PROTOCOL"

static void alert(nm_test_t *t, unsigned second, const char *source, const char *target)
{
   char text[256];
   snprintf(text, sizeof(text), "%s,%s,50,2024-01-01T00:%02u:%02u.25,2024-01-01T00:%02u:%02u.5,80,40000,1,6",
            target, source, second / 60, second % 60, second / 60, second % 60);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void a_window_is_five_minutes_of_the_stream(void **state)
{
   nm_test_t *t = nm_unit_start("", ALERT);
   (void) state;
   alert(t, 0, "10.0.0.7", "2001:db8::1");
   alert(t, 200, "10.0.0.7", "10.0.0.1");
   alert(t, 299, "10.0.0.7", "10.0.0.1");
   assert_int_equal(nm_test_pending(t, 0), 0);
   nm_test_advance(t, ur_time_from_sec_usec(1704067501, 0));
   assert_string_equal(
       nm_test_next(t, 0),
       "{\"src_ip\": \"10.0.0.7\", \"dst_ips\": {\"10.0.0.1\": 100, \"2001:db8::1\": 50}, \"ts_first\": "
       "1704067200.25, \"ts_last\": 1704067499.5, \"protocol\": 6}");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void more_than_1000_targets_are_several_messages(void **state)
{
   nm_test_t *t = nm_unit_start("", ALERT);
   char target[64];
   unsigned targets = 0, messages = 0;
   (void) state;
   for (unsigned i = 0; i < 2500; i++) {
      snprintf(target, sizeof(target), "2001:db8:ffff:ffff:ffff:ffff:ffff:%x", 0x1000 + i);
      alert(t, 0, "2001:db8:ffff:ffff:ffff:ffff:ffff:1000", target);
   }
   nm_test_finish(t);
   for (const char *sent; (sent = nm_test_next(t, 0)) != NULL; messages++) {
      assert_int_equal(sent[strlen(sent) - 1], '}');
      for (const char *at = sent; (at = strstr(at, "\": 50")) != NULL; at++) {
         targets++;
      }
   }
   assert_int_equal(messages, 3);
   assert_int_equal(targets, 2500);
   nm_test_free(t);
}

static void a_full_table_loses_nothing(void **state)
{
   nm_test_t *t = nm_unit_start("--targets 4 --noblockscans", ALERT);
   char target[32];
   (void) state;
   for (unsigned i = 0; i < 50; i++) {
      snprintf(target, sizeof(target), "10.9.9.%u", i);
      alert(t, 0, "10.0.0.7", target);
   }
   assert_int_equal(nm_test_counter(t, "sent early"), 12);
   nm_test_finish(t);
   assert_int_equal(nm_unit_count(t), 50);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_window_is_five_minutes_of_the_stream),
       cmocka_unit_test(more_than_1000_targets_are_several_messages),
       cmocka_unit_test(a_full_table_loses_nothing),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
