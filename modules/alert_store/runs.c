/* SPDX-License-Identifier: BSD-3-Clause */
#include "runs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_US   ((int64_t) RUN_GAP * 1000000)
#define IS_A_RUN (-1)

/* An event that is no part of another. */
struct top {
   int64_t no, begin, end;
   bool is_run, open; /* open: it may be joined to */
};

/* ---------------------------------------------------------------------- parts */

int runs_read_parts(sqlite3_stmt *s, int64_t run, struct event **parts, uint32_t *n)
{
   uint32_t capacity = 0;
   int rc;
   *parts = NULL;
   *n = 0;
   sqlite3_bind_int64(s, 1, run);
   while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
      if (*n == capacity) {
         capacity = capacity > 0 ? 2 * capacity : 16;
         struct event *more = realloc(*parts, capacity * sizeof(*more));
         if (more == NULL) {
            rc = SQLITE_NOMEM;
            break;
         }
         *parts = more;
      }
      *n += database_event_of_row(s, 2, 1, &(*parts)[*n]);
   }
   sqlite3_reset(s);
   return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Puts the addresses of all parts of a run to it, or takes them from it. */
static bool put_hosts_of_parts(struct database *db, enum statement how, int64_t run, int64_t to)
{
   struct event *parts;
   uint32_t n;
   int rc = runs_read_parts(db->statements[READ_PARTS], run, &parts, &n);
   bool done = rc == SQLITE_OK || sql_fail(&db->sql, "reading the parts of a run");
   for (uint32_t i = 0; done && i < n; i++) {
      done = database_put_hosts(db, how, &parts[i], to, 0, 0);
   }
   free(parts);
   return done;
}

static bool move_parts(struct database *db, int64_t from, int64_t to)
{
   sqlite3_bind_int64(db->statements[MOVE_PARTS], 1, from);
   sqlite3_bind_int64(db->statements[MOVE_PARTS], 2, to);
   return database_run(db, MOVE_PARTS, "moving the parts of a run");
}

/* \return -1: error */
static int64_t count_parts(struct database *db, const struct top *t)
{
   sqlite3_stmt *s = db->statements[COUNT_PARTS];
   if (!t->is_run) {
      return 1;
   }
   sqlite3_bind_int64(s, 1, t->no);
   int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
   if (n < 0) {
      sql_fail(&db->sql, "counting the parts of a run");
   }
   sqlite3_reset(s);
   return n;
}

/* ----------------------------------------------------------------------- tops */

/* \param[out] run column run of the event \return 1, 0: no such event; -1: error */
static int read_top(struct database *db, int64_t no, struct top *t, int64_t *run)
{
   sqlite3_stmt *s = db->statements[READ_TOP];
   sqlite3_bind_int64(s, 1, no);
   int rc = sqlite3_step(s);
   int found = rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
   if (found > 0) {
      *run = sqlite3_column_int64(s, 0);
      *t = (struct top){.no = no,
                        .begin = sqlite3_column_int64(s, 1),
                        .end = sqlite3_column_int64(s, 2),
                        .is_run = *run == IS_A_RUN,
                        .open = sqlite3_column_int(s, 3) != 0};
   } else if (found < 0) {
      sql_fail(&db->sql, "reading an event");
   }
   sqlite3_reset(s);
   return found;
}

/* Another scan or run of the source that is near enough. \return 1, 0: there is none; -1: error */
static int find_neighbour(struct database *db, const ip_addr_t *source, const struct top *t,
                          struct top *found)
{
   sqlite3_stmt *s = db->statements[FIND_NEIGHBOUR];
   int64_t run;
   sqlite3_bind_blob(s, 1, source, sizeof(*source), SQLITE_STATIC);
   sqlite3_bind_int64(s, 2, t->begin - GAP_US);
   sqlite3_bind_int64(s, 3, t->end + GAP_US);
   sqlite3_bind_int64(s, 4, t->no);
   int rc = sqlite3_step(s);
   int64_t no = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
   if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
      sql_fail(&db->sql, "looking for scans of a source");
      no = -1;
   }
   sqlite3_reset(s);
   return no <= 0 ? (int) no : read_top(db, no, found, &run);
}

static bool extend(struct database *db, struct top *t, int64_t begin, int64_t end)
{
   if (begin >= t->begin && end <= t->end) {
      return true;
   }
   t->begin = begin < t->begin ? begin : t->begin;
   t->end = end > t->end ? end : t->end;
   sqlite3_bind_int64(db->statements[EXTEND_RUN], 1, t->no);
   sqlite3_bind_int64(db->statements[EXTEND_RUN], 2, begin);
   sqlite3_bind_int64(db->statements[EXTEND_RUN], 3, end);
   return database_run(db, EXTEND_RUN, "writing a run");
}

static bool join_part(struct database *db, struct top *run, const struct top *part)
{
   struct event e;
   int found = database_read(db, part->no, &e);
   sqlite3_bind_int64(db->statements[JOIN_PART], 1, part->no);
   sqlite3_bind_int64(db->statements[JOIN_PART], 2, run->no);
   return found >= 0 && database_run(db, JOIN_PART, "writing a part of a run") &&
          (found == 0 || database_put_hosts(db, INSERT_HOST, &e, run->no, 0, 0)) &&
          extend(db, run, part->begin, part->end);
}

