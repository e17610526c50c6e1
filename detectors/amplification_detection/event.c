/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of amplification_detection mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

/* Servers are many, and in alerts of one server there are others of the same attack in alerts of their own: the event is the victim's. */
static void read_alert(const struct alert *a, struct event *e)
{
   ip_addr_t server = alert_ip(a, "SRC_IP"); /* one of them */
   uint64_t asked = alert_number(a, "REQ_BYTES");
   e->target = alert_ip(a, "DST_IP");
   event_add_source(e, &server);
   e->protocol = IPPROTO_UDP;
   e->bytes = alert_number(a, "RSP_BYTES");
   e->flows = alert_number(a, "RSP_FLOWS");
   e->packets = alert_number(a, "RSP_PACKETS");
   event_add_port(e, alert_number(a, "SRC_PORT")); /* of the servers */
   e->sources = alert_number(a, "ADDR_CNT");
   e->amount = e->sources;
   e->evidence = asked > 0 ? e->bytes / asked : 0; /* amplification; 0: the victim did not ask */
}

static enum event_confidence confidence(const struct event *e)
{
   return e->sources >= 1000 || e->bytes >= 10000000 ? EVENT_HIGH : EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char count[32], target[64], amount[64], duration[32], factor[32];
   int n = snprintf(to, size, "%s server%s sent %s of answers to %s in %s",
                    format_count(e->sources, count, sizeof(count)), e->sources == 1 ? "" : "s",
                    event_amount(e, amount, sizeof(amount)), event_target(e, target, sizeof(target)),
                    format_duration(event_seconds(e), duration, sizeof(duration)));
   if (n < 0 || (size_t) n >= size) {
      return;
   }
   if (e->evidence > 0) {
      snprintf(to + n, size - (size_t) n,
               ", up to %s times as much as the queries in its name; 300 large answers of ten times their "
               "queries are "
               "enough",
               format_count(e->evidence, factor, sizeof(factor)));
   } else {
      snprintf(to + n, size - (size_t) n,
               " that nobody had asked for; 100 servers in a minute, or fewer that answer again and again, "
               "are enough");
   }
}

EVENT_DESCRIPTION(amplification_detection, .options = "--details",
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                           "uint32 PACKETS,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
                  .kind = "amplification", .title = "amplification (DoS)", .unit = "servers",
                  .attack = "T1498.002",
                  .fields = "ipaddr DST_IP,ipaddr SRC_IP,uint16 SRC_PORT,uint64 REQ_BYTES,uint32 "
                            "RSP_FLOWS,uint32 RSP_PACKETS,uint64 "
                            "RSP_BYTES,uint32 ADDR_CNT,time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_TARGET, .gap = 1800, .read = read_alert, .confidence = confidence,
                  .reason = reason);
