/* SPDX-License-Identifier: BSD-3-Clause */
/** traffic_stats: traffic of each minute by protocol and by host, in a database that clients ask over a socket. */
#include "minute.h"
#include "query.h"
#include "rank.h"
#include "store.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <nemea/module.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint32 PACKETS, time TIME_LAST, uint8 PROTOCOL,
          uint16 SRC_PORT, uint16 DST_PORT, uint64 BYTES_REV, uint32 PACKETS_REV)

#define COMMIT_US 5000000 /* what was counted is stored, and can be asked for, at most this long after */
#define MEGABYTE  ((uint64_t) 1 << 20)
#define DAY       86400
#define KEEP_OPEN 60 /* seconds of stream time that a minute is open after its end */
#define OPEN      2  /* minutes */

struct traffic_stats {
   const char *directory, *socket;
   uint32_t hosts, minutes_days, hours_days, deadline;
   uint64_t megabytes;
   bool end;
   char path[PATH_MAX];
   struct store store;
   struct request_server *server;
   struct minute minutes[OPEN]; /* a minute is in the one of its number's lowest bit */
   struct rank *rank;
   ur_time_t newest_time, far_time;
   uint64_t newest; /* begin of the newest minute; 0: none yet */
   bool ready, changed;
   uint64_t late, closed, evicted, commits, failed_commits, lost, expired, requests, refused;
};

static const nm_option_t options[] = {
    NM_STRING('d', "dir", struct traffic_stats, directory, NULL,
              "Directory of the database, traffic.db; made if it is not there; required. Only one process "
              "may write it."),
    NM_STRING('s', "socket", struct traffic_stats, socket, "traffic_stats",
              "Name of the socket that clients ask, in the directory of TRAP's sockets."),
    NM_U32(0, "minutes", struct traffic_stats, minutes_days, 7, 1, 36500,
           "Days after which minutes are deleted."),
    NM_U32(0, "hours", struct traffic_stats, hours_days, 90, 1, 36500, "Days after which hours are deleted."),
    NM_U64(0, "max-size", struct traffic_stats, megabytes, 2048, 8, (uint64_t) 1 << 30,
           "Size of the database in MB; the oldest minutes, then the oldest hours are deleted when it is "
           "larger."),
    NM_U32('c', "capacity", struct traffic_stats, hosts, 131072, 1024, 1u << 26,
           "Hosts that are counted in a minute, of about 100 bytes; of two minutes at a time. When there are "
           "more, hosts with one "
           "flow are given up first."),
    NM_U32(0, "query-deadline", struct traffic_stats, deadline, 5000, 10, 600000,
           "Milliseconds that the answer to a client may take."),
    NM_FLAG('e', "end", struct traffic_stats, end,
            "End when all inputs have ended; otherwise only files end."),
    NM_END};

/* -------------------------------------------------------------------- requests */

static bool answer(void *context, void *state, struct request_client *c, const char *line, size_t size,
                   struct answer *a)
{
   const struct traffic_stats *self = context;
   struct query_state *q = state;
   struct traffic_request r;
   char why[REQUEST_ERROR];
   if (!traffic_request_parse(line, size, &r, why) ||
       (q->sql == NULL && !query_open(q, self->path, c, why))) {
      answer_error(a, why);
   } else {
      query_answer(q, &r, a);
   }
   return true;
}

static void disconnect(void *context, void *state)
{
   (void) context;
   query_close(state);
}

/* --------------------------------------------------------------------- opening */

static int check(nm_module_t *m)
{
   struct traffic_stats *self = nm_self(m);
   if (self->directory == NULL || *self->directory == 0) {
      return nm_fail(m, "option --dir: missing, expected the directory of the database");
   }
   if (mkdir(self->directory, 0750) != 0 && errno != EEXIST) {
      return nm_fail(m, "option --dir: cannot make the directory %s: %s", self->directory, strerror(errno));
   }
   if (snprintf(self->path, sizeof(self->path), "%s/traffic.db", self->directory) >=
       (int) sizeof(self->path)) {
      return nm_fail(m, "option --dir: %.64s... is too long", self->directory);
   }
   nm_set_flag(m, NM_KEEP_EOS, !self->end);
   return NM_OK;
}

