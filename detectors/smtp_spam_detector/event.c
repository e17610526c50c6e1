/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of smtp_spam_detector mean: records of its option --unirec, or IDEA messages. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <netinet/in.h>
#include <stdio.h>

#define PORT 25
#define MANY 100 /* connections */

static void read_idea(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, alert_has(a, "Source.IP4") ? "Source.IP4" : "Source.IP6");
   e->first = alert_time(a, "EventTime");
   e->last = alert_time(a, "CeaseTime");
   e->flows = alert_number(a, "FlowCount");
   e->packets = alert_number(a, "PacketCount");
   e->bytes = alert_number(a, "ByteCount");
   e->targets = alert_number(a, "ConnCount");
}

static void read_record(const struct alert *a, struct event *e)
{
   uint64_t sessions = alert_number(a, "SPAM_SESSIONS");
   e->source = alert_ip(a, "SRC_IP");
   e->flows = alert_number(a, "FLOW_COUNT");
   e->packets = alert_number(a, "PACKETS");
   e->bytes = alert_number(a, "BYTES");
   e->targets = alert_number(a, "SPAM_DESTINATIONS");
   e->evidence = sessions > 0 ? alert_number(a, "SPAM_REFUSED") * 100 / sessions : 0; /* in 100 */
}

static void read_alert(const struct alert *a, struct event *e)
{
   if (alert_has(a, "Source")) {
      read_idea(a, e);
   } else {
      read_record(a, e);
   }
   e->port = PORT;
   e->protocol = IPPROTO_TCP;
   e->amount = e->flows;
}

static bool is_many(const struct event *e)
{
   return e->amount >= MANY || e->alerts > 1;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_many, "100 connections or more, or several alerts"},
    {EVENT_MEDIUM, NULL, "one alert of fewer than 100 connections"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], servers[32], duration[32], refused[64] = "many of which were refused";
   if (e->evidence > 0) {
      snprintf(refused, sizeof(refused), "%u of 100 refused", (unsigned) e->evidence);
   }
   snprintf(to, size,
            "%s opened %s connections to %s mail servers in %s, %s; a sender of which 20 of 100 or more are "
            "refused, the more so to more than 10 servers and without mail in return, sends spam",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
            format_count(e->targets, servers, sizeof(servers)),
            format_duration(event_seconds(e), duration, sizeof(duration)), refused);
}

EVENT_DESCRIPTION(smtp_spam_detector, .options = "--unirec --log /dev/null", .plugins = "smtp",
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,"
                           "uint32 PACKETS,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL",
                  .kind = "spam", .title = "sending of spam", .unit = "connections", .show_amount = true,
                  .attack = "T1566",
                  .fields = "ipaddr SRC_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
                            "uint32 FLOW_COUNT,uint32 SPAM_DESTINATIONS,uint32 SPAM_REFUSED,uint32 "
                            "SPAM_SESSIONS",
                  .key = EVENT_BY_SOURCE, .gap = 3600, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
