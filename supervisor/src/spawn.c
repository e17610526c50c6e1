/* SPDX-License-Identifier: BSD-3-Clause */
/** Starts modules and signals them. A module is a session of its own, with its logs and no other descriptor of the supervisor. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t spawn_start_time(pid_t pid)
{
   char path[64], text[1024];
   unsigned long long start = 0;
   (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
   FILE *f = fopen(path, "re");
   if (f == NULL) {
      return 0;
   }
   size_t n = fread(text, 1, sizeof(text) - 1, f);
   (void) fclose(f);
   text[n] = 0;
   char *p = strrchr(text, ')'), *rest = NULL; /* the name before may hold anything */
   if (p == NULL || p[1] == 0 || p[2] == 'Z' || p[2] == 'X') {
      return 0;
   }
   p = strtok_r(p + 2, " ", &rest);
   for (int field = 3; p != NULL && field < 22; field++) {
      p = strtok_r(NULL, " ", &rest);
   }
   if (p != NULL) {
      start = strtoull(p, NULL, 10);
   }
   return start;
}

static int open_module_log(const struct daemon *d, const struct module *m, const char *stream,
                           char *const argv[])
{
   char *path = journal_module_path(d, m->name, stream), when[32] = "";
   int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0640)
                         : -1;
   free(path);
   if (fd < 0) {
      return -1;
   }
   struct tm tm;
   time_t now = time(NULL);
   if (localtime_r(&now, &tm) == NULL || strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm) == 0) {
      when[0] = 0;
   }
   (void) dprintf(fd, "---> %s\n%s [INFO] Supervisor - executed command: %s", when, when, m->config->path);
   for (char *const *a = argv + 1; *a != NULL; a++) {
      (void) dprintf(fd, "   %s", *a);
   }
   (void) dprintf(fd, "   (null)\n");
   return fd;
}

struct sandbox spawn_sandbox(const struct daemon *d, const char *path, char *const argv[])
{
   struct sandbox s = {.why = "switched off by --sandbox=off"};
   if (d->sandbox != SANDBOX_OFF) {
      s = sandbox_of(path, argv);
   }
   (void) sandbox_prepare(&s); /* if it fails, it fails again in the child, which says so */
   return s;
}

struct sandbox spawn_adopted_sandbox(const struct daemon *d, const struct module *m)
{
   struct sandbox s = {.why = "an earlier supervisor started it without one"};
   char path[64], line[256], why[256], **argv = NULL;
   (void) snprintf(path, sizeof(path), "/proc/%d/status", (int) m->pid);
   FILE *f = fopen(path, "re");
   bool confined = false;
   while (f != NULL && !confined && fgets(line, sizeof(line), f) != NULL) {
      confined = strncmp(line, "NoNewPrivs:\t1", 13) == 0;
   }
   if (f != NULL) {
      (void) fclose(f);
   }
   if (confined && m->config != NULL && (argv = config_command(m->config, why, sizeof(why))) != NULL) {
      s = sandbox_of(m->config->path, argv);
   }
   config_command_free(argv);
   return s;
}

static void confine(const struct daemon *d, const struct sandbox *s, const char *path, char *const argv[])
{
   const char *sockets[SOCKET_DIRS + 1] = {NULL};
   for (uint32_t i = 0; i < d->dirs.n; i++) {
      sockets[i] = d->dirs.dir[i];
   }
   const struct sandbox_paths more = {.write = sockets};
   const char *failed = sandbox_enter(s, path, argv, &more);
   if (failed != NULL) {
      (void) dprintf(2, "supervisor: %s: %s\n", failed, strerror(errno));
      _exit(126);
   }
}

void spawn_become(const struct daemon *d, const struct sandbox *s, const char *path, char *const argv[],
                  int in, int out, int err)
{
   sigset_t none;
   (void) setsid();
   for (int n = 1; n < NSIG; n++) {
      (void) signal(n, SIG_DFL);
   }
   (void) sigemptyset(&none);
   (void) sigprocmask(SIG_SETMASK, &none, NULL);
   if (in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) {
      _exit(126);
   }
   (void) close_range(3, ~0U, 0);
   (void) umask(0027);
   (void) unsetenv("NOTIFY_SOCKET"); /* the supervisor's own */
   (void) unsetenv("WATCHDOG_USEC");
   (void) unsetenv("WATCHDOG_PID");
   confine(d, s, path, argv);
   execvp(path, argv);
   (void) dprintf(2, "supervisor: cannot execute %s: %s\n", path, strerror(errno));
   _exit(127);
}

/* In the child: waits until the supervisor knows its number for good, and ends if that has ended before. */
static void wait_at(int gate)
{
   char c;
   ssize_t n;
   do {
      n = read(gate, &c, 1);
   } while (n < 0 && errno == EINTR);
   if (n != 1) {
      _exit(125);
   }
}

void spawn_release(struct daemon *d)
{
   for (uint32_t i = 0; d->n_gates > 0 && i < d->n_modules; i++) {
      struct module *m = d->modules[i];
      if (m->gate >= 0) {
         (void) !write(m->gate, "", 1);
         close(m->gate);
         m->gate = -1;
         d->n_gates--;
      }
   }
}

bool spawn(struct daemon *d, struct module *m)
{
   char why[256];
   char **argv = config_command(m->config, why, sizeof(why));
   if (argv == NULL) {
      journal_event(d, EVENT_ERROR, m, "Module %s cannot be started: %s", m->name, why);
      return false;
   }
   int out = open_module_log(d, m, "stdout", argv), err = open_module_log(d, m, "stderr", argv);
   int gate[2] = {-1, -1};
   m->sandbox = spawn_sandbox(d, m->config->path, argv);
   pid_t pid = out >= 0 && err >= 0 && pipe2(gate, O_CLOEXEC) == 0 ? fork() : -1;
   if (pid == 0) {
      close(gate[1]);
      wait_at(gate[0]);
      spawn_become(d, &m->sandbox, m->config->path, argv, open("/dev/null", O_RDONLY | O_CLOEXEC), out, err);
   }
   int failed = errno;
   if (out >= 0) {
      close(out);
   }
   if (err >= 0) {
      close(err);
   }
   config_command_free(argv);
   if (gate[0] >= 0) {
      close(gate[0]);
   }
   if (pid < 0) {
      if (gate[1] >= 0) {
         close(gate[1]);
      }
      journal_event(d, EVENT_ERROR, m, "Module %s cannot be started: %s", m->name, strerror(failed));
      return false;
   }
   m->pid = pid;
   m->gate = gate[1];
   d->n_gates++;
   m->adopted = false;
   m->start_time = spawn_start_time(pid);
   return true;
}

void spawn_signal(const struct module *m, int signal)
{
   /* Its number is its own as long as it is not reaped; of an adopted one the start time says so. */
   if (m->pid > 1 && (!m->adopted || spawn_start_time(m->pid) == m->start_time)) {
      if (kill(-m->pid, signal) != 0) { /* before setsid() in the child there is no group */
         (void) kill(m->pid, signal);
      }
   }
}
