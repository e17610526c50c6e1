/* SPDX-License-Identifier: BSD-3-Clause */
/** The state directory of a deployment that nemea run started: where it is, and what is where in it. */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include <stdbool.h>
#include <stddef.h>

#define STATE_DEFAULT "/var/lib/nemea-run" /* of root; /var/lib/nemea is the services' of packages */

/* In the state directory. */
#define STATE_CONFIG  "config" /* generated configuration */
#define STATE_RUN     "run"    /* sockets */
#define STATE_CONTROL "run/supervisor.sock"
#define STATE_ALERTS  "run/trap-alert_store.sock"
#define STATE_FLOWS   "flows"

/** The default: STATE_DEFAULT for root, otherwise nemea in $XDG_STATE_HOME or ~/.local/state. \return false: it is too long, or there is no home */
bool state_directory(char *path, size_t size);
/**
 * The path of what a deployment has under this name: in the directory given, or with NULL in the default one of this user, or of root,
 * where it is there. \return false: it is in none of them
 */
bool state_find(const char *given, const char *name, char *path, size_t size);

#endif
