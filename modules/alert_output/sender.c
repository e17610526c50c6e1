/* SPDX-License-Identifier: BSD-3-Clause */
#include "sender.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST       1024    /* messages of one delivery */
#define BATCH_SIZE 1048576 /* bytes */
#define POLL_MS    50      /* while it is not known whether all has reached the receiver */
#define FINISH_MS  1000    /* of the time at the end, left for the end of the connection */

struct sender {
   pthread_t thread;
   pthread_mutex_t lock; /* of all that follows, but for the destination and the batch */
   pthread_cond_t wake;
   struct spool spool;
   struct sender_options options;
   struct sender_counts counts;
   bool stop, started, ended;
   int64_t deadline; /* of the end */

   /* Of the thread alone. */
   struct destination *destination;
   char *batch;
   struct message messages[MOST];
   unsigned alone, pause, failures; /* in a row */
   bool marked; /* messages before mark had been sent when bytes were marked_bytes, at marked_at */
   uint64_t mark, marked_bytes;
   int64_t marked_at;
};

static int64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits for a change, with the lock. \param milliseconds negative: without end */
static void wait_ms(struct sender *s, int64_t milliseconds)
{
   struct timespec ts;
   if (milliseconds < 0) {
      pthread_cond_wait(&s->wake, &s->lock);
      return;
   }
   int64_t at = now_ms() + milliseconds;
   ts.tv_sec = at / 1000;
   ts.tv_nsec = at % 1000 * 1000000;
   pthread_cond_timedwait(&s->wake, &s->lock, &ts);
}

/* --------------------------------------------------------------------- delivering */

/* Takes messages from the spool, with the lock. \return how many */
static unsigned take(struct sender *s)
{
   unsigned n = 0, most = s->alone > 0 ? 1 : s->destination->most < MOST ? s->destination->most : MOST;
   size_t at = 0;
   uint32_t length;
   while (n < most && (length = spool_peek(&s->spool)) != 0 && at + length <= BATCH_SIZE) {
      spool_take(&s->spool, s->batch + at);
      s->messages[n++] = (struct message){.data = s->batch + at, .length = length};
      at += length;
   }
   return n;
}

static void confirm(struct sender *s, uint64_t position)
{
   uint64_t before = s->spool.waiting;
   spool_confirm(&s->spool, position);
   s->counts.delivered += before - s->spool.waiting;
}

static void go_back(struct sender *s)
{
   spool_rewind(&s->spool);
   s->marked = false;
   s->counts.attempts_failed++;
   s->counts.failing = true;
   s->failures++;
   s->pause = s->pause == 0                          ? s->options.first_pause
              : 2 * s->pause < s->options.last_pause ? 2 * s->pause
                                                     : s->options.last_pause;
}

/* What came of an attempt, with the lock. */
static void settle(struct sender *s, unsigned n, enum delivery result, uint64_t position)
{
   if (result == RETRY) {
      go_back(s);
      return;
   }
   s->counts.failing = false;
   s->failures = 0;
   s->pause = 0;
   s->alone -= s->alone > 0;
   if (result == REJECTED && n > 1) { /* which of them? */
      spool_rewind(&s->spool);
      s->alone = n;
   } else if (result == REJECTED) {
      spool_confirm(&s->spool, position);
      s->counts.rejected++;
   } else if (s->destination->reached == NULL) {
      confirm(s, position);
   }
}

/* Asks whether what was sent has reached the receiver, with the lock. \return true: the connection is broken */
static bool check_reached(struct sender *s)
{
   uint64_t bytes = 0;
   if (!s->marked || (s->stop && s->mark != s->spool.next)) { /* at the end one mark for all that is left */
      s->marked = true;
      s->mark = s->spool.next;
      s->marked_bytes = s->destination->bytes;
      s->marked_at = now_ms();
   }
   if (!s->destination->reached(s->destination, &bytes)) {
      snprintf(s->counts.why, WHY_SIZE, "the receiver has closed the connection");
      go_back(s);
      return true;
   }
   if (bytes >= s->marked_bytes && now_ms() - s->marked_at >= s->options.settle) {
      confirm(s, s->mark);
      s->marked = false;
   }
   return false;
}

/* One step, with the lock. \return false: there is nothing to do */
static bool step(struct sender *s)
{
   char why[WHY_SIZE] = "";
   unsigned n = take(s);
   uint64_t position = s->spool.next;
   if (n > 0) {
      pthread_mutex_unlock(&s->lock);
      enum delivery result = s->destination->send(s->destination, s->messages, n, why);
      pthread_mutex_lock(&s->lock);
      if (result != DELIVERED && !s->destination->cancelled) {
         snprintf(s->counts.why, WHY_SIZE, "%s", why);
      }
      settle(s, n, result, position);
      if (result == RETRY) {
         return true;
      }
   }
   if (s->destination->reached != NULL && s->spool.sent > 0) {
      check_reached(s);
   }
   return n > 0;
}

/* At the end, too, what was sent settles first: a receiver that is killed now closes the connection as one does that has read all. */
static bool can_settle(const struct sender *s)
{
   return s->destination->reached != NULL && s->deadline - now_ms() > FINISH_MS;
}

