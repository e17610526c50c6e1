/* SPDX-License-Identifier: BSD-3-Clause */
/** Which files only root can change: so what they say is root's word. */
#ifndef SUPERVISOR_TRUSTED_H
#define SUPERVISOR_TRUSTED_H

#include "config.h"

#include <stdbool.h>
#include <stddef.h>

/** Whether a file, each directory on the way to it and each symbolic link there belong to root and can be written by nobody else.
 *  \param why says which of them does not */
bool trusted_path(const char *path, char *why, size_t size);
/** The program of a module as it would be executed: a path, or a name that is looked for in PATH. \return false: there is none */
bool trusted_find(const char *path, char *found, size_t size);
/** Adds to a configuration what its spawner would say: an error for each file of it that others than root can change, as it is not loaded then,
 *  and a warning for each such program of a module, which is not started. */
void trusted_check(struct config *c);

#endif
