/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Inputs that are read once and needed by two programs, or that are still being written: a process copies them into FIFOs, of which each
 * program reads one.
 */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include "process.h"

#include <stdbool.h>
#include <stdio.h>

#define STREAM_READERS 2   /* at most */
#define STREAM_PATH    128 /* of a FIFO */

struct stream {
   const char *path; /* of the input; "-": standard input */
   bool follow;      /* a capture or a directory of captures: wait for what is still written, until SIGTERM */
   unsigned readers;
   char fifo[STREAM_READERS][STREAM_PATH];
   struct process process;
};

/** Those of a list of inputs. */
struct streams {
   struct stream *list;
   unsigned n;
   const char **paths[STREAM_READERS]; /* the inputs as each reader opens them: FIFOs in place of streams */
};

/**
 * Starts what the readers of these inputs need: a process for each pipe that two of them read, or for the only one that is followed.
 * \param directory for the FIFOs \return false with errno
 */
bool streams_start(struct streams *all, const char *directory, const char *const *files, unsigned n,
                   unsigned readers, bool follow);
/** Ends the processes. */
void streams_stop(struct streams *all);
/** A reader's message with the name of the input in place of that of the FIFO. \return text, or to */
const char *streams_named(const struct streams *all, const char *text, char *to, size_t size);

/** Output of a stream's process. */
struct stream_output {
   int fd[STREAM_READERS]; /* -1: its reader has ended */
   unsigned n;
};

/** Writes to all readers that are there. \return false: none is left */
bool stream_write(struct stream_output *to, const void *data, size_t size);
/** From now on SIGTERM lets follow_captures() read what is there, and end. */
void follow_until_signal(void);
/** Copies captures that grow, until SIGTERM. \return exit status */
int follow_captures(const char *path, struct stream_output *to);

#endif
