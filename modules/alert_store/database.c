/* SPDX-License-Identifier: BSD-3-Clause */
#include "database.h"
#include "blob.h"
#include "runs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPIRE_BATCH 2000 /* events that are deleted, or looked at, in one transaction */
#define WAL_PAGES    8192 /* 32 MB until the log is copied into the database */

/* Migrations: schema[i] leads from version i to version i + 1. */
static const char *const schema[DATABASE_VERSION] = {
    ("CREATE TABLE event(no INTEGER PRIMARY KEY, id BLOB NOT NULL, begin INTEGER NOT NULL, end INTEGER NOT "
     "NULL,"
     " stored INTEGER NOT NULL, kind TEXT NOT NULL, detector TEXT NOT NULL, confidence INTEGER NOT NULL,"
     " state INTEGER NOT NULL DEFAULT 0, data BLOB NOT NULL);"
     "CREATE TABLE event_id(segment INTEGER, id BLOB, no INTEGER NOT NULL, PRIMARY KEY(segment, id)) WITHOUT "
     "ROWID;"
     "CREATE TABLE host(segment INTEGER, ip BLOB, no INTEGER, PRIMARY KEY(segment, ip, no)) WITHOUT ROWID;"
     "CREATE TABLE segment(no INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);"
     "CREATE TABLE input(name TEXT PRIMARY KEY, instance INTEGER NOT NULL, number INTEGER NOT NULL);"
     "CREATE TABLE mark(no INTEGER PRIMARY KEY, event INTEGER NOT NULL, time INTEGER NOT NULL, uid INTEGER "
     "NOT NULL,"
     " state INTEGER NOT NULL, note TEXT NOT NULL);"
     "CREATE INDEX mark_event ON mark(event);"),
    /* Segments had 262144 events: too many rows of other days to look at for a host that is in many events. */
    ("UPDATE event_id SET segment = no / 32768; UPDATE host SET segment = no / 32768; DELETE FROM segment;"
     "INSERT INTO segment SELECT no / 32768, min(begin), max(end) FROM event GROUP BY 1;"),
    ("CREATE TABLE block(no INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL, kinds "
     "INTEGER NOT NULL,"
     " detectors INTEGER NOT NULL, others INTEGER NOT NULL, events INTEGER NOT NULL);"
     "INSERT INTO block SELECT no / 512, min(begin), max(end), word_bits(kind), word_bits(detector),"
     " max(confidence = 0) + 2 * max(confidence = 1) + 4 * max(confidence = 2) + 256 * max(state = 0) +"
     " 512 * max(state = 1) + 1024 * max(state = 2) + 2048 * max(state = 3), count(*) FROM event GROUP BY "
     "1;"),
    ("ALTER TABLE event ADD COLUMN run INTEGER NOT NULL DEFAULT 0; ALTER TABLE event ADD COLUMN scanner BLOB;"
     "CREATE INDEX event_scanner ON event(scanner, end) WHERE scanner IS NOT NULL;"
     "CREATE INDEX event_run ON event(run) WHERE run > 0;")};

