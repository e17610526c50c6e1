/* SPDX-License-Identifier: BSD-3-Clause */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION      1
#define WAL_PAGES    4096 /* 16 MB until the log is copied into the database */
#define EXPIRE_STEPS 30   /* minutes or hours that are deleted in one transaction */

#define AMOUNTS "in_flows, in_packets, in_bytes, out_flows, out_packets, out_bytes"
#define AMOUNT_COLUMNS                                                                                     \
   "in_flows INTEGER NOT NULL, in_packets INTEGER NOT NULL, in_bytes INTEGER NOT NULL, out_flows INTEGER " \
   "NOT NULL, "                                                                                            \
   "out_packets INTEGER NOT NULL, out_bytes INTEGER NOT NULL, detail BLOB NOT NULL"

static const char schema[] = ("CREATE TABLE traffic(step INTEGER, time INTEGER, protocol INTEGER, flows "
                              "INTEGER NOT NULL, packets INTEGER NOT NULL,"
                              " bytes INTEGER NOT NULL, PRIMARY KEY(step, time, protocol)) WITHOUT ROWID;"
                              "CREATE TABLE host(step INTEGER, time INTEGER, address BLOB, " AMOUNT_COLUMNS
                              ", PRIMARY KEY(step, time, address)) WITHOUT ROWID;"
                              "CREATE TABLE open_host(time INTEGER, address BLOB, " AMOUNT_COLUMNS
                              ", PRIMARY KEY(time, address)) WITHOUT ROWID;"
                              "PRAGMA user_version = 1;");

