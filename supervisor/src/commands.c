/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests: {"id": ..., "command": ..., "names": [...]}, and their answers: {"id": ..., "ok": true, "result": ...} or "error". */
#include "daemon.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static json_t *problem_list(const struct config *c, bool errors)
{
   json_t *list = json_array();
   for (uint32_t i = 0; i < c->n_problems; i++) {
      if (c->problems[i].error == errors) {
         json_t *text = json_string(c->problems[i].text);
         json_array_append_new(list, text != NULL ? text : json_string("a problem whose text is not UTF-8"));
      }
   }
   return list;
}

bool command_reload(struct daemon *d, json_t *report)
{
   struct config *c = config_load(d->template);
   bool ok = c != NULL && c->n_errors == 0;
   if (ok) {
      config_check_topology(c, false);
      json_object_set_new(report, "warnings", problem_list(c, false));
      ok = modules_apply(d, c, report);
      state_write_generated(d);
   } else if (c != NULL) {
      json_object_set_new(report, "errors", problem_list(c, true));
      config_free(c);
   }
   d->reloads++;
   d->failed_reloads += !ok;
   journal_log(d, ok ? "INFO" : "ERROR",
               ok ? "The configuration was loaded: %u modules."
                  : "The configuration was refused; %u modules go on.",
               d->n_modules);
   for (size_t i = 0; i < json_array_size(json_object_get(report, "errors")); i++) {
      journal_log(d, "ERROR", "%s", json_string_value(json_array_get(json_object_get(report, "errors"), i)));
   }
   return ok;
}

static json_t *diff(struct daemon *d, bool *ok)
{
   char what[256];
   static const char *const words[] = {[CHANGE_ADDED] = "add",
                                       [CHANGE_REMOVED] = "remove",
                                       [CHANGE_RESTART] = "restart",
                                       [CHANGE_FLAGS] = "change"};
   struct config *c = config_load(d->template);
   *ok = c != NULL && c->n_errors == 0;
   json_t *list =
       *ok ? json_array() : json_pack("{s:o}", "errors", c != NULL ? problem_list(c, true) : json_array());
   for (uint32_t i = 0; *ok && i < d->config->n_modules + c->n_modules; i++) {
      bool old = i < d->config->n_modules;
      const char *name = old ? d->config->modules[i].name : c->modules[i - d->config->n_modules].name;
      const struct config_module *a = config_find(d->config, name), *b = config_find(c, name);
      enum config_change change =
          old || a == NULL ? config_compare(d->config, a, c, b, what, sizeof(what)) : CHANGE_NONE;
      if (change != CHANGE_NONE) {
         json_array_append_new(
             list, json_pack("{s:s,s:s,s:s}", "module", name, "change", words[change], "what", what));
      }
   }
   config_free(c);
   return list;
}

static const char *profile_of(const struct daemon *d, const struct module *m)
{
   return m->config != NULL ? d->config->profiles[m->config->profile].name : "";
}

static bool matches(const struct daemon *d, const struct module *m, const char *name)
{
   return strncmp(name, "profile:", 8) == 0 ? strcmp(profile_of(d, m), name + 8) == 0
                                            : fnmatch(name, m->name, 0) == 0;
}

static json_t *last_exit(const struct module *m)
{
   if (!m->ever_ended) {
      return json_null();
   }
   if (m->last_status == -1) {
      return json_pack("{s:I}", "time", (json_int_t) m->last_end);
   }
   bool killed = WIFSIGNALED(m->last_status);
   return json_pack("{s:I,s:i}", "time", (json_int_t) m->last_end, killed ? "signal" : "status",
                    killed ? WTERMSIG(m->last_status) : WEXITSTATUS(m->last_status));
}

static json_t *interfaces_of(const struct module *m, bool out)
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

static json_t *status_of(const struct daemon *d, const struct module *m)
{
   json_t *o =
       json_pack("{s:s,s:s,s:b,s:s,s:I,s:I}", "name", m->name, "profile", profile_of(d, m), "enabled",
                 module_wanted(d, m), "state", m->plan.removed ? "removed" : plan_state_name(m->plan.state),
                 "pid", (json_int_t) m->pid, "restarts", (json_int_t) m->total_restarts);
   json_object_set_new(o, "last_exit", last_exit(m));
   json_object_set_new(o, "started", m->plan.alive ? json_integer(m->last_start) : json_null());
   json_object_set_new(o, "path", m->config != NULL ? json_string(m->config->path) : json_null());
   json_object_set_new(o, "inputs", interfaces_of(m, false));
   json_object_set_new(o, "outputs", interfaces_of(m, true));
   json_object_set_new(o, "memory", json_integer(m->plan.alive ? (json_int_t) m->resident_bytes : 0));
   return o;
}

json_t *command_old_statistics(struct daemon *d, bool all)
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
      json_object_set_new(o, "inputs", interfaces_of(m, false));
      json_object_set_new(o, "outputs", interfaces_of(m, true));
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

enum verb { VERB_STATUS, VERB_START, VERB_STOP, VERB_RESTART };

static void apply_verb(struct daemon *d, struct module *m, enum verb verb)
{
   if (verb == VERB_START || verb == VERB_STOP) {
      m->override = verb == VERB_START;
      journal_event(d, "ENABLED", "Module %s set to %s.", m->name,
                    verb == VERB_START ? "enabled" : "disabled");
   }
   if (verb == VERB_RESTART && m->plan.alive) {
      m->plan.restart = true;
   }
   if (verb == VERB_START || verb == VERB_RESTART) {
      plan_reset(&m->plan);
   }
}

