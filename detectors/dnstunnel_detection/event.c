/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of dnstunnel_detection mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

enum { REQUEST_OTHER = 2, RESPONSE_OTHER = 9 }; /* TUNNEL_TYPE */

static void read_alert(const struct alert *a, struct event *e)
{
   uint64_t type = alert_number(a, "TUNNEL_TYPE");
   e->source = alert_ip(a, "SRC_IP");
   e->port = 53;
   e->amount = alert_number(a, "TUNNEL_CNT_PACKET");
   if (type == REQUEST_OTHER || type == RESPONSE_OTHER) {
      e->kind = "dns-anomaly";
      e->title = "odd DNS traffic";
      e->attack = "T1498";
   }
}

static enum event_confidence confidence(const struct event *e)
{
   return e->alerts > 2 ? EVENT_HIGH : EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32];
   bool tunnel = e->kind == e->description->kind;
   snprintf(to, size, "%s: %s DNS names or answers in %s, %s", event_source(e, source, sizeof(source)),
            format_count(e->amount, count, sizeof(count)),
            format_duration(event_seconds(e), duration, sizeof(duration)),
            tunnel
                ? "long, of many characters, and more than 90 of 100 seen only once: data is carried in them"
                : "nearly all of them the same");
}

EVENT_DESCRIPTION(
    dnstunnel_detection, .options = "-E - -w 60 --no-event-id", .plugins = "dns", .kind = "dns-tunnel",
    .title = "DNS tunnel", .unit = "messages", .attack = "T1071.004",
    .fields = "ipaddr SRC_IP,uint8 TUNNEL_TYPE,uint32 TUNNEL_CNT_PACKET,time TIME_FIRST,time TIME_LAST",
    .key = EVENT_BY_SOURCE, .total = true, .gap = 900, .read = read_alert, .confidence = confidence,
    .reason = reason);
