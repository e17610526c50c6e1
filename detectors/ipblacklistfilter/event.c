/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of ipblacklistfilter mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

/* The listed address is the source, whichever side of the flow it was. */
static void read_alert(const struct alert *a, struct event *e)
{
   bool source_listed = alert_number(a, "SRC_BLACKLIST") != 0;
   e->source = alert_ip(a, source_listed ? "SRC_IP" : "DST_IP");
   e->target = alert_ip(a, source_listed ? "DST_IP" : "SRC_IP");
   e->bytes = alert_number(a, "BYTES");
   e->amount = e->flows = 1;
   e->packets = alert_number(a, "PACKETS");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
}

static bool is_repeated(const struct event *e)
{
   return e->amount >= 10 || e->bytes >= 10000;
}

static const struct event_rule rules[] = {
    {EVENT_MEDIUM, is_repeated, "ten flows or more, or 10 kB: data was exchanged"},
    {EVENT_LOW, NULL, "few flows without much data: a probe from outside, or an address that many share"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], flows[32], bytes[32], duration[32];
   snprintf(to, size, "%s, which is on a blacklist, and %s exchanged %s flows with %s in %s",
            event_source(e, source, sizeof(source)), event_target(e, target, sizeof(target)),
            format_count(e->amount, flows, sizeof(flows)),
            format_bytes((double) e->bytes, bytes, sizeof(bytes)),
            format_duration(event_seconds(e), duration, sizeof(duration)));
}

EVENT_DESCRIPTION(ipblacklistfilter, .blacklist = true,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                           "uint32 PACKETS,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
                  .aggregator = "blacklist_aggregator", .kind = "blacklisted-address",
                  .title = "contact with a blacklisted address", .unit = "flows", .attack = "T1071",
                  .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint32 PACKETS,uint8 PROTOCOL,uint64 "
                            "SRC_BLACKLIST,uint64 DST_BLACKLIST,"
                            "time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_SOURCE | EVENT_BY_TARGET, .gap = 3600, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