/* Profiles as a whole, so that starting a module of a disabled profile is possible by the profile only. */
static void apply_profile(struct daemon *d, const char *name, enum verb verb)
{
   for (uint32_t i = 0; strncmp(name, "profile:", 8) == 0 && i < d->config->n_profiles; i++) {
      if (strcmp(d->config->profiles[i].name, name + 8) == 0 && (verb == VERB_START || verb == VERB_STOP)) {
         d->profile_overrides[i] = verb == VERB_START;
         journal_event(d, "ENABLED", "Profile %s set to %s.", name + 8,
                       verb == VERB_START ? "enabled" : "disabled");
      }
   }
}

/* \return the status of the modules that are meant; NULL: why */
static json_t *run_verb(struct daemon *d, const json_t *names, enum verb verb, char *why, size_t size)
{
   json_t *list = json_array();
   size_t n_names = json_array_size(names);
   for (size_t k = 0; k < n_names; k++) { /* all or none */
      const char *name = json_string_value(json_array_get(names, k));
      bool found = false;
      for (uint32_t i = 0; name != NULL && i < d->n_modules; i++) {
         found |= matches(d, d->modules[i], name);
      }
      if (!found) {
         (void) snprintf(why, size, "no module matches \"%.200s\"", name != NULL ? name : "");
         json_decref(list);
         return NULL;
      }
   }
   for (size_t k = 0; k < n_names; k++) {
      apply_profile(d, json_string_value(json_array_get(names, k)), verb);
   }
   for (uint32_t i = 0; i < d->n_modules; i++) {
      struct module *m = d->modules[i];
      bool meant = n_names == 0;
      for (size_t k = 0; k < n_names; k++) {
         const char *name = json_string_value(json_array_get(names, k));
         bool whole_profile = strncmp(name, "profile:", 8) == 0 && (verb == VERB_START || verb == VERB_STOP);
         if (matches(d, m, name)) {
            meant = true;
            if (!whole_profile) {
               apply_verb(d, m, verb);
            } else if (verb == VERB_START) {
               plan_reset(&m->plan);
            }
         }
      }
      if (meant) {
         json_array_append_new(list, status_of(d, m));
      }
   }
   return list;
}

static json_t *info(const struct daemon *d)
{
   return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "version", NEMEA_VERSION, "template",
                    d->template, "logs", d->logs, "socket", d->socket, "started", (json_int_t) d->started,
                    "modules", (json_int_t) d->n_modules, "running", (json_int_t) modules_alive(d), "reloads",
                    (json_int_t) d->reloads, "failed_reloads", (json_int_t) d->failed_reloads);
}

static const struct {
   const char *name;
   enum verb verb;
} verbs[] = {{"status", VERB_STATUS}, {"start", VERB_START},  {"enable", VERB_START},
             {"stop", VERB_STOP},     {"disable", VERB_STOP}, {"restart", VERB_RESTART}};

static json_t *run(struct daemon *d, const char *command, const json_t *names, bool control, char *why,
                   size_t size, bool *ok)
{
   json_t *result = NULL;
   *ok = true;
   if (strcmp(command, "info") == 0) {
      return info(d);
   }
   if (strcmp(command, "diff") == 0) {
      return diff(d, ok);
   }
   if (strcmp(command, "status") != 0 && !control) {
      (void) snprintf(why, size, "\"%.50s\" is for root and the user of the supervisor only", command);
   } else if (strcmp(command, "reload") == 0) {
      result = json_object();
      *ok = command_reload(d, result);
   } else {
      (void) snprintf(why, size, "unknown command \"%.50s\"", command);
      for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
         if (strcmp(command, verbs[i].name) == 0) {
            if (verbs[i].verb != VERB_STATUS && json_array_size(names) == 0) {
               (void) snprintf(why, size, "\"%s\" needs the names of modules, profile:NAME, or patterns",
                               command);
            } else {
               result = run_verb(d, names, verbs[i].verb, why, size);
            }
         }
      }
   }
   *ok &= result != NULL;
   return result;
}

json_t *command_run(struct daemon *d, const char *request, size_t length, bool control)
{
   char why[512] = "";
   json_t *root = json_loadb(request, length, JSON_REJECT_DUPLICATES, NULL), *answer = json_object();
   const char *command = json_string_value(json_object_get(root, "command"));
   bool ok = false;
   json_t *result = NULL, *id = json_object_get(root, "id");
   if (command == NULL || json_array_size(json_object_get(root, "names")) > 1000) {
      (void) snprintf(why, sizeof(why),
                      "expected {\"command\": TEXT, \"names\": [TEXT, ...]} with at most 1000 names");
   } else {
      result = run(d, command, json_object_get(root, "names"), control, why, sizeof(why), &ok);
   }
   if (json_is_integer(id) || json_is_string(id)) {
      json_object_set(answer, "id", id);
   }
   json_object_set_new(answer, "ok", json_boolean(ok));
   if (result != NULL) {
      json_object_set_new(answer, "result", result);
   } else {
      json_t *text = json_string(why);
      json_object_set_new(answer, "error", text != NULL ? text : json_string("the request is not UTF-8"));
   }
   json_decref(root);
   return answer;
}
