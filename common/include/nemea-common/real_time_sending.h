/* SPDX-License-Identifier: BSD-3-Clause */
/** \file real_time_sending.h
 * Paces a replay: each record waits until as much real time has passed since the first record as lies between their
 * time stamps. A jump of the time stamps by more than 400 s in either direction restarts the count there.
 *
 *    rt_state_t state;
 *    RT_INIT(state, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, RT_PAR_SET_DEFAULT, return 1);
 *    for each record { RT_CHECK_DELAY(count, seconds_of_its_time_stamp, state); send it }
 *    RT_DESTROY(state);
 *
 * The parameters of RT_INIT belonged to an estimate from samples of records; they are taken, but nothing depends on
 * them. A state is for one thread. */
#ifndef REAL_TIME_SENDING_H
#define REAL_TIME_SENDING_H

/* Also what sources written for NEMEA 2 expect this header to bring in. */
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#define RT_PAR_SET_DEFAULT 0
#define RT_JUMP_MS         400000

typedef struct {
   int started;
   uint64_t reference; /**< seconds, time stamp of the first record */
   int64_t clock;      /**< milliseconds of the monotonic clock when it came */
} rt_state_t;

/** Milliseconds to wait before a record is sent. \param now milliseconds of a clock. \param seconds its time stamp */
static inline int64_t rt_delay_(rt_state_t *state, int64_t now, uint64_t seconds)
{
   if (state->started) {
      int64_t due = (int64_t) (seconds - state->reference) * 1000, ahead = due - (now - state->clock);
      /* Late records (ahead below zero) go out at once; how late says nothing unless the stamps themselves jumped. */
      if (ahead <= RT_JUMP_MS && due >= -(int64_t) RT_JUMP_MS) {
         return ahead > 0 ? ahead : 0;
      }
   }
   state->started = 1;
   state->reference = seconds;
   state->clock = now;
   return 0;
}

static inline void rt_wait_(rt_state_t *state, uint64_t seconds)
{
   struct timespec ts;
   int64_t delay;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   delay = rt_delay_(state, (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000, seconds);
   if (delay > 0) {
      ts.tv_sec = (time_t) (delay / 1000);
      ts.tv_nsec = (long) (delay % 1000) * 1000000;
      nanosleep(&ts, NULL);
   }
}

/** err_cmd is for parameters below zero. */
#define RT_INIT(state, pool_size, init_count, sample_size, threshold, err_cmd)                   \
   do {                                                                                          \
      (state).started = 0;                                                                       \
      if ((double) (pool_size) < 0 || (double) (init_count) < 0 || (double) (sample_size) < 0 || \
          (double) (threshold) < 0) {                                                            \
         err_cmd;                                                                                \
      }                                                                                          \
   } while (0)
#define RT_CHECK_DELAY(record_counter, timestamp, state) \
   do {                                                  \
      (void) (record_counter);                           \
      rt_wait_(&(state), (uint64_t) (timestamp));        \
   } while (0)
#define RT_DESTROY(state) ((void) ((state).started = 0))

#endif
