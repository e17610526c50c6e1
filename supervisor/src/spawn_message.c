/* SPDX-License-Identifier: BSD-3-Clause */
#include "spawn_message.h"

#include <signal.h>
#include <string.h>

static bool name_ok(const char name[SPAWN_NAME])
{
   size_t n = strnlen(name, SPAWN_NAME);
   for (size_t i = n; i < SPAWN_NAME; i++) {
      if (name[i] != 0) {
         return false;
      }
   }
   return n < SPAWN_NAME;
}

static bool stop_signal_ok(int signal)
{
   return signal == SIGTERM || signal == SIGINT || signal == SIGQUIT || signal == SIGHUP ||
          signal == SIGUSR1 || signal == SIGUSR2 || signal == SIGKILL;
}

bool spawn_request_ok(const struct spawn_request *r, size_t size, size_t n_fds)
{
   if (size != sizeof(*r) || r->magic != SPAWN_MAGIC || !name_ok(r->name)) {
      return false;
   }
   bool nothing_to_signal = r->pid == 0 && r->signal == 0 && r->start_time == 0;
   switch (r->type) {
   case SPAWN_LOAD: return n_fds == 0 && r->name[0] == 0 && nothing_to_signal;
   case SPAWN_START: return n_fds == SPAWN_FDS && r->name[0] != 0 && r->fingerprint == 0 && nothing_to_signal;
   case SPAWN_SIGNAL:
      return n_fds == 0 && r->name[0] == 0 && r->fingerprint == 0 && r->pid > 1 && r->start_time != 0 &&
             stop_signal_ok(r->signal);
   default: return false;
   }
}

bool spawn_answer_ok(const struct spawn_answer *a, size_t size)
{
   return size == sizeof(*a) && a->magic == SPAWN_MAGIC &&
          (a->type == SPAWN_ANSWER || a->type == SPAWN_ENDED) && a->pid >= 0 &&
          memchr(a->why, 0, sizeof(a->why)) != NULL && (a->type != SPAWN_ENDED || a->pid > 1);
}

uint64_t spawn_fingerprint(const char *text, size_t length)
{
   uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
   for (size_t i = 0; i < length; i++) {
      h = (h ^ (unsigned char) text[i]) * UINT64_C(0x100000001b3);
   }
   return h != 0 ? h : 1;
}
