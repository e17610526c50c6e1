/* SPDX-License-Identifier: BSD-3-Clause */
/** Functions, windows and bounds of agg. */
#include <nemea/module_cmocka.h>

#include "window.h"

#define TIMES "time TIME_FIRST,time TIME_LAST"

/* Averages are right for signed numbers and beyond the range of the type; sums wrap in it. */
static void sums_and_averages(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t 100 -a I -a U64 -a F -s U8 -s I8",
                                TIMES ",int32 I,uint64 U64,float F,uint8 U8,int8 I8");
   nm_unit_feed_at(t, 0, 1, "-10,18446744073709551615,0.5,200,-100");
   nm_unit_feed_at(t, 0, 1, "-10,18446744073709551615,1.5,102,-100");
   nm_unit_feed_at(t, 0, 1, "-7,18446744073709551612,1.0,0,0");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_string_equal(
       nm_test_output_format(t, 0),
       "time TIME_FIRST,time TIME_LAST,uint64 U64,uint32 COUNT,float F,int32 I,int8 I8,uint8 U8");
   nm_unit_expect(t, "18446744073709551614,3,1.000000,-9,56,46");
   nm_test_free(t);
}

static void extremes_of_all_types(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t 100 -m I16 -M D -m IP -M CH -m T -M U16 -o F1 -n F2", TIMES
                                ",int16 I16,double D,ipaddr IP,char CH,time T,uint16 U16,uint8 F1,uint8 F2");
   nm_unit_feed_at(t, 0, 1, "5,-2.5,10.0.0.9,b,2020-01-02T00:00:00,3,1,7");
   nm_unit_feed_at(t, 0, 1, "-5,-1.5,10.0.0.1,c,2020-01-01T00:00:00,65535,2,5");
   nm_unit_feed_at(t, 0, 1, "0,-9,10.0.0.5,a,2020-01-03T00:00:00,4,0,13");
   nm_test_finish(t);
   assert_string_equal(nm_test_next(t, 0),
                       "10.0.0.1,-1.500000,2020-01-01T00:00:00.000000,2024-01-01T00:00:00.000000,"
                       "2024-01-01T00:00:01.000000,3,-5,65535,c,3,5");
   nm_test_free(t);
}

/* Keys and values of variable length, longer than the buffers of NEMEA 2. */
static void values_of_variable_length(void **state)
{
   (void) state;
   char text[200], longer[130];
   memset(longer, 'x', sizeof(longer) - 1);
   longer[sizeof(longer) - 1] = 0;
   nm_test_t *t = nm_unit_start("-t 100 -k URL -k P -f A -l B -F C",
                                TIMES ",string URL,uint8 P,string A,string B,string C");
   nm_unit_feed_at(t, 0, 1, "\"u\",6,\"a1\",\"b1\",\"\"");
   snprintf(text, sizeof(text), "\"u\",6,\"a2\",\"%s\",\"c2\"", longer);
   nm_unit_feed_at(t, 0, 1, text);
   nm_unit_feed_at(t, 0, 1, "\"u\",17,\"\",\"b3\",\"\"");
   nm_unit_feed_at(t, 0, 1, "\"u2\",6,\"\",\"\",\"\"");
   nm_unit_feed_at(t, 0, 1, "\"u\",6,\"a3\",\"short\",\"c3\"");
   nm_test_finish(t);
   nm_unit_expect(t, ",3,6,\"a1\",\"short\",\"c2\",\"u\"");
   nm_unit_expect(t, ",1,17,\"\",\"b3\",\"\",\"u\"");
   nm_unit_expect(t, ",1,6,\"\",\"\",\"\",\"u2\"");
   assert_int_equal(nm_test_counter(t, "bytes of variable length"), 0);
   nm_test_free(t);
}

