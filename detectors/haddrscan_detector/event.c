/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of haddrscan_detector mean. */
#include <nemea/text.h>
#include <stdio.h>

#include "../common/scan_event.h"

/* What confidence() and reason() have to know, in event.evidence. Of several alerts the largest counts: the first one, which names the
 * rule, or else the one with the highest share of refused hosts. */
#define RULE(e)      ((unsigned) ((e)->evidence >> 56))        /* SCAN_RULE; 0: alerts without details */
#define REFUSED(e)   ((unsigned) ((e)->evidence >> 48 & 0xff)) /* % of the hosts */
#define OPEN(e)      ((unsigned) ((e)->evidence >> 40 & 0xff)) /* % of the hosts */
#define USES(e)      (((e)->evidence >> 32 & 1) != 0)          /* at least a quarter as many hosts answer */
#define THRESHOLD(e) ((uint32_t) ((e)->evidence & 0xffffffff)) /* ADDR_THRSD */

enum { RULE_HOSTS = 1, RULE_PORTS, RULE_SLOW };

static bool is_icmp(const struct event *e)
{
   return e->protocol == 1 || e->protocol == 58;
}

static void read_alert(const struct alert *a, struct event *e)
{
   static const char *const samples[] = {"DST_IP0", "DST_IP1", "DST_IP2", "DST_IP3"};
   uint64_t hosts = alert_number(a, "ADDR_CNT"), rule = alert_number(a, "SCAN_RULE");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   read_scan(a, e);
   /* A host of a sweep over several ports counts once. */
   e->amount = e->targets = alert_has(a, "HOSTS_NEW") ? alert_number(a, "HOSTS_NEW") : hosts;
   e->flows = hosts; /* a probe of a host is a flow */
   e->evidence = (rule & 0xff) << 56 | percent(alert_number(a, "HOSTS_REFUSED"), hosts) << 48 |
                 percent(alert_number(a, "HOSTS_OPEN"), hosts) << 40 |
                 (uint64_t) (4 * alert_number(a, "HOSTS_USED") > hosts) << 32 |
                 (alert_number(a, "ADDR_THRSD") & 0xffffffff);
   for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
      ip_addr_t ip = alert_ip(a, samples[i]);
      event_add_target(e, &ip);
   }
}

static int points(const struct event *e)
{
   int n = (e->amount >= 50) + (e->amount >= 100);
   n += REFUSED(e) + OPEN(e) >= 50;
   n -= USES(e) + is_icmp(e);
   return n;
}

/* README.md has what points are given for as a table. */
static const struct event_rule rules[] = {
    {EVENT_HIGH, is_sure,
     "100 hosts or more, or 50 of which half refused the probes or were open, and few ordinary connections"},
    {EVENT_MEDIUM, is_likely,
     "50 hosts or more that did not answer; pings and sources with ordinary connections need more"},
    {EVENT_LOW, NULL, "few hosts, or pings, or a source that has ordinary connections with others, too"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32], threshold[32], what[48], answers[96] = "";
   const char *protocol = event_protocol(e);
   if (is_icmp(e)) {
      snprintf(what, sizeof(what), "pinged");
   } else if (e->port != 0) {
      snprintf(what, sizeof(what), "probed %s port %u of", protocol != NULL ? protocol : "", e->port);
   } else {
      snprintf(what, sizeof(what), "probed several %s ports of", protocol != NULL ? protocol : "");
   }
   if (RULE(e) != 0 && !is_icmp(e)) {
      snprintf(answers, sizeof(answers), " (%u %% refused, %u %% open)", REFUSED(e), OPEN(e));
   }
   if (RULE(e) == RULE_SLOW) {
      snprintf(threshold, sizeof(threshold), "%u", (THRESHOLD(e) + 4) / 5);
   } else {
      format_count(THRESHOLD(e), threshold, sizeof(threshold));
   }
   snprintf(to, size, "%s %s %s hosts in %s%s; %s hosts without an ordinary answer%s are a scan",
            event_source(e, source, sizeof(source)), what, format_count(e->amount, count, sizeof(count)),
            format_duration(event_seconds(e), duration, sizeof(duration)), answers,
            THRESHOLD(e) > 0 ? threshold : "many",
            RULE(e) == RULE_SLOW ? ", in ten minutes or more and from one source port," : "");
}

EVENT_DESCRIPTION(haddrscan_detector,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
                           "uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS",
                  .options = "--details", .aggregator = "haddrscan_aggregator", .kind = "horizontal-scan",
                  .title = "horizontal scan", .unit = "hosts", .show_amount = true, .attack = "T1046",
                  .fields = "ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,uint32 ADDR_CNT,uint32 "
                            "ADDR_THRSD,ipaddr DST_IP0,ipaddr DST_IP1,"
                            "ipaddr DST_IP2,ipaddr DST_IP3,time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_SOURCE | EVENT_BY_PROTOCOL, .gap = 4 * 3600, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
