/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of vportscan_detector mean. */
#include <nemea/text.h>
#include <stdio.h>

#include "../common/scan_event.h"

/* What confidence() and reason() have to know, in event.evidence. Of several alerts the largest counts: the first one, which names the
 * rule, or else the one with the highest share of refused ports. */
#define RULE(e)    ((unsigned) ((e)->evidence >> 24 & 0xff)) /* SCAN_RULE; 0: alerts without details */
#define REFUSED(e) ((unsigned) ((e)->evidence >> 16 & 0xff)) /* % of the ports */
#define OPEN(e)    ((unsigned) ((e)->evidence >> 8 & 0xff))  /* % of the ports */
#define USES(e)    (((e)->evidence & 1) != 0)                /* connections with data, too */

enum { RULE_PORTS = 1, RULE_CERTAIN, RULE_SLOW, RULE_MIXED };

static void read_alert(const struct alert *a, struct event *e)
{
   e->target = alert_ip(a, "DST_IP");
   read_scan(a, e);
   e->amount = e->flows = alert_number(a, "PORT_CNT"); /* a probe of a port is a flow */
   e->targets = 1;
   e->evidence = (alert_number(a, "SCAN_RULE") & 0xff) << 24 |
                 percent(alert_number(a, "PORTS_REFUSED"), e->amount) << 16 |
                 percent(alert_number(a, "PORTS_OPEN"), e->amount) << 8 | (alert_number(a, "PORTS_USED") > 0);
}

static int points(const struct event *e)
{
   int n = (e->amount >= 50) + (e->amount >= 100);
   n += RULE(e) == RULE_CERTAIN || RULE(e) == RULE_MIXED || REFUSED(e) >= 50;
   n -= USES(e);
   return n;
}

/* README.md has what points are given for as a table. */
static const struct event_rule rules[] = {
    {EVENT_HIGH, is_sure,
     "100 ports or more, or 50 of which half were refused, or probed as no ordinary program does"},
    {EVENT_MEDIUM, is_likely,
     "50 ports or more without an answer, or 25 that were refused or probed as no ordinary program does"},
    {EVENT_LOW, NULL, "few ports, or a source that uses other ports of the host, too"},
};

static const char *rule_text(unsigned rule)
{
   switch (rule) {
   case RULE_PORTS: return "50 ports of one host without a connection are a scan";
   case RULE_CERTAIN:
      return "25 ports of one host that are refused, or that no connection begins with, are a scan";
   case RULE_SLOW: return "10 ports of one host in ten minutes or more, all from one source port, are a scan";
   case RULE_MIXED: return "25 ports of one host, TCP and UDP from one source port, are a scan";
   default: return "50 ports of one host without a connection, or 25 that it refused, are a scan";
   }
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], count[32], duration[32], answers[96] = "";
   const char *protocol = event_protocol(e);
   if (RULE(e) != 0) {
      snprintf(answers, sizeof(answers), " (%u %% refused, %u %% open%s)", REFUSED(e), OPEN(e),
               USES(e) ? ", others in ordinary use" : "");
   }
   snprintf(to, size, "%s probed %s %s ports of %s in %s%s; %s", event_source(e, source, sizeof(source)),
            format_count(e->amount, count, sizeof(count)), protocol != NULL ? protocol : "",
            event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)), answers, rule_text(RULE(e)));
}

EVENT_DESCRIPTION(
    vportscan_detector,
    .needs = "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
             "uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint16 SRC_PORT",
    .options = "--details", .aggregator = "vportscan_aggregator", .kind = "vertical-scan",
    .title = "vertical port scan", .unit = "ports", .show_amount = true, .attack = "T1046",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint8 PROTOCOL,uint32 PORT_CNT,time TIME_FIRST,time TIME_LAST",
    .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PROTOCOL, .gap = 4 * 3600, .read = read_alert,
    .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
