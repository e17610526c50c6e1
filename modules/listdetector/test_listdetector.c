/* SPDX-License-Identifier: BSD-3-Clause */
/** Which records listdetector sends, what is wrong with its lists, and reload. */
#include <nemea/module_cmocka.h>
#include <signal.h>

#include "list.h"

static nm_test_t *start(const char *options, const char *format)
{
   char line[200];
   snprintf(line, sizeof(line), "-r %s %s", nm_unit_path(), options);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

static bool sent(nm_test_t *t, const char *record)
{
   assert_int_equal(nm_test_feed(t, 0, record), NM_OK);
   return nm_test_next(t, 0) != NULL;
}

static void a_rule_matches_when_all_its_cells_do(void **state)
{
   (void) state;
   nm_unit_write("# networks\n\nipaddr SRC_IP, uint16 DST_PORT ,string NAME\r\n10.0.0.0/8,53,\n  # "
                 "comment\n2001:db8::/33,,\n"
                 "192.0.2.1 , 80 , mail\n,,R\"(^www[0-9],(a|b)$)\"\n");
   nm_test_t *t = start("--listmode bl", "ipaddr SRC_IP,uint16 DST_PORT,string NAME");
   assert_true(sent(t, "10.255.0.1,53,x"));
   assert_false(sent(t, "10.255.0.1,54,x"));
   assert_false(sent(t, "11.0.0.1,53,x"));
   assert_true(sent(t, "2001:db8:7fff::1,1,x"));
   assert_false(sent(t, "2001:db8:8000::1,1,x"));
   assert_false(sent(t, "::10.0.0.1,53,x"));
   assert_true(sent(t, "192.0.2.1,80,mail"));
   assert_false(sent(t, "192.0.2.1,80,mail2"));
   assert_false(sent(t, "192.0.2.1,80,"));
   assert_true(sent(t, "192.0.2.1,1,\"www1,a\""));
   assert_false(sent(t, "192.0.2.1,1,\"www1,c\""));
   assert_int_equal(nm_test_counter(t, "rules"), 4);
   assert_int_equal(nm_test_counter(t, "totalMatchedCount"), 4);
   nm_test_free(t);
}

static void both_modes_and_all_their_spellings(void **state)
{
   static const struct {
      const char *options;
      bool matching;
   } cases[] = {{"", false},
                {"-lm whitelist", false},
                {"-lm wl", false},
                {"--listmode whitelist", false},
                {"-lm blacklist", true},
                {"-lm bl", true},
                {"--listmode=bl", true}};
   (void) state;
   nm_unit_write("uint8 PROTOCOL\n6\n");
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = start(cases[i].options, "uint8 PROTOCOL");
      assert_int_equal(sent(t, "6"), cases[i].matching);
      assert_int_equal(sent(t, "17"), !cases[i].matching);
      nm_test_free(t);
   }
   char line[100];
   snprintf(line, sizeof(line), "-r %s -lm grey", nm_unit_path());
   nm_test_t *t = nm_test_new(&nm_definition, line);
   assert_non_null(strstr(nm_test_error(t), "\"grey\" is not one of whitelist, wl, blacklist, bl"));
   nm_test_free(t);
}

static void every_type_to_its_limits(void **state)
{
   (void) state;
   nm_unit_write("uint8 A,uint16 B,uint32 C,uint64 D,int8 E,int16 F,int32 G,int64 H,char I\n"
                 "255,65535,4294967295,18446744073709551615,-128,-32768,-2147483648,-9223372036854775808,x\n"
                 "0,0,0,0,127,32767,2147483647,9223372036854775807,y\n");
   nm_test_t *t = start("-lm bl", "uint8 A,uint16 B,uint32 C,uint64 D,int8 E,int16 F,int32 G,int64 H,char I");
   assert_true(
       sent(t, "255,65535,4294967295,18446744073709551615,-128,-32768,-2147483648,-9223372036854775808,x"));
   assert_true(sent(t, "0,0,0,0,127,32767,2147483647,9223372036854775807,y"));
   assert_false(sent(t, "0,0,0,0,127,32767,2147483647,9223372036854775807,x"));
   assert_false(sent(t, "0,0,0,0,-1,32767,2147483647,9223372036854775807,y"));
   nm_test_free(t);
}

static void cells_in_quotes_and_expressions(void **state)
{
   (void) state;
   nm_unit_write(
       "string A,string B\n\"a,b\",\n\" c \",\"\"\nd\"\"e,\n\"R\"\"(^f{2},$)\"\"\",\n R\"(g)\"h)\" ,x\n");
   nm_test_t *t = start("-lm bl", "string A,string B");
   assert_true(sent(t, "\"a,b\",1"));
   assert_true(sent(t, "\" c \",1"));
   assert_false(sent(t, "c,1"));
   assert_true(sent(t, "\"d\"\"\"\"e\",1"));
   assert_true(sent(t, "\"ff,\",1"));
   assert_false(sent(t, "\"fff,\",1"));
   assert_true(sent(t, "\"xg)\"\"hx\",x"));
   assert_false(sent(t, "\"xg)\"\"hx\",y"));
   nm_test_free(t);
}

