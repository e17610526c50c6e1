/* SPDX-License-Identifier: BSD-3-Clause */
#include "alerts.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fields.h"

UR_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 DST_PORT, uint8 PROTOCOL, uint64 BYTES, time TIME_FIRST,
          time TIME_LAST, uint32 PORT_CNT, uint32 ADDR_CNT, ipaddr DST_IP0, ipaddr DST_IP1, ipaddr DST_IP2,
          ipaddr DST_IP3, uint64 EVENT_ID, uint32 AVG_IP_CNT_CURRENT, uint64 AVG_BYTES_CURRENT)

#define FLOOD_GAP 300 /* seconds between alerts of one flood */

const char *const confidence_names[] = {"low", "medium", "high"};

static bool is_set(const ip_addr_t *ip)
{
   static const ip_addr_t none;
   return memcmp(ip, &none, sizeof(none)) != 0;
}

/* ------------------------------------------------------------- vertical scans */

static void read_vertical(const ur_template_t *t, const void *rec, struct event *e)
{
   e->source = ur_get(t, rec, F_SRC_IP);
   e->victim = ur_get(t, rec, F_DST_IP);
   e->protocol = ur_get(t, rec, F_PROTOCOL);
   e->amount = ur_get(t, rec, F_PORT_CNT);
}

static bool same_vertical(const struct event *a, const struct event *b)
{
   return a->protocol == b->protocol && memcmp(&a->source, &b->source, 16) == 0 &&
          memcmp(&a->victim, &b->victim, 16) == 0;
}

