/* SPDX-License-Identifier: BSD-3-Clause */
/** The modules of a deployment: which programs run, with which options, and how they are connected. */
#ifndef CLI_RUN_PLAN_H
#define CLI_RUN_PLAN_H

#include "run_config.h"

#include <stdio.h>

#define RUN_MODULES 128

/** In the order in which they are stopped: what sends before what reads. */
enum run_profile { RUN_DATA_SOURCES, RUN_DETECTION, RUN_REPORTERS, RUN_STORES, RUN_PAGE, RUN_PROFILES };

struct run_interface {
   bool out;
   char *params; /* of a UNIX socket */
};

struct run_module {
   enum run_profile profile;
   char *name, *path, *params;
   bool once; /* is not started again when it has ended */
   struct run_interface *interfaces;
   unsigned n_interfaces;
};

struct run_plan {
   struct run_module modules[RUN_MODULES];
   unsigned n;
   bool page, traffic; /* these programs are installed */
   char *not_run;      /* detectors that do not run, and why; "" none */
};

/** Plans the deployment. state, directory: absolute paths, of the state and of its configuration. \return false with a message in error */
bool run_plan_make(struct run_plan *p, const struct run_config *c, const char *state, const char *directory,
                   char error[RUN_ERROR]);
void run_plan_free(struct run_plan *p);

/** Name of a profile in the configuration, and of the directory of its .sup files. */
const char *run_profile_name(enum run_profile profile);
const char *run_profile_directory(enum run_profile profile);

/**
 * Writes the configuration of the supervisor into a directory, which is there: a template, and a .sup file for each module in
 * a directory for each profile. .sup files that are there and not written again are removed. \return false with a message
 */
bool run_write(const struct run_plan *p, const struct run_config *c, const char *directory,
               char error[RUN_ERROR]);
#define RUN_TEMPLATE      "supervisor_config_template.xml"
#define RUN_NETWORKS_FILE "networks.txt"

#endif
