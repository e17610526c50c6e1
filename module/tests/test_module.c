/* SPDX-License-Identifier: BSD-3-Clause */
/** Modules as others write them, run by nemea/module_test.h: fields, batches, tables, files, signals. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 SRC_PORT, uint16 DST_PORT, uint32 PACKETS, uint32 PACKETS_REV,
          uint64 BYTES, uint64 BYTES_REV, uint8 TCP_FLAGS, uint8 TCP_FLAGS_REV, uint32 COUNT, string NOTE,
          string NOTE_REV, time TIME_LAST, time TIME_FIRST)

#define AT(s) ((ur_time_t) (1704067200 + (s)) << 32) /* 2024-01-01T00:00:00 */

static int forward(nm_module_t *m, const void *rec)
{
   return nm_forward(m, 0, rec);
}

/* ---------------------------------------------------- fields at run time */

struct by_name {
   nm_field_t bytes, note, ip;
   uint64_t last;
   uint32_t generation, formats;
   char text[16];
};

static int bind_fields(nm_module_t *m)
{
   struct by_name *self = nm_self(m);
   int rc = nm_field_bind(m, &self->bytes, 0, "BYTES", true);
   rc = rc == NM_OK ? nm_field_bind(m, &self->note, 0, "NOTE", false) : rc;
   return rc == NM_OK ? nm_field_bind(m, &self->ip, 0, "SRC_IP", false) : rc;
}

static int read_by_name(nm_module_t *m, const void *rec)
{
   struct by_name *self = nm_self(m);
   uint32_t n;
   const char *text = nm_field_data(&self->note, rec, &n);
   self->last = nm_field_u64(&self->bytes, rec);
   snprintf(self->text, sizeof(self->text), "%.*s", (int) n, text != NULL ? text : "");
   return NM_OK;
}

static const nm_module_def_t names_module = {.name = "names",
                                             .summary = "",
                                             .in = NM_INPUTS({"flows"}),
                                             .state_size = sizeof(struct by_name),
                                             .init = bind_fields,
                                             .record = read_by_name};

static void fields_are_found_by_name_after_each_format_change(void **state)
{
   nm_test_t *t = nm_test_new(&names_module, "");
   struct by_name *self = nm_self(nm_test_module(t));
   (void) state;
   nm_test_format(t, 0, "uint64 BYTES,string NOTE");
   nm_test_feed(t, 0, "5000000000,\"abc\"");
   assert_true(self->last == 5000000000);
   assert_string_equal(self->text, "abc");
   uint32_t generation = self->bytes.generation;
   nm_test_format(t, 0, "ipaddr SRC_IP,uint64 BYTES"); /* it moved, NOTE is gone */
   assert_true(self->bytes.generation != generation);
   assert_false(nm_field_present(&self->note));
   nm_test_feed(t, 0, "10.0.0.1,77");
   assert_true(self->last == 77);
   assert_string_equal(self->text, "");
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP"), NM_ERROR);
   assert_string_equal(nm_test_error(t), "input flows: its records have no field \"BYTES\"");
   nm_test_free(t);
}

