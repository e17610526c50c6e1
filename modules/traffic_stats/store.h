/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The database: one SQLite file, written by one thread in transactions.
 *
 *    traffic    flows, packets and bytes of each protocol: of a minute (step 60) or of an hour (step 3600)
 *    host       the hosts that were kept of a minute or an hour
 *    open_host  the same of minutes that are still counted, replaced at each commit; the next process takes over what it finds
 *
 * A closed minute is added to its hour at once, so that an hour is always the sum of its closed minutes; when the next hour begins, it is cut
 * to the hosts that are kept of it. Errors: functions return false and leave a message in sql.why.
 */
#ifndef TRAFFIC_STATS_STORE_H
#define TRAFFIC_STATS_STORE_H

#include "detail.h"
#include "rank.h"
#include "sql.h"

#define MINUTE 60
#define HOUR   3600

enum statement {
   ADD_TRAFFIC,
   GET_HOST,
   PUT_HOST,
   PUT_OPEN,
   CLEAR_OPEN,
   DELETE_HOST,
   DELETE_HOSTS,
   DELETE_TRAFFIC,
   OLDEST,
   STATEMENTS
};

struct store {
   struct sql sql;
   sqlite3_stmt *statements[STATEMENTS];
   int64_t hour;        /* the newest one that a minute was added to */
   int64_t before_hour; /* of the transaction */
};

/** What is stored of a host. */
struct stored_host {
   ip_addr_t address;
   struct amount in, out;
   struct detail detail;
};

/** Opens a database, or makes one, and closes the minutes that a process left open. */
bool store_open(struct store *s, const char *path);
void store_close(struct store *s);

bool store_begin(struct store *s);
bool store_commit(struct store *s);
/** Also after a commit that failed. Keeps the message in sql.why. */
void store_rollback(struct store *s);

/** Adds traffic to a minute and to its hour. */
bool store_traffic(struct store *s, int64_t minute, unsigned protocol, const struct amount *a);
/** Forgets the hosts of an open minute, before they are written anew, or as closed ones. */
bool store_clear_open(struct store *s, int64_t minute);
bool store_open_host(struct store *s, int64_t minute, const struct stored_host *h);
/** Adds a host to a minute that is closed, and to its hour. */
bool store_host(struct store *s, int64_t minute, const struct stored_host *h);
/** Deletes minutes and hours that ended before these times, and the oldest minutes, then hours, while the database is larger than max_bytes; some of
 *  them each time. \param[out] deleted how many minutes and hours */
bool store_expire(struct store *s, int64_t minutes, int64_t hours, uint64_t max_bytes, uint64_t *deleted);

/** Reads a host from a row: address, six amounts, detail, from column first on. \return false: it is damaged */
bool store_read(sqlite3_stmt *s, int first, struct stored_host *h);

#endif
