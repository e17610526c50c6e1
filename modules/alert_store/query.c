/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"
#include "blob.h"
#include "database.h"
#include "read_ahead.h"
#include "runs.h"
#include "sorted.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNTS_MAX  10000 /* rows of an answer */
#define AHEAD       256   /* rows that are read ahead */
#define AHEAD_LEAST 8     /* fewer are read as fast one by one: finding their pages reads some, too */

/* The host is looked for in the index, see list_hosts(). */
#define COLUMNS                                                                                           \
   "SELECT e.no, e.id, e.state, e.stored, e.data, (SELECT note FROM mark WHERE event = e.no ORDER BY no " \
   "DESC LIMIT 1), e.run, (SELECT id FROM event r WHERE r.no = e.run) "

/* --------------------------------------------------------------------- opening */

static void failed(struct query *q, struct answer *a, int rc)
{
   sql_failed(q->sql, rc, "ask for a shorter time, a host or a network", a);
}

bool query_open(struct query *q, const char *path, int file, struct request_client *client,
                char why[REQUEST_ERROR])
{
   const struct {
      sqlite3_stmt **statement;
      const char *text;
   } texts[] = {
       {&q->list, COLUMNS
        "FROM block b CROSS JOIN event e WHERE b.no <= ?7 / 512 AND b.last >= ?1 AND b.first <= ?2"
        " AND b.kinds & ?10 AND b.detectors & ?11 AND b.others & ?12 AND b.others & ?13"
        " AND e.no >= b.no * 512 AND e.no < b.no * 512 + 512 AND e.no < ?7" QUERY_CONDITIONS QUERY_NO_PART
        " ORDER BY b.no DESC, e.no DESC LIMIT ?9"},
       {&q->numbers, "SELECT DISTINCT no FROM host WHERE segment = ?1 AND ip >= ?2 AND ip <= ?3"
                     " AND length(ip) = ?4 AND no < ?5 ORDER BY no DESC"},
       {&q->one, COLUMNS "FROM event e WHERE e.no = ?7 AND (?8 OR e.run <= 0)" QUERY_CONDITIONS},
       {&q->parts, "SELECT no, id, data FROM event WHERE run = ?1 AND run > 0 ORDER BY begin, no"},
       {&q->find, "SELECT no FROM event_id WHERE segment = ?1 AND id >= ?2 AND id <= ?3 LIMIT 2"},
   };
   /* Marks are written here, too; events are not. */
   int rc = sql_connect(path, client, &q->sql);
   rc = rc == SQLITE_OK ? sorted_prepare(q->sql) : rc;
   for (size_t i = 0; rc == SQLITE_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
      rc = sqlite3_prepare_v2(q->sql, texts[i].text, -1, texts[i].statement, NULL);
   }
   if (rc != SQLITE_OK) {
      snprintf(why, REQUEST_ERROR, "the database cannot be opened: %s",
               q->sql != NULL ? sqlite3_errmsg(q->sql) : "out of memory");
      query_close(q);
      return false;
   }
   q->client = client;
   q->file = file;
   q->page_size = (uint32_t) sql_number(q->sql, "PRAGMA page_size", 0);
   q->events = (uint32_t) sql_number(q->sql, "SELECT rootpage FROM sqlite_master WHERE name = 'event'", 0);
   return true;
}

void query_close(struct query *q)
{
   sqlite3_finalize(q->list);
   sqlite3_finalize(q->numbers);
   sqlite3_finalize(q->one);
   sqlite3_finalize(q->find);
   sqlite3_finalize(q->parts);
   sqlite3_close(q->sql);
   q->sql = NULL;
   q->list = q->numbers = q->one = q->find = q->parts = NULL;
}

/* ------------------------------------------------------------------------ rows */

