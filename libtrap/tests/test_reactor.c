/* SPDX-License-Identifier: BSD-3-Clause */
/** Lifetime of sources: no source is called after its registration ended, even if another process holds its descriptor. */
#include "rig.h"

#include "reactor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#define MANY 300

struct peer {
   struct io_source source;
   int other; /* the other end */
   unsigned calls;
   struct peer *closes; /* when called */
};

static void peer_ready(struct io_source *source, uint32_t events)
{
   struct peer *p = (struct peer *) source;
   (void) events;
   p->calls++;
   if (p->closes != NULL) {
      source_close(&p->closes->source);
   }
}

static void peer_open(struct peer *p)
{
   int pair[2];
   assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
   *p = (struct peer){.source = {.ready = peer_ready, .fd = pair[0]}, .other = pair[1]};
}

/* A child that has all descriptors until it is ended. */
static pid_t hold_descriptors(void)
{
   pid_t pid = fork();
   assert_true(pid >= 0);
   while (pid == 0) {
      pause();
   }
   return pid;
}

static void holder_end(pid_t pid)
{
   assert_int_equal(kill(pid, SIGKILL), 0);
   assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void wrong_uses_are_refused(void **state)
{
   struct reactor r;
   struct peer p;
   (void) state;
   assert_int_equal(reactor_open(&r), 0);
   peer_open(&p);
   assert_int_equal(source_watch(&p.source, EPOLLIN), -ENOENT);
   assert_int_equal(source_add(&r, &p.source, EPOLLIN), 0);
   assert_int_equal(source_add(&r, &p.source, EPOLLIN), -EEXIST);
   assert_int_equal(reactor_close(&r), -EBUSY);
   struct io_source bad = {.ready = peer_ready, .fd = -1};
   assert_int_equal(source_add(&r, &bad, EPOLLIN), -EBADF);
   assert_null(bad.reactor);
   source_close(&p.source);
   source_close(&p.source);
   assert_int_equal(reactor_close(&r), 0);
   close(p.other);
}

static void events_fetched_before_a_removal_are_dropped(void **state)
{
   struct reactor r;
   struct peer p[2];
   (void) state;
   assert_int_equal(reactor_open(&r), 0);
   for (int i = 0; i < 2; i++) {
      peer_open(&p[i]);
      assert_int_equal(source_add(&r, &p[i].source, EPOLLIN), 0);
      assert_int_equal(send(p[i].other, "x", 1, 0), 1);
   }
   p[0].closes = &p[1];
   p[1].closes = &p[0];
   assert_int_equal(reactor_run(&r, 0), 2);
   assert_int_equal(p[0].calls + p[1].calls, 1); /* the first one called closed the other */
   assert_int_equal(r.stale, 1);
   for (int i = 0; i < 2; i++) {
      source_close(&p[i].source);
      close(p[i].other);
   }
   assert_int_equal(reactor_close(&r), 0);
}

/* A slot that is used again does not get the events of its former user. */
static void a_descriptor_that_others_hold_causes_no_calls(void **state)
{
   struct reactor r;
   struct peer p, next;
   char byte;
   (void) state;
   assert_int_equal(reactor_open(&r), 0);
   peer_open(&p);
   assert_int_equal(source_add(&r, &p.source, EPOLLIN), 0);
   pid_t h = hold_descriptors();
   source_close(&p.source);
   assert_int_equal(recv(p.other, &byte, 1, 0), 0); /* the peer sees the end */
   assert_int_equal(reactor_run(&r, 0), 0);
   holder_end(h);
   close(p.other);

   peer_open(&p);
   assert_int_equal(source_add(&r, &p.source, EPOLLIN), 0);
   h = hold_descriptors();
   close(p.source.fd); /* closed by other code by mistake: it stays in the epoll set */
   p.source.fd = -1;
   source_close(&p.source);
   peer_open(&next);
   assert_int_equal(source_add(&r, &next.source, EPOLLIN), 0);
   assert_int_equal(next.source.slot, p.source.slot);
   assert_int_equal(send(p.other, "x", 1, 0), 1);
   assert_int_equal(reactor_run(&r, 0), 1);
   assert_int_equal(r.stale, 1);
   assert_int_equal(p.calls + next.calls, 0);
   holder_end(h);
   source_close(&next.source);
   close(p.other);
   close(next.other);
   assert_int_equal(reactor_close(&r), 0);
}

static void many_sources_each_get_their_own_events(void **state)
{
   static struct peer p[MANY];
   struct reactor r;
   (void) state;
   assert_int_equal(reactor_open(&r), 0);
   for (int i = 0; i < MANY; i++) {
      peer_open(&p[i]);
      assert_int_equal(source_add(&r, &p[i].source, EPOLLIN | EPOLLET), 0);
      if (i % 3 == 0) {
         assert_int_equal(send(p[i].other, "x", 1, 0), 1);
      }
   }
   while (reactor_run(&r, 0) > 0) {
   }
   for (int i = 0; i < MANY; i++) {
      assert_int_equal(p[i].calls, i % 3 == 0);
      source_close(&p[i].source);
      close(p[i].other);
   }
   assert_int_equal(reactor_close(&r), 0);
}

/* ---------------------------------------------------------------- in a context */

static int connect_to(const char *name)
{
   struct sockaddr_un sun = {.sun_family = AF_UNIX};
   snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/trap-%s.sock", dir, name);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof(sun)), 0);
   return fd;
}

static void wait_clients(trap_ctx_t *out, int n)
{
   for (int i = 0; i < 2000 && trap_ctx_get_client_count(out, 0) != n; i++) {
      nap(5);
   }
   assert_int_equal(trap_ctx_get_client_count(out, 0), n);
}

/* Whatever the children, which have this end too. */
static void hang_up(int fd)
{
   shutdown(fd, SHUT_RDWR);
   close(fd);
}

/* Reads to the end of the connection. */
static void read_to_end(int fd)
{
   char bytes[4096];
   const struct timeval limit = {.tv_sec = 20};
   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
   ssize_t n;
   while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
   }
   assert_true(n == 0 || errno == ECONNRESET);
   close(fd);
}

