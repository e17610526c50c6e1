/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of sip_bf_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

enum { DISTRIBUTED = 1, SCAN = 2 };

static void read_alert(const struct alert *a, struct event *e)
{
   uint64_t type = alert_number(a, "SBFD_EVENT_TYPE");
   e->target = alert_ip(a, "SBFD_TARGET");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = (uint8_t) alert_number(a, "SBFD_PROTOCOL");
   e->amount = alert_number(a, "SBFD_ATTEMPTS");
   if (type != DISTRIBUTED) {
      e->source = alert_ip(a, "SBFD_SOURCE");
   }
   if (type == SCAN) {
      e->kind = "user-scan";
      e->title = "scan of SIP users";
      e->attack = "T1087";
   }
}

static bool is_many(const struct event *e)
{
   return e->amount >= 100;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_many, "100 refused registrations or more"},
    {EVENT_MEDIUM, NULL, "above the threshold, but fewer than 100 refused registrations"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], count[32], duration[32];
   bool many = !event_ip_is_set(&e->source);
   snprintf(to, size,
            "%s sent %s registrations%s to %s in %s; 50 that were refused for one user, 5 clients of one "
            "user or 25 users of one client are "
            "an attack",
            many ? "several clients" : event_source(e, source, sizeof(source)),
            format_count(e->amount, count, sizeof(count)), many ? " of one user" : "",
            event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)));
}

EVENT_DESCRIPTION(sip_bf_detector, .plugins = "sip",
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,"
                           "uint64 LINK_BIT_FIELD,uint8 PROTOCOL,time TIME_FIRST,uint16 SIP_MSG_TYPE,"
                           "uint16 SIP_STATUS_CODE,string SIP_CSEQ,string SIP_CALLING_PARTY",
                  .kind = "password-guessing", .kinds = "user-scan", .title = "password guessing",
                  .unit = "registrations", .attack = "T1110",
                  .fields = "ipaddr SBFD_TARGET,ipaddr SBFD_SOURCE,uint16 DST_PORT,uint8 SBFD_PROTOCOL,uint8 "
                            "SBFD_EVENT_TYPE,uint32 SBFD_ATTEMPTS,time SBFD_EVENT_TIME,time SBFD_CEASE_TIME",
                  .first = "SBFD_EVENT_TIME", .last = "SBFD_CEASE_TIME",
                  .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PORT, .gap = 4 * 3600,
                  .read = read_alert, .confidence = event_confidence_by_rules, .rules = rules,
                  .reason = reason);