/* \param[out] parts of a run, to be freed; NULL: it is none \return false: what is stored cannot be read */
static bool read_row(struct query *q, sqlite3_stmt *s, struct event *e, struct event **parts)
{
   *parts = NULL;
   if (!database_event_of_row(s, 4, 1, e)) {
      return false;
   }
   int state = sqlite3_column_int(s, 2);
   e->state = state >= EVENT_NEW && state <= EVENT_CLOSED ? (enum event_state) state : EVENT_NEW;
   if (sqlite3_column_int64(s, 6) < 0 &&
       runs_read_parts(q->parts, sqlite3_column_int64(s, 0), parts, &e->n_parts) != SQLITE_OK) {
      free(*parts);
      *parts = NULL;
      return false;
   }
   e->parts = *parts;
   return true;
}

static void add_event(sqlite3_stmt *s, const struct event *e, bool with_parts, struct answer *a)
{
   char source[64], target[256], amount[64], title[128], run[EVENT_ID_SIZE] = "";
   const char *note = (const char *) sqlite3_column_text(s, 5);
   json_t *texts =
       json_pack("{s:s,s:s,s:s,s:s}", "title", event_title(e, title, sizeof(title)), "source",
                 event_source(e, source, sizeof(source)), "target", event_target(e, target, sizeof(target)),
                 "amount", event_amount(e, amount, sizeof(amount)));
   json_t *row = json_pack("{s:I,s:f,s:s,s:o,s:o}", "no", (json_int_t) sqlite3_column_int64(s, 0), "stored",
                           (double) sqlite3_column_int64(s, 3) / 1e6, "note", note != NULL ? note : "",
                           "text", texts, "event", with_parts ? event_json(e) : event_json_without_parts(e));
   if (row != NULL && sqlite3_column_bytes(s, 7) == 16) {
      id_to_text(sqlite3_column_blob(s, 7), run);
      json_object_set_new(row, "run", json_string(run));
   }
   answer_line(a, row);
}

void query_bind_conditions(sqlite3_stmt *s, const struct request *r)
{
   sqlite3_bind_int64(s, 1, r->since);
   sqlite3_bind_int64(s, 2, r->until);
   sqlite3_bind_text(s, 3, *r->kind != 0 ? r->kind : NULL, -1, SQLITE_STATIC);
   sqlite3_bind_text(s, 4, *r->detector != 0 ? r->detector : NULL, -1, SQLITE_STATIC);
   sqlite3_bind_int(s, 5, r->confidence);
   sqlite3_bind_int(s, 6, r->state);
}

/* ------------------------------------------------------------------------ list */

/* Segments from the newest to the oldest. Read at once, so that nothing is read while rows are. */
static int read_segments(struct query *q, const struct request *r, int64_t **list, uint32_t *n)
{
   sqlite3_stmt *s = NULL;
   uint32_t capacity = 0;
   int rc = sqlite3_prepare_v2(
       q->sql, "SELECT no FROM segment WHERE last >= ?1 AND first <= ?2 AND no <= ?3 ORDER BY no DESC", -1,
       &s, NULL);
   sqlite3_bind_int64(s, 1, r->since);
   sqlite3_bind_int64(s, 2, r->until);
   sqlite3_bind_int64(s, 3, r->before / SEGMENT_EVENTS);
   *list = NULL;
   *n = 0;
   while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
      if (*n == capacity) {
         capacity = capacity > 0 ? 2 * capacity : 64;
         int64_t *more = realloc(*list, capacity * sizeof(*more));
         if (more == NULL) {
            rc = SQLITE_NOMEM;
            break;
         }
         *list = more;
      }
      (*list)[(*n)++] = sqlite3_column_int64(s, 0);
      rc = SQLITE_OK;
   }
   sqlite3_finalize(s);
   return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

struct listing {
   unsigned n;       /* events */
   int64_t next;     /* the number of the last one */
   uint64_t skipped; /* events that could not be read */
};

/* Takes the event of a row to the answer. \return SQLITE_OK: the answer is full */
static int take_row(struct query *q, sqlite3_stmt *s, const struct request *r, struct listing *l,
                    struct answer *a)
{
   struct event e, *parts;
   if (l->n == r->limit || a->size > ANSWER_MAX) {
      return SQLITE_OK;
   }
   l->next = sqlite3_column_int64(s, 0);
   if (read_row(q, s, &e, &parts)) {
      add_event(s, &e, true, a);
      free(parts);
      l->n++;
   } else {
      l->skipped++;
   }
   return SQLITE_ROW;
}

