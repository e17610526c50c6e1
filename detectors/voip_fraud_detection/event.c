/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of voip_fraud_detection mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>

#define MANY 20 /* calls */

enum { TYPE_ABROAD = 41 }; /* EVENT_TYPE */

static void read_alert(const struct alert *a, struct event *e)
{
   e->source = alert_ip(a, "SRC_IP");
   e->group = alert_number(a, "EVENT_ID");
   e->amount = alert_number(a, "VOIP_FRAUD_INVITE_COUNT");
   if (alert_number(a, "EVENT_TYPE") == TYPE_ABROAD) {
      e->target = alert_ip(a, "DST_IP"); /* guesses of prefixes have none */
      e->kind = "toll-fraud";
      e->title = "calls to an unusual country";
      e->attack = "T1496";
      alert_text(a, "VOIP_FRAUD_COUNTRY_CODE", e->detail, sizeof(e->detail));
      return;
   }
   e->evidence = alert_number(a, "VOIP_FRAUD_PREFIX_EXAMINATION_COUNT");
   alert_text(a, "VOIP_FRAUD_SIP_TO", e->detail, sizeof(e->detail));
}

static bool is_many(const struct event *e)
{
   return e->amount >= MANY || e->alerts > 1;
}

static const struct event_rule rules[] = {
    {EVENT_HIGH, is_many, "20 calls or more, or several alerts"},
    {EVENT_MEDIUM, NULL, "one alert of fewer than 20 calls"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[256], count[32], numbers[32], duration[32];
   event_source(e, source, sizeof(source));
   format_count(e->amount, count, sizeof(count));
   format_duration(event_seconds(e), duration, sizeof(duration));
   if (e->kind != e->description->kind) {
      snprintf(to, size, "%s called numbers in %s over %s, where it never called before: %s alerts in %s",
               source, e->detail, event_target(e, target, sizeof(target)), count, duration);
      return;
   }
   snprintf(
       to, size,
       "%s dialled %s numbers that end alike and that nobody answered, as %s, in %s INVITEs within %s; more "
       "than 10 are guesses of the prefix that a telephone exchange wants",
       source, format_count(e->evidence, numbers, sizeof(numbers)), e->detail, count, duration);
}

EVENT_DESCRIPTION(
    voip_fraud_detection, .options = "-e disabled", .plugins = "sip",
    .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint64 LINK_BIT_FIELD,time TIME_FIRST,uint16 "
             "SIP_MSG_TYPE,uint16 SIP_STATUS_CODE,string SIP_REQUEST_URI,string "
             "SIP_CALLING_PARTY,string SIP_CALLED_PARTY,string SIP_CALL_ID,string "
             "SIP_USER_AGENT,string SIP_CSEQ",
    .kind = "dial-plan-guessing", .kinds = "toll-fraud", .title = "guessing of dial prefixes",
    .unit = "calls", .attack = "T1595.003",
    .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint32 EVENT_ID,uint8 EVENT_TYPE,time TIME_FIRST,time "
              "DETECTION_TIME,uint32 VOIP_FRAUD_INVITE_COUNT,uint32 "
              "VOIP_FRAUD_PREFIX_EXAMINATION_COUNT,string VOIP_FRAUD_SIP_TO,string "
              "VOIP_FRAUD_COUNTRY_CODE",
    .first = "TIME_FIRST", .last = "DETECTION_TIME", .key = EVENT_BY_SOURCE, .gap = 3600, .read = read_alert,
    .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
