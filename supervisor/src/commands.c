/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests: {"id": ..., "command": ..., "names": [...]}, and their answers: {"id": ..., "ok": true, "result": ...} or "error". */
#include "daemon.h"
#include "trusted.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

bool command_reload(struct daemon *d, json_t *report, uint32_t trial)
{
   return command_load(d, config_load(d->template), report, trial);
}

bool command_load(struct daemon *d, struct config *c, json_t *report, uint32_t trial)
{
   char why[512];
   bool ok = c != NULL && c->n_errors == 0;
   if (ok && !spawner_load(d, c, why, sizeof(why))) {
      config_error(c, 1, "%s", why);
      ok = false;
   }
   if (ok) {
      config_check_topology(c, false);
      json_object_set_new(report, "warnings", problem_list(c, false));
      trial_abandon(d);
      if (trial > 0) {
         trial_begin(d, trial);
      }
      ok = modules_apply(d, c, report);
      state_write_generated(d);
   } else if (c != NULL) {
      json_object_set_new(report, "errors", problem_list(c, true));
      config_free(c);
   }
   d->reloads++;
   d->failed_reloads += !ok;
   d->last_reload_failed = !ok;
   journal_log(d, ok ? "INFO" : "ERROR",
               ok ? "The configuration was loaded: %u modules."
                  : "The configuration was refused; %u modules go on.",
               d->n_modules);
   if (ok) {
      journal_event(d, EVENT_RELOAD, NULL, "The configuration was loaded: %u modules.", d->n_modules);
   } else {
      journal_event(d, EVENT_REFUSED, NULL, "The configuration was refused; %u modules go on.", d->n_modules);
   }
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

static bool matches(const struct daemon *d, const struct module *m, const char *name)
{
   return strncmp(name, "profile:", 8) == 0 ? strcmp(status_profile(d, m), name + 8) == 0
                                            : fnmatch(name, m->name, 0) == 0;
}

void command_module(struct daemon *d, struct module *m, enum verb verb)
{
   if (verb == VERB_START || verb == VERB_STOP) {
      m->override = verb == VERB_START;
      journal_event(d, verb == VERB_START ? EVENT_ENABLED : EVENT_DISABLED, m, "Module %s set to %s.",
                    m->name, verb == VERB_START ? "enabled" : "disabled");
   }
   if (verb == VERB_RESTART && m->plan.alive) {
      m->plan.restart = true;
   }
   if (verb == VERB_START || verb == VERB_RESTART) {
      plan_reset(&m->plan);
   }
}

void command_profile(struct daemon *d, uint32_t profile, bool enable)
{
   d->profile_overrides[profile] = enable;
   journal_event(d, enable ? EVENT_ENABLED : EVENT_DISABLED, NULL, "Profile %s set to %s.",
                 d->config->profiles[profile].name, enable ? "enabled" : "disabled");
}

/* Profiles as a whole, so that starting a module of a disabled profile is possible by the profile only. */
static void apply_profile(struct daemon *d, const char *name, enum verb verb)
{
   for (uint32_t i = 0; strncmp(name, "profile:", 8) == 0 && i < d->config->n_profiles; i++) {
      if (strcmp(d->config->profiles[i].name, name + 8) == 0 && (verb == VERB_START || verb == VERB_STOP)) {
         command_profile(d, i, verb == VERB_START);
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
               command_module(d, m, verb);
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

/* A request being answered. */
struct request {
   struct daemon *d;
   struct client *client;
   const json_t *root, *names;
   const char *name; /* of the command */
   bool ok;
   char why[512];
};

static json_t *fail(struct request *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static json_t *fail(struct request *r, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   (void) vsnprintf(r->why, sizeof(r->why), format, ap);
   va_end(ap);
   return NULL;
}

/* A number of the request. \return false: it is something else, with a reason */
static bool number(struct request *r, const char *key, json_int_t min, json_int_t max, json_int_t *value)
{
   const json_t *v = json_object_get(r->root, key);
   if (v == NULL) {
      return true;
   }
   *value = json_integer_value(v);
   if (!json_is_integer(v) || *value < min || *value > max) {
      (void) fail(r, "\"%s\": expected a number from %lld to %lld", key, (long long) min, (long long) max);
      return false;
   }
   return true;
}

/* The only name. \return NULL with a reason */
static const struct module *only_module(struct request *r)
{
   const char *name = json_string_value(json_array_get(r->names, 0));
   if (json_array_size(r->names) != 1 || name == NULL) {
      (void) fail(r, "\"%s\" needs the name of one module", r->name);
      return NULL;
   }
   const struct module *m = module_find(r->d, name);
   if (m == NULL) {
      (void) fail(r, "no module is named \"%.200s\"", name);
   }
   return m;
}

static json_t *run_info(struct request *r)
{
   const struct daemon *d = r->d;
   static const char *const roles[] = {
       [ROLE_READ] = "read", [ROLE_INSPECT] = "inspect", [ROLE_CONTROL] = "control"};
   char sandbox[256] = "switched off", missing[512];
   (void) sandbox_complete(missing, sizeof(missing));
   if (d->sandbox != SANDBOX_OFF) {
      sandbox_describe(sandbox, sizeof(sandbox));
   }
   return json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:s}", "version", NEMEA_VERSION,
                    "template", d->template, "logs", d->logs, "socket", d->socket, "pid",
                    (json_int_t) getpid(), "started", (json_int_t) d->started, "modules",
                    (json_int_t) d->n_modules, "running", (json_int_t) modules_alive(d), "reloads",
                    (json_int_t) d->reloads, "failed_reloads", (json_int_t) d->failed_reloads, "role",
                    roles[r->client->role], "trial", trial_result(d), "sandbox", sandbox, "sandbox_missing",
                    missing);
}

static json_t *run_diff(struct request *r)
{
   return diff(r->d, &r->ok);
}

static json_t *run_graph(struct request *r)
{
   return graph_make(r->d);
}

static json_t *run_metrics(struct request *r)
{
   json_t *text = metrics_make(r->d);
   return text != NULL ? text : fail(r, "no memory");
}

static json_t *run_reload(struct request *r)
{
   json_int_t trial = 0;
   if (!number(r, "rollback", 0, 3600, &trial)) {
      return NULL;
   }
   json_t *report = json_object();
   r->ok = command_reload(r->d, report, (uint32_t) trial);
   return report;
}

/* Problems of the template as it is now, also of how modules fit together. Nothing changes. */
static json_t *run_check(struct request *r)
{
   struct config *c = config_load(r->d->template);
   if (c == NULL) {
      return fail(r, "no memory");
   }
   if (c->n_errors == 0) {
      config_check_topology(c, false);
   }
   if (r->d->spawner_pid > 0) {
      trusted_check(c);
   }
   limits_check(r->d, c);
   char missing[512];
   if (r->d->sandbox == SANDBOX_OFF) {
      config_warning(c, 0, "the sandbox of modules is switched off (--sandbox=off)");
   } else if (!sandbox_complete(missing, sizeof(missing))) {
      config_warning(c, 0, "%s", missing);
   }
   r->ok = c->n_errors == 0;
   json_t *o =
       json_pack("{s:o,s:o,s:I,s:I,s:I,s:I}", "errors", problem_list(c, true), "warnings",
                 problem_list(c, false), "more", (json_int_t) c->n_more, "modules", (json_int_t) c->n_modules,
                 "n_errors", (json_int_t) c->n_errors, "n_warnings", (json_int_t) c->n_warnings);
   config_free(c);
   return o;
}

static bool event_wanted(const void *context, const json_t *event)
{
   const json_t *names = context;
   const char *module = json_string_value(json_object_get(event, "module"));
   for (size_t i = 0; i < json_array_size(names); i++) {
      const char *name = json_string_value(json_array_get(names, i));
      if (name != NULL && module != NULL && fnmatch(name, module, 0) == 0) {
         return true;
      }
   }
   return json_array_size(names) == 0;
}

static json_t *run_events(struct request *r)
{
   json_int_t after = 0, limit = 100;
   if (!number(r, "after", 0, INT64_MAX, &after) || !number(r, "limit", 1, 1024, &limit)) {
      return NULL;
   }
   return events_list(r->d, (uint64_t) after, (uint64_t) limit, event_wanted, r->names);
}

static json_t *log_of(const struct daemon *d, const struct module *m, const char *stream, uint32_t lines)
{
   char *path = journal_module_path(d, m->name, stream);
   json_t *o = path != NULL ? logs_tail(path, lines) : json_null();
   free(path);
   return o;
}

/* The log of the supervisor without a name, or those of a module. */
static json_t *run_logs(struct request *r)
{
   json_int_t lines = 100;
   if (!number(r, "lines", 1, 10000, &lines)) {
      return NULL;
   }
   if (json_array_size(r->names) == 0) {
      char *path = NULL;
      json_t *o =
          asprintf(&path, "%s/supervisor_log", r->d->logs) >= 0 ? logs_tail(path, (uint32_t) lines) : NULL;
      free(path);
      return json_pack("{s:o?}", "supervisor", o);
   }
   const struct module *m = only_module(r);
   return m != NULL ? json_pack("{s:s,s:o,s:o}", "module", m->name, "stdout",
                                log_of(r->d, m, "stdout", (uint32_t) lines), "stderr",
                                log_of(r->d, m, "stderr", (uint32_t) lines))
                    : NULL;
}

static json_t *run_tap(struct request *r)
{
   json_int_t output = 0, records = 10, seconds = 5;
   if (!number(r, "output", 0, CONFIG_INTERFACES, &output) || !number(r, "records", 1, 10000, &records) ||
       !number(r, "seconds", 1, 30, &seconds)) {
      return NULL;
   }
   const struct module *m = only_module(r);
   if (m != NULL) {
      (void) tap_start(r->d, r->client, m, (uint32_t) output, (uint32_t) records, (uint32_t) seconds,
                       json_object_get(r->root, "id"), r->why, sizeof(r->why));
   }
   return NULL;
}

static json_t *run_named(struct request *r, enum verb verb)
{
   if (verb != VERB_STATUS && json_array_size(r->names) == 0) {
      return fail(r, "\"%s\" needs the names of modules, profile:NAME, or patterns", r->name);
   }
   return run_verb(r->d, r->names, verb, r->why, sizeof(r->why));
}

static json_t *run_status(struct request *r)
{
   return run_named(r, VERB_STATUS);
}

static json_t *run_start(struct request *r)
{
   return run_named(r, VERB_START);
}

static json_t *run_stop(struct request *r)
{
   return run_named(r, VERB_STOP);
}

static json_t *run_restart(struct request *r)
{
   return run_named(r, VERB_RESTART);
}

static const struct command {
   const char *name;
   enum role role;
   json_t *(*run)(struct request *r); /* NULL: why, or the answer comes later */
} commands[] = {
    {"status", ROLE_READ, run_status},    {"graph", ROLE_READ, run_graph},
    {"events", ROLE_READ, run_events},    {"info", ROLE_READ, run_info},
    {"diff", ROLE_READ, run_diff},        {"check", ROLE_READ, run_check},
    {"metrics", ROLE_READ, run_metrics},  {"logs", ROLE_INSPECT, run_logs},
    {"tap", ROLE_INSPECT, run_tap},       {"start", ROLE_CONTROL, run_start},
    {"enable", ROLE_CONTROL, run_start},  {"stop", ROLE_CONTROL, run_stop},
    {"disable", ROLE_CONTROL, run_stop},  {"restart", ROLE_CONTROL, run_restart},
    {"reload", ROLE_CONTROL, run_reload},
};

static json_t *run(struct request *r)
{
   for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
      const struct command *c = &commands[i];
      if (strcmp(r->name, c->name) == 0) {
         return c->role <= r->client->role
                    ? c->run(r)
                    : fail(r, "\"%s\" is for root and the user of the supervisor only%s", c->name,
                           c->role == ROLE_INSPECT ? ", and for users of --inspect-user" : "");
      }
   }
   return fail(r, "unknown command \"%.50s\"", r->name);
}

json_t *command_answer(const json_t *id, bool ok, json_t *result, const char *why)
{
   json_t *answer = json_object();
   if (json_is_integer(id) || json_is_string(id)) {
      json_object_set(answer, "id", (json_t *) id);
   }
   json_object_set_new(answer, "ok", json_boolean(ok));
   if (result != NULL) {
      json_object_set_new(answer, "result", result);
   } else {
      json_object_set_new(answer, "error", json_text(why, strlen(why)));
   }
   return answer;
}

json_t *command_run(struct daemon *d, struct client *client, const char *text, size_t length)
{
   json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL), *result = NULL;
   struct request r = {.d = d,
                       .client = client,
                       .root = root,
                       .names = json_object_get(root, "names"),
                       .name = json_string_value(json_object_get(root, "command")),
                       .ok = true};
   if (r.name == NULL || json_array_size(r.names) > 1000) {
      (void) fail(&r, "expected {\"command\": TEXT, \"names\": [TEXT, ...]} with at most 1000 names");
   } else {
      result = run(&r);
   }
   json_t *answer = client->tap == NULL
                        ? command_answer(json_object_get(root, "id"), r.ok && result != NULL, result, r.why)
                        : NULL;
   json_decref(root);
   return answer;
}
