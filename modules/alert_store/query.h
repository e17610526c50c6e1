/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests answered from the database, each connection with its own. */
#ifndef ALERT_STORE_QUERY_H
#define ALERT_STORE_QUERY_H

#include "request.h"
#include "sql.h"

/** What all searches have in common, with the names of struct request as ?1 to ?6; query_bind_conditions() sets them. */
#define QUERY_CONDITIONS                                                                                    \
   " AND e.end >= ?1 AND e.begin <= ?2 AND (?3 IS NULL OR e.kind = ?3) AND (?4 IS NULL OR e.detector = ?4)" \
   " AND e.confidence >= ?5 AND (?6 < 0 OR e.state = ?6)"
/** Parts of runs are shown with these, or when one is asked for by its id. */
#define QUERY_NO_PART " AND e.run <= 0"

struct query {
   sqlite3 *sql;
   sqlite3_stmt *list, *numbers, *one, *find, *parts;
   int file;                   /* of the database, to read ahead */
   uint32_t page_size, events; /* events: the root page of this table */
   struct request_client *client;
};

/** Connects to the database for a client, whose deadline holds. \param file of the database, to read ahead \return false with a message */
bool query_open(struct query *q, const char *path, int file, struct request_client *client,
                char why[REQUEST_ERROR]);
/** Also of one that is not open. */
void query_close(struct query *q);
/** Answers a request, but OP_FOLLOW. */
void query_answer(struct query *q, const struct request *r, struct answer *a);
/** For OP_FOLLOW: adds the line of an event if it is one that the client asked for. */
void query_changed(struct query *q, const struct request *r, int64_t no, struct answer *a);
void query_bind_conditions(sqlite3_stmt *s, const struct request *r);

#endif
