/* SPDX-License-Identifier: BSD-3-Clause */
/** alert_store: alerts of detectors, joined to events, in a database that clients ask over a socket. */
#include "../common/alert_format.h"
#include "database.h"
#include "open_events.h"
#include "runs.h"
#include "server.h"

#include <nemea/alert_input.h>
#include <nemea/module.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMMIT_US \
   100000 /* alerts are stored, and acknowledged, at most this long after they came, and the time of one commit */
#define EXPIRE_SECONDS 5
#define RETRY_NS       100000000
#define DAY_US         ((int64_t) 86400 * 1000000)
#define MEGABYTE       ((uint64_t) 1 << 20)

NM_FIELDS()

struct source {
   const char *key; /* of its position in the database */
   struct position stored, now;
   uint64_t seq; /* of the last record that was taken */
   bool moved;   /* since the last commit */
};

struct alert_store {
   const char *path, *socket, *detectors;
   uint32_t days, capacity, deadline;
   uint64_t megabytes;
   bool end;
   struct database db;
   struct server *server;
   struct open_events open;
   struct source *sources;
   struct alert_input *inputs; /* as many */
   int64_t *numbers;           /* of the events of a commit, then of the runs that they are parts of */
   uint32_t n_runs;            /* of them */
   time_t expire_at;
   bool ready, failing;
   int64_t waiting_since; /* monotonic, of the oldest alert that is not acknowledged; 0: none */
   uint64_t slowest;      /* ms from an alert's arrival to its acknowledgement */
   uint64_t alerts, ignored, bad, repeated, created, joined, commits, failed_commits, requests, refused,
       evicted, expired, events;
};

static const nm_option_t options[] = {
    NM_STRING('d', "database", struct alert_store, path, NULL,
              "File of the database, made if it is not there; required. Only this program may open it."),
    NM_STRING('s', "socket", struct alert_store, socket, "alert_store",
              "Name of the socket that clients ask, in the directory of TRAP's sockets."),
    NM_STRING('D', "detectors", struct alert_store, detectors, NULL,
              "Whose alerts the inputs carry, in their order, separated by commas. Without it: the detector "
              "after which the "
              "interface is named, or the only one that has such alerts."),
    NM_U32(0, "max-age", struct alert_store, days, 90, 1, 36500, "Days after which an event is deleted."),
    NM_U64(0, "max-size", struct alert_store, megabytes, 10240, 8, (uint64_t) 1 << 30,
           "Size of the database in MB; the oldest events are deleted when it is larger."),
    NM_U32(0, "open-events", struct alert_store, capacity, 16384, 16, 1u << 20,
           "Events that alerts may still be joined to, of about 1.5 kB; beyond that, the one that was silent "
           "for longest is "
           "joined to no more."),
    NM_U32(0, "query-deadline", struct alert_store, deadline, 5000, 10, 600000,
           "Milliseconds that the answer to a client may take."),
    NM_FLAG('e', "end", struct alert_store, end, "End when all inputs have ended; otherwise only files end."),
    NM_END};

static int64_t wall_us(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_REALTIME, &ts);
   return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t monotonic_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --------------------------------------------------------------------- opening */

static int check(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   char why[ALERT_INPUT_WHY];
   if (self->path == NULL) {
      return nm_fail(m, "option --database: missing, expected the file of the database");
   }
   self->sources = calloc(nm_inputs(m) + 1, sizeof(*self->sources));
   self->inputs = calloc(nm_inputs(m) + 1, sizeof(*self->inputs));
   if (self->sources == NULL || self->inputs == NULL) {
      return nm_fail(m, "out of memory");
   }
   if (!alert_inputs_name(self->inputs, nm_inputs(m), self->detectors, why)) {
      return nm_fail(m, "option --detectors: %s", why);
   }
   nm_set_flag(m, NM_KEEP_EOS, !self->end);
   return NM_OK;
}

static void restore(void *context, const struct event *e, int64_t no)
{
   struct alert_store *self = context;
   struct open_event *o = open_events_add(&self->open, e);
   o->no = no;
   o->known_sources = e->n_source_samples;
   o->known_targets = e->n_samples;
}

static void count(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   nm_counter(m, "alerts", &self->alerts);
   nm_counter(m, "events created", &self->created);
   nm_counter(m, "alerts joined", &self->joined);
   nm_counter(m, "alerts repeated", &self->repeated);
   nm_counter(m, "alerts ignored", &self->ignored);
   nm_counter(m, "alerts invalid", &self->bad);
   nm_counter(m, "open events evicted", &self->evicted);
   nm_counter(m, "commits", &self->commits);
   nm_counter(m, "commits failed", &self->failed_commits);
   nm_counter(m, "slowest acknowledgement ms", &self->slowest);
   nm_counter(m, "events stored", &self->events);
   nm_counter(m, "events expired", &self->expired);
   nm_counter(m, "requests", &self->requests);
   nm_counter(m, "clients refused", &self->refused);
}

