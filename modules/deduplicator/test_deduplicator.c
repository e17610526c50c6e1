/* SPDX-License-Identifier: BSD-3-Clause */
/** Which records deduplicator drops. */
#include <nemea/module_cmocka.h>

#define FLOWS                                                                                                \
   "ipaddr DST_IP,ipaddr SRC_IP,uint64 LINK_BIT_FIELD,time TIME_LAST,uint16 DST_PORT,uint16 SRC_PORT,uint8 " \
   "PROTOCOL"

/* \return whether the record is sent */
static bool sent(nm_test_t *t, const char *source, unsigned port, unsigned protocol, unsigned link,
                 double seconds)
{
   char text[200];
   unsigned ms = (unsigned) (seconds * 1000 + 0.5);
   snprintf(text, sizeof(text), "192.0.2.1,%s,%u,2024-01-01T00:%02u:%02u.%03u,80,%u,%u", source, link,
            ms / 60000, ms / 1000 % 60, ms % 1000, port, protocol);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
   return nm_test_next(t, 0) != NULL;
}

static void the_first_exporter_of_a_flow_is_heard(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("", FLOWS);
   assert_true(sent(t, "10.0.0.1", 1000, 6, 1, 1));
   assert_false(sent(t, "10.0.0.1", 1000, 6, 2, 1)); /* another exporter */
   assert_false(sent(t, "10.0.0.1", 1000, 6, 4, 6)); /* 5 s: within the timeout */
   assert_true(sent(t, "10.0.0.1", 1000, 6, 1, 2));  /* the same one: another record of the flow */
   assert_true(sent(t, "10.0.0.1", 1000, 17, 2, 1));
   assert_true(sent(t, "10.0.0.1", 1001, 6, 2, 1));
   assert_true(sent(t, "10.0.0.2", 1000, 6, 2, 1));
   assert_int_equal(nm_test_counter(t, "insertedCount"), 4);
   assert_int_equal(nm_test_counter(t, "deduplicatedCount"), 2);
   assert_int_equal(nm_test_counter(t, "replacedCount"), 0);
   nm_test_free(t);
}

static void after_the_timeout_another_one_takes_over(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t 1500", FLOWS);
   assert_true(sent(t, "10.0.0.1", 1, 6, 1, 10));
   assert_false(sent(t, "10.0.0.1", 1, 6, 2, 11.5));
   assert_true(sent(t, "10.0.0.1", 1, 6, 2, 11.502));
   /* Now it is the flow of 2, also for the one that had it before. */
   assert_false(sent(t, "10.0.0.1", 1, 6, 1, 11.502));
   assert_true(sent(t, "10.0.0.1", 1, 6, 2, 12));
   nm_test_free(t);
}

/* Exporter 1 dies; 2 goes on each second, which must not keep the entry alive. */
static void an_exporter_that_dies_does_not_silence_the_others(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("", FLOWS);
   assert_true(sent(t, "10.0.0.1", 1, 6, 1, 0));
   for (int second = 0; second <= 5; second++) {
      assert_false(sent(t, "10.0.0.1", 1, 6, 2, second));
   }
   for (int second = 6; second < 12; second++) {
      assert_true(sent(t, "10.0.0.1", 1, 6, 2, second));
   }
   nm_test_free(t);
}

static void a_record_with_a_wrong_clock_ends_its_entry_only(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("", FLOWS);
   assert_true(sent(t, "10.0.0.1", 1, 6, 1, 10));
   assert_true(sent(t, "10.0.0.1", 1, 6, 1, 3500));
   assert_true(sent(t, "10.0.0.1", 1, 6, 2, 11));
   assert_false(sent(t, "10.0.0.1", 1, 6, 1, 12));
   /* Time that goes back a little is nothing special. */
   assert_true(sent(t, "10.0.0.1", 1, 6, 2, 9));
   assert_false(sent(t, "10.0.0.1", 1, 6, 1, 8));
   nm_test_free(t);
}

static void by_the_wall_clock_times_in_records_do_not_matter(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("--wall-clock -t 4000000000", FLOWS);
   assert_true(sent(t, "10.0.0.1", 1, 6, 1, 10));
   assert_false(sent(t, "10.0.0.1", 1, 6, 2, 3500));
   nm_test_free(t);
}

static void a_full_table_forgets_the_oldest(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-s 3", FLOWS);
   for (unsigned port = 1; port <= 9; port++) {
      assert_true(sent(t, "10.0.0.1", port, 6, 1, 1));
   }
   assert_int_equal(nm_test_counter(t, "replacedCount"), 1);
   for (unsigned port = 2; port <= 9; port++) {
      assert_false(sent(t, "10.0.0.1", port, 6, 2, 1));
   }
   assert_true(sent(t, "10.0.0.1", 1, 6, 2, 1)); /* was forgotten */
   assert_int_equal(nm_test_counter(t, "replacedCount"), 2);
   nm_test_free(t);
}

static void wrong_options(void **state)
{
   static const char *const cases[][2] = {
       {"-s 2", "HashMap size can not be less than 8"},
       {"-s 0", "HashMap size can not be less than 8"},
       {"-s 31", "-s, --size"},
       {"-s x", "-s, --size"},
       {"-t -1", "-t, --timeout"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, cases[i][0]);
      assert_non_null(strstr(nm_test_error(t), cases[i][1]));
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(the_first_exporter_of_a_flow_is_heard),
       cmocka_unit_test(after_the_timeout_another_one_takes_over),
       cmocka_unit_test(an_exporter_that_dies_does_not_silence_the_others),
       cmocka_unit_test(a_record_with_a_wrong_clock_ends_its_entry_only),
       cmocka_unit_test(by_the_wall_clock_times_in_records_do_not_matter),
       cmocka_unit_test(a_full_table_forgets_the_oldest),
       cmocka_unit_test(wrong_options),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
