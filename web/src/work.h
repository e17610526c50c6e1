/* SPDX-License-Identifier: BSD-3-Clause */
/** Questions to other programs, answered by threads: a queue and threads of its own for each program. */
#ifndef WEB_WORK_H
#define WEB_WORK_H

#include "api.h"

#define WORK_QUEUE 64 /* questions that wait for one program */

/** Where the answers are. NULL: not there */
struct sources {
   const char *supervisor, *alerts, *traffic, *archive;
   const char *nemea; /* the program that reads the archive */
};

/** One question. It belongs to the caller, who must not release it before done() was called. */
struct job {
   struct call call;
   struct job *next;
   unsigned status; /* of HTTP */
   json_t *answer;
   void (*done)(struct job *job); /* called by another thread */
   void *context;
};

struct work;

struct work *work_start(const struct sources *s);
/** \return false: the queue is full, or work was stopped; done() will not be called */
bool work_add(struct work *w, struct job *job);
/** Answers what is being asked, and all that waits with an error. Questions that are added later are refused. */
void work_stop(struct work *w);
/** After work_stop(), and when nobody can add questions any more. */
void work_free(struct work *w);
/** Asks now, in the thread of the caller. \return the HTTP status */
unsigned work_ask(const struct sources *s, const struct call *call, json_t **answer);
/** {"error": TEXT}, whatever bytes the text has */
json_t *work_error(const char *text);

#endif