static const char *const texts[STATEMENTS] = {
    [INSERT_EVENT] =
        ("INSERT INTO event(no, id, begin, end, stored, kind, detector, confidence, data, scanner)"
         " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
    [UPDATE_EVENT] =
        ("UPDATE event SET begin = ?3, end = ?4, stored = ?5, kind = ?6, detector = ?7, confidence = ?8,"
         " data = ?9 WHERE no = ?1"),
    [INSERT_ID] = "INSERT INTO event_id(segment, id, no) VALUES(?1, ?2, ?3)",
    [INSERT_HOST] = "INSERT OR IGNORE INTO host(segment, ip, no) VALUES(?1, ?2, ?3)",
    [FIND_ID] = "SELECT no FROM event_id WHERE segment = ?1 AND id = ?2",
    [READ_EVENT] = "SELECT data, id FROM event WHERE no = ?1",
    [PUT_SEGMENT] = "INSERT OR REPLACE INTO segment(no, first, last) VALUES(?1, ?2, ?3)",
    [PUT_BLOCK] =
        ("INSERT INTO block VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(no) DO UPDATE SET first = "
         "min(first, ?2),"
         " last = max(last, ?3), kinds = kinds | ?4, detectors = detectors | ?5, others = others | ?6,"
         " events = events + ?7"),
    [PUT_POSITION] = "INSERT OR REPLACE INTO input(name, instance, number) VALUES(?1, ?2, ?3)",
    [OLDEST_EVENTS] = "SELECT no, id, stored, data, run FROM event WHERE no > ?1 ORDER BY no LIMIT ?2",
    [DELETE_EVENT] = "DELETE FROM event WHERE no = ?1",
    [DELETE_ID] = "DELETE FROM event_id WHERE segment = ?1 AND id = ?2",
    [DELETE_HOST] = "DELETE FROM host WHERE segment = ?1 AND ip = ?2 AND no = ?3",
    [DELETE_MARKS] = "DELETE FROM mark WHERE event = ?1",
    [DELETE_SEGMENTS] = "DELETE FROM segment WHERE no < ?1",
    [COUNT_DELETED] = "UPDATE block SET events = events - 1 WHERE no = ?1",
    [DELETE_BLOCKS] = "DELETE FROM block WHERE no < ?1",
    [READ_TOP] = "SELECT run, begin, end, scanner IS NOT NULL FROM event WHERE no = ?1",
    [FIND_NEIGHBOUR] =
        ("SELECT no FROM event WHERE scanner = ?1 AND end >= ?2 AND begin <= ?3 AND no <> ?4 LIMIT 1"),
    [JOIN_PART] = "UPDATE event SET run = ?2, scanner = NULL WHERE no = ?1",
    [MAKE_RUN] = "UPDATE event SET run = -1 WHERE no = ?1",
    [CLOSE_RUN] = "UPDATE event SET scanner = NULL WHERE no = ?1",
    [EXTEND_RUN] = "UPDATE event SET begin = min(begin, ?2), end = max(end, ?3) WHERE no = ?1",
    [MOVE_PARTS] = "UPDATE event SET run = ?2 WHERE run = ?1 AND run > 0",
    [COUNT_PARTS] = "SELECT count(*) FROM event WHERE run = ?1 AND run > 0",
    [READ_PARTS] = "SELECT no, id, data FROM event WHERE run = ?1 AND run > 0 ORDER BY begin, no",
};

/* ---------------------------------------------------------------------- values */

int64_t time_us(ur_time_t t)
{
   return (int64_t) ur_time_get_sec(t) * 1000000 + ur_time_get_usec(t);
}

static unsigned digit(char c)
{
   return c <= '9' ? (unsigned) (c - '0') : (unsigned) (c - 'a') + 10;
}

void id_to_bytes(const char *id, uint8_t bytes[16])
{
   for (unsigned i = 0; i < 16; i++) {
      bytes[i] = (uint8_t) (digit(id[2 * i]) << 4 | digit(id[2 * i + 1]));
   }
}

void id_to_text(const uint8_t bytes[16], char *id)
{
   static const char digits[] = "0123456789abcdef";
   for (unsigned i = 0; i < 16; i++) {
      id[2 * i] = digits[bytes[i] >> 4];
      id[2 * i + 1] = digits[bytes[i] & 15];
   }
   id[32] = 0;
}

int64_t word_bit(const char *word)
{
   uint32_t hash = 2166136261u; /* FNV-1a: part of the schema */
   for (; *word != 0; word++) {
      hash = (hash ^ (uint8_t) *word) * 16777619u;
   }
   return (int64_t) ((uint64_t) 1 << (hash >> 26));
}

static int64_t segment_of(int64_t no)
{
   return no / SEGMENT_EVENTS;
}

/* ----------------------------------------------------------------- statements */

bool database_run(struct database *db, enum statement s, const char *what)
{
   return sql_run(&db->sql, db->statements[s], what);
}

/* --------------------------------------------------------------------- opening */

/* word_bits(): the bits of all words of a group. */
static void bits_step(sqlite3_context *context, int n, sqlite3_value **values)
{
   int64_t *bits = sqlite3_aggregate_context(context, sizeof(*bits));
   const char *word = (const char *) sqlite3_value_text(values[0]);
   if (n == 1 && bits != NULL && word != NULL) {
      *bits |= word_bit(word);
   }
}

static void bits_final(sqlite3_context *context)
{
   const int64_t *bits = sqlite3_aggregate_context(context, sizeof(*bits));
   sqlite3_result_int64(context, bits != NULL ? *bits : 0);
}

static bool migrate(struct database *db, const char *path)
{
   int64_t version;
   if (!sql_version(&db->sql, path, DATABASE_VERSION, &version)) {
      return false;
   }
   sqlite3_create_function(db->sql.handle, "word_bits", 1, SQLITE_UTF8, NULL, NULL, bits_step, bits_final);
   for (; version < DATABASE_VERSION; version++) {
      char set[64];
      snprintf(set, sizeof(set), "PRAGMA user_version = %lld", (long long) version + 1);
      if (!sql_begin(&db->sql)) {
         return false;
      }
      if (!sql_execute(&db->sql, schema[version], path) || !sql_execute(&db->sql, set, path) ||
          !sql_commit(&db->sql)) {
         database_rollback(db);
         return false;
      }
   }
   return true;
}

/* Room for one segment more. */
static struct segment *add_segment(struct database *db, int64_t no)
{
   if (db->n_segments == db->capacity) {
      uint32_t capacity = db->capacity > 0 ? 2 * db->capacity : 16;
      struct segment *more = realloc(db->segments, capacity * sizeof(*more));
      if (more == NULL) {
         snprintf(db->sql.why, sizeof(db->sql.why), "out of memory for %u segments", capacity);
         return NULL;
      }
      db->segments = more;
      db->capacity = capacity;
   }
   db->segments[db->n_segments] = (struct segment){.no = no, .first = INT64_MAX, .last = INT64_MIN};
   return &db->segments[db->n_segments++];
}

static bool read_segments(struct database *db)
{
   sqlite3_stmt *s = NULL;
   int rc =
       sqlite3_prepare_v2(db->sql.handle, "SELECT no, first, last FROM segment ORDER BY no", -1, &s, NULL);
   while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
      struct segment *segment = add_segment(db, sqlite3_column_int64(s, 0));
      if (segment == NULL) {
         break;
      }
      segment->first = sqlite3_column_int64(s, 1);
      segment->last = sqlite3_column_int64(s, 2);
      rc = SQLITE_OK;
   }
   sqlite3_finalize(s);
   return rc == SQLITE_DONE || sql_fail(&db->sql, "reading the segments");
}

