/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of vportscan_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->amount = e->flows = alert_number(a, "PORT_CNT"); /* a probe of a port is a flow */
}

static enum event_confidence confidence(const struct event *e)
{
   return e->amount >= 100 ? EVENT_HIGH : EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], count[32], duration[32];
   const char *protocol = event_protocol(e);
   snprintf(
       to, size,
       "%s probed %s %s ports of %s in %s; 50 ports of one host without a connection, or 25 that it refused, "
       "are a scan",
       event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
       protocol != NULL ? protocol : "", event_target(e, target, sizeof(target)),
       format_duration(event_seconds(e), duration, sizeof(duration)));
}

EVENT_DESCRIPTION(
    vportscan_detector,
    .needs = "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
             "uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint16 SRC_PORT",
    .aggregator = "vportscan_aggregator", .kind = "vertical-scan", .title = "vertical port scan",
    .unit = "port probes", .attack = "T1046",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint8 PROTOCOL,uint32 PORT_CNT,time TIME_FIRST,time TIME_LAST",
    .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PROTOCOL, .gap = 4 * 3600, .read = read_alert,
    .confidence = confidence, .reason = reason);
