/* SPDX-License-Identifier: BSD-3-Clause */
/** make_alerts: sends alerts of miner_detector, each of which is an event of its own, for benchmarks and tests of what takes alerts. */
#include <nemea/module.h>
#include <time.h>

#include "fields.h"

NM_FIELDS(ipaddr SRC_IP, ipaddr DST_IP, uint16 DST_PORT, uint32 EVENT_SCALE, time TIME_FIRST, time TIME_LAST)

#define BATCH     64
#define MIDNIGHT  1600041600 /* seconds since 1970: 2020-09-14 */
#define SOURCES   0x0a000000 /* 10.0.0.0/8 */
#define TARGETS   0x10000000 /* from 16.0.0.0 on */
#define OFTEN     100        /* one alert of so many is of the first host */
#define US_OF_DAY (UINT64_C(86400) * 1000000)

struct make_alerts {
   uint64_t records, sent;
   uint32_t hosts, days, pace;
   struct timespec began;
};

static const nm_option_t options[] = {
    NM_U64('r', "records", struct make_alerts, records, 1000000, 1, UINT32_MAX, "How many alerts."),
    NM_U32(
        0, "hosts", struct make_alerts, hosts, 100000, 1, 1u << 24,
        "Sources, from 10.0.0.0 on; of one alert in a hundred it is 10.0.0.0. Each alert has a target of its "
        "own, from 16.0.0.0 on."),
    NM_U32(0, "days", struct make_alerts, days, 1, 1, 10000,
           "Days of stream time that they are spread over, from 2020-09-14 on."),
    NM_U32(0, "pace", struct make_alerts, pace, 0, 0, UINT32_MAX,
           "Alerts a second of the clock; 0: as fast as they are taken."),
    NM_END};

/* Mixes the bits of x; a bijection (D. Stafford's variant 13 of the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t x)
{
   x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
   x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
   return x ^ x >> 31;
}

static int send_alert(nm_module_t *m, const struct make_alerts *self)
{
   const uint64_t n = self->sent;
   uint64_t us = (uint64_t) ((double) n / (double) self->records * (double) (self->days * US_OF_DAY));
   ur_time_t last = ur_time_from_sec_usec(MIDNIGHT + us / 1000000, us % 1000000);
   void *rec = nm_record(m, 0);
   nm_set(m, rec, F_SRC_IP, ip_from_int(SOURCES + (n % OFTEN == 0 ? 0 : (uint32_t) (mix(n) % self->hosts))));
   nm_set(m, rec, F_DST_IP, ip_from_int(TARGETS + (uint32_t) n));
   nm_set(m, rec, F_DST_PORT, 3333);
   nm_set(m, rec, F_EVENT_SCALE, 10 + (uint32_t) (mix(n) >> 48));
   nm_set(m, rec, F_TIME_FIRST, last - ur_time_from_sec_msec(60, 0));
   nm_set(m, rec, F_TIME_LAST, last);
   return nm_send(m, rec);
}

/* Waits until it is time for the next alert. */
static void keep_pace(struct make_alerts *self)
{
   if (self->began.tv_sec == 0) {
      clock_gettime(CLOCK_MONOTONIC, &self->began);
   }
   struct timespec at = self->began;
   at.tv_sec += (time_t) (self->sent / self->pace);
   at.tv_nsec += (long) (self->sent % self->pace * 1000000000 / self->pace);
   at.tv_sec += at.tv_nsec / 1000000000;
   at.tv_nsec %= 1000000000;
   clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static int source_batch(nm_module_t *m)
{
   struct make_alerts *self = nm_self(m);
   int rc = NM_OK;
   for (int i = 0; i < BATCH && rc == NM_OK; i++) {
      if (self->sent >= self->records) {
         return NM_STOP;
      }
      rc = send_alert(m, self);
      self->sent++;
   }
   if (self->pace > 0) {
      keep_pace(self);
   }
   return rc;
}

NM_MODULE("make_alerts",
          "Sends alerts of miner_detector, each of which is an event of its own, for benchmarks and tests.",
          .out = NM_OUTPUTS({.name = "alerts",
                             .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint32 EVENT_SCALE,time "
                                       "TIME_FIRST,time TIME_LAST",
                             .timeout = TRAP_WAIT}),
          .options = options, .state_size = sizeof(struct make_alerts), .source = source_batch)
