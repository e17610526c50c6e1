/* SPDX-License-Identifier: BSD-3-Clause */
/** The stream clock and the options of the module kit, called directly. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#include <cmocka.h>

#include "fields.h"

NM_FIELDS(time TIME_LAST)

#define AT(s)  ((ur_time_t) (1700000000 + (s)) << 32)
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static uint32_t ticks[2048];
static unsigned n_ticks;

static int on_tick(nm_module_t *m, ur_time_t t)
{
   (void) m;
   assert_true(n_ticks < LEN(ticks));
   ticks[n_ticks++] = ur_time_get_sec(t) - 1700000000;
   return NM_OK;
}

static const nm_module_def_t ticking = {
    .name = "ticking", .summary = "", .tick = on_tick, .tick_every = NM_SECONDS(10)};

static struct input only; /* of clock_module() */

static nm_module_t clock_module(const nm_module_def_t *def)
{
   nm_module_t m = {.def = def, .in = &only, .n_in = 1};
   only = (struct input){.active = 1};
   setenv("NEMEA_RECORDING", "1", 1);
   clock_start(&m);
   n_ticks = 0;
   return m;
}

static void ticks_come_at_multiples_between_records(void **state)
{
   nm_module_t m = clock_module(&ticking);
   (void) state;
   assert_int_equal(nm_now(&m), 0);
   clock_record(&m, &only, AT(3));
   assert_int_equal(n_ticks, 0);
   clock_record(&m, &only, AT(9));
   assert_int_equal(n_ticks, 0);
   clock_record(&m, &only, AT(10));
   clock_record(&m, &only, AT(35));
   assert_int_equal(n_ticks, 3);
   assert_int_equal(ticks[0], 10);
   assert_int_equal(ticks[2], 30);
}

static void the_clock_never_goes_back(void **state)
{
   nm_module_t m = clock_module(&ticking);
   (void) state;
   clock_record(&m, &only, AT(100));
   clock_record(&m, &only, AT(50));
   assert_int_equal(nm_now(&m), AT(100));
   assert_int_equal(n_ticks, 0);
}

static void one_record_from_the_future_moves_nothing(void **state)
{
   nm_module_t m = clock_module(&ticking);
   (void) state;
   clock_record(&m, &only, AT(0));
   clock_record(&m, &only, AT(400 * 86400));
   assert_int_equal(nm_now(&m), AT(0));
   clock_record(&m, &only, AT(1));
   assert_int_equal(nm_now(&m), AT(1));
   clock_record(&m, &only, AT(400 * 86400));
   assert_int_equal(nm_now(&m), AT(1));
   clock_record(&m, &only, AT(400 * 86400 + 5)); /* confirmed */
   assert_int_equal(nm_now(&m), AT(400 * 86400 + 5));
   assert_int_equal(n_ticks, 1000);
   assert_int_equal(ticks[999], 400 * 86400);
}

/* The greatest time there is, confirmed, in a module without ticks: nothing is divided by their distance. */
static void the_end_of_time_needs_no_ticks(void **state)
{
   nm_module_def_t def = ticking;
   (void) state;
   def.tick = NULL;
   def.tick_every = 0;
   nm_module_t m = clock_module(&def);
   clock_record(&m, &only, AT(0));
   clock_record(&m, &only, UINT64_MAX);
   clock_record(&m, &only, UINT64_MAX);
   assert_true(nm_now(&m) == UINT64_MAX);
}

static void lateness_holds_the_clock_behind(void **state)
{
   nm_module_def_t def = ticking;
   (void) state;
   def.lateness = NM_SECONDS(5);
   nm_module_t m = clock_module(&def);
   clock_record(&m, &only, AT(8));
   clock_record(&m, &only, AT(14));
   assert_int_equal(n_ticks, 0);
   clock_record(&m, &only, AT(15));
   assert_int_equal(n_ticks, 1);
   assert_int_equal(nm_now(&m), AT(10));
}

