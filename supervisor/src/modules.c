/* SPDX-License-Identifier: BSD-3-Clause */
/** The table of modules: follows the configuration, and does what plan_next() says. */
#include "daemon.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GATES 64 /* open at a time: each is a descriptor */

struct module *module_find(const struct daemon *d, const char *name)
{
   for (uint32_t i = 0; i < d->n_modules; i++) {
      if (strcmp(d->modules[i]->name, name) == 0) {
         return d->modules[i];
      }
   }
   return NULL;
}

static bool is_after(const struct module *m, const char *name)
{
   for (char **a = m->config->options.after; a != NULL && *a != NULL; a++) {
      if (strcmp(*a, name) == 0) {
         return true;
      }
   }
   return false;
}

/* When all is stopped, what sends is stopped before what reads: profile by profile in their order, and what was started after another
 * module of the same profile before that. */
static bool waits_for_others(const struct daemon *d, const struct module *m)
{
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *o = d->modules[i];
      if (o->config != NULL && o->plan.alive &&
          (o->config->profile < m->config->profile ||
           (o->config->profile == m->config->profile && is_after(o, m->name)))) {
         return true;
      }
   }
   return false;
}

/* Whether a module that it is to be started after has not come so far. One that ends, is given up or is not ready for long holds up
 * nobody. */
static bool is_held(const struct daemon *d, const struct module *m)
{
   for (char **a = m->config != NULL ? m->config->options.after : NULL; a != NULL && *a != NULL; a++) {
      const struct module *o = module_find(d, *a);
      if (o != NULL && o != m && module_wanted(d, o) &&
          (o->plan.state == STATE_STOPPED ||
           (o->plan.state == STATE_STARTING && d->now - o->plan.started < PLAN_HOLD))) {
         return true;
      }
   }
   return false;
}

bool module_wanted(const struct daemon *d, const struct module *m)
{
   if (m->config == NULL || (d->stopping && !(m->plan.alive && waits_for_others(d, m)))) {
      return false;
   }
   int profile = d->profile_overrides[m->config->profile];
   bool on = profile >= 0 ? profile != 0 : d->config->profiles[m->config->profile].enabled;
   return on && (m->override >= 0 ? m->override != 0 : m->config->enabled);
}

static void free_module(struct daemon *d, struct module *m)
{
   service_close(d, m);
   loop_close(d, &m->pidfd);
   service_free(m->ifcs, m->n_ifcs);
   free(m->name);
   free(m);
}

void modules_free(struct daemon *d)
{
   for (uint32_t i = 0; i < d->n_modules; i++) {
      free_module(d, d->modules[i]);
   }
   free(d->modules);
   free(d->profile_overrides);
   config_free(d->config);
   config_free(d->trial.before);
}

static struct module *add_module(struct daemon *d, const char *name)
{
   struct module **grown = reallocarray(d->modules, d->n_modules + 1, sizeof(struct module *));
   if (grown == NULL) {
      return NULL;
   }
   d->modules = grown;
   struct module *m = calloc(1, sizeof(*m));
   if (m == NULL || (m->name = strdup(name)) == NULL) {
      free(m);
      return NULL;
   }
   m->override = -1;
   m->last_status = m->gate = -1;
   m->pidfd.fd = m->service.source.fd = -1;
   d->modules[d->n_modules++] = m;
   return m;
}

struct module *module_add_removed(struct daemon *d, const char *name)
{
   struct module *m = add_module(d, name);
   if (m != NULL) {
      m->plan.removed = true;
   }
   return m;
}

static void report_name(json_t *report, const char *key, const char *name)
{
   json_t *list = report != NULL ? json_object_get(report, key) : NULL;
   if (list != NULL) {
      json_array_append_new(list, json_string(name));
   }
}

