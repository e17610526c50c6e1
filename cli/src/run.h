/* SPDX-License-Identifier: BSD-3-Clause */
/** nemea run: what its parts share. */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "run_plan.h"

/** A running deployment. */
struct run {
   const char *file;                  /* nemea.yaml; NULL: none */
   const char *state;                 /* absolute path */
   const char *user;                  /* of the command line; NULL: none */
   bool named;                        /* the state directory is not the default one: clients must be told */
   struct run_config command, config; /* what the command line says; all of it */
   struct run_plan plan;
};

/** Reads the configuration again, plans, and writes into the state directory. \return false after an error was printed */
bool run_prepare(struct run *r);
/** Runs the supervisor until a signal, with the state directory made. \return enum cli_status */
int run_watch(struct run *r);
/** Blocks the signals that run_watch() waits for, so that none is lost before. */
void run_block_signals(void);

/** Makes the directories above it, which a fresh account may not have. */
void run_make_parents(const char *path);
/** The user of the command line or else of the file, whose name is checked. \return NULL: none is named */
const char *run_user(const struct run *r);
/** Started by root, becomes that user, whom the state directory then belongs to; where none is named, the one of the packages, if there is one.
 * \return -1 to go on, else enum cli_status after an error was printed */
int run_become(const struct run *r);
/** Makes the directories of the state directory and takes its lock. \return false after an error was printed */
bool run_directories(const char *state);

#endif
