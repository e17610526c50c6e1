/* SPDX-License-Identifier: BSD-3-Clause */
/** Rules of unirecfilter, and what the module sends for them. */
#include <nemea/module_cmocka.h>
#include <signal.h>

#include "rules.h"

#define INPUT "uint32 ID,uint16 PORT,string URL"

static nm_test_t *module(const char *options, uint32_t outputs)
{
   char line[200];
   snprintf(line, sizeof(line), "%s", options);
   nm_test_t *t = nm_test_new_with(&nm_definition, line, 1, outputs);
   assert_non_null(t);
   return t;
}

static void feed(nm_test_t *t)
{
   assert_int_equal(nm_test_format(t, 0, INPUT), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "1,53,\"a\""), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "2,80,\"b\""), NM_OK);
}

static void one_output(void **state)
{
   (void) state;
   nm_test_t *t = module("-F PORT==80", 1);
   feed(t);
   assert_string_equal(nm_test_next(t, 0), "2,80,\"b\"");
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void cut_and_defaults(void **state)
{
   (void) state;
   nm_unit_write("uint32 ID,string SITE=\"x, y: \\\"z\\\";\",uint16 FOO=7 : FOO == 7 && SITE =~ \"^x\";");
   char options[100];
   snprintf(options, sizeof(options), "-c 1 -f %s", nm_unit_path());
   nm_test_t *t = module(options, 1);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, INPUT), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "1,53,\"a\""), NM_STOP);
   assert_string_equal(nm_test_next(t, 0), "1,7,\"x, y: \"\"z\"\";\"");
   nm_test_free(t);
}

static void rules_of_several_outputs(void **state)
{
   (void) state;
   char options[100];
   snprintf(options, sizeof(options), "-f %s", nm_unit_path());
   nm_unit_write("# comment; with : characters\nuint32 ID: PORT == 53\n || PORT == 1; # more\n:PORT == "
                 "80;uint16 PORT:;");
   nm_test_t *t = module(options, 3);
   feed(t);
   assert_string_equal(nm_test_next(t, 0), "1");
   assert_null(nm_test_next(t, 0));
   assert_string_equal(nm_test_next(t, 1), "2,80,\"b\"");
   assert_string_equal(nm_test_next(t, 2), "53");
   assert_string_equal(nm_test_next(t, 2), "80");
   /* A broken file changes nothing; a good one everything, template included. */
   nm_unit_write("uint32 ID: PORT ==;:;:;");
   assert_int_equal(nm_test_signal(t, SIGUSR1), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "3,53,\"a\""), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "3");
   nm_unit_write("string URL: PORT == 80;:false;:false;");
   assert_int_equal(nm_test_signal(t, SIGUSR1), NM_OK);
   assert_int_equal(nm_test_feed(t, 0, "4,80,\"new\""), NM_OK);
   assert_string_equal(nm_test_next(t, 0), "\"new\"");
   assert_null(nm_test_next(t, 1));
   nm_test_free(t);
}

static void wrong_rules(void **state)
{
   static const struct {
      const char *text;
      int status;
      const char *says;
   } cases[] = {
       {"uint32 ID PORT == 53;", 7, "without \":\""},
       {"uint32 ID: PORT == 53", 7, "without \";\""},
       {":true;", 8, "lower than expected"},
       {"nosuch ID:true;:true;", 254, "line 1"},
       {":true;\nuint16 PORT=x:;", 254, "\"x\" is not a value of field PORT"},
       {":true;\n\n:PORT ==;", 1, "line 3: filter \"PORT ==\", byte 7"},
   };
   (void) state;
   char options[100];
   snprintf(options, sizeof(options), "--strict -f %s", nm_unit_path());
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_unit_write(cases[i].text);
      nm_test_t *t = module(options, 2);
      if (nm_test_error(t) == NULL || nm_test_status(t) != cases[i].status ||
          strstr(nm_test_error(t), cases[i].says) == NULL) {
         fail_msg("%s: status %d, %s", cases[i].text, nm_test_status(t), nm_test_error(t));
      }
      nm_test_free(t);
   }
   nm_test_t *t = module("--strict -F NOFIELD==1", 1);
   assert_int_equal(nm_test_format(t, 0, INPUT), NM_ERROR);
   nm_test_free(t);
   t = module("-F NOFIELD==1", 1);
   assert_int_equal(nm_test_format(t, 0, INPUT), NM_OK);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {cmocka_unit_test(one_output), cmocka_unit_test(cut_and_defaults),
                                      cmocka_unit_test(rules_of_several_outputs),
                                      cmocka_unit_test(wrong_rules)};
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
