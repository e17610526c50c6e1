/* SPDX-License-Identifier: BSD-3-Clause */
/** The logic of dnstunnel_detection without a process. */
#include "../tunnel.h"

#include <nemea/module_test.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

extern const nm_module_def_t nm_definition, nm_file_definition;

#define FORMAT                                                                                        \
   "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_LAST,uint16 DST_PORT,uint16 DNS_QTYPE,string " \
   "DNS_NAME,bytes DNS_RDATA"
#define BOTH FORMAT ",uint32 PACKETS_REV,uint64 BYTES_REV"
#define TXT  16

static nm_test_t *start(const char *options, const char *format)
{
   char all[512];
   snprintf(all, sizeof(all), "-E - %s", options);
   nm_test_t *t = nm_test_new_with(&nm_definition, all, 1, 2);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, format), NM_OK);
   return t;
}

/* Text of so many characters, another one for each n. */
static const char *random_text(unsigned n, unsigned length)
{
   static char text[1200];
   uint32_t x = n * 2654435761u + 12345;
   for (unsigned i = 0; i < length; i++) {
      x = x * 1664525u + 1013904223u;
      text[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[(x >> 16) % 36];
   }
   text[length] = 0;
   return text;
}

static void feed_text(nm_test_t *t, const char *text)
{
   if (nm_test_feed(t, 0, text) != NM_OK) {
      fail_msg("%s: %s", text, nm_test_error(t));
   }
}

static void request(nm_test_t *t, unsigned second, const char *client, const char *name, unsigned size)
{
   char text[2048];
   snprintf(text, sizeof(text), "%s,10.0.0.53,%u,2024-01-01T%02u:%02u:%02u,53,1,\"%s\",", client, size,
            second / 3600, second / 60 % 60, second % 60, name);
   feed_text(t, text);
}

static void tunnel(nm_test_t *t, unsigned from, unsigned n, const char *client, unsigned label)
{
   char name[1300];
   for (unsigned i = 0; i < n; i++) {
      snprintf(name, sizeof(name), "%s.t.example.com", random_text(from * 1000 + i, label));
      request(t, from + i * 50 / n, client, name, 150);
   }
}

static void ticks(nm_test_t *t, unsigned second)
{
   nm_test_advance(t, ur_time_from_sec_usec(1704067200u + second, 0));
}

static void windows_and_times_are_those_of_the_stream(void **state)
{
   nm_test_t *t = start("", FORMAT);
   (void) state;
   tunnel(t, 0, 200, "2001:db8::7", 100);
   ticks(t, 60);
   assert_null(nm_test_next(t, 0)); /* more than 60 s must have passed */
   ticks(t, 61);
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   if (strncmp(alert, "2001:db8::7,2024-01-01T00:00:00.000000,2024-01-01T00:00:49.000000,0,200,1.000000,",
               80) != 0) {
      fail_msg("%s", alert);
   }
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void an_attack_keeps_its_number_and_ends_after_rounds_of_attack(void **state)
{
   nm_test_t *t = start("-t 1,2", FORMAT);
   unsigned alerts = 0;
   (void) state;
   tunnel(t, 0, 200, "10.0.0.7", 100);
   ticks(t, 61);
   tunnel(t, 70, 200, "10.0.0.7", 100);
   ticks(t, 122);
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL; alerts++) {
      assert_non_null(strstr(alert, alerts == 0 ? "000000,0,200," : "000000,0,400,"));
   }
   assert_int_equal(alerts, 2);
   for (unsigned window = 3; window < 6; window++) {
      ticks(t, window * 61);
   }
   tunnel(t, 400, 200, "10.0.0.7", 100); /* after three silent windows it is another one */
   ticks(t, 500);
   assert_non_null(strstr(nm_test_next(t, 0), "000000,1,"));
   nm_test_free(t);
}

static void both_directions_in_one_record_or_in_two_are_the_same(void **state)
{
   char alerts[2][4096] = {"", ""}, text[2048], name[1300];
   (void) state;
   for (unsigned both = 0; both < 2; both++) {
      nm_test_t *t = start("", both ? BOTH : FORMAT);
      for (unsigned i = 0; i < 200; i++) {
         snprintf(name, sizeof(name), "%s.example.com", random_text(i, 100));
         int n = snprintf(text, sizeof(text), "10.0.0.7,10.0.0.53,150,2024-01-01T00:00:%02u,53,%u,\"%s\",",
                          i / 5, TXT, name);
         for (unsigned k = 0; both && k < 40; k++) {
            n += snprintf(text + n, sizeof(text) - (size_t) n, "%02x",
                          (unsigned char) random_text(i + 7000, 60)[k]);
         }
         snprintf(text + n, sizeof(text) - (size_t) n, both ? ",1,400" : "");
         feed_text(t, text);
         if (!both) {
            n = snprintf(text, sizeof(text), "10.0.0.53,10.0.0.7,400,2024-01-01T00:00:%02u,40000,%u,\"%s\",",
                         i / 5, TXT, name);
            for (unsigned k = 0; k < 40; k++) {
               n += snprintf(text + n, sizeof(text) - (size_t) n, "%02x",
                             (unsigned char) random_text(i + 7000, 60)[k]);
            }
            feed_text(t, text);
         }
      }
      nm_test_finish(t);
      for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
         strncat(alerts[both], alert, 1000);
      }
      assert_int_equal(nm_test_pending(t, 1), 1); /* a capture is asked for: requests and responses */
      nm_test_free(t);
   }
   assert_non_null(strstr(alerts[0], "10.0.0.7"));
   assert_string_equal(alerts[0], alerts[1]);
}

