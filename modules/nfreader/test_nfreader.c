/* SPDX-License-Identifier: BSD-3-Clause */
/** nfreader: its options, what it sends, and its filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#include "filter.h"

static const char sample[] = SAMPLES "/v2-none.nf", both[] = SAMPLES "/v2-both.nf";

static nm_test_t *module(const char *arguments)
{
   static char line[1000];
   snprintf(line, sizeof(line), "%s %s", arguments, sample);
   return nm_test_new(&nm_definition, line);
}

/* Runs a module to its end. \return what it printed */
static const char *run(nm_test_t *t)
{
   int rc;
   assert_null(nm_test_error(t));
   assert_true(nm_test_catch(STDOUT_FILENO));
   while ((rc = nm_test_source(t)) == NM_OK) {
   }
   if (rc == NM_STOP) {
      nm_test_finish(t);
   }
   return nm_test_caught();
}

static void flows_are_sent_with_their_values(void **state)
{
   (void) state;
   nm_test_t *t = module("");
   assert_string_equal(run(t), "30 flow records sent\n");
   assert_string_equal(nm_test_output_format(t, 0),
                       "ipaddr DST_IP,ipaddr SRC_IP,uint64 BYTES,uint64 LINK_BIT_FIELD,time TIME_FIRST,time "
                       "TIME_LAST,uint32 PACKETS,uint16 DST_PORT,uint16 SRC_PORT,uint8 DIR_BIT_FIELD,uint8 "
                       "PROTOCOL,uint8 TCP_FLAGS,uint8 TOS,uint8 TTL");
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.1,10.1.2.1,60,1,2023-11-14T22:13:20.123000,2023-11-14T22:13:"
                       "20.123000,1,80,40000,0,6,2,0,0");
   for (int i = 0; i < 4; i++) {
      assert_non_null(nm_test_next(t, 0));
   }
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.4,10.1.2.8,6000000000000,1,2023-11-14T22:13:27.172000,2023-11-"
                       "14T22:13:30.672000,4294967295,2048,0,0,1,0,28,0");
   assert_int_equal(nm_test_counter(t, "clipped"), 1);
   for (int i = 6; i < 30; i++) {
      assert_non_null(nm_test_next(t, 0));
   }
   assert_string_equal(nm_test_next(t, 0), ""); /* end of stream */
   nm_test_free(t);
}

static void options_change_what_is_sent(void **state)
{
   (void) state;
   nm_test_t *t = module("-c 3 -n -l 0xff -D -p 2");
   assert_string_equal(run(t), ".\n3 flow records sent\n");
   nm_test_next(t, 0);
   assert_string_equal(nm_test_next(t, 0),
                       "192.0.2.2,10.1.2.2,837,255,2023-11-14T22:13:21.130000,2023-11-14T22:13:"
                       "21.630000,2,443,40001,2,17,0,4,0");
   assert_non_null(nm_test_next(t, 0));
   assert_null(nm_test_next(t, 0)); /* no end of stream */
   nm_test_free(t);
}

static void flows_can_end_now(void **state)
{
   (void) state;
   nm_test_t *t = module("-T -c 2");
   ur_time_t from = ur_time_from_sec_msec(time(NULL), 0);
   run(t);
   ur_time_t to = ur_time_from_sec_msec(time(NULL) + 2, 0), first, last; /* time() lags behind by a tick */
   nm_test_next(t, 0);
   char text[500], *field[14];
   strcpy(text, nm_test_next(t, 0));
   int n = 0;
   for (char *f = strtok(text, ","); f != NULL && n < 14; f = strtok(NULL, ",")) {
      field[n++] = f;
   }
   assert_int_equal(n, 14);
   assert_int_equal(ur_time_from_string(&first, field[4]), 0);
   assert_int_equal(ur_time_from_string(&last, field[5]), 0);
   assert_true(last >= from && last < to);
   assert_int_equal(ur_time_get_msec(first), 130);
   assert_int_equal(ur_time_get_msec(last), 630);
   assert_int_equal(ur_time_get_sec(first), ur_time_get_sec(last));
   nm_test_free(t);
}

