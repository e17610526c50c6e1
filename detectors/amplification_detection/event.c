/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of amplification_detection mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

#define MANY_SERVERS 100
#define MUCH_LARGER  30 /* times the bytes of the queries */
#define FEW_BYTES    1000000

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
   e->peak_bytes = alert_number(a, "PEAK_BYTES");
   e->peak_packets = alert_number(a, "PEAK_PACKETS");
   e->type = "amplification";
   e->evidence = asked > 0 ? e->bytes / asked : 0; /* amplification; 0: the victim did not ask */
}

static bool is_unasked_by_many(const struct event *e)
{
   return e->evidence == 0 && e->sources >= MANY_SERVERS;
}

static bool is_much_larger(const struct event *e)
{
   return e->evidence >= MUCH_LARGER;
}

static bool is_small(const struct event *e)
{
   return e->bytes < FEW_BYTES && e->sources < MANY_SERVERS;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_unasked_by_many, "answers of 100 servers or more that the victim did not ask"},
    {EVENT_HIGH, is_much_larger, "answers of 30 times the bytes of the queries, or more"},
    {EVENT_LOW, is_small, "fewer than 100 servers and less than a megabyte in all"},
    {EVENT_MEDIUM, NULL, "large answers, but of fewer servers or to larger queries"},
};

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
               " that nobody had asked for; 100 servers in a minute, or fewer that send a megabyte or answer "
               "again "
               "and again, are enough");
   }
}

EVENT_DESCRIPTION(amplification_detection, .options = "--details", .live = "--early",
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                           "uint32 PACKETS,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
                  .kind = "amplification", .title = "amplification (DoS)", .unit = "servers",
                  .attack = "T1498.002",
                  .fields = "ipaddr DST_IP,ipaddr SRC_IP,uint16 SRC_PORT,uint64 REQ_BYTES,uint32 "
                            "RSP_FLOWS,uint32 RSP_PACKETS,uint64 "
                            "RSP_BYTES,uint32 ADDR_CNT,time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_TARGET, .gap = 1800, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
