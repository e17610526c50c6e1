/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What modules that keep a SQLite database have in common: one thread that writes it in transactions, with a write-ahead log, and
 * connections of clients that read it until the deadline of their request.
 *
 * Errors: functions return false and leave a message in why.
 */
#ifndef MODULES_SQL_H
#define MODULES_SQL_H

#include "request_server.h"

#include <sqlite3.h>
#include <unirec/ipaddr.h>

#define SQL_ERROR 512 /* bytes of a message */

/** The connection that writes. */
struct sql {
   sqlite3 *handle;
   char why[SQL_ERROR];
};

/** How a database is written. */
struct sql_options {
   const char *synchronous; /* as of the pragma: FULL: a commit is on the disk when it returns */
   int wal_pages;           /* of the log, until it is copied into the database */
   int cache_kb;
};

/* --------------------------------------------------------------------- writing */

/** Opens a database, or makes an empty one. */
bool sql_open(struct sql *s, const char *path, const struct sql_options *o);
/** The version of its schema: 0 of an empty one. Refuses a database of something else, and one that is newer than this release. */
bool sql_version(struct sql *s, const char *path, int newest, int64_t *version);
bool sql_prepare(struct sql *s, const char *path, const char *const texts[], sqlite3_stmt *statements[],
                 unsigned n);
/** Also of one that is not open. */
void sql_close(struct sql *s, sqlite3_stmt *statements[], unsigned n);

/** Leaves a message of what failed. \return false */
bool sql_fail(struct sql *s, const char *what);
bool sql_execute(struct sql *s, const char *text, const char *what);
/** Runs a statement that gives no rows, and resets it. */
bool sql_run(struct sql *s, sqlite3_stmt *statement, const char *what);
bool sql_begin(struct sql *s);
bool sql_commit(struct sql *s);
/** Also after a commit that failed. Keeps the message in why. */
void sql_rollback(struct sql *s);
/** Bytes of the pages that are in use. */
uint64_t sql_used_bytes(const struct sql *s);

/* --------------------------------------------------------------------- reading */

/** A connection for a client; its statements end at the deadline of the request. \return a result of SQLite; with an error, *handle may be NULL */
int sql_connect(const char *path, struct request_client *client, sqlite3 **handle);
/** Answers that a search failed. \param advice what to ask for instead when it took too long */
void sql_failed(sqlite3 *handle, int rc, const char *advice, struct answer *a);

/* ------------------------------------------------------------------------ both */

/** The first number of the first row; fallback where there is none. */
int64_t sql_number(sqlite3 *handle, const char *text, int64_t fallback);
/** An address as bytes of the network. \return its length, 4 or 16 */
int sql_address(const ip_addr_t *ip, uint8_t bytes[16]);

#endif
