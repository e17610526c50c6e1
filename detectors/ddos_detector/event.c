/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of ddos_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MANY_TIMES  1000 /* per cent of the threshold */
#define THREE_TIMES 300
#define TWICE       200

/* FLOOD_TYPE of alerts with --details, and what people call it. */
static const struct {
   const char *type, *title;
   bool connectionless; /* packets that belong to no connection */
} types[] = {
    {"syn", "SYN flood", true},
    {"syn-ack-reflection", "SYN+ACK reflection", true},
    {"ack", "ACK flood", true},
    {"rst", "RST flood", true},
    {"tcp", "TCP flood", false},
    {"udp", "UDP flood", false},
    {"icmp", "ICMP flood", false},
    {"fragments", "flood of fragments", false},
    {"amplification", "amplification (DoS)", true},
    {"other", "flood (DoS)", false},
    {"mixed", "mixed flood (DoS)", false},
};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static void read_alert(const struct alert *a, struct event *e)
{
   char type[32];
   alert_text(a, "FLOOD_TYPE", type, sizeof(type));
   e->target = alert_ip(a, "DST_IP");
   e->bytes = alert_number(a, "BYTES");
   e->sources = e->amount = alert_number(a, "AVG_IP_CNT_CURRENT");
   e->evidence = alert_number(a, "AVG_IP_CNT_ORIGINAL");
   e->group = alert_number(a, "EVENT_ID");
   for (unsigned i = 0; i < TYPES; i++) {
      if (strcmp(types[i].type, type) == 0) {
         e->type = types[i].type;
         e->title = types[i].title;
      }
   }
   e->margin = alert_number(a, "FLOOD_MARGIN");
   if (alert_number(a, "SRC_CNT") == 0) {
      return; /* no details */
   }
   bool reflected = e->type != NULL &&
                    (strcmp(e->type, "amplification") == 0 || strcmp(e->type, "syn-ack-reflection") == 0);
   e->sources = e->amount = alert_number(a, "SRC_CNT");
   e->sources_error = alert_number(a, "SRC_CNT_ERROR");
   e->networks = alert_number(a, "SRC_NET_CNT");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->port = (uint16_t) alert_number(a, reflected ? "SRC_PORT" : "DST_PORT");
   e->flows = alert_number(a, "FLOW_COUNT");
   e->packets = alert_number(a, "FLOOD_PACKETS");
   e->peak_bytes = alert_number(a, "PEAK_BYTES");
   e->peak_packets = alert_number(a, "PEAK_PACKETS");
}

static bool is_connectionless(const struct event *e)
{
   bool found = false;
   for (unsigned i = 0; i < TYPES; i++) {
      found = found || (e->type == types[i].type && types[i].connectionless);
   }
   return found;
}

static bool is_ten_times(const struct event *e)
{
   return e->margin >= MANY_TIMES;
}

static bool is_many_stray(const struct event *e)
{
   return is_connectionless(e) && e->margin >= THREE_TIMES;
}

static bool is_close(const struct event *e)
{
   return e->margin > 0 && e->margin < TWICE && !is_connectionless(e);
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_ten_times, "ten times the threshold, or more"},
    {EVENT_HIGH, is_many_stray, "packets that belong to no connection, three times the threshold or more"},
    {EVENT_LOW, is_close, "less than twice the threshold, of packets that ordinary users may send, too"},
    {EVENT_MEDIUM, NULL, "above the threshold, but less than ten times"},
};

static void put_port(const struct event *e, char *to, size_t size)
{
   bool reflected = e->type != NULL &&
                    (strcmp(e->type, "amplification") == 0 || strcmp(e->type, "syn-ack-reflection") == 0);
   *to = 0;
   if (e->port != 0) {
      snprintf(to, size, reflected ? "from port %u to " : "to port %u of ", e->port);
   } else {
      snprintf(to, size, "to ");
   }
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[96], before[32], target[64], amount[64], duration[32], port[32], peak[64], packets[32];
   if (e->networks == 0) {
      snprintf(to, size,
               "%s networks a minute, after %s before, sent %s to %s in %s; four times the usual networks "
               "and bytes, or 1000 packets a minute that belong to no connection, are a flood",
               format_count(e->sources, source, sizeof(source)),
               format_count(e->evidence, before, sizeof(before)), event_amount(e, amount, sizeof(amount)),
               event_target(e, target, sizeof(target)),
               format_duration(event_seconds(e), duration, sizeof(duration)));
      return;
   }
   put_port(e, port, sizeof(port));
   snprintf(to, size,
            "%s sent %s (%s) %s%s in %s, at most %s; before, %s a minute sent there; %u.%u times what is "
            "enough for a flood",
            event_source(e, source, sizeof(source)),
            format_counted(e->packets, "packet", packets, sizeof(packets)),
            event_amount(e, amount, sizeof(amount)), port, event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)), event_peak(e, peak, sizeof(peak)),
            format_counted(e->evidence, "network", before, sizeof(before)), (unsigned) (e->margin / 100),
            (unsigned) (e->margin / 10 % 10));
}

/* The gap is short: both methods of the detector may report the same flood, with different ids. */
EVENT_DESCRIPTION(ddos_detector, .options = "--details", .live = "--early",
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 BYTES,time TIME_FIRST,time TIME_LAST",
                  .kind = "flood", .title = "flood (DoS)", .unit = "sources", .attack = "T1498",
                  .fields = "ipaddr DST_IP,uint64 BYTES,uint64 EVENT_ID,uint32 AVG_IP_CNT_CURRENT,uint32 "
                            "AVG_IP_CNT_ORIGINAL,time TIME_FIRST,"
                            "time TIME_LAST",
                  .key = EVENT_BY_TARGET, .gap = 300, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
