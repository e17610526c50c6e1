/* SPDX-License-Identifier: BSD-3-Clause */
/** Requests answered from the database, each connection with its own. */
#ifndef TRAFFIC_STATS_QUERY_H
#define TRAFFIC_STATS_QUERY_H

#include "request.h"
#include "sql.h"

enum { SELECT_TRAFFIC, SELECT_TOP, SELECT_HOST, SELECTS };

struct query_state {
   sqlite3 *sql;
   sqlite3_stmt *selects[SELECTS];
};

/** Connects to the database for a client. \param client whose deadline holds \return false with a message */
bool query_open(struct query_state *q, const char *path, struct request_client *client,
                char why[REQUEST_ERROR]);
/** Also of one that is not open. */
void query_close(struct query_state *q);
void query_answer(struct query_state *q, struct traffic_request *r, struct answer *a);

#endif
