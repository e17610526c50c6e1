/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of hoststatsnemea mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>
#include <string.h>

enum { SCAN = 2, DOS = 10, DNS = 15, BRUTE_FORCE = 30 }; /* EVENT_TYPE */

static void read_alert(const struct alert *a, struct event *e)
{
   static const ip_addr_t none = {.ui32 = {0, 0, 0, 0}};
   ip_addr_t zero = ip_from_int(0);
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->source = memcmp(&e->source, &zero, sizeof(zero)) != 0 ? e->source : none; /* 0.0.0.0: many */
   e->target = memcmp(&e->target, &zero, sizeof(zero)) != 0 ? e->target : none;
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->amount = e->flows = alert_number(a, "EVENT_SCALE");
   switch (alert_number(a, "EVENT_TYPE")) {
   case DOS:
      e->kind = "flood";
      e->title = "flood (DoS)";
      e->unit = "flows";
      e->attack = "T1498";
      break;
   case DNS:
      e->kind = "amplification";
      e->title = "amplification (DNS)";
      e->unit = "large responses";
      e->attack = "T1498.002";
      e->port = 53;
      break;
   case BRUTE_FORCE:
      e->kind = "password-guessing";
      e->title = "password guessing";
      e->unit = "connections";
      e->attack = "T1110";
      e->port = 22;
      break;
   default: break; /* SCAN */
   }
}

static bool is_large_or_flood(const struct event *e)
{
   return strcmp(e->kind, "flood") == 0 || e->amount >= 1000;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_large_or_flood,
     "a flood, whose threshold is 270 000 flows, or 1000 probes, connections or responses"},
    {EVENT_MEDIUM, NULL, "above the threshold, but fewer than 1000 probes, connections or responses"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char host[64], count[32], duration[32];
   bool is_source = event_ip_is_set(&e->source);
   is_source ? event_source(e, host, sizeof(host)) : event_target(e, host, sizeof(host));
   format_count(e->amount, count, sizeof(count));
   format_duration(event_seconds(e), duration, sizeof(duration));
   if (strcmp(e->kind, "flood") == 0) {
      snprintf(to, size, "%s %s %s flows of few small packets in %s, and less than 0.8 of them were answered",
               host, is_source ? "sent" : "got", count, duration);
   } else if (strcmp(e->kind, "amplification") == 0) {
      snprintf(to, size, "%s %s %s DNS responses with packets of 1000 bytes or more in %s", host,
               is_source ? "sent" : "got", count, duration);
   } else if (strcmp(e->kind, "password-guessing") == 0) {
      snprintf(to, size,
               "%s %s %s SSH connections in %s, each of as many packets as a failed log-in; more than 60 are "
               "guessing",
               host, is_source ? "made" : "got", count, duration);
   } else {
      snprintf(to, size, "%s sent %s SYNs without an answer in %s, to at least 200 hosts", host, count,
               duration);
   }
}

/* Alerts of a host come each time that the watch over it ends: every 300 s while it goes on, 30 s after the last flow. */
EVENT_DESCRIPTION(hoststatsnemea,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                           "uint32 PACKETS,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint8 TCP_FLAGS",
                  .kind = "horizontal-scan", .kinds = "flood amplification password-guessing",
                  .title = "horizontal scan", .unit = "probes", .attack = "T1046",
                  .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint8 EVENT_TYPE,uint8 PROTOCOL,uint32 EVENT_SCALE,"
                            "time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PROTOCOL, .gap = 600,
                  .read = read_alert, .confidence = event_confidence_by_rules, .rules = rules,
                  .reason = reason);
