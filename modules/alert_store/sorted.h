/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef ALERT_STORE_SORTED_H
#define ALERT_STORE_SORTED_H

#include "query.h"

/** Defines the functions of SQL that sorting needs. \return a result of SQLite */
int sorted_prepare(sqlite3 *sql);
/** The numbers of the first events in the order of r->sort that come behind the event r->before, at most one more than r->limit.
 *  \return SQLITE_OK; SQLITE_NOTFOUND: the event r->before is no longer stored; another result of SQLite */
int sorted_list(sqlite3 *sql, const struct request *r, int64_t numbers[LIMIT_MAX + 1], unsigned *n);

#endif
