/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of ddos_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   e->target = alert_ip(a, "DST_IP");
   e->bytes = alert_number(a, "BYTES");
   e->sources = e->amount = alert_number(a, "AVG_IP_CNT_CURRENT");
   e->evidence = alert_number(a, "AVG_IP_CNT_ORIGINAL");
   e->group = alert_number(a, "EVENT_ID");
}

static enum event_confidence confidence(const struct event *e)
{
   return e->sources >= 1000 || e->bytes >= 10000000 ? EVENT_HIGH : EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[32], before[32], target[64], amount[64], duration[32];
   snprintf(to, size,
            "%s networks a minute, after %s before, sent %s to %s in %s; four times the usual networks and "
            "bytes, or 1000 "
            "packets a minute that belong to no connection, are a flood",
            format_count(e->sources, source, sizeof(source)),
            format_count(e->evidence, before, sizeof(before)), event_amount(e, amount, sizeof(amount)),
            event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)));
}

/* The gap is short: both methods of the detector may report the same flood, with different ids. */
EVENT_DESCRIPTION(ddos_detector,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
                  .kind = "flood", .title = "flood (DoS)", .unit = "sources", .attack = "T1498",
                  .fields = "ipaddr DST_IP,uint64 BYTES,uint64 EVENT_ID,uint32 AVG_IP_CNT_CURRENT,uint32 "
                            "AVG_IP_CNT_ORIGINAL,time TIME_FIRST,"
                            "time TIME_LAST",
                  .key = EVENT_BY_TARGET, .gap = 300, .read = read_alert, .confidence = confidence,
                  .reason = reason);