static int init(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   char why[1024];
   self->numbers = calloc(self->capacity, 2 * sizeof(*self->numbers));
   if (self->numbers == NULL || !open_events_create(&self->open, self->capacity)) {
      return nm_fail(m, "out of memory for %u open events", self->capacity);
   }
   if (!database_open(&self->db, self->path) || !database_recent(&self->db, self->capacity, restore, self)) {
      return nm_fail(m, "database %s", self->db.sql.why);
   }
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      struct source *s = &self->sources[i];
      s->key = nm_input_spec(m, i);
      if (!database_get_position(&self->db, s->key, &s->stored)) {
         return nm_fail(m, "database %s", self->db.sql.why);
      }
   }
   self->server = server_start(self->socket, self->path, self->db.file, self->deadline, why, sizeof(why));
   if (self->server == NULL) {
      return nm_fail(m, "socket %s: %s", self->socket, why);
   }
   self->events = self->db.events;
   self->ready = true;
   count(m);
   nm_set_timer(m, COMMIT_US);
   return NM_OK;
}

/* ------------------------------------------------------------- whose alerts */

static int format(nm_module_t *m, uint32_t input)
{
   struct alert_store *self = nm_self(m);
   return alert_format(m, input, &self->inputs[input]);
}

/* --------------------------------------------------------------------- storing */

/* Writes what differs from the database. numbers: those of the dirty events */
static bool write_events(struct alert_store *self, int64_t now)
{
   for (uint32_t i = 0; i < self->open.n_dirty; i++) {
      const struct open_event *o = &self->open.list[self->open.dirty[i]];
      self->numbers[i] = o->no;
      if (o->no != 0 ? !database_update(&self->db, &o->e, o->no, now, o->known_sources, o->known_targets)
                     : !database_insert(&self->db, &o->e, now, &self->numbers[i])) {
         return false;
      }
   }
   return true;
}

static int compare_numbers(const void *left, const void *right)
{
   const int64_t *a = left, *b = right;
   return (*a > *b) - (*a < *b);
}

/* Joins the scans that were written to runs, then writes each run that has changed once. */
static bool write_runs(struct alert_store *self, int64_t now)
{
   int64_t *runs = self->numbers + self->open.n_dirty, run;
   uint32_t n = 0, kept = 0;
   for (uint32_t i = 0; i < self->open.n_dirty; i++) {
      const struct open_event *o = &self->open.list[self->open.dirty[i]];
      if (!event_is_scan(&o->e)) {
         continue;
      }
      if (!runs_join(&self->db, &o->e, self->numbers[i], now, o->known_sources, o->known_targets, &run)) {
         return false;
      }
      runs[n] = run;
      n += run != 0;
   }
   qsort(runs, n, sizeof(*runs), compare_numbers);
   for (uint32_t i = 0; i < n; i++) {
      if (kept > 0 && runs[kept - 1] == runs[i]) {
         continue;
      }
      runs[kept++] = runs[i];
      if (!runs_refresh(&self->db, runs[i], now)) {
         return false;
      }
   }
   self->n_runs = kept;
   return true;
}

static bool write_positions(struct alert_store *self, uint32_t n)
{
   for (uint32_t i = 0; i < n; i++) {
      struct source *s = &self->sources[i];
      if (s->moved && s->now.instance != 0 && !database_put_position(&self->db, s->key, &s->now)) {
         return false;
      }
   }
   return true;
}

static bool expire(struct alert_store *self, int64_t now)
{
   bool more = false;
   if (time(NULL) < self->expire_at) {
      return true;
   }
   if (!database_expire(&self->db, now - (int64_t) self->days * DAY_US, self->megabytes * MEGABYTE, &more)) {
      return false;
   }
   self->expire_at = more ? 0 : time(NULL) + EXPIRE_SECONDS;
   return true;
}

/* After a commit: the senders need not keep what is stored. */
static void stored(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   for (uint32_t i = 0; i < self->open.n_dirty; i++) {
      struct open_event *o = &self->open.list[self->open.dirty[i]];
      self->created += o->no == 0;
      o->no = self->numbers[i];
      o->known_sources = o->e.n_source_samples;
      o->known_targets = o->e.n_samples;
      o->dirty = false;
   }
   server_changed(self->server, self->numbers, self->open.n_dirty + self->n_runs);
   self->open.n_dirty = 0;
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      struct source *s = &self->sources[i];
      if (s->moved) {
         nm_ack(m, i, s->seq);
         s->moved = false;
      }
   }
   if (self->waiting_since != 0) {
      uint64_t took = (uint64_t) (monotonic_ms() - self->waiting_since);
      self->slowest = took > self->slowest ? took : self->slowest;
      self->waiting_since = 0;
   }
   self->commits++;
}