/* No time is left to settle: that the receiver closes the connection after its end is the best confirmation there is. */
static void finish(struct sender *s)
{
   int64_t left = s->deadline - now_ms();
   uint64_t position = s->spool.next;
   if (s->destination->finish == NULL || s->spool.sent == 0) {
      return;
   }
   pthread_mutex_unlock(&s->lock);
   bool done = s->destination->finish(s->destination, left > 0 ? (unsigned) left : 0);
   pthread_mutex_lock(&s->lock);
   if (done) {
      confirm(s, position);
   } else {
      go_back(s);
   }
}

/* After the module's end. */
static bool may_go_on(const struct sender *s)
{
   return s->spool.waiting > 0 && now_ms() < s->deadline &&
          (s->options.attempts == 0 || s->failures < s->options.attempts);
}

static void *run(void *context)
{
   struct sender *s = context;
   pthread_mutex_lock(&s->lock);
   while (!s->stop || may_go_on(s)) {
      bool busy = step(s);
      bool all_sent = spool_peek(&s->spool) == 0;
      if (s->stop && all_sent && s->spool.sent > 0 && !can_settle(s)) {
         finish(s);
         all_sent = false;
      }
      if (s->pause > 0) {
         int64_t until = now_ms() + s->pause;
         while (now_ms() < until && (!s->stop || may_go_on(s))) {
            wait_ms(s, s->stop && s->deadline < until ? s->deadline - now_ms() : until - now_ms());
         }
      } else if (!busy && all_sent && (!s->stop || s->spool.waiting > 0)) {
         wait_ms(s, s->spool.sent > 0 ? POLL_MS : -1);
      }
   }
   s->ended = true;
   pthread_cond_broadcast(&s->wake);
   pthread_mutex_unlock(&s->lock);
   return NULL;
}

/* ----------------------------------------------------------------------- life */

static bool start_thread(struct sender *s)
{
   sigset_t all, old;
   sigfillset(&all); /* signals are the module's; a broken connection is no signal */
   pthread_sigmask(SIG_SETMASK, &all, &old);
   s->started = pthread_create(&s->thread, NULL, run, s) == 0;
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   return s->started;
}

struct sender *sender_start(struct destination *d, const struct sender_options *o, char why[WHY_SIZE])
{
   pthread_condattr_t monotonic;
   struct sender *s = calloc(1, sizeof(*s));
   char *batch = malloc(BATCH_SIZE);
   if (s == NULL || batch == NULL) {
      snprintf(why, WHY_SIZE, "out of memory");
      free(s);
      free(batch);
      d->free(d);
      return NULL;
   }
   s->destination = d;
   s->batch = batch;
   s->options = *o;
   pthread_mutex_init(&s->lock, NULL);
   pthread_condattr_init(&monotonic);
   pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
   pthread_cond_init(&s->wake, &monotonic);
   pthread_condattr_destroy(&monotonic);
   if (!spool_open(&s->spool, o->path, o->size, o->contents, why, WHY_SIZE)) {
      sender_free(s);
      return NULL;
   }
   s->counts.damaged = s->spool.damaged;
   if (!start_thread(s)) {
      snprintf(why, WHY_SIZE, "no thread can be started");
      sender_free(s);
      return NULL;
   }
   return s;
}

/* Positions are the module's alone, so they need no lock. */
uint32_t sender_input(struct sender *s, const char *name)
{
   return spool_input(&s->spool, name);
}

bool sender_has(struct sender *s, const struct spool_position *p)
{
   return spool_has(&s->spool, p);
}

void sender_pass(struct sender *s, const struct spool_position *p)
{
   spool_pass(&s->spool, p);
}

bool sender_put(struct sender *s, const char *message, uint32_t length, const struct spool_position *p)
{
   pthread_mutex_lock(&s->lock);
   bool idle = s->spool.sent == s->spool.waiting;
   bool done = spool_put(&s->spool, message, length, p);
   if (idle) {
      pthread_cond_broadcast(&s->wake);
   }
   pthread_mutex_unlock(&s->lock);
   return done;
}

bool sender_sync(struct sender *s)
{
   return spool_sync(&s->spool); /* without the lock: the disk may be slow, and delivering goes on */
}

void sender_counts(struct sender *s, struct sender_counts *counts)
{
   pthread_mutex_lock(&s->lock);
   *counts = s->counts;
   counts->waiting = s->spool.waiting;
   pthread_mutex_unlock(&s->lock);
}

void sender_reopen(struct sender *s)
{
   if (s->destination->reopen != NULL) {
      s->destination->reopen(s->destination);
   }
}

void sender_stop(struct sender *s, unsigned milliseconds)
{
   if (!s->started) {
      return;
   }
   pthread_mutex_lock(&s->lock);
   s->stop = true;
   s->deadline = now_ms() + milliseconds;
   pthread_cond_broadcast(&s->wake);
   while (!s->ended && now_ms() < s->deadline) {
      wait_ms(s, s->deadline - now_ms());
   }
   s->destination->cancelled = true;
   pthread_mutex_unlock(&s->lock);
   pthread_join(s->thread, NULL);
   s->started = false;
}

void sender_free(struct sender *s)
{
   if (s != NULL) {
      sender_stop(s, 0);
      s->destination->free(s->destination);
      spool_close(&s->spool);
      pthread_cond_destroy(&s->wake);
      pthread_mutex_destroy(&s->lock);
      free(s->batch);
      free(s);
   }
}