static void a_recording_does_not_follow_the_wall_clock(void **state)
{
   nm_module_t m = clock_module(&ticking);
   struct timespec ts;
   (void) state;
   clock_gettime(CLOCK_REALTIME, &ts);
   ur_time_t now = (ur_time_t) ts.tv_sec << 32;
   clock_record(&m, &only, now);
   for (int i = 0; i < 3; i++) {
      clock_idle(&m);
   }
   assert_int_equal(nm_now(&m), now);
}

static void records_are_of_the_past_in_files_and_where_the_environment_says_so(void **state)
{
   nm_module_t m = clock_module(&ticking);
   (void) state;
   assert_true(nm_recording(&m));
   unsetenv("NEMEA_RECORDING");
   clock_start(&m);
   assert_false(nm_recording(&m));
   only.is_file = true;
   assert_true(nm_recording(&m));
}

static void a_live_stream_goes_on_with_the_wall_clock_when_silent(void **state)
{
   nm_module_t m = clock_module(&ticking);
   struct timespec ts;
   (void) state;
   unsetenv("NEMEA_RECORDING");
   clock_start(&m);
   clock_gettime(CLOCK_REALTIME, &ts);
   ur_time_t now = (ur_time_t) ts.tv_sec << 32;
   clock_record(&m, &only, now);
   clock_idle(&m);
   nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
   clock_idle(&m);
   assert_true(nm_now(&m) > now);
   /* A replay of old records does not. */
   only = (struct input){.active = 1};
   clock_start(&m);
   clock_record(&m, &only, AT(0));
   clock_idle(&m);
   nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
   clock_idle(&m);
   assert_int_equal(nm_now(&m), AT(0));
}

/* ------------------------------------------------------------------- options */

struct opts {
   bool flag;
   uint8_t small;
   uint16_t port;
   uint64_t large;
   int64_t negative;
   double ratio;
   const char *text;
   unsigned kind;
};

static const char *const kinds[] = {"tcp", "udp", NULL};
static const char *called_with;

static int call(nm_module_t *m, const char *value)
{
   called_with = value;
   return strcmp(value, "bad") == 0 ? nm_fail_status(m, 7, "bad value") : NM_OK;
}

static const nm_option_t all_options[] = {
    NM_FLAG('f', "flag", struct opts, flag, "A flag."),
    NM_U8('s', "small", struct opts, small, 5, 1, 200, "A small number."),
    NM_U16('p', "port", struct opts, port, 80, 0, UINT16_MAX, "A port."),
    NM_U64(0, "large", struct opts, large, 7, 0, UINT64_MAX, "A large number."),
    NM_I64('N', "negative", struct opts, negative, -3, -10, 10, "May be negative."),
    NM_DOUBLE('r', "ratio", struct opts, ratio, 0.5, 0, 1, "A ratio."),
    NM_STRING('t', "text", struct opts, text, "abc", "A text."),
    NM_CHOICE('k', "kind", struct opts, kind, 1, kinds, "A kind."),
    NM_CALL('c', "call", "string", call, "Calls."),
    NM_END,
};

static const nm_module_def_t with_options = {.name = "opts",
                                             .summary = "Options.",
                                             .options = all_options,
                                             .state_size = sizeof(struct opts),
                                             .spellings = (const char *const[]){"-ki", "--kind", NULL},
                                             .no_eos_option = "no-eos"};

