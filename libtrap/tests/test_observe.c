/* SPDX-License-Identifier: BSD-3-Clause */
/** What can be seen of a running context from outside: dumps, and what clients are told about. */
#include "rig.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

static trap_ctx_t *open_service(int in, int out, const char *spec, const char *service)
{
   trap_ctx_t *ctx = trap_ctx_init3("test", "", (int8_t) in, (int8_t) out, with_port(spec), service);
   assert_non_null(ctx);
   if (trap_ctx_get_last_error(ctx) != TRAP_E_OK) {
      fail_msg("%s: %s", spec, trap_ctx_get_last_error_msg(ctx));
   }
   return ctx;
}

static size_t slurp(const char *name, char *text, size_t size)
{
   char path[128];
   snprintf(path, sizeof(path), "%s/%s", dir, name);
   FILE *file = fopen(path, "rb");
   assert_non_null(file);
   size_t n = fread(text, 1, size - 1, file);
   text[n] = 0;
   fclose(file);
   unlink(path);
   return n;
}

static void receive(trap_ctx_t *ctx, uint32_t count)
{
   const void *data;
   uint16_t size;
   for (uint32_t i = 0; i < count; i++) {
      assert_int_equal(trap_ctx_recv(ctx, 0, &data, &size), TRAP_E_OK);
   }
}

/* A sender with one reader that has taken three messages. */
static void pair(const char *out_spec, const char *in_spec, const char *service, trap_ctx_t **out,
                 trap_ctx_t **in)
{
   const void *data;
   uint16_t size;
   *out = open_service(0, 1, out_spec, service);
   *in = open_service(1, 0, in_spec, NULL);
   trap_ctx_set_data_fmt(*out, 0, TRAP_FMT_RAW);
   trap_ctx_set_required_fmt(*in, 0, TRAP_FMT_RAW);
   trap_ctx_ifcctl(*in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_NO_WAIT);
   while (trap_ctx_get_client_count(*out, 0) == 0) {
      assert_int_equal(trap_ctx_recv(*in, 0, &data, &size), TRAP_E_TIMEOUT);
   }
   trap_ctx_ifcctl(*in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_WAIT);
   for (int i = 0; i < 3; i++) {
      assert_int_equal(trap_ctx_send(*out, 0, "hello", 5), TRAP_E_OK);
   }
   trap_ctx_send_flush(*out, 0);
   receive(*in, 3);
}