bool database_open(struct database *db, const char *path)
{
   static const struct sql_options o = {.synchronous = "FULL", .wal_pages = WAL_PAGES, .cache_kb = 65536};
   memset(db, 0, sizeof(*db));
   db->file = -1;
   if (!sql_open(&db->sql, path, &o) || !migrate(db, path) || !read_segments(db) ||
       !sql_prepare(&db->sql, path, texts, db->statements, STATEMENTS)) {
      return false;
   }
   db->file = open(path, O_RDONLY | O_CLOEXEC);
   db->next = sql_number(db->sql.handle, "SELECT max(no) FROM event", 0) + 1;
   db->events = (uint64_t) sql_number(db->sql.handle, "SELECT sum(events) FROM block", 0);
   return true;
}

void database_close(struct database *db)
{
   bool was_open = db->sql.handle != NULL;
   sql_close(&db->sql, db->statements, STATEMENTS);
   if (was_open && db->file >= 0) {
      close(db->file);
   }
   free(db->segments);
   memset(db, 0, sizeof(*db));
}

bool database_begin(struct database *db)
{
   db->before_next = db->next;
   db->before_events = db->events;
   db->before_expired = db->expired;
   return sql_begin(&db->sql);
}

bool database_commit(struct database *db)
{
   return sql_commit(&db->sql);
}

void database_rollback(struct database *db)
{
   char why[SQL_ERROR];
   sql_rollback(&db->sql);
   memcpy(why, db->sql.why, sizeof(why)); /* why it was rolled back */
   db->next = db->before_next;
   db->events = db->before_events;
   db->expired = db->before_expired;
   db->n_segments = 0;
   db->aged_to = 0;
   read_segments(db);
   memcpy(db->sql.why, why, sizeof(why));
}

/* --------------------------------------------------------------------- writing */

/* The segment of an event spans its times. Those of a segment never shrink: an id is looked for by the begin that is hashed in it. */
static bool widen(struct database *db, const struct event *e, int64_t no)
{
   uint32_t i = db->n_segments;
   while (i > 0 && db->segments[i - 1].no > segment_of(no)) {
      i--;
   }
   struct segment *s = i > 0 && db->segments[i - 1].no == segment_of(no) ? &db->segments[i - 1] : NULL;
   if (s == NULL && (s = add_segment(db, segment_of(no))) == NULL) {
      return false;
   }
   int64_t first = time_us(e->first), last = time_us(e->last);
   if (first >= s->first && last <= s->last) {
      return true;
   }
   s->first = first < s->first ? first : s->first;
   s->last = last > s->last ? last : s->last;
   sqlite3_stmt *put = db->statements[PUT_SEGMENT];
   sqlite3_bind_int64(put, 1, s->no);
   sqlite3_bind_int64(put, 2, s->first);
   sqlite3_bind_int64(put, 3, s->last);
   return database_run(db, PUT_SEGMENT, "writing a segment");
}

