/* SPDX-License-Identifier: BSD-3-Clause */
/** The state of modules as JSON: for requests, and with the keys of NEMEA 2 for its clients. */
#include "daemon.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *status_profile(const struct daemon *d, const struct module *m)
{
   return m->config != NULL ? d->config->profiles[m->config->profile].name : "";
}

static json_t *last_exit(const struct module *m)
{
   if (!m->ever_ended) {
      return json_null();
   }
   json_t *o = json_pack("{s:I}", "time", (json_int_t) m->last_end);
   if (m->last_status != -1) {
      bool killed = WIFSIGNALED(m->last_status);
      json_object_set_new(o, killed ? "signal" : "status",
                          json_integer(killed ? WTERMSIG(m->last_status) : WEXITSTATUS(m->last_status)));
   }
   if (m->last_oom) {
      json_object_set_new(o, "reason", json_string("memory"));
   }
   return o;
}

static json_t *old_interfaces(const struct module *m, bool out)
{
   json_t *list = json_array();
   for (uint32_t i = 0; i < m->n_ifcs; i++) {
      const struct ifc_stats *s = &m->ifcs[i];
      char type[2] = {s->type, 0};
      if (s->out == out) {
         json_array_append_new(
             list, out ? json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "type", type, "ID", s->id, "cli-num",
                                   (json_int_t) s->peers, "sent-msg", (json_int_t) s->messages, "drop-msg",
                                   (json_int_t) s->dropped, "buffers", (json_int_t) s->buffers, "autoflush",
                                   (json_int_t) s->autoflushes)
                       : json_pack("{s:s,s:s,s:I,s:I,s:I}", "type", type, "ID", s->id, "is-conn",
                                   (json_int_t) s->peers, "messages", (json_int_t) s->messages, "buffers",
                                   (json_int_t) s->buffers));
      }
   }
   return list;
}

void status_add_interface(json_t *o, const struct ifc_stats *s)
{
   uint64_t queued = 0;
   json_object_set_new(o, "messages", json_integer((json_int_t) s->messages));
   json_object_set_new(o, "rate", json_real(s->rate));
   json_object_set_new(o, "dropped", json_integer((json_int_t) s->dropped));
   json_object_set_new(o, "drop_rate", json_real(s->drop_rate));
   if (!s->out) {
      json_object_set_new(o, "connected", json_boolean(s->peers != 0));
      return;
   }
   for (uint32_t i = 0; i < s->n_clients; i++) {
      queued = s->clients[i].queued > queued ? s->clients[i].queued : queued;
   }
   json_object_set_new(o, "clients", json_integer(s->peers));
   json_object_set_new(o, "queued_bytes", json_integer((json_int_t) queued));
   json_object_set_new(o, "queue_bytes", json_integer((json_int_t) s->queue));
}

/* The same as for NEMEA 2, and what is new. */
static json_t *interfaces_of(const struct module *m, bool out)
{
   json_t *list = old_interfaces(m, out);
   size_t n = 0;
   for (uint32_t i = 0; i < m->n_ifcs; i++) {
      if (m->ifcs[i].out == out) {
         status_add_interface(json_array_get(list, n++), &m->ifcs[i]);
      }
   }
   return list;
}

/* What its process may do; of one that an earlier supervisor has started, the kernel says whether it has a filter. */
static json_t *sandbox_of_process(const struct module *m)
{
   char text[128];
   if (!m->plan.alive) {
      return json_null();
   }
   sandbox_name(&m->sandbox, text, sizeof(text));
   return m->sandbox.on ? json_pack("{s:b,s:s}", "on", true, "may", text)
                        : json_pack("{s:b,s:s}", "on", false, "why",
                                    m->sandbox.why != NULL ? m->sandbox.why : "unknown");
}

/* Which limits are in force. Those of the options cpu-limit and tasks are there with a control group only. */
static json_t *limits_of(const struct module *m)
{
   return m->plan.alive ? json_string(m->in_cgroup ? "cgroup" : "rlimits") : json_null();
}

