/* SPDX-License-Identifier: BSD-3-Clause */
/** alert_output: the spool, and what is escaped in the text formats. */
#include "format.h"
#include "spool.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CONTENTS 3
#define SIZE     4096
#define HEADER   4096 /* of the file */

#define FIRST_NUMBER 88 /* in the file: the position of the first input */

static const struct spool_position nowhere = {.input = SPOOL_INPUTS};
static char path[] = "/tmp/test-spool-XXXXXX";

static bool open_spool(struct spool *s, const char *file, uint64_t size)
{
   char why[256] = "";
   bool done = spool_open(s, file, size, CONTENTS, why, sizeof(why));
   assert_true(done || why[0] != 0);
   return done;
}

static void new_file(void)
{
   strcpy(path + strlen(path) - 6, "XXXXXX");
   close(mkostemp(path, O_CLOEXEC));
}

static unsigned put_numbers(struct spool *s, unsigned from, unsigned n)
{
   char text[64];
   for (unsigned i = 0; i < n; i++) {
      snprintf(text, sizeof(text), "message %u%*s", from + i, (int) (i % 30), "");
      if (!spool_put(s, text, (uint32_t) strlen(text), &nowhere)) {
         return i;
      }
   }
   return n;
}

static void take_number(struct spool *s, unsigned number)
{
   char text[128] = "", expected[64];
   assert_true(spool_peek(s) > 0 && spool_peek(s) < sizeof(text));
   spool_take(s, text);
   snprintf(expected, sizeof(expected), "message %u", number);
   assert_memory_equal(text, expected, strlen(expected));
}

static void messages_come_out_in_order_while_the_ring_turns(void **state)
{
   struct spool s;
   assert_true(open_spool(&s, NULL, SIZE));
   for (unsigned i = 0; i < 1000; i += 7) {
      assert_int_equal(put_numbers(&s, i, 7), 7);
      for (unsigned k = 0; k < 7; k++) {
         take_number(&s, i + k);
      }
      spool_confirm(&s, s.next);
      assert_true(s.waiting == 0 && s.sent == 0 && spool_peek(&s) == 0);
   }
   spool_close(&s);
}

static void what_is_not_confirmed_comes_again(void **state)
{
   struct spool s;
   assert_true(open_spool(&s, NULL, SIZE));
   put_numbers(&s, 0, 10);
   take_number(&s, 0);
   take_number(&s, 1);
   spool_confirm(&s, s.next);
   take_number(&s, 2);
   spool_rewind(&s);
   take_number(&s, 2);
   assert_int_equal(s.waiting, 8);
   spool_close(&s);
}

static void a_full_ring_takes_no_more_and_loses_nothing(void **state)
{
   struct spool s;
   assert_true(open_spool(&s, NULL, SIZE));
   unsigned n = put_numbers(&s, 0, 10000);
   assert_true(n > 20 && n < 10000 && s.waiting == n);
   for (unsigned i = 0; i < n; i++) {
      take_number(&s, i);
   }
   assert_false(spool_put(&s, "", 0, &nowhere));
   spool_close(&s);
}

static void messages_survive_in_the_file(void **state)
{
   struct spool s;
   struct stat st;
   new_file();
   assert_true(open_spool(&s, path, SIZE));
   put_numbers(&s, 0, 5);
   assert_true(spool_sync(&s));
   take_number(&s, 0);
   spool_confirm(&s, s.next);
   take_number(&s, 1); /* sent, not confirmed */
   struct spool other;
   assert_false(open_spool(&other, path, SIZE)); /* one process has it */
   spool_close(&s);
   assert_true(open_spool(&s, path, SIZE));
   assert_int_equal(s.waiting, 4);
   for (unsigned i = 1; i < 5; i++) {
      take_number(&s, i);
   }
   assert_int_equal(stat(path, &st), 0);
   assert_int_equal(st.st_mode & 0777, 0600);
   spool_close(&s);
   unlink(path);
}

static void damage_ends_what_is_read(void **state)
{
   struct spool s;
   new_file();
   assert_true(open_spool(&s, path, SIZE));
   put_numbers(&s, 0, 5);
   spool_close(&s);
   int fd = open(path, O_RDWR | O_CLOEXEC);
   assert_int_equal(pwrite(fd, "X", 1, HEADER + 2 * (16 + 16) + 20), 1); /* of the third message */
   close(fd);
   assert_true(open_spool(&s, path, SIZE));
   assert_true(s.waiting == 2 && s.damaged > 0);
   assert_int_equal(put_numbers(&s, 2, 1), 1);
   for (unsigned i = 0; i < 3; i++) {
      take_number(&s, i);
   }
   spool_close(&s);
   unlink(path);
}

static void positions_of_inputs_stay_with_the_messages(void **state)
{
   struct spool s;
   new_file();
   assert_true(open_spool(&s, path, SIZE));
   struct spool_position a = {.input = spool_input(&s, "u:a"), .instance = 7, .number = 5};
   struct spool_position b = {.input = spool_input(&s, "u:b"), .instance = 8, .number = 100};
   assert_true(a.input != b.input && a.input == spool_input(&s, "u:a"));
   assert_false(spool_has(&s, &a));
   spool_pass(&s, &b);
   assert_true(spool_put(&s, "x", 1, &a));
   assert_true(spool_has(&s, &a) && spool_has(&s, &b));
   spool_close(&s);
   /* As if it had been killed after the message was put, before its position was: it is with the message, too. */
   int fd = open(path, O_RDWR | O_CLOEXEC);
   assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, FIRST_NUMBER), 8);
   close(fd);
   assert_true(open_spool(&s, path, SIZE));
   assert_true(spool_has(&s, &a) && spool_has(&s, &b));
   a.number++;
   assert_false(spool_has(&s, &a));
   a = (struct spool_position){
       .input = a.input, .instance = 9, .number = 1}; /* the sender was started again */
   assert_false(spool_has(&s, &a));
   assert_true(spool_put(&s, "y", 1, &a));
   assert_true(spool_has(&s, &a) && s.waiting == 2);
   /* Inputs that are not there any more make room. */
   char name[32];
   for (unsigned i = 0; i < 2 * SPOOL_INPUTS; i++) {
      snprintf(name, sizeof(name), "u:%u", i);
      uint32_t input = spool_input(&s, name);
      assert_int_equal(input == SPOOL_INPUTS, i >= SPOOL_INPUTS);
   }
   spool_close(&s);
   unlink(path);
}

