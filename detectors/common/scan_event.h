/* SPDX-License-Identifier: BSD-3-Clause */
/** What the events of horizontal and vertical scans share. The file that includes this one has points(). */
#ifndef DETECTORS_SCAN_EVENT_H
#define DETECTORS_SCAN_EVENT_H

#include <nemea/event.h>

/** Points that speak for a scan. */
static int points(const struct event *e);

static inline uint64_t percent(uint64_t part, uint64_t all)
{
   return all == 0 ? 0 : part >= all ? 100 : 100 * part / all;
}

/* The first two of three rules of confidence. */
static bool is_sure(const struct event *e)
{
   return points(e) >= 2;
}

static bool is_likely(const struct event *e)
{
   return points(e) == 1;
}

/** What alerts of both have. */
static inline void read_scan(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->packets = alert_number(a, "PACKETS");
   e->bytes = alert_number(a, "BYTES");
}

#endif