static void a_capture_is_asked_for_once(void **state)
{
   nm_test_t *t = start("-S 5,6", BOTH);
   char text[2048];
   (void) state;
   for (unsigned round = 0; round < 2; round++) {
      for (unsigned i = 0; i < 200; i++) {
         snprintf(text, sizeof(text),
                  "10.0.0.7,10.0.0.53,150,2024-01-01T00:0%u:%02u,53,1,\"%s.t.example.com\",,1,400", 2 * round,
                  i / 5, random_text(round * 1000 + i, 100));
         feed_text(t, text);
      }
   }
   nm_test_finish(t);
   assert_true(nm_test_pending(t, 0) >= 4);
   assert_string_equal(nm_test_next(t, 1), "10.0.0.7,5,6,\"tunnel_detection_0\"");
   assert_null(nm_test_next(t, 1));
   nm_test_free(t);
}

static void a_flood_of_clients_costs_no_memory_and_hides_no_tunnel(void **state)
{
   nm_test_t *t = start("--capacity 256 --names 4096", FORMAT);
   char client[32], name[1300];
   (void) state;
   for (unsigned i = 0; i < 20000; i++) {
      snprintf(client, sizeof(client), "10.1.%u.%u", i / 250, i % 250);
      request(t, i / 500, client, "www.example.com", 70);
      if (i % 100 == 0) {
         snprintf(name, sizeof(name), "%s.t.example.com", random_text(i, 100));
         request(t, i / 500, "10.0.0.7", name, 150);
         request(t, i / 500, "10.0.0.7", "www.example.org", 150);
      }
   }
   assert_true(nm_test_counter(t, "clients evicted") > 10000);
   nm_test_finish(t);
   assert_non_null(strstr(nm_test_next(t, 0), "10.0.0.7"));
   assert_null(nm_test_next(t, 0));
   nm_test_free(t);
}

static void a_flood_of_names_hides_no_other_tunnel(void **state)
{
   nm_test_t *t = start("--names 256", FORMAT);
   unsigned first = 0, second = 0;
   (void) state;
   for (unsigned i = 0; i < 40; i++) {
      tunnel(t, i, 50, "10.0.0.1", 110);
      tunnel(t, i, 5, "10.0.0.7", 100);
   }
   nm_test_finish(t);
   for (const char *alert; (alert = nm_test_next(t, 0)) != NULL;) {
      first += strstr(alert, "10.0.0.1,") != NULL;
      second += strstr(alert, "10.0.0.7,") != NULL;
   }
   assert_true(first > 0 && second > 0);
   assert_true(nm_test_counter(t, "names evicted") > 1000);
   nm_test_free(t);
}

