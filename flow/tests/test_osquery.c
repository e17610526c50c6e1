/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin osquery: answers of osqueryi, and the plugin with a shell script instead of osqueryi, which no distribution
 * packages.
 */
#include "plugins/socket_owners.h"
#include "plugin_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char sockets[] =
    "[{\"program\":\"curl\",\"user\":\"alice\",\"protocol\":\"17\",\"local_address\":\"0.0.0.1\",\"local_"
    "port\":\"40000\","
    "\"remote_address\":\"::ffff:0.0.0.2\",\"remote_port\":\"53\"},"
    "{\"program\":\"sshd\",\"user\":\"\",\"protocol\":\"6\",\"local_address\":\"2001:db8::1\",\"local_port\":"
    "\"22\","
    "\"remote_address\":\"2001:db8::2\",\"remote_port\":\"50000\"},"
    "{\"program\":\"listener\",\"protocol\":\"6\",\"local_address\":\"0.0.0.0\",\"local_port\":\"80\"},"
    "{\"program\":\"strange\",\"protocol\":\"6\",\"local_address\":\"0.0.0.0\",\"local_port\":\"65536\","
    "\"remote_address\":\"0.0.0.0\",\"remote_port\":\"1\"}]";
static const char host[] =
    "[{\"name\":\"Debian GNU/Linux\",\"major\":\"12\",\"minor\":\"9\",\"build\":\"\","
    "\"platform\":\"debian\",\"arch\":\"x86_64\",\"kernel\":\"6.1.0\",\"hostname\":\"probe\"}]";

static struct socket_key ipv4_key(unsigned local, unsigned local_port, unsigned remote, unsigned remote_port)
{
   struct socket_key k = {
       .local_port = (uint16_t) local_port, .remote_port = (uint16_t) remote_port, .protocol = 17};
   memset(k.local + 12, 0xff, 4);
   memset(k.remote + 12, 0xff, 4);
   k.local[11] = (uint8_t) local;
   k.remote[11] = (uint8_t) remote;
   return k;
}

static void sockets_are_found_from_either_end(void **state)
{
   (void) state;
   struct owner_table *t = owner_table_parse(sockets, strlen(sockets));
   struct socket_owner owner;
   assert_non_null(t);
   assert_int_equal(t->n, 2);
   assert_int_equal(t->left_out, 2);
   struct socket_key k = ipv4_key(1, 40000, 2, 53), back = ipv4_key(2, 53, 1, 40000),
                     other = ipv4_key(1, 40001, 2, 53);
   assert_true(owner_table_find(t, &k, &owner));
   assert_string_equal(owner.program, "curl");
   assert_string_equal(owner.user, "alice");
   assert_true(owner_table_find(t, &back, &owner));
   assert_false(owner_table_find(t, &other, &owner));
   assert_string_equal(t->entries[1].owner.user, "UNDEFINED");
   free(t);
}

static void answers_that_are_none_do_not_count(void **state)
{
   static const char *const answers[] = {"", "{}", "[", "[1]", "null", "Error: no such table"};
   struct host_facts facts = {.os_major = 7};
   (void) state;
   for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
      struct owner_table *t = owner_table_parse(answers[i], strlen(answers[i]));
      assert_true(t == NULL || t->n == 0);
      free(t);
      assert_false(host_facts_parse(answers[i], strlen(answers[i]), &facts));
   }
   assert_int_equal(facts.os_major, 7);
   assert_true(host_facts_parse(host, strlen(host), &facts));
   assert_int_equal(facts.os_major, 12);
   assert_string_equal(facts.os_build, "UNDEFINED");
   assert_string_equal(facts.hostname, "probe");
}

/* Puts a directory with osqueryi, a shell script with this body, first in PATH. */
static void install(char *folder, const char *body)
{
   char path[512], search[4096];
   strcpy(folder, "/tmp/nemea-osquery-XXXXXX");
   assert_non_null(mkdtemp(folder));
   snprintf(path, sizeof(path), "%s/osqueryi", folder);
   FILE *f = fopen(path, "w");
   assert_non_null(f);
   fprintf(f, "#!/bin/sh\n%s\n", body);
   fclose(f);
   assert_int_equal(chmod(path, 0755), 0);
   snprintf(search, sizeof(search), "%s:/usr/bin:/bin", folder);
   setenv("PATH", search, 1);
}

/* Waits until osqueryi has opened the FIFO for writing, and closed it. */
static void wait_for(const char *fifo)
{
   char text[16];
   int fd = open(fifo, O_RDONLY);
   assert_true(fd >= 0);
   while (read(fd, text, sizeof(text)) > 0) {
   }
   close(fd);
}