static void dump_shows_the_state_of_interfaces(void **state)
{
   char text[4096];
   trap_ctx_t *out, *in;
   pair("u:d", "u:d", NULL, &out, &in);
   trap_ctx_create_ifc_dump(out, dir);
   trap_ctx_create_ifc_dump(in, dir);
   slurp("trap-o00-config.txt", text, sizeof(text));
   assert_non_null(strstr(text, "Server port: d\n"));
   assert_non_null(strstr(text, "Connected clients: 1\n"));
   assert_non_null(strstr(text, "Buffer count: 50\n"));
   assert_non_null(strstr(text, "Buffer size: 100000\n"));
   assert_non_null(strstr(text, "Socket type: UNIX\n"));
   slurp("trap-i00-config.txt", text, sizeof(text));
   assert_non_null(strstr(text, "Dest port: d\n"));
   assert_non_null(strstr(text, "Connected: 1\n"));
   assert_non_null(strstr(text, "(TRAP_WAIT)\n"));
   assert_int_equal(slurp("trap-i00-buffer.dat", text, sizeof(text)), 4 + 3 * 7);
   assert_memory_equal(text, "\0\0\0\x15\0\5hello\0\5hello\0\5hello", 25);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

static void timeouts_are_wait_by_default(void **state)
{
   char text[4096];
   trap_ctx_t *out = open_service(0, 1, "u:d", NULL), *in = open_service(1, 0, "u:d", NULL);
   (void) state;
   trap_ctx_create_ifc_dump(out, dir);
   trap_ctx_create_ifc_dump(in, dir);
   slurp("trap-o00-config.txt", text, sizeof(text));
   assert_non_null(strstr(text, "Timeout: -1 us\n"));
   slurp("trap-i00-config.txt", text, sizeof(text));
   assert_non_null(strstr(text, "(TRAP_WAIT)\n"));
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

static void on_alarm(int sig)
{
   (void) sig;
}

/* A receive with a timeout of its own, which a signal ends early: the timer goes on until one comes while it waits. */
static void receiving_within_a_time_of_its_own(void **state)
{
   trap_ctx_t *in = open_raw(1, 0, "u:nobody:timeout=NO_WAIT");
   trap_message_t m;
   uint32_t n = 7;
   int32_t timeout = 7;
   struct sigaction act = {.sa_handler = on_alarm}, before;
   struct itimerval timer = {.it_value.tv_usec = 2000, .it_interval.tv_usec = 2000},
                    none = {.it_value.tv_sec = 0};
   (void) state;
   assert_int_equal(trap_ctx_get_recv_timeout(in, 0, &timeout), TRAP_E_OK);
   assert_int_equal(timeout, TRAP_NO_WAIT);
   assert_int_equal(trap_ctx_get_recv_timeout(in, 1, &timeout), TRAP_E_NOT_SELECTED);
   assert_int_equal(trap_ctx_recv_within(in, 1, 0, &m, 1, &n), TRAP_E_NOT_SELECTED);
   assert_int_equal(trap_ctx_recv_within(in, 0, 0, NULL, 1, &n), TRAP_E_BAD_FPARAMS);
   assert_int_equal(trap_ctx_recv_within(in, 0, TRAP_NO_WAIT, &m, 1, &n), TRAP_E_TIMEOUT);
   assert_int_equal(trap_ctx_recv_within(in, 0, 1000, &m, 1, &n), TRAP_E_TIMEOUT);
   assert_int_equal(n, 0);
   sigaction(SIGALRM, &act, &before);
   setitimer(ITIMER_REAL, &timer, NULL);
   assert_int_equal(trap_ctx_recv_within(in, 0, TRAP_WAIT, &m, 1, &n), TRAP_E_TIMEOUT);
   setitimer(ITIMER_REAL, &none, NULL);
   sigaction(SIGALRM, &before, NULL);
   trap_ctx_terminate(in);
   assert_int_equal(trap_ctx_recv_within(in, 0, TRAP_WAIT, &m, 1, &n), TRAP_E_TERMINATED);
   trap_ctx_finalize(&in);
   char spec[128];
   snprintf(spec, sizeof(spec), "f:%s/within.trapcap", dir);
   trap_ctx_t *out = open_raw(0, 1, spec);
   trap_ctx_send(out, 0, "ab", 2);
   trap_ctx_finalize(&out);
   in = open_raw(1, 0, spec);
   assert_int_equal(trap_ctx_get_recv_timeout(in, 0, &timeout), TRAP_E_OK);
   assert_int_equal(timeout, TRAP_WAIT);
   assert_int_equal(trap_ctx_recv_within(in, 0, TRAP_WAIT, &m, 1, &n), TRAP_E_OK);
   assert_int_equal(n, 1);
   assert_memory_equal(m.data, "ab", 2);
   trap_ctx_finalize(&in);
}

static unsigned failed_connections(trap_ctx_t *in)
{
   char text[4096];
   static const char label[] = "Failed connections: ";
   trap_ctx_create_ifc_dump(in, dir);
   slurp("trap-i00-config.txt", text, sizeof(text));
   const char *at = strstr(text, label);
   assert_non_null(at);
   return (unsigned) strtoul(at + sizeof(label) - 1, NULL, 10);
}

/* Counted is a connection that ends before its hello, not the end of a stream. */
static void dump_counts_failed_connections(void **state)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   const void *data;
   uint16_t size;
   trap_ctx_t *out, *in;
   (void) state;
   pair("u:d", "u:d", NULL, &out, &in);
   assert_int_equal(failed_connections(in), 0);
   trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, TRAP_NO_WAIT);
   trap_ctx_finalize(&out);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), client = -1;
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-d.sock", dir);
   assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   assert_int_equal(listen(fd, 1), 0);
   while (client < 0) {
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
      client = accept(fd, NULL, NULL);
   }
   unsigned before = failed_connections(in);
   close(client);
   trap_ctx_ifcctl(in, TRAPIFC_INPUT, 0, TRAPCTL_SETTIMEOUT, 10000);
   for (int i = 0; i < 1000 && failed_connections(in) == before; i++) {
      assert_int_equal(trap_ctx_recv(in, 0, &data, &size), TRAP_E_TIMEOUT);
   }
   assert_true(failed_connections(in) > before);
   close(fd);
   trap_ctx_finalize(&in);
}

