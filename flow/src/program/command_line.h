/* SPDX-License-Identifier: BSD-3-Clause */
/** The command lines of flow_meter, as far as the module kit does not know them. */
#ifndef FLOW_COMMAND_LINE_H
#define FLOW_COMMAND_LINE_H

#include "cache/plugin.h"

#include <stdbool.h>

/** Prints a plugin with its options and fields. */
void list_plugin(const struct flow_plugin *plugin);
/** Prints all plugins with their options and fields. */
void list_plugins(void);

/** \return true: the command line is ipfixprobe's: the program has this name, or -i names an input plugin */
bool is_probe_line(int argc, char **argv);
/** main() for ipfixprobe's command line. \return the exit status */
int probe_main(int argc, char **argv);

#endif