static void numbers_of_every_type_are_read(void **state)
{
   static const char format[] = "uint8 A1,int8 A2,uint16 A3,int16 A4,uint32 A5,int32 A6,uint64 A7,int64 "
                                "A8,float A9,double B1,char B2,time "
                                "B3,ipaddr B4,macaddr B5,uint16* B6";
   static const struct {
      const char *name, *text;
      int64_t i;
      double d;
   } cases[] = {{"A1", "255", 255, 255},
                {"A2", "-7", -7, -7},
                {"A3", "65535", 65535, 65535},
                {"A4", "-300", -300, -300},
                {"A5", "4000000000", 4000000000, 4000000000},
                {"A6", "-2000000000", -2000000000, -2000000000},
                {"A7", "9000000000", 9000000000, 9000000000},
                {"A8", "-9000000000", -9000000000, -9000000000},
                {"A9", "-1.5", -1, -1.5},
                {"A9", "1e30", INT64_MAX, (double) 1e30F},
                {"B1", "2.75", 2, 2.75},
                {"B1", "-1e300", INT64_MIN, -1e300},
                {"B2", "x", 'x', 'x'}};
   (void) state;
   assert_int_equal(ur_define_set_of_fields(format), UR_OK);
   ur_template_t *tmplt = ur_create_template_from_ifc_spec(format);
   void *rec = ur_create_record(tmplt, UR_MAX_SIZE);
   nm_field_t f;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      assert_true(nm_field_find(&f, tmplt, cases[i].name));
      assert_int_equal(ur_set_from_string(tmplt, rec, f.id, cases[i].text), 0);
      assert_true(nm_field_i64(&f, rec) == cases[i].i);
      assert_true(nm_field_double(&f, rec) == cases[i].d);
   }
   assert_true(nm_field_find(&f, tmplt, "B4"));
   ur_set_from_string(tmplt, rec, f.id, "10.1.2.3");
   ip_addr_t ip = nm_field_ip(&f, rec);
   assert_int_equal(ip_get_v4_as_int(&ip), 0x0a010203);
   assert_true(nm_field_u64(&f, rec) == 0); /* no number */
   uint16_t values[3] = {1, 2, 3};
   uint32_t n;
   assert_true(nm_field_find(&f, tmplt, "B6") && nm_field_is_variable(&f) && f.size == 2);
   assert_int_equal(nm_field_set(&f, tmplt, rec, values, sizeof(values)), UR_OK);
   assert_memory_equal(nm_field_data(&f, rec, &n), values, sizeof(values));
   assert_int_equal(n, 6);
   assert_false(nm_field_find(&f, tmplt, "NO_SUCH"));
   assert_null(nm_field_data(&f, rec, &n));
   assert_int_equal(n, 0);
   ur_free_record(rec);
   ur_free_template(tmplt);
   ur_finalize();
}

/* ------------------------------------------------------------ mistakes */

static int use_absent(nm_module_t *m, const void *rec)
{
   return nm_get(m, rec, F_BYTES) == 0 && nm_get_or(m, rec, F_BYTES, 3) == 3 ? NM_OK : NM_STOP;
}

static const nm_module_def_t absent_module = {
    .name = "absent", .summary = "", .in = NM_INPUTS({"flows"}), .record = use_absent};

static void an_absent_field_is_an_error_that_names_it(void **state)
{
   nm_test_t *t = nm_test_new(&absent_module, "");
   (void) state;
   nm_test_format(t, 0, "uint32 PACKETS");
   assert_int_equal(nm_test_feed(t, 0, "1"), NM_ERROR);
   assert_string_equal(nm_test_error(t),
                       "field BYTES is used, but records of input flows have no such field");
   nm_test_free(t);
}

static int early_alert(nm_module_t *m)
{
   void *r = nm_alert(m, NULL);
   nm_set(m, r, F_COUNT, 3);
   return nm_send(m, r);
}

static const nm_module_def_t early_module = {
    .name = "early", .summary = "", .out = NM_OUTPUTS({"alerts"}), .init = early_alert};

static void a_record_before_the_format_is_an_error(void **state)
{
   nm_test_t *t = nm_test_new(&early_module, "");
   (void) state;
   assert_string_equal(nm_test_error(t), "a record is made for output alerts before its format is known");
   assert_int_equal(nm_test_status(t), 1);
   nm_test_free(t);
}

static int set_absent(nm_module_t *m, const void *rec)
{
   void *r = nm_record(m, 1);
   nm_set_n(m, 1, r, F_BYTES, 1);
   return nm_send_n(m, 1, r);
}

static const nm_module_def_t set_module = {.name = "set",
                                           .summary = "",
                                           .in = NM_INPUTS({"flows"}),
                                           .out =
                                               NM_OUTPUTS({"one", "uint32 COUNT"}, {"two", "uint32 PACKETS"}),
                                           .record = set_absent};

static void writing_an_absent_field_is_an_error(void **state)
{
   nm_test_t *t = nm_test_new(&set_module, "");
   (void) state;
   nm_test_format(t, 0, "uint32 PACKETS");
   assert_int_equal(nm_test_feed(t, 0, "1"), NM_ERROR);
   assert_string_equal(nm_test_error(t), "field BYTES is used, but records of output two have no such field");
   nm_test_free(t);
}

static char no_formats[64][32]; /* their addresses tell warnings apart */

static int warn_much(nm_module_t *m)
{
   for (int i = 0; i < 64; i++) {
      snprintf(no_formats[i], sizeof(no_formats[i]), "warning %d", i);
   }
   for (int n = 0; n < 100; n++) {
      for (int i = 0; i < 64; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
         nm_warn(m, no_formats[i]);
#pragma GCC diagnostic pop
      }
   }
   return NM_OK;
}

static const nm_module_def_t warn_module = {.name = "warn", .summary = "", .init = warn_much};