static void other_files_are_refused(void **state)
{
   char why[256];
   struct spool s;
   new_file();
   int fd = open(path, O_RDWR | O_CLOEXEC);
   assert_int_equal(ftruncate(fd, SIZE + HEADER), 0);
   assert_int_equal(pwrite(fd, "something else, of the right size", 33, 0), 33);
   close(fd);
   assert_false(open_spool(&s, path, SIZE));
   unlink(path);
   new_file();
   assert_true(open_spool(&s, path, SIZE));
   put_numbers(&s, 0, 1);
   spool_close(&s);
   assert_false(open_spool(&s, path, 2 * SIZE));
   assert_false(spool_open(&s, path, SIZE, CONTENTS + 1, why, sizeof(why)));
   assert_string_equal(why, "it has messages of another format or destination");
   unlink(path);
   assert_false(open_spool(&s, "/nowhere/spool", SIZE));
}

/* ----------------------------------------------------------------------- formats */

#define EVIL "a|b=c\\d\ne\rf\tg^h"

static void evil_reason(const struct event *e, char *to, size_t size)
{
   (void) e;
   snprintf(to, size, "%s", EVIL);
}

static enum event_confidence high(const struct event *e)
{
   (void) e;
   return EVENT_HIGH;
}

static const struct event_description evil = {
    .program = "evil_detector", .unit = "x", .confidence = high, .reason = evil_reason};

static struct event evil_event(void)
{
   struct event e = {
       .description = &evil, .kind = "flood", .title = EVIL, .attack = "T1498.001", .unit = "x", .alerts = 1};
   strcpy(e.id, "0123456789abcdef0123456789abcdef");
   return e;
}

static char text[FORMAT_MAX + 1];

static const char *formatted(enum format f)
{
   const struct format_options o = {
       .host = "sensor", .node = "a.b", .now = ur_time_from_sec_usec(1772359213, 5000), .version = "3|0"};
   struct event e = evil_event();
   text[format_event(f, &e, &o, text)] = 0;
   return text;
}

static void cef_escapes_separators(void **state)
{
   static const char begin[] = "CEF:0|CESNET|NEMEA|3\\|0|flood|a\\|b=c\\\\d e f g^h|9|rt=1772359213005 ";
   formatted(FORMAT_CEF);
   assert_memory_equal(text, begin, sizeof(begin) - 1);
   assert_non_null(strstr(text, " cs1=T1498.001 cs1Label=ATT&CK techniques "));
   assert_non_null(strstr(text, " msg=a|b\\=c\\\\d\\ne\\rf g^h"));
   assert_null(strpbrk(text, "\r\n"));
}

static void leef_has_no_separators_in_values(void **state)
{
   static const char begin[] = "LEEF:2.0|CESNET|NEMEA|3 0|flood|x09|devTimeFormat=";
   formatted(FORMAT_LEEF);
   assert_memory_equal(text, begin, sizeof(begin) - 1);
   assert_non_null(strstr(text, "\ttitle=a|b=c\\d e f g^h\tmsg=a|b=c\\d e f g^h"));
   assert_null(strpbrk(text, "\r\n"));
}

static void long_values_end_with_a_whole_character(void **state)
{
   char title[3000];
   struct event e = evil_event();
   const struct format_options o = {.host = "sensor", .version = "3"};
   for (size_t i = 0; i + 2 < sizeof(title); i += 2) {
      memcpy(title + i, "\xc3\xa9", 3);
   }
   e.title = title + 1; /* an odd number of bytes before each character */
   size_t n = format_cef(&e, &o, text, sizeof(text));
   const char *end = strstr(text, "|9|");
   assert_true(n > 0 && end != NULL);
   assert_true((unsigned char) end[-1] == 0xa9 && (unsigned char) end[-2] == 0xc3);
}

static void syslog_messages_are_one_line(void **state)
{
   char line[512];
   size_t n = format_syslog("a\nb\rc", 5, 16, 4, "bad host\n", ur_time_from_sec_usec(1772359213, 5000),
                            "flood", line, sizeof(line));
   assert_int_equal(n, strlen(line));
   assert_string_equal(line, "<132>1 2026-03-01T10:00:13.005000Z bad_host_ nemea - flood - a b c");
   assert_int_equal(format_syslog("a", 1, 0, 0, "h", 0, "k", line, 40), 0);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(messages_come_out_in_order_while_the_ring_turns),
       cmocka_unit_test(what_is_not_confirmed_comes_again),
       cmocka_unit_test(a_full_ring_takes_no_more_and_loses_nothing),
       cmocka_unit_test(messages_survive_in_the_file),
       cmocka_unit_test(damage_ends_what_is_read),
       cmocka_unit_test(positions_of_inputs_stay_with_the_messages),
       cmocka_unit_test(other_files_are_refused),
       cmocka_unit_test(cef_escapes_separators),
       cmocka_unit_test(leef_has_no_separators_in_values),
       cmocka_unit_test(long_values_end_with_a_whole_character),
       cmocka_unit_test(syslog_messages_are_one_line),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