static char *write_file(char *path, const char *text)
{
   int fd = mkstemp(path);
   assert_true(fd >= 0);
   assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
   close(fd);
   return path;
}

/* The original looks IPv6 addresses up in the tree of IPv4. */
static void whitelists_know_ipv6_and_what_is_below_a_domain(void **state)
{
   char addresses[] = "/tmp/test-dnstunnel-XXXXXX", domains[] = "/tmp/test-dnstunnel-XXXXXX", options[128];
   (void) state;
   write_file(addresses, "10.0.0.1; 2001:db8::7\n\n10.0.0.2;\n");
   write_file(domains, "Example.COM.\n");
   snprintf(options, sizeof(options), "-b %s", addresses);
   nm_test_t *t = start(options, FORMAT);
   tunnel(t, 0, 200, "2001:db8::7", 100);
   nm_test_finish(t);
   assert_null(nm_test_next(t, 0));
   assert_int_equal(nm_test_counter(t, "whitelisted"), 200);
   nm_test_free(t);
   snprintf(options, sizeof(options), "-a %s", domains);
   t = start(options, FORMAT);
   tunnel(t, 0, 200, "10.0.0.7", 100);
   request(t, 1, "10.0.0.7", "notexample.com", 70);
   request(t, 1, "10.0.0.7", "example.com", 70);
   assert_int_equal(nm_test_counter(t, "whitelisted"), 201);
   nm_test_finish(t);
   nm_test_free(t);
   write_file(strcpy(addresses, "/tmp/test-dnstunnel-XXXXXX"), "10.0.0.1;ten\n");
   snprintf(options, sizeof(options), "-b %s", addresses);
   t = nm_test_new(&nm_definition, options);
   assert_non_null(strstr(nm_test_error(t), ":1: \"ten\" is not an address"));
   nm_test_free(t);
   unlink(addresses);
   unlink(domains);
}

/* In the original, byte 255 and long answers write behind arrays. */
static void any_bytes_and_any_length_are_taken(void **state)
{
   nm_test_t *t = start("-n 1,1 -o 1,1 -j 1,1 -w 1", FORMAT);
   char text[8192];
   (void) state;
   for (unsigned i = 0; i < 40; i++) {
      int n = snprintf(text, sizeof(text), "10.0.0.53,10.0.0.7,65535,2024-01-01T00:00:00,40000,16,\"%s\",",
                       random_text(i, i % 2 ? 1000 : 126));
      for (unsigned k = 0; k < 1500; k++) {
         n += snprintf(text + n, sizeof(text) - (size_t) n, "%02x", k < 4 ? (i + k) % 256 : 255);
      }
      feed_text(t, text);
      request(t, 0, "10.0.0.7",
              i % 2 ? ""
                    : "......................................................................................"
                      "..........................................",
              0);
   }
   nm_test_finish(t);
   assert_true(nm_test_pending(t, 0) > 0);
   nm_test_free(t);
}

static void many_equal_answers_are_an_anomaly(void **state)
{
   nm_test_t *t = start("-n 1000,150 -o 1000,50", FORMAT);
   char text[256];
   (void) state;
   for (unsigned i = 0; i < 6000; i++) {
      snprintf(text, sizeof(text),
               "10.0.0.53,10.0.0.7,1400,2024-01-01T00:%02u:%02u,40000,1,\"big.example.com\",", i / 1500,
               i % 60);
      feed_text(t, text);
   }
   nm_test_finish(t);
   const char *alert = nm_test_next(t, 0);
   assert_non_null(alert);
   assert_non_null(strstr(alert, ",0.000000,0.000000,9,")); /* TUNNEL_TYPE */
   nm_test_free(t);
}