static int init(nm_module_t *m)
{
   struct traffic_stats *self = nm_self(m);
   const struct request_handler handler = {
       .context = self, .state_size = sizeof(struct query_state), .answer = answer, .close = disconnect};
   char why[1024];
   self->rank = malloc(sizeof(*self->rank));
   if (self->rank == NULL || !minute_create(&self->minutes[0], self->hosts) ||
       !minute_create(&self->minutes[1], self->hosts)) {
      return nm_fail(m, "out of memory for %" PRIu32 " hosts (option --capacity)", self->hosts);
   }
   if (!store_open(&self->store, self->path)) {
      return nm_fail(m, "database %s", self->store.sql.why);
   }
   self->ready = true;
   self->server = request_server_start(self->socket, &handler, self->deadline, why, sizeof(why));
   if (self->server == NULL) {
      return nm_fail(m, "socket %s: %s", self->socket, why);
   }
   nm_counter(m, "minutes", &self->closed);
   nm_counter(m, "late flows", &self->late);
   nm_counter(m, "hosts given up", &self->evicted);
   nm_counter(m, "commits", &self->commits);
   nm_counter(m, "commits failed", &self->failed_commits);
   nm_counter(m, "minutes lost", &self->lost);
   nm_counter(m, "minutes and hours expired", &self->expired);
   nm_counter(m, "requests", &self->requests);
   nm_counter(m, "clients refused", &self->refused);
   nm_set_timer(m, COMMIT_US);
   return NM_OK;
}

/* --------------------------------------------------------------------- storing */

struct writing {
   struct traffic_stats *self;
   const struct minute *minute;
   bool closed, failed;
};

static bool write_host(void *context, const void *host)
{
   struct writing *w = context;
   struct host *h = (struct host *) (uintptr_t) host;
   struct stored_host row = {.in = h->in, .out = h->out};
   if (w->failed || h->taken == w->minute->round) {
      return false;
   }
   h->taken = w->minute->round;
   memcpy(&row.address, nc_table_key(w->minute->hosts, h), sizeof(row.address));
   const struct detail *d = minute_detail(w->minute, h);
   if (d != NULL) {
      row.detail = *d;
   }
   int64_t begin = (int64_t) w->minute->begin;
   w->failed = !(w->closed ? store_host(&w->self->store, begin, &row)
                           : store_open_host(&w->self->store, begin, &row));
   return !w->failed;
}

/* Writes the hosts that are kept of a minute. */
static bool write_hosts(struct traffic_stats *self, struct minute *minute, bool closed)
{
   struct writing w = {.self = self, .minute = minute, .closed = closed};
   uint32_t cursor = 0;
   const void *key;
   void *value;
   minute->round++;
   rank_begin(self->rank);
   while (nc_table_next(minute->hosts, &cursor, &key, &value)) {
      const struct host *h = value;
      struct amount both = h->in;
      amount_add(&both, &h->out);
      rank_offer(self->rank, &both, h);
   }
   bool done = store_clear_open(&self->store, (int64_t) minute->begin);
   if (done) {
      rank_end(self->rank, write_host, &w);
   }
   return done && !w.failed;
}

/* Writes what was counted since the last commit. */
static bool write_minute(struct traffic_stats *self, struct minute *minute, bool closed)
{
   bool done = true;
   for (unsigned i = 0; done && i < PROTOCOLS; i++) {
      const struct amount *a = &minute->protocols[i];
      if (a->flows != 0 || a->packets != 0 || a->bytes != 0) {
         done = store_traffic(&self->store, (int64_t) minute->begin, i, a);
      }
   }
   return done && ((!minute->changed && !closed) || write_hosts(self, minute, closed));
}

