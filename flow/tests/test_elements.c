/* SPDX-License-Identifier: BSD-3-Clause */
/** The table of elements: its format, its errors, the default table. */
#include "collector/elements.h"
#include "export/ipfix_elements.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fc_elements *parse(const char *text, char **errors)
{
   return fc_elements_parse("table.txt", text, strlen(text), errors);
}

static void every_form_of_an_element_is_read(void **state)
{
   (void) state;
   char *errors;
   struct fc_elements *t = parse("# a comment\n"
                                 "\n"
                                 "ADDRESS   ipaddr e0id8,iana:sourceIPv6Address # both versions\r\n"
                                 "BYTES_BACK\tuint32 iana:octetDeltaCount@reverse\n"
                                 "FLAGS uint8 e0id6\n"
                                 "LINKS uint64 _internal_lbf_\n"
                                 "WAY uint8 _internal_dbf_\n"
                                 "LENGTHS int16* e0id291/cesnet:packetLength\n"
                                 "NUMBER uint32 e8057id2\n" /* by number, so the type is believed */
                                 "LAST string_trimmed e4294967295id32767",
                                 &errors);
   assert_non_null(t);
   assert_null(errors);
   const struct fc_element *e = fc_elements_find(t, 0, 27);
   assert_non_null(e);
   assert_string_equal(e->field, "ADDRESS");
   assert_int_equal(e->type, UR_TYPE_IP);
   assert_int_equal(e->rank, 1);
   assert_int_equal(e->kind, FC_KIND_IP);
   assert_null(e->next);
   assert_int_equal(fc_elements_find(t, 0, 8)->rank, 0);
   e = fc_elements_find(t, 29305, 1);
   assert_string_equal(e->field, "BYTES_BACK");
   assert_int_equal(e->kind, FC_KIND_UNSIGNED);
   assert_false(e->discards);
   assert_true(fc_elements_find(t, 0, 6)->discards);
   e = fc_elements_find(t, 8057, 1013);
   assert_true(e->list);
   assert_int_equal(e->type, UR_TYPE_A_INT16);
   e = fc_elements_find(t, UINT32_MAX, 32767);
   assert_true(e->trim);
   assert_int_equal(e->kind, FC_KIND_UNKNOWN);
   assert_int_equal(fc_elements_find(t, 8057, 2)->kind, FC_KIND_UNKNOWN);
   assert_null(fc_elements_find(t, 0, 1));
   assert_null(fc_elements_find(t, UINT32_MAX, 1));
   assert_int_equal(fc_elements_internal(t, "LINKS"), FC_FIELD_LINK);
   assert_int_equal(fc_elements_internal(t, "WAY"), FC_FIELD_DIRECTION);
   assert_int_equal(fc_elements_internal(t, "FLAGS"), FC_FIELD_OF_ELEMENTS);
   assert_int_equal(fc_elements_type(t, "LINKS"), UR_TYPE_UINT64);
   assert_int_equal(fc_elements_type(t, "BYTES"), -1);
   fc_elements_free(t);
}

static void one_element_may_fill_several_fields(void **state)
{
   (void) state;
   char *errors;
   struct fc_elements *t =
       parse("PORT uint16 e0id7,e0id32\nICMP uint16 e0id32\nTYPE uint16 e1id1,e1id2,e0id32\n", &errors);
   assert_non_null(t);
   const struct fc_element *e = fc_elements_find(t, 0, 32);
   assert_string_equal(e->field, "ICMP");
   assert_string_equal(e->next->field, "PORT");
   assert_string_equal(e->next->next->field, "TYPE");
   assert_null(e->next->next->next);
   fc_elements_free(t);
}