/* The options of a module as they were written. */
static json_t *options_of(const struct module *m)
{
   json_t *o = json_object();
   for (int i = 0; m->config != NULL && i < OPTIONS; i++) {
      const char *text = m->config->options.text[i];
      if (text != NULL) {
         json_object_set_new(o, config_option_name((enum config_option) i), json_text(text, strlen(text)));
      }
   }
   return o;
}

/* Whose its process is. */
static json_t *user_of(const struct module *m)
{
   char path[64];
   struct stat st;
   (void) snprintf(path, sizeof(path), "/proc/%d", (int) m->pid);
   if (!m->plan.alive || stat(path, &st) != 0) {
      return json_null();
   }
   const struct passwd *user = getpwuid(st.st_uid);
   return user != NULL ? json_string(user->pw_name) : json_sprintf("%u", (unsigned) st.st_uid);
}

json_t *status_of(const struct daemon *d, const struct module *m)
{
   bool alive = m->plan.alive;
   double tick = (double) sysconf(_SC_CLK_TCK);
   json_t *o =
       json_pack("{s:s,s:s,s:b,s:s,s:I,s:I}", "name", m->name, "profile", status_profile(d, m), "enabled",
                 module_wanted(d, m), "state", m->plan.removed ? "removed" : plan_state_name(m->plan.state),
                 "pid", (json_int_t) m->pid, "restarts", (json_int_t) m->total_restarts);
   json_object_set_new(o, "last_exit", last_exit(m));
   json_object_set_new(o, "started", alive ? json_integer(m->last_start) : json_null());
   json_object_set_new(o, "path", m->config != NULL ? json_string(m->config->path) : json_null());
   json_object_set_new(o, "sandbox", sandbox_of_process(m));
   json_object_set_new(o, "limits", limits_of(m));
   json_object_set_new(o, "oom_kills", json_integer((json_int_t) m->oom_kills));
   json_object_set_new(o, "user", user_of(m));
   json_object_set_new(o, "options", options_of(m));
   json_object_set_new(o, "inputs", interfaces_of(m, false));
   json_object_set_new(o, "outputs", interfaces_of(m, true));
   json_object_set_new(o, "memory", json_integer(alive ? (json_int_t) m->resident_bytes : 0));
   json_object_set_new(o, "virtual_memory", json_integer(alive ? (json_int_t) m->virtual_bytes : 0));
   json_object_set_new(o, "cpu", json_real(alive ? m->cpu : 0));
   json_object_set_new(o, "cpu_user_seconds", json_real(alive ? (double) m->cpu_user / tick : 0));
   json_object_set_new(o, "cpu_system_seconds", json_real(alive ? (double) m->cpu_system / tick : 0));
   return o;
}

json_t *status_old(struct daemon *d, bool all)
{
   json_t *root = json_object();
   service_read_usage(d);
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *m = d->modules[i];
      bool alive = m->plan.alive;
      if (m->config == NULL || (!alive && !all)) {
         continue;
      }
      json_t *o = json_pack("{s:i,s:i,s:I,s:I}", "CPU-u", alive ? (int) m->cpu_user_percent : 0, "CPU-s",
                            alive ? (int) m->cpu_system_percent : 0, "MEM-vms",
                            (json_int_t) (alive ? m->virtual_bytes : 0), "MEM-rss",
                            (json_int_t) (alive ? m->resident_bytes : 0));
      json_object_set_new(o, "inputs", old_interfaces(m, false));
      json_object_set_new(o, "outputs", old_interfaces(m, true));
      if (all) {
         json_object_set_new(o, "idx", json_integer(i));
         json_object_set_new(o, "params",
                             json_string(m->config->params != NULL ? m->config->params : "none"));
         json_object_set_new(o, "path", json_string(m->config->path));
         json_object_set_new(o, "status", json_string(alive ? "running" : "stopped"));
      }
      json_object_set_new(root, m->name, o);
   }
   return root;
}
