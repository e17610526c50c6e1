/* SPDX-License-Identifier: BSD-3-Clause */
/** Which files only root can change: so what they say is root's word. */
#ifndef SUPERVISOR_TRUSTED_H
#define SUPERVISOR_TRUSTED_H

#include <stdbool.h>
#include <stddef.h>

/** Whether a file, each directory on the way to it and each symbolic link there belong to root and can be written by nobody else.
 *  \param why says which of them does not */
bool trusted_path(const char *path, char *why, size_t size);
/** The program of a module as it would be executed: a path, or a name that is looked for in PATH. \return false: there is none */
bool trusted_find(const char *path, char *found, size_t size);

#endif
