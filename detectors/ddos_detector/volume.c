/* SPDX-License-Identifier: BSD-3-Clause */
/** Floods by volume: bytes and sources of a destination rise suddenly over the intervals before. */
#include "ddos.h"
#include "fields.h"

#include "../common/flow.h"

#define MIN_SOURCES      16 /* of a flood: by the ratio alone, five uploads to a quiet server would be one */
#define MIN_SOURCES_IDLE 50 /* the same without earlier traffic */
#define IDLE_BEFORE      2  /* intervals without traffic that count as history */

/* Shares the bytes of a flow that began before the newest interval among those it lasted, newest first; its source belongs to each of them. */
static void spread(struct ddos *self, struct host *h, const struct flow *f, struct source_ref *source)
{
   const uint64_t first = ur_time_get_sec(f->first), last = ur_time_get_sec(f->last);
   uint64_t bytes = f->bytes, duration = last - first + 1, start = h->interval * (uint64_t) INTERVAL;
   unsigned __int128 all = bytes;
   for (int i = NEWEST; i >= 0 && (i == NEWEST || first < start + INTERVAL); i--, start -= INTERVAL) {
      uint64_t end = start + INTERVAL;
      if (last < start) {
         continue;
      }
      uint64_t seconds = (last < end ? last + 1 : end) - start;
      uint64_t share = first >= start ? bytes : (uint64_t) (all * seconds / duration);
      if (i < NEWEST) {
         host_need_past(h);
         h->past_bytes[host_slot(h, (unsigned) i)] += share;
      }
      h->total += share;
      bytes -= share;
      source_count(self, h, source, (unsigned) i);
   }
}

/* Does interval i exceed the usual bytes and sources by enough for a flood? */
static bool exceeds(const struct ddos *self, struct host *h, unsigned i, uint64_t bytes, uint64_t sources,
                    uint32_t min_sources)
{
   const uint32_t from = *host_sources(h, i);
   if (from < min_sources || from <= sources * self->source_rate) { /* most times, so it comes first */
      return false;
   }
   const uint64_t now = host_bytes(h, i);
   return now > bytes * self->rate && now > interval_bytes(self->min_attack);
}

/* First interval with traffic. */
static unsigned first_busy(struct host *h, unsigned limit)
{
   unsigned k = 0;
   while (k < limit && host_bytes(h, k) == 0) {
      k++;
   }
   return k;
}

/* Index of the first interval of a flood, 0 if there is none. */
static unsigned find_flood(const struct ddos *self, struct host *h, bool *no_history)
{
   unsigned k = first_busy(h, HISTORY - 2);
   uint64_t bytes = 0, sources = 0, n = 0;
   *no_history = false;
   for (unsigned i = k; i + 2 < HISTORY; i++) {
      bytes += host_bytes(h, i);
      sources += *host_sources(h, i);
      n++;
      if (exceeds(self, h, i + 1, bytes / n, sources / n, MIN_SOURCES) &&
          exceeds(self, h, i + 2, bytes / n, sources / n, MIN_SOURCES)) {
         return i + 1;
      }
   }
   /* Sudden traffic to an idle destination, while there were records of others: a flood if it is not answered. */
   k = first_busy(h, HISTORY - 1);
   uint64_t oldest = (uint64_t) h->interval - NEWEST;
   *no_history = k >= IDLE_BEFORE && k + 1 < HISTORY && oldest + k >= self->watched_since + IDLE_BEFORE &&
                 exceeds(self, h, k, 0, 0, MIN_SOURCES_IDLE) &&
                 exceeds(self, h, k + 1, 0, 0, MIN_SOURCES_IDLE) && host_is_deaf(h, k) &&
                 host_is_deaf(h, k + 1);
   return *no_history ? k : 0;
}

/* Adds interval i to the sums of the next report. */
static void sum_up(struct host *h, unsigned i)
{
   struct flood *flood = h->flood;
   flood->total += host_bytes(h, i) - flood->orig_bytes;
   flood->bytes += host_bytes(h, i);
   flood->sources += *host_sources(h, i);
   flood->intervals++;
}

/* Per cent of the threshold: the least number of bytes in an interval of a flood. */
static uint64_t margin_of(const struct ddos *self, const struct flood *flood)
{
   uint64_t least = interval_bytes(self->min_attack), usual = flood->orig_bytes * self->rate;
   uint64_t mean = flood->bytes / (flood->intervals > 0 ? flood->intervals : 1);
   least = usual > least ? usual : least;
   return mean / (least / 100 + 1);
}

static int report(nm_module_t *m, struct host *h, uint64_t from, uint64_t until)
{
   struct ddos *self = nm_self(m);
   struct flood *flood = h->flood;
   flood->margin = margin_of(self, flood);
   if (flood->orig_bytes < interval_bytes(self->min_before) && !flood->no_history) {
      return NM_OK;
   }
   return flood_report(m, h, ur_time_from_sec_usec(from, 0), ur_time_from_sec_usec(until, 0));
}

