/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of backscatter_classifier without a process. */
#include "classifier.h"
#include "model.h"
#include "networks.h"
#include "settings.h"

#include <math.h>
#include <nemea/module_test.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FORMAT                                                                                               \
   "ipaddr SRC_IP,uint8 PROTOCOL,uint32 POSIX_START,uint32 POSIX_END,uint64 FLOW_COUNT,uint64 "              \
   "PACKET_COUNT,uint64 BYTES,uint64 UNIQUE_DST_IPS,uint64 UNIQUE_DST_PORTS,uint64 UNIQUE_SRC_PORTS,"        \
   "uint64 UNIQUE_DST_24_SUBNETS,uint16 SRC_PORT_1,uint64 SRC_PORT_1_COUNT,float PPF_AVG,float PPF_STD,"     \
   "float BYTES_AVG,float BYTES_STD,uint64 RST,uint64 ACKSYN,uint64 MAX_FPM,uint64 SRC_PORT_2_COUNT,uint64 " \
   "SRC_PORT_3_COUNT"
#define FLOOD "600,600,24000,600,595,1,500,80,600,1,0,40,0,0,600,60,0,0"
#define OTHER "600,600,24000,3,590,1,1,80,600,1,0,40,0,0,600,60,0,0"

static nm_test_t *start(const char *options)
{
   char all[256];
   snprintf(all, sizeof(all), "--logfile /dev/null %s", options);
   nm_test_t *t = nm_test_new_with(&nm_definition, all, 1, 1);
   assert_non_null(t);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   return t;
}

static uint32_t alerts(const char *options, const char *vector)
{
   nm_test_t *t = start(options);
   assert_int_equal(nm_test_feed(t, 0, vector), NM_OK);
   assert_int_equal(nm_test_finish(t), NM_OK);
   uint32_t n = nm_test_pending(t, 0);
   nm_test_free(t);
   return n;
}

static void floods_are_told_from_others(void **state)
{
   (void) state;
   assert_int_equal(alerts("", "192.0.2.1,6,1700000000,1700000060," FLOOD), 1);
   assert_int_equal(alerts("", "192.0.2.1,6,1700000000,1700000060," OTHER), 0);
   assert_int_equal(
       alerts("", "192.0.2.1,1,1700000000,1700000060,600,600,24000,600,1,1,500,0,600,1,0,40,0,0,600,60,0,0"),
       1);
   assert_int_equal(
       alerts("", "192.0.2.1,1,1700000000,1700000060,600,600,24000,5,1,1,1,0,600,1,0,40,0,0,600,60,0,0"), 0);
   assert_int_equal(alerts("", "2001:db8::1,6,1700000000,1700000060," FLOOD), 1);
   assert_int_equal(alerts("--min_threshold 0.0001", "192.0.2.1,6,1700000000,1700000060," OTHER), 1);
}

static void limits_leave_vectors_out(void **state)
{
   static const struct {
      const char *vector, *counter;
   } cases[] = {
       {"192.0.2.1,6,1700000000,1700000029," FLOOD, "too short"},
       {"192.0.2.1,6,1700000000,1700007201," FLOOD, "too long"},
       {"192.0.2.1,6,1700000060,1700000000," FLOOD, "that end before they begin"},
       {"192.0.2.1,17,1700000000,1700000060," FLOOD, "of other protocols"},
       {"192.0.2.1,6,1700000000,1700000060,29,29,24000,29,29,1,29,80,29,1,0,40,0,0,29,60,0,0",
        "with few flows"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = start("");
      nm_test_catch(2);
      assert_int_equal(nm_test_feed(t, 0, cases[i].vector), NM_OK);
      nm_test_caught();
      assert_int_equal(nm_test_counter(t, cases[i].counter), 1);
      assert_int_equal(nm_test_counter(t, "victims of floods"), 0);
      nm_test_free(t);
   }
   assert_int_equal(alerts("--min_duration 0", "192.0.2.1,6,1700000000,1700000000," FLOOD),
                    1); /* of a second */
   assert_int_equal(alerts("--max_duration 10000", "192.0.2.1,6,1700000000,1700007201," FLOOD), 1);
   assert_int_equal(alerts("--min_flows 601", "192.0.2.1,6,1700000000,1700000060," FLOOD), 0);
}

static void an_alert_has_the_figures_and_an_estimate(void **state)
{
   (void) state;
   FILE *file = fopen("networks.tmp", "we");
   assert_non_null(file);
   fputs("10.0.0.0/8\n10.1.0.0/16\n11.0.0.0/8\n2001:db8::/32\n", file); /* 1/128 of all */
   fclose(file);
   nm_test_t *t = start("-N networks.tmp");
   remove("networks.tmp");
   assert_int_equal(nm_test_feed(t, 0, "192.0.2.1,6,1700000000,1700000060," FLOOD), NM_OK);
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   const char *end = strstr(alert, ",1280");
   assert_non_null(strstr(alert, "192.0.2.1"));
   assert_non_null(end); /* 10 packets a second of 1/128 */
   assert_non_null(strstr(alert, "2023-11-14T22:13:20"));
   nm_test_free(t);
}

static void wrong_options_are_errors(void **state)
{
   static const struct {
      const char *options, *error;
      int status;
   } cases[] = {
       {"--export_to misp", "--export_to misp needs --url", 2},
       {"--export_to misp --url https://x", "--export_to misp needs --key_file", 2},
       {"--export_to misp --url ftp://x --key k", "expected https://HOST", 2},
       {"--min_threshold 1", "--min_threshold", 1},
       {"--min_duration 100 --max_duration 50", "less than --min_duration", 2},
       {"--key k --key_file f", "exclude each other", 2},
       {"--model /nonexistent", "/nonexistent: No such file", 3},
       {"--export_to c3isp --c3isp_config /nonexistent", "--c3isp_config: \"/nonexistent\": No such file", 3},
       {"--misp_templates_dir /nonexistent", "/nonexistent/ddos/definition.json", 3},
       {"--logfile /nonexistent/x", "--logfile: cannot write", 3},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new_with(&nm_definition, cases[i].options, 1, 1);
      assert_non_null(t);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].options, nm_test_error(t));
      }
      if (nm_test_status(t) != cases[i].status) {
         fail_msg("%s: status %d", cases[i].options, nm_test_status(t));
      }
      nm_test_free(t);
   }
}

