/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of dnsblacklistfilter mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

#define DNS_PORT 53

/* The host that asks is the source, also of the record of an answer. */
static void read_alert(const struct alert *a, struct event *e)
{
   bool answer = alert_number(a, "SRC_PORT") == DNS_PORT && alert_number(a, "DST_PORT") != DNS_PORT;
   e->source = alert_ip(a, answer ? "DST_IP" : "SRC_IP");
   e->target = alert_ip(a, answer ? "SRC_IP" : "DST_IP");
   e->port = DNS_PORT;
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->amount = e->flows = 1;
   e->packets = alert_number(a, "PACKETS");
   e->bytes = alert_number(a, "BYTES");
   alert_text(a, "DNS_NAME", e->detail, sizeof(e->detail));
}

static bool is_repeated(const struct event *e)
{
   return e->amount >= 3;
}

static const struct event_rule rules[] = {
    {EVENT_MEDIUM, is_repeated, "three look-ups or more"},
    {EVENT_LOW, NULL, "one or two look-ups, as a page or a mail that was opened causes"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32];
   snprintf(to, size, "%s looked up blacklisted names %s times in %s, first \"%s\"",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
            format_duration(event_seconds(e), duration, sizeof(duration)), e->detail);
}

EVENT_DESCRIPTION(dnsblacklistfilter, .plugins = "dns", .blacklist = true,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,"
                           "uint32 PACKETS,uint8 PROTOCOL,uint16 DST_PORT,uint16 SRC_PORT,uint16 DNS_ID,"
                           "uint16 DNS_ANSWERS,string DNS_NAME,uint16 DNS_QTYPE,uint16 DNS_RLENGTH,"
                           "uint8 DNS_RCODE,bytes DNS_RDATA,uint8 DNS_DO,uint16 DNS_CLASS,uint16 DNS_PSIZE,"
                           "uint32 DNS_RR_TTL",
                  .aggregator = "blacklist_aggregator", .kind = "blacklisted-name",
                  .title = "look-up of a blacklisted name", .unit = "look-ups", .show_amount = true,
                  .attack = "T1071.004",
                  .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 "
                            "PROTOCOL,uint32 PACKETS,uint64 BYTES,"
                            "string DNS_NAME,time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_SOURCE, .gap = 3600, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