static const char *const texts[STATEMENTS] = {
    [ADD_TRAFFIC] =
        ("INSERT INTO traffic VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET flows = flows + ?4,"
         " packets = packets + ?5, bytes = bytes + ?6"),
    [GET_HOST] =
        ("SELECT address, " AMOUNTS ", detail FROM host WHERE step = ?1 AND time = ?2 AND address = ?3"),
    [PUT_HOST] = "INSERT OR REPLACE INTO host VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [PUT_OPEN] = "INSERT OR REPLACE INTO open_host VALUES(?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [CLEAR_OPEN] = "DELETE FROM open_host WHERE time = ?1",
    [DELETE_HOST] = "DELETE FROM host WHERE step = ?1 AND time = ?2 AND address = ?3",
    [DELETE_HOSTS] = "DELETE FROM host WHERE step = ?1 AND time = ?2",
    [DELETE_TRAFFIC] = "DELETE FROM traffic WHERE step = ?1 AND time = ?2",
    [OLDEST] = "SELECT time FROM traffic WHERE step = ?1 ORDER BY time LIMIT 1",
};

/* Runs a statement that gives no rows. */
static bool run(struct store *s, enum statement which, const char *what)
{
   return sql_run(&s->sql, s->statements[which], what);
}

/* ---------------------------------------------------------------------- values */

static uint64_t column(sqlite3_stmt *s, int i)
{
   return (uint64_t) sqlite3_column_int64(s, i);
}

bool store_read(sqlite3_stmt *s, int first, struct stored_host *h)
{
   const char *address = sqlite3_column_blob(s, first);
   int size = sqlite3_column_bytes(s, first);
   if (address == NULL || (size != 4 && size != 16)) {
      return false;
   }
   h->address = size == 4 ? ip_from_4_bytes_be(address) : ip_from_16_bytes_be(address);
   h->in = (struct amount){column(s, first + 1), column(s, first + 2), column(s, first + 3)};
   h->out = (struct amount){column(s, first + 4), column(s, first + 5), column(s, first + 6)};
   const uint8_t *detail = sqlite3_column_blob(s, first + 7);
   return detail != NULL && detail_read(&h->detail, detail, (size_t) sqlite3_column_bytes(s, first + 7));
}

static bool put(struct store *s, enum statement which, int step, int64_t time, const struct stored_host *h)
{
   uint8_t key[16], detail[DETAIL_MAX];
   sqlite3_stmt *statement = s->statements[which];
   int size = sql_address(&h->address, key);
   const uint64_t amounts[] = {h->in.flows,  h->in.packets,  h->in.bytes,
                               h->out.flows, h->out.packets, h->out.bytes};
   if (which == PUT_HOST) {
      sqlite3_bind_int(statement, 1, step);
   }
   sqlite3_bind_int64(statement, 2, time);
   sqlite3_bind_blob(statement, 3, key, size, SQLITE_STATIC);
   for (int i = 0; i < 6; i++) {
      sqlite3_bind_int64(statement, 4 + i, (int64_t) amounts[i]);
   }
   sqlite3_bind_blob(statement, 10, detail, (int) detail_write(&h->detail, detail), SQLITE_STATIC);
   return run(s, which, "writing a host");
}

/* --------------------------------------------------------------------- writing */

bool store_traffic(struct store *s, int64_t minute, unsigned protocol, const struct amount *a)
{
   bool done = true;
   for (int step = MINUTE; done && step <= HOUR; step *= HOUR / MINUTE) {
      sqlite3_stmt *add = s->statements[ADD_TRAFFIC];
      sqlite3_bind_int(add, 1, step);
      sqlite3_bind_int64(add, 2, minute - minute % step);
      sqlite3_bind_int(add, 3, (int) protocol);
      sqlite3_bind_int64(add, 4, (int64_t) a->flows);
      sqlite3_bind_int64(add, 5, (int64_t) a->packets);
      sqlite3_bind_int64(add, 6, (int64_t) a->bytes);
      done = run(s, ADD_TRAFFIC, "writing traffic");
   }
   return done;
}

bool store_clear_open(struct store *s, int64_t minute)
{
   sqlite3_bind_int64(s->statements[CLEAR_OPEN], 1, minute);
   return run(s, CLEAR_OPEN, "deleting the hosts of an open minute");
}

bool store_open_host(struct store *s, int64_t minute, const struct stored_host *h)
{
   return put(s, PUT_OPEN, MINUTE, minute, h);
}

/* Adds a host to what is stored of it. */
static bool add_host(struct store *s, int step, int64_t time, const struct stored_host *h)
{
   uint8_t key[16];
   struct stored_host sum, old;
   sqlite3_stmt *get = s->statements[GET_HOST];
   sqlite3_bind_int(get, 1, step);
   sqlite3_bind_int64(get, 2, time);
   sqlite3_bind_blob(get, 3, key, sql_address(&h->address, key), SQLITE_STATIC);
   int rc = sqlite3_step(get);
   bool found = rc == SQLITE_ROW && store_read(get, 0, &old);
   bool good = rc == SQLITE_ROW || rc == SQLITE_DONE || sql_fail(&s->sql, "reading a host");
   sqlite3_reset(get);
   sum = *h;
   if (found) {
      amount_add(&sum.in, &old.in);
      amount_add(&sum.out, &old.out);
      detail_merge(&sum.detail, &old.detail);
   }
   return good && put(s, PUT_HOST, step, time, &sum);
}

/* ------------------------------------------------------------- the end of an hour */

struct address {
   uint8_t size, bytes[16];
   bool kept;
};

static bool keep(void *context, const void *host)
{
   struct address *a = (struct address *) (uintptr_t) host;
   (void) context;
   bool is_new = !a->kept;
   a->kept = true;
   return is_new;
}

static bool delete_others(struct store *s, int64_t hour, const struct address *list, uint32_t n)
{
   sqlite3_stmt *delete = s->statements[DELETE_HOST];
   bool done = true;
   for (uint32_t i = 0; done && i < n; i++) {
      if (!list[i].kept) {
         sqlite3_bind_int(delete, 1, HOUR);
         sqlite3_bind_int64(delete, 2, hour);
         sqlite3_bind_blob(delete, 3, list[i].bytes, list[i].size, SQLITE_STATIC);
         done = run(s, DELETE_HOST, "deleting a host");
      }
   }
   return done;
}

/* Offers the hosts of an hour. \return how many of them are in list */
static uint32_t offer_hosts(sqlite3_stmt *s, struct rank *r, struct address *list, uint32_t max)
{
   uint32_t n = 0;
   for (; n < max && sqlite3_step(s) == SQLITE_ROW; n++) {
      const void *bytes = sqlite3_column_blob(s, 0);
      int size = sqlite3_column_bytes(s, 0);
      struct amount a = {column(s, 1) + column(s, 4), column(s, 2) + column(s, 5),
                         column(s, 3) + column(s, 6)};
      list[n] = (struct address){.size = (uint8_t) (size <= 16 ? size : 16)};
      if (bytes != NULL) {
         memcpy(list[n].bytes, bytes, list[n].size);
      }
      rank_offer(r, &a, &list[n]);
   }
   return n;
}

/* Cuts an hour to the hosts that are kept of it. */
static bool cut_hour(struct store *s, int64_t hour)
{
   enum { MOST = HOUR / MINUTE * RANK_MAX };
   struct address *list = malloc(MOST * sizeof(*list));
   struct rank *rank = malloc(sizeof(*rank));
   sqlite3_stmt *all = NULL;
   bool done = list != NULL && rank != NULL;
   if (done) {
      done = sqlite3_prepare_v2(s->sql.handle,
                                "SELECT address, " AMOUNTS " FROM host WHERE step = 3600 AND time = ?1", -1,
                                &all, NULL) == SQLITE_OK ||
             sql_fail(&s->sql, "reading an hour");
   } else {
      snprintf(s->sql.why, sizeof(s->sql.why), "out of memory");
   }
   if (done) {
      sqlite3_bind_int64(all, 1, hour);
      rank_begin(rank);
      uint32_t n = offer_hosts(all, rank, list, MOST);
      sqlite3_reset(all);
      done = n <= RANK_MAX || (rank_end(rank, keep, NULL), delete_others(s, hour, list, n));
   }
   sqlite3_finalize(all);
   free(rank);
   free(list);
   return done;
}

bool store_host(struct store *s, int64_t minute, const struct stored_host *h)
{
   int64_t hour = minute - minute % HOUR;
   if (hour != s->hour) {
      if (s->hour >= 0 && !cut_hour(s, s->hour)) {
         return false;
      }
      s->hour = hour;
   }
   return add_host(s, MINUTE, minute, h) && add_host(s, HOUR, hour, h);
}

/* -------------------------------------------------------------------- deleting */

static int64_t oldest(struct store *s, int step)
{
   sqlite3_stmt *statement = s->statements[OLDEST];
   sqlite3_bind_int(statement, 1, step);
   int64_t time = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
   sqlite3_reset(statement);
   return time;
}

static bool delete_step(struct store *s, int step, int64_t time)
{
   sqlite3_bind_int(s->statements[DELETE_HOSTS], 1, step);
   sqlite3_bind_int64(s->statements[DELETE_HOSTS], 2, time);
   sqlite3_bind_int(s->statements[DELETE_TRAFFIC], 1, step);
   sqlite3_bind_int64(s->statements[DELETE_TRAFFIC], 2, time);
   return run(s, DELETE_HOSTS, "deleting hosts") && run(s, DELETE_TRAFFIC, "deleting traffic");
}

/* The newest minute and hour are kept whatever the size is: they are what is being written. */
static bool delete_for_size(struct store *s, uint64_t max_bytes, uint64_t *deleted)
{
   int64_t newest = sql_number(s->sql.handle, "SELECT max(time) FROM traffic WHERE step = 60", -1);
   for (unsigned i = 0; i < EXPIRE_STEPS && sql_used_bytes(&s->sql) > max_bytes; i++) {
      int step = MINUTE;
      int64_t time = oldest(s, step);
      if (time < 0 || time >= newest) {
         step = HOUR;
         time = oldest(s, step);
      }
      if (time < 0 || time + step > newest) {
         break;
      }
      if (!delete_step(s, step, time)) {
         return false;
      }
      ++*deleted;
   }
   return true;
}

bool store_expire(struct store *s, int64_t minutes, int64_t hours, uint64_t max_bytes, uint64_t *deleted)
{
   const struct {
      int step;
      int64_t before;
   } ages[] = {{MINUTE, minutes}, {HOUR, hours}};
   *deleted = 0;
   for (unsigned k = 0; k < 2; k++) {
      for (unsigned i = 0; i < EXPIRE_STEPS; i++) {
         int64_t time = oldest(s, ages[k].step);
         if (time < 0 || time + ages[k].step > ages[k].before) {
            break;
         }
         if (!delete_step(s, ages[k].step, time)) {
            return false;
         }
         ++*deleted;
      }
   }
   return delete_for_size(s, max_bytes, deleted);
}

/* --------------------------------------------------------------------- opening */

static bool make_schema(struct store *s, const char *path)
{
   int64_t version;
   if (!sql_version(&s->sql, path, VERSION, &version)) {
      return false;
   }
   if (version == VERSION) {
      return true;
   }
   if (!store_begin(s)) {
      return false;
   }
   if (!sql_execute(&s->sql, schema, path) || !store_commit(s)) {
      store_rollback(s);
      return false;
   }
   return true;
}

/* Minutes that another process did not close are closed as they are. One host at a time: the cursor would not see its own changes. */
static bool take_over(struct store *s)
{
   sqlite3_stmt *next = NULL;
   struct stored_host h;
   static const char text[] =
       "SELECT time, address, " AMOUNTS ", detail FROM open_host ORDER BY time, address";
   bool done = sqlite3_prepare_v2(s->sql.handle, text, -1, &next, NULL) == SQLITE_OK ||
               sql_fail(&s->sql, "reading open minutes");
   int rc = SQLITE_DONE;
   while (done && (rc = sqlite3_step(next)) == SQLITE_ROW) {
      done = !store_read(next, 1, &h) || store_host(s, sqlite3_column_int64(next, 0), &h);
   }
   done = done && (rc == SQLITE_DONE || sql_fail(&s->sql, "reading open minutes"));
   sqlite3_finalize(next);
   return done && sql_execute(&s->sql, "DELETE FROM open_host", "closing open minutes");
}

bool store_open(struct store *s, const char *path)
{
   static const struct sql_options o = {.synchronous = "NORMAL", .wal_pages = WAL_PAGES, .cache_kb = 16384};
   memset(s, 0, sizeof(*s));
   if (!sql_open(&s->sql, path, &o) || !make_schema(s, path) ||
       !sql_prepare(&s->sql, path, texts, s->statements, STATEMENTS)) {
      return false;
   }
   s->hour = sql_number(s->sql.handle, "SELECT max(time) FROM traffic WHERE step = 3600", -1);
   if (!store_begin(s)) {
      return false;
   }
   if (!take_over(s) || !store_commit(s)) {
      store_rollback(s);
      return false;
   }
   return true;
}

void store_close(struct store *s)
{
   sql_close(&s->sql, s->statements, STATEMENTS);
   memset(s, 0, sizeof(*s));
}

bool store_begin(struct store *s)
{
   s->before_hour = s->hour;
   return sql_begin(&s->sql);
}

bool store_commit(struct store *s)
{
   return sql_commit(&s->sql);
}

void store_rollback(struct store *s)
{
   sql_rollback(&s->sql);
   s->hour = s->before_hour;
}