/* Events of any host. \return SQLITE_DONE: that were all; SQLITE_OK: the answer is full */
static int list_all(struct query *q, const struct request *r, struct listing *l, struct answer *a)
{
   int64_t states = r->state >= 0 ? BLOCK_STATE(r->state)
                                  : BLOCK_STATE(EVENT_NEW) | BLOCK_STATE(EVENT_SEEN) |
                                        BLOCK_STATE(EVENT_FALSE) | BLOCK_STATE(EVENT_CLOSED);
   int64_t confidences = 0;
   for (int c = r->confidence; c <= 2; c++) {
      confidences |= BLOCK_CONFIDENCE(c);
   }
   int rc;
   query_bind_conditions(q->list, r);
   sqlite3_bind_int(q->list, 9, (int) r->limit + 1); /* one more says that there is more */
   sqlite3_bind_int64(q->list, 7, r->before);
   sqlite3_bind_int64(q->list, 10, *r->kind != 0 ? word_bit(r->kind) : -1);
   sqlite3_bind_int64(q->list, 11, *r->detector != 0 ? word_bit(r->detector) : -1);
   sqlite3_bind_int64(q->list, 12, confidences);
   sqlite3_bind_int64(q->list, 13, states);
   while ((rc = sqlite3_step(q->list)) == SQLITE_ROW && (rc = take_row(q, q->list, r, l, a)) == SQLITE_ROW) {
   }
   sqlite3_reset(q->list);
   return rc;
}

/* The numbers of the events of the hosts asked for in a segment, the newest first. \param list room for a segment */
static int read_numbers(struct query *q, const struct request *r, int64_t segment, int64_t *list, uint32_t *n)
{
   sqlite3_stmt *s = q->numbers;
   int rc;
   sqlite3_bind_int64(s, 1, segment);
   sqlite3_bind_blob(s, 2, r->hosts.from, r->hosts.size, SQLITE_STATIC);
   sqlite3_bind_blob(s, 3, r->hosts.to, r->hosts.size, SQLITE_STATIC);
   sqlite3_bind_int(s, 4, r->hosts.size);
   sqlite3_bind_int64(s, 5, r->before);
   *n = 0;
   while ((rc = sqlite3_step(s)) == SQLITE_ROW && *n < SEGMENT_EVENTS) {
      list[(*n)++] = sqlite3_column_int64(s, 0);
   }
   sqlite3_reset(s);
   return rc == SQLITE_ROW ? SQLITE_DONE : rc; /* more than a segment has: damaged */
}

/* Events of the hosts asked for in a segment; they lie far apart. */
static int list_segment(struct query *q, const struct request *r, int64_t segment, int64_t *numbers,
                        struct listing *l, struct answer *a)
{
   uint32_t n, ahead = 0;
   int rc = read_numbers(q, r, segment, numbers, &n);
   query_bind_conditions(q->one, r);
   sqlite3_bind_int(q->one, 8, 0); /* no parts of runs */
   for (uint32_t i = 0; rc == SQLITE_DONE && i < n; i++) {
      if (i == ahead) {
         uint32_t most = r->limit - l->n + 1 < AHEAD ? r->limit - l->n + 1 : AHEAD;
         ahead += n - i < most ? n - i : most;
         if (ahead - i >= AHEAD_LEAST) {
            read_ahead(q->file, q->page_size, q->events, numbers + i, ahead - i);
         }
      }
      sqlite3_bind_int64(q->one, 7, numbers[i]);
      rc = sqlite3_step(q->one);
      rc = rc == SQLITE_ROW ? take_row(q, q->one, r, l, a) : rc;
      rc = rc == SQLITE_ROW ? SQLITE_DONE : rc;
      sqlite3_reset(q->one);
   }
   return rc;
}

