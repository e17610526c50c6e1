/* SPDX-License-Identifier: BSD-3-Clause */
/** What a server answers to a request: lines of JSON, the last of which has "ok" or "error". */
#ifndef MODULES_ANSWER_H
#define MODULES_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define ANSWER_MAX (4u << 20) /* bytes; whoever writes an answer ends it, with "more", when it gets longer */

struct answer {
   char *text;
   size_t size, capacity;
   bool failed; /* no memory */
};

/** Adds a line, and releases it. NULL: there was no memory for it. */
void answer_line(struct answer *a, json_t *line);
/** Adds the line {"error":text}. */
void answer_error(struct answer *a, const char *text);
void answer_free(struct answer *a);

#endif
