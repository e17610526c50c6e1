/* SPDX-License-Identifier: BSD-3-Clause */
/** What json_dump prints, and where to. */
#include <setjmp.h>
#include <stdarg.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nemea/module_test.h>

#include <cmocka.h>

#include "tcp.h"

static char path[] = "/tmp/json-dump-XXXXXX";

static void feed(nm_test_t *t, const char *text)
{
   assert_int_equal(nm_test_feed_bytes(t, 0, text, (uint16_t) strlen(text), 0), NM_OK);
}

static void check_file(const char *expected)
{
   char text[1000];
   FILE *file = fopen(path, "re");
   size_t n = fread(text, 1, sizeof(text) - 1, file);
   fclose(file);
   text[n] = 0;
   assert_string_equal(text, expected);
}

static nm_test_t *module(const char *options)
{
   char line[200];
   snprintf(line, sizeof(line), "%s %s", options, path);
   nm_test_t *t = nm_test_new(&nm_definition, line);
   assert_null(nm_test_error(t));
   assert_int_equal(nm_test_format(t, 0, "x"), NM_OK);
   return t;
}

static void files(void **state)
{
   (void) state;
   nm_test_t *t = module("-w");
   feed(t, "{\"b\":1e3, \"a\":[true]}");
   feed(t, "{\"b\":");
   feed(t, "\"\xff\"");
   feed(t, "[]");
   assert_int_equal(nm_test_counter(t, "skipped"), 2);
   assert_int_equal(nm_test_idle(t), NM_OK);
   check_file("{\"b\": 1000.0, \"a\": [true]}\n[]\n"); /* while it runs */
   assert_int_equal(nm_test_finish(t), NM_OK);
   nm_test_free(t);
   t = module("--noflush -I 1 -a");
   feed(t, "[1]");
   nm_test_idle(t);
   check_file("{\"b\": 1000.0, \"a\": [true]}\n[]\n");
   assert_int_equal(nm_test_finish(t), NM_OK);
   nm_test_free(t);
   check_file("{\"b\": 1000.0, \"a\": [true]}\n[]\n[\n 1\n]\n");
}

static void wrong_options(void **state)
{
   static const struct {
      const char *line;
      int status;
   } cases[] = {{"-w a -a b", 2},
                {"-s nohost", 1},
                {"-s ::1:80", 1},
                {"-s [::1]:0", 1},
                {"-s h:65536", 1},
                {"-s h:80x", 1},
                {"-w /nonexistent/file", 1},
                {"-x", 2}};
   (void) state;
   for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
      nm_test_t *t = nm_test_new(&nm_definition, cases[i].line);
      assert_non_null(nm_test_error(t));
      assert_int_equal(nm_test_status(t), cases[i].status);
      nm_test_free(t);
   }
}

static bool never(void *arg)
{
   (void) arg;
   return false;
}

struct server {
   int listening;
   char text[2][64];
};

/* Takes two connections; ends the first one after its first line. */
static void *serve(void *arg)
{
   struct server *s = arg;
   for (int i = 0; i < 2; i++) {
      int fd = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC);
      size_t used = 0;
      ssize_t n;
      while (used < sizeof(s->text[i]) - 1 &&
             (n = recv(fd, s->text[i] + used, sizeof(s->text[i]) - 1 - used, 0)) > 0) {
         used += (size_t) n;
         if (strchr(s->text[i], '\n') != NULL) {
            break;
         }
      }
      close(fd);
   }
   return NULL;
}

static void a_server_that_ends_the_connection(void **state)
{
   (void) state;
   struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
   socklen_t size = sizeof(address);
   struct server s = {.listening = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
   if (bind(s.listening, (struct sockaddr *) &address, size) != 0) {
      close(s.listening);
      skip(); /* no IPv6 here */
   }
   assert_int_equal(listen(s.listening, 2), 0);
   getsockname(s.listening, (struct sockaddr *) &address, &size);
   char target[64];
   snprintf(target, sizeof(target), "[::1]:%d", ntohs(address.sin6_port));
   struct tcp tcp = {.retry_ms = 1, .stopping = never};
   assert_true(tcp_parse(&tcp, target));
   pthread_t thread;
   assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
   assert_true(tcp_send(&tcp, "one\n", 4));
   struct pollfd ended = {.fd = tcp.fd, .events = POLLIN};
   assert_int_equal(poll(&ended, 1, -1), 1); /* waits until the server ended it */
   assert_true(tcp_send(&tcp, "two\n", 4));
   pthread_join(thread, NULL);
   assert_string_equal(s.text[0], "one\n");
   assert_string_equal(s.text[1], "two\n");
   tcp_close(&tcp);
   close(s.listening);
}

static bool at_once(void *arg)
{
   (void) arg;
   return true;
}

static void a_server_that_is_not_there(void **state)
{
   (void) state;
   struct tcp tcp = {.retry_ms = 5000, .stopping = at_once};
   assert_true(tcp_parse(&tcp, "127.0.0.1:1"));
   assert_false(tcp_send(&tcp, "x", 1));
   tcp_close(&tcp);
}

int main(void)
{
   int fd = mkostemp(path, O_CLOEXEC);
   const struct CMUnitTest tests[] = {cmocka_unit_test(files), cmocka_unit_test(wrong_options),
                                      cmocka_unit_test(a_server_that_ends_the_connection),
                                      cmocka_unit_test(a_server_that_is_not_there)};
   int failed = cmocka_run_group_tests(tests, NULL, NULL);
   close(fd);
   unlink(path);
   return failed;
}
