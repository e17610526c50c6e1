/* SPDX-License-Identifier: BSD-3-Clause */
/** vportscan_aggregator: joins the alerts of vportscan_detector about one source to block scans, as JSON. */
#include <nemea/module.h>

#include "fields.h"

#include "../common/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint32 PORT_CNT, time TIME_FIRST, time TIME_LAST, uint16 SRC_PORT,
          uint16 DST_PORT, uint8 EVENT_TYPE, uint8 PROTOCOL)

#define MESSAGE_TARGETS 1000                        /* of one message */
#define TARGET_SIZE     (INET6_ADDRSTRLEN - 1 + 16) /* with quotes, a colon, ten digits, a comma */
#define MESSAGE_SIZE    65535

struct scan_key {
   ip_addr_t source, target; /* target: all zero for block scans */
   uint64_t protocol;        /* as wide as the key's alignment: no padding */
};

struct target {
   char ip[INET6_ADDRSTRLEN];
   uint32_t ports;
   struct target *next;
};

struct scan {
   struct scan_key key;
   ur_time_t first, last;
   struct target *targets;
   uint32_t id;
   struct scan *next; /* in the order of their first alerts */
};

struct target_key {
   ip_addr_t target;
   uint64_t scan;
};

struct aggregator {
   double minutes; /* options */
   bool no_blocks;
   nc_table_t *scans, *targets;
   struct scan *oldest, *newest;
   struct window window;
   uint64_t early;
   const struct target **sorted; /* room for the targets of a scan */
   char message[MESSAGE_SIZE];
};

static const nm_option_t options[] = {
    NM_DOUBLE('t', "time", struct aggregator, minutes, 5, 0.02, 525600,
              "Minutes of stream time that alerts are collected."),
    NM_FLAG(0, "noblockscans", struct aggregator, no_blocks,
            "Join the alerts of each pair of source and target only."),
    NM_TABLE(0, "capacity", struct aggregator, scans, "scans", struct scan_key, struct scan, 16384,
             .full = NC_TABLE_REFUSE),
    NM_TABLE('c', "targets", struct aggregator, targets, "targets", struct target_key, struct target, 65536,
             .full = NC_TABLE_REFUSE),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct aggregator *self = nm_self(m);
   self->window.length = (uint64_t) (self->minutes * 60);
   self->sorted = calloc(nc_table_capacity(self->targets), sizeof(*self->sorted));
   nm_counter(m, "sent early", &self->early);
   return self->sorted != NULL ? NM_OK : nm_fail(m, "out of memory");
}

/* Seconds as Python prints a float: at least one digit behind the point, and no zeros at the end. */
static void print_time(char to[32], ur_time_t time)
{
   int n = snprintf(to, 32, "%" PRIu32 ".%06" PRIu32, ur_time_get_sec(time), ur_time_get_usec(time));
   while (to[n - 1] == '0' && to[n - 2] != '.') {
      to[--n] = 0;
   }
}

static int send_part(nm_module_t *m, const struct scan *s, const struct target *const *targets, uint32_t n)
{
   struct aggregator *self = nm_self(m);
   char source[INET6_ADDRSTRLEN], first[32], last[32];
   size_t at;
   ip_to_str(&s->key.source, source);
   print_time(first, s->first);
   print_time(last, s->last);
   at = (size_t) snprintf(self->message, MESSAGE_SIZE, "{\"src_ip\": \"%s\", \"dst_ips\": {", source);
   for (uint32_t i = 0; i < n;
        i++) { /* addresses need no escapes; MESSAGE_SIZE has room for MESSAGE_TARGETS of them */
      at += (size_t) snprintf(self->message + at, MESSAGE_SIZE - at, "%s\"%s\": %" PRIu32, i > 0 ? ", " : "",
                              targets[i]->ip, targets[i]->ports);
   }
   at += (size_t) snprintf(self->message + at, MESSAGE_SIZE - at,
                           "}, \"ts_first\": %s, \"ts_last\": %s, \"protocol\": %" PRIu64 "}", first, last,
                           s->key.protocol);
   return nm_send_raw(m, 0, self->message, (uint16_t) at);
}

_Static_assert(MESSAGE_TARGETS *TARGET_SIZE + 300 <= MESSAGE_SIZE && MESSAGE_SIZE <= UINT16_MAX,
               "a message holds its targets");

static int compare_ip(const void *left, const void *right)
{
   const struct target *const *a = left, *const *b = right;
   return strcmp((*a)->ip, (*b)->ip);
}

