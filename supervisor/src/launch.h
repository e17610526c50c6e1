/* SPDX-License-Identifier: BSD-3-Clause */
/** What a child process does between fork() and the program of a module. The same in the supervisor and in its spawner. */
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

#include "config.h"
#include "sandbox.h"
#include "socket_path.h"

#include <sys/types.h>

#define LAUNCH_GROUPS 64

/** Whom a process becomes. */
struct launch_user {
   uid_t uid;
   gid_t gid;
   gid_t groups[LAUNCH_GROUPS]; /* all but gid */
   int n_groups;
};

struct launch {
   const char *path;
   char *const *argv;
   const struct config_options *options; /* NULL: none */
   struct sandbox sandbox;
   const struct socket_dirs *dirs;
   const struct launch_user *user; /* NULL: that of this process */
   int in, out, err;
   int gate;        /* the program begins when a byte can be read here; -1: at once */
   bool limit_data; /* memory is limited, by RLIMIT_DATA where no control group does it */
};

/** The user of a module: of its options, otherwise the service's. Never root, and in the service's group, to which sockets belong.
 *  \param service NULL: without one \return 1: found, 0: neither names one, -1: why */
int launch_user_of(const struct config_options *o, const char *service, struct launch_user *u, char *why,
                   size_t size);
/** How a program is confined: as its kind says, where that is not switched off. */
struct sandbox launch_sandbox(bool off, const char *path, char *const argv[], const struct config_options *o);
/** In a child: becomes a program with its three descriptors and no others, in its sandbox. */
__attribute__((noreturn)) void launch_become(const struct launch *l);

#endif
