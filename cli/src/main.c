/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea: the command line. Finds and runs a command. */
#include "cli.h"
#include "programs.h"
#include "state.h"

#include <errno.h>
#include <limits.h>
#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
   const char *name, *summary;
   int (*run)(int argc, char **argv);
   void (*help)(FILE *to);
} commands[] = {
    {"analyze", "find attacks in captures, flow files or on an interface", cli_analyze, cli_analyze_help},
    {"flows", "list flows of captures, flow files or an archive of flow_archive", cli_flows, cli_flows_help},
    {"alerts", "ask the store of alerts: list, show, follow, mark, export", cli_alerts, cli_alerts_help},
    {"run", "run a whole deployment: source, detectors, stores, page", cli_run, cli_run_help},
    {"new-module", "make a directory with a module of your own that builds", cli_new_module,
     cli_new_module_help},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Those of the client of the supervisor, which has the same names. */
static const char *const supervisor_commands[] = {"status", "top",     "graph",  "logs",    "events",
                                                  "check",  "diff",    "tap",    "metrics", "start",
                                                  "stop",   "restart", "enable", "disable", "reload"};

static bool is_supervisor_command(const char *name)
{
   bool found = false;
   for (size_t i = 0; i < sizeof(supervisor_commands) / sizeof(supervisor_commands[0]); i++) {
      found |= strcmp(name, supervisor_commands[i]) == 0;
   }
   return found;
}

void cli_error(const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   nc_text_vline(stderr, "nemea: ", format, ap);
   va_end(ap);
}

static void help(FILE *to)
{
   /* Where /usr/bin/nemea is the directory of the modules, the command has its other name. */
   const char *name = strcmp(program_invocation_short_name, "nemeactl") == 0 ? "nemeactl" : "nemea";
   fprintf(to, "usage: %s COMMAND [ARGUMENT...]\n       %s MODULE [ARGUMENT...]\n\nCommands:\n", name, name);
   for (size_t i = 0; i < N_COMMANDS; i++) {
      fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
   }
   fprintf(
       to,
       "  help       help of a command or module: %s help NAME\n"
       "\n"
       "Commands of the supervisor, for a deployment that runs (as supcli COMMAND; --state-dir DIR names "
       "that of "
       "nemea run):\n"
       "  status, top, graph, events, logs, tap, metrics, check, diff, start, stop, restart, enable, "
       "disable, reload\n"
       "\n"
       "Options: --help, --version\n"
       "\n"
       "Exit status: 2 when there is no such command or module; otherwise that of the command or module.\n"
       "\n"
       "Environment: NEMEA_BIN, a directory in which modules are looked for first.\n"
       "\n"
       "Modules:\n",
       name);
   program_list(to);
}

static const struct command *find(const char *name)
{
   for (size_t i = 0; i < N_COMMANDS; i++) {
      if (strcmp(commands[i].name, name) == 0) {
         return &commands[i];
      }
   }
   return NULL;
}

static int unknown(const char *name)
{
   const char *names[N_COMMANDS];
   char near[256];
   for (size_t i = 0; i < N_COMMANDS; i++) {
      names[i] = commands[i].name;
   }
   program_near(name, names, N_COMMANDS, near, sizeof(near));
   cli_error("unknown command or module \"%s\"%s%s%s (nemea --help lists them)", name,
             *near != 0 ? ": did you mean " : "", near, *near != 0 ? "?" : "");
   return CLI_USAGE;
}

/* The process becomes the module argv[0]. \return the exit status, when it cannot */
static int run_module(char **argv)
{
   char path[PATH_MAX];
   if (!program_find(argv[0], path, sizeof(path))) {
      return unknown(argv[0]);
   }
   execv(path, argv);
   cli_error("cannot start %s: %s", path, strerror(errno));
   return CLI_MODULE;
}

/* In place of --state-dir, the socket that nemea run has there. \return false after an error was printed */
static bool name_socket(char **argv, char *socket, size_t size)
{
   static const char option[] = "--state-dir";
   const size_t length = sizeof(option) - 1;
   for (int i = 2; argv[i] != NULL; i++) {
      bool apart = strcmp(argv[i], option) == 0;
      if (!apart && (strncmp(argv[i], option, length) != 0 || argv[i][length] != '=')) {
         continue;
      }
      const char *directory = apart ? argv[i + 1] : argv[i] + length + 1;
      if (directory == NULL || *directory == 0) {
         cli_error("option %s needs an argument: the directory of a deployment of nemea run", option);
         return false;
      }
      if (snprintf(socket, size, "-s%s/" STATE_CONTROL, directory) >= (int) size) {
         cli_error("option %s: %s: the path is too long", option, directory);
         return false;
      }
      argv[i] = socket;
      for (int k = i + 1; apart && argv[k] != NULL; k++) {
         argv[k] = argv[k + 1];
      }
   }
   return true;
}

/* The process becomes supcli. */
static int run_supervisor_command(char **argv, bool wants_help)
{
   char path[PATH_MAX], socket[PATH_MAX], name[] = "supcli", option[] = "-h", *ask[] = {name, option, NULL};
   if (!wants_help && !name_socket(argv, socket, sizeof(socket))) {
      return CLI_USAGE;
   }
   if (!program_find(name, path, sizeof(path))) {
      cli_error("%s is a command of supcli, which is not installed beside this program", argv[1]);
      return CLI_MODULE;
   }
   argv[0] = name;
   execv(path, wants_help ? ask : argv);
   cli_error("cannot start %s: %s", path, strerror(errno));
   return CLI_MODULE;
}

static int run(int argc, char **argv)
{
   if (argc < 2) {
      help(stderr);
      return CLI_USAGE;
   }
   if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
      puts("nemea " NEMEA_VERSION);
      return CLI_OK;
   }
   bool wants_help =
       strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0;
   if (wants_help && argc < 3) {
      help(stdout);
      return CLI_OK;
   }
   const struct command *c = find(wants_help ? argv[2] : argv[1]);
   if (c == NULL && is_supervisor_command(wants_help ? argv[2] : argv[1])) {
      return run_supervisor_command(argv, wants_help);
   }
   if (c == NULL) {
      char option[] = "-h", *ask[] = {argv[2], option, NULL};
      return run_module(wants_help ? ask : argv + 1);
   }
   if (wants_help) {
      c->help(stdout);
      return CLI_OK;
   }
   return c->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
   int status = run(argc, argv);
   return status != CLI_OK || nc_flush_stdout("nemea") ? status : CLI_OUTPUT;
}
