/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow_log.h"

#include <errno.h>
#include <fcntl.h>
#include <nemea-common/nc_hash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fields.h"

UR_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint64 BYTES, uint64 BYTES_REV, uint32 PACKETS, uint32 PACKETS_REV,
          time TIME_FIRST, time TIME_LAST, uint16 SRC_PORT, uint16 DST_PORT, uint8 PROTOCOL, uint8 TCP_FLAGS)

#define HASHES  32768 /* a power of two, above EVENTS_MAX */
#define LONGEST 256   /* events of the same hosts that a flow is compared with */

struct flow_log {
   FILE *file;
   uint64_t n, missed;
   int error; /* errno of the first write that failed: nothing more is kept */
};

/* Events by their hosts: a flow can be of those with its two hosts, of those with one of them as the source, or as the target. */
struct index {
   const struct event *events;
   uint32_t *newest;       /* by hash: index + 1, 0: none */
   uint32_t *older;        /* by event */
   struct event_flows *of; /* by event */
};

/* No padding. */
struct hosts {
   ip_addr_t source, target;
};

struct flow_log *flow_log_new(void)
{
   struct flow_log *log = calloc(1, sizeof(*log));
   char path[256];
   const char *tmp = getenv("TMPDIR");
   snprintf(path, sizeof(path), "%s/nemea-flows-XXXXXX", tmp != NULL && strlen(tmp) < 200 ? tmp : "/tmp");
   int fd = log != NULL ? mkostemp(path, O_CLOEXEC) : -1;
   if (fd >= 0) {
      unlink(path);
      log->file = fdopen(fd, "w+");
   }
   if (log != NULL && log->file == NULL) {
      free(log);
      return NULL;
   }
   return log;
}

void flow_log_free(struct flow_log *log)
{
   if (log != NULL) {
      fclose(log->file);
      free(log);
   }
}

uint64_t flow_log_missed(const struct flow_log *log)
{
   return log->missed;
}

void flow_log_add(struct flow_log *log, const ur_template_t *t, const void *rec)
{
   if (log->n >= FLOW_LOG_MAX || log->error != 0) {
      log->missed++;
      return;
   }
   struct logged_flow f = {.src = ur_get(t, rec, F_SRC_IP),
                           .dst = ur_get(t, rec, F_DST_IP),
                           .first = ur_get(t, rec, F_TIME_FIRST),
                           .last = ur_get(t, rec, F_TIME_LAST),
                           .bytes = ur_get(t, rec, F_BYTES),
                           .packets = ur_get(t, rec, F_PACKETS),
                           .protocol = ur_get(t, rec, F_PROTOCOL)};
   if (ur_is_present(t, F_BYTES_REV) && ur_is_present(t, F_PACKETS_REV)) {
      f.bytes += ur_get(t, rec, F_BYTES_REV);
      f.packets += ur_get(t, rec, F_PACKETS_REV);
   }
   f.src_port = ur_is_present(t, F_SRC_PORT) ? ur_get(t, rec, F_SRC_PORT) : 0;
   f.dst_port = ur_is_present(t, F_DST_PORT) ? ur_get(t, rec, F_DST_PORT) : 0;
   f.tcp_flags = ur_is_present(t, F_TCP_FLAGS) ? ur_get(t, rec, F_TCP_FLAGS) : 0;
   if (fwrite(&f, sizeof(f), 1, log->file) != 1) {
      log->error = errno != 0 ? errno : EIO;
      log->missed++;
      return;
   }
   log->n++;
}

/* ------------------------------------------------------------------- matching */

static uint32_t *chain(const struct index *x, const ip_addr_t *source, const ip_addr_t *target)
{
   static const ip_addr_t any;
   struct hosts key = {.source = source != NULL ? *source : any, .target = target != NULL ? *target : any};
   return &x->newest[nc_hash(&key, sizeof(key)) % HASHES];
}