static void warnings_are_bounded_whatever_their_number(void **state)
{
   FILE *f = tmpfile();
   int lines = 0, shown = dup(STDERR_FILENO), last = 0;
   (void) state;
   fflush(stderr);
   dup2(fileno(f), STDERR_FILENO);
   nm_test_free(nm_test_new(&warn_module, ""));
   fflush(stderr);
   dup2(shown, STDERR_FILENO);
   close(shown);
   rewind(f);
   char line[256];
   while (fgets(line, sizeof(line), f) != NULL) {
      lines++;
      last += strstr(line, "(further ones are not shown)") != NULL;
   }
   fclose(f);
   assert_int_equal(lines, 32 * 10);
   assert_int_equal(last, 32);
}

static int bad_check(nm_module_t *m)
{
   *(char **) nm_self(m) = strdup("allocated in check()");
   return nm_fail_status(m, 3, "no");
}

static int cleanups;

static void free_state(nm_module_t *m)
{
   cleanups++;
   free(*(char **) nm_self(m));
}

static const nm_module_def_t check_module = {
    .name = "check", .summary = "", .state_size = sizeof(char *), .check = bad_check, .cleanup = free_state};

static void cleanup_runs_after_a_failed_check(void **state)
{
   char *argv[] = {(char *) (uintptr_t) "check", (char *) (uintptr_t) "-i", (char *) (uintptr_t) "", NULL};
   (void) state;
   cleanups = 0;
   nm_test_t *t = nm_test_new(&check_module, "");
   assert_int_equal(nm_test_status(t), 3);
   nm_test_free(t);
   assert_int_equal(cleanups, 1);
   (void) argv;
}

/* -------------------------------------------------------------- sequences */

static int nothing(nm_module_t *m, const void *rec)
{
   (void) m, (void) rec;
   return NM_OK;
}

static const nm_module_def_t gaps_module = {
    .name = "gaps", .summary = "", .in = NM_INPUTS({"flows"}, {"others"}), .record = nothing};

static void gaps_in_the_sequence_are_counted_exactly(void **state)
{
   nm_test_t *t = nm_test_new(&gaps_module, "");
   uint32_t packets = 1;
   (void) state;
   nm_test_format(t, 0, "uint32 PACKETS");
   nm_test_format(t, 1, "uint32 PACKETS");
   nm_test_feed_bytes(t, 0, &packets, 4, 1);
   nm_test_feed_bytes(t, 0, &packets, 4, 2);
   assert_int_equal(nm_test_counter(t, "missed"), 0);
   nm_test_feed_bytes(t, 0, &packets, 4, 4);
   assert_int_equal(nm_test_counter(t, "missed"), 1);
   nm_test_feed_bytes(t, 1, &packets, 4, 11);
   assert_int_equal(nm_test_counter(t, "missed"), 11);
   nm_test_feed_bytes(t, 0, &packets, 4, 5);
   assert_int_equal(nm_test_counter(t, "missed"), 11);
   assert_int_equal(nm_test_counter(t, "records"), 5);
   nm_test_feed_bytes(t, 0, &packets, 3, 6);
   assert_int_equal(nm_test_counter(t, "bad"), 1);
   nm_test_free(t);
}

static int second_is_enough(nm_module_t *m, const void *rec)
{
   return nm_seq(m) == 2 ? NM_STOP : NM_OK;
}

static const nm_module_def_t rest_module = {
    .name = "rest", .summary = "", .in = NM_INPUTS({"flows"}), .record = second_is_enough};

static void what_is_left_of_a_batch_is_counted(void **state)
{
   nm_test_t *t = nm_test_new(&rest_module, "");
   uint32_t packets = 1;
   nm_record_t recs[5];
   (void) state;
   for (uint32_t i = 0; i < 5; i++) {
      recs[i] = (nm_record_t){.data = &packets, .size = i == 4 ? 1 : 4, .seq = i + 1};
   }
   nm_test_format(t, 0, "uint32 PACKETS");
   assert_int_equal(nm_test_feed_batch(t, 0, recs, 5), NM_STOP);
   assert_int_equal(nm_test_counter(t, "records"), 2);
   assert_int_equal(nm_test_counter(t, "unread"), 2); /* the fifth is the end of stream */
   nm_test_free(t);
}

/* ----------------------------------------------------------------- batches */

