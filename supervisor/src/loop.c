/* SPDX-License-Identifier: BSD-3-Clause */
/** The event loop and the life of the daemon. */
#include "menu.h"

#include <errno.h>
#include <fcntl.h>
#include <nemea-common/nc_notify.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TICK            1000  /* ms */
#define FAST_TICK       100   /* while a module is starting */
#define STATISTICS_EACH 60000 /* ms between two records of statistics */
#define CUT_EACH        10000 /* ms between two looks at the sizes of log files */
#define EXIT_CONFIG     78

uint64_t clock_ms(void)
{
   struct timespec t;
   (void) clock_gettime(CLOCK_MONOTONIC, &t);
   return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

bool loop_add(struct daemon *d, struct source *s, uint32_t events)
{
   struct epoll_event e = {.events = events, .data.ptr = s};
   return epoll_ctl(d->epoll, EPOLL_CTL_ADD, s->fd, &e) == 0;
}

bool loop_change(struct daemon *d, struct source *s, uint32_t events)
{
   struct epoll_event e = {.events = events, .data.ptr = s};
   return epoll_ctl(d->epoll, EPOLL_CTL_MOD, s->fd, &e) == 0;
}

void loop_close(struct daemon *d, struct source *s)
{
   if (s->fd >= 0) {
      (void) epoll_ctl(d->epoll, EPOLL_CTL_DEL, s->fd, NULL);
      close(s->fd);
      s->fd = -1;
   }
}

static void reload(struct daemon *d)
{
   json_t *report = json_object();
   nc_notify("RELOADING=1");
   (void) command_reload(d, report, 0);
   json_decref(report);
   nc_notify("READY=1");
}

static void signal_ready(struct daemon *d, struct source *source, uint32_t events)
{
   struct signalfd_siginfo info;
   while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
      switch (info.ssi_signo) {
      case SIGCHLD: modules_reap(d); break;
      case SIGTERM:
         journal_event(d, EVENT_STOPPING, NULL, "Stopping configuration...");
         d->stopping = true;
         break;
      case SIGINT:
      case SIGQUIT: d->leaving = true; break;
      case SIGHUP:
         if (!journal_open(d)) {
            fprintf(stderr, "supervisor: cannot open the log files in %s again: %s\n", d->logs,
                    strerror(errno));
         }
         reload(d);
         break;
      default: (void) journal_open(d); break; /* SIGUSR1: after the logs were moved */
      }
   }
}

static bool catch_signals(struct daemon *d)
{
   sigset_t set;
   static const int signals[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1};
   (void) sigemptyset(&set);
   for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
      (void) sigaddset(&set, signals[i]);
   }
   (void) signal(SIGPIPE, SIG_IGN);
   (void) sigprocmask(SIG_BLOCK, &set, NULL);
   d->signals = (struct source){.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signal_ready};
   return d->signals.fd >= 0 && loop_add(d, &d->signals, EPOLLIN);
}

/* \return when to come again */
static uint64_t tick(struct daemon *d)
{
   bool starting = false;
   for (uint32_t i = 0; i < d->n_modules; i++) {
      service_tick(d, d->modules[i]);
      starting |= d->modules[i]->plan.state == STATE_STARTING && d->now - d->modules[i]->plan.started < 10000;
   }
   if (d->now - d->last_tick >= TICK) {
      d->last_tick = d->now;
      control_tick(d);
      tap_tick(d);
      service_read_usage(d);
      (void) cgroup_sweep(&d->cgroup);
      nc_notify("WATCHDOG=1");
   }
   if (d->now - d->last_cut >= CUT_EACH) {
      d->last_cut = d->now;
      log_limit_apply(d);
   }
   if (d->now - d->last_statistics >= STATISTICS_EACH) {
      d->last_statistics = d->now;
      journal_statistics(d);
   }
   return d->now + (starting ? FAST_TICK : TICK);
}

static bool finished(const struct daemon *d)
{
   return d->leaving || (d->stopping && modules_alive(d) == 0);
}

static void loop(struct daemon *d)
{
   uint64_t next_tick = 0;
   while (!finished(d)) {
      struct epoll_event e;
      trial_tick(d);
      spawner_reap(d);
      uint64_t next = modules_reconcile(d), menus = control_menus(d);
      next = menus < next ? menus : next;
      if (d->state_changed) {
         state_write(d);
      }
      if (finished(d)) {
         break;
      }
      if (d->now >= next_tick) {
         next_tick = tick(d);
      }
      next = d->n_ends > 0 ? d->now : next < next_tick ? next : next_tick;
      /* One event at a time: what it closes cannot be among the events that were fetched with it. */
      int n = epoll_wait(d->epoll, &e, 1, next > d->now ? (int) (next - d->now) : 0);
      d->now = clock_ms();
      if (n == 1) {
         struct source *s = e.data.ptr;
         s->ready(d, s, e.events);
      }
   }
}

