/* SPDX-License-Identifier: BSD-3-Clause */
/** haddrscan_aggregator: joins the alerts of haddrscan_detector about one source and port. */
#include <nemea/module.h>

#include "fields.h"

#include "../common/window.h"

NM_FIELDS(ipaddr SRC_IP, uint32 ADDR_CNT, uint32 ADDR_THRSD, time TIME_FIRST, time TIME_LAST, uint16 DST_PORT,
          uint8 EVENT_TYPE, uint8 PROTOCOL, ipaddr DST_IP0, ipaddr DST_IP1, ipaddr DST_IP2, ipaddr DST_IP3,
          ipaddr DST_IP4, ipaddr DST_IP5, ipaddr DST_IP6, ipaddr DST_IP7, ipaddr DST_IP8, ipaddr DST_IP9,
          ipaddr DST_IP10, ipaddr DST_IP11, ipaddr DST_IP12, ipaddr DST_IP13, ipaddr DST_IP14,
          ipaddr DST_IP15)

#define SAMPLES 16
#define GROUP   4 /* samples of an alert */

#define ALERT                                                                                              \
   "ipaddr SRC_IP,uint32 ADDR_CNT,uint32 ADDR_THRSD,time TIME_FIRST,time TIME_LAST,uint16 DST_PORT,uint8 " \
   "EVENT_TYPE,uint8 PROTOCOL,ipaddr DST_IP0,ipaddr DST_IP1,ipaddr DST_IP2,ipaddr DST_IP3"
#define MORE_SAMPLES                                                                                   \
   "ipaddr DST_IP4,ipaddr DST_IP5,ipaddr DST_IP6,ipaddr DST_IP7,ipaddr DST_IP8,ipaddr DST_IP9,ipaddr " \
   "DST_IP10,ipaddr DST_IP11,ipaddr DST_IP12,ipaddr DST_IP13,ipaddr DST_IP14,ipaddr DST_IP15"

struct key {
   ip_addr_t source;
   uint64_t port; /* as wide as the key's alignment: no padding */
};

struct scan {
   struct key key;
   ur_time_t first, last;
   uint32_t hosts, threshold;
   uint8_t type, protocol;
   ip_addr_t samples[SAMPLES];
   struct scan *next; /* in the order of their first alerts */
};

struct aggregator {
   double minutes; /* option */
   nc_table_t *scans;
   struct scan *oldest, *newest;
   struct window window;
   uint64_t early;
};

static const nm_option_t options[] = {
    NM_DOUBLE('t', "time", struct aggregator, minutes, 5, 1, 525600,
              "Minutes of stream time that alerts are collected; of broken numbers the whole part."),
    NM_TABLE('c', "capacity", struct aggregator, scans, "scans", struct key, struct scan, 16384,
             .full = NC_TABLE_REFUSE),
    NM_END,
};

static int init(nm_module_t *m)
{
   struct aggregator *self = nm_self(m);
   self->window.length = (uint64_t) self->minutes * 60;
   nm_counter(m, "sent early", &self->early);
   return NM_OK;
}

static void sample_ids(int ids[SAMPLES])
{
   const int all[SAMPLES] = {F_DST_IP0,  F_DST_IP1,  F_DST_IP2,  F_DST_IP3, F_DST_IP4,  F_DST_IP5,
                             F_DST_IP6,  F_DST_IP7,  F_DST_IP8,  F_DST_IP9, F_DST_IP10, F_DST_IP11,
                             F_DST_IP12, F_DST_IP13, F_DST_IP14, F_DST_IP15};
   memcpy(ids, all, sizeof(all));
}

