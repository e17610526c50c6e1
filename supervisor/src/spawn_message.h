/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What the supervisor and its spawner say to each other, over a SOCK_SEQPACKET socket pair: packets of a fixed size in the byte order
 * of the machine, of which both are. The supervisor sends one request and waits for its answer; the spawner also says, at any time,
 * which processes have ended.
 *
 * The spawner is root and takes no word of a request for granted: the supervisor that sends it may have been taken over.
 */
#ifndef SUPERVISOR_SPAWN_MESSAGE_H
#define SUPERVISOR_SPAWN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPAWN_MAGIC 0x4e535031u /* "NSP1" */
#define SPAWN_NAME  256         /* bytes of a module's name with its final 0 */
#define SPAWN_FDS   3           /* of START: standard output, standard error, gate */

enum spawn_type {
   SPAWN_LOAD = 1, /* to read the configuration again */
   SPAWN_START,    /* a module, by its name; with three descriptors. Answered with a pidfd */
   SPAWN_SIGNAL,   /* to a module's processes */
   SPAWN_ANSWER,   /* of the spawner */
   SPAWN_ENDED,    /* of the spawner */
};

struct spawn_request {
   uint32_t magic, type;
   uint64_t fingerprint;  /* LOAD: spawn_fingerprint() of the text that the supervisor has read */
   uint64_t start_time;   /* SIGNAL: field 22 of /proc/PID/stat */
   int32_t pid, signal;   /* SIGNAL */
   char name[SPAWN_NAME]; /* START: ends with 0, and all behind it is 0 */
};

struct spawn_answer {
   uint32_t magic, type;
   int32_t pid;    /* ANSWER to START, ENDED */
   int32_t status; /* ANSWER: 0, or -1 and why; ENDED: as of waitpid() */
   char why[512];
};

/** Whether bytes that were received are a request as one may be, whatever it asks for. \param n_fds descriptors that came with it */
bool spawn_request_ok(const struct spawn_request *r, size_t size, size_t n_fds);
/** The same for an answer. */
bool spawn_answer_ok(const struct spawn_answer *a, size_t size);
/** Of a configuration, to see that both have read the same text. Not against attackers: the files are root's. */
uint64_t spawn_fingerprint(const char *text, size_t length);

#endif
