/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of urlblacklistfilter mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>
#include <string.h>

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->bytes = alert_number(a, "BYTES");
   e->amount = e->flows = 1;
   e->packets = alert_number(a, "PACKETS");
   alert_text(a, "HTTP_REQUEST_HOST", e->detail, sizeof(e->detail));
   size_t n = strlen(e->detail);
   alert_text(a, "HTTP_REQUEST_URL", e->detail + n, sizeof(e->detail) - n);
}

static const struct event_rule rules[] = {
    {EVENT_MEDIUM, NULL, "a request of a listed URL, which nobody makes by chance"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32];
   snprintf(to, size, "%s requested blacklisted URLs %s times in %s, first \"%s\"",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
            format_duration(event_seconds(e), duration, sizeof(duration)), e->detail);
}

EVENT_DESCRIPTION(
    urlblacklistfilter, .plugins = "http", .blacklist = true,
    .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint16 SRC_PORT,time TIME_FIRST,"
             "time TIME_LAST,uint64 BYTES,uint32 PACKETS,uint8 PROTOCOL,"
             "string HTTP_REQUEST_HOST,string HTTP_REQUEST_REFERER,string HTTP_REQUEST_URL",
    .aggregator = "blacklist_aggregator", .kind = "blacklisted-url", .title = "request of a blacklisted URL",
    .unit = "requests", .attack = "T1071.001",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint8 PROTOCOL,uint64 BYTES,uint32 PACKETS,string "
              "HTTP_REQUEST_HOST,string HTTP_REQUEST_URL,time TIME_FIRST,time TIME_LAST",
    .key = EVENT_BY_SOURCE | EVENT_BY_TARGET, .gap = 3600, .read = read_alert,
    .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
