/* SPDX-License-Identifier: BSD-3-Clause */
/** What the files of the program nemea share. */
#ifndef CLI_H
#define CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Exit status of nemea. */
enum cli_status {
   CLI_OK = 0,     /**< done, with alerts or without */
   CLI_USAGE = 2,  /**< invalid command line */
   CLI_INPUT = 3,  /**< an input cannot be read */
   CLI_MODULE = 4, /**< a module could not be started, or died */
   CLI_OUTPUT = 5  /**< a report could not be written */
};

/** Prints "nemea: ..." as one line on standard error, control characters as escapes. */
void cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

int cli_analyze(int argc, char **argv);
void cli_analyze_help(FILE *to);
int cli_flows(int argc, char **argv);
void cli_flows_help(FILE *to);
int cli_alerts(int argc, char **argv);
void cli_alerts_help(FILE *to);
int cli_run(int argc, char **argv);
void cli_run_help(FILE *to);
int cli_new_module(int argc, char **argv);
void cli_new_module_help(FILE *to);

#endif
