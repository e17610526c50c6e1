/* SPDX-License-Identifier: BSD-3-Clause */
#include "launch.h"

#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAILED 126

/* --------------------------------------------------------------------------- users */

static bool id_of(const char *text, unsigned long *id)
{
   char *end;
   *id = strtoul(text, &end, 10);
   return *text >= '0' && *text <= '9' && *end == 0 && *id > 0 && *id < UINT32_MAX;
}

static void add_group(struct launch_user *u, gid_t gid)
{
   bool known = gid == 0 || gid == u->gid || u->n_groups == LAUNCH_GROUPS;
   for (int i = 0; i < u->n_groups && !known; i++) {
      known = u->groups[i] == gid;
   }
   if (!known) {
      u->groups[u->n_groups++] = gid;
   }
}

static int no_user(char *why, size_t size, const char *what, const char *name)
{
   (void) snprintf(why, size, "there is no %s %.100s, or it is root's", what, name);
   return -1;
}

int launch_user_of(const struct config_options *o, const char *service, struct launch_user *u, char *why,
                   size_t size)
{
   const char *own = o != NULL ? o->text[OPTION_USER] : NULL,
              *group = o != NULL ? o->text[OPTION_GROUP] : NULL;
   const char *name = own != NULL ? own : service;
   const struct passwd *pw = service != NULL ? getpwnam(service) : NULL;
   gid_t service_gid = pw != NULL ? pw->pw_gid : 0, groups[LAUNCH_GROUPS];
   int n = LAUNCH_GROUPS;
   unsigned long id;
   *u = (struct launch_user){0};
   if (name == NULL && group == NULL) {
      return 0;
   }
   if (name == NULL) {
      (void) snprintf(why, size, "it has a group, but no user");
      return -1;
   }
   pw = id_of(name, &id) ? getpwuid((uid_t) id) : getpwnam(name);
   if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0) {
      return no_user(why, size, "user", name);
   }
   u->uid = pw->pw_uid;
   u->gid = service_gid != 0 && own == NULL ? service_gid : pw->pw_gid;
   if (group != NULL) {
      const struct group *gr = id_of(group, &id) ? getgrgid((gid_t) id) : getgrnam(group);
      if (gr == NULL || gr->gr_gid == 0) {
         return no_user(why, size, "group", group);
      }
      u->gid = gr->gr_gid;
   }
   add_group(u, service_gid);
   add_group(u, pw->pw_gid);
   if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) >= 0) {
      for (int i = 0; i < n; i++) {
         add_group(u, groups[i]);
      }
   }
   return 1;
}

/* --------------------------------------------------------------------------- child */

static bool limit(__rlimit_resource_t resource, uint64_t value)
{
   rlim_t v = value == UINT64_MAX ? RLIM_INFINITY : (rlim_t) value;
   return setrlimit(resource, &(struct rlimit){.rlim_cur = v, .rlim_max = v}) == 0;
}

static bool set_environment(char *const *variables)
{
   for (; variables != NULL && *variables != NULL; variables++) {
      if (putenv(*variables) != 0) {
         return false;
      }
   }
   return true;
}

/* \return what failed, with errno */
static const char *apply_options(const struct launch *l)
{
   const struct config_options *o = l->options;
   if (o == NULL) {
      return NULL;
   }
   if (!set_environment(o->environment)) {
      return "cannot set the environment";
   }
   if (o->text[OPTION_NICE] != NULL && setpriority(PRIO_PROCESS, 0, o->nice) != 0) {
      return "cannot set nice";
   }
   if (o->text[OPTION_CPUS] != NULL && sched_setaffinity(0, sizeof(o->cpus), &o->cpus) != 0) {
      return "cannot set cpus";
   }
   if (o->text[OPTION_OPEN_FILES] != NULL && !limit(RLIMIT_NOFILE, o->open_files)) {
      return "cannot set open-files";
   }
   if (o->text[OPTION_CORE] != NULL && !limit(RLIMIT_CORE, o->core)) {
      return "cannot set core";
   }
   /* A process that waited at its gate may have been put into a control group meanwhile. */
   return l->limit_data && !cgroup_limits_memory(o->memory) && !limit(RLIMIT_DATA, o->memory)
              ? "cannot set memory"
              : NULL;
}

static bool become_user(const struct launch_user *u, uint64_t keep)
{
   gid_t groups[LAUNCH_GROUPS + 1];
   groups[0] = u->gid;
   memcpy(groups + 1, u->groups, (size_t) u->n_groups * sizeof(*groups));
   return sandbox_become(u->uid, groups, (size_t) u->n_groups + 1, keep);
}

static const char *confine(const struct launch *l)
{
   const char *sockets[SOCKET_DIRS + 1] = {NULL};
   for (uint32_t i = 0; i < l->dirs->n; i++) {
      sockets[i] = l->dirs->dir[i];
   }
   const struct sandbox_paths more = {.write = sockets};
   return sandbox_enter(&l->sandbox, l->path, l->argv, &more);
}

struct sandbox launch_sandbox(bool off, const char *path, char *const argv[], const struct config_options *o)
{
   struct sandbox s = {.why = "switched off by --sandbox=off"};
   if (o != NULL && o->no_sandbox) {
      s.why = "switched off by its option sandbox";
   } else if (!off) {
      s = sandbox_of(path, argv);
   }
   s.capabilities = o != NULL ? o->capabilities : 0;
   s.only_capabilities = o != NULL && o->text[OPTION_CAPABILITIES] != NULL;
   (void) sandbox_prepare(&s); /* if it fails, it fails again in the child, which says so */
   return s;
}

/* Until the supervisor knows its number for good. It ends if that has ended before. */
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

static void fail(const char *what)
{
   (void) dprintf(2, "supervisor: %s: %s\n", what, strerror(errno));
   _exit(FAILED);
}

/* Descriptors, signals and what else belongs to the supervisor. */
static void leave_supervisor(const struct launch *l)
{
   sigset_t none;
   (void) setsid();
   for (int n = 1; n < NSIG; n++) {
      (void) signal(n, SIG_DFL);
   }
   (void) sigemptyset(&none);
   (void) sigprocmask(SIG_SETMASK, &none, NULL);
   if (l->in < 0 || dup2(l->in, 0) < 0 || dup2(l->out, 1) < 0 || dup2(l->err, 2) < 0) {
      _exit(FAILED);
   }
   (void) close_range(3, ~0U, 0);
   (void) umask(0027);
   (void) unsetenv("NOTIFY_SOCKET");
   (void) unsetenv("WATCHDOG_USEC");
   (void) unsetenv("WATCHDOG_PID");
}

void launch_become(const struct launch *l)
{
   if (l->gate >= 0) {
      wait_at(l->gate);
   }
   leave_supervisor(l);
   const char *failed = apply_options(l);
   if (failed != NULL) {
      fail(failed);
   }
   if (l->user != NULL &&
       (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !become_user(l->user, sandbox_ambient(&l->sandbox)))) {
      fail("cannot become its user");
   }
   const char *cwd = l->options != NULL ? l->options->text[OPTION_CWD] : NULL;
   if (cwd != NULL && chdir(cwd) != 0) {
      fail("cannot change to the directory of its option cwd");
   }
   failed = confine(l);
   if (failed != NULL) {
      fail(failed);
   }
   execvp(l->path, l->argv);
   (void) dprintf(2, "supervisor: cannot execute %s: %s\n", l->path, strerror(errno));
   _exit(127);
}
