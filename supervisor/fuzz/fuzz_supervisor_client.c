/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What a client sends, over a real connection: codes of NEMEA 2, its menu, requests in JSON. The first byte is its role; 0xff begins a new
 * write, 0xfe lets a second pass.
 */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
    "<nemea-supervisor><modules><name>p</name><enabled>true</enabled>"
    "<module><name>a</name><enabled>false</enabled><path>a</path></module>"
    "<module><name>b_logger</name><enabled>true</enabled><path>b</path></module></modules>"
    "<modules><name>q</name><enabled>false</enabled><module><name>c</name><enabled>true</enabled>"
    "<path>c</path><params>x</params></module></modules></nemea-supervisor>";

static void run_loop(struct daemon *d, int peer)
{
   struct epoll_event e;
   char text[65536];
   for (int n = 1; n > 0;) {
      (void) control_menus(d);
      n = epoll_wait(d->epoll, &e, 1, 0);
      if (n == 1) {
         struct source *s = e.data.ptr;
         s->ready(d, s, e.events);
      }
      ssize_t got;
      while ((got = recv(peer, text, sizeof(text), MSG_DONTWAIT)) > 0) {
      }
      if (got == 0) {
         return;
      }
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static struct daemon d = {.template = "/nonexistent.xml",
                             .logs = "/nonexistent",
                             .socket = "s",
                             .configs = "/nonexistent",
                             .inspectors = {1},
                             .n_inspectors = 1};
   static const uid_t users[] = {65534, 1, 0};
   int pair[2];
   if (size < 1 || size > 100000) {
      return 0;
   }
   if (d.config == NULL) {
      d.epoll = epoll_create1(EPOLL_CLOEXEC);
      if (!modules_apply(&d, config_load_text("t.xml", document, strlen(document)), NULL)) {
         abort();
      }
      d.modules[1]->plan.alive = true;
      d.modules[1]->plan.state = STATE_READY;
      d.modules[1]->pid = 7;
   }
   if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0 ||
       !control_add(&d, pair[0], users[data[0] % 3])) {
      abort();
   }
   for (size_t i = 1; i < size;) {
      size_t n = 0;
      while (i + n < size && data[i + n] < 0xfe) {
         n++;
      }
      (void) !send(pair[1], data + i, n, MSG_NOSIGNAL);
      run_loop(&d, pair[1]);
      if (i + n < size && data[i + n] == 0xfe) {
         d.now += 1000;
         run_loop(&d, pair[1]);
      }
      i += n + 1;
   }
   close(pair[1]);
   d.now += 100000000;
   control_tick(&d);
   control_close(&d);
   d.leaving = false;
   d.modules[1]->plan.restart = false;
   for (uint32_t i = 0; i < d.n_modules; i++) {
      d.modules[i]->override = -1;
   }
   d.profile_overrides[0] = d.profile_overrides[1] = -1;
   return 0;
}
