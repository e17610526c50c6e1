/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of a detector of generated names (DGA) mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

#define DNS_PORT 53

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = DNS_PORT;
   e->amount = 1;
   alert_text(a, "DNS_Q_NAME", e->detail, sizeof(e->detail));
}

static enum event_confidence confidence(const struct event *e)
{
   return e->amount >= 3 ? EVENT_MEDIUM : EVENT_LOW;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32];
   snprintf(to, size, "%s looked up %s generated name%s in %s, first \"%s\": malware finds its servers so",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
            e->amount == 1 ? "" : "s", format_duration(event_seconds(e), duration, sizeof(duration)),
            e->detail);
}

EVENT_DESCRIPTION(dga, .kind = "botnet", .title = "look-ups of generated names (DGA)", .unit = "names",
                  .attack = "T1568.002",
                  .fields = "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,string DNS_Q_NAME",
                  .key = EVENT_BY_SOURCE, .gap = 3600, .read = read_alert, .confidence = confidence,
                  .reason = reason);