/* Adds an event to the block of its number. n: 1 for a new event, 0 for one that has changed */
static bool put_block(struct database *db, const struct event *e, int64_t no, int n)
{
   sqlite3_stmt *s = db->statements[PUT_BLOCK];
   sqlite3_bind_int64(s, 1, no / BLOCK_EVENTS);
   sqlite3_bind_int64(s, 2, time_us(e->first));
   sqlite3_bind_int64(s, 3, time_us(e->last));
   sqlite3_bind_int64(s, 4, word_bit(e->kind));
   sqlite3_bind_int64(s, 5, word_bit(e->description->program));
   sqlite3_bind_int64(s, 6, BLOCK_CONFIDENCE(event_confidence(e)) | (n > 0 ? BLOCK_STATE(EVENT_NEW) : 0));
   sqlite3_bind_int(s, 7, n);
   return database_run(db, PUT_BLOCK, "writing a block");
}

static bool put_host(struct database *db, enum statement s, const ip_addr_t *ip, int64_t no)
{
   uint8_t key[16];
   int size = sql_address(ip, key);
   sqlite3_bind_int64(db->statements[s], 1, segment_of(no));
   sqlite3_bind_blob(db->statements[s], 2, key, size, SQLITE_STATIC);
   sqlite3_bind_int64(db->statements[s], 3, no);
   return database_run(db, s, "writing a host");
}

bool database_put_hosts(struct database *db, enum statement s, const struct event *e, int64_t no,
                        unsigned old_sources, unsigned old_targets)
{
   bool done = true;
   for (unsigned i = old_sources; done && i < e->n_source_samples; i++) {
      done = put_host(db, s, &e->source_samples[i], no);
   }
   for (unsigned i = old_targets; done && i < e->n_samples; i++) {
      done = put_host(db, s, &e->samples[i], no);
   }
   return done;
}

static bool put_event(struct database *db, enum statement which, const struct event *e, int64_t no,
                      int64_t now)
{
   uint8_t id[16], blob[BLOB_MAX];
   sqlite3_stmt *s = db->statements[which];
   size_t size = blob_write(e, blob);
   sqlite3_bind_int64(s, 1, no);
   if (which == INSERT_EVENT) {
      id_to_bytes(e->id, id);
      sqlite3_bind_blob(s, 2, id, sizeof(id), SQLITE_STATIC);
      sqlite3_bind_blob(s, 10, event_is_scan(e) ? &e->source : NULL, sizeof(e->source), SQLITE_STATIC);
   }
   sqlite3_bind_text(s, 6, e->kind, -1, SQLITE_STATIC);
   sqlite3_bind_text(s, 7, e->description->program, -1, SQLITE_STATIC);
   sqlite3_bind_int64(s, 3, time_us(e->first));
   sqlite3_bind_int64(s, 4, time_us(e->last));
   sqlite3_bind_int64(s, 5, now);
   sqlite3_bind_int(s, 8, (int) event_confidence(e));
   sqlite3_bind_blob(s, 9, blob, (int) size, SQLITE_STATIC);
   return database_run(db, which, "writing an event");
}

bool database_insert(struct database *db, const struct event *e, int64_t now, int64_t *no)
{
   uint8_t id[16];
   sqlite3_stmt *s = db->statements[INSERT_ID];
   *no = db->next;
   id_to_bytes(e->id, id);
   sqlite3_bind_int64(s, 1, segment_of(*no));
   sqlite3_bind_blob(s, 2, id, sizeof(id), SQLITE_STATIC);
   sqlite3_bind_int64(s, 3, *no);
   if (!database_run(db, INSERT_ID, "writing an id") || !put_event(db, INSERT_EVENT, e, *no, now) ||
       !widen(db, e, *no) || !put_block(db, e, *no, 1) ||
       !database_put_hosts(db, INSERT_HOST, e, *no, 0, 0)) {
      return false;
   }
   db->next++;
   db->events++;
   return true;
}

bool database_update(struct database *db, const struct event *e, int64_t no, int64_t now,
                     unsigned old_sources, unsigned old_targets)
{
   return put_event(db, UPDATE_EVENT, e, no, now) && widen(db, e, no) && put_block(db, e, no, 0) &&
          database_put_hosts(db, INSERT_HOST, e, no, old_sources, old_targets);
}

