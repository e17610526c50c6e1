/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of brute_force_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->amount = e->flows = alert_number(a, "EVENT_SCALE"); /* a log-in is a connection */
   e->packets = alert_number(a, "PACKETS");
   e->bytes = alert_number(a, "BYTES");
   e->targets = alert_number(a, "ADDR_CNT");
   if (e->first == 0) { /* without --details */
      e->first = e->last = alert_time(a, "DETECTION_TIME");
   }
}

static bool is_many(const struct event *e)
{
   return e->amount >= 30;
}

static bool is_delayed(const struct event *e)
{
   return e->amount >= 10;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_many, "30 log-ins of the size of a refused one, or more"},
    {EVENT_MEDIUM, is_delayed, "10 to 29 such log-ins, which the server delayed"},
    {EVENT_LOW, NULL, "fewer than 10 such log-ins"},
};

static const char *service(uint16_t port)
{
   switch (port) {
   case 21: return "FTP ";
   case 22: return "SSH ";
   case 23: return "Telnet ";
   case 3389: return "RDP ";
   default: return "";
   }
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[256], count[32], duration[32];
   snprintf(to, size,
            "%s tried %s %slog-ins at port %u of %s in %s, each of the size of a refused one; 30 such, or 10 "
            "that the server "
            "delayed within five minutes, are guessing",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
            service(e->port), e->port, event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)));
}

EVENT_DESCRIPTION(
    brute_force_detector,
    .needs = "ipaddr SRC_IP,ipaddr DST_IP,time TIME_FIRST,time TIME_LAST,uint32 PACKETS,"
             "uint16 DST_PORT,uint8 PROTOCOL,uint8 TCP_FLAGS,uint64 BYTES,uint16 SRC_PORT",
    .kind = "password-guessing", .title = "password guessing", .unit = "log-ins", .show_amount = true,
    .attack = "T1110",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,time DETECTION_TIME,time TIME_FIRST,time TIME_LAST,"
              "uint64 BYTES,uint32 EVENT_SCALE,uint32 PACKETS,uint32 ADDR_CNT,uint16 DST_PORT,uint8 PROTOCOL",
    .options = "-S -R -T -F --details", .plugins = "idpcontent", .plugins_optional = true,
    .key = EVENT_BY_SOURCE | EVENT_BY_PORT, .gap = 4 * 3600, .read = read_alert,
    .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