static enum confidence judge_vertical(const struct event *e)
{
   return e->amount >= 100 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

/* ----------------------------------------------------------- horizontal scans */

static void read_horizontal(const ur_template_t *t, const void *rec, struct event *e)
{
   const ip_addr_t samples[MAX_SAMPLES] = {ur_get(t, rec, F_DST_IP0), ur_get(t, rec, F_DST_IP1),
                                           ur_get(t, rec, F_DST_IP2), ur_get(t, rec, F_DST_IP3)};
   e->source = ur_get(t, rec, F_SRC_IP);
   e->port = ur_get(t, rec, F_DST_PORT);
   e->protocol = ur_get(t, rec, F_PROTOCOL);
   e->amount = ur_get(t, rec, F_ADDR_CNT);
   for (unsigned i = 0; i < MAX_SAMPLES; i++) {
      if (is_set(&samples[i])) {
         e->samples[e->n_samples++] = samples[i];
      }
   }
}

static bool same_horizontal(const struct event *a, const struct event *b)
{
   return a->protocol == b->protocol && a->port == b->port && memcmp(&a->source, &b->source, 16) == 0;
}

static enum confidence judge_horizontal(const struct event *e)
{
   return e->amount >= 100 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

/* ---------------------------------------------------------------------- floods */

static void read_flood(const ur_template_t *t, const void *rec, struct event *e)
{
   e->victim = ur_get(t, rec, F_DST_IP);
   e->bytes = ur_get(t, rec, F_BYTES);
   e->sources = e->amount = ur_get(t, rec, F_AVG_IP_CNT_CURRENT);
   e->id = ur_get(t, rec, F_EVENT_ID);
}

/* Both rules of the detector may see the same flood. */
static bool same_flood(const struct event *a, const struct event *b)
{
   ur_time_t gap = (ur_time_t) FLOOD_GAP << 32;
   return memcmp(&a->victim, &b->victim, 16) == 0 &&
          (a->id == b->id || (a->first <= b->last + gap && b->first <= a->last + gap));
}

static enum confidence judge_flood(const struct event *e)
{
   return e->sources >= 1000 || e->bytes >= 10000000 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

const struct detector detectors[] = {
    {"vportscan_detector", "vertical port scan", "port probes",
     "ipaddr SRC_IP,ipaddr DST_IP,uint8 PROTOCOL,uint32 PORT_CNT,time TIME_FIRST,time TIME_LAST",
     read_vertical, same_vertical, judge_vertical},
    {"haddrscan_detector", "horizontal scan", "hosts",
     "ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,uint32 ADDR_CNT,ipaddr DST_IP0,ipaddr DST_IP1,ipaddr "
     "DST_IP2,"
     "ipaddr DST_IP3,time TIME_FIRST,time TIME_LAST",
     read_horizontal, same_horizontal, judge_horizontal},
    {"ddos_detector", "flood (DoS)", "sources",
     "ipaddr DST_IP,uint64 BYTES,uint64 EVENT_ID,uint32 AVG_IP_CNT_CURRENT,time TIME_FIRST,time TIME_LAST",
     read_flood, same_flood, judge_flood},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

/* ---------------------------------------------------------------------- events */

static void join(struct event *to, const struct event *e)
{
   to->first = e->first < to->first ? e->first : to->first;
   to->last = e->last > to->last ? e->last : to->last;
   to->bytes += e->bytes;
   to->sources = e->sources > to->sources ? e->sources : to->sources;
   to->amount = e->sources != 0 ? to->sources : to->amount + e->amount;
   to->alerts += e->alerts;
}

static bool near(const struct event *a, const struct event *b)
{
   ur_time_t gap = (ur_time_t) EVENT_GAP << 32;
   return a->first <= b->last + gap && b->first <= a->last + gap;
}

struct event *alerts_add(struct alerts *a, unsigned detector, const ur_template_t *t, const void *rec)
{
   struct event e = {.detector = detector, .alerts = 1};
   e.first = ur_get(t, rec, F_TIME_FIRST);
   e.last = ur_get(t, rec, F_TIME_LAST);
   e.last = e.last < e.first ? e.first : e.last;
   detectors[detector].read(t, rec, &e);
   a->received++;
   for (uint32_t i = a->n; i > 0; i--) {
      struct event *old = &a->events[i - 1];
      if (old->detector == detector && detectors[detector].same(old, &e) && near(old, &e)) {
         join(old, &e);
         return old;
      }
   }
   if (a->n == a->capacity) {
      uint32_t capacity = a->capacity > 0 ? 2 * a->capacity : 64;
      struct event *more = capacity <= 2 * MAX_EVENTS && a->n < MAX_EVENTS
                               ? realloc(a->events, capacity * sizeof(*more))
                               : NULL;
      if (more == NULL) {
         a->dropped++;
         return NULL;
      }
      a->events = more;
      a->capacity = capacity;
   }
   a->events[a->n] = e;
   return &a->events[a->n++];
}

static int compare(const void *left, const void *right)
{
   const struct event *a = left, *b = right;
   if (a->first != b->first) {
      return a->first < b->first ? -1 : 1;
   }
   if (a->detector != b->detector) {
      return a->detector < b->detector ? -1 : 1;
   }
   int order = memcmp(&a->source, &b->source, sizeof(a->source));
   order = order != 0 ? order : memcmp(&a->victim, &b->victim, sizeof(a->victim));
   return order != 0 ? order : (a->port > b->port) - (a->port < b->port);
}

void alerts_sort(struct alerts *a)
{
   if (a->n > 0) {
      qsort(a->events, a->n, sizeof(*a->events), compare);
   }
}

void alerts_free(struct alerts *a)
{
   free(a->events);
}

/* ----------------------------------------------------------------------- texts */

static const char *protocol_name(uint8_t protocol)
{
   switch (protocol) {
   case IPPROTO_TCP: return "TCP";
   case IPPROTO_UDP: return "UDP";
   case IPPROTO_ICMP: return "ICMP";
   case IPPROTO_ICMPV6: return "ICMPv6";
   default: return NULL;
   }
}

char *event_title(const struct event *e, char *to, size_t size)
{
   const char *protocol = protocol_name(e->protocol);
   snprintf(to, size, "%s%s%s", detectors[e->detector].title, protocol != NULL ? ", " : "",
            protocol != NULL ? protocol : "");
   return to;
}

char *event_source(const struct event *e, char *to, size_t size)
{
   char ip[INET6_ADDRSTRLEN], count[32];
   if (is_set(&e->source)) {
      ip_to_str(&e->source, ip);
      snprintf(to, size, "%s", ip);
   } else {
      snprintf(to, size, "%s sources", format_count(e->sources, count, sizeof(count)));
   }
   return to;
}

char *event_victim(const struct event *e, char *to, size_t size)
{
   char ip[INET6_ADDRSTRLEN];
   if (is_set(&e->victim)) {
      ip_to_str(&e->victim, ip);
      snprintf(to, size, "%s", ip);
   } else {
      size_t n = (size_t) snprintf(to, size, "port %u of ", e->port);
      for (unsigned i = 0; i < e->n_samples && i < 2 && n < size; i++) {
         ip_to_str(&e->samples[i], ip);
         n += (size_t) snprintf(to + n, size - n, "%s%s", i > 0 ? ", " : "", ip);
      }
      if (n < size) {
         snprintf(to + n, size - n, "%s", e->amount > 2 ? " ..." : "");
      }
   }
   return to;
}

char *event_amount(const struct event *e, char *to, size_t size)
{
   char count[32], bytes[32], rate[32];
   if (e->bytes > 0) {
      uint64_t seconds = ur_time_get_sec(e->last) - ur_time_get_sec(e->first) + 1;
      snprintf(to, size, "%s, %s/s", format_bytes((double) e->bytes, bytes, sizeof(bytes)),
               format_bytes((double) e->bytes / (double) seconds, rate, sizeof(rate)));
   } else {
      snprintf(to, size, "%s %s", format_count(e->amount, count, sizeof(count)), detectors[e->detector].unit);
   }
   return to;
}

char *format_bytes(double bytes, char *to, size_t size)
{
   static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
   unsigned u = 0;
   while (bytes >= 1000 && u + 1 < sizeof(units) / sizeof(units[0])) {
      bytes /= 1000;
      u++;
   }
   snprintf(to, size, u == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
   return to;
}

char *format_count(uint64_t n, char *to, size_t size)
{
   char digits[32];
   int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);
   size_t at = 0;
   for (int i = 0; i < length && at + 2 < size; i++) {
      if (i > 0 && (length - i) % 3 == 0 && length > 4) {
         to[at++] = ' ';
      }
      to[at++] = digits[i];
   }
   to[at] = 0;
   return to;
}

char *format_duration(uint64_t s, char *to, size_t size)
{
   if (s == 0) {
      snprintf(to, size, "under 1 s");
   } else if (s < 60) {
      snprintf(to, size, "%" PRIu64 " s", s);
   } else if (s < 3600) {
      snprintf(to, size, "%" PRIu64 " min %02" PRIu64 " s", s / 60, s % 60);
   } else if (s < 86400) {
      snprintf(to, size, "%" PRIu64 " h %02" PRIu64 " min", s / 3600, s / 60 % 60);
   } else {
      snprintf(to, size, "%" PRIu64 " d %02" PRIu64 " h", s / 86400, s / 3600 % 24);
   }
   return to;
}

char *format_time(ur_time_t t, char *to, size_t size)
{
   struct tm tm;
   time_t seconds = ur_time_get_sec(t);
   strftime(to, size, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
   return to;
}
