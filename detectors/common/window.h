/* SPDX-License-Identifier: BSD-3-Clause */
/** A window of stream time, in which aggregators collect alerts. */
#ifndef DETECTORS_WINDOW_H
#define DETECTORS_WINDOW_H

#include <nemea/module.h>

struct window {
   uint64_t begin;  /* s, of the first alert in it; 0: none */
   uint64_t length; /* s */
};

/** An alert came at this time. */
static inline void window_open(struct window *w, ur_time_t now)
{
   w->begin = w->begin > 0 ? w->begin : ur_time_get_sec(now);
}

/** \return true: the window is over; the next one begins with the next alert */
static inline bool window_over(struct window *w, ur_time_t now)
{
   bool over = w->begin > 0 && ur_time_get_sec(now) >= w->begin + w->length;
   w->begin = over ? 0 : w->begin;
   return over;
}

#endif
