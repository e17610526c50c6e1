/* SPDX-License-Identifier: BSD-3-Clause */
/** Lists of events in another order than the newest first: all that match are looked at, and the first of them are answered. */
#include "sorted.h"
#include "blob.h"
#include "database.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 2048

/* What events are sorted by, of a row e of the table event. */
static const char *const keys[] = {[SORT_BEGIN] = "e.begin",
                                   [SORT_KIND] = "e.kind",
                                   [SORT_SOURCE] = "event_part(e.data, 0)",
                                   [SORT_TARGET] = "event_part(e.data, 1)",
                                   [SORT_FLOWS] = "event_part(e.data, 2)",
                                   [SORT_CONFIDENCE] = "e.confidence",
                                   [SORT_STATE] = "e.state"};

static void address_result(sqlite3_context *context, const ip_addr_t *samples, unsigned n)
{
   uint8_t key[16];
   if (n > 0) {
      int size = sql_address(&samples[0], key);
      sqlite3_result_blob(context, key, size, SQLITE_TRANSIENT);
   }
}

/* event_part(data, what): a part of a stored event; NULL: it has none. */
static void event_part(sqlite3_context *context, int n, sqlite3_value **values)
{
   struct event e;
   const void *data = sqlite3_value_blob(values[0]);
   (void) n;
   if (data == NULL || !blob_read(data, (size_t) sqlite3_value_bytes(values[0]), &e)) {
      return;
   }
   switch (sqlite3_value_int(values[1])) {
   case 0: address_result(context, e.source_samples, e.n_source_samples); break;
   case 1: address_result(context, e.samples, e.n_samples); break;
   default: sqlite3_result_int64(context, e.flows < INT64_MAX ? (sqlite3_int64) e.flows : INT64_MAX);
   }
}

int sorted_prepare(sqlite3 *sql)
{
   return sqlite3_create_function(sql, "event_part", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, event_part,
                                  NULL, NULL);
}

/* The key of the event behind which the list goes on. \return SQLITE_NOTFOUND: it is no longer stored */
static int read_key(sqlite3 *sql, const struct request *r, sqlite3_stmt *list)
{
   char text[TEXT_MAX];
   sqlite3_stmt *s = NULL;
   snprintf(text, sizeof(text), "SELECT ifnull(%s, x'') FROM event e WHERE no = ?1", keys[r->sort]);
   int rc = sqlite3_prepare_v2(sql, text, -1, &s, NULL);
   sqlite3_bind_int64(s, 1, r->before);
   if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
      rc = sqlite3_bind_value(list, 8, sqlite3_column_value(s, 0));
   } else if (rc == SQLITE_DONE) {
      rc = SQLITE_NOTFOUND;
   }
   sqlite3_finalize(s);
   return rc;
}

static int prepare(sqlite3 *sql, const struct request *r, sqlite3_stmt **s)
{
   char text[TEXT_MAX];
   const char *key = keys[r->sort];
   const char *order = r->ascending ? "ASC" : "DESC", *behind = r->ascending ? ">" : "<";
   snprintf(text, sizeof(text),
            "SELECT e.no FROM event e WHERE 1" QUERY_CONDITIONS QUERY_NO_PART
            " AND (?10 = 0 OR e.no IN (SELECT no FROM host WHERE segment IN (SELECT no FROM segment WHERE"
            " last >= ?1 AND first <= ?2) AND ip >= ?11 AND ip <= ?12 AND length(ip) = ?10))"
            " AND (?7 = %lld OR (ifnull(%s, x''), e.no) %s (?8, ?7))"
            " ORDER BY ifnull(%s, x'') %s, e.no %s LIMIT ?9",
            (long long) INT64_MAX, key, behind, key, order, order);
   return sqlite3_prepare_v2(sql, text, -1, s, NULL);
}

int sorted_list(sqlite3 *sql, const struct request *r, int64_t numbers[LIMIT_MAX + 1], unsigned *n)
{
   sqlite3_stmt *s = NULL;
   int rc = prepare(sql, r, &s);
   *n = 0;
   if (rc == SQLITE_OK && r->before != INT64_MAX) {
      rc = read_key(sql, r, s);
   }
   query_bind_conditions(s, r);
   sqlite3_bind_int64(s, 7, r->before);
   sqlite3_bind_int(s, 9, (int) r->limit + 1); /* one more says that there is more */
   sqlite3_bind_int(s, 10, r->hosts.size);
   sqlite3_bind_blob(s, 11, r->hosts.from, r->hosts.size, SQLITE_STATIC);
   sqlite3_bind_blob(s, 12, r->hosts.to, r->hosts.size, SQLITE_STATIC);
   while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
      numbers[(*n)++] = sqlite3_column_int64(s, 0);
      rc = SQLITE_OK;
   }
   sqlite3_finalize(s);
   return rc == SQLITE_DONE ? SQLITE_OK : rc;
}
