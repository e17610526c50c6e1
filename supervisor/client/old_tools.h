/* SPDX-License-Identifier: BSD-3-Clause */
/** Tools of NEMEA 2 that show what "supcli -x" and "supcli -i" print: the plugin nemea_supervisor of Munin, and nemea-modulesinfo. */
#ifndef SUPERVISOR_OLD_TOOLS_H
#define SUPERVISOR_OLD_TOOLS_H

#include <stdbool.h>

/**
 * What plugins of Munin do with their argument. program: with its description, for the help text.
 * \return -1: print values, or with *config their description; else the exit status of what is done
 */
int old_munin_argument(const char *program, int argc, char **argv, bool *config);
/** \return exit status */
int old_munin(const char *socket, int argc, char **argv);
/** The plugin nemea_ipfixcol2 of Munin, which asks service sockets, not the supervisor. */
int old_ipfixcol2(int argc, char **argv);
int old_modulesinfo(const char *socket, int argc, char **argv);

#endif