static bool same(const ip_addr_t *a, const ip_addr_t *b)
{
   return memcmp(a, b, sizeof(*a)) == 0;
}

/* Is the flow of the event, seen from this end? Either direction: answers are part of an attack. */
static bool is_of(const struct event *e, const struct logged_flow *f, const ip_addr_t *source,
                  const ip_addr_t *target)
{
   const ur_time_t second = (ur_time_t) 1 << 32;
   if ((event_ip_is_set(&e->source) && !same(&e->source, source)) ||
       (event_ip_is_set(&e->target) && !same(&e->target, target)) || f->first > e->last + second ||
       f->last + second < e->first || (e->protocol != 0 && f->protocol != e->protocol)) {
      return false;
   }
   bool port = e->n_ports == 0 || e->more_ports || (f->src_port == 0 && f->dst_port == 0);
   for (unsigned i = 0; i < e->n_ports && !port; i++) {
      port = f->src_port == e->ports[i] || f->dst_port == e->ports[i];
   }
   return port;
}

static void look_in(const struct index *x, const uint32_t *newest, const struct logged_flow *f,
                    const ip_addr_t *source, const ip_addr_t *target)
{
   unsigned compared = 0;
   for (uint32_t i = *newest; i > 0 && compared < LONGEST; i = x->older[i - 1], compared++) {
      struct event_flows *of = &x->of[i - 1];
      if (!is_of(&x->events[i - 1], f, source, target)) {
         continue;
      }
      if (of->n < FLOWS_OF_EVENT) {
         of->list[of->n] = *f;
      }
      of->n++;
   }
}

static void look_up(const struct index *x, const struct logged_flow *f)
{
   /* In a chain of hosts that are not known both, an event is met once: its other end is zero. */
   const ip_addr_t *ends[2] = {&f->src, &f->dst};
   unsigned directions = same(&f->src, &f->dst) ? 1 : 2;
   for (unsigned i = 0; i < directions; i++) {
      const ip_addr_t *source = ends[i], *target = ends[1 - i];
      const uint32_t *chains[] = {chain(x, source, target), chain(x, source, NULL), chain(x, NULL, target)};
      for (unsigned c = 0; c < 3; c++) {
         bool seen = (c > 0 && chains[c] == chains[0]) || (c > 1 && chains[c] == chains[1]);
         if (!seen) { /* two keys may have one hash */
            look_in(x, chains[c], f, source, target);
         }
      }
   }
}

/* Events without any host are left out: no flow can be told to be theirs. */
static bool make_index(struct index *x, const struct events *events)
{
   x->events = events->list;
   x->newest = calloc(HASHES, sizeof(*x->newest));
   x->older = calloc(events->n + 1u, sizeof(*x->older));
   x->of = calloc(events->n + 1u, sizeof(*x->of));
   if (x->newest == NULL || x->older == NULL || x->of == NULL) {
      return false;
   }
   for (uint32_t i = events->n; i > 0; i--) { /* so that a chain begins with the first */
      const struct event *e = &events->list[i - 1];
      if (event_ip_is_set(&e->source) || event_ip_is_set(&e->target)) {
         uint32_t *newest = chain(x, &e->source, &e->target);
         x->older[i - 1] = *newest;
         *newest = i;
      }
   }
   return true;
}

struct event_flows *flow_log_match(struct flow_log *log, const struct events *events)
{
   struct logged_flow batch[256];
   struct index x = {0};
   bool good = make_index(&x, events) && fflush(log->file) == 0;
   rewind(log->file);
   for (size_t n = 1; good && n > 0;) {
      n = fread(batch, sizeof(batch[0]), sizeof(batch) / sizeof(batch[0]), log->file);
      for (size_t i = 0; i < n; i++) {
         look_up(&x, &batch[i]);
      }
   }
   good = good && !ferror(log->file);
   free(x.newest);
   free(x.older);
   if (!good) {
      free(x.of);
      x.of = NULL;
   }
   return x.of;
}
