/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Options of a module that NEMEA 2 does not have: attributes of <module> in the namespace CONFIG_NAMESPACE, which NEMEA 2 does not look
 * at. Each is kept as it was written, for comparison and status, and as what it means.
 */
#ifndef SUPERVISOR_CONFIG_OPTIONS_H
#define SUPERVISOR_CONFIG_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_STOP      3600  /* seconds of stop-timeout */
#define CONFIG_AFTER     16    /* names of after */
#define CONFIG_VARIABLES 64    /* of environment */
#define CONFIG_LOG_LEAST 10000 /* bytes of log-limit */
#define CONFIG_LOG_FILES 100
#define CONFIG_CPU       102400  /* percent of a core */
#define CONFIG_TASKS     1048576 /* processes and threads */

enum config_option {
   OPTION_STOP_TIMEOUT,
   OPTION_STOP_SIGNAL,
   OPTION_AFTER,
   OPTION_LOG_LIMIT,
   /* What follows holds for a process from its start on. */
   OPTION_USER,
   OPTION_GROUP,
   OPTION_CWD,
   OPTION_ENVIRONMENT,
   OPTION_CPUS,
   OPTION_NICE,
   OPTION_MEMORY,
   OPTION_OPEN_FILES,
   OPTION_CORE,
   OPTION_SANDBOX,
   OPTION_CAPABILITIES,
   OPTION_CPU_LIMIT,
   OPTION_TASKS,
   OPTIONS
};
#define OPTION_FIRST_OF_PROCESS OPTION_USER

struct config_options {
   char *text[OPTIONS];   /* as written; NULL: not given */
   uint32_t stop_timeout; /* seconds until it is killed; 0: the default */
   int stop_signal;       /* 0: SIGTERM */
   char **after;          /* names of modules that are started before; NULL-terminated, or NULL */
   char **environment;    /* NAME=VALUE, NULL-terminated, or NULL */
   cpu_set_t cpus;
   int nice;
   uint64_t memory;       /* bytes */
   uint32_t open_files;   /* descriptors */
   uint32_t cpu_limit;    /* percent of a core; 0: any */
   uint32_t tasks;        /* processes and threads; 0: the default */
   uint64_t core;         /* bytes of a core dump; UINT64_MAX: any */
   uint64_t log_bytes;    /* of each log; 0: as --log-limit says */
   uint32_t log_files;    /* with those of before */
   bool no_sandbox;       /* its program is known, and it is not confined all the same */
   uint64_t capabilities; /* bits of CAP_* that the spawner gives it beyond those of its kind */
};

struct config;
struct config_module;

const char *config_option_name(enum config_option option);
/** Takes an attribute; what is wrong is added to the problems of the configuration. */
void config_option_take(struct config *c, struct config_module *m, const char *name, const char *value);
/** After all modules were read: modules that wait for each other. */
void config_options_check(struct config *c);
/** Warnings of what this machine lacks for the options of a module. */
void config_options_check_machine(struct config *c, const struct config_module *m);
void config_options_free(struct config_options *o);
/** What a process was started with, beyond its command line: "NAME=VALUE" in lines, "" without options. NULL without memory. */
char *config_options_of_process(const struct config_options *o);
/** "BYTESxN". \return false: it is not */
bool config_log_limit(const char *text, uint64_t *bytes, uint32_t *files);

#endif