static void flows_of_both_directions_are_two_records_or_one(void **state)
{
   static const char split[] =
       "10.1.2.1,192.0.2.1,9000,1,2023-11-14T22:13:21.123000,2023-11-14T22:13:21.623000,"
       "8,40001,80,4,6,19,0,0";
   static const char fields[] = "192.0.2.1,10.1.2.1,1000,9000,1,2023-11-14T22:13:21.123000,"
                                "2023-11-14T22:13:21.623000,10,8,80,40001,2,6,27,19,8,0";
   static const struct {
      const char *option, *printed, *row;
      unsigned at;
   } cases[] = {{"-D", "10 flow records sent\n", split, 2},
                {"-D -B split", "10 flow records sent\n", split, 2},
                {"-D -B fields", "7 flow records sent\n", fields, 1},
                {"-D -B forward", "7 flow records sent\n", NULL, 0},
                {"-D -f packets=10", "2 flow records sent\n", split, 1},
                {"-D -f packets=8", "0 flow records sent\n", NULL, 0},
                {"-D -T -R -c 3", "3 flow records sent\n", NULL, 0}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      char line[1000];
      snprintf(line, sizeof(line), "%s %s", cases[i].option, both);
      nm_test_t *t = nm_test_new(&nm_definition, line);
      assert_string_equal(run(t), cases[i].printed);
      nm_test_output_format(t, 0);
      for (unsigned k = 0; k < cases[i].at; k++) {
         assert_non_null(nm_test_next(t, 0));
      }
      if (cases[i].row != NULL) {
         assert_string_equal(nm_test_next(t, 0), cases[i].row);
      }
      nm_test_free(t);
   }
}

static void check_error(const char *arguments, int status, const char *expected)
{
   nm_test_t *t = module(arguments);
   assert_non_null(nm_test_error(t));
   assert_string_equal(nm_test_error(t), expected);
   assert_int_equal(nm_test_status(t), status);
   nm_test_free(t);
}

static void wrong_options_are_errors(void **state)
{
   (void) state;
   check_error("-c 0", 2, "Invalid maximal number of records.");
   check_error("-c -1", 2, "Invalid maximal number of records.");
   check_error("-r 99", 2, "Invalid rate: expected at least 100 records a second.");
   check_error("-r 100 -R", 2, "options -r and -R exclude each other");
   check_error("-B two", 2, "option --biflow: \"two\": expected split, fields or forward");
   check_error("-p 0", 2, "Invalid number of records of a dot.");
   check_error("-l xyz", 2, "Invalid link mask \"xyz\": expected 1 to 16 hexadecimal digits.");
   check_error("-f tos=3", 3,
               "Can not init filter 'tos=3': unexpected \"tos\", expected any, ipv4, ipv6, proto, ip, host, "
               "net, port, flags, packets, bytes, not or \"(\"");
   nm_test_t *t = nm_test_new(&nm_definition, "");
   assert_string_equal(nm_test_error(t), "expected the name of an nfdump file (see -h)");
   nm_test_free(t);
}

static void flows_before_damage_are_sent(void **state)
{
   (void) state;
   char path[] = "/tmp/nfreader-XXXXXX", content[1000], line[100], error[200];
   int fd = mkostemp(path, O_CLOEXEC);
   FILE *file = fopen(sample, "re");
   assert_non_null(file);
   assert_int_equal(fread(content, 1, sizeof(content), file), sizeof(content));
   fclose(file);
   assert_int_equal(write(fd, content, sizeof(content)), sizeof(content));
   close(fd);
   snprintf(line, sizeof(line), "%s %s", sample, path);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   assert_string_equal(run(t), "38 flow records sent\n");
   snprintf(error, sizeof(error),
            "Error during reading file %s: byte 1000: the file ends in a block: 948 of 3392 bytes are there",
            path);
   assert_string_equal(nm_test_error(t), error);
   assert_int_equal(nm_test_status(t), 3);
   assert_int_equal(nm_test_pending(t, 0), 39); /* with the end of stream */
   nm_test_free(t);
   unlink(path);
   t = nm_test_new(&nm_definition, path);
   run(t);
   snprintf(error, sizeof(error), "Error when trying to open file %s: No such file or directory", path);
   assert_string_equal(nm_test_error(t), error);
   assert_int_equal(nm_test_status(t), 3);
   nm_test_free(t);
}