/* Events of the hosts asked for, in one transaction, so that they are all of one moment. */
static int list_hosts(struct query *q, const struct request *r, struct listing *l, struct answer *a)
{
   int64_t *segments = NULL, *numbers = malloc(SEGMENT_EVENTS * sizeof(*numbers));
   uint32_t n = 0;
   int rc = numbers != NULL ? sqlite3_exec(q->sql, "BEGIN", NULL, NULL, NULL) : SQLITE_NOMEM;
   rc = rc == SQLITE_OK ? read_segments(q, r, &segments, &n) : rc;
   rc = rc == SQLITE_OK ? SQLITE_DONE : rc;
   for (uint32_t i = 0; rc == SQLITE_DONE && i < n; i++) {
      rc = list_segment(q, r, segments[i], numbers, l, a);
   }
   free(segments);
   free(numbers);
   return rc;
}

static void answer_list(struct query *q, const struct request *r, struct answer *a)
{
   struct listing l = {.next = r->before};
   int rc = r->hosts.size > 0 ? list_hosts(q, r, &l, a) : list_all(q, r, &l, a);
   if (rc != SQLITE_DONE && rc != SQLITE_OK) {
      failed(q, a, rc);
   }
   if (!sqlite3_get_autocommit(q->sql)) {
      sqlite3_exec(q->sql, "COMMIT", NULL, NULL, NULL);
   }
   if (rc != SQLITE_DONE && rc != SQLITE_OK) {
      return;
   }
   answer_line(a, json_pack("{s:b,s:b,s:I,s:I}", "ok", 1, "more", rc == SQLITE_OK, "before",
                            (json_int_t) l.next, "unreadable", (json_int_t) l.skipped));
}

/* --------------------------------------------------------------------- counting */

/* How many events began in each step; those that had begun before count in the first one. */
#define COUNT_FROM                                                                                           \
   " FROM event e WHERE e.no >= (SELECT min(no) FROM segment WHERE last >= ?1 AND first <= ?2) * ?12"        \
   " AND e.no < ((SELECT max(no) FROM segment WHERE last >= ?1 AND first <= ?2) + 1) * ?12" QUERY_CONDITIONS \
       QUERY_NO_PART                                                                                         \
   " AND (?9 = 0 OR e.no IN (SELECT no FROM host WHERE segment IN (SELECT no FROM segment WHERE last >= ?1"  \
   " AND first <= ?2) AND ip >= ?10 AND ip <= ?11 AND length(ip) = ?9)) GROUP BY 1, 2 ORDER BY 1, 2 LIMIT "  \
   "?8"

static const char *name_of_count(sqlite3_stmt *s, enum count_by by)
{
   int n = sqlite3_column_int(s, 1);
   const char *text = (const char *) sqlite3_column_text(s, 1);
   switch (by) {
   case BY_CONFIDENCE: return n >= 0 && n < 3 ? event_confidence_names[n] : "";
   case BY_STATE: return n >= EVENT_NEW && n <= EVENT_CLOSED ? event_state_names[n] : "";
   default: return text != NULL ? text : "";
   }
}

static void answer_count(struct query *q, const struct request *r, struct answer *a)
{
   static const char *const texts[] = {
       [BY_KIND] = "SELECT max(e.begin, ?1) / ?7, e.kind, count(*)" COUNT_FROM,
       [BY_DETECTOR] = "SELECT max(e.begin, ?1) / ?7, e.detector, count(*)" COUNT_FROM,
       [BY_CONFIDENCE] = "SELECT max(e.begin, ?1) / ?7, e.confidence, count(*)" COUNT_FROM,
       [BY_STATE] = "SELECT max(e.begin, ?1) / ?7, e.state, count(*)" COUNT_FROM};
   sqlite3_stmt *s = NULL;
   int rc = sqlite3_prepare_v2(q->sql, texts[r->by], -1, &s, NULL);
   unsigned n = 0;
   query_bind_conditions(s, r);
   sqlite3_bind_int64(s, 7, r->step);
   sqlite3_bind_int(s, 8, COUNTS_MAX + 1);
   sqlite3_bind_int(s, 9, r->hosts.size);
   sqlite3_bind_blob(s, 10, r->hosts.from, r->hosts.size, SQLITE_STATIC);
   sqlite3_bind_blob(s, 11, r->hosts.to, r->hosts.size, SQLITE_STATIC);
   sqlite3_bind_int64(s, 12, SEGMENT_EVENTS);
   while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW && n < COUNTS_MAX) {
      answer_line(a, json_pack("{s:f,s:s,s:I}", "time", (double) (sqlite3_column_int64(s, 0) * r->step) / 1e6,
                               "name", name_of_count(s, r->by), "events",
                               (json_int_t) sqlite3_column_int64(s, 2)));
      n++;
      rc = SQLITE_OK;
   }
   if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
      answer_line(a, json_pack("{s:b,s:b}", "ok", 1, "more", rc == SQLITE_ROW));
   } else {
      failed(q, a, rc);
   }
   sqlite3_finalize(s);
}