static bool apply_module(struct daemon *d, struct config *c, const struct config_module *new, json_t *report)
{
   char what[256];
   struct module *m = module_find(d, new->name);
   enum config_change change =
       config_compare(d->config, m != NULL ? m->config : NULL, c, new, what, sizeof(what));
   if (m == NULL && (m = add_module(d, new->name)) == NULL) {
      return false;
   }
   static const char *const keys[] = {[CHANGE_NONE] = "unchanged",
                                      [CHANGE_ADDED] = "added",
                                      [CHANGE_REMOVED] = "removed",
                                      [CHANGE_RESTART] = "restarted",
                                      [CHANGE_FLAGS] = "changed"};
   report_name(report, keys[change], m->name);
   if (change == CHANGE_RESTART && m->plan.alive) {
      m->plan.restart = true;
   }
   m->on_trial = d->trial.wanted && (change == CHANGE_RESTART || change == CHANGE_ADDED);
   if (change != CHANGE_NONE || m->override >= 0) {
      plan_reset(&m->plan);
   }
   m->config = new;
   m->override = -1;
   m->plan.removed = false;
   m->plan.limit = config_restarts(c, new);
   m->stop_timeout = new->options.stop_timeout;
   m->stop_signal = new->options.stop_signal;
   m->log_bytes = new->options.log_bytes;
   m->log_files = new->options.log_files;
   return true;
}

bool modules_apply(struct daemon *d, struct config *c, json_t *report)
{
   int *overrides = malloc((c->n_profiles + 1) * sizeof(*overrides));
   static const char *const keys[] = {"added", "removed", "restarted", "changed", "unchanged"};
   bool ok = overrides != NULL;
   for (size_t i = 0; report != NULL && i < sizeof(keys) / sizeof(keys[0]); i++) {
      json_object_set_new(report, keys[i], json_array());
   }
   for (uint32_t i = 0; ok && i < c->n_modules; i++) {
      ok = apply_module(d, c, &c->modules[i], report);
   }
   for (uint32_t i = 0; i < d->n_modules; i++) {
      struct module *m = d->modules[i];
      if (config_find(c, m->name) == NULL) {
         report_name(report, "removed", m->name);
         m->config = NULL;
         m->plan.removed = true;
      }
   }
   for (uint32_t i = 0; overrides != NULL && i < c->n_profiles; i++) {
      overrides[i] = -1;
   }
   if (d->trial.wanted) {
      d->trial.before = d->config;
      d->trial.wanted = false;
   } else {
      config_free(d->config);
   }
   free(d->profile_overrides);
   d->config = c;
   d->profile_overrides = overrides;
   d->state_changed = true;
   return ok;
}

/* Why it may have ended, where it has a limit: a program that gets no memory ends in its own way, if the kernel does not end it. */
static void describe_limit(const struct module *m, int status, char *text, size_t size)
{
   *text = 0;
   if (m->last_oom && m->config != NULL && m->config->options.memory > 0) {
      (void) snprintf(text, size,
                      "; the kernel killed it, for its control group may have %llu bytes of memory",
                      (unsigned long long) m->config->options.memory);
   } else if (m->last_oom) {
      (void) snprintf(text, size, "; the kernel killed it for want of memory");
   } else if (status != 0 && !m->in_cgroup && m->config != NULL && m->config->options.memory > 0) {
      (void) snprintf(text, size, "; it may have %llu bytes of memory",
                      (unsigned long long) m->config->options.memory);
   }
}

static void describe_end(struct daemon *d, struct module *m, int status)
{
   char limit[128];
   describe_limit(m, status, limit, sizeof(limit));
   if (status == -1) {
      journal_event(d, EVENT_EXIT, m, "Module %s (PID: %d) has ended%s.", m->name, (int) m->pid, limit);
   } else if (WIFSIGNALED(status)) {
      journal_event(d, EVENT_EXIT, m, "Module %s (PID: %d) was ended by signal %d (%s)%s.", m->name,
                    (int) m->pid, WTERMSIG(status), strsignal(WTERMSIG(status)), limit);
   } else {
      journal_event(d, EVENT_EXIT, m, "Module %s (PID: %d) has ended with status %d%s.", m->name,
                    (int) m->pid, WEXITSTATUS(status), limit);
   }
}

