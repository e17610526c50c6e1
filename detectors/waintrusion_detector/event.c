/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of waintrusion_detector mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <stdio.h>
#include <string.h>

enum evidence { POLICY = 1, SCANNER = 2, ATTACK = 3 };

#define APPLICATION "request_application_attack_"

static const char *name_of(const char *rule)
{
   static const struct {
      const char *rule, *name;
   } names[] = {{"request_method_enforcement", "unusual method"},
                {"request_scanner_detection", "scanner"},
                {"request_protocol_enforcement", "malformed request"},
                {"request_protocol_attack", "attack on the protocol"},
                {APPLICATION "rfi", "inclusion of remote files"},
                {APPLICATION "sqli", "SQL injection"},
                {APPLICATION "rce", "execution of commands"},
                {APPLICATION "php", "PHP injection"},
                {APPLICATION "xss", "cross-site scripting"},
                {APPLICATION "session_fixation", "session fixation"},
                {APPLICATION "lfi", "inclusion of local files"}};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (strcmp(names[i].rule, rule) == 0) {
         return names[i].name;
      }
   }
   return "unknown rule";
}

static void read_alert(const struct alert *a, struct event *e)
{
   char rule[64], value[64];
   e->source = alert_ip(a, "SRC_IP");
   e->target = alert_ip(a, "DST_IP");
   e->port = (uint16_t) alert_number(a, "DST_PORT");
   e->protocol = (uint8_t) alert_number(a, "PROTOCOL");
   e->amount = e->flows = 1;
   alert_text(a, "WAI_RULE", rule, sizeof(rule));
   alert_text(a, "WAI_MALICIOUS_VALUE", value, sizeof(value));
   snprintf(e->detail, sizeof(e->detail), "%s: \"%s\"", name_of(rule), value);
   e->evidence =
       strncmp(rule, APPLICATION, strlen(APPLICATION)) == 0 || strcmp(rule, "request_protocol_attack") == 0
           ? ATTACK
       : strcmp(rule, "request_scanner_detection") == 0 ? SCANNER
                                                        : POLICY;
   e->attack = e->evidence == SCANNER ? "T1595.002" : "T1190";
}

/* A malformed request or two come from clients that are badly written, too. */
static bool is_policy(const struct event *e)
{
   return e->evidence == POLICY;
}

static bool is_many(const struct event *e)
{
   return e->amount >= 10;
}

static const struct event_rule rules[] = {
    {EVENT_LOW, is_policy, "a rule about the form of requests only"},
    {EVENT_HIGH, is_many, "ten requests with the pattern of an attack, or more"},
    {EVENT_MEDIUM, NULL, "fewer than ten requests with the pattern of an attack"},
};

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[64], count[32], duration[32];
   snprintf(to, size,
            "%s sent %s request%s to port %u of %s in %s that match%s the OWASP Core Rule Set, first %s; one "
            "is enough",
            event_source(e, source, sizeof(source)), format_count(e->amount, count, sizeof(count)),
            e->amount == 1 ? "" : "s", e->port, event_target(e, target, sizeof(target)),
            format_duration(event_seconds(e), duration, sizeof(duration)), e->amount == 1 ? "es" : "",
            e->detail);
}

EVENT_DESCRIPTION(waintrusion_detector,
                  .needs = "ipaddr SRC_IP,ipaddr DST_IP,uint16 SRC_PORT,uint16 DST_PORT,uint8 PROTOCOL,"
                           "time TIME_LAST,string HTTP_REQUEST_METHOD,string HTTP_REQUEST_HOST,string "
                           "HTTP_REQUEST_URL,string HTTP_REQUEST_AGENT,string HTTP_REQUEST_REFERER",
                  .plugins = "http", .options = "-ursrc ipfixprobe", .kind = "web-attack",
                  .title = "attack on a web application", .unit = "requests", .show_amount = true,
                  .attack = "T1190",
                  .fields = "ipaddr SRC_IP,ipaddr DST_IP,uint16 DST_PORT,uint8 PROTOCOL,time EVENT_TIME,"
                            "string WAI_RULE,string WAI_MALICIOUS_VALUE",
                  .first = "EVENT_TIME", .last = "EVENT_TIME",
                  .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PORT, .gap = 3600, .read = read_alert,
                  .confidence = event_confidence_by_rules, .rules = rules, .reason = reason);
