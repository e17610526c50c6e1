/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"
#include "query.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct server {
   char *database;
   int file; /* the same, to read ahead */
   struct request_server *socket;
   pthread_mutex_t lock;
   pthread_cond_t changed;
   uint64_t n_changes; /* in all */
   int64_t changes[CHANGES_MAX];
};

/* ------------------------------------------------------------------- following */

/* Waits for events after *at. \return how many were taken to list */
static size_t next_changes(struct server *s, uint64_t *at, int64_t list[256], uint64_t *missed)
{
   size_t n = 0;
   struct timespec until;
   clock_gettime(CLOCK_REALTIME, &until);
   until.tv_sec++;
   *missed = 0;
   pthread_mutex_lock(&s->lock);
   if (*at == s->n_changes) {
      pthread_cond_timedwait(&s->changed, &s->lock, &until);
   }
   if (s->n_changes - *at > CHANGES_MAX) {
      *missed = s->n_changes - *at - CHANGES_MAX;
      *at += *missed;
   }
   while (n < 256 && *at < s->n_changes) {
      list[n++] = s->changes[(*at)++ % CHANGES_MAX];
   }
   pthread_mutex_unlock(&s->lock);
   return n;
}

static void follow(struct server *s, struct request_client *c, struct query *q, const struct request *r,
                   struct answer *a)
{
   int64_t list[256];
   uint64_t missed;
   request_client_no_deadline(c);
   pthread_mutex_lock(&s->lock);
   uint64_t at = s->n_changes;
   pthread_mutex_unlock(&s->lock);
   answer_line(a, json_pack("{s:b}", "following", 1));
   bool good = request_client_send(c, a);
   while (good && !request_client_ended(c)) {
      size_t n = next_changes(s, &at, list, &missed);
      if (missed > 0) {
         answer_line(a, json_pack("{s:I}", "missed", (json_int_t) missed));
      }
      for (size_t i = 0; i < n; i++) {
         query_changed(q, r, list[i], a);
      }
      good = request_client_send(c, a);
   }
}

/* -------------------------------------------------------------------- requests */

static bool answer(void *context, void *state, struct request_client *c, const char *line, size_t size,
                   struct answer *a)
{
   struct server *s = context;
   struct query *q = state;
   struct request r;
   char why[REQUEST_ERROR];
   if (!request_parse(line, size, &r, why) ||
       (q->sql == NULL && !query_open(q, s->database, s->file, c, why))) {
      answer_error(a, why);
      return true;
   }
   if (r.op == OP_FOLLOW) {
      follow(s, c, q, &r, a);
      return false;
   }
   query_answer(q, &r, a);
   return true;
}

static void disconnect(void *context, void *state)
{
   (void) context;
   query_close(state);
}

/* -------------------------------------------------------------------- the server */

struct server *server_start(const char *name, const char *database, int file, unsigned timeout_ms, char *why,
                            size_t size)
{
   struct server *s = calloc(1, sizeof(*s));
   if (s == NULL || (s->database = strdup(database)) == NULL) {
      free(s);
      snprintf(why, size, "out of memory");
      return NULL;
   }
   s->file = file;
   pthread_mutex_init(&s->lock, NULL);
   pthread_cond_init(&s->changed, NULL);
   const struct request_handler handler = {
       .context = s, .state_size = sizeof(struct query), .answer = answer, .close = disconnect};
   s->socket = request_server_start(name, &handler, timeout_ms, why, size);
   if (s->socket == NULL) {
      server_stop(s);
      return NULL;
   }
   return s;
}

void server_changed(struct server *s, const int64_t *numbers, size_t n)
{
   pthread_mutex_lock(&s->lock);
   for (size_t i = 0; i < n; i++) {
      s->changes[s->n_changes++ % CHANGES_MAX] = numbers[i];
   }
   pthread_cond_broadcast(&s->changed);
   pthread_mutex_unlock(&s->lock);
}

uint64_t server_requests(const struct server *s)
{
   return request_server_requests(s->socket);
}

uint64_t server_refused(const struct server *s)
{
   return request_server_refused(s->socket);
}

void server_stop(struct server *s)
{
   if (s != NULL) {
      request_server_stop(s->socket);
      pthread_cond_destroy(&s->changed);
      pthread_mutex_destroy(&s->lock);
      free(s->database);
      free(s);
   }
}