/* Of several rules that match, the first counts; each rule has a counter. */
static void the_first_rule_counts(void **state)
{
   (void) state;
   nm_unit_write("ipaddr SRC_IP,uint16 PORT,string "
                 "NAME\n10.0.0.0/24,,\n10.0.0.0/8,,R\"(x)\"\n10.0.0.0/8,,\n10.0.0.1,80,\n,80,\n");
   nm_test_t *t = start("-lm bl", "ipaddr SRC_IP,uint16 PORT,string NAME");
   const uint64_t *matched = (*(struct list *const *) ((char *) nm_self(nm_test_module(t)) + 8))->matched;
   sent(t, "10.0.0.1,80,x");
   sent(t, "10.0.1.1,80,x");
   sent(t, "10.0.1.1,80,y");
   sent(t, "10.0.1.1,80,y");
   sent(t, "11.0.0.1,80,x");
   sent(t, "11.0.0.1,81,x");
   assert_int_equal(matched[0], 1);
   assert_int_equal(matched[1], 1);
   assert_int_equal(matched[2], 2);
   assert_int_equal(matched[3], 0);
   assert_int_equal(matched[4], 1);
   nm_test_free(t);
}

static void many_rules_are_found_as_by_comparing_with_all(void **state)
{
   (void) state;
   FILE *file = fopen(nm_unit_path(), "we");
   assert_non_null(file);
   fputs("ipaddr SRC_IP,uint16 PORT,string NAME\n", file);
   uint32_t x = 1;
   for (int i = 0; i < 2000; i++) {
      x = x * 1664525 + 1013904223;
      fprintf(file, "10.%u.%u.0/%u,", x >> 24 & 3, x >> 16 & 255, 8 + (x >> 8) % 25);
      fprintf(file, x >> 28 & 1 ? "%u," : ",", x >> 20 & 7);
      fprintf(file, x >> 29 & 1 ? "name%u\n" : x >> 30 & 1 ? "R\"(e%u$)\"\n" : "\n", x >> 12 & 7);
   }
   fclose(file);
   nm_test_t *t = start("-lm bl", "ipaddr SRC_IP,uint16 PORT,string NAME");
   struct list *list = *(struct list *const *) ((char *) nm_self(nm_test_module(t)) + 8);
   const ur_template_t *tmplt = nm_in_n(nm_test_module(t), 0);
   nm_field_t fields[3];
   void *rec = ur_create_record(tmplt, 100);
   for (int i = 0; i < 3; i++) {
      nm_field_find(&fields[i], tmplt, list->columns[i].name);
   }
   uint32_t found = 0;
   for (int i = 0; i < 5000; i++) {
      char name[16];
      x = x * 1664525 + 1013904223;
      ip_addr_t ip = ip_from_int(0x0a000000 + (x >> 6 & 0x07ffffff));
      uint16_t port = x >> 20 & 7;
      snprintf(name, sizeof(name), "name%u", x >> 12 & 7);
      nm_field_set(&fields[0], tmplt, rec, &ip, sizeof(ip));
      nm_field_set(&fields[1], tmplt, rec, &port, sizeof(port));
      nm_field_set(&fields[2], tmplt, rec, name, (uint32_t) strlen(name));
      uint32_t rule = list_find(list, fields, rec);
      assert_int_equal(rule, list_scan(list, fields, rec));
      found += rule != UINT32_MAX;
   }
   assert_in_range(found, 100, 4900);
   ur_free_record(rec);
   nm_test_free(t);
}