/* Each line with one fault; all are told at once, by line, with the value and what was expected. */
static void each_fault_is_told_with_its_line(void **state)
{
   (void) state;
   static const struct {
      const char *line, *message;
   } cases[] = {
       {"SRC_IP", "\"SRC_IP\" alone, expected NAME TYPE ELEMENT"},
       {"SRC_IP ipaddr", "\"SRC_IP\" alone"},
       {"SRC_IP ipaddr e0id8 e0id27", "\"e0id27\" after the elements of \"SRC_IP\""},
       {"SRC-IP ipaddr e0id8", "\"SRC-IP\" is no name of a field"},
       {"1SRC ipaddr e0id8", "\"1SRC\" is no name"},
       {"SRC_IP ip e0id8", "unknown type \"ip\", expected a type of UniRec"},
       {"SRC_IP ipaddr e0id8,,e0id27", "an element is missing"},
       {"SRC_IP ipaddr e0id8,", "an element is missing"},
       {"SRC_IP ipaddr e0id65536", "no element \"e0id65536\" is known"},
       {"SRC_IP ipaddr e1id32768", "no element \"e1id32768\""},
       {"SRC_IP ipaddr e4294967296id1", "no element \"e4294967296id1\""},
       {"SRC_IP ipaddr 8", "no element \"8\""},
       {"SRC_IP ipaddr e0id", "no element \"e0id\""},
       {"SRC_IP ipaddr e0id8x", "no element \"e0id8x\""},
       {"SRC_IP ipaddr iana:sourceIPv4", "no element \"iana:sourceIPv4\""},
       {"SRC_IP ipaddr cesnet:DNSName@reverse", "no element \"cesnet:DNSName@reverse\""},
       {"SRC_IP ipaddr e0id1", "values of element \"e0id1\" cannot be of type \"ipaddr\""},
       {"N string e0id1", "cannot be of type \"string\""},
       {"N uint8 iana:interfaceName", "cannot be of type \"uint8\""},
       {"T time e0id1", "cannot be of type \"time\""},
       {"N uint8 cesnet:DNSName", "values of element \"cesnet:DNSName\""},
       {"M macaddr e0id8", "cannot be of type \"macaddr\""},
       {"P uint16* cesnet:packetLength", "expected e0id291/ELEMENT"},
       {"P uint16 e0id291/cesnet:packetLength", "has many values"},
       {"P uint16* e0id292/cesnet:packetLength", "\"e0id292\" before \"/\""},
       {"L uint32 _internal_lbf_", "its type is \"uint32\", expected \"uint64\""},
       {"D uint64 _internal_dbf_", "expected \"uint8\""},
   };
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char text[200], *errors;
      snprintf(text, sizeof(text), "FIRST uint8 e0id4\n%s\n", cases[i].line);
      assert_null(parse(text, &errors));
      assert_non_null(errors);
      assert_memory_equal(errors, "table.txt:2: ", 13);
      if (strstr(errors, cases[i].message) == NULL) {
         fail_msg("%s: \"%s\" is not in: %s", cases[i].line, cases[i].message, errors);
      }
      free(errors);
   }
}

static void all_faults_are_told_at_once(void **state)
{
   (void) state;
   char *errors;
   assert_null(parse("A uint8 x\nB uint8 e0id4\nC uint9 e0id4\nB uint8 e0id5\n", &errors));
   assert_non_null(strstr(errors, "table.txt:1: "));
   assert_non_null(strstr(errors, "table.txt:3: "));
   assert_non_null(strstr(errors, "table.txt:4: field \"B\" is given twice, first in line 2"));
   free(errors);

   char many[2000] = "";
   for (unsigned i = 0; i < 50; i++) {
      strcat(many, "bad line\n");
   }
   assert_null(parse(many, &errors));
   assert_non_null(strstr(errors, "table.txt:20: "));
   assert_null(strstr(errors, "table.txt:21: "));
   assert_non_null(strstr(errors, "and 30 more errors"));
   free(errors);

   assert_null(parse("# nothing\n", &errors));
   assert_non_null(strstr(errors, "no field in this table"));
   free(errors);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
   (void) state;
   char *errors;
   assert_null(fc_elements_load("/nowhere/elements.txt", &errors));
   assert_non_null(strstr(errors, "element table \"/nowhere/elements.txt\": cannot read it: No such file"));
   free(errors);
}

