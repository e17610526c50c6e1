/* SPDX-License-Identifier: BSD-3-Clause */
#include "work.h"
#include "flows.h"
#include "upstream.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_OF_LANE 2
#define ALERTS_TIMEOUT  8000 /* ms; alert_store ends its own search after 5 s */
#define OTHERS_TIMEOUT  8000 /* a tap waits 5 s for records */

struct lane_queue {
   struct work *work;
   struct job *first, *last;
   unsigned n;
   pthread_mutex_t lock;
   pthread_cond_t changed;
   bool stopping;
   pthread_t threads[THREADS_OF_LANE];
   unsigned n_threads;
};

struct work {
   struct sources sources;
   struct lane_queue lanes[LANES];
};

json_t *work_error(const char *text)
{
   json_t *value = json_string(text);
   return json_pack("{s:o}", "error", value != NULL ? value : json_string("the request is not UTF-8"));
}

/* ------------------------------------------------------------------- questions */

static const char *socket_of(const struct sources *s, enum lane lane, const char **program)
{
   switch (lane) {
   case LANE_ALERTS: *program = "alert_store"; return s->alerts;
   case LANE_TRAFFIC: *program = "traffic_stats"; return s->traffic;
   default: *program = "supervisor"; return s->supervisor;
   }
}

static unsigned unavailable(json_t **answer, const char *program, const char *why)
{
   char text[UPSTREAM_WHY + 64];
   snprintf(text, sizeof(text), "%s does not answer: %s", program, why);
   *answer = work_error(text);
   json_object_set_new(*answer, "source", json_string(program));
   return 503;
}

static bool is_last(const json_t *line)
{
   return json_object_get(line, "ok") != NULL || json_object_get(line, "error") != NULL;
}

/* Rows until the line that says how it went, whose keys stand beside them. */
static unsigned ask_rows(struct upstream *u, const struct call *call, int64_t deadline, json_t **answer,
                         char why[UPSTREAM_WHY])
{
   json_t *rows = json_array(), *line;
   while ((line = upstream_next(u, deadline, why)) != NULL && !is_last(line)) {
      json_array_append_new(rows, line);
   }
   json_t *error = json_object_get(line, "error");
   if (line == NULL) {
      json_decref(rows);
      return 0;
   }
   if (error != NULL) {
      json_decref(rows);
      *answer = line;
      return call->form == ANSWER_ONE ? 404 : 400;
   }
   if (call->form == ANSWER_ONE) {
      *answer = json_incref(json_array_get(rows, 0));
      json_decref(rows);
      json_decref(line);
      return *answer != NULL ? 200 : 0;
   }
   json_object_set_new(line, "rows", rows);
   *answer = line;
   return 200;
}

static unsigned ask_result(struct upstream *u, int64_t deadline, json_t **answer, char why[UPSTREAM_WHY])
{
   json_t *line = upstream_next(u, deadline, why);
   if (line == NULL) {
      return 0;
   }
   if (!json_is_true(json_object_get(line, "ok"))) {
      json_t *error = json_object_get(line, "error");
      *answer = json_is_string(error) ? json_pack("{s:O}", "error", error)
                                      : work_error("the supervisor refused the request");
      json_decref(line);
      return 400;
   }
   *answer = json_incref(json_object_get(line, "result"));
   json_decref(line);
   return *answer != NULL ? 200 : 0;
}

static unsigned ask_socket(const struct sources *s, const struct call *call, json_t **answer)
{
   const char *program, *where = socket_of(s, call->lane, &program);
   char why[UPSTREAM_WHY] = "";
   struct upstream u;
   if (where == NULL) {
      return unavailable(answer, program, "the page was started without its socket");
   }
   int64_t deadline = now_ms() + (call->lane == LANE_ALERTS ? ALERTS_TIMEOUT : OTHERS_TIMEOUT);
   unsigned status = 0;
   if (upstream_connect(&u, where, why) && upstream_send(&u, call->request, deadline, why)) {
      status = call->lane == LANE_SUPERVISOR ? ask_result(&u, deadline, answer, why)
                                             : ask_rows(&u, call, deadline, answer, why);
      if (status == 0 && *why == 0) {
         snprintf(why, sizeof(why), "no answer in time");
      }
   }
   upstream_close(&u);
   return status != 0 ? status : unavailable(answer, program, why);
}