static void the_filter_of_the_command_line_is_used(void **state)
{
   (void) state;
   nm_test_t *t = module("-f ipv6");
   assert_string_equal(run(t), "10 flow records sent\n");
   assert_int_equal(nm_test_counter(t, "filtered"), 20);
   nm_test_free(t);
}

static bool matches(const char *text, const struct nf_flow *flow)
{
   char error[NF_FILTER_ERROR];
   nf_filter_t *f = nf_filter_parse(text, error);
   if (f == NULL) {
      fail_msg("%s: %s", text, error);
   }
   bool result = nf_filter_match(f, flow);
   nf_filter_free(f);
   return result;
}

/* The results are those of nfdump 1.7.1; tests/nfdump_test.py compares with it. */
static void filters_mean_what_they_mean_to_nfdump(void **state)
{
   static const char *const yes[] = {"",
                                     "any",
                                     "# nothing\n",
                                     "ipv4",
                                     "INET",
                                     "not ipv6",
                                     "proto tcp",
                                     "proto 6",
                                     "PROTO TCP",
                                     "ip 10.1.2.3",
                                     "src ip 10.1.2.3",
                                     "src host 10.1.2.3",
                                     "host 192.0.2.9",
                                     "net 10.0.0.0/8",
                                     "src net 10/8",
                                     "net 10.0.0.0 255.0.0.0",
                                     "src or dst ip 192.0.2.9",
                                     "ip in [10.1.2.3]",
                                     "ip in [1.1.1.1, 10.0.0.0/8 ::1]",
                                     "port 80",
                                     "dst port = 80",
                                     "dst port == 80",
                                     "dst port eq 80",
                                     "src port > 1024",
                                     "port >= 80",
                                     "dst port <= 80",
                                     "port lt 81",
                                     "src and dst port > 79",
                                     "port in [22,80 443]",
                                     "flags S",
                                     "flags SA",
                                     "flags = 0x12",
                                     "flags > 2",
                                     "not flags F",
                                     "flags S and not flags FRPU",
                                     "not (flags FR)",
                                     "not not flags SA",
                                     "packets 2000",
                                     "packets > 1k",
                                     "bytes >= 3m",
                                     "in bytes < 1g",
                                     "bytes < 1T",
                                     "packets = 0x7d0",
                                     "proto udp and port 53 or proto tcp",
                                     "proto tcp or proto udp and port 53",
                                     "!(port 53 || proto udp) && any",
                                     "not port 53 and not port 22"};
   static const char *const no[] = {"ipv6",
                                    "not ipv4",
                                    "proto udp",
                                    "proto 17",
                                    "dst ip 10.1.2.3",
                                    "src and dst net 10.0.0.0/8",
                                    "net 2001:db8::/32",
                                    "ip in [11.0.0.0/8]",
                                    "src port 80",
                                    "port > 50000",
                                    "src and dst port 80",
                                    "port in [22 443]",
                                    "flags FS",
                                    "not flags AF",
                                    "not flags S",
                                    "flags X",
                                    "flags 2",
                                    "packets > 2k",
                                    "bytes = 1",
                                    "not any",
                                    "port 53 or not proto tcp",
                                    "proto tcp and (port 53 or port 22)"};
   const struct nf_flow flow = {.src = ip_from_int(0x0a010203),
                                .dst = ip_from_int(0xc0000209),
                                .packets = 2000,
                                .bytes = 3000000,
                                .src_port = 40000,
                                .dst_port = 80,
                                .protocol = 6,
                                .tcp_flags = 0x12};
   (void) state;
   for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
      if (!matches(yes[i], &flow)) {
         fail_msg("\"%s\" does not match", yes[i]);
      }
   }
   for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
      if (matches(no[i], &flow)) {
         fail_msg("\"%s\" matches", no[i]);
      }
   }
}

