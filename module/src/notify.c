/* SPDX-License-Identifier: BSD-3-Clause */
/** What a module that is a service tells systemd. A module that a supervisor starts has no NOTIFY_SOCKET and tells nothing. */
#include "internal.h"

#include <nemea-common/nc_notify.h>

/* Of the process, as signals are. */
static uint64_t every, next; /* monotonic microseconds; 0: systemd does not watch */
static pthread_t thread;

void notify_ready(void)
{
   thread = pthread_self();
   every = nc_notify_interval();
   nc_notify("READY=1");
}

void notify_alive(void)
{
   uint64_t now;
   if (every != 0 && pthread_equal(thread, pthread_self()) &&
       (now = clock_us(CLOCK_MONOTONIC_COARSE)) >= next) {
      next = now + every;
      nc_notify("WATCHDOG=1");
   }
}

bool notify_is_watched(void)
{
   return every != 0;
}
