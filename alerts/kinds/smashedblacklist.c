/* SPDX-License-Identifier: BSD-3-Clause */
/** What aggregated alerts of a list of mining pools mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   ip_addr_t miners[EVENT_SAMPLES];
   uint64_t ports[EVENT_PORTS], all;
   unsigned n = alert_ips(a, "targets", miners, EVENT_SAMPLES, &e->sources);
   for (unsigned i = 0; i < n; i++) {
      event_add_source(e, &miners[i]);
   }
   if (e->sources == 1 && n == 1) {
      e->source = miners[0];
   }
   e->target = alert_ip(a, "source"); /* the pool, which is listed */
   n = alert_numbers(a, "source_ports", ports, EVENT_PORTS, &all);
   for (unsigned i = 0; i < n; i++) {
      event_add_port(e, ports[i]);
   }
   e->port = all == 1 ? e->ports[0] : 0;
   e->protocol = (uint8_t) alert_number(a, "protocol");
   e->amount = e->sources;
   e->flows = alert_number(a, "src_sent_flows") + alert_number(a, "tgt_sent_flows");
   e->packets = alert_number(a, "src_sent_packets") + alert_number(a, "tgt_sent_packets");
   e->bytes = alert_number(a, "src_sent_bytes") + alert_number(a, "tgt_sent_bytes");
}

static enum event_confidence confidence(const struct event *e)
{
   (void) e;
   return EVENT_MEDIUM;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[256], duration[32];
   snprintf(to, size, "%s talked to %s in %s, which is on a list of mining pools",
            event_source(e, source, sizeof(source)), event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)));
}

EVENT_DESCRIPTION(smashedblacklist, .json = "aggregated_blacklist", .kind = "mining",
                  .title = "contact with a mining pool", .unit = "hosts", .show_amount = true,
                  .attack = "T1496", .first = "ts_first", .last = "ts_last", .key = EVENT_BY_TARGET,
                  .gap = 3600, .read = read_alert, .confidence = confidence, .reason = reason);