/* ---------------------------------------------------------------- one event */

/* \return the number of the event; 0 after an answer that says why there is none */
static int64_t find_one(struct query *q, const struct request *r, struct answer *a)
{
   struct request all = {.since = INT64_MIN, .until = INT64_MAX, .before = INT64_MAX};
   int64_t *segments, no = 0;
   uint32_t n;
   unsigned found = 0;
   int rc = read_segments(q, &all, &segments, &n);
   for (uint32_t i = 0; rc == SQLITE_OK && i < n && found < 2; i++) {
      sqlite3_bind_int64(q->find, 1, segments[i]);
      sqlite3_bind_blob(q->find, 2, r->id_from, 16, SQLITE_STATIC);
      sqlite3_bind_blob(q->find, 3, r->id_to, 16, SQLITE_STATIC);
      while ((rc = sqlite3_step(q->find)) == SQLITE_ROW) {
         no = sqlite3_column_int64(q->find, 0);
         found++;
      }
      rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
      sqlite3_reset(q->find);
   }
   free(segments);
   if (rc != SQLITE_OK) {
      failed(q, a, rc);
      return 0;
   }
   if (found != 1) {
      answer_error(a, found == 0 ? "there is no event of this id" : "several events have ids that begin so");
   }
   return found == 1 ? no : 0;
}

/* Is a host asked for among those that the event, or a part of it, names? */
static bool names_host(const struct event *e, const struct request *r)
{
   uint8_t key[16];
   bool found = false;
   for (unsigned i = 0; !found && i < e->n_source_samples + e->n_samples; i++) {
      const ip_addr_t *ip =
          i < e->n_source_samples ? &e->source_samples[i] : &e->samples[i - e->n_source_samples];
      found = sql_address(ip, key) == r->hosts.size &&
              memcmp(key, r->hosts.from, (size_t) r->hosts.size) >= 0 &&
              memcmp(key, r->hosts.to, (size_t) r->hosts.size) <= 0;
   }
   for (uint32_t i = 0; !found && i < e->n_parts; i++) {
      found = names_host(&e->parts[i], r);
   }
   return found;
}

static const struct request anything = {.since = INT64_MIN, .until = INT64_MAX, .state = -1};

/* A part of a run is added only if all of it is wanted. \return false: it is not there, or not asked for */
static bool add_one(struct query *q, const struct request *r, int64_t no, bool all, struct answer *a)
{
   struct event e, *parts = NULL;
   query_bind_conditions(q->one, r);
   sqlite3_bind_int64(q->one, 7, no);
   sqlite3_bind_int(q->one, 8, all);
   bool found = sqlite3_step(q->one) == SQLITE_ROW && read_row(q, q->one, &e, &parts) &&
                (r->hosts.size == 0 || names_host(&e, r));
   if (found) {
      add_event(q->one, &e, all, a);
   }
   free(parts);
   sqlite3_reset(q->one);
   return found;
}