/* What popen() in a module, a plugin's helper or the supervisor does: children come while clients do, and outlive them. */
static void clients_come_and_go_while_children_hold_their_descriptors(void **state)
{
   static const uint8_t bad_request[8] = {99}, request[8] = {10};
   (void) state;
   trap_ctx_t *out = trap_ctx_init3("test", "", 0, 1, "u:fork:timeout=NO_WAIT:max_clients=2", "service_fork");
   assert_int_equal(trap_ctx_get_last_error(out), TRAP_E_OK);
   trap_ctx_set_data_fmt(out, 0, TRAP_FMT_RAW);
   for (int round = 0; round < 20; round++) {
      pid_t h[3];
      int client[2], service[2];
      for (int i = 0; i < 2; i++) {
         client[i] = connect_to("fork");
         service[i] = connect_to("service_fork");
         assert_int_equal(send(service[i], request, 8, MSG_NOSIGNAL), 8);
         wait_clients(out, i + 1);
         h[i] = hold_descriptors();
      }
      hang_up(client[0]);
      wait_clients(out, 1);
      h[2] = hold_descriptors();
      for (int i = 0; i < 10; i++) {
         assert_int_equal(trap_ctx_send(out, 0, "message", 7), TRAP_E_OK);
         trap_ctx_send_flush(out, 0);
      }
      assert_int_equal(send(service[0], bad_request, 8, MSG_NOSIGNAL), 8);
      read_to_end(service[0]); /* though three processes have the other end */
      hang_up(service[1]);
      trap_ctx_set_data_fmt(out, 0, TRAP_FMT_UNIREC, round % 2 == 0 ? "uint8 A" : "uint8 B");
      read_to_end(client[1]);
      wait_clients(out, 0);
      for (int i = 0; i < 3; i++) {
         holder_end(h[i]);
      }
   }
   trap_ctx_finalize(&out);
}

int main(void)
{
   const struct CMUnitTest tests[] = {
       cmocka_unit_test(wrong_uses_are_refused),
       cmocka_unit_test(events_fetched_before_a_removal_are_dropped),
       cmocka_unit_test(a_descriptor_that_others_hold_causes_no_calls),
       cmocka_unit_test(many_sources_each_get_their_own_events),
       cmocka_unit_test(clients_come_and_go_while_children_hold_their_descriptors),
   };
   return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