static int send_three(nm_module_t *m, const void *rec)
{
   uint32_t counts[3] = {7, 8, 9};
   nm_record_t recs[3];
   (void) rec;
   for (unsigned i = 0; i < 3; i++) {
      recs[i] = (nm_record_t){.data = &counts[i], .size = sizeof(counts[i])};
   }
   return nm_send_batch(m, 1, recs, 3);
}

static const nm_module_def_t three_module = {.name = "three",
                                             .summary = "",
                                             .in = NM_INPUTS({"flows"}),
                                             .out =
                                                 NM_OUTPUTS({"one", "uint32 COUNT"}, {"two", "uint32 COUNT"}),
                                             .record = send_three};

static void a_batch_is_sent_in_its_order(void **state)
{
   nm_test_t *t = nm_test_new(&three_module, "");
   (void) state;
   nm_test_format(t, 0, "uint32 PACKETS");
   assert_int_equal(nm_test_feed(t, 0, "1"), NM_OK);
   assert_int_equal(nm_test_pending(t, 0), 0);
   assert_string_equal(nm_test_next(t, 1), "7");
   assert_string_equal(nm_test_next(t, 1), "8");
   assert_string_equal(nm_test_next(t, 1), "9");
   assert_null(nm_test_next(t, 1));
   nm_test_drop(t, true);
   assert_int_equal(nm_test_feed(t, 0, "1"), NM_OK);
   assert_int_equal(nm_test_counter(t, "dropped"), 3);
   nm_test_free(t);
}

struct batches {
   uint32_t sizes[16], n;
   uint32_t ticks_before[16], ticks;
};

static int take_batch(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct batches *self = nm_self(m);
   self->ticks_before[self->n] = self->ticks;
   self->sizes[self->n++] = n;
   (void) recs;
   return NM_OK;
}

static int tick_batch(nm_module_t *m, ur_time_t now)
{
   (void) now;
   ((struct batches *) nm_self(m))->ticks++;
   return NM_OK;
}

static const nm_module_def_t batch_module = {.name = "batch",
                                             .summary = "",
                                             .in = NM_INPUTS({"flows", "time TIME_LAST"}),
                                             .state_size = sizeof(struct batches),
                                             .tick_every = NM_SECONDS(10),
                                             .tick = tick_batch,
                                             .records = take_batch};

static void a_batch_is_cut_where_a_tick_is_due_and_where_a_record_is_bad(void **state)
{
   static const int seconds[] = {1, 2, 3, 11, 12, -1, 13, 35};
   nm_test_t *t = nm_test_new(&batch_module, "");
   ur_time_t times[8];
   nm_record_t recs[8];
   (void) state;
   for (uint32_t i = 0; i < 8; i++) {
      times[i] = AT(seconds[i]);
      recs[i] = (nm_record_t){.data = &times[i], .size = seconds[i] < 0 ? 5 : 8, .seq = i + 1};
   }
   nm_test_format(t, 0, "time TIME_LAST");
   assert_int_equal(nm_test_feed_batch(t, 0, recs, 8), NM_OK);
   struct batches *self = nm_self(nm_test_module(t));
   const uint32_t sizes[] = {3, 2, 1, 1}, ticks[] = {0, 1, 1, 3};
   assert_int_equal(self->n, 4);
   assert_memory_equal(self->sizes, sizes, sizeof(sizes));
   assert_memory_equal(self->ticks_before, ticks, sizeof(ticks));
   assert_int_equal(nm_test_counter(t, "records"), 7);
   nm_test_free(t);
}

/* Records with text are checked, too, each before it is handed over. */
static void a_batch_with_text_is_cut_where_a_record_is_bad(void **state)
{
   enum { N = 8, BAD = 5 };
   struct {
      ur_time_t time;
      uint16_t begin, length;
      char text[4];
   } bytes[N];
   nm_test_t *t = nm_test_new(&batch_module, "");
   nm_record_t recs[N];
   (void) state;
   for (uint16_t i = 0; i < N; i++) {
      memcpy(bytes[i].text, "note", sizeof(bytes[i].text));
      bytes[i].time = AT(1), bytes[i].begin = 0, bytes[i].length = i == BAD ? 5 : 4;
      recs[i] = (nm_record_t){.data = &bytes[i], .size = sizeof(bytes[i]), .seq = i + 1};
   }
   nm_test_format(t, 0, "time TIME_LAST,string NOTE");
   assert_int_equal(nm_test_feed_batch(t, 0, recs, N), NM_OK);
   const struct batches *self = nm_self(nm_test_module(t));
   const uint32_t sizes[] = {BAD, N - BAD - 1};
   assert_int_equal(self->n, 2);
   assert_memory_equal(self->sizes, sizes, sizeof(sizes));
   assert_int_equal(nm_test_counter(t, "bad"), 1);
   nm_test_free(t);
}