/* In another order than the newest first. */
static void answer_sorted(struct query *q, const struct request *r, struct answer *a)
{
   int64_t numbers[LIMIT_MAX + 1];
   unsigned n, i = 0, skipped = 0;
   int rc = sorted_list(q->sql, r, numbers, &n);
   if (rc == SQLITE_NOTFOUND) {
      answer_error(a, "\"before\": this event is no longer stored; ask for the list from its beginning");
      return;
   }
   if (rc != SQLITE_OK) {
      failed(q, a, rc);
      return;
   }
   for (; i < n && i < r->limit && a->size <= ANSWER_MAX; i++) {
      skipped += !add_one(q, &anything, numbers[i], false, a);
   }
   answer_line(a, json_pack("{s:b,s:b,s:I,s:I}", "ok", 1, "more", i < n, "before",
                            (json_int_t) (i > 0 ? numbers[i - 1] : r->before), "unreadable",
                            (json_int_t) skipped));
}

void query_changed(struct query *q, const struct request *r, int64_t no, struct answer *a)
{
   add_one(q, r, no, false, a);
}

static bool write_mark(struct query *q, const struct request *r, int64_t no)
{
   static const char *const texts[] = {
       "UPDATE event SET state = ?2 WHERE no = ?1",
       "UPDATE block SET others = others | (256 << ?2) WHERE no = ?1 / 512",
       "INSERT INTO mark(event, time, uid, state, note) VALUES(?1, ?3, ?4, ?2, ?5)"};
   bool done = true;
   for (size_t i = 0; done && i < sizeof(texts) / sizeof(texts[0]); i++) {
      sqlite3_stmt *s = NULL;
      done = sqlite3_prepare_v2(q->sql, texts[i], -1, &s, NULL) == SQLITE_OK;
      sqlite3_bind_int64(s, 1, no);
      sqlite3_bind_int(s, 2, (int) r->mark);
      sqlite3_bind_int64(s, 3, (int64_t) time(NULL) * 1000000);
      sqlite3_bind_int64(s, 4, request_client_user(q->client));
      sqlite3_bind_text(s, 5, r->note, -1, SQLITE_STATIC);
      done = done && sqlite3_step(s) == SQLITE_DONE;
      sqlite3_finalize(s);
   }
   return done;
}

static void answer_mark(struct query *q, const struct request *r, struct answer *a)
{
   int64_t no = find_one(q, r, a);
   if (no == 0) {
      return;
   }
   int rc = sqlite3_exec(q->sql, "BEGIN IMMEDIATE", NULL, NULL, NULL);
   if (rc == SQLITE_OK &&
       (!write_mark(q, r, no) || sqlite3_exec(q->sql, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)) {
      rc = sqlite3_extended_errcode(q->sql);
      failed(q, a, rc);
      sqlite3_exec(q->sql, "ROLLBACK", NULL, NULL, NULL);
      return;
   }
   if (rc != SQLITE_OK) {
      failed(q, a, rc);
      return;
   }
   add_one(q, &anything, no, true, a);
   answer_line(a, json_pack("{s:b}", "ok", 1));
}

static void answer_show(struct query *q, const struct request *r, struct answer *a)
{
   int64_t no = find_one(q, r, a);
   if (no == 0) {
      return;
   }
   if (!add_one(q, &anything, no, true, a)) {
      answer_error(a, "the event cannot be read: it was deleted, or the database is damaged");
      return;
   }
   answer_line(a, json_pack("{s:b}", "ok", 1));
}

static void answer_stats(struct query *q, struct answer *a)
{
   answer_line(
       a, json_pack("{s:b,s:I,s:I,s:I}", "ok", 1, "events",
                    sql_number(q->sql, "SELECT sum(events) FROM block", 0), "bytes",
                    sql_number(q->sql, "PRAGMA page_count", 0) * sql_number(q->sql, "PRAGMA page_size", 0),
                    "schema", sql_number(q->sql, "PRAGMA user_version", 0)));
}

void query_answer(struct query *q, const struct request *r, struct answer *a)
{
   switch (r->op) {
   case OP_LIST: (r->sort == SORT_ARRIVAL ? answer_list : answer_sorted)(q, r, a); break;
   case OP_SHOW: answer_show(q, r, a); break;
   case OP_MARK: answer_mark(q, r, a); break;
   case OP_STATS: answer_stats(q, a); break;
   case OP_COUNT: answer_count(q, r, a); break;
   default: answer_error(a, "this is not a request with one answer");
   }
}
