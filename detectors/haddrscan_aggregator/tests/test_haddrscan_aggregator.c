/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of haddrscan_aggregator without a process. */
#include <nemea/module_cmocka.h>

#define ALERT                                                                                              \
   "ipaddr SRC_IP,uint32 ADDR_CNT,uint32 ADDR_THRSD,time TIME_FIRST,time TIME_LAST,uint16 DST_PORT,uint8 " \
   "EVENT_TYPE,uint8 PROTOCOL,ipaddr DST_IP0,ipaddr DST_IP1,ipaddr DST_IP2,ipaddr DST_IP3"

static void alert(nm_test_t *t, unsigned minute, const char *source, unsigned n)
{
   char text[512];
   snprintf(
       text, sizeof(text),
       "%s,50,50,2024-01-01T00:%02u:00,2024-01-01T00:%02u:30,22,1,6,10.0.%u.1,10.0.%u.2,10.0.%u.3,10.0.%u.4",
       source, minute, minute, n, n, n, n);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void a_window_is_five_minutes_of_the_stream(void **state)
{
   nm_test_t *t = nm_unit_start("", ALERT);
   (void) state;
   alert(t, 0, "2001:db8::7", 1);
   alert(t, 3, "2001:db8::7", 2);
   assert_int_equal(nm_test_pending(t, 0), 0);
   alert(t, 6, "2001:db8::7", 3);
   const char *sent = nm_test_next(t, 0);
   assert_non_null(sent);
   assert_non_null(
       strstr(sent, "2001:db8::7,2024-01-01T00:00:00.000000,2024-01-01T00:03:30.000000,100,50,22,1,6"));
   assert_null(nm_test_next(t, 0));
   nm_test_finish(t);
   assert_non_null(
       strstr(nm_test_next(t, 0), "2024-01-01T00:06:00.000000,2024-01-01T00:06:30.000000,50,50,22"));
   nm_test_free(t);
}

static void the_last_samples_take_the_last_places(void **state)
{
   nm_test_t *t = nm_unit_start("", ALERT);
   (void) state;
   for (unsigned n = 1; n <= 6; n++) {
      alert(t, 0, "10.1.1.1", n);
   }
   nm_test_finish(t);
   /* DST_IP0, 1, 10 to 15, 2 to 9 */
   assert_non_null(
       strstr(nm_test_next(t, 0),
              "10.0.1.1,10.0.1.2,10.0.3.3,10.0.3.4,10.0.6.1,10.0.6.2,10.0.6.3,10.0.6.4,10.0.1.3,10.0."
              "1.4,10.0.2.1,10.0.2.2,10.0.2.3,10.0.2.4,10.0.3.1,10.0.3.2,10.1.1.1"));
   nm_test_free(t);
}

static void a_full_table_loses_nothing(void **state)
{
   nm_test_t *t = nm_unit_start("-c 4", ALERT);
   char source[32];
   (void) state;
   for (unsigned i = 0; i < 50; i++) {
      snprintf(source, sizeof(source), "10.9.9.%u", i);
      alert(t, 0, source, 1);
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
       cmocka_unit_test(the_last_samples_take_the_last_places),
       cmocka_unit_test(a_full_table_loses_nothing),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
