/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Where the modules are: in $NEMEA_BIN, and in the directory of this program (BUILD/bin in a build tree). PATH is not searched: some
 * names of modules, like logger, belong to other programs there.
 */
#ifndef CLI_PROGRAMS_H
#define CLI_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** The path of a module. \return false: there is none of that name, or it cannot be executed */
bool program_find(const char *name, char *path, size_t size);
/** Names of all modules, sorted, in lines that begin with two spaces. */
void program_list(FILE *to);
/** The names in names[0..n) and of modules that look like the one given, as "logger or logreplay"; "" when there are none. */
void program_near(const char *name, const char *const names[], size_t n, char *to, size_t size);

#endif
