/* SPDX-License-Identifier: BSD-3-Clause */
#include "sql.h"

#include <stdio.h>
#include <string.h>

#define BUSY_MS             5000 /* how long a connection waits for another one */
#define STEPS_BETWEEN_LOOKS 2000 /* instructions of SQLite between two looks at the clock */

/* Opens a connection, and sets what all of them need. */
static int connect_to(const char *path, int flags, sqlite3 **handle)
{
   int rc = sqlite3_open_v2(path, handle, flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
   if (rc == SQLITE_OK) {
      sqlite3_extended_result_codes(*handle, 1);
      sqlite3_busy_timeout(*handle, BUSY_MS);
      rc = sqlite3_exec(*handle, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;", NULL, NULL,
                        NULL);
   }
   return rc;
}

/* --------------------------------------------------------------------- writing */

bool sql_fail(struct sql *s, const char *what)
{
   snprintf(s->why, sizeof(s->why), "%s: %s", what, sqlite3_errmsg(s->handle));
   return false;
}

bool sql_execute(struct sql *s, const char *text, const char *what)
{
   return sqlite3_exec(s->handle, text, NULL, NULL, NULL) == SQLITE_OK || sql_fail(s, what);
}

bool sql_run(struct sql *s, sqlite3_stmt *statement, const char *what)
{
   bool done = sqlite3_step(statement) == SQLITE_DONE || sql_fail(s, what);
   sqlite3_reset(statement);
   return done;
}

bool sql_open(struct sql *s, const char *path, const struct sql_options *o)
{
   char pragmas[256];
   snprintf(pragmas, sizeof(pragmas),
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = %s; PRAGMA wal_autocheckpoint = %d;"
            " PRAGMA cache_size = -%d;",
            o->synchronous, o->wal_pages, o->cache_kb);
   if (connect_to(path, SQLITE_OPEN_CREATE, &s->handle) != SQLITE_OK) {
      return sql_fail(s, path);
   }
   return sql_execute(s, pragmas, path);
}

bool sql_version(struct sql *s, const char *path, int newest, int64_t *version)
{
   *version = sql_number(s->handle, "PRAGMA user_version", -1);
   if (*version < 0) {
      return sql_fail(s, path);
   }
   if (*version > newest) {
      snprintf(s->why, sizeof(s->why), "%s has version %lld of the schema, this release knows those up to %d",
               path, (long long) *version, newest);
      return false;
   }
   if (*version == 0 && sql_number(s->handle, "SELECT count(*) FROM sqlite_master", 0) > 0) {
      snprintf(s->why, sizeof(s->why), "%s is a database of something else", path);
      return false;
   }
   return true;
}

bool sql_prepare(struct sql *s, const char *path, const char *const texts[], sqlite3_stmt *statements[],
                 unsigned n)
{
   for (unsigned i = 0; i < n; i++) {
      if (sqlite3_prepare_v3(s->handle, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL) !=
          SQLITE_OK) {
         return sql_fail(s, path);
      }
   }
   return true;
}

void sql_close(struct sql *s, sqlite3_stmt *statements[], unsigned n)
{
   for (unsigned i = 0; i < n; i++) {
      sqlite3_finalize(statements[i]);
      statements[i] = NULL;
   }
   sqlite3_close(s->handle);
   s->handle = NULL;
}

bool sql_begin(struct sql *s)
{
   return sql_execute(s, "BEGIN IMMEDIATE", "beginning a transaction");
}

bool sql_commit(struct sql *s)
{
   return sql_execute(s, "COMMIT", "committing");
}

void sql_rollback(struct sql *s)
{
   sqlite3_exec(s->handle, "ROLLBACK", NULL, NULL, NULL);
}

uint64_t sql_used_bytes(const struct sql *s)
{
   int64_t pages = sql_number(s->handle, "PRAGMA page_count", 0);
   int64_t unused = sql_number(s->handle, "PRAGMA freelist_count", 0);
   return (uint64_t) (pages - unused) * (uint64_t) sql_number(s->handle, "PRAGMA page_size", 0);
}

/* --------------------------------------------------------------------- reading */

static int look_at_clock(void *client)
{
   return request_client_late(client);
}

int sql_connect(const char *path, struct request_client *client, sqlite3 **handle)
{
   int rc = connect_to(path, 0, handle);
   if (rc == SQLITE_OK) {
      sqlite3_progress_handler(*handle, STEPS_BETWEEN_LOOKS, look_at_clock, client);
   }
   return rc;
}

void sql_failed(sqlite3 *handle, int rc, const char *advice, struct answer *a)
{
   char text[REQUEST_ERROR];
   if ((rc & 0xff) == SQLITE_INTERRUPT) {
      snprintf(text, sizeof(text), "the request took too long: %s", advice);
   } else {
      snprintf(text, sizeof(text), "the database cannot be read: %s", sqlite3_errmsg(handle));
   }
   answer_error(a, text);
}

/* ------------------------------------------------------------------------ both */

int64_t sql_number(sqlite3 *handle, const char *text, int64_t fallback)
{
   sqlite3_stmt *s = NULL;
   int64_t n = fallback;
   if (sqlite3_prepare_v2(handle, text, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
       sqlite3_column_type(s, 0) == SQLITE_INTEGER) {
      n = sqlite3_column_int64(s, 0);
   }
   sqlite3_finalize(s);
   return n;
}

int sql_address(const ip_addr_t *ip, uint8_t bytes[16])
{
   bool four = ip_is4(ip);
   memcpy(bytes, four ? (const uint8_t *) ip + 8 : (const uint8_t *) ip, four ? 4 : 16);
   return four ? 4 : 16;
}