static void a_file_of_packets_gives_the_same_as_records(void **state)
{
   char path[] = "/tmp/test-dnstunnel-XXXXXX", folder[] = "/tmp/test-dnstunnel-XXXXXX", options[256];
   (void) state;
   write_file(path, "nonsense\n");
   FILE *file = fopen(path, "a");
   for (unsigned i = 0; i < 200; i++) {
      fprintf(file, "1704067%03u.5;;2001:db8::7,2001:db8::53;0;150;%s.t.example.com;\n", 200 + i / 4,
              random_text(i, 100));
   }
   fclose(file);
   assert_non_null(mkdtemp(folder));
   assert_int_equal(rmdir(folder), 0); /* the program makes it */
   snprintf(options, sizeof(options), "-E - -f %s -s %s -d %s.anomalies", path, folder, path);
   nm_test_t *t = nm_test_new_with(&nm_file_definition, options, 0, 1);
   assert_null(nm_test_error(t));
   while (nm_test_source(t) == NM_OK) {
   }
   nm_test_finish(t);
   assert_int_equal(nm_test_counter(t, "bad lines"), 1);
   assert_non_null(strstr(nm_test_next(t, 0),
                          "2001:db8::7,2024-01-01T00:00:00.500000,2024-01-01T00:00:49.500000,0,200,"));
   nm_test_free(t);
   static const char *const results[] = {
       "founded_anomaly.txt", "summary_requests.dat", "summary_responses.dat", "request_letters_count.dat",
       "requests.dat",        "responses.dat",        "suspision_list.txt"};
   struct stat st;
   char result[128];
   for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
      snprintf(result, sizeof(result), "%s/%s", folder, results[i]);
      assert_int_equal(stat(result, &st), 0);
      assert_true(st.st_size > 0 || strcmp(results[i], "responses.dat") == 0);
      unlink(result);
   }
   snprintf(result, sizeof(result), "%s.anomalies", path);
   assert_int_equal(stat(result, &st), 0);
   assert_true(st.st_size > 100);
   unlink(result);
   rmdir(folder);
   unlink(path);
}

static void numbers_of_events_go_on(void **state)
{
   char path[] = "/tmp/test-dnstunnel-XXXXXX", options[128], text[32] = "";
   (void) state;
   write_file(path, "41\n");
   snprintf(options, sizeof(options), "-E %s", path);
   nm_test_t *t = nm_test_new_with(&nm_definition, options, 1, 1);
   nm_test_format(t, 0, FORMAT);
   tunnel(t, 0, 200, "10.0.0.7", 100);
   nm_test_finish(t);
   assert_non_null(strstr(nm_test_next(t, 0), "000000,41,200,"));
   nm_test_free(t);
   FILE *file = fopen(path, "r");
   assert_non_null(fgets(text, sizeof(text), file));
   assert_string_equal(text, "42\n");
   fclose(file);
   unlink(path);
}

static void bad_options_are_refused(void **state)
{
   (void) state;
   static const char *const bad[] = {"-g 1,2,3", "-j 1", "-q 0.9;0.1", "-t a,b", "-S 1,2,3", "-n -1,2"};
   for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, bad[i]);
      assert_non_null(nm_test_error(t));
      assert_non_null(strstr(nm_test_error(t), "numbers with commas between them"));
      assert_int_equal(nm_test_status(t), 1);
      nm_test_free(t);
   }
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(windows_and_times_are_those_of_the_stream),
       cmocka_unit_test(an_attack_keeps_its_number_and_ends_after_rounds_of_attack),
       cmocka_unit_test(both_directions_in_one_record_or_in_two_are_the_same),
       cmocka_unit_test(a_capture_is_asked_for_once),
       cmocka_unit_test(a_flood_of_clients_costs_no_memory_and_hides_no_tunnel),
       cmocka_unit_test(a_flood_of_names_hides_no_other_tunnel),
       cmocka_unit_test(whitelists_know_ipv6_and_what_is_below_a_domain),
       cmocka_unit_test(any_bytes_and_any_length_are_taken),
       cmocka_unit_test(many_equal_answers_are_an_anomaly),
       cmocka_unit_test(a_file_of_packets_gives_the_same_as_records),
       cmocka_unit_test(numbers_of_events_go_on),
       cmocka_unit_test(bad_options_are_refused),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
