/* SPDX-License-Identifier: BSD-3-Clause */
/** Rules, series and bounds of scalar_agg. */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#include "rule.h"

#define TIMES "time TIME_FIRST,time TIME_LAST"

static nm_test_t *module(const char *options, const char *fields)
{
   char format[200];
   nm_test_t *t = nm_test_new_with(&nm_definition, options, 1, 1);
   assert_null(nm_test_error(t));
   snprintf(format, sizeof(format), TIMES ",%s", fields);
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

/* A record: tenths of a second since 2024-01-01T00, and the other values. */
static void feed(nm_test_t *t, unsigned first, unsigned last, const char *values)
{
   char text[300];
   snprintf(text, sizeof(text), "2024-01-01T%02u:%02u:%02u.%u,2024-01-01T%02u:%02u:%02u.%u,%s", first / 36000,
            first / 600 % 60, first / 10 % 60, first % 10, last / 36000, last / 600 % 60, last / 10 % 60,
            last % 10, values);
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void expect(nm_test_t *t, uint32_t output, const char *text)
{
   const char *got = nm_test_next(t, output);
   assert_non_null(got);
   assert_string_equal(got, text);
}

/* A value is divided among the intervals of its flow; a flow at a border touches both intervals. */
static void values_are_divided(void **state)
{
   (void) state;
   nm_test_t *t =
       module("-t 10 -d 20 -r c:COUNT(B) -r s:SUM(B) -r a:AVG(B) -r r:rate(B) --flush", "uint32 B");
   feed(t, 50, 250, "200"); /* 5 s, 10 s, 5 s */
   feed(t, 300, 300, "8");  /* no duration; at the border of the third and the fourth */
   feed(t, 0, 100, "10");   /* ends at the border */
   nm_test_finish(t);
   assert_string_equal(nm_test_output_format(t, 0), "time TIME,double a,uint64 c,double r,double s");
   expect(t, 0, "2024-01-01T00:00:00.000000,30.000000,2,6.000000,60.000000");
   expect(t, 0, "2024-01-01T00:00:10.000000,50.000000,2,10.000000,100.000000");
   expect(t, 0, "2024-01-01T00:00:20.000000,29.000000,2,5.800000,58.000000");
   expect(t, 0, "2024-01-01T00:00:30.000000,8.000000,1,0.800000,8.000000");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* With --exact an interval has the flows that are in it, each with the time it spends there, and no other; without, a short flow
 * just behind a border has a negative part before it, as with NEMEA 2. */
static void exact_parts(void **state)
{
   (void) state;
   for (int exact = 0; exact < 2; exact++) {
      nm_test_t *t = module(exact ? "-t 10 -d 20 --flush --exact -r c:COUNT(B) -r s:SUM(B)"
                                  : "-t 10 -d 20 --flush -r c:COUNT(B) -r s:SUM(B)",
                            "uint32 B");
      feed(t, 50, 100, "10");  /* ends at a border */
      feed(t, 101, 102, "10"); /* begins just behind it */
      feed(t, 100, 100, "10"); /* stands at it */
      feed(t, 50, 250, "200");
      nm_test_finish(t);
      expect(t, 0,
             exact ? "2024-01-01T00:00:00.000000,2,60.000000" : "2024-01-01T00:00:00.000000,4,60.000000");
      expect(t, 0,
             exact ? "2024-01-01T00:00:10.000000,3,120.000000" : "2024-01-01T00:00:10.000000,4,120.000000");
      expect(t, 0, "2024-01-01T00:00:20.000000,1,50.000000");
      nm_test_free(t);
   }
}

/* The window moves when a flow ends behind it; what is kept at the end is sent only with --flush; else a warning says so. */
static void intervals_wait_for_late_flows(void **state)
{
   (void) state;
   nm_test_t *t = module("-t 10 -d 20 -r c:COUNT(B)", "uint32 B");
   feed(t, 11, 12, "1");
   feed(t, 491, 499, "1"); /* four intervals are kept */
   expect(t, 0, "2024-01-01T00:00:00.000000,1");
   assert_null(nm_test_next(t, 0));
   feed(t, 121, 122, "1"); /* late, but not too late */
   feed(t, 51, 52, "1");   /* too late */
   feed(t, 81, 112, "1");  /* partly */
   assert_int_equal(nm_test_counter(t, "before the series"), 2);
   feed(t, 501, 502, "1");
   expect(t, 0, "2024-01-01T00:00:10.000000,2");
   assert_true(nm_test_catch(STDERR_FILENO));
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_non_null(strstr(nm_test_caught(), "the last 4 intervals are not sent (see --flush)"));
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* After a pause the series restarts; nothing that was kept is lost. */
static void a_pause_begins_a_new_series(void **state)
{
   (void) state;
   nm_test_t *t = module("-t 10 -d 0 -I 60 -r c:COUNT(B) --flush", "uint32 B");
   feed(t, 11, 12, "1");
   feed(t, 111, 112, "1");
   feed(t, 36000, 36001, "1");
   expect(t, 0, "2024-01-01T00:00:00.000000,1");
   expect(t, 0, "2024-01-01T00:00:10.000000,1");
   assert_null(nm_test_next(t, 0));
   nm_test_finish(t);
   expect(t, 0, "2024-01-01T01:00:00.000000,1");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* One record with a wrong clock must not send and end everything, nor may one that lasts for years take years of intervals. */
static void wrong_clocks(void **state)
{
   (void) state;
   nm_test_t *t = module("-t 10 -d 0 -r c:COUNT(B) --flush", "uint32 B");
   feed(t, 11, 12, "1");
   assert_int_equal(nm_test_feed(t, 0, "2030-01-01T00:00:00,2030-01-01T00:00:00,1"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "2024-01-01T00:00:00,2100-01-01T00:00:00,1"), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "2024-01-01T00:00:09,2024-01-01T00:00:00,1"), NM_OK);
   feed(t, 13, 14, "1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "impossible times"), 3);
   nm_test_finish(t);
   expect(t, 0, "2024-01-01T00:00:00.000000,2");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void a_silent_stream_goes_on(void **state)
{
   (void) state;
   nm_test_t *t = module("-t 10 -d 0 -r c:COUNT(B)", "uint32 B");
   feed(t, 11, 12, "1");
   feed(t, 13, 191, "1"); /* the clock is far enough, but the last interval is not over */
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_advance(t, ur_time_from_sec_msec(1704067200 + 25, 0)), NM_OK);
   expect(t, 0, "2024-01-01T00:00:00.000000,2");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* Distinct values of any type, empty ones too; in each interval that the flow touches. */
static void distinct_values_of_all_types(void **state)
{
   (void) state;
   nm_test_t *t = module("-t 10 -d 0 --flush -r ip:COUNT_UNIQ(IP) -r s:COUNT_UNIQ(S) -r m:COUNT_UNIQ(M) "
                         "-r t:COUNT_UNIQ(T) -r n:COUNT_UNIQ(N) -r z:COUNT_UNIQ(A)",
                         "ipaddr IP,string S,macaddr M,time T,uint8 N,int16* A");
   feed(t, 1, 2, "1.1.1.1,\"\",00:00:00:00:00:01,2020-01-01T00:00:00,1,[1|2]");
   feed(t, 1, 2, "1.1.1.1,\"\",00:00:00:00:00:01,2020-01-01T00:00:00,1,[1|2]");
   feed(t, 1, 152, "1.1.1.2,\"x\",00:00:00:00:00:02,2020-01-01T00:00:01,2,[]");
   nm_test_finish(t);
   assert_string_equal(nm_test_output_format(t, 0),
                       "time TIME,uint64 ip,uint64 m,uint64 n,uint64 s,uint64 t,uint64 z");
   expect(t, 0, "2024-01-01T00:00:00.000000,2,2,2,2,2,2");
   expect(t, 0, "2024-01-01T00:00:10.000000,1,1,1,1,1,1");
   assert_int_equal(nm_test_counter(t, "estimated results"), 0);
   nm_test_free(t);
}

static void more_distinct_values_than_are_kept(void **state)
{
   enum { N = 20000, KEPT = 100 };
   (void) state;
   char value[16];
   nm_test_t *t = module("-t 10 -d 0 --flush --capacity 100 -r u:COUNT_UNIQ(N)", "uint32 N");
   for (int i = 0; i < N; i++) {
      snprintf(value, sizeof(value), "%d", i);
      feed(t, 1, 2, value);
   }
   nm_test_finish(t);
   const char *row = nm_test_next(t, 0);
   assert_non_null(row);
   long estimate = strtol(strchr(row, ',') + 1, NULL, 10);
   assert_in_range(estimate, N * 85 / 100, N * 115 / 100); /* nine standard errors */
   assert_int_equal(nm_test_counter(t, "estimated results"), 1);
   nm_test_free(t);
}

/* -t, -d and -I apply to the rules after them, -R begins the next output. */
static void outputs_with_times_of_their_own(void **state)
{
   (void) state;
   nm_test_t *t = nm_test_new_with(&nm_definition,
                                   "-t 10 -d 0 -r a:COUNT(B) -R -t 30 -r b:SUM(B):B>1 -R -t 10 -r "
                                   "c:SUM(B):SRC_IP==2001\\:db8\\:\\:1||B==1",
                                   1, 3);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, TIMES ",ipaddr SRC_IP,uint32 B"), NM_OK);
   feed(t, 11, 12, "10.0.0.1,1");
   feed(t, 11, 12, "10.0.0.1,2");
   feed(t, 11, 12, "2001:db8::1,4");
   feed(t, 201, 202, "10.0.0.1,1");
   expect(t, 0, "2024-01-01T00:00:00.000000,3");
   assert_null(nm_test_next(t, 0));
   assert_null(nm_test_next(t, 1));
   expect(t, 2, "2024-01-01T00:00:00.000000,5.000000");
   feed(t, 601, 602, "10.0.0.1,1");
   expect(t, 1, "2024-01-01T00:00:00.000000,6.000000");
   nm_test_free(t);
}

/* The table of -v. */
static void rows_on_standard_output(void **state)
{
   (void) state;
   nm_test_t *t = module("-t 10 -d 0 -r c:COUNT(B) -r s:SUM(B)", "uint32 B");
   trap_set_verbose_level(0);
   assert_true(nm_test_catch(STDOUT_FILENO));
   for (unsigned i = 0; i < 25; i++) {
      feed(t, 100 * i + 51, 100 * i + 52, "1");
   }
   trap_set_verbose_level(-1);
   fflush(stdout);
   const char *text = nm_test_caught();
   assert_non_null(strstr(text, "[OUT-00] TIME,c,s\n---"));
   assert_non_null(strstr(text, "[OUT-00] 2024-01-01 00:00:10,1,1.00\n"));
   const char *second = strstr(strstr(text, "TIME,c,s") + 1, "TIME,c,s");
   assert_non_null(second);
   assert_non_null(strstr(second, "00:03:30,1"));
   assert_null(strstr(second, "00:03:20,1"));
   nm_test_free(t);
}

static void rules(void **state)
{
   static const struct {
      const char *text, *error; /* error NULL: good */
   } cases[] = {
       {" a : sum ( B ) : B == 1 AND host in [10.0.0.0/8] ", NULL},
       {"a_1:Count_Uniq(URL):URL =~ \"^a b:\"", NULL},
       {"a:SUM(B):", NULL},
       {"", "Rule name cannot be empty"},
       {" :SUM(B)", "Rule name cannot be empty"},
       {"1a:SUM(B)", "unexpected characters"},
       {"a b:SUM(B)", "unexpected characters"},
       {"a", "Syntax error: rule \"a\", byte 2"},
       {"a:", "Syntax error"},
       {"a:SUM", "Syntax error"},
       {"a:SUM(B", "Syntax error"},
       {"a:SUM()", "the name of a field"},
       {"a:SUM(B,C)", "the name of a field"},
       {"a:MEDIAN(B)", "Unknown aggregation function"},
       {"a:SU(B)", "Unknown aggregation function"},
       {"a:SUM(B):B ==", "rule a: filter, byte "},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct rule rule;
      char error[RULE_ERROR] = "";
      assert_int_equal(rule_parse(&rule, cases[i].text, NULL, NULL, error), cases[i].error == NULL);
      if (cases[i].error != NULL && strstr(error, cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].text, error);
      }
      rule_free(&rule);
   }
}

/* Wrong options end the module before any data, with status 1. */
static void wrong_options(void **state)
{
   static const char *const cases[][2] = {
       {"-t 0 -r a:SUM(B)", "illogical value to parameter -t: \"0\""},
       {"-t x -r a:SUM(B)", "illogical value to parameter -t"},
       {"-d -1 -r a:SUM(B)", "illogical value to parameter -d"},
       {"-I 0 -r a:SUM(B)", "illogical value to parameter -I"},
       {"-t 1 -d 2000000 -r a:SUM(B)", "the delay (-d) is more than"},
       {"-r a:SUM(B):B==", "rule a: filter"},
       {"-r a:SUM(B) -r a:COUNT(B)", "another rule of this name"},
       {"-r TIME:SUM(B)", "the name of the time"},
       {"-r a:SUM(B) -t 5 -r b:SUM(B)", "the same -t, -d and -I"},
       {"-r a:SUM(B) -R -r b:SUM(B)", "doesn't match number defined by rules"},
       {"-t 60", "has no rule"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new_with(&nm_definition, cases[i][0], 1, 1);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL) {
         fail_msg("%s: %s", cases[i][0], nm_test_error(t));
      }
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
}

/* Fields that are missing or no numbers are named; a format may change while the series goes on. */
static void fields_of_rules(void **state)
{
   static const char *const cases[][2] = {
       {"uint32 X", "rule a: the records have no field \"B\""},
       {"ipaddr B", "rule a: field B is ipaddr, not a number"},
       {"time B", "rule a: field B is time, not a number"},
       {"string B", "rule a: field B is string, not a number"},
       {"int32* B", "rule a: field B is int32*, not a number"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char format[100];
      nm_test_t *t = nm_test_new_with(&nm_definition, "-r a:COUNT(B)", 1, 1);
      assert_null(nm_test_error(t));
      snprintf(format, sizeof(format), TIMES ",%s", cases[i][0]);
      assert_int_equal(nm_test_format(t, 0, format), NM_ERROR);
      if (strstr(nm_test_error(t), cases[i][1]) == NULL) {
         fail_msg("%s: %s", cases[i][0], nm_test_error(t));
      }
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
   nm_test_t *t = module("-t 10 -d 0 --flush -r a:SUM(D):D>0", "double D");
   feed(t, 1, 2, "1.5");
   feed(t, 1, 2, "-1.5");
   assert_int_equal(nm_test_format(t, 0, TIMES ",uint64 X,double D"), NM_OK);
   feed(t, 3, 4, "7,2.5");
   nm_test_finish(t);
   expect(t, 0, "2024-01-01T00:00:00.000000,4.000000");
   nm_test_free(t);
}

/* However records are cut into batches, the series is the same. */
static void batches_of_any_size(void **state)
{
   enum { N = 700 };
   struct {
      ur_time_t first, last;
   } data[N];
   (void) state;
   for (uint32_t i = 0; i < N; i++) {
      data[i].first = ur_time_from_sec_msec(1704067200 + i, i % 1000);
      data[i].last = data[i].first + ((uint64_t) (i % 37) << 32);
   }
   char expected[2][60][64];
   for (uint32_t size = 1, round = 0; size <= N; size = size == 1 ? 7 : N + (size == N), round++) {
      nm_record_t recs[N];
      nm_test_t *t = nm_test_new_with(&nm_definition,
                                      "-t 20 -d 20 --flush -r c:COUNT(DST_PORT) -r s:SUM(DST_PORT)", 1, 1);
      assert_int_equal(nm_test_format(t, 0, TIMES ",uint16 DST_PORT"), NM_OK);
      static uint8_t bytes[N][2 * sizeof(ur_time_t) + 2];
      for (uint32_t i = 0; i < N; i++) {
         memcpy(bytes[i], &data[i], sizeof(data[i]));
         bytes[i][16] = 1;
         recs[i] = (nm_record_t){.data = bytes[i], .size = sizeof(bytes[i]), .seq = i + 1};
      }
      for (uint32_t i = 0; i < N; i += size) {
         assert_int_equal(nm_test_feed_batch(t, 0, recs + i, N - i < size ? N - i : size), NM_OK);
      }
      nm_test_finish(t);
      uint32_t rows = 0;
      for (const char *row; (row = nm_test_next(t, 0)) != NULL; rows++) {
         assert_in_range(rows, 0, 59);
         snprintf(expected[round > 0][rows], sizeof(expected[0][0]), "%s", row);
         assert_string_equal(expected[round > 0][rows], expected[0][rows]);
      }
      assert_in_range(rows, 35, 37);
      nm_test_free(t);
   }
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(values_are_divided),
       cmocka_unit_test(exact_parts),
       cmocka_unit_test(intervals_wait_for_late_flows),
       cmocka_unit_test(a_pause_begins_a_new_series),
       cmocka_unit_test(wrong_clocks),
       cmocka_unit_test(a_silent_stream_goes_on),
       cmocka_unit_test(distinct_values_of_all_types),
       cmocka_unit_test(more_distinct_values_than_are_kept),
       cmocka_unit_test(outputs_with_times_of_their_own),
       cmocka_unit_test(rows_on_standard_output),
       cmocka_unit_test(rules),
       cmocka_unit_test(wrong_options),
       cmocka_unit_test(fields_of_rules),
       cmocka_unit_test(batches_of_any_size),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
