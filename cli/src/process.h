/* SPDX-License-Identifier: BSD-3-Clause */
/** Child processes: started, listened to, ended. */
#ifndef CLI_PROCESS_H
#define CLI_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROCESS_WORDS  0x10000 /* last bytes of a child's standard error that are kept */
#define PROCESS_REPORT 3       /* descriptor on which a child reports progress */

struct process {
   const char *name;
   pid_t pid; /* 0: not started, or its end was seen */
   bool started, ended;
   bool asked;  /* to end, by process_ask_to_end() */
   int status;  /* as of waitpid() */
   int errors;  /* its standard error, -1: closed */
   int report;  /* its progress, -1: none */
   char *words; /* its last output on standard error */
   size_t n_words;
   char line[128]; /* last whole line of progress */
   char part[128];
   size_t n_part;
};

/** Starts argv[0] with its path. report: give it a pipe at PROCESS_REPORT. \return false with errno */
bool process_start(struct process *p, const char *path, char *const argv[], bool report);
/** Starts work(context) in a child of the same program instead. */
bool process_fork(struct process *p, const char *name, int (*work)(void *context), void *context);
/** Reads what the child has written, and its exit status. verbose: copy its messages to standard error. */
void process_look(struct process *p, bool verbose);
/** Whether it has ended with another status than 0 or accepted. */
bool process_failed(const struct process *p, int accepted);
/** Sends SIGTERM to a process that runs. */
void process_ask_to_end(struct process *p);
/** Whether it was asked to end before it could handle the signal: it ended without its last output, and did not fail. */
bool process_cut_short(const struct process *p);
/** Its last message; "was killed by signal 9 (Killed)", "exited with status 1" without one. */
void process_describe(const struct process *p, char *to, size_t size);
/** Stops those that still run: SIGTERM, and SIGKILL after a deadline. */
void process_stop_all(struct process *p, size_t n);
void process_free(struct process *p);

#endif
