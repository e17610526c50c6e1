/* SPDX-License-Identifier: BSD-3-Clause */
/** Which answers pdns_exporter writes, and into which files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <nemea/module_test.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define FORMAT                                                                                            \
   "time TIME_FIRST,time TIME_LAST,uint32 PACKETS,uint32 DNS_RR_TTL,uint16 DNS_ANSWERS,uint16 DNS_QTYPE," \
   "uint16 SRC_PORT,uint8 DNS_RCODE,string DNS_NAME,bytes DNS_RDATA"
#define TIMES "2024-01-01T12:00:00.5,2024-01-01T12:00:01,"

static char directory[] = "/tmp/nemea-pdns-XXXXXX";

static int make_directory(void **state)
{
   (void) state;
   return mkdtemp(directory) != NULL ? 0 : -1;
}

/* Appends the files of the directory to text, in the order of their names, and removes them. \return their number */
static int take_files(char *text, size_t size)
{
   struct dirent **entries;
   int n = scandir(directory, &entries, NULL, alphasort), files = 0;
   assert_true(n >= 2);
   for (int i = 0; i < n; i++) {
      char path[400];
      snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
      if (entries[i]->d_name[0] != '.') {
         assert_int_equal(strncmp(entries[i]->d_name, "pdns_data_", 10), 0);
         gzFile file = gzopen(path, "rb");
         size_t length = strlen(text);
         assert_non_null(file);
         int got = gzread(file, text + length, (unsigned) (size - length - 1));
         assert_true(got >= 0);
         text[length + (size_t) got] = 0;
         gzclose(file);
         unlink(path);
         files++;
      }
      free(entries[i]);
   }
   free(entries);
   return files;
}

static int remove_directory(void **state)
{
   (void) state;
   return rmdir(directory);
}

static nm_test_t *start(const char *options)
{
   char text[200];
   snprintf(text, sizeof(text), "-d %s --tmp-dir %s %s", directory, directory, options);
   nm_test_t *t = nm_test_new(&nm_definition, text);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   return t;
}

/* The data of an answer is given as text. */
static void answer(nm_test_t *t, const char *numbers, const char *name, const char *data)
{
   char text[600];
   int n = snprintf(text, sizeof(text), TIMES "%s,\"%s\",", numbers, name);
   for (const char *c = data; *c != 0; c++) {
      n += snprintf(text + n, sizeof(text) - (size_t) n, "%02x", (unsigned char) *c);
   }
   assert_int_equal(nm_test_feed(t, 0, text), NM_OK);
}

static void answers_are_written_with_their_own_type(void **state)
{
   (void) state;
   char text[4000] = "";
   nm_test_t *t = start("");
   answer(t, "1,300,1,1,53,0", "www.example", "192.0.2.1");
   answer(t, "1,300,1,28,53,0", "www.example", "2001:db8::1");
   answer(t, "1,60,2,1,53,0", "al\\\\\"\"ias.example",
          "www.example"); /* asked for an address, answered with a name */
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(take_files(text, sizeof(text)), 1);
#define WHEN "\"time_first\": \"2024-01-01T12:00:00.500000\", \"time_last\": \"2024-01-01T12:00:01.000000\"}"
   assert_non_null(strstr(
       text,
       "[{\"response\": \"192.0.2.1\", \"query\": \"www.example\", \"ttl\": 300, \"type\": 1, " WHEN
       ", {\"response\": \"2001:db8::1\", \"query\": \"www.example\", \"ttl\": 300, \"type\": 28, " WHEN));
   assert_non_null(strstr(text, "\"response\": \"www.example\""));
   assert_non_null(strstr(text, "\"ttl\": 60, \"type\": 5, " WHEN "]"));
   assert_int_equal(nm_test_counter(t, "answers exported"), 3);
   nm_test_free(t);
}

static void other_flows_are_left_out(void **state)
{
   (void) state;
   char text[400] = "";
   nm_test_t *t = start("");
   answer(t, "2,300,1,1,53,0", "two.packets", "192.0.2.1");
   answer(t, "1,300,0,1,53,0", "no.answer", "192.0.2.1");
   answer(t, "1,300,1,15,53,0", "mail.example", "192.0.2.1");
   answer(t, "1,300,1,1,5353,0", "other.port", "192.0.2.1");
   answer(t, "1,300,1,1,53,3", "no.such.name", "192.0.2.1");
   answer(t, "1,300,1,1,53,0", "no.data", "");
   answer(t, "1,300,1,1,53,0", "binary.data", "\x01\x02");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(take_files(text, sizeof(text)), 0); /* no file without an answer */
   nm_test_free(t);
}

static void files_of_one_second_do_not_replace_each_other(void **state)
{
   (void) state;
   char text[8000] = "";
   nm_test_t *t = start("-t 2");
   for (int i = 0; i < 7; i++) {
      answer(t, "1,300,1,1,53,0", "www.example", "192.0.2.1");
   }
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(take_files(text, sizeof(text)), 4);
   int records = 0;
   for (const char *at = text; (at = strstr(at, "192.0.2.1")) != NULL; at++) {
      records++;
   }
   assert_int_equal(records, 7);
   nm_test_free(t);
}

static void a_file_that_cannot_be_made_loses_what_is_counted(void **state)
{
   (void) state;
   assert_true(nm_test_catch(STDERR_FILENO));
   char gone[] = "/tmp/nemea-pdns-gone-XXXXXX", options[200];
   assert_non_null(mkdtemp(gone));
   snprintf(options, sizeof(options), "-d %s --tmp-dir %s", gone, gone);
   nm_test_t *t = nm_test_new(&nm_definition, options);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, FORMAT), NM_OK);
   assert_int_equal(rmdir(gone), 0);
   answer(t, "1,300,1,1,53,0", "www.example", "192.0.2.1");
   answer(t, "1,300,1,1,53,0", "www.example", "192.0.2.1");
   assert_int_equal(nm_test_finish(t), NM_OK);
   assert_int_equal(nm_test_counter(t, "answers lost"), 2);
   assert_non_null(strstr(nm_test_caught(), "cannot make a file in '/tmp/nemea-pdns-gone-"));
   nm_test_free(t);
   t = nm_test_new(&nm_definition, "-d /nowhere");
   assert_non_null(strstr(nm_test_error(t), "option -d, --dir: cannot write to directory '/nowhere'"));
   nm_test_free(t);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(answers_are_written_with_their_own_type),
       cmocka_unit_test(other_flows_are_left_out),
       cmocka_unit_test(files_of_one_second_do_not_replace_each_other),
       cmocka_unit_test(a_file_that_cannot_be_made_loses_what_is_counted),
   };
   return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
