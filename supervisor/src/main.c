/* SPDX-License-Identifier: BSD-3-Clause */
/** supervisor: the options. Checks a configuration, or runs the daemon. */
#include "config.h"
#include "daemon.h"
#include "trusted.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE  2
#define EXIT_CONFIG 78 /* EX_CONFIG */

static void help(FILE *to)
{
   fputs(
       ("usage: supervisor -T FILE -L DIR [OPTION...]\n"
        "       supervisor --check [--strict] [--user=NAME] FILE\n"
        "       supervisor --diff OLD NEW\n"
        "\n"
        "Starts the modules that a configuration names, watches them, and starts them again when they end.\n"
        "\n"
        "  -T, --config-template=FILE  the configuration: a template and the .sup files that it includes\n"
        "  -L, --logs-path=DIR         directory of log files\n"
        "  -d, --daemon                run in the background\n"
        "  -f, --foreground            no menu; without -d and -f, the menu of NEMEA 2 is shown if the "
        "standard "
        "input is a\n"
        "                              terminal\n"
        "  -s, --daemon-socket=PATH    socket for clients (default " DEFAULT_SOCKET ")\n"
        "  -C, --configs-path=DIR      directory of the configuration with all includes (default: the state "
        "directory)\n"
        "      --state-dir=DIR         directory of what outlives the supervisor, 0700 (default: "
        "$STATE_DIRECTORY, or\n"
        "                              " DEFAULT_STATE ")\n"
        "      --inspect-user=NAME     a user who may also read logs and records (supcli logs, tap); up to 8 "
        "times\n"
        "      --log-limit=BYTESxN     keep N files of each log, of about so many bytes; older ones are "
        "deleted\n"
        "      --import-backup=FILE    take over the modules that a supervisor of NEMEA 2 left running "
        "(/tmp/sup_tmp_dir/\n"
        "                              NUMBER_sup_backup_file.xml); FILE is renamed to FILE.imported\n"
        "      --user=NAME             for root: the supervisor and its modules run as this user, and only "
        "nemea_spawner stays\n"
        "                              root, which starts what a configuration names that only root can "
        "change\n"
        "      --watchdog=SECONDS      kill a module that has not answered for so long, and start it again "
        "(default: 0, never)\n"
        "      --sandbox=auto|require|off\n"
        "                              confine the modules with the means of this kernel (default); do not "
        "start where one\n"
        "                              of these is missing; do not confine them\n"
        "      --check FILE            print all errors and warnings of a template, each with file and line; "
        "with "
        "--user also what\n"
        "                              others than root can change\n"
        "      --strict                warnings count as errors\n"
        "      --diff OLD NEW          print what a change from one template to the other restarts, starts "
        "and stops\n"
        "      --release-cgroup        for the service unit: make the control group free for a new start, "
        "and end\n"
        "  -h, --help                  print this help\n"
        "  -V, --version               print the version\n"
        "\n"
        "Signals: TERM stops the modules and the supervisor; INT and QUIT end the supervisor, and the "
        "modules go on and are\n"
        "taken over by the next one; HUP reads the configuration again; USR1 opens the log files again.\n"
        "\n"
        "Exit status: 0 without errors, 1 for what went wrong, 2 for wrong options, 78 for a wrong "
        "configuration.\n"),
       to);
}

static void print_problems(const struct config *c)
{
   char text[4096];
   for (uint32_t i = 0; i < c->n_problems; i++) {
      const struct config_problem *p = &c->problems[i];
      nc_text_terminal(text, sizeof(text), p->text, strlen(p->text));
      fprintf(stderr, "%s: %s\n", p->error ? "error" : "warning", text);
   }
   if (c->n_more > 0) {
      fprintf(stderr, "and %u more\n", c->n_more);
   }
}

/* \param user of --user, NULL: no spawner will read it */
static int check(const char *path, bool strict, const char *user)
{
   char whole[PATH_MAX];
   if (user != NULL && spawner_user(user) == NULL) {
      return EXIT_FAILURE;
   }
   struct config *c = config_load(user != NULL && realpath(path, whole) != NULL ? whole : path);
   if (c == NULL) {
      fputs("supervisor: no memory\n", stderr);
      return EXIT_FAILURE;
   }
   if (c->n_errors == 0) {
      config_check_topology(c, true);
   }
   if (user != NULL) {
      trusted_check(c);
   }
   print_problems(c);
   bool ok = c->n_errors == 0 && (!strict || c->n_warnings == 0);
   uint32_t enabled = 0;
   for (uint32_t i = 0; ok && i < c->n_modules; i++) {
      enabled += config_enabled(c, &c->modules[i]);
   }
   if (ok) {
      printf("%u modules in %u profiles, %u enabled; %u warnings\n", c->n_modules, c->n_profiles, enabled,
             c->n_warnings);
   } else {
      printf("%u errors, %u warnings\n", c->n_errors, c->n_warnings);
   }
   config_free(c);
   return ok ? EXIT_SUCCESS : EXIT_CONFIG;
}

