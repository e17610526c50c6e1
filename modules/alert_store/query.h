/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests answered from the database, each connection with its own. */
#ifndef ALERT_STORE_QUERY_H
#define ALERT_STORE_QUERY_H

#include "request.h"

#include <sqlite3.h>

#define ANSWER_MAX (4u << 20) /* bytes of an answer; it ends early, with "more", when it gets longer */

struct answer {
   char *text;
   size_t size, capacity;
   bool failed; /* no memory */
};

struct query {
   sqlite3 *sql;
   sqlite3_stmt *list, *list_host, *one, *find;
   int64_t deadline; /* monotonic ms */
   uint32_t uid;     /* of the client */
};

/** Connects to the database. \return false with a message */
bool query_open(struct query *q, const char *path, char why[REQUEST_ERROR]);
void query_close(struct query *q);
/** Answers a request, but OP_FOLLOW, in at most so many milliseconds: lines of JSON, the last of which says how it went. */
void query_answer(struct query *q, const struct request *r, unsigned timeout_ms, struct answer *a);
/** For OP_FOLLOW: adds the line of an event if it is one that the client asked for. */
void query_changed(struct query *q, const struct request *r, int64_t no, struct answer *a);
/** Adds a line. */
void answer_error(struct answer *a, const char *text);
void answer_line(struct answer *a, struct json_t *line);

#endif