static void uninstall(const char *folder)
{
   char path[512];
   snprintf(path, sizeof(path), "%s/osqueryi", folder);
   unlink(path);
   rmdir(folder);
}

static void flows_get_their_program_user_and_host(void **state)
{
   char folder[64], body[4096];
   (void) state;
   snprintf(body, sizeof(body), "case \"$2\" in *process_open_sockets*) echo '%s';; *) echo '%s';; esac",
            sockets, host);
   install(folder, body);
   struct rig *r = rig_new("osquery", "period=1", true, 53);
   struct socket_owners *same = socket_owners_open(1);
   socket_owners_wait(same);
   rig_packet(r, false, 0, "query", 5);
   rig_flush(r);
   assert_int_equal(r->n_records, 1);
   assert_string_equal(rig_string(r, 0, "OSQUERY_PROGRAM_NAME"), "curl");
   assert_string_equal(rig_string(r, 0, "OSQUERY_USERNAME"), "alice");
   assert_string_equal(rig_string(r, 0, "OSQUERY_OS_NAME"), "Debian GNU/Linux");
   assert_string_equal(rig_string(r, 0, "OSQUERY_OS_PLATFORM_LIKE"), "UNDEFINED");
   assert_int_equal(rig_number(r, 0, "OSQUERY_OS_MAJOR"), 12);
   socket_owners_close(same);
   rig_free(r);
   uninstall(folder);
}

static void an_osqueryi_that_hangs_holds_up_neither_flows_nor_the_end(void **state)
{
   char folder[64];
   (void) state;
   install(folder, "exec sleep 60");
   struct rig *r = rig_new("osquery", "", true, 53);
   rig_packet(r, false, 0, "query", 5);
   rig_flush(r);
   assert_int_equal(r->n_flows, 1);
   assert_int_equal(r->n_records, 0);
   rig_free(r);
   uninstall(folder);
}

static void an_osqueryi_that_answers_and_stays_does_not_hold_up_the_end(void **state)
{
   char folder[64], body[4096], stays[96];
   (void) state;
   snprintf(body, sizeof(body), "echo '%s'; exec >&-; : > ${0%%/*}/stays; exec sleep 60", host);
   install(folder, body);
   snprintf(stays, sizeof(stays), "%s/stays", folder);
   assert_int_equal(mkfifo(stays, 0600), 0);
   struct rig *r = rig_new("osquery", "", true, 53);
   wait_for(stays);
   rig_free(r);
   unlink(stays);
   uninstall(folder);
}

/* Nor what the meter inherited itself, without O_CLOEXEC. */
static void osqueryi_gets_no_descriptor_of_the_meter(void **state)
{
   char folder[64], body[4096], leaked[96], started[96];
   (void) state;
   int fd = fcntl(0, F_DUPFD, 70);
   assert_true(fd >= 70);
   strcpy(folder, "unknown");
   snprintf(body, sizeof(body),
            "d=${0%%/*}; [ -e /proc/$$/fd/%d ] && : > $d/leaked; : > $d/started; echo '%s'", fd, host);
   install(folder, body);
   snprintf(leaked, sizeof(leaked), "%s/leaked", folder);
   snprintf(started, sizeof(started), "%s/started", folder);
   assert_int_equal(mkfifo(started, 0600), 0);
   struct rig *r = rig_new("osquery", "", true, 53);
   wait_for(started);
   rig_free(r);
   assert_int_not_equal(access(leaked, F_OK), 0);
   unlink(started);
   close(fd);
   uninstall(folder);
}

static void without_osqueryi_there_is_nothing(void **state)
{
   (void) state;
   setenv("PATH", "/nonexistent", 1);
   struct rig *r = rig_new("osquery", "", true, 53);
   rig_packet(r, false, 0, "query", 5);
   rig_flush(r);
   assert_int_equal(r->n_records, 0);
   rig_free(r);
}

int main(void)
{
   static const struct CMUnitTest tests[] = {
       cmocka_unit_test(sockets_are_found_from_either_end),
       cmocka_unit_test(answers_that_are_none_do_not_count),
       cmocka_unit_test(flows_get_their_program_user_and_host),
       cmocka_unit_test(an_osqueryi_that_hangs_holds_up_neither_flows_nor_the_end),
       cmocka_unit_test(an_osqueryi_that_answers_and_stays_does_not_hold_up_the_end),
       cmocka_unit_test(osqueryi_gets_no_descriptor_of_the_meter),
       cmocka_unit_test(without_osqueryi_there_is_nothing),
   };
   return cmocka_run_group_tests(tests, NULL, NULL);
}
