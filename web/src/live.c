/* SPDX-License-Identifier: BSD-3-Clause */
#include "live.h"
#include "upstream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALERTS_KEPT   256  /* messages for browsers that are slow */
#define ALERTS_SECOND 50   /* more than that are only counted */
#define PERIOD        1000 /* ms */
#define BLOCK         16384
#define STREAM_MS     3600000 /* then the browser connects again, and its session is looked at again */

/* A browser that reads the stream. */
struct reader {
   struct live *live;
   struct reader *next;
   struct MHD_Connection *connection;
   bool suspended;
   uint64_t alert;  /* the next one */
   uint64_t status; /* the last one that it got */
   int64_t until;
   char *text; /* what is being sent */
   size_t size, at;
};

struct live {
   struct sources sources;
   pthread_mutex_t lock;
   pthread_cond_t changed; /* readers, or the end */
   pthread_t threads[2];
   unsigned n_threads;
   bool stopping;
   struct reader *readers;
   unsigned n_readers;
   char *status; /* the newest */
   uint64_t n_status;
   char *alerts[ALERTS_KEPT];
   uint64_t n_alerts;
   char store[UPSTREAM_WHY]; /* why there are no events of the store; "": there are */
};

/* -------------------------------------------------------------------- messages */

static char *message(const char *event, const json_t *data)
{
   char *json = json_dumps(data, JSON_COMPACT), *text = NULL;
   if (json == NULL || asprintf(&text, "event: %s\ndata: %s\n\n", event, json) < 0) {
      text = NULL;
   }
   free(json);
   return text;
}

/* With the lock. */
static void wake_readers(struct live *l)
{
   for (struct reader *r = l->readers; r != NULL; r = r->next) {
      if (r->suspended) {
         r->suspended = false;
         MHD_resume_connection(r->connection);
      }
   }
}

/* Takes text. */
static void push_status(struct live *l, char *text)
{
   pthread_mutex_lock(&l->lock);
   if (text != NULL) {
      free(l->status);
      l->status = text;
      l->n_status++;
      wake_readers(l);
   }
   pthread_mutex_unlock(&l->lock);
}

static void push_alert(struct live *l, char *text)
{
   pthread_mutex_lock(&l->lock);
   if (text != NULL) {
      char **place = &l->alerts[l->n_alerts++ % ALERTS_KEPT];
      free(*place);
      *place = text;
      wake_readers(l);
   }
   pthread_mutex_unlock(&l->lock);
}

/* With the lock. \return what comes next for this reader; NULL: nothing */
static char *next_message(struct live *l, struct reader *r)
{
   if (r->alert < l->n_alerts) {
      if (l->n_alerts - r->alert > ALERTS_KEPT) {
         uint64_t missed = l->n_alerts - r->alert - ALERTS_KEPT;
         char *text = NULL;
         r->alert += missed;
         return asprintf(&text, "event: missed\ndata: {\"events\":%llu}\n\n", (unsigned long long) missed) >=
                        0
                    ? text
                    : NULL;
      }
      return strdup(l->alerts[r->alert++ % ALERTS_KEPT]);
   }
   if (r->status != l->n_status) {
      r->status = l->n_status;
      return strdup(l->status);
   }
   return NULL;
}

/* -------------------------------------------------------------------- browsers */

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t max)
{
   struct reader *r = context;
   struct live *l = r->live;
   ssize_t n = 0;
   (void) position;
   pthread_mutex_lock(&l->lock);
   if (r->text == NULL) {
      r->text = next_message(l, r);
      r->size = r->text != NULL ? strlen(r->text) : 0;
      r->at = 0;
   }
   if (l->stopping || now_ms() > r->until) {
      n = MHD_CONTENT_READER_END_OF_STREAM;
   } else if (r->text == NULL) {
      r->suspended = true;
      MHD_suspend_connection(r->connection);
   } else {
      size_t left = r->size - r->at, take = left < max ? left : max;
      memcpy(buffer, r->text + r->at, take);
      r->at += take;
      n = (ssize_t) take;
      if (r->at == r->size) {
         free(r->text);
         r->text = NULL;
      }
   }
   pthread_mutex_unlock(&l->lock);
   return n;
}

static void end_stream(void *context)
{
   struct reader *r = context;
   struct live *l = r->live;
   pthread_mutex_lock(&l->lock);
   for (struct reader **at = &l->readers; *at != NULL; at = &(*at)->next) {
      if (*at == r) {
         *at = r->next;
         l->n_readers--;
         break;
      }
   }
   pthread_mutex_unlock(&l->lock);
   free(r->text);
   free(r);
}

struct MHD_Response *live_response(struct live *l, struct MHD_Connection *c)
{
   struct reader *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      return NULL;
   }
   r->live = l;
   r->connection = c;
   r->until = now_ms() + STREAM_MS;
   r->text = strdup("retry: 2000\n\n");
   r->size = r->text != NULL ? strlen(r->text) : 0;
   pthread_mutex_lock(&l->lock);
   bool room = l->n_readers < LIVE_CLIENTS && !l->stopping;
   if (room) {
      r->alert = l->n_alerts;
      r->next = l->readers;
      l->readers = r;
      l->n_readers++;
      pthread_cond_broadcast(&l->changed);
   }
   pthread_mutex_unlock(&l->lock);
   struct MHD_Response *response =
       room ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_stream, r, end_stream) : NULL;
   if (response == NULL && room) {
      end_stream(r);
   } else if (response == NULL) {
      free(r->text);
      free(r);
   }
   return response;
}

unsigned live_clients(struct live *l)
{
   pthread_mutex_lock(&l->lock);
   unsigned n = l->n_readers;
   pthread_mutex_unlock(&l->lock);
   return n;
}

