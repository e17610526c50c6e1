/* SPDX-License-Identifier: BSD-3-Clause */
/** The thread that delivers messages. The module puts them into a spool and never waits for a receiver. */
#ifndef ALERT_OUTPUT_SENDER_H
#define ALERT_OUTPUT_SENDER_H

#include "destination.h"
#include "spool.h"

struct sender_options {
   const char *path;                 /* of the spool; NULL: in memory */
   uint64_t size;                    /* of the spool, bytes */
   uint32_t contents;                /* format and kind of destination */
   unsigned first_pause, last_pause; /* milliseconds between attempts: doubled from the first to the last */
   unsigned attempts; /* that may fail in a row when the module ends; 0: only the time is limited */
   unsigned settle; /* milliseconds after which what has reached the receiver's system counts as delivered */
};

struct sender_counts {
   uint64_t delivered, rejected, attempts_failed, waiting, damaged;
   bool failing;
   char why[WHY_SIZE]; /* of the last attempt that failed */
};

struct sender;

/** Starts it. The destination is the sender's. \return NULL with a reason */
struct sender *sender_start(struct destination *d, const struct sender_options *o, char why[WHY_SIZE]);
/** As of the spool. */
uint32_t sender_input(struct sender *s, const char *name);
bool sender_has(struct sender *s, const struct spool_position *p);
void sender_pass(struct sender *s, const struct spool_position *p);
/** \return false: the spool is full */
bool sender_put(struct sender *s, const char *message, uint32_t length, const struct spool_position *p);
/** What was put is on the disk when this returns true, if the spool is a file. */
bool sender_sync(struct sender *s);
void sender_counts(struct sender *s, struct sender_counts *counts);
/** SIGHUP */
void sender_reopen(struct sender *s);
/** Delivers what waits, for at most some milliseconds; what is left stays in the spool. */
void sender_stop(struct sender *s, unsigned milliseconds);
void sender_free(struct sender *s);

#endif