static void print_change(const struct config *old, const struct config_module *a, const struct config *new,
                         const struct config_module *b)
{
   static const char *const words[] = {[CHANGE_ADDED] = "add",
                                       [CHANGE_REMOVED] = "remove",
                                       [CHANGE_RESTART] = "restart",
                                       [CHANGE_FLAGS] = "change"};
   char what[256], name[512];
   enum config_change change = config_compare(old, a, new, b, what, sizeof(what));
   if (change != CHANGE_NONE) {
      const char *raw = a != NULL ? a->name : b->name;
      nc_text_terminal(name, sizeof(name), raw, strlen(raw));
      printf("%-8s%s%s%s\n", words[change], name, *what != 0 ? ": " : "", what);
   }
}

static int diff(const char *old_path, const char *new_path)
{
   struct config *old = config_load(old_path), *new = config_load(new_path);
   int status = EXIT_FAILURE;
   if (old != NULL && new != NULL && old->n_errors == 0 && new->n_errors == 0) {
      for (uint32_t i = 0; i < old->n_modules; i++) {
         print_change(old, &old->modules[i], new, config_find(new, old->modules[i].name));
      }
      for (uint32_t i = 0; i < new->n_modules; i++) {
         if (config_find(old, new->modules[i].name) == NULL) {
            print_change(old, NULL, new, &new->modules[i]);
         }
      }
      status = EXIT_SUCCESS;
   } else if (old != NULL && new != NULL) {
      print_problems(old->n_errors > 0 ? old : new);
      status = EXIT_CONFIG;
   }
   config_free(old);
   config_free(new);
   return status;
}

static bool add_inspector(struct daemon *d, const char *name)
{
   const struct passwd *user = getpwnam(name);
   if (user == NULL || d->n_inspectors == INSPECTORS) {
      fprintf(stderr,
              user == NULL ? "supervisor: --inspect-user=%s: no such user\n"
                           : "supervisor: --inspect-user=%s: expected at most 8 users\n",
              name);
      return false;
   }
   d->inspectors[d->n_inspectors++] = user->pw_uid;
   return true;
}

static bool set_log_limit(struct daemon *d, const char *text)
{
   if (!config_log_limit(text, &d->log_bytes, &d->log_files)) {
      fprintf(stderr,
              "supervisor: --log-limit=%s: expected BYTESxN, at least 10000 bytes and 1 to 100 files\n",
              text);
      return false;
   }
   return true;
}

static bool set_watchdog(struct daemon *d, const char *text)
{
   char *end;
   unsigned long seconds = strtoul(text, &end, 10);
   if (*text < '0' || *text > '9' || *end != 0 || seconds > 86400) {
      fprintf(stderr, "supervisor: --watchdog=%s: expected seconds, 0 to 86400\n", text);
      return false;
   }
   d->watchdog = (uint32_t) seconds;
   return true;
}

static bool set_sandbox(struct daemon *d, const char *word)
{
   static const char *const words[] = {
       [SANDBOX_AUTO] = "auto", [SANDBOX_REQUIRE] = "require", [SANDBOX_OFF] = "off"};
   for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
      if (strcmp(word, words[i]) == 0) {
         d->sandbox = (enum sandbox_policy) i;
         return true;
      }
   }
   fprintf(stderr, "supervisor: --sandbox=%s: expected auto, require or off\n", word);
   return false;
}

static int run(struct daemon *d, bool background)
{
   char template[PATH_MAX], logs[PATH_MAX], why[SOCKET_REASON_SIZE];
   const char *state = getenv("STATE_DIRECTORY");
   if (d->template == NULL || d->logs == NULL) {
      fprintf(stderr, "supervisor: no %s (supervisor -h)\n",
              d->template == NULL ? "template, expected -T FILE" : "directory of logs, expected -L DIR");
      return EXIT_USAGE;
   }
   if (strstr(d->template, ".xml") == NULL) {
      fprintf(stderr, "supervisor: template \"%s\": expected a name with .xml\n", d->template);
      return EXIT_USAGE;
   }
   if (realpath(d->template, template) == NULL || access(template, R_OK) != 0) {
      fprintf(stderr, "supervisor: cannot read the template %s: %s\n", d->template, strerror(errno));
      return EXIT_CONFIG;
   }
   /* Root without all its capabilities need not be able to write there; the user that it becomes is. */
   bool becomes = d->user != NULL && geteuid() == 0;
   if (realpath(d->logs, logs) == NULL || (!becomes && access(logs, W_OK | X_OK) != 0)) {
      fprintf(stderr, "supervisor: cannot write to the directory of logs %s: %s\n", d->logs, strerror(errno));
      return EXIT_CONFIG;
   }
   char missing[512];
   if (d->sandbox == SANDBOX_REQUIRE && !sandbox_complete(missing, sizeof(missing))) {
      fprintf(stderr, "supervisor: --sandbox=require: %s\n", missing);
      return EXIT_FAILURE;
   }
   if (socket_dirs_init(&d->dirs, DEFAULT_SOCKET_DIR, why) != 0) {
      fprintf(stderr, "supervisor: %s\n", why);
      return EXIT_FAILURE;
   }
   if (d->user != NULL && geteuid() != 0) { /* everything runs as this user anyway */
      const struct passwd *user = getpwnam(d->user);
      if (user == NULL || user->pw_uid != geteuid()) {
         fprintf(stderr, "supervisor: --user=%s: only root can start it as another user\n", d->user);
         return EXIT_FAILURE;
      }
      d->user = NULL;
   }
   d->template = template;
   d->logs = logs;
   d->state_dir = d->state_dir != NULL ? d->state_dir : state != NULL ? state : DEFAULT_STATE;
   d->configs = d->configs != NULL ? d->configs : d->state_dir;
   return daemon_run(d, background);
}