/* Parses a command line of words separated by blanks. */
static int parse(nm_module_t *m, struct opts *o, const char *line)
{
   static char text[512];
   char *argv[32] = {NULL}, *save = NULL;
   int argc = 0;
   snprintf(text, sizeof(text), "%s", line);
   for (char *w = strtok_r(text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
      argv[argc++] = w;
   }
   memset(o, 0, sizeof(*o));
   free(m->message);
   *m = (nm_module_t){.def = &with_options, .state = o};
   interfaces_declare(m);
   optind = 0;
   return options_parse(m, argc, argv);
}

static void options_have_defaults_and_take_values(void **state)
{
   nm_module_t m = {0};
   struct opts o;
   (void) state;
   assert_int_equal(parse(&m, &o, "opts"), NM_OK);
   assert_int_equal(o.small, 5);
   assert_int_equal(o.port, 80);
   assert_int_equal(o.large, 7);
   assert_int_equal(o.negative, -3);
   assert_true(o.ratio == 0.5);
   assert_string_equal(o.text, "abc");
   assert_int_equal(o.kind, 1);
   assert_false(o.flag || m.no_eos);
   assert_int_equal(
       parse(&m, &o,
             "opts -f -n -s 200 --port 65535 --large 18446744073709551615 -N -10 -r 0.25 -t x -k tcp -c v"),
       NM_OK);
   assert_true(o.flag && m.no_eos);
   assert_int_equal(o.small, 200);
   assert_int_equal(o.port, 65535);
   assert_true(o.large == UINT64_MAX);
   assert_int_equal(o.negative, -10);
   assert_true(o.ratio == 0.25);
   assert_string_equal(o.text, "x");
   assert_int_equal(o.kind, 0);
   assert_string_equal(called_with, "v");
   assert_int_equal(parse(&m, &o, "opts -ki tcp"), NM_OK); /* not -k i */
   assert_int_equal(o.kind, 0);
   free(m.message);
}

static void bad_options_name_the_option_the_value_and_what_was_expected(void **state)
{
   static const struct {
      const char *line, *message;
   } cases[] = {
       {"opts -s 0", "option -s, --small: \"0\" is not a number from 1 to 200"},
       {"opts -s 201", "option -s, --small: \"201\" is not a number from 1 to 200"},
       {"opts -p -1", "option -p, --port: \"-1\" is not a number from 0 to 65535"},
       {"opts -p 12x", "option -p, --port: \"12x\" is not a number from 0 to 65535"},
       {"opts --large 18446744073709551616",
        "option --large: \"18446744073709551616\" is not a number from 0 to 18446744073709551615"},
       {"opts -N 11", "option -N, --negative: \"11\" is not a number from -10 to 10"},
       {"opts -r nan", "option -r, --ratio: \"nan\" is not a number from 0 to 1"},
       {"opts -k icmp", "option -k, --kind: \"icmp\" is not one of tcp, udp"},
       {"opts -x", "invalid option -- 'x' (see opts -h)"},
       {"opts --nope", "unknown option or surplus argument '--nope' (see opts -h)"},
       {"opts -s", "option -s needs an argument (see opts -h)"},
       {"opts stray", "unexpected argument \"stray\" (see opts -h)"},
       {"opts -c bad", "bad value"},
   };
   nm_module_t m = {0};
   struct opts o;
   (void) state;
   for (size_t i = 0; i < LEN(cases); i++) {
      assert_int_equal(parse(&m, &o, cases[i].line), NM_ERROR);
      assert_string_equal(m.message, cases[i].message);
      assert_int_equal(m.status, i + 1 < LEN(cases) ? 1 : 7);
   }
   free(m.message);
}

static void help_tells_defaults_and_ranges(void **state)
{
   nm_module_t m = {.def = &with_options};
   interfaces_declare(&m);
   trap_module_info_t *info = options_info(&m);
   (void) state;
   assert_non_null(info);
   assert_string_equal(info->params[1]->description, "A small number. (1 to 200, default 5)");
   assert_string_equal(info->params[6]->description, "A text. (default abc)");
   assert_string_equal(info->params[7]->description, "A kind. (tcp, udp, the default)");
   assert_string_equal(info->params[9]->long_opt, "no-eos");
   assert_string_equal(info->params[10]->long_opt, "telemetry");
   assert_null(info->params[11]);
   options_info_free(info);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(ticks_come_at_multiples_between_records),
       cmocka_unit_test(the_clock_never_goes_back),
       cmocka_unit_test(one_record_from_the_future_moves_nothing),
       cmocka_unit_test(the_end_of_time_needs_no_ticks),
       cmocka_unit_test(lateness_holds_the_clock_behind),
       cmocka_unit_test(a_recording_does_not_follow_the_wall_clock),
       cmocka_unit_test(records_are_of_the_past_in_files_and_where_the_environment_says_so),
       cmocka_unit_test(a_live_stream_goes_on_with_the_wall_clock_when_silent),
       cmocka_unit_test(options_have_defaults_and_take_values),
       cmocka_unit_test(bad_options_name_the_option_the_value_and_what_was_expected),
       cmocka_unit_test(help_tells_defaults_and_ranges),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