static void errors_of_filters_name_the_word(void **state)
{
   static const struct {
      const char *text, *error;
   } cases[] = {
       {"duration > 5", "unexpected \"duration\", expected any, ipv4, ipv6, proto, ip, host, net, port, "
                        "flags, packets, bytes, not or \"(\""},
       {"out bytes 3", "unexpected \"out\", expected any, ipv4, ipv6, proto, ip, host, net, port, flags, "
                       "packets, bytes, not or \"(\""},
       {"in if 3", "unexpected \"if\", expected packets or bytes"},
       {"port", "unexpected end, expected a number"},
       {"port x", "unexpected \"x\", expected a number from 0 to 65535"},
       {"port 65536", "unexpected \"65536\", expected a number from 0 to 65535"},
       {"port 1k", "unexpected \"1k\", expected a number from 0 to 65535"},
       {"port in 80", "unexpected \"80\", expected \"[\""},
       {"port in [80", "unexpected end, expected \"]\""},
       {"ip in []", "unexpected \"]\", expected an address"},
       {"proto nothing", "unexpected \"nothing\", expected a protocol, as a name or a number"},
       {"proto 256", "unexpected \"256\", expected a number from 0 to 255"},
       {"flags Q", "unexpected \"Q\", expected flags, some of the letters UAPRSF or X for all"},
       {"flags > S", "unexpected \"S\", expected flags, some of the letters UAPRSF or X for all"},
       {"ip example.com", "unexpected \"example.com\", expected an address"},
       {"ip 10.0.0.0/8", "unexpected \"10.0.0.0/8\", expected an address without a length"},
       {"net 10.0.0.0", "unexpected \"10.0.0.0\", expected ADDRESS/LENGTH with a length of at most 32"},
       {"net ::/129", "unexpected \"::/129\", expected ADDRESS/LENGTH with a length of at most 128"},
       {"net 10.0.0.0 2", "unexpected \"2\", expected a mask such as 255.255.0.0"},
       {"src 80", "unexpected \"80\", expected ip, host, net or port"},
       {"src or port 80", "unexpected \"port\", expected dst"},
       {"(port 80", "unexpected end, expected \")\", and or or"},
       {"port 80)", "unexpected \")\", expected and, or or the end"},
       {"port 80 port 81", "unexpected \"port\", expected and, or or the end"},
       {"bytes > 18446744073709551616",
        "unexpected \"18446744073709551616\", expected a number from 0 to 18446744073709551615"},
       {"bytes > 99999999t", "unexpected \"99999999t\", expected a number from 0 to 18446744073709551615"},
       {"port 80 \"", "unexpected \"\"\", expected and, or or the end"},
   };
   char error[NF_FILTER_ERROR];
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      assert_null(nf_filter_parse(cases[i].text, error));
      assert_string_equal(error, cases[i].error);
   }
   char deep[1000];
   memset(deep, '(', sizeof(deep) - 1);
   deep[sizeof(deep) - 1] = 0;
   assert_null(nf_filter_parse(deep, error));
   assert_string_equal(error, "more than 100 brackets and not inside each other");
}

/* Long chains need no stack. */
static void filters_may_be_long(void **state)
{
   const struct nf_flow flow = {.dst_port = 80};
   const size_t n = 100000;
   (void) state;
   char *text = malloc(n * strlen("port 1 or ") + 20), *p = text;
   assert_non_null(text);
   for (size_t i = 0; i < n; i++) {
      p = stpcpy(p, "port 1 or ");
   }
   strcpy(p, "port 80");
   assert_true(matches(text, &flow));
   free(text);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(flows_are_sent_with_their_values),
       cmocka_unit_test(options_change_what_is_sent),
       cmocka_unit_test(flows_can_end_now),
       cmocka_unit_test(flows_of_both_directions_are_two_records_or_one),
       cmocka_unit_test(wrong_options_are_errors),
       cmocka_unit_test(flows_before_damage_are_sent),
       cmocka_unit_test(the_filter_of_the_command_line_is_used),
       cmocka_unit_test(filters_mean_what_they_mean_to_nfdump),
       cmocka_unit_test(errors_of_filters_name_the_word),
       cmocka_unit_test(filters_may_be_long),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