/* \return false: the database cannot be written now; everything stays as it is, and is tried again */
static bool commit(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   int64_t now = wall_us();
   bool moved = false;
   for (uint32_t i = 0; i < nm_inputs(m); i++) {
      moved |= self->sources[i].moved;
   }
   if (self->open.n_dirty == 0 && !moved && time(NULL) < self->expire_at) {
      return true;
   }
   bool done = database_begin(&self->db);
   if (done && !(write_events(self, now) && write_runs(self, now) && write_positions(self, nm_inputs(m)) &&
                 expire(self, now) && database_commit(&self->db))) {
      done = false;
      database_rollback(&self->db);
   }
   self->failing = !done;
   if (!done) {
      self->failed_commits++;
      nm_warn(m, "database %s: %s; alerts are kept, and it is tried again", self->path, self->db.sql.why);
      return false;
   }
   stored(m);
   self->events = self->db.events;
   self->expired = self->db.expired;
   self->evicted = self->open.evicted;
   self->requests = server_requests(self->server);
   self->refused = server_refused(self->server);
   return true;
}

/* ---------------------------------------------------------------------- alerts */

/* A new event, or one that is in the database and no longer open. */
static struct open_event *add_event(struct alert_store *self, const struct event *e)
{
   struct event old;
   int64_t no = database_find(&self->db, e);
   int found = no > 0 ? database_read(&self->db, no, &old) : 0;
   struct open_event *o = open_events_add(&self->open, found > 0 ? &old : e);
   if (found > 0) {
      o->no = no;
      o->known_sources = old.n_source_samples;
      o->known_targets = old.n_samples;
      event_join(&o->e, e);
      self->joined++;
   }
   return o;
}

/* \return false: the module ends, and the alert was not taken */
static bool take_event(nm_module_t *m, const struct event *e)
{
   struct alert_store *self = nm_self(m);
   struct open_event *o = open_events_find(&self->open, e);
   if (o != NULL) {
      event_join(&o->e, e);
      self->joined++;
   } else {
      while (!open_events_have_room(&self->open) && !commit(m)) {
         if (nm_stopping(m)) {
            return false;
         }
         nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
      }
      o = add_event(self, e);
   }
   open_events_touch(&self->open, o);
   return true;
}

static bool take_alert(nm_module_t *m, const struct alert_input *in, const nm_record_t *rec)
{
   struct alert_store *self = nm_self(m);
   struct event e;
   enum alert_result result = alert_input_read(in, rec->data, rec->size, &e);
   self->bad += result == ALERT_INVALID;
   self->alerts += result != ALERT_INVALID;
   self->ignored += result == ALERT_IGNORED;
   return result != ALERT_EVENT || take_event(m, &e);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct alert_store *self = nm_self(m);
   struct source *s = &self->sources[nm_input(m)];
   uint64_t instance, offset = nm_position(m, nm_input(m), recs[0].seq, &instance) - recs[0].seq;
   for (uint32_t i = 0; i < n; i++) {
      if (self->waiting_since == 0) {
         self->waiting_since = monotonic_ms();
      }
      uint64_t position = recs[i].seq + offset;
      bool again = instance != 0 && instance == s->stored.instance && position <= s->stored.number;
      if (again) {
         self->repeated++;
      } else if (!take_alert(m, &self->inputs[nm_input(m)], &recs[i])) {
         return NM_STOP;
      }
      s->seq = recs[i].seq;
      s->now = again ? s->stored : (struct position){.instance = instance, .number = position};
      s->moved = true;
   }
   return NM_OK;
}

static int timer(nm_module_t *m)
{
   commit(m);
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   if (self->ready && !commit(m)) {
      return nm_fail(m, "database %s: %s; what was not stored was not acknowledged", self->path,
                     self->db.sql.why);
   }
   return NM_OK;
}

static void cleanup(nm_module_t *m)
{
   struct alert_store *self = nm_self(m);
   server_stop(self->server);
   database_close(&self->db);
   open_events_free(&self->open);
   alert_inputs_free(self->inputs, nm_inputs(m));
   free(self->inputs);
   free(self->sources);
   free(self->numbers);
}

NM_MODULE("alert_store",
          "Stores the alerts of any detectors as events in a database, which clients like nemea alerts ask "
          "over a socket.\n"
          "Alerts are acknowledged when they are stored: give each input resume=WORD, and no alert that its "
          "sender still holds\n"
          "is lost or counted twice when this program is killed.",
          .in = NM_INPUTS({"alerts", .data = NM_ANY, .min = 1, .max = NM_VARIABLE}), .options = options,
          .state_size = sizeof(struct alert_store), .check = check, .init = init, .format = format,
          .records = records, .timer = timer, .finish = finish, .cleanup = cleanup)