/* A run that is full, or an event that cannot be read, is joined to no more. */
static bool close_top(struct database *db, struct top *t)
{
   t->open = false;
   sqlite3_bind_int64(db->statements[CLOSE_RUN], 1, t->no);
   return database_run(db, CLOSE_RUN, "closing a run");
}

/* A run of two scans, which takes the place of the first one. */
static bool make_run(struct database *db, struct top *a, struct top *b, int64_t now)
{
   struct event parts[2];
   struct top *in_order[2] = {a, b}, run = {.begin = a->begin, .end = a->end, .is_run = true, .open = true};
   if (b->begin < a->begin || (b->begin == a->begin && b->no < a->no)) {
      in_order[0] = b;
      in_order[1] = a;
   }
   for (unsigned i = 0; i < 2; i++) {
      int found = database_read(db, in_order[i]->no, &parts[i]);
      if (found <= 0) {
         return found == 0 && close_top(db, in_order[i]);
      }
   }
   struct event e = event_run_of(parts, 2);
   if (!database_insert(db, &e, now, &run.no)) {
      return false;
   }
   sqlite3_bind_int64(db->statements[MAKE_RUN], 1, run.no);
   bool done =
       database_run(db, MAKE_RUN, "writing a run") && join_part(db, &run, a) && join_part(db, &run, b);
   *a = run;
   return done;
}

/* What was said of one run holds for another one that it becomes a part of, unless that was marked, too. */
static bool move_marks(struct database *db, int64_t from, int64_t to)
{
   char text[512];
   snprintf(text, sizeof(text),
            "UPDATE mark SET event = %" PRId64 " WHERE event = %" PRId64 ";"
            "UPDATE event SET state = (SELECT state FROM event WHERE no = %" PRId64 ") WHERE no = %" PRId64
            " AND state = 0;"
            "UPDATE block SET others = others | (256 << (SELECT state FROM event WHERE no = %" PRId64
            ")) WHERE no = %" PRId64,
            to, from, from, to, to, to / BLOCK_EVENTS);
   return sql_execute(&db->sql, text, "moving the marks of a run");
}

/* Run b becomes a part of run a. */
static bool merge_runs(struct database *db, struct top *a, const struct top *b)
{
   struct event e;
   uint8_t id[16];
   int found = database_read(db, b->no, &e);
   if (found <= 0) {
      return found == 0 && move_parts(db, b->no, a->no);
   }
   id_to_bytes(e.id, id);
   return move_marks(db, b->no, a->no) && put_hosts_of_parts(db, DELETE_HOST, b->no, b->no) &&
          put_hosts_of_parts(db, INSERT_HOST, b->no, a->no) && move_parts(db, b->no, a->no) &&
          database_delete(db, b->no, id, &e) && extend(db, a, b->begin, b->end);
}

/* Joins two, or closes one of them. t: becomes what they are now */
static bool join_tops(struct database *db, struct top *t, struct top *other, int64_t now)
{
   int64_t n = count_parts(db, t), m = count_parts(db, other);
   if (n < 0 || m < 0) {
      return false;
   }
   if (n + m > RUN_PARTS) {
      return close_top(db, n >= m ? t : other);
   }
   if (!t->is_run && !other->is_run) {
      return make_run(db, t, other, now);
   }
   struct top *kept = !t->is_run || (other->is_run && other->no < t->no) ? other : t,
              *joined = kept == t ? other : t;
   bool done = joined->is_run ? merge_runs(db, kept, joined) : join_part(db, kept, joined);
   *t = *kept;
   return done;
}

/* ----------------------------------------------------------------------- runs */

bool runs_join(struct database *db, const struct event *e, int64_t no, int64_t now, unsigned old_sources,
               unsigned old_targets, int64_t *run)
{
   struct top t, other;
   int64_t part_of = 0, none;
   int found = read_top(db, no, &t, &part_of);
   *run = 0;
   if (found > 0 && part_of > 0) {
      int64_t begin = t.begin, end = t.end;
      found = read_top(db, part_of, &t, &none);
      if (found > 0 && (!extend(db, &t, begin, end) ||
                        !database_put_hosts(db, INSERT_HOST, e, t.no, old_sources, old_targets))) {
         return false;
      }
   }
   while (found > 0 && t.open && (found = find_neighbour(db, &e->source, &t, &other)) > 0) {
      if (!join_tops(db, &t, &other, now)) {
         return false;
      }
   }
   *run = found >= 0 && t.is_run ? t.no : 0;
   return found >= 0;
}

bool runs_refresh(struct database *db, int64_t run, int64_t now)
{
   struct event *parts;
   uint32_t n;
   int rc = runs_read_parts(db->statements[READ_PARTS], run, &parts, &n);
   bool done = rc == SQLITE_OK || sql_fail(&db->sql, "reading the parts of a run");
   if (done && n > 0) {
      struct event e = event_run_of(parts, n);
      /* Their addresses are in the database already. */
      done = database_update(db, &e, run, now, e.n_source_samples, e.n_samples);
   }
   free(parts);
   return done;
}

bool runs_dissolve(struct database *db, int64_t run)
{
   return put_hosts_of_parts(db, DELETE_HOST, run, run) && move_parts(db, run, 0);
}
