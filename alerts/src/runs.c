/* SPDX-License-Identifier: BSD-3-Clause */
/** Scans of one source that follow each other with short gaps are one event, a run. */
#include "event_join.h"

#include <stdlib.h>
#include <string.h>

#define VERTICAL   "vertical-scan"
#define HORIZONTAL "horizontal-scan"
#define BLOCK      "block-scan"

bool event_is_scan(const struct event *e)
{
   return (strcmp(e->kind, VERTICAL) == 0 || strcmp(e->kind, HORIZONTAL) == 0 ||
           strcmp(e->kind, BLOCK) == 0) &&
          event_ip_is_set(&e->source);
}

/* ------------------------------------------------------------- hosts of a run */

/* The hosts of a part: networks from the first to the last host that it names. */
struct range {
   ip_addr_t first, last;
   ip_addr_t single; /* the only target; all zero: there are several */
   uint64_t targets;
};

/* The first or the last address of the /24 (IPv4) or /64 (IPv6) of an address. Addresses compare as memory does. */
static ip_addr_t network_end(const ip_addr_t *ip, uint8_t fill)
{
   ip_addr_t end = *ip;
   if (ip_is4(ip)) {
      ((uint8_t *) &end)[11] = fill; /* an IPv4 address stands in bytes 8 to 11 */
   } else {
      memset((uint8_t *) &end + 8, fill, 8);
   }
   return end;
}

static void widen(struct range *r, const ip_addr_t *ip)
{
   ip_addr_t first = network_end(ip, 0), last = network_end(ip, 0xff);
   bool none = !event_ip_is_set(&r->last);
   r->first = none || memcmp(&first, &r->first, sizeof(first)) < 0 ? first : r->first;
   r->last = none || memcmp(&last, &r->last, sizeof(last)) > 0 ? last : r->last;
}

static struct range range_of(const struct event *e)
{
   struct range r = {.single = e->target, .targets = e->targets};
   for (unsigned i = 0; i < e->n_samples; i++) {
      widen(&r, &e->samples[i]);
   }
   if (event_ip_is_set(&e->target)) {
      widen(&r, &e->target);
   }
   return r;
}

static int compare_ranges(const void *left, const void *right)
{
   const struct range *a = left, *b = right;
   int order = memcmp(&a->first, &b->first, sizeof(a->first));
   return order != 0 ? order : memcmp(&a->single, &b->single, sizeof(a->single));
}

/* Hosts of a run: those of parts in different networks add up. Within the same networks vertical scans name their hosts, which are
 * counted once each; sweeps, over several ports or by several protocols, go to the same hosts, so that the largest counts. */
static uint64_t count_targets(const struct event *parts, uint32_t n)
{
   uint64_t all = 0, single = 0, most = 0;
   struct range *ranges = malloc(n * sizeof(*ranges));
   if (ranges == NULL) {
      return 0;
   }
   for (uint32_t i = 0; i < n; i++) {
      ranges[i] = range_of(&parts[i]);
   }
   qsort(ranges, n, sizeof(*ranges), compare_ranges);
   ip_addr_t end = ranges[0].last;
   for (uint32_t i = 0; i < n; i++) {
      const struct range *r = &ranges[i];
      if (memcmp(&r->first, &end, sizeof(end)) > 0) {
         event_add(&all, single > most ? single : most);
         single = most = 0;
      }
      end = memcmp(&r->last, &end, sizeof(end)) > 0 ? r->last : end;
      single += event_ip_is_set(&r->single) &&
                (i == 0 || memcmp(&r->single, &ranges[i - 1].single, sizeof(r->single)) != 0);
      most = r->targets > most ? r->targets : most;
   }
   free(ranges);
   event_add(&all, single > most ? single : most);
   return all;
}

/* ------------------------------------------------------------------------ runs */

struct volume {
   uint64_t flows, packets, bytes;
};

static void add_volume(struct volume *to, const struct event *e)
{
   event_add(&to->flows, e->flows);
   event_add(&to->packets, e->packets);
   event_add(&to->bytes, e->bytes);
}

/* A probe of one of many ports of one of many hosts counts in a vertical and in a horizontal scan, so that sums of one kind only add up. */
static void set_volume(struct event *run, const struct event *parts, uint32_t n)
{
   struct volume vertical = {0}, others = {0};
   for (uint32_t i = 0; i < n; i++) {
      add_volume(strcmp(parts[i].kind, VERTICAL) == 0 ? &vertical : &others, &parts[i]);
   }
   const struct volume *most = vertical.flows > others.flows ? &vertical : &others;
   run->flows = most->flows;
   run->packets = most->packets;
   run->bytes = most->bytes;
}

struct event event_run_of(const struct event *parts, uint32_t n)
{
   uint32_t best = 0;
   bool vertical = true, horizontal = true;
   for (uint32_t i = 0; i < n; i++) {
      best = parts[i].flows > parts[best].flows ? i : best;
      vertical = vertical && strcmp(parts[i].kind, VERTICAL) == 0;
      horizontal = horizontal && strcmp(parts[i].kind, HORIZONTAL) == 0;
   }
   struct event run = parts[best];
   run.alerts = 0;
   for (uint32_t i = 0; i < n; i++) {
      const struct event *part = &parts[i];
      run.first = part->first < run.first ? part->first : run.first;
      run.last = part->last > run.last ? part->last : run.last;
      event_add(&run.alerts, part->alerts);
      run.margin = part->margin > run.margin ? part->margin : run.margin;
      event_keep_common(&run, part);
      event_join_ends(&run, part);
   }
   set_volume(&run, parts, n);
   run.targets = count_targets(parts, n);
   run.amount = horizontal ? run.targets : run.flows;
   if (!horizontal && (!vertical || run.targets > 1)) {
      run.kind = BLOCK;
      run.title = "block scan";
   }
   run.parts = parts;
   run.n_parts = n;
   event_set_run_id(&run, &parts[0]);
   return run;
}

/* Scans by source and time, everything else at the end. */
static int compare_runs(const void *left, const void *right)
{
   const struct event *a = left, *b = right;
   bool scan = event_is_scan(a);
   if (scan != event_is_scan(b)) {
      return scan ? -1 : 1;
   }
   int order = scan ? memcmp(&a->source, &b->source, sizeof(a->source)) : 0;
   return order != 0 ? order : event_compare(a, b);
}

void events_join_runs(struct events *all)
{
   uint32_t kept = 0;
   struct event *parts = malloc(all->n * sizeof(*parts));
   if (parts == NULL) {
      return; /* the parts are right, too */
   }
   qsort(all->list, all->n, sizeof(*all->list), compare_runs);
   memcpy(parts, all->list, all->n * sizeof(*parts));
   for (uint32_t i = 0, n; i < all->n; i += n) {
      ur_time_t end = parts[i].last;
      for (n = 1; i + n < all->n && event_is_scan(&parts[i]) && event_is_scan(&parts[i + n]) &&
                  memcmp(&parts[i].source, &parts[i + n].source, sizeof(parts[i].source)) == 0 &&
                  parts[i + n].first <= end + ((ur_time_t) RUN_GAP << 32);
           n++) {
         end = parts[i + n].last > end ? parts[i + n].last : end;
      }
      all->list[kept++] = n > 1 ? event_run_of(&parts[i], n) : parts[i];
   }
   all->n = kept;
   all->parts = parts;
}
