/* SPDX-License-Identifier: BSD-3-Clause */
/** Flushes standard output in time: old modules print to pipes and rely on the library for that. */
#include "internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <unistd.h>

#define FLUSH_PERIOD 1000000 /* us */

static _Atomic int64_t flushed_at; /* us, coarse clock */

void stdout_flush(void)
{
   if (ftrylockfile(stdout) != 0) {
      return; /* another thread is writing: it will be back */
   }
   if (__fpending(stdout) > 0) {
      struct pollfd p = {.fd = fileno(stdout), .events = POLLOUT};
      if (p.fd >= 0 && poll(&p, 1, 0) > 0) { /* a full pipe must not hold up a call that can be interrupted */
         fflush_unlocked(stdout);
      }
   }
   funlockfile(stdout);
}

void stdout_flush_due(int64_t now)
{
   int64_t last = atomic_load_explicit(&flushed_at, memory_order_relaxed);
   if (now - last >= FLUSH_PERIOD) {
      atomic_store_explicit(&flushed_at, now, memory_order_relaxed);
      stdout_flush();
   }
}