/* --------------------------------------------------------------------- threads */

/* Waits while no browser is there. \return false: the end */
static bool is_wanted(struct live *l)
{
   pthread_mutex_lock(&l->lock);
   while (l->n_readers == 0 && !l->stopping) {
      pthread_cond_wait(&l->changed, &l->lock);
   }
   bool wanted = !l->stopping;
   pthread_mutex_unlock(&l->lock);
   return wanted;
}

static bool has_readers(struct live *l)
{
   pthread_mutex_lock(&l->lock);
   bool some = l->n_readers > 0 && !l->stopping;
   pthread_mutex_unlock(&l->lock);
   return some;
}

/* Until a time, or the end. */
static void pause_until(struct live *l, int64_t until)
{
   pthread_mutex_lock(&l->lock);
   for (int64_t left; !l->stopping && (left = until - now_ms()) > 0;) {
      struct timespec ts;
      clock_gettime(CLOCK_REALTIME, &ts);
      ts.tv_sec += left / 1000;
      ts.tv_nsec += left % 1000 * 1000000;
      if (ts.tv_nsec >= 1000000000) {
         ts.tv_sec++;
         ts.tv_nsec -= 1000000000;
      }
      pthread_cond_timedwait(&l->changed, &l->lock, &ts);
   }
   pthread_mutex_unlock(&l->lock);
}

static void set_store(struct live *l, const char *why)
{
   pthread_mutex_lock(&l->lock);
   snprintf(l->store, sizeof(l->store), "%s", why);
   pthread_mutex_unlock(&l->lock);
}

/* The modules, each second. */
static void *status_thread(void *context)
{
   struct live *l = context;
   struct call call = {
       .lane = LANE_SUPERVISOR, .form = ANSWER_MODULES, .request = json_pack("{s:s}", "command", "graph")};
   while (is_wanted(l)) {
      char store[UPSTREAM_WHY];
      json_t *answer;
      int64_t next = now_ms() + PERIOD;
      unsigned status = work_ask(&l->sources, &call, &answer);
      pthread_mutex_lock(&l->lock);
      memcpy(store, l->store, sizeof(store));
      pthread_mutex_unlock(&l->lock);
      json_t *data = json_pack("{s:I,s:o}", "time", (json_int_t) time(NULL),
                               status == 200 ? "pipeline" : "unavailable", answer);
      if (*store != 0) {
         json_object_set_new(data, "alerts", work_error(store));
      }
      push_status(l, message("status", data));
      json_decref(data);
      pause_until(l, next);
   }
   json_decref(call.request);
   return NULL;
}

/* Events of the store, until the connection ends or no browser is there. */
static void follow(struct live *l, struct upstream *u, char why[UPSTREAM_WHY])
{
   int64_t second = 0;
   uint64_t n = 0, skipped = 0;
   while (has_readers(l)) {
      json_t *line = upstream_next(u, now_ms() + PERIOD, why);
      if (line == NULL && *why != 0) {
         return;
      }
      u->taken = 0;
      if (now_ms() - second >= PERIOD) {
         if (skipped > 0) {
            json_t *more = json_pack("{s:I}", "events", (json_int_t) skipped);
            push_alert(l, message("missed", more));
            json_decref(more);
         }
         second = now_ms();
         n = skipped = 0;
      }
      if (json_object_get(line, "following") != NULL) {
         set_store(l, "");
      } else if (json_object_get(line, "event") != NULL && n++ < ALERTS_SECOND) {
         push_alert(l, message("alert", line));
      } else if (line != NULL) {
         skipped++;
      }
      json_decref(line);
   }
}

static void *alerts_thread(void *context)
{
   struct live *l = context;
   json_t *request = json_pack("{s:s}", "op", "follow");
   while (is_wanted(l)) {
      struct upstream u = {.fd = -1};
      char why[UPSTREAM_WHY] = "the page was started without the store's socket";
      if (l->sources.alerts != NULL && upstream_connect(&u, l->sources.alerts, why) &&
          upstream_send(&u, request, now_ms() + PERIOD, why)) {
         *why = 0;
         follow(l, &u, why);
      }
      upstream_close(&u);
      if (*why != 0) {
         set_store(l, why);
         pause_until(l, now_ms() + 2 * PERIOD);
      }
   }
   json_decref(request);
   return NULL;
}

struct live *live_start(const struct sources *s)
{
   static void *(*const starts[])(void *) = {status_thread, alerts_thread};
   struct live *l = calloc(1, sizeof(*l));
   sigset_t all, old;
   bool good = l != NULL;
   if (!good) {
      return NULL;
   }
   l->sources = *s;
   pthread_mutex_init(&l->lock, NULL);
   pthread_cond_init(&l->changed, NULL);
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old);
   while (good && l->n_threads < 2) {
      good = pthread_create(&l->threads[l->n_threads], NULL, starts[l->n_threads], l) == 0;
      l->n_threads += good;
   }
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   if (!good) {
      live_stop(l);
      live_free(l);
      return NULL;
   }
   return l;
}

void live_stop(struct live *l)
{
   pthread_mutex_lock(&l->lock);
   l->stopping = true;
   pthread_cond_broadcast(&l->changed);
   wake_readers(l);
   pthread_mutex_unlock(&l->lock);
   for (unsigned i = 0; i < l->n_threads; i++) {
      pthread_join(l->threads[i], NULL);
   }
}

void live_free(struct live *l)
{
   for (unsigned i = 0; i < ALERTS_KEPT; i++) {
      free(l->alerts[i]);
   }
   free(l->status);
   pthread_mutex_destroy(&l->lock);
   pthread_cond_destroy(&l->changed);
   free(l);
}