/* Prevents: a crash when the directory of a dump cannot be written. */
static void dump_without_a_directory_is_an_error_line(void **state)
{
   trap_ctx_t *out = open_service(0, 2, "u:d,b:", NULL);
   trap_ctx_create_ifc_dump(out, "/nonexistent");
   trap_ctx_create_ifc_dump(NULL, dir);
   trap_ctx_finalize(&out);
}

/* ------------------------------------------------------------------ service */

static int connect_service(const char *name)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-%s.sock", dir, name);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   return fd;
}

/* Reads until end or size bytes; \return how many came */
static size_t read_bytes(int fd, void *to, size_t size)
{
   size_t got = 0;
   for (ssize_t n; got < size && (n = recv(fd, (char *) to + got, size - got, 0)) > 0;) {
      got += (size_t) n;
   }
   return got;
}

static json_t *ask(int fd)
{
   static char text[65536];
   uint8_t header[8] = {10, 7, 8, 9};
   uint32_t size;
   assert_int_equal(send(fd, header, 8, MSG_NOSIGNAL), 8);
   assert_int_equal(read_bytes(fd, header, 8), 8);
   assert_int_equal(header[0], 12);
   assert_int_equal(header[3], 9); /* padding comes back */
   memcpy(&size, header + 4, 4);
   assert_true(size > 1 && size <= sizeof(text));
   assert_int_equal(read_bytes(fd, text, size), size);
   assert_int_equal(text[size - 1], 0);
   assert_int_equal(strlen(text), size - 1);
   json_t *o = json_loads(text, 0, NULL);
   assert_non_null(o);
   return o;
}

static long long integer(json_t *o, const char *key)
{
   json_t *v = json_object_get(o, key);
   assert_true(json_is_integer(v));
   return json_integer_value(v);
}

static void assert_text(json_t *o, const char *key, const char *expected)
{
   assert_true(json_is_string(json_object_get(o, key)));
   assert_string_equal(json_string_value(json_object_get(o, key)), expected);
}

