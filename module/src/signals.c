/* SPDX-License-Identifier: BSD-3-Clause */
/** Signals: handlers only set flags; what they ask for is done between two batches. */
#include "internal.h"

#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define GRACE_SECONDS 2 /* after a signal: what a waiting send gets before it is given up */
#define ONE_SIGNAL_MS \
   500 /* timeout(1), sudo and terminals send what is one wish to a process and to its group */

_Atomic int nm_stop_signal;
_Atomic unsigned nm_events;

static void on_stop(int sig)
{
   static _Atomic int64_t first_ms; /* any thread may get a signal */
   struct timespec now;
   (void) sig;
   clock_gettime(CLOCK_MONOTONIC, &now);
   int64_t ms = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
   if (!nm_stop_signal) {
      nm_stop_signal = 1;
      first_ms = ms;
      alarm(GRACE_SECONDS);
   } else if (ms - first_ms > ONE_SIGNAL_MS) {
      trap_terminate();
   }
}

static void on_alarm(int sig)
{
   (void) sig;
   trap_terminate();
}

static void on_reload(int sig)
{
   (void) sig;
   nm_events |= EVENT_RELOAD;
}

static void on_show(int sig)
{
   (void) sig;
   nm_events |= EVENT_SHOW;
}

static void on_user(int sig)
{
   nm_events |= sig == SIGUSR1 ? EVENT_USR1 : EVENT_USR2;
}

static bool reloads(const nm_module_def_t *def)
{
   bool files = def->reload != NULL;
   for (const nm_option_t *o = def->options; o != NULL && o->type != NM_TYPE_END; o++) {
      files |= o->type == NM_TYPE_FILE;
   }
   return files;
}

static void catch (int sig, void (*handler)(int))
{
   struct sigaction sa = {.sa_handler = handler};
   sigemptyset(&sa.sa_mask);
   sigaction(sig, &sa, NULL);
}

void catch_signals(const nm_module_def_t *def)
{
   bool usr1 = (def->flags & NM_CLAIM_USR1) != 0, usr2 = (def->flags & NM_CLAIM_USR2) != 0;
   catch (SIGTERM, on_stop);
   catch (SIGINT, on_stop);
   catch (SIGALRM, on_alarm);
   catch (SIGPIPE, SIG_IGN);
   catch (SIGUSR1, usr1 ? on_user : on_show);
   if (usr1 || usr2) {
      catch (SIGUSR2, usr2 ? on_user : on_show);
   }
   if (reloads(def)) {
      catch (SIGHUP, on_reload);
   }
}

int handle_events(nm_module_t *m)
{
   unsigned events = atomic_exchange(&nm_events, 0);
   int rc = NM_OK;
   if (events & EVENT_SHOW) {
      counters_show(m);
   }
   if (events & EVENT_RELOAD) {
      rc = nm_reload(m);
   }
   for (unsigned e = EVENT_USR1; e <= EVENT_USR2; e <<= 1) {
      if (rc == NM_OK && (events & e) && m->def->user_signal != NULL) {
         rc = m->def->user_signal(m, e == EVENT_USR1 ? SIGUSR1 : SIGUSR2);
      }
   }
   return outcome(m, rc);
}

NM_PUBLIC bool nm_stopping(const nm_module_t *m)
{
   (void) m;
   notify_alive(); /* loops that wait for others ask this */
   return nm_stop_signal != 0;
}
