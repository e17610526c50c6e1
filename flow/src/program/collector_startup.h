/* SPDX-License-Identifier: BSD-3-Clause */
/** The option -c of flow_collector: a start-up file of ipfixcol2 in place of options. */
#ifndef FLOW_PROGRAM_COLLECTOR_STARTUP_H
#define FLOW_PROGRAM_COLLECTOR_STARTUP_H

#include <nemea/module.h>

/** Runs the module with the options that a start-up file stands for in place of -c, if that is given. \return the exit status */
int collector_main(const nm_module_def_t *definition, int argc, char **argv);

#endif