static bool expire(struct traffic_stats *self)
{
   int64_t now = (int64_t) self->newest;
   uint64_t n;
   if (!store_expire(&self->store, now - (int64_t) self->minutes_days * DAY,
                     now - (int64_t) self->hours_days * DAY, self->megabytes * MEGABYTE, &n)) {
      return false;
   }
   self->expired += n;
   return true;
}

/* closing: a minute that has ended; NULL: none has. \return false: the database cannot be written now */
static bool commit(nm_module_t *m, struct minute *closing)
{
   struct traffic_stats *self = nm_self(m);
   bool done = store_begin(&self->store);
   for (unsigned i = 0; done && i < OPEN; i++) {
      struct minute *minute = &self->minutes[i];
      done = !minute->open || write_minute(self, minute, minute == closing);
   }
   if (!(done && expire(self) && store_commit(&self->store))) {
      store_rollback(&self->store);
      self->failed_commits++;
      nm_warn(m, "database %s: %s", self->path, self->store.sql.why);
      return false;
   }
   for (unsigned i = 0; i < OPEN; i++) {
      memset(self->minutes[i].protocols, 0, sizeof(self->minutes[i].protocols));
      self->minutes[i].changed = false;
   }
   self->changed = false;
   self->commits++;
   return true;
}

/* The end of a minute. If it cannot be stored it is lost: what comes next needs its place. */
static void close_minute(nm_module_t *m, struct minute *minute)
{
   struct traffic_stats *self = nm_self(m);
   if (commit(m, minute)) {
      self->closed++;
   } else {
      self->lost++;
   }
   minute->open = false;
   self->evicted =
       nc_table_stats(self->minutes[0].hosts)->evicted + nc_table_stats(self->minutes[1].hosts)->evicted;
}

static int timer(nm_module_t *m)
{
   struct traffic_stats *self = nm_self(m);
   self->requests = request_server_requests(self->server);
   self->refused = request_server_refused(self->server);
   if (self->changed) {
      commit(m, NULL);
   }
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t now)
{
   struct traffic_stats *self = nm_self(m);
   for (unsigned i = 0; i < OPEN; i++) {
      struct minute *minute =
          &self->minutes[(self->newest / MINUTE + 1 + i) % OPEN]; /* the older one first */
      if (minute->open && minute->begin + MINUTE + KEEP_OPEN <= ur_time_get_sec(now)) {
         close_minute(m, minute);
      }
   }
   return NM_OK;
}

/* -------------------------------------------------------------------- counting */

/* The minute of a flow: that of its end. What is older than the minutes that are open counts in the oldest of them. */
static struct minute *minute_of(nm_module_t *m, struct traffic_stats *self, ur_time_t last)
{
   uint64_t begin = ur_time_get_sec(last) / MINUTE * MINUTE;
   if (begin > self->newest && !nm_time_is_confirmed(self->newest_time, &self->far_time, last)) {
      begin = self->newest;
   }
   if (last > self->newest_time && begin > self->newest) {
      self->newest_time = last;
      self->newest = begin;
   }
   if (begin + MINUTE < self->newest) {
      begin = self->newest - MINUTE;
      self->late++;
   }
   struct minute *minute = &self->minutes[begin / MINUTE % OPEN];
   if (minute->open && minute->begin != begin) {
      close_minute(m, minute);
   }
   if (!minute->open) {
      minute_begin(minute, begin);
   }
   return minute;
}

static struct amount amount(uint64_t flows, uint64_t packets, uint64_t bytes)
{
   return (struct amount){flows, packets, bytes <= INT64_MAX ? bytes : INT64_MAX};
}