bool database_put_position(struct database *db, const char *input, const struct position *p)
{
   sqlite3_stmt *s = db->statements[PUT_POSITION];
   sqlite3_bind_text(s, 1, input, -1, SQLITE_STATIC);
   sqlite3_bind_int64(s, 2, (int64_t) p->instance);
   sqlite3_bind_int64(s, 3, (int64_t) p->number);
   return database_run(db, PUT_POSITION, "writing the position of an input");
}

/* --------------------------------------------------------------------- reading */

bool database_get_position(struct database *db, const char *input, struct position *p)
{
   sqlite3_stmt *s = NULL;
   memset(p, 0, sizeof(*p));
   int rc =
       sqlite3_prepare_v2(db->sql.handle, "SELECT instance, number FROM input WHERE name = ?1", -1, &s, NULL);
   if (rc == SQLITE_OK) {
      sqlite3_bind_text(s, 1, input, -1, SQLITE_STATIC);
      rc = sqlite3_step(s);
   }
   if (rc == SQLITE_ROW) {
      p->instance = (uint64_t) sqlite3_column_int64(s, 0);
      p->number = (uint64_t) sqlite3_column_int64(s, 1);
   }
   sqlite3_finalize(s);
   return rc == SQLITE_ROW || rc == SQLITE_DONE || sql_fail(&db->sql, "reading the position of an input");
}

int64_t database_find(struct database *db, const struct event *e)
{
   uint8_t id[16];
   int64_t first = time_us(e->first), no = 0;
   sqlite3_stmt *s = db->statements[FIND_ID];
   id_to_bytes(e->id, id);
   for (uint32_t i = db->n_segments; i > 0 && no == 0; i--) {
      const struct segment *g = &db->segments[i - 1];
      if (first < g->first || first > g->last) {
         continue;
      }
      sqlite3_bind_int64(s, 1, g->no);
      sqlite3_bind_blob(s, 2, id, sizeof(id), SQLITE_STATIC);
      int rc = sqlite3_step(s);
      no = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : rc == SQLITE_DONE ? 0 : -1;
      if (no < 0) {
         sql_fail(&db->sql, "looking for an event");
      }
      sqlite3_reset(s);
   }
   return no;
}

bool database_event_of_row(sqlite3_stmt *s, int data, int id, struct event *e)
{
   const void *blob = sqlite3_column_blob(s, data);
   int size = sqlite3_column_bytes(s, data);
   const void *bytes = sqlite3_column_blob(s, id);
   if (blob == NULL || bytes == NULL || sqlite3_column_bytes(s, id) != 16 ||
       !blob_read(blob, (size_t) size, e)) {
      return false;
   }
   id_to_text(bytes, e->id);
   return true;
}

int database_read(struct database *db, int64_t no, struct event *e)
{
   sqlite3_stmt *s = db->statements[READ_EVENT];
   sqlite3_bind_int64(s, 1, no);
   int rc = sqlite3_step(s);
   int found = rc == SQLITE_ROW ? database_event_of_row(s, 0, 1, e) : rc == SQLITE_DONE ? 0 : -1;
   if (found < 0) {
      sql_fail(&db->sql, "reading an event");
   }
   sqlite3_reset(s);
   return found;
}

bool database_recent(struct database *db, uint32_t n,
                     void (*take)(void *context, const struct event *e, int64_t no), void *context)
{
   sqlite3_stmt *s = NULL;
   struct event e;
   int rc = sqlite3_prepare_v2(
       db->sql.handle, "SELECT data, id, no FROM event WHERE no > ?1 AND run >= 0 ORDER BY no", -1, &s, NULL);
   if (rc == SQLITE_OK) {
      sqlite3_bind_int64(s, 1, db->next - 1 - (int64_t) n);
      while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
         if (database_event_of_row(s, 0, 1, &e)) {
            take(context, &e, sqlite3_column_int64(s, 2));
         }
      }
   }
   sqlite3_finalize(s);
   return rc == SQLITE_DONE || sql_fail(&db->sql, "reading the newest events");
}

/* -------------------------------------------------------------------- deleting */

struct victim {
   int64_t no, run;
   uint8_t id[16];
   struct event e; /* for its addresses */
   bool readable;
};

