/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_options.h"

#include "config.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[OPTIONS] = {
    [OPTION_STOP_TIMEOUT] = "stop-timeout",
    [OPTION_STOP_SIGNAL] = "stop-signal",
    [OPTION_AFTER] = "after",
    [OPTION_LOG_LIMIT] = "log-limit",
    [OPTION_USER] = "user",
    [OPTION_GROUP] = "group",
    [OPTION_CWD] = "cwd",
    [OPTION_ENVIRONMENT] = "environment",
    [OPTION_CPUS] = "cpus",
    [OPTION_NICE] = "nice",
    [OPTION_MEMORY] = "memory",
    [OPTION_OPEN_FILES] = "open-files",
    [OPTION_CORE] = "core",
    [OPTION_SANDBOX] = "sandbox",
    [OPTION_CAPABILITIES] = "capabilities",
    [OPTION_CPU_LIMIT] = "cpu-limit",
    [OPTION_TASKS] = "tasks",
};

const char *config_option_name(enum config_option option)
{
   return names[option];
}

/* ------------------------------------------------------------------- single values */

static bool number(const char *text, unsigned long long least, unsigned long long most,
                   unsigned long long *to)
{
   char *end;
   errno = 0;
   *to = strtoull(text, &end, 10);
   return *text >= '0' && *text <= '9' && *end == 0 && errno == 0 && *to >= least && *to <= most;
}

static bool count(const char *text, uint32_t least, uint32_t most, uint32_t *to)
{
   unsigned long long n = 0;
   bool ok = number(text, least, most, &n);
   *to = ok ? (uint32_t) n : 0;
   return ok;
}

/* Bytes, also with the suffix k, M or G of powers of 1024. */
static bool take_bytes(const char *text, uint64_t *to)
{
   static const char suffixes[] = "kMG";
   char *end;
   errno = 0;
   unsigned long long n = strtoull(text, &end, 10);
   const char *suffix = *end != 0 ? strchr(suffixes, *end) : NULL;
   int shift = suffix != NULL ? 10 * (int) (suffix - suffixes + 1) : 0;
   if (*text < '0' || *text > '9' || errno != 0 || n > (UINT64_MAX >> 1) >> shift ||
       (suffix != NULL ? end[1] != 0 : *end != 0)) {
      return false;
   }
   *to = (uint64_t) n << shift;
   return true;
}

static bool take_signal(const char *text, int *to)
{
   static const struct {
      const char *name;
      int number;
   } signals[] = {{"TERM", SIGTERM}, {"INT", SIGINT},   {"QUIT", SIGQUIT},
                  {"HUP", SIGHUP},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2}};
   for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
      if (strcmp(text, signals[i].name) == 0) {
         *to = signals[i].number;
         return true;
      }
   }
   return false;
}

/* "0-3,6" */
static bool take_cpus(const char *text, cpu_set_t *to)
{
   char *end;
   for (const char *p = text;; p = end + 1) {
      unsigned long first = strtoul(p, &end, 10), last = first;
      if (*p < '0' || *p > '9') {
         return false;
      }
      if (*end == '-') {
         p = end + 1;
         last = strtoul(p, &end, 10);
         if (*p < '0' || *p > '9') {
            return false;
         }
      }
      if (first > last || last >= CPU_SETSIZE) {
         return false;
      }
      for (unsigned long cpu = first; cpu <= last; cpu++) {
         CPU_SET(cpu, to);
      }
      if (*end != ',') {
         return *end == 0;
      }
   }
}

static bool take_nice(const char *text, int *to)
{
   unsigned long long n;
   bool negative = *text == '-';
   if (!number(text + negative, 0, negative ? 20 : 19, &n)) {
      return false;
   }
   *to = negative ? -(int) n : (int) n;
   return true;
}

/* Names of users and groups as the system's tools make them, or numbers; never root's. */
static bool plain_user(const char *text)
{
   return *text != 0 && *text != '-' && strcmp(text, "root") != 0 && text[strspn(text, "0")] != 0 &&
          text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] == 0;
}

bool config_log_limit(const char *text, uint64_t *bytes, uint32_t *files)
{
   char *end;
   errno = 0;
   unsigned long long size = strtoull(text, &end, 10), n;
   if (*text < '0' || *text > '9' || *end != 'x' || errno != 0 || size < CONFIG_LOG_LEAST ||
       !number(end + 1, 1, CONFIG_LOG_FILES, &n)) {
      return false;
   }
   *bytes = size;
   *files = (uint32_t) n;
   return true;
}