/* Times that go back, times that are wrong, and gaps: how many records come at once makes no difference to the clock and the counters. */
static void a_batch_moves_the_clock_as_its_records_one_by_one(void **state)
{
   enum { N = 12, YEAR = 365 * 86400 };
   static const int seconds[N] = {5, 7, 6, 7, 8, 7, YEAR, 9, 3, 10, YEAR, YEAR + 1};
   static const char *const counters[] = {"records", "late", "missed", "bad"};
   ur_time_t times[N];
   nm_record_t recs[N];
   (void) state;
   for (uint32_t i = 0; i < N; i++) {
      times[i] = AT(seconds[i]);
      recs[i] = (nm_record_t){.data = &times[i], .size = 8, .seq = i + 1 + (i > 3 ? 2 : 0)};
   }
   for (uint32_t n = 1; n <= N; n++) {
      nm_test_t *batch = nm_test_new(&batch_module, ""), *single = nm_test_new(&batch_module, "");
      nm_test_format(batch, 0, "time TIME_LAST");
      nm_test_format(single, 0, "time TIME_LAST");
      assert_int_equal(nm_test_feed_batch(batch, 0, recs, n), NM_OK);
      for (uint32_t i = 0; i < n; i++) {
         assert_int_equal(nm_test_feed_batch(single, 0, &recs[i], 1), NM_OK);
      }
      assert_true(nm_now(nm_test_module(batch)) == nm_now(nm_test_module(single)));
      for (unsigned i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
         assert_int_equal(nm_test_counter(batch, counters[i]), nm_test_counter(single, counters[i]));
      }
      assert_int_equal(((struct batches *) nm_self(nm_test_module(batch)))->ticks,
                       ((struct batches *) nm_self(nm_test_module(single)))->ticks);
      assert_true(n < 4 || nm_test_counter(batch, "late") > 0);
      assert_int_equal(nm_test_counter(batch, "missed"), n > 4 ? 2 : 0);
      nm_test_free(batch);
      nm_test_free(single);
   }
}

/* ------------------------------------------------------------------ biflows */

static int both_halves(nm_module_t *m, const void *rec)
{
   char text[256];
   void *r = nm_alert(m, rec);
   snprintf(text, sizeof(text), "%d", nm_direction(m));
   nm_set_string(m, 0, r, F_NOTE, text);
   return nm_send(m, r);
}

static const nm_module_def_t halves_module = {
    .name = "halves",
    .summary = "",
    .in = NM_INPUTS({"flows", .split_biflows = true}),
    .out = NM_OUTPUTS(
        {"out",
         "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint32 PACKETS,uint64 BYTES,uint8 "
         "TCP_FLAGS,uint32 PACKETS_REV,string NOTE"}),
    .record = both_halves};

static void a_biflow_is_handed_over_as_two_flows(void **state)
{
   nm_test_t *t = nm_test_new(&halves_module, "");
   (void) state;
   assert_int_equal(
       nm_test_format(t, 0,
                      "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint32 PACKETS,uint32 "
                      "PACKETS_REV,uint64 BYTES,uint64 BYTES_REV,uint8 TCP_FLAGS,uint8 TCP_FLAGS_REV"),
       NM_OK);
   nm_test_feed(t, 0, "10.0.0.1,10.0.0.2,1000,80,5,7,500,7000,2,18");
   nm_test_feed(t, 0, "10.0.0.3,10.0.0.2,1001,80,1,0,40,0,2,0"); /* one direction: as it is */
   assert_string_equal(nm_test_output_format(t, 0),
                       "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint32 PACKETS,uint32 PACKETS_REV,"
                       "uint16 DST_PORT,uint16 SRC_PORT,uint8 TCP_FLAGS,string NOTE");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.2,10.0.0.1,500,5,0,80,1000,2,\"1\"");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.1,10.0.0.2,7000,7,0,1000,80,18,\"2\"");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.2,10.0.0.3,40,1,0,80,1001,2,\"0\"");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "records"), 2);
   nm_test_free(t);
}