bool database_delete(struct database *db, int64_t no, const uint8_t id[16], const struct event *e)
{
   sqlite3_bind_int64(db->statements[DELETE_EVENT], 1, no);
   sqlite3_bind_int64(db->statements[DELETE_ID], 1, segment_of(no));
   sqlite3_bind_blob(db->statements[DELETE_ID], 2, id, 16, SQLITE_STATIC);
   sqlite3_bind_int64(db->statements[DELETE_MARKS], 1, no);
   sqlite3_bind_int64(db->statements[COUNT_DELETED], 1, no / BLOCK_EVENTS);
   bool done = database_run(db, DELETE_EVENT, "deleting an event") &&
               database_run(db, DELETE_ID, "deleting an event") &&
               database_run(db, DELETE_MARKS, "deleting an event") &&
               database_run(db, COUNT_DELETED, "deleting an event") &&
               (e == NULL || database_put_hosts(db, DELETE_HOST, e, no, 0, 0));
   db->events -= done && db->events > 0;
   return done;
}

static bool delete_old(struct database *db, const struct victim *v)
{
   bool done = database_delete(db, v->no, v->id, v->readable ? &v->e : NULL) &&
               (v->run >= 0 || runs_dissolve(db, v->no)) &&
               (v->run <= 0 || !v->readable || database_put_hosts(db, DELETE_HOST, &v->e, v->run, 0, 0));
   db->expired += done;
   return done;
}

/* Looks at the next events after number *from, and deletes those stored before a time; INT64_MAX: all of them. */
static bool delete_some(struct database *db, int64_t *from, int64_t before, uint32_t max, uint32_t *deleted)
{
   struct victim *list = malloc(max * sizeof(*list));
   uint32_t n = 0;
   *deleted = 0;
   if (list == NULL) {
      snprintf(db->sql.why, sizeof(db->sql.why), "out of memory");
      return false;
   }
   sqlite3_stmt *s = db->statements[OLDEST_EVENTS];
   sqlite3_bind_int64(s, 1, *from);
   sqlite3_bind_int(s, 2, (int) max);
   int rc;
   while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
      *from = sqlite3_column_int64(s, 0);
      if (sqlite3_column_int64(s, 2) >= before) {
         continue;
      }
      struct victim *v = &list[n++];
      v->no = *from;
      v->run = sqlite3_column_int64(s, 4);
      v->readable = database_event_of_row(s, 3, 1, &v->e);
      memset(v->id, 0, sizeof(v->id));
      if (sqlite3_column_bytes(s, 1) == sizeof(v->id)) {
         memcpy(v->id, sqlite3_column_blob(s, 1), sizeof(v->id));
      }
   }
   sqlite3_reset(s);
   bool done = rc == SQLITE_DONE || sql_fail(&db->sql, "reading the oldest events");
   for (uint32_t i = 0; done && i < n; i++) {
      done = delete_old(db, &list[i]);
   }
   *deleted = n;
   free(list);
   return done;
}

/* Segments and blocks before the first event are forgotten. */
static bool drop_segments(struct database *db)
{
   int64_t first = sql_number(db->sql.handle, "SELECT min(no) FROM event", db->next),
           oldest = segment_of(first);
   uint32_t n = 0;
   sqlite3_bind_int64(db->statements[DELETE_BLOCKS], 1, first / BLOCK_EVENTS);
   if (!database_run(db, DELETE_BLOCKS, "deleting a block")) {
      return false;
   }
   while (n < db->n_segments && db->segments[n].no < oldest) {
      n++;
   }
   if (n == 0) {
      return true;
   }
   memmove(db->segments, db->segments + n, (db->n_segments - n) * sizeof(*db->segments));
   db->n_segments -= n;
   sqlite3_bind_int64(db->statements[DELETE_SEGMENTS], 1, oldest);
   return database_run(db, DELETE_SEGMENTS, "deleting a segment");
}

bool database_expire(struct database *db, int64_t before, uint64_t max_bytes, bool *more)
{
   uint32_t deleted = 0;
   int64_t from = db->aged_to;
   *more = false;
   if (!delete_some(db, &from, before, EXPIRE_BATCH, &deleted)) {
      return false;
   }
   /* Events that come after one without an old one are newer still; those that are joined to for a long time are passed over. */
   db->aged_to = deleted > 0 ? from : 0;
   *more = deleted > 0;
   if (sql_used_bytes(&db->sql) > max_bytes) {
      from = 0;
      if (!delete_some(db, &from, INT64_MAX, EXPIRE_BATCH, &deleted)) {
         return false;
      }
      *more |= deleted > 0;
   }
   return !*more || drop_segments(db);
}