#define HEAD "nemea-trees 1\nmodel TCP\nbias 0.5\n"

static void models_are_checked(void **state)
{
   static const struct {
      const char *text, *error;
   } cases[] = {
       {"\x80\x04\x95", "Python pickle"},
       {"PK\3\4", "Python pickle"},
       {"(dp0", "Python pickle"},
       {"", "expected 'nemea-trees 1'"},
       {"{}", "expected 'nemea-trees 1'"},
       {"nemea-trees 2\n", "version '2'"},
       {"nemea-trees 1\n", "the file ends"},
       {"nemea-trees 1\nmodel UDP\n", "line 2: 'model UDP'"},
       {"nemea-trees 1\nmodel TCP\ntree 1\n", "expected 'bias NUMBER'"},
       {HEAD "tree 0\n", "expected a number from 1"},
       {HEAD "tree 99999999999\n", "expected a number from 1"},
       {HEAD "tree 2\nleaf 1\n", "the file ends within a tree"},
       {HEAD "tree 1\nleaf nan\n", "expected a number"},
       {HEAD "tree 1\nleaf 1e300\n", "expected a number"},
       {HEAD "tree 1\nnode PPF_AVG 1 2\n", "node 0 of 1"},
       {HEAD "tree 3\nnode PPF_AVG 1 1\nleaf 1\nleaf 1\n", "node 0 of 3 leads to 1"},
       {HEAD "tree 3\nnode PPF_AVG 1 3\nleaf 1\nleaf 1\n", "node 0 of 3 leads to 3"},
       {HEAD "tree 3\nnode PPF 1 2\nleaf 1\nleaf 1\n", "'PPF' is no value"},
       {HEAD "tree 3\nnode PPF_AVG/X 1 2\nleaf 1\nleaf 1\n", "'X' is no value"},
       {HEAD "bush 3\n", "'bush', expected 'tree NODES'"},
       {HEAD "tree 1\nleaf 1\nmodel TCP\nbias 1\n", "a second 'model TCP'"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char error[MODEL_ERROR];
      struct model *m = model_read(cases[i].text, strlen(cases[i].text), error);
      if (m != NULL || strstr(error, cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].text, m != NULL ? "was read" : error);
      }
   }
}

static void trees_are_followed(void **state)
{
   static const char text[] = "nemea-trees 1\n# comment\nmodel ICMP\nbias 0.5 # x\ntree 5\nnode "
                              "UNIQUE_DST_IPS/FLOW_COUNT 0.5 2\nleaf -1\n"
                              "node RATE 2 2\nleaf 1\nleaf 2\ntree 1\nleaf 0.25\n";
   double values[VALUES] = {[VALUE_FLOW_COUNT] = 10, [VALUE_UNIQUE_DST_IPS] = 5};
   char error[MODEL_ERROR];
   struct model *m = model_read(text, sizeof(text) - 1, error);
   (void) state;
   assert_non_null(m);
   assert_int_equal(model_trees(m, MODEL_ICMP), 2);
   assert_true(fabs(model_probability(m, MODEL_ICMP, values) - 1 / (1 + exp(0.25))) < 1e-12);
   values[VALUE_UNIQUE_DST_IPS] = 6;
   assert_true(fabs(model_probability(m, MODEL_ICMP, values) - 1 / (1 + exp(-1.75))) < 1e-12);
   values[VALUE_RATE] = 2.5;
   assert_true(fabs(model_probability(m, MODEL_ICMP, values) - 1 / (1 + exp(-2.75))) < 1e-12);
   values[VALUE_FLOW_COUNT] = 0; /* no division: the share is 0 */
   assert_true(fabs(model_probability(m, MODEL_ICMP, values) - 1 / (1 + exp(0.25))) < 1e-12);
   assert_true(model_probability(m, MODEL_TCP, values) == 0); /* there is no model of it */
   model_free(m);
}

static void settings_are_read(void **state)
{
   static const char text[] = "[OTHER]\ndsa = 1\n[DEFAULT]\n# c\nserver_uri = "
                              "https://p.example/x\nportal_user: u\nportal_pass = a=b\nDSA = 7\n";
   struct settings s;
   char error[SETTINGS_ERROR];
   (void) state;
   assert_true(settings_parse(text, sizeof(text) - 1, &s, error));
   assert_string_equal(s.server_uri, "https://p.example/x");
   assert_string_equal(s.portal_pass, "a=b");
   assert_string_equal(s.dsa, "7");
   assert_string_equal(s.misp_key, "");
   assert_false(settings_parse(text, 40, &s, error));
   assert_non_null(strstr(error, "expected server_uri"));
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(floods_are_told_from_others),
       cmocka_unit_test(limits_leave_vectors_out),
       cmocka_unit_test(an_alert_has_the_figures_and_an_estimate),
       cmocka_unit_test(wrong_options_are_errors),
       cmocka_unit_test(models_are_checked),
       cmocka_unit_test(trees_are_followed),
       cmocka_unit_test(settings_are_read),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
