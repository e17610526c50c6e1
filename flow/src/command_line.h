/* SPDX-License-Identifier: BSD-3-Clause */
/** The command line of flow_meter, as far as the module kit does not know it. */
#ifndef FLOW_COMMAND_LINE_H
#define FLOW_COMMAND_LINE_H

#include <stdbool.h>

/** Prints all plugins with their options and fields. \return false: standard output failed */
bool list_plugins(void);

#endif