static void the_registry_knows_names_and_types(void **state)
{
   (void) state;
   static const struct {
      const char *name;
      uint32_t pen;
      uint16_t id;
      enum fc_kind kind;
   } known[] = {{"iana:octetDeltaCount", 0, 1, FC_KIND_UNSIGNED},
                {"iana:flowStartSysUpTime", 0, 22, FC_KIND_TIME_UPTIME},
                {"iana:flowStartSeconds", 0, 150, FC_KIND_TIME_S},
                {"iana:flowEndMilliseconds@reverse", 29305, 153, FC_KIND_TIME_MS},
                {"iana:flowStartNanoseconds", 0, 156, FC_KIND_TIME_NTP},
                {"iana:flowEndDeltaMicroseconds", 0, 159, FC_KIND_TIME_BEFORE},
                {"iana:basicList", 0, 291, FC_KIND_BASIC_LIST},
                {"iana:samplingProbability", 0, 311, FC_KIND_FLOAT},
                {"iana:hashDigestOutput", 0, 333, FC_KIND_BOOLEAN},
                {"iana:bgpLargeCommunity", 0, 489, FC_KIND_OCTETS},
                {"cesnet:OVPNConfLevel", 8057, 828, FC_KIND_UNSIGNED},
                {"flowmon:tlsPublicKeyLength", 39499, 356, FC_KIND_SIGNED},
                {"cisco:clientIPv4Address", 9, 12236, FC_KIND_IP},
                {"yaf:reverseUnionTCPFlags", 6871, 16399, FC_KIND_UNSIGNED}};
   for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
      struct fc_ie ie;
      assert_true(fc_registry_named(known[i].name, strlen(known[i].name), &ie));
      assert_int_equal(ie.pen, known[i].pen);
      assert_int_equal(ie.id, known[i].id);
      assert_int_equal(ie.kind, known[i].kind);
      assert_true(fc_registry_numbered(known[i].pen, known[i].id, &ie));
      assert_int_equal(ie.kind, known[i].kind);
   }
   struct fc_ie ie;
   assert_false(fc_registry_numbered(0, 105, &ie)); /* not assigned */
   assert_false(fc_registry_named(":", 1, &ie));
   assert_false(fc_registry_named("iana:@reverse", 13, &ie));
}

static void the_default_table_has_what_detectors_read(void **state)
{
   (void) state;
   assert_string_equal(fc_elements_find(NULL, 0, 8)->field, "SRC_IP");
   assert_int_equal(fc_elements_type(NULL, "PACKETS"), UR_TYPE_UINT32);
   assert_int_equal(fc_elements_type(NULL, "BYTES_REV"), UR_TYPE_UINT64);
   assert_int_equal(fc_elements_internal(NULL, "LINK_BIT_FIELD"), FC_FIELD_LINK);
   assert_int_equal(fc_elements_internal(NULL, "DIR_BIT_FIELD"), FC_FIELD_DIRECTION);
   assert_string_equal(fc_elements_find(NULL, 9, 12244)->field, "CISCO_APP_BUSINESS");
   assert_string_equal(fc_elements_find(NULL, 6871, 14)->field, "YAF_INITIAL_TCP_FLAGS");
   assert_string_equal(fc_elements_find(NULL, 29305, 184)->field, "TCP_SEQUENCE_NUMBER_REV");
}

/* What flow_meter exports, the collector reads: each field of its plugins comes back by its name, with its type. */
static void the_default_table_has_all_that_the_meter_exports(void **state)
{
   (void) state;
   unsigned n = 0;
   for (ur_field_id_t id = 0; id < ur_field_specs.ur_last_id; id++) {
      struct ipfix_element own;
      if (!ipfix_element_of(id, &own)) {
         continue;
      }
      const struct fc_element *e = fc_elements_find(NULL, own.pen, own.id);
      while (e != NULL && strcmp(e->field, ur_get_name(id)) != 0) {
         e = e->next;
      }
      if (e == NULL || e->type != ur_get_type(id) || e->list != ipfix_is_list(id)) {
         fail_msg("%s (e%uid%u) is not in the default table, or with another type", ur_get_name(id), own.pen,
                  own.id);
      }
      n++;
   }
   assert_true(n > 100);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(every_form_of_an_element_is_read),
       cmocka_unit_test(one_element_may_fill_several_fields),
       cmocka_unit_test(each_fault_is_told_with_its_line),
       cmocka_unit_test(all_faults_are_told_at_once),
       cmocka_unit_test(a_file_that_cannot_be_read_is_named),
       cmocka_unit_test(the_registry_knows_names_and_types),
       cmocka_unit_test(the_default_table_has_what_detectors_read),
       cmocka_unit_test(the_default_table_has_all_that_the_meter_exports),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