/* What the command line asks for. */
struct command {
   bool check, strict, diff, background, foreground, release;
};

enum { RELEASE = 256, CHECK, STRICT, DIFF, STATE, INSPECT, LOG_LIMIT, IMPORT, SANDBOX, USER, WATCHDOG };

static const struct option options[] = {{"check", no_argument, NULL, CHECK},
                                        {"strict", no_argument, NULL, STRICT},
                                        {"diff", no_argument, NULL, DIFF},
                                        {"config-template", required_argument, NULL, 'T'},
                                        {"logs-path", required_argument, NULL, 'L'},
                                        {"daemon", no_argument, NULL, 'd'},
                                        {"foreground", no_argument, NULL, 'f'},
                                        {"daemon-socket", required_argument, NULL, 's'},
                                        {"configs-path", required_argument, NULL, 'C'},
                                        {"state-dir", required_argument, NULL, STATE},
                                        {"inspect-user", required_argument, NULL, INSPECT},
                                        {"log-limit", required_argument, NULL, LOG_LIMIT},
                                        {"import-backup", required_argument, NULL, IMPORT},
                                        {"sandbox", required_argument, NULL, SANDBOX},
                                        {"user", required_argument, NULL, USER},
                                        {"watchdog", required_argument, NULL, WATCHDOG},
                                        {"help", no_argument, NULL, 'h'},
                                        {"release-cgroup", no_argument, NULL, RELEASE},
                                        {"version", no_argument, NULL, 'V'},
                                        {NULL, 0, NULL, 0}};

/* \return false after a message: its value is wrong, or there is no such option */
static bool set_option(struct daemon *d, struct command *c, int option, const char *value)
{
   switch (option) {
   case RELEASE: c->release = true; return true;
   case CHECK: c->check = true; return true;
   case STRICT: c->strict = true; return true;
   case DIFF: c->diff = true; return true;
   case 'd': c->background = true; return true;
   case 'f': c->foreground = true; return true;
   case 'T': d->template = value; return true;
   case 'L': d->logs = value; return true;
   case 's': d->socket = value; return true;
   case 'C': d->configs = value; return true;
   case STATE: d->state_dir = value; return true;
   case IMPORT: d->backup = value; return true;
   case USER: d->user = value; return true;
   case INSPECT: return add_inspector(d, value);
   case LOG_LIMIT: return set_log_limit(d, value);
   case WATCHDOG: return set_watchdog(d, value);
   case SANDBOX: return set_sandbox(d, value);
   default: return false; /* getopt has said why */
   }
}

int main(int argc, char **argv)
{
   static struct daemon d = {.socket = DEFAULT_SOCKET};
   struct command c = {.check = false};
   for (int o; (o = getopt_long(argc, argv, "T:L:dfs:C:hV", options, NULL)) != -1;) {
      if (o == 'h' || o == 'V') {
         if (o == 'h') {
            help(stdout);
         } else {
            puts("supervisor " NEMEA_VERSION);
         }
         return nc_flush_stdout("supervisor") ? EXIT_SUCCESS : EXIT_FAILURE;
      }
      if (!set_option(&d, &c, o, optarg)) {
         return EXIT_USAGE;
      }
   }
   if (c.release) {
      cgroup_release();
      return EXIT_SUCCESS;
   }
   if (c.background && c.foreground) {
      fputs("supervisor: expected only one of --daemon and --foreground\n", stderr);
      return EXIT_USAGE;
   }
   if (!c.check && !c.diff) {
      d.interactive =
          !c.background && !c.foreground && isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
      return run(&d, c.background);
   }
   int expected = c.check ? 1 : 2;
   if (c.check == c.diff || argc - optind != expected || (c.strict && !c.check)) {
      help(stderr);
      return EXIT_USAGE;
   }
   int status = c.check ? check(argv[optind], c.strict, d.user) : diff(argv[optind], argv[optind + 1]);
   return nc_flush_stdout("supervisor") ? status : EXIT_FAILURE;
}
