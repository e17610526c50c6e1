/* SPDX-License-Identifier: BSD-3-Clause */
/** The private directory of a run, in which its processes have their sockets. */
#ifndef CLI_RUN_DIRECTORY_H
#define CLI_RUN_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

/** Makes it (mode 0700, in $TMPDIR or /tmp) and names it in TRAP_SOCKET_DIR. \return false with errno */
bool run_directory_make(char *path, size_t size);
/** Removes it with all that is in it: a module that was killed leaves its sockets behind. */
void run_directory_remove(const char *path);

#endif