static void wrong_lists(void **state)
{
   static const char *const cases[][2] = {
       {"", "there is no line with columns"},
       {"# only a comment\n", "there is no line with columns"},
       {"uint8\n", "line 1: column 1: \"uint8\" is not a type and a name"},
       {"\nuint7 A\n", "line 2: column 1: \"uint7 A\" is not a type and a name"},
       {"uint8 A B\n", "is not a type and a name"},
       {"uint8 A,\n", "column 2: \"\" is not a type and a name"},
       {"time A\n", "column A: type time cannot be in a list"},
       {"string A,uint8* B\n", "column B: type uint8* cannot be in a list"},
       {"uint8 A,uint16 A\n", "column A is given twice"},
       {"uint8 9A\n", "column uint8 9A: a field cannot have this name"},
       {"uint8 A,uint8 B\n1\n", "line 2: 1 cells, expected 2"},
       {"uint8 A,uint8 B\n1,2\n1,2,3\n", "line 3: more than 2 cells"},
       {"uint8 A\n12abc\n", "line 2: column A: \"12abc\" is not a number of type uint8"},
       {"uint8 A\n256\n", "\"256\" is not a number of type uint8"},
       {"int8 A\n-129\n", "\"-129\" is not a number of type int8"},
       {"int8 A\n128\n", "is not a number of type int8"},
       {"int64 A\n--1\n", "is not a number of type int64"},
       {"uint64 A\n18446744073709551616\n", "is not a number of type uint64"},
       {"uint16 A\n0x10\n", "is not a number of type uint16"},
       {"char A\nab\n", "\"ab\" is not a character"},
       {"ipaddr A\n10.0.0.0/33\n", "\"10.0.0.0/33\" is not an address or a network"},
       {"ipaddr A\n::/129\n", "is not an address or a network"},
       {"ipaddr A\n10.0.0.0/\n", "is not an address or a network"},
       {"ipaddr A\nlocalhost\n", "is not an address or a network"},
       {"string A\n\"open\n", "line 2: a quote does not end"},
       {"string A\n\"a\" b\n", "there is text behind a cell in quotes: \"b\""},
       {"string A\nR\"(open\n", "line 2: an expression R\"(...)\" does not end"},
       {"string A\nR\"(a()\"\n", "\"a(\" is not a regular expression: "},
       {"string A\nR\"(^a++++++++++++++++++++++++++++++++)\"\n", "its repetitions add more than 512 places"},
   };
   (void) state;
   char line[100];
   snprintf(line, sizeof(line), "-r %s", nm_unit_path());
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_unit_write(cases[i][0]);
      nm_test_t *t = nm_test_new(&nm_definition, line);
      if (nm_test_error(t) == NULL || strstr(nm_test_error(t), cases[i][1]) == NULL ||
          nm_test_status(t) != 1) {
         fail_msg("\"%s\": %s", cases[i][0], nm_test_error(t));
      }
      nm_test_free(t);
   }
   FILE *file = fopen(nm_unit_path(), "we");
   fwrite("uint8 A\n1\0002\n", 1, 12, file);
   fclose(file);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   assert_non_null(strstr(nm_test_error(t), "line 2: there is a zero byte"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "");
   assert_non_null(strstr(nm_test_error(t), "option -r, --rules is needed"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-r /nonexistent");
   assert_non_null(strstr(nm_test_error(t), "/nonexistent: No such file or directory"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-r /");
   assert_non_null(strstr(nm_test_error(t), "Is a directory"));
   nm_test_free(t);
}

static void an_input_without_the_columns_is_an_error(void **state)
{
   (void) state;
   nm_unit_write("uint8 PROTOCOL,uint16 PORT\n6,\n");
   nm_test_t *t = start("", "uint8 PROTOCOL,uint16 PORT");
   assert_int_equal(nm_test_format(t, 0, "uint8 PROTOCOL"), NM_ERROR);
   assert_non_null(strstr(nm_test_error(t), "the input has no field \"uint16 PORT\""));
   nm_test_free(t);
}

static void a_list_is_read_again_on_sighup(void **state)
{
   (void) state;
   nm_unit_write("uint8 PROTOCOL\n6\n");
   nm_test_t *t = start("", "uint8 PROTOCOL");
   assert_false(sent(t, "6"));
   nm_unit_write("uint8 PROTOCOL\n6x\n");
   nm_test_catch(STDERR_FILENO);
   nm_test_signal(t, SIGHUP);
   assert_non_null(strstr(nm_test_caught(), "line 2: column PROTOCOL: \"6x\""));
   assert_false(sent(t, "6"));
   nm_unit_write("uint16 PORT\n6\n");
   nm_test_catch(STDERR_FILENO);
   nm_test_signal(t, SIGHUP);
   assert_non_null(strstr(nm_test_caught(), "the columns are \"uint16 PORT\", expected \"uint8 PROTOCOL\""));
   assert_false(sent(t, "6"));
   nm_unit_write("uint8 PROTOCOL\n17\n1\n");
   nm_test_signal(t, SIGHUP);
   assert_true(sent(t, "6"));
   assert_false(sent(t, "17"));
   assert_int_equal(nm_test_counter(t, "rules"), 2);
   assert_int_equal(nm_test_counter(t, "totalMatchedCount"), 4);
   nm_test_free(t);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(a_rule_matches_when_all_its_cells_do),
       cmocka_unit_test(both_modes_and_all_their_spellings),
       cmocka_unit_test(every_type_to_its_limits),
       cmocka_unit_test(cells_in_quotes_and_expressions),
       cmocka_unit_test(the_first_rule_counts),
       cmocka_unit_test(many_rules_are_found_as_by_comparing_with_all),
       cmocka_unit_test(wrong_lists),
       cmocka_unit_test(an_input_without_the_columns_is_an_error),
       cmocka_unit_test(a_list_is_read_again_on_sighup),
   };
   return cmocka_run_group_tests(tests, nm_unit_make_file, nm_unit_remove_file);
}
