/* SPDX-License-Identifier: BSD-3-Clause */
/** Configuration, functions, directions, timeouts and bounds of biflow_aggregator. */
#include <nemea/module_cmocka.h>

#include "config.h"

#define TIMES "time TIME_FIRST,time TIME_LAST"

/* A field with what stands in it: F("BYTES", "SUM") or with further elements. */
#define F(name, type, ...) "<field><name>" name "</name><type>" type "</type>" __VA_ARGS__ "</field>"
#define REVERSE(name)      "<reverse_name>" name "</reverse_name>"
#define SIZE(n)            "<size>" n "</size>"
#define SORT(key, type)    "<sort_key>" key "</sort_key><sort_type>" type "</sort_type>"
#define BIFLOW_KEYS                      \
   F("SRC_IP", "KEY", REVERSE("DST_IP")) \
   F("DST_IP", "KEY", REVERSE("SRC_IP")) \
   F("SRC_PORT", "KEY", REVERSE("DST_PORT")) F("DST_PORT", "KEY", REVERSE("SRC_PORT")) F("PROTOCOL", "KEY")
#define BIFLOW_FIELDS TIMES ",ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL"

static nm_test_t *start(const char *options, const char *fields)
{
   static char text[4096];
   char line[200];
   snprintf(text, sizeof(text), "<aggregator><id name=\"other\"/><id name=\"a\">%s</id></aggregator>",
            fields);
   nm_unit_write(text);
   snprintf(line, sizeof(line), "-e -n a -c %s %s", nm_unit_path(), options);
   return nm_test_new(&nm_definition, line);
}

