/* SPDX-License-Identifier: BSD-3-Clause */
/** Limits of modules: by a control group of each, where the supervisor was given some, else by setrlimit() in launch.c. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct cgroup_limits limits_of(const struct module *m)
{
   const struct config_options *o = m->config != NULL ? &m->config->options : NULL;
   return o != NULL ? (struct cgroup_limits){.memory = o->memory, .cpu = o->cpu_limit, .tasks = o->tasks}
                    : (struct cgroup_limits){0};
}

/* Which of the limits that only a control group can set are not in force with these controllers. \return NULL: none */
static const char *missing_limits(const struct config_options *o, unsigned controllers)
{
   bool cpu = o->cpu_limit > 0 && !(controllers & CGROUP_CPU),
        tasks = o->tasks > 0 && !(controllers & CGROUP_PIDS);
   return cpu && tasks ? "processor time and tasks" : cpu ? "processor time" : tasks ? "tasks" : NULL;
}

/* What only a control group can do is not left undone in silence. */
static void complain(struct daemon *d, const struct module *m, const char *why)
{
   const char *missing = missing_limits(&m->config->options, m->in_cgroup ? d->cgroup.controllers : 0);
   if (missing != NULL) {
      journal_log(d, "WARNING", "Module %s runs without its limit of %s: %s.", m->name, missing, why);
   }
}

static const char *why_missing(const struct daemon *d)
{
   return d->cgroup.controllers != 0 ? "no such controller" : d->cgroup.why;
}

void limits_check(const struct daemon *d, struct config *c)
{
   for (uint32_t i = 0; i < c->n_modules; i++) {
      const struct config_module *m = &c->modules[i];
      const char *missing = missing_limits(&m->options, d->cgroup.controllers);
      if (missing != NULL && config_enabled(c, m)) {
         config_warning(c, m->line, "module \"%.100s\" runs without its limit of %s: %s", m->name, missing,
                        why_missing(d));
      }
   }
}

void limits_begin(struct daemon *d, struct module *m, pid_t pid)
{
   char why[256] = "";
   const struct cgroup_limits l = limits_of(m);
   m->oom_seen = 0;
   m->last_oom = false;
   m->in_cgroup = d->cgroup.controllers != 0 && cgroup_add(&d->cgroup, m->name, &l, pid, why, sizeof(why));
   if (*why != 0) {
      journal_log(d, "WARNING", "Module %s has no control group: %s.", m->name, why);
   }
   complain(d, m, *why != 0 ? why : why_missing(d));
}

void limits_adopt(struct daemon *d, struct module *m)
{
   const struct cgroup_limits l = limits_of(m);
   m->in_cgroup = cgroup_adopt(&d->cgroup, m->name, &l, m->pid);
   m->oom_seen = m->in_cgroup ? cgroup_oom_kills(&d->cgroup, m->name) : 0;
}

/* Into the log of what it says itself, where people look first. */
static void say_in_its_log(const struct daemon *d, const struct module *m)
{
   char *path = journal_module_path(d, m->name, "stderr");
   int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW) : -1;
   if (fd >= 0) {
      (void) dprintf(
          fd, "supervisor: the kernel killed it for want of memory%s%s\n",
          m->config != NULL && m->config->options.memory > 0 ? "; its limit is " : "",
          m->config != NULL && m->config->options.memory > 0 ? m->config->options.text[OPTION_MEMORY] : "");
      close(fd);
   }
   free(path);
}

void limits_end(struct daemon *d, struct module *m)
{
   if (m->in_cgroup) {
      m->last_oom = cgroup_oom_kills(&d->cgroup, m->name) > m->oom_seen;
      if (m->last_oom) {
         m->oom_kills++;
         say_in_its_log(d, m);
      }
      cgroup_remove(&d->cgroup, m->name);
   }
}

void limits_log(struct daemon *d)
{
   unsigned c = d->cgroup.controllers;
   if (c != 0) {
      journal_log(d, "INFO", "Each module has a control group in " CGROUP_ROOT "%s, with%s%s%s.",
                  d->cgroup.path, c & CGROUP_MEMORY ? " memory" : "", c & CGROUP_CPU ? " cpu" : "",
                  c & CGROUP_PIDS ? " pids" : "");
   } else {
      journal_log(d, "INFO", "Limits of modules are those of setrlimit(): %s.", d->cgroup.why);
   }
}