static void check_client(const char *out_spec, const char *in_spec, const char *transport)
{
   trap_ctx_t *out, *in;
   pair(out_spec, in_spec, "svc", &out, &in);
   int fd = connect_service("svc");
   json_t *o = ask(fd);
   assert_int_equal(integer(o, "in_cnt"), 0);
   assert_int_equal(integer(o, "out_cnt"), 1);
   json_t *ifc = json_array_get(json_object_get(o, "out"), 0);
   assert_int_equal(integer(ifc, "num_clients"), 1);
   assert_int_equal(integer(ifc, "ifc_type"), out_spec[0]);
   assert_int_equal(integer(ifc, "sent-messages"), 3);
   assert_int_equal(integer(ifc, "dropped-messages"), 0);
   assert_int_equal(integer(ifc, "buffers"), 1);
   assert_int_equal(integer(ifc, "autoflushes"), 1);
   json_t *clients = json_object_get(ifc, "client_stats_arr");
   assert_int_equal(json_array_size(clients), 2);
   assert_text(json_array_get(clients, 0), "id", "extended_input_interface_info");
   json_t *c = json_array_get(clients, 1);
   assert_true(integer(c, "id") > 0);
   assert_text(c, "sent_containers", "1");
   assert_text(c, "sent_messages", "3");
   assert_text(c, "skipped_messages", "0");
   assert_true(json_is_real(json_object_get(c, "skipped_percentage")));
   assert_text(c, "transport", transport);
   assert_int_equal(integer(c, "backlog_bytes"), 0);
   assert_true(integer(c, "connected_since") <= (long long) time(NULL));
   json_decref(o);
   json_decref(ask(fd)); /* more than one request on a connection */
   close(fd);
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

static void service_tells_what_each_client_got(void **state)
{
   check_client("u:d", "u:d", "shared memory");
   check_client("t:@", "t:@", "TCP");
   setenv("TRAP_NO_SHM", "1", 1);
   check_client("u:d", "u:d", "UNIX socket");
   unsetenv("TRAP_NO_SHM");
}

static void service_tells_about_inputs(void **state)
{
   trap_ctx_t *in = open_service(2, 1, "g:5:hello,u:nobody,b:", "svc");
   receive(in, 10);
   int fd = connect_service("svc");
   json_t *o = ask(fd), *ifc = json_array_get(json_object_get(o, "in"), 0);
   assert_int_equal(integer(ifc, "ifc_state"), 1);
   assert_text(ifc, "ifc_id", "none");
   assert_int_equal(integer(ifc, "ifc_type"), 'g');
   assert_int_equal(integer(ifc, "messages"), 10);
   integer(ifc, "buffers");
   integer(ifc, "delay_last");
   integer(ifc, "delay_total");
   ifc = json_array_get(json_object_get(o, "in"), 1);
   assert_int_equal(integer(ifc, "ifc_state"), 0);
   assert_text(ifc, "ifc_id", "nobody");
   ifc = json_array_get(json_object_get(o, "out"), 0);
   assert_int_equal(integer(ifc, "num_clients"), 1);
   assert_int_equal(json_array_size(json_object_get(ifc, "client_stats_arr")), 0);
   json_decref(o);
   close(fd);
   trap_ctx_finalize(&in);
}

/* Prevents: a kind of interface whose numbers are of other types, or without a name, so that programs that read them fail. */
static void service_tells_the_same_of_every_kind(void **state)
{
   char spec[160];
   static const char *const keys[] = {"num_clients",      "ifc_type", "sent-messages",
                                      "dropped-messages", "buffers",  "autoflushes"};
   snprintf(spec, sizeof(spec), "u:kind,t:@,f:%s/kind.trapcap,b:", dir);
   trap_ctx_t *out = open_service(0, 4, spec, "svc");
   for (uint32_t i = 0; i < 4; i++) {
      trap_ctx_set_data_fmt(out, i, TRAP_FMT_RAW);
   }
   for (uint32_t i = 0; i < 4; i++) { /* no reader; three sends fill buffers */
      trap_ctx_ifcctl(out, TRAPIFC_OUTPUT, i, TRAPCTL_SETTIMEOUT, TRAP_HALFWAIT);
      trap_ctx_ifcctl(out, TRAPIFC_OUTPUT, i, TRAPCTL_AUTOFLUSH_TIMEOUT, (uint64_t) TRAP_NO_AUTO_FLUSH);
      for (int n = 0; n < 3; n++) {
         assert_int_equal(trap_ctx_send(out, i, "abc", 3), TRAP_E_OK);
         if (n == 1) {
            trap_ctx_send_flush(out, i);
         }
      }
   }
   int fd = connect_service("svc");
   json_t *o = ask(fd);
   for (size_t i = 0; i < 4; i++) {
      json_t *ifc = json_array_get(json_object_get(o, "out"), i);
      assert_int_equal(integer(ifc, "sent-messages"), 3);
      assert_int_equal(integer(ifc, "dropped-messages"), 0);
      for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
         integer(ifc, keys[k]);
      }
      assert_true(json_is_string(json_object_get(ifc, "ifc_id")));
      assert_true(json_is_array(json_object_get(ifc, "client_stats_arr")));
   }
   json_decref(o);
   close(fd);
   trap_ctx_finalize(&out);
   char path[160];
   snprintf(path, sizeof(path), "%s/kind.trapcap", dir);
   unlink(path);
}