static int batch_of_halves(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   char text[256];
   int rc = NM_OK;
   for (uint32_t i = 0; i < n && rc == NM_OK; i++) {
      void *r = nm_alert(m, recs[i].data);
      snprintf(text, sizeof(text), "%u of %u", i + 1, n);
      nm_set_string(m, 0, r, F_NOTE, text);
      rc = nm_send(m, r);
   }
   return rc;
}

static const nm_module_def_t batch_halves_module = {
    .name = "halves",
    .summary = "",
    .in = NM_INPUTS({"flows", .split_biflows = true, .batch_halves = true}),
    .out = NM_OUTPUTS({"out", "ipaddr SRC_IP,uint32 PACKETS,uint32 PACKETS_REV,string NOTE"}),
    .records = batch_of_halves};

static void halves_of_biflows_come_in_batches(void **state)
{
   nm_test_t *t = nm_test_new(&batch_halves_module, "");
   (void) state;
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,ipaddr DST_IP,uint32 PACKETS,uint32 PACKETS_REV"),
                    NM_OK);
   nm_test_feed(t, 0, "10.0.0.1,10.0.0.2,5,7");
   nm_test_feed(t, 0, "10.0.0.3,10.0.0.2,1,0");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.1,5,0,\"1 of 2\"");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.2,7,0,\"2 of 2\"");
   assert_string_equal(nm_test_next(t, 0), "10.0.0.3,1,0,\"1 of 1\"");
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "records"), 2);
   nm_test_free(t);
}

static const nm_module_def_t halves_of_texts_module = {.name = "halves",
                                                       .summary = "",
                                                       .in = NM_INPUTS({"flows", .split_biflows = true}),
                                                       .out = NM_OUTPUTS({"out", .format = NM_FOLLOW}),
                                                       .record = forward};

static void variable_length_fields_of_the_other_direction_are_exchanged(void **state)
{
   nm_test_t *t = nm_test_new(&halves_of_texts_module, "");
   (void) state;
   nm_test_format(t, 0, "uint32 PACKETS,uint32 PACKETS_REV,string NOTE,string NOTE_REV");
   nm_test_feed(t, 0, "1,2,\"request\",\"reply\"");
   assert_string_equal(nm_test_next(t, 0), "1,0,\"request\",\"\"");
   assert_string_equal(nm_test_next(t, 0), "2,0,\"reply\",\"\"");
   nm_test_free(t);
}

/* --------------------------------------------------------- tables and files */

struct resources {
   nc_table_t *hosts;
   char *list, *other;
   unsigned reloads;
};

static int live_lists; /* made and not released */

static void *load_list(nm_module_t *m, const char *path)
{
   char line[64] = "";
   FILE *f = fopen(path, "r");
   if (f == NULL || fgets(line, sizeof(line), f) == NULL || strncmp(line, "bad", 3) == 0) {
      if (f != NULL) {
         fclose(f);
      }
      nm_fail(m, "%s: not a list", path);
      return NULL;
   }
   fclose(f);
   live_lists++;
   return strdup(line);
}

static void release_list(void *list)
{
   live_lists--;
   free(list);
}

static int reloaded(nm_module_t *m)
{
   ((struct resources *) nm_self(m))->reloads++;
   return NM_OK;
}

static const nm_option_t resource_options[] = {
    NM_TABLE('c', "capacity", struct resources, hosts, "hosts", uint32_t, uint32_t, 4,
             .full = NC_TABLE_REFUSE),
    NM_FILE('l', "list", struct resources, list, load_list, release_list, "A list."),
    NM_FILE('o', "other", struct resources, other, load_list, release_list, "Another list."), NM_END};

static const nm_module_def_t with_resources = {.name = "resources",
                                               .summary = "",
                                               .options = resource_options,
                                               .state_size = sizeof(struct resources),
                                               .reload = reloaded};

static void a_table_is_declared_with_its_option_and_counters(void **state)
{
   nm_test_t *t = nm_test_new(&with_resources, "-c 2");
   struct resources *self = nm_self(nm_test_module(t));
   (void) state;
   assert_int_equal(nc_table_capacity(self->hosts), 2);
   for (uint32_t k = 0; k < 3; k++) {
      nc_table_upsert(self->hosts, &k, NULL);
   }
   assert_int_equal(nm_test_counter(t, "hosts"), 2);
   assert_int_equal(nm_test_counter(t, "hosts refused"), 1);
   nm_test_free(t);
   t = nm_test_new(&with_resources, "-c 0");
   assert_string_equal(nm_test_error(t), "option -c, --capacity: \"0\" is not a number from 1 to 1073741824");
   nm_test_free(t);
}