/* With --early: what the history has of a flood that was just found. The next report begins where this one does, and has the rest. */
static int report_early(nm_module_t *m, struct host *h, unsigned begin, uint64_t until)
{
   struct flood *flood = h->flood;
   host_baseline(h, begin, &flood->orig_bytes, &flood->orig_sources);
   for (unsigned i = begin; i < HISTORY; i++) {
      if (host_bytes(h, i) > flood->orig_bytes) {
         sum_up(h, i);
      }
   }
   uint64_t total = flood->total;
   int rc = report(m, h, flood->reported, until);
   flood->told = flood->seq > 0 ? total : 0; /* 0: too little was there before for a report */
   flood->total = flood->bytes = flood->sources = 0;
   flood->intervals = 0;
   return rc;
}

int volume_add(nm_module_t *m, struct host *h, const struct flow *f, struct source_ref *source)
{
   struct ddos *self = nm_self(m);
   h->flows++;
   h->answered += f->packets_rev >= f->packets / 4 && f->packets_rev > 0;
   if (ur_time_get_sec(f->first) >= h->interval * (uint64_t) INTERVAL) { /* most are short */
      h->total += f->bytes;
      source_count(self, h, source, NEWEST);
   } else {
      spread(self, h, f, source);
   }
   if (h->total <= 2 * interval_bytes(self->min_attack) || h->flood != NULL || h->interval < h->quiet_until) {
      return NM_OK;
   }
   host_need_past(h);
   bool no_history;
   unsigned begin = find_flood(self, h, &no_history);
   if (begin == 0) {
      return NM_OK;
   }
   struct flood *flood =
       flood_start(self, h, FLOOD_VOLUME, ((uint64_t) h->interval - NEWEST + begin) * INTERVAL);
   if (flood == NULL) {
      return nm_fail(m, "no memory for a flood");
   }
   flood->begin = (uint64_t) h->interval - NEWEST + begin;
   flood->no_history = no_history;
   return self->early ? report_early(m, h, begin, ur_time_get_sec(f->last) + 1) : NM_OK;
}

/* The end of the interval in which a flood was found confirms it. */
static void validate(struct host *h)
{
   struct flood *flood = h->flood;
   if (!flood->valid) {
      uint64_t age = h->interval - flood->begin;
      host_baseline(h, age < NEWEST ? (unsigned) (NEWEST - age) : 0, &flood->orig_bytes,
                    &flood->orig_sources);
      flood->valid = true;
   }
}

/* Reports the flood up to here: those intervals leave the history. */
static int report_until(nm_module_t *m, struct host *h, uint64_t until)
{
   struct flood *flood = h->flood;
   uint64_t from = flood->reported;
   flood->reported = until;
   flood->total -= flood->told < flood->total ? flood->told : flood->total;
   flood->told = 0;
   return report(m, h, from, until);
}

int volume_leave(nm_module_t *m, struct host *h)
{
   struct ddos *self = nm_self(m);
   struct flood *flood = h->flood;
   if (!flood->valid) {
      validate(h);
      return NM_OK;
   }
   int newest = NEWEST;
   while (newest >= 0 &&
          (host_bytes(h, (unsigned) newest) < flood->orig_bytes * self->rate ||
           *host_sources(h, (unsigned) newest) < flood->orig_sources * self->source_rate ||
           (flood->no_history && host_bytes(h, (unsigned) newest) < interval_bytes(self->min_attack)))) {
      newest--;
   }
   uint64_t oldest = ((uint64_t) h->interval - NEWEST) * INTERVAL;
   if (oldest >= flood->reported && host_bytes(h, 0) > flood->orig_bytes) {
      sum_up(h, 0);
   }
   if (newest > 0) {
      return NM_OK;
   }
   int rc = report_until(m, h,
                         ((uint64_t) h->interval + 1) *
                             INTERVAL); /* its last interval leaves the history: it has ended */
   flood_end(self, h);
   return rc;
}

int volume_moved(nm_module_t *m, struct host *h)
{
   struct ddos *self = nm_self(m);
   struct flood *flood = h->flood;
   uint64_t oldest = ((uint64_t) h->interval - NEWEST) * INTERVAL;
   if (h->total <= interval_bytes(self->min_history) * HISTORY) {
      int rc = report_until(m, h, oldest);
      flood_end(self, h);
      return rc;
   }
   if (flood->reported + REPORT_EVERY <= oldest) {
      int rc = report_until(m, h, oldest);
      if (flood->orig_bytes < interval_bytes(self->min_before) && !flood->no_history) {
         flood_end(self, h);
      }
      return rc;
   }
   return NM_OK;
}

int volume_finish(nm_module_t *m, struct host *h)
{
   struct flood *flood = h->flood;
   validate(h);
   for (unsigned i = 0; i < HISTORY; i++) {
      uint64_t start = ((uint64_t) h->interval - NEWEST + i) * INTERVAL;
      if (host_bytes(h, i) > flood->orig_bytes && start >= flood->reported) {
         sum_up(h, i);
      } else if (flood->seq ==
                 0) { /* the first report of a flood that does not end averages over the history */
         flood->bytes += host_bytes(h, i);
         flood->sources += *host_sources(h, i);
         flood->intervals++;
      }
   }
   return report_until(m, h, ((uint64_t) h->interval + 1) * INTERVAL);
}
