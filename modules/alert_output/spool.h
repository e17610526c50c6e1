/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Messages that wait to be delivered: a ring of fixed size, in a file or in memory.
 *
 * A message leaves the ring when it was confirmed; a reader that failed goes back to the first one that was not. The file is mapped, so what
 * was put into it is there after the process was killed. Its room is reserved when it is made, so that a full disk is an error at the
 * start and not later. One process has it at a time.
 *
 * It also knows how far each input was taken: position and message change together, so that after a kill a message that its sender
 * delivers again is recognized.
 *
 * Threads: calls must not overlap; the owner has a lock.
 */
#ifndef ALERT_OUTPUT_SPOOL_H
#define ALERT_OUTPUT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_INPUTS 128 /* whose positions are kept */

/** A place in the stream of an input's sender. */
struct spool_position {
   uint32_t input;    /* of spool_input() */
   uint64_t instance; /* of the sender's output; 0: unknown */
   uint64_t number;   /* of a message */
};

struct spool {
   struct spool_header *header;
   char *ring;
   uint64_t size;           /* of the ring */
   uint64_t next;           /* position of the next message to send */
   uint64_t waiting;        /* messages that are not confirmed */
   uint64_t sent;           /* of these, those that were read */
   uint64_t damaged;        /* bytes that were dropped when the file was opened */
   int fd;                  /* -1: in memory */
   bool used[SPOOL_INPUTS]; /* positions of inputs of this run */
};

/** Opens or makes a spool. \param path NULL: in memory \param size bytes \param contents what the messages are; a file with others is
 * an error unless it is empty \return false with a reason */
bool spool_open(struct spool *s, const char *path, uint64_t size, uint32_t contents, char *why,
                size_t why_size);
/** What is not confirmed stays in the file. */
void spool_close(struct spool *s);
/** The number of an input for its positions; inputs of earlier runs that are not there make room. SPOOL_INPUTS: there are too many */
uint32_t spool_input(struct spool *s, const char *name);
/** Whether what is at this position was taken before. */
bool spool_has(const struct spool *s, const struct spool_position *p);
/** What is at this position was taken, and is no message. */
void spool_pass(struct spool *s, const struct spool_position *p);
/** \param p where the message came from \return false: there is no room; it was not taken */
bool spool_put(struct spool *s, const char *message, uint32_t length, const struct spool_position *p);
/** What was put is on the disk when this returns true; in memory it does nothing. May overlap other calls. */
bool spool_sync(const struct spool *s);
/** Length of the next message; 0: there is none. */
uint32_t spool_peek(const struct spool *s);
/** Takes the next message. \param to room for spool_peek() bytes */
void spool_take(struct spool *s, char *to);
/** All messages before a position (a value that next had) are delivered. */
void spool_confirm(struct spool *s, uint64_t position);
/** Goes back to the first message that is not confirmed. */
void spool_rewind(struct spool *s);

#endif
