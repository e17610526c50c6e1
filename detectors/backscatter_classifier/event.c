/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of backscatter_classifier mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <netinet/in.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   e->target = alert_ip(a, "SRC_IP"); /* the victim is the source of the answers */
   e->port = (uint16_t) alert_number(a, "SRC_PORT_1");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->flows = e->amount = alert_number(a, "FLOW_COUNT");
   e->packets = alert_number(a, "PACKET_COUNT");
   e->bytes = alert_number(a, "BYTES");
}

static bool is_many(const struct event *e)
{
   return e->amount >= 300;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_many, "300 answers or more"},
    {EVENT_MEDIUM, NULL, "fewer than 300 answers"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char target[64], count[32], duration[32];
   snprintf(to, size,
            "%s sent %s answers in %s to addresses that had asked it nothing; a model of decision trees "
            "takes such answers, more likely "
            "than 99 of 100, for those of the victim of a flood with forged sources",
            event_target(e, target, sizeof(target)), format_count(e->amount, count, sizeof(count)),
            format_duration(event_seconds(e), duration, sizeof(duration)));
}

EVENT_DESCRIPTION(
    backscatter_classifier, .options = "--logfile /dev/null", .through = "backscatter",
    .needs =
        "ipaddr SRC_IP,uint8 PROTOCOL,uint32 POSIX_START,uint32 POSIX_END,uint64 FLOW_COUNT,uint64 "
        "PACKET_COUNT,float PPF_AVG,float PPF_STD,uint64 BYTES,float BYTES_AVG,float BYTES_STD,uint64 RST,"
        "uint64 ACKSYN,uint64 MAX_FPM,uint64 UNIQUE_DST_IPS,uint64 UNIQUE_DST_PORTS,uint64 "
        "UNIQUE_SRC_PORTS,uint64 UNIQUE_DST_24_SUBNETS,uint16 SRC_PORT_1,uint64 SRC_PORT_1_COUNT,uint64 "
        "SRC_PORT_2_COUNT,uint64 SRC_PORT_3_COUNT",
    .kind = "flood", .title = "flood with forged sources", .unit = "answers", .show_amount = true,
    .attack = "T1498",
    .fields =
        "ipaddr SRC_IP,time TIME_FIRST,time TIME_LAST,uint64 FLOW_COUNT,uint64 PACKET_COUNT,uint64 BYTES,"
        "uint16 SRC_PORT_1,uint8 PROTOCOL",
    .key = EVENT_BY_TARGET | EVENT_BY_PROTOCOL, .gap = 600, .read = read_alert,
    .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