static void active_window(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-k K", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   nm_unit_feed_at(t, 10, 11, "1"); /* not later than 10 s */
   nm_unit_feed_at(t, 30, 31, "2");
   assert_null(nm_test_next(t, 0)); /* nobody ends an entry but its key */
   nm_unit_feed_at(t, 31, 31, "1");
   nm_unit_expect(t, "2024-01-01T00:00:00.000000,2024-01-01T00:00:11.000000,2,1");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
   t = nm_unit_start("-k K --expire", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   nm_unit_feed_at(t, 10, 11, "1");
   nm_unit_feed_at(t, 30, 31, "2");
   nm_unit_expect(t, "2024-01-01T00:00:00.000000,2024-01-01T00:00:11.000000,2,1");
   nm_test_free(t);
}

static void passive_window(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t p:5 -k K", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   nm_unit_feed_at(t, 6, 7, "1");   /* silent for 5 s */
   nm_unit_feed_at(t, 11, 40, "2"); /* a long flow does not let time run ahead */
   assert_null(nm_test_next(t, 0));
   nm_unit_feed_at(t, 14, 41, "2");
   nm_unit_expect(t, "2024-01-01T00:00:00.000000,2024-01-01T00:00:07.000000,2,1");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void mixed_windows(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t M:9,2 -k K", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 0, "1");
   nm_unit_feed_at(t, 2, 2, "1");
   nm_unit_feed_at(t, 4, 4, "1");
   nm_unit_feed_at(t, 6, 6, "1");
   nm_unit_feed_at(t, 8, 8, "1");
   nm_unit_feed_at(t, 10, 10, "1"); /* active */
   nm_unit_expect(t, ",5,1");
   nm_unit_feed_at(t, 13, 13, "1"); /* passive */
   nm_unit_expect(t, ",1,1");
   nm_test_free(t);
}

/* A global window takes all records that begin in it, whatever comes between them, and ends when eight later ones are there. */
static void global_window(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t g:10 -k K", TIMES ",uint8 K");
   nm_unit_feed_at(t, 1, 1, "1");
   nm_unit_feed_at(t, 9, 9, "2");
   nm_unit_feed_at(t, 59, 59, "9"); /* wrong clocks */
   nm_unit_feed_at(t, 58, 58, "9");
   for (int i = 0; i < 5; i++) {
      nm_unit_feed_at(t, 10, 10, "3");
   }
   nm_unit_feed_at(t, 9, 9, "1"); /* late */
   assert_null(nm_test_next(t, 0));
   nm_unit_feed_at(t, 12, 12, "3");
   nm_unit_expect(t, ",2,1");
   nm_unit_expect(t, ",1,2");
   assert_null(nm_test_next(t, 0));
   for (int i = 0; i < 6; i++) {
      nm_unit_feed_at(t, 20, 20, "4");
   }
   nm_unit_expect(t, "2024-01-01T00:00:10.000000,2024-01-01T00:00:12.000000,6,3");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_finish(t), NM_OK); /* what nobody confirmed is of the last window */
   nm_unit_expect(t, ",6,4");
   nm_unit_expect(t, "2024-01-01T00:00:58.000000,2024-01-01T00:00:59.000000,2,9");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* A stream that falls silent ends its window by the wall clock; one record that lasted into the future does not. */
static void global_window_of_a_silent_stream(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t g:10 -k K", TIMES ",uint8 K");
   nm_unit_feed_at(t, 1, 1, "1");
   nm_unit_feed_at(t, 12, 12, "2");
   nm_unit_feed_at(t, 2, 3500, "1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_advance(t, ur_time_from_sec_msec(1704067200 + 3600 + 15, 0)), NM_OK);
   nm_unit_expect(t, ",2,1");
   nm_unit_expect(t, ",1,2");
   nm_test_free(t);
}

/* A broken clock in the future must not end windows; an idle stream does. */
static void clocks(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t p:5 -k K", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   assert_int_equal(nm_test_feed(t, 0, "2030-01-01T00:00:00,2030-01-01T00:00:00,2"), NM_OK);
   nm_unit_feed_at(t, 2, 3, "1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_advance(t, ur_time_from_sec_msec(1704067200 + 320, 0)), NM_OK);
   nm_unit_expect(t, "2024-01-01T00:00:00.000000,2024-01-01T00:00:03.000000,2,1");
   nm_test_free(t);
}

static void memory_is_bounded(void **state)
{
   (void) state;
   char values[8];
   nm_test_t *t = nm_unit_start("-k K --capacity 3", TIMES ",uint8 K");
   for (int i = 0; i < 5; i++) {
      snprintf(values, sizeof(values), "%d", i);
      nm_unit_feed_at(t, 0, 1, values);
   }
   nm_unit_expect(t, ",1,0");
   nm_unit_expect(t, ",1,1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "sent early"), 2);
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 3);
   nm_test_free(t);

   t = nm_unit_start("-k K -f S --memory 1", TIMES ",uint32 K,string S");
   char line[64];
   for (int i = 0; i < 30; i++) { /* 40 000 bytes each */
      snprintf(line, sizeof(line), "2024-01-01T00:00:00,2024-01-01T00:00:00,%d", i);
      nm_unit_feed_long(t, line, 40000);
   }
   assert_int_equal(nm_test_counter(t, "sent early"), 4);
   assert_true(nm_test_counter(t, "bytes of variable length") <= 1 << 20);
   nm_test_free(t);
}

/* Several values that are short enough each may be too long together. */
static void a_result_too_long_for_a_record(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-F A -F B", TIMES ",string A,string B");
   nm_unit_feed_long(t, "2024-01-01T00:00:00,2024-01-01T00:00:00", 40000);
   nm_unit_feed_long(t, "2024-01-01T00:00:00,2024-01-01T00:00:00,\"\"", 40000);
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_pending(t, 0), 1);
   assert_int_equal(nm_test_counter(t, "values left out"), 1);
   nm_test_free(t);
}

static void a_new_format_sends_what_is_there(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-k K -s B", TIMES ",uint8 K,uint32 B");
   nm_unit_feed_at(t, 0, 1, "1,5");
   assert_int_equal(nm_test_format(t, 0, TIMES ",uint8 K,uint16 X,uint32 B"), NM_OK);
   nm_unit_expect(t, ",5,1,1");
   nm_unit_feed_at(t, 0, 1, "1,9,6");
   assert_int_equal(nm_test_format(t, 0, TIMES ",uint8 K"), NM_ERROR);
   assert_string_equal(nm_test_error(t), "Requested field B not in input records, cannot continue.");
   assert_int_equal(nm_test_status(t), 1);
   nm_unit_expect(t, ",6,1,1");
   nm_test_free(t);
}

/* The time of day ends windows only when asked to; then it does not matter what the records say. */
static void wall_clock(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start("-t g:3 -k K --wall-clock", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   nm_unit_feed_at(t, 50, 51, "1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK);
   nm_unit_expect(t, ",2,1");
   nm_test_free(t);
   t = nm_unit_start("-t p:5 -k K --wall-clock", TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   nm_unit_feed_at(t, 3, 9, "2");
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK); /* 6 s by now */
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_definition.timer(nm_test_module(t)), NM_OK); /* 11 s */
   nm_unit_expect(t, ",1,1");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void options_of_windows(void **state)
{
   static const struct {
      const char *text;
      struct window window;
   } cases[] = {
       {"5", {.active = 5}},
       {"a:6", {.active = 6}},
       {"P:7", {.passive = 7}},
       {"g:8", {.global = 8}},
       {"M:9,2", {.active = 9, .passive = 2}},
       {"m:9", {.active = 10}},
       {"x:5", {.active = 5}},
       {"G:0", {.global = 10}},
       {"-3", {.active = 10}},
       {"abc", {.active = 10}},
       {"m:4,x", {.active = 4, .passive = 10}},
       {"p:1111111111111111111111", {.active = 10}},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct window w = window_parse(cases[i].text);
      assert_memory_equal(&w, &cases[i].window, sizeof(w));
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-k A -s A -s TIME_FIRST -x -m COUNT");
   assert_null(nm_test_error(t)); /* warned of and left out, as is an unknown option */
   assert_int_equal(nm_test_format(t, 0, TIMES ",uint8 A,uint32 COUNT"), NM_OK);
   assert_string_equal(nm_test_output_format(t, 0), "time TIME_FIRST,time TIME_LAST,uint32 COUNT,uint8 A");
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(sums_and_averages),
       cmocka_unit_test(extremes_of_all_types),
       cmocka_unit_test(values_of_variable_length),
       cmocka_unit_test(active_window),
       cmocka_unit_test(passive_window),
       cmocka_unit_test(mixed_windows),
       cmocka_unit_test(global_window),
       cmocka_unit_test(global_window_of_a_silent_stream),
       cmocka_unit_test(clocks),
       cmocka_unit_test(memory_is_bounded),
       cmocka_unit_test(a_result_too_long_for_a_record),
       cmocka_unit_test(a_new_format_sends_what_is_there),
       cmocka_unit_test(wall_clock),
       cmocka_unit_test(options_of_windows),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
