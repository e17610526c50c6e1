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

/* A process of this one, which becomes the module once it may. \return -1 with errno */
static pid_t fork_module(const struct launch *l, int gate)
{
   pid_t pid = fork();
   if (pid == 0) {
      struct launch own = *l;
      close(gate);
      own.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
      launch_become(&own);
   }
   return pid;
}

static void close_all(const int *fds, size_t n)
{
   for (size_t i = 0; i < n; i++) {
      if (fds[i] >= 0) {
         close(fds[i]);
      }
   }
}

/* Its logs, its gate and its process. \return -1: why */
static pid_t start_process(struct daemon *d, struct module *m, char *const argv[], char *why, size_t size)
{
   struct launch_user user;
   int gate[2] = {-1, -1};
   m->sandbox = launch_sandbox(d->sandbox == SANDBOX_OFF, m->config->path, argv, &m->config->options);
   struct launch l = {.path = m->config->path,
                      .argv = argv,
                      .options = &m->config->options,
                      .sandbox = m->sandbox,
                      .dirs = &d->dirs,
                      .out = open_module_log(d, m, "stdout", argv),
                      .err = open_module_log(d, m, "stderr", argv),
                      .limit_data = m->config->options.memory > 0};
   pid_t pid = -1;
   int named = d->spawner_pid == 0 && geteuid() == 0
                   ? launch_user_of(&m->config->options, NULL, &user, why, size)
                   : 0;
   if (named >= 0) {
      l.user = named > 0 ? &user : NULL;
      if (l.out >= 0 && l.err >= 0 && pipe2(gate, O_CLOEXEC) == 0) {
         l.gate = gate[0];
         pid = d->spawner_pid > 0 ? spawner_spawn(d, m, l.out, l.err, l.gate, why, size)
                                  : fork_module(&l, gate[1]);
      }
      if (d->spawner_pid == 0) {
         (void) snprintf(why, size, "%s", strerror(errno));
      }
   }
   close_all((int[]){l.out, l.err, gate[0], pid < 0 ? gate[1] : -1}, 4);
   m->gate = pid < 0 ? -1 : gate[1];
   return pid;
}

bool spawn(struct daemon *d, struct module *m)
{
   char why[256];
   char **argv = config_command(m->config, why, sizeof(why));
   pid_t pid = argv != NULL ? start_process(d, m, argv, why, sizeof(why)) : -1;
   config_command_free(argv);
   if (pid < 0) {
      journal_event(d, EVENT_ERROR, m, "Module %s cannot be started: %s", m->name, why);
      return false;
   }
   m->pid = pid;
   d->n_gates++;
   m->adopted = false;
   limits_begin(d, m, pid);
   m->start_time = spawn_start_time(pid);
   return true;
}

void spawn_signal(struct daemon *d, const struct module *m, int signal)
{
   if (signal == SIGKILL && m->in_cgroup) {
      cgroup_kill(&d->cgroup, m->name);
   }
   if (d->spawner_pid > 0 && m->pid > 1 && spawner_signal(d, m, signal)) {
      return;
   }
   /* Its number is its own as long as it is not reaped; of an adopted one the start time says so. */
   if (m->pid > 1 && (!m->adopted || spawn_start_time(m->pid) == m->start_time)) {
      if (kill(-m->pid, signal) != 0) { /* before setsid() in the child there is no group */
         (void) kill(m->pid, signal);
      }
   }
}