/* The port that says what the flow is for: the lower one of TCP, UDP, SCTP. */
static uint32_t port_of(nm_module_t *m, const void *rec, uint8_t protocol)
{
   uint16_t a = nm_get(m, rec, F_SRC_PORT), b = nm_get(m, rec, F_DST_PORT);
   uint16_t port = a == 0 || (b != 0 && b < a) ? b : a;
   return port != 0 ? (uint32_t) protocol << 16 | port : NO_PORT;
}

static void read_flow(nm_module_t *m, const void *rec, bool has_ports, bool has_reverse, struct flow *f)
{
   f->source = *nm_get_ptr(m, rec, F_SRC_IP);
   f->destination = *nm_get_ptr(m, rec, F_DST_IP);
   f->protocol = nm_get(m, rec, F_PROTOCOL);
   f->port = has_ports && (f->protocol == 6 || f->protocol == 17 || f->protocol == 132)
                 ? port_of(m, rec, f->protocol)
                 : NO_PORT;
   f->forward = amount(1, nm_get(m, rec, F_PACKETS), nm_get(m, rec, F_BYTES));
   f->reverse =
       has_reverse ? amount(0, nm_get(m, rec, F_PACKETS_REV), nm_get(m, rec, F_BYTES_REV)) : amount(0, 0, 0);
}

static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct traffic_stats *self = nm_self(m);
   bool has_ports = nm_has(m, F_SRC_PORT) && nm_has(m, F_DST_PORT);
   bool has_reverse = nm_has(m, F_PACKETS_REV) && nm_has(m, F_BYTES_REV);
   struct flow flows[MINUTE_FLOWS];
   struct minute *minute = NULL;
   uint32_t filled = 0;
   self->changed = true;
   for (uint32_t i = 0; i < n; i++) {
      ur_time_t last = nm_get(m, recs[i].data, F_TIME_LAST);
      bool same = minute != NULL && minute->open && ur_time_get_sec(last) - minute->begin < MINUTE;
      if (!same || filled == MINUTE_FLOWS) {
         if (filled > 0) {
            minute_add(minute, flows, filled);
            filled = 0;
         }
         minute = minute_of(m, self, last);
      }
      read_flow(m, recs[i].data, has_ports, has_reverse, &flows[filled++]);
   }
   if (filled > 0) {
      minute_add(minute, flows, filled);
   }
   return NM_OK;
}

static int finish(nm_module_t *m)
{
   struct traffic_stats *self = nm_self(m);
   if (!self->ready) {
      return NM_OK;
   }
   for (unsigned i = 0; i < OPEN; i++) {
      struct minute *minute = &self->minutes[(self->newest / MINUTE + 1 + i) % OPEN];
      if (minute->open) {
         close_minute(m, minute);
      }
   }
   return self->lost == 0
              ? NM_OK
              : nm_fail(m, "database %s: %" PRIu64 " minutes could not be stored", self->path, self->lost);
}

static void cleanup(nm_module_t *m)
{
   struct traffic_stats *self = nm_self(m);
   request_server_stop(self->server);
   store_close(&self->store);
   minute_free(&self->minutes[0]);
   minute_free(&self->minutes[1]);
   free(self->rank);
}

NM_MODULE(
    "traffic_stats",
    "Counts flows, packets and bytes of each minute by protocol, and of the thousand hosts with most "
    "traffic, their peers and "
    "ports, and keeps them in\n"
    "a database, which clients like the page of nemea ask over a socket.",
    .in = NM_INPUTS({"flows",
                     "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint32 PACKETS,time TIME_LAST,uint8 PROTOCOL",
                     .optional = "uint16 SRC_PORT,uint16 DST_PORT,uint64 BYTES_REV,uint32 PACKETS_REV",
                     .min = 1, .max = NM_VARIABLE}),
    .options = options, .state_size = sizeof(struct traffic_stats), .check = check, .init = init,
    .records = records, .tick = tick, .tick_every = NM_SECONDS(60), .timer = timer, .finish = finish,
    .cleanup = cleanup)
