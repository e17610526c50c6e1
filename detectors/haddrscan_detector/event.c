/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of haddrscan_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   static const char *const samples[] = {"DST_IP0", "DST_IP1", "DST_IP2", "DST_IP3"};
   e->source = alert_ip(a, "SRC_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->amount = e->targets = e->flows = alert_number(a, "ADDR_CNT"); /* a probe of a host is a flow */
   e->evidence = alert_number(a, "ADDR_THRSD");
   for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
      ip_addr_t ip = alert_ip(a, samples[i]);
      event_add_target(e, &ip);
   }
}

static enum event_confidence confidence(const struct event *e)
{
   return e->amount >= 100 ? EVENT_HIGH : EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], count[32], duration[32], threshold[32];
   const char *protocol = event_protocol(e);
   snprintf(to, size,
            "%s probed %s port %u of %s hosts in %s; %s hosts without an ordinary answer are a scan",
            event_source(e, source, sizeof(source)), protocol != NULL ? protocol : "", e->port,
            format_count(e->amount, count, sizeof(count)),
            format_duration(event_seconds(e), duration, sizeof(duration)),
            e->evidence > 0 ? format_count(e->evidence, threshold, sizeof(threshold)) : "many");
}

EVENT_DESCRIPTION(haddrscan_detector,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
                           "uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS",
                  .aggregator = "haddrscan_aggregator", .kind = "horizontal-scan", .title = "horizontal scan",
                  .unit = "hosts", .attack = "T1046",
                  .fields = "ipaddr SRC_IP,uint16 DST_PORT,uint8 PROTOCOL,uint32 ADDR_CNT,uint32 "
                            "ADDR_THRSD,ipaddr DST_IP0,ipaddr DST_IP1,"
                            "ipaddr DST_IP2,ipaddr DST_IP3,time TIME_FIRST,time TIME_LAST",
                  .key = EVENT_BY_SOURCE | EVENT_BY_PORT | EVENT_BY_PROTOCOL, .gap = 4 * 3600,
                  .read = read_alert, .confidence = confidence, .reason = reason);