/* Words that are separated by spaces and commas. \return whether all of them are known */
static bool take_capabilities(const char *text, uint64_t *to)
{
   static const struct {
      const char *name;
      int bit;
   } known[] = {
       {"NET_RAW", CAP_NET_RAW}, {"NET_ADMIN", CAP_NET_ADMIN}, {"NET_BIND_SERVICE", CAP_NET_BIND_SERVICE}};
   bool any = strcmp(text, "none") == 0;
   for (const char *p = any ? "" : text + strspn(text, " ,"); *p != 0; p += strspn(p, " ,")) {
      size_t n = strcspn(p, " ,"), i = 0;
      for (; i < sizeof(known) / sizeof(known[0]); i++) {
         if (strlen(known[i].name) == n && memcmp(known[i].name, p, n) == 0) {
            *to |= 1ull << known[i].bit;
            break;
         }
      }
      if (i == sizeof(known) / sizeof(known[0])) {
         return false;
      }
      any = true;
      p += n;
   }
   return any;
}

static bool take_environment(const char *text, char ***to)
{
   char why[256];
   char **words = config_words(text, why, sizeof(why));
   size_t n = 0;
   for (; words != NULL && words[n] != NULL; n++) {
      const char *equals = strchr(words[n], '=');
      size_t name = equals != NULL ? (size_t) (equals - words[n]) : 0;
      if (name == 0 ||
          strspn(words[n], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != name) {
         n = SIZE_MAX - 1;
         break;
      }
   }
   if (n == 0 || n > CONFIG_VARIABLES) {
      config_command_free(words);
      return false;
   }
   *to = words;
   return true;
}

static bool take_after(const char *text, const char *self, char ***to)
{
   char why[256];
   char **words = config_words(text, why, sizeof(why));
   size_t n = 0;
   bool ok = words != NULL;
   for (; ok && words[n] != NULL; n++) {
      ok = self == NULL || strcmp(words[n], self) != 0;
   }
   if (!ok || n == 0 || n > CONFIG_AFTER) {
      config_command_free(words);
      return false;
   }
   *to = words;
   return true;
}

/* ------------------------------------------------------------------------- options */

static const char *const expected[OPTIONS] = {
    [OPTION_STOP_TIMEOUT] = "1 to 3600 seconds",
    [OPTION_STOP_SIGNAL] = "TERM, INT, QUIT, HUP, USR1 or USR2",
    [OPTION_AFTER] = "1 to 16 names of other modules, separated by spaces",
    [OPTION_LOG_LIMIT] = "BYTESxN, at least 10000 bytes and 1 to 100 files",
    [OPTION_USER] = "the name of a user other than root",
    [OPTION_GROUP] = "the name of a group other than root",
    [OPTION_CWD] = "a path that begins with /",
    [OPTION_ENVIRONMENT] = "1 to 64 NAME=VALUE, separated by spaces, in quotes if there are spaces in one",
    [OPTION_CPUS] = "numbers of processors as in 0-3,6",
    [OPTION_NICE] = "-20 to 19",
    [OPTION_MEMORY] = "bytes, at least 1M, as in 512M or 2G",
    [OPTION_OPEN_FILES] = "16 to 1048576",
    [OPTION_CORE] = "bytes, as in 0 or 512M, or unlimited",
    [OPTION_SANDBOX] = "on or off",
    [OPTION_CAPABILITIES] = "NET_RAW, NET_ADMIN, NET_BIND_SERVICE, several of them, or none",
    [OPTION_CPU_LIMIT] = "percent of a core, 1 to 102400",
    [OPTION_TASKS] = "processes and threads, 1 to 1048576",
};

static bool take(struct config_options *o, const char *self, enum config_option option, const char *value)
{
   switch (option) {
   case OPTION_STOP_TIMEOUT: return count(value, 1, CONFIG_STOP, &o->stop_timeout);
   case OPTION_STOP_SIGNAL: return take_signal(value, &o->stop_signal);
   case OPTION_AFTER: return take_after(value, self, &o->after);
   case OPTION_LOG_LIMIT: return config_log_limit(value, &o->log_bytes, &o->log_files);
   case OPTION_USER:
   case OPTION_GROUP: return plain_user(value);
   case OPTION_CWD: return *value == '/';
   case OPTION_ENVIRONMENT: return take_environment(value, &o->environment);
   case OPTION_CPUS: return take_cpus(value, &o->cpus);
   case OPTION_NICE: return take_nice(value, &o->nice);
   case OPTION_MEMORY: return take_bytes(value, &o->memory) && o->memory >= 1u << 20;
   case OPTION_OPEN_FILES: return count(value, 16, 1048576, &o->open_files);
   case OPTION_CORE:
      if (strcmp(value, "unlimited") == 0) {
         o->core = UINT64_MAX;
         return true;
      }
      return take_bytes(value, &o->core);
   case OPTION_SANDBOX:
      o->no_sandbox = strcmp(value, "off") == 0;
      return o->no_sandbox || strcmp(value, "on") == 0;
   case OPTION_CAPABILITIES: return take_capabilities(value, &o->capabilities);
   case OPTION_CPU_LIMIT: return count(value, 1, CONFIG_CPU, &o->cpu_limit);
   case OPTION_TASKS: return count(value, 1, CONFIG_TASKS, &o->tasks);
   case OPTIONS: break;
   }
   return false;
}

void config_option_take(struct config *c, struct config_module *m, const char *name, const char *value)
{
   int option = 0;
   while (option < OPTIONS && strcmp(name, names[option]) != 0) {
      option++;
   }
   if (option == OPTIONS) {
      config_error(c, m->line, "unexpected attribute \"%.100s\" of <module>", name);
      return;
   }
   m->options.text[option] = strdup(value);
   if (m->options.text[option] == NULL) {
      config_error(c, m->line, "no memory");
   } else if (!take(&m->options, m->name, (enum config_option) option, value)) {
      config_error(c, m->line, "%s \"%.100s\": expected %s", name, value, expected[option]);
   }
}

void config_options_free(struct config_options *o)
{
   for (int i = 0; i < OPTIONS; i++) {
      free(o->text[i]);
   }
   config_command_free(o->after);
   config_command_free(o->environment);
}

char *config_options_of_process(const struct config_options *o)
{
   char *text = NULL;
   size_t length;
   FILE *to = open_memstream(&text, &length);
   if (to == NULL) {
      return NULL;
   }
   for (int i = OPTION_FIRST_OF_PROCESS; i < OPTIONS; i++) {
      if (o->text[i] != NULL) {
         (void) fprintf(to, "%s=%s\n", names[i], o->text[i]);
      }
   }
   if (fclose(to) != 0) {
      free(text);
      return NULL;
   }
   return text;
}

/* -------------------------------------------------------------------------- checks */

/* Whether all that a module waits for is in order already. */
static bool in_order(const struct config *c, const struct config_module *m, const bool *done)
{
   for (char **name = m->options.after; name != NULL && *name != NULL; name++) {
      const struct config_module *o = config_find(c, *name);
      if (o != NULL && !done[o - c->modules]) {
         return false;
      }
   }
   return true;
}

void config_options_check(struct config *c)
{
   bool *done = calloc(c->n_modules + 1, sizeof(*done)), any = false, more = true;
   for (uint32_t i = 0; i < c->n_modules; i++) {
      any |= c->modules[i].options.after != NULL;
      for (char **name = c->modules[i].options.after; name != NULL && *name != NULL; name++) {
         if (config_find(c, *name) == NULL) {
            config_warning(c, c->modules[i].line, "after \"%.100s\": there is no module of that name", *name);
         }
      }
   }
   while (any && done != NULL && more) {
      more = false;
      for (uint32_t i = 0; i < c->n_modules; i++) {
         if (!done[i] && in_order(c, &c->modules[i], done)) {
            done[i] = more = true;
         }
      }
   }
   for (uint32_t i = 0; any && done != NULL && i < c->n_modules; i++) {
      if (!done[i]) {
         config_error(
             c, c->modules[i].line,
             "module \"%.100s\" is to be started after \"%.200s\", which waits for it or in a circle",
             c->modules[i].name, c->modules[i].options.text[OPTION_AFTER]);
         break; /* the others are in the same circle, or wait for it */
      }
   }
   free(done);
}

static bool is_number(const char *text)
{
   return text[strspn(text, "0123456789")] == 0;
}

void config_options_check_machine(struct config *c, const struct config_module *m)
{
   const struct config_options *o = &m->options;
   const char *user = o->text[OPTION_USER], *group = o->text[OPTION_GROUP], *cwd = o->text[OPTION_CWD];
   struct stat st;
   if (user != NULL && !is_number(user) && getpwnam(user) == NULL) {
      config_warning(c, m->line, "user of module \"%.100s\": there is no user %.100s", m->name, user);
   }
   if (group != NULL && !is_number(group) && getgrnam(group) == NULL) {
      config_warning(c, m->line, "group of module \"%.100s\": there is no group %.100s", m->name, group);
   }
   if (cwd != NULL && (stat(cwd, &st) != 0 || !S_ISDIR(st.st_mode))) {
      config_warning(c, m->line, "cwd of module \"%.100s\": there is no directory %.200s", m->name, cwd);
   }
   if (o->text[OPTION_CPUS] != NULL) {
      long n = sysconf(_SC_NPROCESSORS_CONF);
      for (long cpu = n; n > 0 && cpu < CPU_SETSIZE; cpu++) {
         if (CPU_ISSET((size_t) cpu, &o->cpus)) {
            config_warning(c, m->line, "cpus of module \"%.100s\": this machine has no processor %ld",
                           m->name, cpu);
            break;
         }
      }
   }
}