static nm_test_t *module(const char *options, const char *fields, const char *format)
{
   nm_test_t *t = start(options, fields);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

/* --------------------------------------------------------------- functions */

/* Averages are right for signed numbers and far beyond the range of the type; sums wrap in it. */
static void numbers(void **state)
{
   (void) state;
   nm_test_t *t = module("",
                         F("A", "AVG") F("B", "AVG") F("C", "SUM") F("D", "AVG") F("E", "MIN") F("G", "MAX")
                             F("H", "BITAND") F("I", "BITOR"),
                         TIMES ",int8 A,uint64 B,uint8 C,double D,int16 E,time G,uint8 H,uint8 I");
   nm_unit_feed_at(t, 0, 1, "-10,18446744073709551615,200,0.5,-3,2020-01-01T00:00:00,7,1");
   nm_unit_feed_at(t, 0, 1, "-10,18446744073709551615,100,1.5,4,2021-01-01T00:00:00,13,2");
   nm_unit_feed_at(t, 0, 1, "-7,18446744073709551612,2,1,-9,2019-01-01T00:00:00,5,0");
   nm_test_finish(t);
   assert_string_equal(nm_test_output_format(t, 0),
                       "uint64 B,double D,time G,time TIME_FIRST,time TIME_LAST,uint32 "
                       "COUNT,int16 E,int8 A,uint8 C,uint8 H,uint8 I");
   nm_unit_expect(t, "18446744073709551614,1.000000,2021-01-01T00:00:00.000000,2024-01-01T00:00:00.000000,"
                     "2024-01-01T00:00:01.000000,3,-9,-9,46,5,3");
   nm_test_free(t);
}

/* Addresses beside each other, at places that no 128-bit access could use. */
static void first_and_last_values(void **state)
{
   (void) state;
   nm_test_t *t = module("",
                         F("X", "LAST") F("IP", "LAST") F("IP2", "MAX") F("S", "LAST_NON_EMPTY")
                             F("T", "FIRST") F("U", "FIRST_NON_EMPTY") F("V", "LAST_NON_EMPTY") F("M", "MIN"),
                         TIMES ",uint8 X,ipaddr IP,ipaddr IP2,string S,string T,uint8 U,macaddr V,macaddr M");
   nm_unit_feed_at(t, 0, 1, "1,1.1.1.1,1.1.1.1,\"a\",\"\",0,00:00:00:00:00:01,00:00:00:00:00:05");
   nm_unit_feed_at(t, 0, 1, "2,2.2.2.2,9.9.9.9,\"longer\",\"x\",7,00:00:00:00:00:02,00:00:00:00:00:03");
   nm_unit_feed_at(t, 0, 1, "3,3.3.3.3,2.2.2.2,\"\",\"y\",8,00:00:00:00:00:00,00:00:00:00:00:04");
   nm_test_finish(t);
   nm_unit_expect(t, "3.3.3.3,9.9.9.9,");
   nm_test_free(t);
   t = module("", F("S", "LAST_NON_EMPTY") F("T", "FIRST") F("U", "FIRST_NON_EMPTY") F("V", "LAST_NON_EMPTY"),
              TIMES ",string S,string T,uint8 U,macaddr V");
   nm_unit_feed_at(t, 0, 1, "\"a\",\"\",0,00:00:00:00:00:01");
   nm_unit_feed_at(t, 0, 1, "\"longer\",\"x\",7,00:00:00:00:00:02");
   nm_unit_feed_at(t, 0, 1, "\"\",\"y\",8,00:00:00:00:00:00");
   nm_test_finish(t);
   nm_unit_expect(t, "00:00:00:00:00:02,3,7,\"longer\",\"\"");
   assert_int_equal(nm_test_counter(t, "bytes of variable length"), 0);
   nm_test_free(t);
}

static void appended_values(void **state)
{
   (void) state;
   nm_test_t *t =
       module("", F("S", "APPEND", SIZE("9") "<delimiter> </delimiter>") F("A", "APPEND", SIZE("3")),
              TIMES ",string S,uint32* A");
   nm_unit_feed_at(t, 0, 1, "\"ab\",[1|2]");
   nm_unit_feed_at(t, 0, 1, "\"too long\",[]");
   nm_unit_feed_at(t, 0, 1, "\"cdefg\",[3|4]");
   nm_test_finish(t);
   nm_unit_expect(t, ",3,\"ab cdefg \",[1|2|3]");
   nm_test_free(t);
}

/* The number is one of 32 bits in a field of its own, whatever the type of the values. */
static void distinct_values(void **state)
{
   (void) state;
   char values[100];
   nm_test_t *t = module("",
                         F("K", "KEY") F("IP", "UNIQUE_COUNT", SIZE("2000"))
                             F("B", "UNIQUE_COUNT", SIZE("300")) F("S", "UNIQUE_COUNT", SIZE("10")),
                         TIMES ",uint64 K,ipaddr IP,uint8 B,string S");
   for (unsigned i = 0; i < 2000; i++) {
      snprintf(values, sizeof(values), "81985529216486895,10.0.%u.%u,%u,\"%s\"", i / 250, i % 250, i % 256,
               i % 3 == 0 ? "" : "x");
      nm_unit_feed_at(t, 0, 1, values);
   }
   nm_test_finish(t);
   assert_string_equal(nm_test_output_format(t, 0),
                       "uint64 K,time TIME_FIRST,time TIME_LAST,uint32 B_UNIQUE_COUNT,"
                       "uint32 COUNT,uint32 IP_UNIQUE_COUNT,uint32 S_UNIQUE_COUNT");
   const char *row = nm_test_next(t, 0);
   assert_non_null(row);
   unsigned b, count, ip, s;
   assert_int_equal(sscanf(row, "81985529216486895,%*[^,],%*[^,],%u,%u,%u,%u", &b, &count, &ip, &s), 4);
   assert_in_range(b, 245, 256); /* a few are taken for known ones */
   assert_int_equal(count, 2000);
   assert_in_range(ip, 1950, 2000);
   assert_int_equal(s, 1);
   nm_test_free(t);
}

static void sorted_lists(void **state)
{
   (void) state;
   nm_test_t *t = module("",
                         F("V", "SORTED_MERGE", SORT("K", "ASCENDING") SIZE("5"))
                             F("W", "SORTED_MERGE", SORT("L", "DESCENDING") SIZE("4"))
                                 F("S", "SORTED_MERGE", SORT("K", "ASCENDING") SIZE("100")),
                         TIMES ",uint16* V,int32* K,uint8* W,double* L,string S");
   nm_unit_feed_at(t, 0, 1, "[1|2|3],[5|-1|3],[1|2],[0.5|2.5],\"abc\"");
   nm_unit_feed_at(t, 0, 1, "[],[],[3|4|5],[1.5|2.5|-3],\"\"");
   nm_unit_feed_at(t, 0, 1, "[7|8|9|6],[4|3|9],[6],[9],\"xyzw\""); /* what has no key is left out */
   nm_test_finish(t);
   assert_string_equal(nm_test_output_format(t, 0),
                       "time TIME_FIRST,time TIME_LAST,uint32 COUNT,string S,uint8* W,uint16* V");
   nm_unit_expect(t, ",3,\"bcyxaz\",[6|2|4|3],[2|3|8|7|1]");
   nm_test_free(t);
}

/* -------------------------------------------------------------- directions */

/* What a record of the exchanged direction brings goes to the other field, whether or not that is in the output; the record that
 * began first decides how the flow is shown. */
static void both_directions_are_one_flow(void **state)
{
   (void) state;
   for (int both = 0; both < 2; both++) {
      nm_test_t *t = module("",
                            both ? BIFLOW_KEYS F("BYTES", "SUM", REVERSE("BYTES_REV"))
                                       F("BYTES_REV", "SUM", REVERSE("BYTES"))
                                 : BIFLOW_KEYS F("BYTES", "SUM", REVERSE("BYTES_REV")),
                            BIFLOW_FIELDS ",uint32 BYTES,uint32 BYTES_REV");
      nm_unit_feed_at(t, 5, 6, "10.0.0.1,10.0.0.2,1000,80,6,100,10");
      nm_unit_feed_at(t, 3, 4, "10.0.0.2,10.0.0.1,80,1000,6,200,20");
      nm_unit_feed_at(t, 7, 8, "10.0.0.1,10.0.0.2,1000,80,6,400,40");
      nm_unit_feed_at(t, 5, 6, "10.0.0.1,10.0.0.2,1001,80,6,1,2"); /* the same ends, another port */
      nm_unit_feed_at(t, 5, 6, "10.0.0.2,10.0.0.1,80,1001,6,4,8");
      nm_test_finish(t);
      nm_unit_expect(
          t,
          both ? "10.0.0.1,10.0.0.2,2024-01-01T00:00:03.000000,2024-01-01T00:00:08.000000,250,520,3,1000,80,6"
               : "10.0.0.1,10.0.0.2,2024-01-01T00:00:03.000000,2024-01-01T00:00:08.000000,250,3,1000,80,6");
      nm_unit_expect(
          t, both ? "10.0.0.2,10.0.0.1,2024-01-01T00:00:05.000000,2024-01-01T00:00:06.000000,9,6,2,80,1001,6"
                  : "10.0.0.2,10.0.0.1,2024-01-01T00:00:05.000000,2024-01-01T00:00:06.000000,9,2,80,1001,6");
      assert_null(nm_test_next(t, 0));
      nm_test_free(t);
   }
}

/* A key that is a text, in biflow mode too, and texts that differ in the last byte only. */
static void keys_of_variable_length(void **state)
{
   (void) state;
   nm_test_t *t = module("", BIFLOW_KEYS F("HOST", "KEY"), BIFLOW_FIELDS ",string HOST");
   nm_unit_feed_at(t, 1, 2, "10.0.0.1,10.0.0.2,1000,80,6,\"a long name 1\"");
   nm_unit_feed_at(t, 1, 2, "10.0.0.2,10.0.0.1,80,1000,6,\"a long name 1\"");
   nm_unit_feed_at(t, 1, 2, "10.0.0.2,10.0.0.1,80,1000,6,\"a long name 2\"");
   nm_test_finish(t);
   nm_unit_expect(
       t, "10.0.0.2,10.0.0.1,2024-01-01T00:00:01.000000,2024-01-01T00:00:02.000000,2,80,1000,6,\"a long "
          "name 1\"");
   nm_unit_expect(
       t, "10.0.0.1,10.0.0.2,2024-01-01T00:00:01.000000,2024-01-01T00:00:02.000000,1,1000,80,6,\"a long "
          "name 2\"");
   nm_test_free(t);
}

/* With equal addresses the directions cannot be told apart by them, and nothing is exchanged. */
static void equal_addresses(void **state)
{
   (void) state;
   nm_test_t *t = module("", BIFLOW_KEYS, BIFLOW_FIELDS);
   nm_unit_feed_at(t, 1, 2, "10.0.0.1,10.0.0.1,1000,80,6");
   nm_unit_feed_at(t, 1, 2, "10.0.0.1,10.0.0.1,80,1000,6");
   nm_test_finish(t);
   nm_unit_expect(t, ",1,80,1000,6");
   nm_unit_expect(t, ",1,1000,80,6");
   nm_test_free(t);
}

static void directions_of_lists(void **state)
{
   (void) state;
   nm_test_t *t = module("", BIFLOW_KEYS F("D", "SORTED_MERGE_DIR", SORT("T", "ASCENDING") SIZE("4")),
                         BIFLOW_FIELDS ",int8* D,time* T");
   nm_unit_feed_at(t, 5, 6, "10.0.0.1,10.0.0.2,1000,80,6,[1|-1],[2024-01-01T00:00:05|2024-01-01T00:00:06]");
   nm_unit_feed_at(t, 3, 4, "10.0.0.2,10.0.0.1,80,1000,6,[1|1],[2024-01-01T00:00:03|2024-01-01T00:00:04]");
   nm_unit_feed_at(t, 7, 8, "10.0.0.1,10.0.0.2,1000,80,6,[-1],[2024-01-01T00:00:07]");
   nm_test_finish(t);
   nm_unit_expect(
       t, "10.0.0.1,10.0.0.2,2024-01-01T00:00:03.000000,2024-01-01T00:00:08.000000,3,1000,80,6,[1|1|-1|1]");
   nm_test_free(t);
}

/* ---------------------------------------------------------------- timeouts */

static void entries_time_out(void **state)
{
   (void) state;
   nm_test_t *t = module("-a 10 -p 4", F("K", "KEY"), TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   nm_unit_feed_at(t, 4, 4, "1");
   nm_unit_feed_at(t, 7, 7, "1");
   nm_unit_feed_at(t, 9, 9, "1");
   assert_null(nm_test_next(t, 0));
   nm_unit_feed_at(t, 10, 10, "1"); /* active */
   nm_unit_expect(t, ",4,1");
   nm_unit_feed_at(t, 14, 14, "2"); /* passive: with the next record */
   nm_unit_feed_at(t, 15, 15, "3");
   nm_unit_expect(t, ",1,1");
   assert_null(nm_test_next(t, 0));
   nm_unit_feed_at(t, 18, 18, "2"); /* passive: this record begins too late */
   nm_unit_expect(t, ",1,2");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

/* Entries of a stream that fell silent leave with its clock, and a wrong clock does not end them. */
static void clocks(void **state)
{
   (void) state;
   nm_test_t *t = module("-a 10 -p 4", F("K", "KEY"), TIMES ",uint8 K");
   nm_unit_feed_at(t, 0, 1, "1");
   assert_int_equal(nm_test_feed(t, 0, "2030-01-01T00:00:00,2030-01-01T00:00:00,2"), NM_OK);
   nm_unit_feed_at(t, 2, 2, "1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "impossible times"), 1);
   assert_int_equal(nm_test_advance(t, ur_time_from_sec_msec(1704067200 + 20, 0)), NM_OK);
   nm_unit_expect(t, ",2,1");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void global_timeouts(void **state)
{
   static const char *const options[] = {"-g 10", "-g 10r", "-g 10relative", "-g 10a", "-g 10absolute"};
   (void) state;
   for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
      nm_test_t *t = module(options[i], F("K", "KEY"), TIMES ",uint8 K");
      nm_unit_feed_at(t, 5, 6, "1");
      nm_unit_feed_at(t, 5, 6, "2");
      nm_unit_feed_at(t, 11, 12, "1"); /* absolute: at 10; relative: at 16 */
      if (i >= 3) {
         nm_unit_expect(t, ",1,1");
         nm_unit_expect(t, ",1,2");
      }
      assert_null(nm_test_next(t, 0));
      nm_unit_feed_at(t, 15, 16, "1");
      if (i < 3) {
         nm_unit_expect(t, ",2,1");
         nm_unit_expect(t, ",1,2");
      }
      assert_null(nm_test_next(t, 0));
      nm_test_finish(t);
      nm_unit_expect(t, i < 3 ? ",1,1" : ",2,1");
      nm_test_free(t);
   }
}

/* COUNT of the input is added up; averages are of records. */
static void counts_of_the_input(void **state)
{
   (void) state;
   nm_test_t *t = module("", F("A", "AVG"), TIMES ",uint32 COUNT,uint32 A");
   nm_unit_feed_at(t, 0, 1, "5,10");
   nm_unit_feed_at(t, 0, 1, "3,20");
   nm_test_finish(t);
   nm_unit_expect(t, ",15,8");
   nm_test_free(t);
}

static void memory_is_bounded(void **state)
{
   (void) state;
   char line[64];
   nm_test_t *t = module("-s 2", F("K", "KEY"), TIMES ",uint8 K");
   for (int i = 0; i < 6; i++) {
      snprintf(line, sizeof(line), "%d", i);
      nm_unit_feed_at(t, 0, 1, line);
   }
   nm_unit_expect(t, ",1,0");
   nm_unit_expect(t, ",1,1");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "sent early"), 2);
   nm_test_finish(t);
   assert_int_equal(nm_test_pending(t, 0), 4);
   nm_test_free(t);

   t = module("--memory 1", F("K", "KEY") F("S", "APPEND", SIZE("60000")), TIMES ",uint32 K,string S");
   for (int i = 0; i < 30; i++) { /* 40 000 bytes each */
      snprintf(line, sizeof(line), "2024-01-01T00:00:00,2024-01-01T00:00:00,%d", i);
      nm_unit_feed_long(t, line, 40000);
   }
   assert_int_equal(nm_test_counter(t, "sent early"), 4);
   assert_true(nm_test_counter(t, "bytes of variable length") <= 1 << 20);
   nm_test_free(t);
}

/* Results that are too long together are left out and counted, the record is sent. */
static void results_too_long_for_a_record(void **state)
{
   (void) state;
   nm_test_t *t = module("", F("A", "FIRST_NON_EMPTY") F("B", "FIRST_NON_EMPTY"), TIMES ",string A,string B");
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
   nm_test_t *t = module("", F("K", "KEY") F("S", "LAST"), TIMES ",uint8 K,string S");
   nm_unit_feed_at(t, 0, 1, "1,\"x\"");
   assert_int_equal(nm_test_format(t, 0, TIMES ",uint64 Y,uint8 K,string S"), NM_OK);
   nm_unit_expect(t, ",1,1,\"x\"");
   nm_unit_feed_at(t, 0, 1, "5,2,\"y\"");
   assert_int_equal(nm_test_format(t, 0, TIMES ",uint8 K"), NM_ERROR);
   nm_unit_expect(t, ",1,2,\"y\"");
   assert_string_equal(nm_test_error(t), "Requested field S is not in input records, cannot continue.");
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
}

/* ------------------------------------------------------------------ errors */

static void wrong_configurations(void **state)
{
   static const struct {
      const char *text, *error;
   } cases[] = {
       {"<aggregator><id name=\"b\"/></aggregator>", "Invalid file format. No ID (a) found."},
       {"<agg/>", "line 1: Invlaid file format. Expected 'aggregator', given 'agg'"},
       {"<aggregator>\n<field/></aggregator>", "line 2: Invlaid file format. Expected 'id', given 'field'"},
       {"<aggregator><id/></aggregator>", "Expected '<id name=\"NAME\">'"},
       {"<aggregator><id name=\"a\"><x/></id></aggregator>", "Expected 'field', given 'x'"},
       {"<aggregator><id name=\"a\"><field><nam>X</nam></field></id></aggregator>", "given 'nam'"},
       {"<aggregator><id name=\"a\"><field><type>SUM</type></field></id></aggregator>",
        "a field needs <name>"},
       {"<aggregator><id name=\"a\"><field><name>X</name></field></id></aggregator>", "a field needs <type>"},
       {"<aggregator><id name=\"a\">" F("X", "FOO") "</id></aggregator>",
        "Invalid type field. Given: FOO, Expected: KEY|SUM"},
       {"<aggregator><id name=\"a\">" F("X", "SUM") F("X", "MAX") "</id></aggregator>",
        "Duplicit field name (X)"},
       {"<aggregator><id name=\"a\">" F("COUNT", "SUM") "</id></aggregator>", "Duplicit field name (COUNT)"},
       {"<aggregator><id name=\"a\">" F("X Y", "SUM") "</id></aggregator>",
        "\"X Y\" is not the name of a field"},
       {"<aggregator><id name=\"a\">" F("X", "APPEND") "</id></aggregator>", "APPEND needs <size>"},
       {"<aggregator><id name=\"a\">" F("X", "APPEND", SIZE("-1")) "</id></aggregator>",
        "\"-1\" is not a number"},
       {"<aggregator><id name=\"a\">" F("X", "APPEND",
                                        SIZE("2") "<delimiter>ab</delimiter>") "</id></aggregator>",
        "one character"},
       {"<aggregator><id name=\"a\">" F("X", "SORTED_MERGE", SIZE("2")) "</id></aggregator>",
        "Invalid sort type field."},
       {"<aggregator><id name=\"a\">" F("X", "SORTED_MERGE", SIZE("2") SORT("K", "UP")) "</id></aggregator>",
        "Invalid sort type field. Given: UP"},
       {"<aggregator><id name=\"a\">", "line 1: "},
       {"", "line "},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      struct config config;
      char error[CONFIG_ERROR] = "";
      nm_unit_write(cases[i].text);
      assert_false(config_read(&config, nm_unit_path(), "a", error));
      if (strstr(error, cases[i].error) == NULL || strstr(error, nm_unit_path()) == NULL) {
         fail_msg("%s: %s", cases[i].text, error);
      }
   }
}

static void wrong_options(void **state)
{
   static const char *const cases[][2] = {
       {"-p 50", "Passive timeout cannot be bigger than active timeout."},
       {"-a x", "active-timeout"},
       {"-p 1x", "passive-timeout"},
       {"-s 99", "size"},
       {"-g 10x", "\"10x\" is not a number of seconds"},
       {"-g x", "\"x\" is not a number of seconds"},
       {"-g 0", "\"0\" is not a number of seconds"},
       {"-n nobody", "No ID (nobody) found."},
       {"-c /nonexistent/file", "Unable to read file /nonexistent/file: "},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = start(cases[i][0], F("K", "KEY"));
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL) {
         fail_msg("%s: %s", cases[i][0], nm_test_error(t));
      }
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-e");
   assert_non_null(strstr(nm_test_error(t), "Config filename or config section missing."));
   nm_test_free(t);
}

/* Errors that need the types of the input, or all fields of a section. */
static void wrong_fields(void **state)
{
   static const struct {
      const char *fields, *format, *error;
   } cases[] = {
       {F("X", "SUM"), "uint8 Y", "Requested field X is not in input records"},
       {F("X", "SUM"), "ipaddr X", "Only char, int, uint, float and double can be used to SUM"},
       {F("X", "FIRST"), "time X", "FIRST and LAST"},
       {F("X", "MIN"), "string X", "MIN and MAX"},
       {F("X", "BITOR"), "double X", "BITAND and BITOR"},
       {F("X", "KEY"), "uint8* X", "Arrays cannot be a KEY"},
       {F("X", "APPEND", SIZE("5")), "bytes X", "APPEND"},
       {F("X", "UNIQUE_COUNT", SIZE("5")), "double X", "UNIQUE_COUNT"},
       {F("X", "SORTED_MERGE", SIZE("5") SORT("K", "ASCENDING")), "uint8* X,uint8 K",
        "the sort key K is uint8, expected an array"},
       {F("X", "SORTED_MERGE", SIZE("5") SORT("K", "ASCENDING")), "uint8* X", "Requested field K"},
       {F("X", "SORTED_MERGE_DIR", SIZE("5") SORT("K", "ASCENDING")), "int8* X,uint8* K", "expected time*"},
       {F("X", "SORTED_MERGE_DIR", SIZE("5") SORT("K", "ASCENDING")), "uint8* X,time* K", "Only int8*"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char format[200];
      nm_test_t *t = start("", cases[i].fields);
      assert_null(nm_test_error(t));
      snprintf(format, sizeof(format), TIMES ",%s", cases[i].format);
      assert_int_equal(nm_test_format(t, 0, format), NM_ERROR);
      if (strstr(nm_test_error(t), cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].fields, nm_test_error(t));
      }
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
   nm_test_t *t = start("", F("SRC_IP", "KEY") F("DST_IP", "KEY") F("SRC_PORT", "KEY") F("DST_PORT", "KEY")
                                F("PROTOCOL", "KEY"));
   assert_string_equal(nm_test_error(t), "Invalid combination of name/reverse name. Expected SRC_IP/DST_IP");
   nm_test_free(t);
   t = start("", BIFLOW_KEYS F("SRC_MAC", "KEY", REVERSE("DST_MAC")));
   assert_non_null(strstr(nm_test_error(t), "DST_MAC must be a KEY"));
   nm_test_free(t);
   t = start("", BIFLOW_KEYS F("BYTES", "SUM", REVERSE("X")));
   assert_int_equal(nm_test_format(t, 0, BIFLOW_FIELDS ",uint32 BYTES,uint64 X"), NM_ERROR);
   assert_non_null(strstr(nm_test_error(t), "Name and reverse name field size is not equal"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(numbers),
       cmocka_unit_test(first_and_last_values),
       cmocka_unit_test(appended_values),
       cmocka_unit_test(distinct_values),
       cmocka_unit_test(sorted_lists),
       cmocka_unit_test(both_directions_are_one_flow),
       cmocka_unit_test(keys_of_variable_length),
       cmocka_unit_test(equal_addresses),
       cmocka_unit_test(directions_of_lists),
       cmocka_unit_test(entries_time_out),
       cmocka_unit_test(clocks),
       cmocka_unit_test(global_timeouts),
       cmocka_unit_test(counts_of_the_input),
       cmocka_unit_test(memory_is_bounded),
       cmocka_unit_test(results_too_long_for_a_record),
       cmocka_unit_test(a_new_format_sends_what_is_there),
       cmocka_unit_test(wrong_configurations),
       cmocka_unit_test(wrong_options),
       cmocka_unit_test(wrong_fields),
   };
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