/* Beside the menu, what it says of a reload is said of the first one, too. */
static bool first_load(struct daemon *d, json_t *report)
{
   if (!d->interactive) {
      return command_reload(d, report, 0);
   }
   bool ok = menu_reload(d, "[INIT LOADING CONFIGURATION]\n", stdout);
   if (ok) {
      puts("[SERVICE] Starting service thread."); /* as NEMEA 2 says */
   }
   (void) fflush(stdout);
   return ok;
}

static int start(struct daemon *d)
{
   json_t *report = json_object();
   int status = EXIT_FAILURE;
   d->epoll = epoll_create1(EPOLL_CLOEXEC);
   d->now = clock_ms();
   d->last_statistics = d->now;
   d->started = time(NULL);
   (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
   if (d->epoll < 0 || !state_lock(d)) {
   } else if (!events_open(d)) {
      fputs("supervisor: no memory\n", stderr);
   } else if (!journal_open(d)) {
      fprintf(stderr, "supervisor: cannot write log files in %s: %s\n", d->logs, strerror(errno));
   } else if (!first_load(d, report)) {
      json_t *errors = json_object_get(report, "errors");
      for (size_t i = 0; i < json_array_size(errors); i++) {
         fprintf(stderr, "error: %s\n", json_string_value(json_array_get(errors, i)));
      }
      status = EXIT_CONFIG;
   } else if (catch_signals(d) && spawner_watch(d) && control_listen(d) &&
              (!d->interactive || control_terminal(d))) {
      d->reloads = 0;
      limits_log(d);
      journal_event(d, EVENT_SUPERVISOR, NULL, "The supervisor (PID: %d) was started.", (int) getpid());
      if (geteuid() == 0) {
         journal_log(d, "WARNING",
                     "The supervisor and modules without the option user run as root; --user=NAME "
                     "leaves to root only what needs it.");
      }
      state_adopt(d);
      status = d->backup == NULL || import_backup(d, d->backup) ? EXIT_SUCCESS : EXIT_FAILURE;
   }
   json_decref(report);
   return status;
}

static void end(struct daemon *d)
{
   control_close(d);
   if (d->events != NULL && d->signals.fd >= 0) {
      state_write(d);
      journal_log(d, "INFO", "The supervisor ends, %u modules go on.", modules_alive(d));
      journal_event(d, EVENT_SUPERVISOR, NULL, "The supervisor ends, %u modules go on.", modules_alive(d));
   }
   if (d->stopping || modules_alive(d) == 0) {
      cgroup_close(&d->cgroup);
   }
   modules_free(d);
   loop_close(d, &d->spawner);
   free(d->ends);
   loop_close(d, &d->signals);
   journal_close(d);
   events_close(d);
   close(d->epoll);
   if (d->lock >= 0) {
      close(d->lock);
   }
   socket_dirs_free(&d->dirs);
}

/* The parent ends when the child is ready, with the child's status if it is not. */
static void go_to_background(int ready[2])
{
   char status = EXIT_FAILURE;
   pid_t pid = pipe2(ready, O_CLOEXEC) == 0 ? fork() : -1;
   if (pid < 0) {
      fprintf(stderr, "supervisor: cannot start a process: %s\n", strerror(errno));
      exit(EXIT_FAILURE);
   }
   if (pid > 0) {
      close(ready[1]);
      if (read(ready[0], &status, 1) == 1 && status == EXIT_SUCCESS) {
         time_t now = time(NULL);
         char text[32] = "";
         struct tm tm;
         if (localtime_r(&now, &tm) != NULL) {
            (void) strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
         }
         printf("%s [INFO] PID of daemon process: %d.\n", text, (int) pid);
      }
      fflush(stdout);
      _exit(status);
   }
   close(ready[0]);
   (void) setsid();
}

static void detach(int ready)
{
   char status = EXIT_SUCCESS;
   int null = open("/dev/null", O_RDWR | O_CLOEXEC);
   for (int fd = 0; null >= 0 && fd < 3; fd++) {
      (void) dup2(null, fd);
   }
   if (null >= 0) {
      close(null);
   }
   (void) !write(ready, &status, 1);
   close(ready);
}

int daemon_run(struct daemon *d, bool background)
{
   int ready[2] = {-1, -1};
   if (background) {
      go_to_background(ready);
   }
   (void) umask(0027);
   d->epoll = d->lock = d->spawner.fd = d->signals.fd = d->listener.fd = -1;
   int status = EXIT_FAILURE;
   if (spawner_start(d)) {
      (void) cgroup_open(&d->cgroup, d->spawner_pid);
      status = start(d);
   }
   if (status == EXIT_SUCCESS) {
      if (background) {
         detach(ready[1]);
      }
      nc_notify("READY=1");
      loop(d);
      nc_notify("STOPPING=1");
      status = d->spawner_lost ? EXIT_FAILURE : EXIT_SUCCESS;
   } else if (background) {
      char failed = (char) status;
      (void) !write(ready[1], &failed, 1);
   }
   end(d);
   return status;
}