/* A supervisor that knows no graph knows the status of its modules. */
static unsigned ask_modules(const struct sources *s, const struct call *call, json_t **answer)
{
   unsigned status = ask_socket(s, call, answer);
   if (status == 400) {
      json_decref(*answer);
      *answer = NULL;
      struct call again = {.lane = LANE_SUPERVISOR, .request = json_pack("{s:s}", "command", "status")};
      status = ask_socket(s, &again, answer);
      json_decref(again.request);
      if (status == 200) {
         *answer = json_pack("{s:o,s:[]}", "modules", *answer, "edges");
      }
   }
   return status;
}

unsigned work_ask(const struct sources *s, const struct call *call, json_t **answer)
{
   *answer = NULL;
   unsigned status = call->form == ANSWER_FLOWS     ? flows_ask(s->nemea, s->archive, call->request, answer)
                     : call->form == ANSWER_MODULES ? ask_modules(s, call, answer)
                                                    : ask_socket(s, call, answer);
   if (*answer == NULL) {
      *answer = work_error("out of memory");
      status = 500;
   }
   return status;
}

/* --------------------------------------------------------------------- threads */

static void *serve(void *context)
{
   struct lane_queue *q = context;
   pthread_mutex_lock(&q->lock);
   while (!q->stopping || q->first != NULL) {
      struct job *job = q->first;
      if (job == NULL) {
         pthread_cond_wait(&q->changed, &q->lock);
         continue;
      }
      bool stopping = q->stopping;
      q->first = job->next;
      q->n--;
      pthread_mutex_unlock(&q->lock);
      if (stopping) {
         job->status = 503;
         job->answer = work_error("the page is being stopped");
      } else {
         job->status = work_ask(&q->work->sources, &job->call, &job->answer);
      }
      job->done(job);
      pthread_mutex_lock(&q->lock);
   }
   pthread_mutex_unlock(&q->lock);
   return NULL;
}

bool work_add(struct work *w, struct job *job)
{
   struct lane_queue *q = &w->lanes[job->call.lane];
   pthread_mutex_lock(&q->lock);
   bool room = q->n < WORK_QUEUE && !q->stopping && q->n_threads > 0;
   if (room) {
      job->next = NULL;
      if (q->first == NULL) {
         q->first = job;
      } else {
         q->last->next = job;
      }
      q->last = job;
      q->n++;
      pthread_cond_signal(&q->changed);
   }
   pthread_mutex_unlock(&q->lock);
   return room;
}

struct work *work_start(const struct sources *s)
{
   struct work *w = calloc(1, sizeof(*w));
   sigset_t all, old;
   bool good = w != NULL;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main thread */
   for (unsigned i = 0; w != NULL && i < LANES; i++) {
      struct lane_queue *q = &w->lanes[i];
      q->work = w;
      pthread_mutex_init(&q->lock, NULL);
      pthread_cond_init(&q->changed, NULL);
      while (good && i != LANE_LOCAL && q->n_threads < THREADS_OF_LANE) {
         good = pthread_create(&q->threads[q->n_threads], NULL, serve, q) == 0;
         q->n_threads += good;
      }
   }
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   if (w != NULL) {
      w->sources = *s;
   }
   if (!good) {
      work_stop(w);
      work_free(w);
      return NULL;
   }
   return w;
}

void work_stop(struct work *w)
{
   for (unsigned i = 0; w != NULL && i < LANES; i++) {
      struct lane_queue *q = &w->lanes[i];
      pthread_mutex_lock(&q->lock);
      q->stopping = true;
      pthread_cond_broadcast(&q->changed);
      pthread_mutex_unlock(&q->lock);
      for (unsigned t = 0; t < q->n_threads; t++) {
         pthread_join(q->threads[t], NULL);
      }
   }
}

void work_free(struct work *w)
{
   for (unsigned i = 0; w != NULL && i < LANES; i++) {
      pthread_mutex_destroy(&w->lanes[i].lock);
      pthread_cond_destroy(&w->lanes[i].changed);
   }
   free(w);
}
