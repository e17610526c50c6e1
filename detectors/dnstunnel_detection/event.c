/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of dnstunnel_detection mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

enum { REQUEST_OTHER = 2, RESPONSE_OTHER = 9 }; /* TUNNEL_TYPE */

static void read_alert(const struct alert *a, struct event *e)
{
   uint64_t type = alert_number(a, "TUNNEL_TYPE");
   double share = alert_real(a, "TUNNEL_PER_NEW_DOMAIN");
   share = share > 0 && share < 1 ? share : share >= 1; /* not a number: 0 */
   e->source = alert_ip(a, "SRC_IP");
   e->group = alert_number(a, "EVENT_ID");
   e->port = 53;
   e->packets = alert_number(a, "TUNNEL_CNT_PACKET");
   e->evidence = (uint64_t) (share * 100 + 0.5); /* in 100 */
   e->amount = alert_number(a, "TUNNEL_CNT_PACKET");
   if (type == REQUEST_OTHER || type == RESPONSE_OTHER) {
      e->kind = "dns-anomaly";
      e->title = "odd DNS traffic";
      e->attack = "T1498";
   }
}

static bool goes_on(const struct event *e)
{
   return e->alerts > 2;
}

static bool is_anomaly(const struct event *e)
{
   return e->kind != e->description->kind;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, goes_on, "three alerts or more: it goes on for minutes"},
    {EVENT_LOW, is_anomaly, "odd traffic of a short time, in which no data was found"},
    {EVENT_MEDIUM, NULL, "one or two alerts of names or answers that carry data"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32];
   event_source(e, source, sizeof(source));
   format_count(e->amount, count, sizeof(count));
   format_duration(event_seconds(e), duration, sizeof(duration));
   if (e->kind == e->description->kind) {
      snprintf(
          to, size,
          "%s: %s DNS names or answers in %s, long, of many characters, and %u of 100 hardly seen before: "
          "data is carried in them (150 requests or 50 responses, more than 90 of 100 new, are enough)",
          source, count, duration, (unsigned) e->evidence);
   } else {
      snprintf(
          to, size,
          "%s: %s DNS names or answers in %s, nearly all of them the same (10 000 are enough, of which less "
          "than one in 200 differs)",
          source, count, duration);
   }
}

EVENT_DESCRIPTION(dnstunnel_detection, .options = "-E - -w 60", .plugins = "dns",
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,uint16 DST_PORT,string DNS_NAME,"
                           "uint16 DNS_QTYPE,bytes DNS_RDATA",
                  .kind = "dns-tunnel", .kinds = "dns-anomaly", .title = "DNS tunnel", .unit = "messages",
                  .attack = "T1071.004 T1572",
                  .fields = "ipaddr SRC_IP,uint32 EVENT_ID,uint8 TUNNEL_TYPE,uint32 TUNNEL_CNT_PACKET,float "
                            "TUNNEL_PER_NEW_DOMAIN,time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_SOURCE, .total = true, .gap = 900, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