/* Prevents: clients of the service that hang up, send garbage or never read from killing or stopping the module. */
static void service_survives_hostile_clients(void **state)
{
   char byte;
   int idle[100];
   trap_ctx_t *ctx = open_service(0, 1, "b:", "svc");
   for (int i = 0; i < 200; i++) {
      int fd = connect_service("svc");
      assert_int_equal(send(fd, "\12\0\0\0\0\0\0\0", 8, MSG_NOSIGNAL), 8);
      close(fd); /* before the reply */
   }
   int fd = connect_service("svc");
   assert_int_equal(send(fd, "garbage!", 8, MSG_NOSIGNAL), 8);
   assert_int_equal(read_bytes(fd, &byte, 1), 0);
   close(fd);
   fd = connect_service("svc");
   assert_int_equal(send(fd, "\12\0\0\0\377\377\377\377", 8, MSG_NOSIGNAL), 8);
   assert_int_equal(read_bytes(fd, &byte, 1), 0);
   close(fd);
   for (int i = 0; i < 100; i++) { /* more than are served: the oldest have to go */
      idle[i] = connect_service("svc");
      assert_int_equal(send(idle[i], "\12\0", 2, MSG_NOSIGNAL), 2);
   }
   fd = connect_service("svc");
   json_decref(ask(fd));
   close(fd);
   for (int i = 0; i < 100; i++) {
      close(idle[i]);
   }
   trap_ctx_finalize(&ctx);
}

/* Prevents: clients that hang up at once, send instead of reading, or never read from stopping a sender that does not
 * wait, and from costing its honest clients anything. */
static void sender_survives_hostile_clients(void **state)
{
   static char junk[65536];
   int fds[10];
   trap_ctx_t *out, *in;
   pair("u:d:timeout=NO_WAIT:buffer_count=4", "u:d", NULL, &out, &in);
   for (int i = 0; i < 200; i++) {
      close(connect_service("d"));
   }
   for (int i = 0; i < 10; i++) {
      fds[i] = connect_service("d"); /* takes neither the hello nor the log */
      send(fds[i], junk, sizeof(junk), MSG_DONTWAIT | MSG_NOSIGNAL);
   }
   for (int round = 0; round < 100; round++) {
      for (int k = 0; k < 10; k++) {
         assert_int_equal(trap_ctx_send(out, 0, junk, 5000), TRAP_E_OK);
      }
      trap_ctx_send_flush(out, 0);
      for (int i = 0; i < 10; i++) {
         send(fds[i], junk, 100, MSG_DONTWAIT | MSG_NOSIGNAL);
      }
      receive(in, 10); /* the log has room for them all */
   }
   for (int i = 0; i < 10; i++) {
      close(fds[i]);
   }
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
}