static int send_scan(nm_module_t *m, const struct scan *s)
{
   int ids[SAMPLES];
   void *alert = nm_alert(m, NULL);
   nm_set(m, alert, F_SRC_IP, s->key.source);
   nm_set(m, alert, F_DST_PORT, (uint16_t) s->key.port);
   nm_set(m, alert, F_ADDR_CNT, s->hosts);
   nm_set(m, alert, F_ADDR_THRSD, s->threshold);
   nm_set(m, alert, F_TIME_FIRST, s->first);
   nm_set(m, alert, F_TIME_LAST, s->last);
   nm_set(m, alert, F_EVENT_TYPE, s->type);
   nm_set(m, alert, F_PROTOCOL, s->protocol);
   sample_ids(ids);
   for (unsigned i = 0; i < SAMPLES; i++) {
      memcpy(ur_get_ptr_by_id(nm_out(m), alert, ids[i]), &s->samples[i], sizeof(s->samples[i]));
   }
   return nm_send(m, alert);
}

static int send_all(nm_module_t *m)
{
   struct aggregator *self = nm_self(m);
   int rc = NM_OK;
   for (struct scan *s = self->oldest; s != NULL && rc == NM_OK; s = s->next) {
      rc = send_scan(m, s);
   }
   nc_table_clear(self->scans);
   self->oldest = self->newest = NULL;
   return rc;
}

/* \return first of the four places for the samples of another alert; the last four are used again */
static unsigned free_group(const struct scan *s)
{
   static const ip_addr_t none;
   unsigned group = GROUP;
   while (group < SAMPLES - GROUP && memcmp(&s->samples[group], &none, sizeof(none)) != 0) {
      group += GROUP;
   }
   return group;
}

static void start(nm_module_t *m, const void *rec, struct scan *s, const struct key *key)
{
   struct aggregator *self = nm_self(m);
   s->key = *key;
   s->first = nm_get(m, rec, F_TIME_FIRST);
   s->threshold = nm_get(m, rec, F_ADDR_THRSD);
   s->type = nm_get(m, rec, F_EVENT_TYPE);
   s->protocol = nm_get(m, rec, F_PROTOCOL);
   if (self->newest != NULL) {
      self->newest->next = s;
   } else {
      self->oldest = s;
   }
   self->newest = s;
}

static int record(nm_module_t *m, const void *rec)
{
   struct aggregator *self = nm_self(m);
   struct key key = {.port = nm_get(m, rec, F_DST_PORT)};
   memcpy(&key.source, nm_get_ptr(m, rec, F_SRC_IP), sizeof(key.source));
   bool is_new;
   struct scan *s = nc_table_upsert(self->scans, &key, &is_new);
   if (s == NULL) { /* full: what there is goes now, nothing is lost */
      self->early++;
      int rc = send_all(m);
      if (rc != NM_OK || (s = nc_table_upsert(self->scans, &key, &is_new)) == NULL) {
         return rc;
      }
   }
   window_open(&self->window, nm_now(m));
   if (is_new) {
      start(m, rec, s, &key);
   }
   ur_time_t first = nm_get(m, rec, F_TIME_FIRST), last = nm_get(m, rec, F_TIME_LAST);
   uint32_t hosts = nm_get(m, rec, F_ADDR_CNT);
   s->first = first < s->first ? first : s->first;
   s->last = last > s->last ? last : s->last;
   s->hosts = s->hosts + hosts >= hosts ? s->hosts + hosts : UINT32_MAX;
   int ids[SAMPLES];
   unsigned group = is_new ? 0 : free_group(s);
   sample_ids(ids);
   for (unsigned i = 0; i < GROUP; i++) {
      memcpy(&s->samples[group + i], ur_get_ptr_by_id(nm_in(m), rec, ids[i]), sizeof(s->samples[0]));
   }
   return NM_OK;
}

static int tick(nm_module_t *m, ur_time_t stream_time)
{
   struct aggregator *self = nm_self(m);
   return window_over(&self->window, stream_time) ? send_all(m) : NM_OK;
}

NM_MODULE("haddrscan_aggregator", "Joins the alerts of haddrscan_detector about one source and port.",
          .input = ALERT, .output = ALERT "," MORE_SAMPLES, .options = options,
          .state_size = sizeof(struct aggregator), .tick_every = NM_SECONDS(1), .init = init,
          .record = record, .tick = tick, .finish = send_all)
