/* SPDX-License-Identifier: BSD-3-Clause */
/** The formats of flow_collector's outputs as they are written on its command line. */
#ifndef FLOW_PROGRAM_COLLECTOR_FORMAT_H
#define FLOW_PROGRAM_COLLECTOR_FORMAT_H

#include "collector/format.h"

/** Puts fields in place of "basic", "plugin:NAME" and "?plugin:NAME". \return a text for fc_format_new(), to free(); NULL with a message in error */
char *collector_format(const char *text, char error[FC_ERROR]);

#endif