static void write_file(const char *path, const char *text)
{
   FILE *f = fopen(path, "w");
   assert_non_null(f);
   fputs(text, f);
   fclose(f);
}

static void files_are_read_again_on_sighup_all_or_none(void **state)
{
   char one[] = "/tmp/nm-test-XXXXXX", two[] = "/tmp/nm-test-XXXXXX", arguments[128];
   close(mkstemp(one));
   close(mkstemp(two));
   write_file(one, "one");
   write_file(two, "two");
   snprintf(arguments, sizeof(arguments), "-l %s --other %s", one, two);
   nm_test_t *t = nm_test_new(&with_resources, arguments);
   struct resources *self = nm_self(nm_test_module(t));
   (void) state;
   assert_string_equal(self->list, "one");
   write_file(one, "new one");
   write_file(two, "bad");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK); /* the other is bad: neither changes */
   assert_string_equal(self->list, "one");
   assert_string_equal(self->other, "two");
   assert_int_equal(self->reloads, 0);
   write_file(two, "new two");
   assert_int_equal(nm_test_signal(t, SIGHUP), NM_OK);
   assert_string_equal(self->list, "new one");
   assert_string_equal(self->other, "new two");
   assert_int_equal(self->reloads, 1);
   assert_int_equal(live_lists, 2);
   nm_test_free(t);
   assert_int_equal(live_lists, 0);
   unlink(one);
   snprintf(arguments, sizeof(arguments), "-l %s", one);
   t = nm_test_new(&with_resources, arguments);
   assert_non_null(strstr(nm_test_error(t), "not a list")); /* at the start, it is an error */
   nm_test_free(t);
   unlink(two);
}

static const nm_option_t usual_options[] = {
    NM_FILE_OR('l', "list", struct resources, list, "/nonexistent", load_list, release_list, "A list."),
    NM_END};

static const nm_module_def_t with_usual_file = {
    .name = "usual", .summary = "", .options = usual_options, .state_size = sizeof(struct resources)};

static void a_file_may_have_a_default(void **state)
{
   char path[] = "/tmp/nm-test-XXXXXX", arguments[128];
   close(mkstemp(path));
   write_file(path, "given");
   nm_test_t *t = nm_test_new(&with_usual_file, "");
   (void) state;
   assert_string_equal(nm_test_error(t), "/nonexistent: not a list");
   nm_test_free(t);
   snprintf(arguments, sizeof(arguments), "-l %s", path);
   t = nm_test_new(&with_usual_file, arguments);
   assert_string_equal(((struct resources *) nm_self(nm_test_module(t)))->list, "given");
   nm_test_free(t);
   unlink(path);
}

/* ------------------------------------------------------- several inputs */

static const nm_module_def_t lateness_module = {
    .name = "clock",
    .summary = "",
    .in = NM_INPUTS({"left", "time TIME_LAST"}, {"right", "time TIME_LAST"}),
    .state_size = sizeof(struct batches),
    .tick_every = NM_SECONDS(10),
    .tick = tick_batch,
    .record = nothing};

static void the_clock_is_that_of_the_input_furthest_behind(void **state)
{
   nm_test_t *t = nm_test_new(&lateness_module, "--lateness 2");
   struct batches *self = nm_self(nm_test_module(t));
   (void) state;
   nm_test_format(t, 0, "time TIME_LAST");
   nm_test_format(t, 1, "time TIME_LAST");
   nm_test_feed(t, 0, "2024-01-01T00:01:00");
   assert_true(nm_now(nm_test_module(t)) == 0); /* the other had no record yet */
   nm_test_feed(t, 1, "2024-01-01T00:00:30");
   assert_true(nm_now(nm_test_module(t)) == AT(28));
   nm_test_feed(t, 1, "2024-01-01T00:00:42");
   assert_int_equal(self->ticks, 2);          /* at 30 and 40; from 28 on */
   nm_test_feed(t, 0, "2024-01-01T00:00:39"); /* behind the clock: handed over all the same */
   assert_int_equal(nm_test_counter(t, "late"), 1);
   assert_int_equal(nm_test_counter(t, "records"), 4);
   nm_test_feed(t, 1, "2024-01-01T00:05:00");
   assert_true(nm_now(nm_test_module(t)) == AT(58));
   assert_int_equal(nm_test_end(t, 0), NM_OK);
   assert_true(nm_now(nm_test_module(t)) == AT(298)); /* an input that ended is not waited for */
   assert_int_equal(nm_test_end(t, 1), NM_STOP);
   nm_test_free(t);
}