static int send_scan(nm_module_t *m, const struct scan *s)
{
   struct aggregator *self = nm_self(m);
   uint32_t n = 0;
   int rc = NM_OK;
   for (const struct target *t = s->targets; t != NULL; t = t->next) {
      self->sorted[n++] = t;
   }
   qsort(self->sorted, n, sizeof(*self->sorted), compare_ip);
   for (uint32_t i = 0; i < n && rc == NM_OK; i += MESSAGE_TARGETS) {
      rc = send_part(m, s, &self->sorted[i], n - i < MESSAGE_TARGETS ? n - i : MESSAGE_TARGETS);
   }
   return rc;
}

static int send_all(nm_module_t *m)
{
   struct aggregator *self = nm_self(m);
   int rc = NM_OK;
   for (const struct scan *s = self->oldest; s != NULL && rc == NM_OK; s = s->next) {
      rc = send_scan(m, s);
   }
   nc_table_clear(self->scans);
   nc_table_clear(self->targets);
   self->oldest = self->newest = NULL;
   return rc;
}

static struct scan *scan_of(struct aggregator *self, const struct scan_key *key)
{
   bool is_new;
   struct scan *s = nc_table_upsert(self->scans, key, &is_new);
   if (s != NULL && is_new) {
      s->key = *key;
      s->first = UINT64_MAX;
      s->id = nc_table_count(self->scans); /* none is removed before all are */
      if (self->newest != NULL) {
         self->newest->next = s;
      } else {
         self->oldest = s;
      }
      self->newest = s;
   }
   return s;
}

static struct target *target_of(struct aggregator *self, struct scan *s, const ip_addr_t *ip)
{
   const struct target_key key = {.target = *ip, .scan = s->id};
   bool is_new;
   struct target *t = nc_table_upsert(self->targets, &key, &is_new);
   if (t != NULL && is_new) {
      ip_to_str(ip, t->ip);
      t->next = s->targets;
      s->targets = t;
   }
   return t;
}

static int record(nm_module_t *m, const void *rec)
{
   struct aggregator *self = nm_self(m);
   struct scan_key key = {.protocol = nm_get(m, rec, F_PROTOCOL)};
   ip_addr_t ip;
   memcpy(&ip, nm_get_ptr(m, rec, F_DST_IP), sizeof(ip));
   memcpy(&key.source, nm_get_ptr(m, rec, F_SRC_IP), sizeof(key.source));
   if (self->no_blocks) {
      key.target = ip;
   }
   struct scan *s = scan_of(self, &key);
   struct target *t = s != NULL ? target_of(self, s, &ip) : NULL;
   if (t == NULL) { /* full: what there is goes now, nothing is lost */
      self->early++;
      int rc = send_all(m);
      s = scan_of(self, &key);
      t = s != NULL ? target_of(self, s, &ip) : NULL;
      if (rc != NM_OK || t == NULL) {
         return rc;
      }
   }
   window_open(&self->window, nm_now(m));
   ur_time_t first = nm_get(m, rec, F_TIME_FIRST), last = nm_get(m, rec, F_TIME_LAST);
   uint32_t ports = nm_get(m, rec, F_PORT_CNT);
   s->first = first < s->first ? first : s->first;
   s->last = last > s->last ? last : s->last;
   t->ports = t->ports + ports >= ports ? t->ports + ports : UINT32_MAX;
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct aggregator *self = nm_self(m);
   return window_over(&self->window, stream_time) ? send_all(m) : NM_OK;
}

static void cleanup(nm_module_t *m)
{
   free(((struct aggregator *) nm_self(m))->sorted);
}

NM_MODULE("vportscan_aggregator",
          "Joins the alerts of vportscan_detector about one source to block scans, as JSON.",
          .in = NM_INPUTS(
              {.name = "alerts",
               .fields = "ipaddr DST_IP,ipaddr SRC_IP,uint32 PORT_CNT,time TIME_FIRST,time TIME_LAST,uint16 "
                         "DST_PORT,uint16 SRC_PORT,uint8 EVENT_TYPE,uint8 PROTOCOL"}),
          .out = NM_OUTPUTS({.name = "scans", .fields = "aggregated_portscan", .data = NM_JSON}),
          .options = options, .state_size = sizeof(struct aggregator), .tick_every = NM_SECONDS(1),
          .init = init, .record = record, .tick = tick, .finish = send_all, .cleanup = cleanup)
