/* SPDX-License-Identifier: BSD-3-Clause */
/** Log lines and their level; clocks. */
#include "internal.h"

#include <nemea-common/nc_text.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Names that programs of NEMEA 2 know: the level of verbosity, a switch without effect in builds for use, the last line
 * that was logged. Read them for information only. */
extern _Atomic int trap_verbose;
extern int trap_debug;
extern char trap_err_msg[4095];
TRAP_PUBLIC _Atomic int trap_verbose = -1;
TRAP_PUBLIC int trap_debug;
TRAP_PUBLIC char trap_err_msg[4095];
static pthread_mutex_t err_msg_lock = PTHREAD_MUTEX_INITIALIZER;

void trap_log_line(int level, const char *format, ...)
{
   static const char *const tags[] = {"ERROR",   "WARNING",          "NOTICE",
                                      "VERBOSE", "ADVANCED VERBOSE", "LIBRARY VERBOSE"};
   char text[sizeof(trap_err_msg)], safe[sizeof(trap_err_msg)];
   if (level > atomic_load_explicit(&trap_verbose, memory_order_relaxed)) {
      return;
   }
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   size_t length =
       nc_text_terminal(safe, sizeof(safe), text, strlen(text)); /* it may quote what a peer sent */
   fprintf(stderr, "%s: %s\n", tags[level + 3], safe);
   pthread_mutex_lock(&err_msg_lock);
   memcpy(trap_err_msg, safe, length + 1);
   pthread_mutex_unlock(&err_msg_lock);
}

TRAP_PUBLIC void trap_set_verbose_level(int level)
{
   atomic_store(&trap_verbose, level < -3 ? -3 : level > 2 ? 2 : level);
}

TRAP_PUBLIC int trap_get_verbose_level(void)
{
   return atomic_load(&trap_verbose);
}

TRAP_PUBLIC void trap_ctx_set_verbose_level(trap_ctx_t *ctx, int level)
{
   trap_set_verbose_level(level);
}

TRAP_PUBLIC int trap_ctx_get_verbose_level(trap_ctx_t *ctx)
{
   return trap_get_verbose_level();
}

int64_t now_us(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t now_us_coarse(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
   return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t now_ms(void)
{
   return now_us() / 1000;
}
