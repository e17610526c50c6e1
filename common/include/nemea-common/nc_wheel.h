/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file nemea-common/nc_wheel.h
 * Timing wheel: many timers over a clock that the caller drives (stream time), constant cost to set and cancel.
 *
 * One wheel of buckets (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6): a timer lies
 * in the bucket of its expiry tick; timers more than one revolution away stay in the bucket until theirs. The
 * timer is a member of the caller's own struct, so the wheel takes no memory per timer and cannot be full.
 *
 * Timers expire in the order of the wheel's buckets, in one bucket in the order they were set: the same input
 * gives the same order.
 *
 * Threads: one wheel belongs to one thread.
 */
#ifndef NEMEA_COMMON_NC_WHEEL_H
#define NEMEA_COMMON_NC_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Member of the timed object. All zero: not set. Must not move while it is set. */
typedef struct nc_timer {
   struct nc_timer *next, *prev;
   uint64_t expires; /**< tick */
} nc_timer_t;

typedef struct nc_wheel nc_wheel_t;

/** An expired timer; it may be set again, also from here. */
typedef void (*nc_wheel_fn)(void *context, nc_timer_t *timer);

/** buckets: a power of two up to 2^20; tick: length of one tick in units of the clock, not 0. NULL with errno. */
nc_wheel_t *nc_wheel_new(uint32_t buckets, uint64_t tick);
/** Timers that are still set are forgotten, not called. */
void nc_wheel_free(nc_wheel_t *wheel);

/** Sets the timer (again) to expire when the clock has passed when. A time in the past expires at the next advance. */
void nc_wheel_set(nc_wheel_t *wheel, nc_timer_t *timer, uint64_t when);
/** Nothing happens if the timer is not set. */
void nc_wheel_cancel(nc_timer_t *timer);
/** Whether the timer waits to expire. */
static inline bool nc_timer_is_set(const nc_timer_t *timer)
{
   return timer->next != 0;
}

/** Moves the clock on (never back) and calls fn for each timer that expired. Returns their number. */
uint64_t nc_wheel_advance(nc_wheel_t *wheel, uint64_t now, nc_wheel_fn fn, void *context);

#ifdef __cplusplus
}
#endif
#endif
