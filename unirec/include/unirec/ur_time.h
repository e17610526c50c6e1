/* SPDX-License-Identifier: BSD-3-Clause */
/** \file ur_time.h
 * Time stamps: seconds since 1970-01-01T00:00:00Z as an unsigned 32.32 fixed-point number, up to
 * 2106-02-07T06:28:15.999999999. The rounding in the macros is part of the wire format. */
#ifndef UR_TIME_H
#define UR_TIME_H

#include <stdint.h>

#include "inline.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t ur_time_t;

/** 2^64 / 10^9, rounded. */
#define UR_TIME_NSEC_TO_FRAC 0x44B82FA0Aull

/** Make a time from seconds and nanoseconds, microseconds or milliseconds (less than a second). */
#define ur_time_from_sec_nsec(sec, nsec) \
   ((ur_time_t) (((uint64_t) (sec) << 32) | (((uint64_t) (nsec) *UR_TIME_NSEC_TO_FRAC) >> 32)))
#define ur_time_from_sec_usec(sec, usec) ur_time_from_sec_nsec((sec), (uint64_t) (usec) *1000)
#define ur_time_from_sec_msec(sec, msec) ur_time_from_sec_nsec((sec), (uint64_t) (msec) *1000000)

/** Seconds, truncated. */
#define ur_time_get_sec(time) ((uint32_t) ((uint64_t) (time) >> 32))

/** Nanoseconds within the second, 0 to 999999999. Exact for times made from nanoseconds. */
INLINE uint32_t ur_time_get_nsec(ur_time_t time)
{
   /* Rounding to nearest is exact: the fraction of a whole number of ns is off by less than a quarter of a ns. */
   uint64_t ns = ((time & 0xffffffffu) * 1000000000u + 0x80000000u) >> 32;
   return (uint32_t) (ns < 1000000000u ? ns : 999999999u);
}

/** Microseconds and milliseconds within the second, truncated. */
#define ur_time_get_usec(time) (ur_time_get_nsec(time) / 1000)
#define ur_time_get_msec(time) (ur_time_get_nsec(time) / 1000000)

/** Absolute difference in nanoseconds. */
INLINE uint64_t ur_timediff_ns(ur_time_t a, ur_time_t b)
{
   uint64_t hi = a > b ? a : b, lo = a > b ? b : a;
   return ((uint64_t) ur_time_get_sec(hi) - ur_time_get_sec(lo)) * 1000000000u + ur_time_get_nsec(hi) -
          ur_time_get_nsec(lo);
}

/** Absolute difference in microseconds. */
INLINE uint64_t ur_timediff_us(ur_time_t a, ur_time_t b)
{
   return ur_timediff_ns(a, b) / 1000;
}

/** Absolute difference in milliseconds. */
INLINE uint64_t ur_timediff(ur_time_t a, ur_time_t b)
{
   return ur_timediff_ns(a, b) / 1000000;
}

/** Parses "YYYY-MM-DDThh:mm:ss[.fraction][Z]", always UTC; digits of the fraction after the ninth are ignored.
 * \return 0; 1 for invalid syntax, no such date, or out of range (*ur is then 0); 2 for a NULL argument */
uint8_t ur_time_from_string(ur_time_t *ur, const char *str);

#ifdef __cplusplus
}
#endif
#endif