/* Prevents: a second context of a process taking the service socket from the first. */
static void contexts_have_service_sockets_of_their_own(void **state)
{
   char path[160], letter[] = "b", params[] = "";
   char *list[] = {params, NULL};
   trap_module_info_t info = {.num_ifc_in = 0, .num_ifc_out = 1};
   trap_ifc_spec_t spec = {.types = letter, .params = list};
   trap_ctx_t *one = trap_ctx_init(&info, spec), *two = trap_ctx_init(&info, spec);
   assert_non_null(one);
   assert_non_null(two);
   snprintf(path, sizeof(path), "%s/trap-service_%ld.sock", dir, (long) getpid());
   assert_int_equal(access(path, F_OK), 0);
   trap_ctx_finalize(&two);
   assert_int_equal(access(path, F_OK), 0);
   trap_ctx_finalize(&one);
   assert_int_not_equal(access(path, F_OK), 0);
}

static void run_stats(const char *program, const char *args, int status, char *text, size_t size)
{
   char command[512];
   snprintf(command, sizeof(command), "%s %s 2>&1", program, args);
   FILE *f = popen(command, "r");
   assert_non_null(f);
   text[fread(text, 1, size - 1, f)] = 0;
   int rc = pclose(f);
   assert_true(WIFEXITED(rc));
   assert_int_equal(WEXITSTATUS(rc), status);
}

static void trap_stats_prints_the_text_that_scripts_read(void **state)
{
   char text[4096], expected[1024];
   const char *program = getenv("TRAP_STATS");
   trap_ctx_t *out, *in;
   if (program == NULL) {
      skip();
   }
   pair("u:d", "u:d", "service_123456789", &out, &in);
   run_stats(program, "-1 123456789", 0, text, sizeof(text));
   snprintf(expected, sizeof(expected),
            "Input interfaces: 0\nOutput interfaces: 1\n"
            "\tID: d, TYPE: u, NUM_CLI: 1, SM: 3, DM: 0, SB: 1, AF: 1\n\tClient statistics:\n"
            "\t\tID: extended_input_interface_info, RECV CONTAINERS: 0, RECV MESSAGES: 0, LOST MESSAGES: 0, "
            "LOST %%: "
            "0.00%%\n"
            "\t\tID: %ld, SENT CONTAINERS: 1, SENT MESSAGES: 3, SKIPPED MESSAGES: 0, SKIPPED %%: 0.00%%\n",
            (long) getpid());
   assert_string_equal(text, expected);
   run_stats(program, "--watch=0.1 123456789 | head -4", 0, text, sizeof(text));
   assert_non_null(strstr(text, "out u:d "));
   assert_non_null(strstr(text, "shared memory"));
   trap_ctx_finalize(&in);
   trap_ctx_finalize(&out);
   run_stats(program, "-1 123456789", 1, text, sizeof(text));
   assert_non_null(strstr(text, "Socket does not exist ("));
   run_stats(program, "-1 -s /nonexistent", 1, text, sizeof(text));
   assert_string_equal(text, "Socket does not exist (/nonexistent): No such file or directory.\n");
   run_stats(program, "-1 /dev/null", 1, text, sizeof(text));
   assert_string_equal(text, "Could not connect to service ifc (path: /dev/null): Connection refused.\n");
   run_stats(program, "", 1, text, sizeof(text));
   assert_non_null(strstr(text, "no module given"));
   run_stats(program, "-x", 1, text, sizeof(text));
   run_stats(program, "-h", 0, text, sizeof(text));
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(dump_shows_the_state_of_interfaces),
       cmocka_unit_test(timeouts_are_wait_by_default),
       cmocka_unit_test(receiving_within_a_time_of_its_own),
       cmocka_unit_test(dump_counts_failed_connections),
       cmocka_unit_test(dump_without_a_directory_is_an_error_line),
       cmocka_unit_test(service_tells_what_each_client_got),
       cmocka_unit_test(service_tells_about_inputs),
       cmocka_unit_test(service_tells_the_same_of_every_kind),
       cmocka_unit_test(service_survives_hostile_clients),
       cmocka_unit_test(sender_survives_hostile_clients),
       cmocka_unit_test(contexts_have_service_sockets_of_their_own),
       cmocka_unit_test(trap_stats_prints_the_text_that_scripts_read),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
