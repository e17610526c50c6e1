/* SPDX-License-Identifier: BSD-3-Clause */
/** Options and records of resolver. Nobody answers on the port that it asks; tests/resolver_test.py has a name server. */
#include <nemea/module_cmocka.h>

#include <netdb.h>

#define FORMAT "ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,string NAME"
#define FIELDS "-S 127.0.0.1:1 -u ipaddr\tSRC_IP,uint16\tDST_PORT,uint8\tPROTOCOL,string\tNAME "

static void records_go_on_without_answers(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start(
       FIELDS "-w 0 -r SRC_IP dns_ptr HOST -r NAME dns_a ADDRESS -r NAME dns_aaaa ADDRESS6", FORMAT);
   nm_unit_feed(t, "192.0.2.1,80,6,a.example");
   nm_unit_feed(t, "192.0.2.1,80,6,");
   assert_non_null(strstr(nm_test_output_format(t, 0), "string HOST"));
   for (int i = 0; i < 2; i++) {
      const char *got = nm_test_next(t, 0);
      assert_non_null(got);
      assert_non_null(strstr(got, "n/a"));
      assert_non_null(strstr(got, "0.0.0.0"));
      assert_non_null(strstr(got, "::"));
   }
   assert_in_range(nm_test_counter(t, "questions"), 3, 3);
   assert_in_range(nm_test_counter(t, "records without an answer"), 1,
                   2); /* a port that is closed may say so by then */
   nm_test_free(t);
}

/* A refused port fails at once, so that the records need not wait for their time. */
static void records_that_are_held_keep_their_order(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start(FIELDS "-w 60000 --hold 2 --timeout 10 -r SRC_IP dns_ptr HOST", FORMAT);
   for (int i = 1; i <= 5; i++) {
      char text[64];
      snprintf(text, sizeof(text), "192.0.2.%d,%d,6,x", i, i);
      nm_unit_feed(t, text);
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   for (int i = 1; i <= 5; i++) {
      char text[64];
      const char *got = nm_test_next(t, 0);
      snprintf(text, sizeof(text), "192.0.2.%d,", i);
      assert_non_null(got);
      assert_non_null(strstr(got, text));
      assert_non_null(strstr(got, "n/a"));
   }
   assert_int_equal(nm_test_counter(t, "records held"), 5);
   nm_test_free(t);
}

/* Records of an old format are sent before those of a new one. */
static void a_new_format_lets_the_held_records_go(void **state)
{
   (void) state;
   nm_test_t *t = nm_unit_start(FIELDS "-w 60000 --timeout 60000 -r SRC_IP dns_ptr HOST", FORMAT);
   nm_unit_feed(t, "192.0.2.1,80,6,x");
   assert_int_equal(nm_test_format(t, 0, "ipaddr SRC_IP,uint32 OTHER"), NM_OK);
   nm_unit_feed(t, "192.0.2.2,7");
   assert_int_equal(nm_test_finish(t), NM_OK);
   const char *got = nm_test_next(t, 0);
   assert_non_null(strstr(got, "192.0.2.1"));
   got = nm_test_next(t, 0);
   assert_non_null(strstr(got, "192.0.2.2"));
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void services_are_those_of_the_system(void **state)
{
   const struct servent *entry = getservbyport(htons(80), "tcp");
   (void) state;
   nm_test_t *t = nm_unit_start(FIELDS "-r DST_PORT/PROTOCOL ent_services SERVICE", FORMAT);
   nm_unit_feed(t, "192.0.2.1,80,6,x");
   nm_unit_feed(t, "192.0.2.1,80,255,x");
   nm_unit_expect(t, entry != NULL ? entry->s_name : "n/a");
   nm_unit_expect(t, "n/a");
   nm_test_free(t);
}

static void options_that_are_wrong(void **state)
{
   static const struct {
      const char *options, *error;
   } cases[] = {
       {"-r SRC_IP dns_ptr X", "option --unirec: missing"},
       {"-u ipaddr\tSRC_IP", "option --resolve: missing"},
       {"-u ipaddr\tSRC_IP -r SRC_IP dns_ptr", "each -r needs three words"},
       {"-u ipaddr\tSRC_IP -r SRC_IP", "each -r needs three words"},
       {"-u ipaddr\tSRC_IP -r SRC_IP dns_mx X",
        "\"dns_mx\": expected dns_ptr, dns_a, dns_aaaa or ent_services"},
       {"-u ipaddr\tSRC_IP -r DST_IP dns_ptr X", "the fields of -u have no \"ipaddr DST_IP\""},
       {"-u string\tSRC_IP -r SRC_IP dns_ptr X", "the fields of -u have no \"ipaddr SRC_IP\""},
       {"-u ipaddr\tSRC_IP -r SRC_IP dns_a X", "the fields of -u have no \"string SRC_IP\""},
       {"-u uint16\tP -r P ent_services X", "expected two fields, PORT/PROTOCOL"},
       {"-u ipaddr\tSRC_IP -r SRC_IP/P dns_ptr X", "expected one field"},
       {"-u ipaddr\tSRC_IP -r SRC_IP dns_ptr X -S nowhere",
        "option --server: \"nowhere\": expected ADDRESS[:PORT]"},
   };
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, cases[i].options);
      const char *error = nm_test_error(t);
      if (error == NULL || strstr(error, cases[i].error) == NULL) {
         fail_msg("%s: %s", cases[i].options, error != NULL ? error : "is accepted");
      }
      nm_test_free(t);
   }
   nm_test_t *t = nm_test_new(&nm_definition, "-u ipaddr\tSRC_IP -r SRC_IP dns_ptr X");
   assert_int_equal(nm_test_format(t, 0, "uint32 OTHER"), NM_ERROR);
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(records_go_on_without_answers),
       cmocka_unit_test(records_that_are_held_keep_their_order),
       cmocka_unit_test(a_new_format_lets_the_held_records_go),
       cmocka_unit_test(services_are_those_of_the_system),
       cmocka_unit_test(options_that_are_wrong),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