void module_ended(struct daemon *d, struct module *m, int status)
{
   uint32_t random = 0;
   if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
      random = (uint32_t) m->pid;
   }
   m->last_status = status;
   limits_end(d, m);
   describe_end(d, m, status);
   m->in_cgroup = false;
   m->plan.wanted = module_wanted(d, m);
   plan_ended(&m->plan, d->now, status == 0, random);
   if (m->plan.state == STATE_FAILED || m->plan.state == STATE_FINISHED) {
      journal_event(d, EVENT_FAILED, m,
                    "Module: %s was restarted %d times per minute and it is down again. I set it disabled.",
                    m->name, m->plan.limit);
   }
   service_close(d, m);
   loop_close(d, &m->pidfd);
   if (m->gate >= 0) { /* it was killed before it began */
      close(m->gate);
      m->gate = -1;
      d->n_gates--;
   }
   m->ever_ended = true;
   m->last_end = time(NULL);
   m->pid = 0;
   m->cpu = 0;
   m->cpu_read = m->cpu_user = m->cpu_system = 0;
   m->service.taken = 0;
   m->service.silent = 0;
   d->state_changed = true;
}

void modules_reap(struct daemon *d)
{
   int status;
   for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      bool known = tap_ended(d, pid, status);
      if (d->spawner_pid > 0 && pid == d->spawner_pid) {
         spawner_lost(d);
      }
      for (uint32_t i = 0; !known && i < d->n_modules; i++) {
         struct module *m = d->modules[i];
         if (m->pid == pid && m->plan.alive && !m->adopted) {
            module_ended(d, m, status);
            break;
         }
      } /* all others are processes that lost their parent */
   }
}

uint32_t modules_alive(const struct daemon *d)
{
   uint32_t n = 0;
   for (uint32_t i = 0; i < d->n_modules; i++) {
      n += d->modules[i]->plan.alive;
   }
   return n;
}

static void start(struct daemon *d, struct module *m)
{
   bool again = m->plan.state == STATE_BACKOFF;
   plan_started(&m->plan, d->now, m->config->n_interfaces > 0);
   m->total_restarts += again;
   m->last_start = time(NULL);
   d->state_changed = true;
   bool started = spawn(d, m);
   if (again) {
      journal_event(d, EVENT_RESTART, m, "Restarting module %s", m->name);
   } else {
      journal_event(d, EVENT_START, m, "Starting module %s.", m->name);
   }
   if (!started) {
      module_ended(d, m, -1);
   }
   if (d->n_gates >= GATES) {
      state_write(d);
   }
}

static void act(struct daemon *d, struct module *m, enum plan_action action)
{
   int signal;
   switch (action) {
   case ACTION_START: start(d, m); break;
   case ACTION_TERMINATE:
      m->plan.state = STATE_STOPPING;
      m->plan.deadline =
          d->now + (m->stop_timeout > 0 ? m->stop_timeout * UINT64_C(1000) : PLAN_STOP_TIMEOUT);
      signal = m->stop_signal != 0 ? m->stop_signal : SIGTERM;
      journal_event(d, EVENT_STOPPING, m, "Stopping module %s... sending SIG%s", m->name,
                    sigabbrev_np(signal));
      spawn_signal(d, m, signal);
      break;
   case ACTION_KILL:
      m->plan.deadline = d->now + PLAN_STOP_TIMEOUT;
      journal_event(d, EVENT_STOPPING, m, "Stopping module %s... sending SIGKILL", m->name);
      spawn_signal(d, m, SIGKILL);
      break;
   case ACTION_REMOVE:
   case ACTION_NONE: break;
   }
}

uint64_t modules_reconcile(struct daemon *d)
{
   uint64_t next = PLAN_NEVER;
   uint32_t kept = 0;
   for (uint32_t i = 0; i < d->n_modules; i++) {
      struct module *m = d->modules[i];
      enum plan_action action;
      uint64_t wake;
      do { /* until there is nothing to do but wait */
         m->plan.wanted = module_wanted(d, m);
         m->plan.held = !m->plan.alive && is_held(d, m);
         if (!m->plan.wanted && !m->plan.alive && m->plan.state == STATE_BACKOFF) {
            m->plan.state = STATE_STOPPED;
         }
         action = plan_next(&m->plan, d->now, &wake);
         act(d, m, action);
      } while (action != ACTION_NONE && action != ACTION_REMOVE);
      if (action == ACTION_REMOVE) {
         journal_event(d, EVENT_REMOVED, m, "Module %s was removed.", m->name);
         free_module(d, m);
         d->state_changed = true;
         continue;
      }
      next = wake < next ? wake : next;
      d->modules[kept++] = m;
   }
   d->n_modules = kept;
   return next;
}
