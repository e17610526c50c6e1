/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea: the door that people come in by. */
#include "cli.h"

#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
   const char *name, *summary;
   int (*run)(int argc, char **argv);
   void (*help)(FILE *to);
} commands[] = {
    {"analyze", "find attacks in captures, flow files or on an interface", cli_analyze, cli_analyze_help},
    {"new-module", "make a directory with a module of your own that builds", cli_new_module,
     cli_new_module_help},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

void cli_error(const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   nc_text_vline(stderr, "nemea: ", format, ap);
   va_end(ap);
}

static void help(FILE *to)
{
   fputs("usage: nemea COMMAND [ARGUMENT...]\n\n", to);
   for (size_t i = 0; i < N_COMMANDS; i++) {
      fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
   }
   fputs("  help       help of a command: nemea help COMMAND\n\nOptions: --help, --version\n", to);
}

static const struct command *find(const char *name)
{
   for (size_t i = 0; i < N_COMMANDS; i++) {
      if (strcmp(commands[i].name, name) == 0) {
         return &commands[i];
      }
   }
   cli_error("unknown command \"%s\" (see nemea --help)", name);
   return NULL;
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
   if (c == NULL) {
      return CLI_USAGE;
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
