/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of miner_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

enum { LIST = 1, CHECK = 2, CONTENT = 3, SCORE = 4 }; /* MINER_EVIDENCE, the strongest first */

/* Both numbers in one: the strongest evidence is the largest. */
#define EVIDENCE(kind, score) ((uint64_t) (SCORE + 1 - (kind)) << 8 | (score))

static void read_alert(const struct alert *a, struct event *e)
{
   uint64_t kind = alert_number(a, "MINER_EVIDENCE"), score = alert_number(a, "MINER_SCORE");
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = IPPROTO_TCP;
   e->amount = e->packets = alert_number(a, "EVENT_SCALE");
   e->bytes = alert_number(a, "BYTES");
   e->flows = alert_number(a, "FLOW_COUNT");
   kind = kind < LIST || kind > SCORE ? SCORE : kind; /* without --details it is not known */
   e->evidence = EVIDENCE(kind, score < 13 ? score : 13);
}

static bool is_evident(const struct event *e)
{
   return e->evidence >= EVIDENCE(CONTENT, 0);
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_evident,
     "the server is on the list or answered as a pool, or both ends speak the protocol of pools"},
    {EVENT_LOW, NULL, "only the statistics of the traffic fit"},
};

static const char *why(const struct event *e)
{
   if (e->evidence >= EVIDENCE(LIST, 0)) {
      return "the server is on the list of mining pools";
   }
   if (e->evidence >= EVIDENCE(CHECK, 0)) {
      return "the server, when it was asked, answered as a mining pool";
   }
   return e->evidence >= EVIDENCE(CONTENT, 0) ? "both speak the protocol of mining pools"
                                              : "its traffic fits the statistics of mining";
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], packets[32], flows[32], duration[32];
   snprintf(to, size, "%s sent %s packet%s in %s flow%s to port %u of %s in %s: %s (%u of 13 points)",
            event_source(e, source, sizeof(source)), format_count(e->packets, packets, sizeof(packets)),
            e->packets == 1 ? "" : "s", format_count(e->flows, flows, sizeof(flows)),
            e->flows == 1 ? "" : "s", e->port, event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)), why(e),
            (unsigned) (e->evidence & 0xff));
}

EVENT_DESCRIPTION(
    miner_detector,
    .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
             "uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS",
    .kind = "mining", .title = "cryptocurrency mining", .unit = "packets", .attack = "T1496",
    .options = "--details --no-check", .plugins = "idpcontent", .plugins_optional = true,
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint32 EVENT_SCALE,uint64 BYTES,"
              "uint32 FLOW_COUNT,uint8 MINER_SCORE,uint8 MINER_EVIDENCE,time TIME_FIRST,time TIME_LAST",
    .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PORT, .gap = 4 * 3600, .total = true,
    .read = read_alert, .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