static const nm_module_def_t merging = {
    .name = "clock",
    .summary = "",
    .in = NM_INPUTS({"left", "time TIME_LAST"}, {"right", "time TIME_LAST"}),
    .flags = NM_MERGE,
    .tick_every = NM_SECONDS(10),
    .tick = tick_batch,
    .state_size = sizeof(struct batches),
    .record = nothing};

static void merged_inputs_have_no_lateness_by_default(void **state)
{
   static const struct {
      const char *arguments;
      uint32_t lateness;
   } cases[] = {{"", 0}, {"--lateness 0", 0}, {"--lateness 2", 2}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&merging, cases[i].arguments);
      nm_test_format(t, 0, "time TIME_LAST");
      nm_test_format(t, 1, "time TIME_LAST");
      nm_test_feed(t, 0, "2024-01-01T00:01:00");
      assert_true(nm_now(nm_test_module(t)) == AT(60 - cases[i].lateness));
      nm_test_free(t);
   }
}

static const nm_module_def_t clock_module = {.name = "clock",
                                             .summary = "",
                                             .in = NM_INPUTS({"flows", "time TIME_LAST"}, {"names"}),
                                             .record = nothing};

static void an_input_without_times_does_not_hold_the_clock(void **state)
{
   nm_test_t *t = nm_test_new(&clock_module, "");
   (void) state;
   nm_test_format(t, 0, "time TIME_LAST");
   nm_test_feed(t, 0, "2024-01-01T00:01:00");
   assert_true(nm_now(nm_test_module(t)) == 0);
   nm_test_format(t, 1, "uint32 PACKETS");
   assert_true(nm_now(nm_test_module(t)) == AT(55)); /* five seconds late by default */
   nm_test_free(t);
}

static int signals[4];

static int on_signal(nm_module_t *m, int signal)
{
   (void) m;
   signals[0] += signal == SIGUSR1;
   signals[1] += signal == SIGUSR2;
   return NM_OK;
}

static const nm_module_def_t signals_module = {
    .name = "signals", .summary = "", .flags = NM_CLAIM_USR1 | NM_CLAIM_USR2, .user_signal = on_signal};

static void user_signals_can_be_claimed(void **state)
{
   nm_test_t *t = nm_test_new(&signals_module, "");
   (void) state;
   nm_test_signal(t, SIGUSR1);
   nm_test_signal(t, SIGUSR2);
   nm_test_signal(t, SIGUSR2);
   assert_int_equal(signals[0], 1);
   assert_int_equal(signals[1], 2);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(fields_are_found_by_name_after_each_format_change),
       cmocka_unit_test(numbers_of_every_type_are_read),
       cmocka_unit_test(an_absent_field_is_an_error_that_names_it),
       cmocka_unit_test(a_record_before_the_format_is_an_error),
       cmocka_unit_test(writing_an_absent_field_is_an_error),
       cmocka_unit_test(warnings_are_bounded_whatever_their_number),
       cmocka_unit_test(cleanup_runs_after_a_failed_check),
       cmocka_unit_test(gaps_in_the_sequence_are_counted_exactly),
       cmocka_unit_test(what_is_left_of_a_batch_is_counted),
       cmocka_unit_test(a_batch_is_sent_in_its_order),
       cmocka_unit_test(a_batch_is_cut_where_a_tick_is_due_and_where_a_record_is_bad),
       cmocka_unit_test(a_batch_with_text_is_cut_where_a_record_is_bad),
       cmocka_unit_test(a_batch_moves_the_clock_as_its_records_one_by_one),
       cmocka_unit_test(a_biflow_is_handed_over_as_two_flows),
       cmocka_unit_test(halves_of_biflows_come_in_batches),
       cmocka_unit_test(variable_length_fields_of_the_other_direction_are_exchanged),
       cmocka_unit_test(a_table_is_declared_with_its_option_and_counters),
       cmocka_unit_test(files_are_read_again_on_sighup_all_or_none),
       cmocka_unit_test(a_file_may_have_a_default),
       cmocka_unit_test(merged_inputs_have_no_lateness_by_default),
       cmocka_unit_test(the_clock_is_that_of_the_input_furthest_behind),
       cmocka_unit_test(an_input_without_times_does_not_hold_the_clock),
       cmocka_unit_test(user_signals_can_be_claimed),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
