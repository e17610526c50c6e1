/* SPDX-License-Identifier: BSD-3-Clause */
/** What alerts of others in the format IDEA (idea.cesnet.cz) mean. */
#include <nemea/event.h>
#include <nemea/text.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SURE   70 /* of 100 */
#define UNSURE 30

/* The first one whose category the alert's category begins with. */
static const struct meaning {
   const char *category, *kind, *title, *attack;
} meanings[] = {
    {"Recon", "horizontal-scan", "scan", "T1046"},
    {"Attempt.Login", "password-guessing", "password guessing", "T1110"},
    {"Attempt", "intrusion", "attempt at an intrusion", "T1190"},
    {"Availability", "flood", "flood (DoS)", "T1498"},
    {"Intrusion.Botnet", "botnet", "botnet", "T1071"},
    {"Intrusion", "intrusion", "intrusion", NULL},
    {"Malware", "malware", "malware", NULL},
    {"Abusive.Spam", "spam", "spam", NULL},
    {"Fraud.Phishing", "phishing", "phishing", "T1566"},
    {"Suspicious.Miner", "mining", "mining", "T1496"},
};

static void set_meaning(const struct alert *a, struct event *e)
{
   char category[64];
   alert_text(a, "Category", category, sizeof(category));
   for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
      if (strncmp(category, meanings[i].category, strlen(meanings[i].category)) == 0) {
         e->kind = meanings[i].kind;
         e->title = meanings[i].title;
         e->attack = meanings[i].attack;
         return;
      }
   }
}

/* \return how many there are */
static uint64_t add_hosts(const struct alert *a, const char *path, struct event *e,
                          void (*add)(struct event *e, const ip_addr_t *ip))
{
   ip_addr_t hosts[EVENT_SAMPLES];
   uint64_t all;
   unsigned n = alert_ips(a, path, hosts, EVENT_SAMPLES, &all);
   for (unsigned i = 0; i < n; i++) {
      add(e, &hosts[i]);
   }
   return all;
}

static void read_hosts(const struct alert *a, struct event *e)
{
   uint64_t ports[EVENT_PORTS], all;
   e->sources =
       add_hosts(a, "Source.IP4", e, event_add_source) + add_hosts(a, "Source.IP6", e, event_add_source);
   e->targets =
       add_hosts(a, "Target.IP4", e, event_add_target) + add_hosts(a, "Target.IP6", e, event_add_target);
   if (e->sources == 1 && e->n_source_samples == 1) {
      e->source = e->source_samples[0];
   }
   if (e->targets == 1 && e->n_samples == 1) {
      e->target = e->samples[0];
   }
   unsigned n = alert_numbers(a, "Target.Port", ports, EVENT_PORTS, &all);
   for (unsigned i = 0; i < n; i++) {
      event_add_port(e, ports[i]);
   }
   e->port = all == 1 ? e->ports[0] : 0;
}

static uint8_t protocol_of(const struct alert *a)
{
   static const struct {
      const char *name;
      uint8_t number;
   } protocols[] = {
       {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP}, {"icmp6", IPPROTO_ICMPV6}};
   char name[16];
   alert_text(a, alert_has(a, "Target.Proto") ? "Target.Proto" : "Source.Proto", name, sizeof(name));
   for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
      if (strcasecmp(name, protocols[i].name) == 0) {
         return protocols[i].number;
      }
   }
   return 0;
}

static ur_time_t first_time(const struct alert *a, const char *const names[], size_t n)
{
   ur_time_t t = 0;
   for (size_t i = 0; i < n && t == 0; i++) {
      t = alert_time(a, names[i]);
   }
   return t;
}

static void read_alert(const struct alert *a, struct event *e)
{
   static const char *const begin[] = {"EventTime", "WinStartTime", "DetectTime"};
   static const char *const end[] = {"CeaseTime", "WinEndTime", "DetectTime"};
   double sure = alert_real(a, "Confidence");
   set_meaning(a, e);
   read_hosts(a, e);
   e->protocol = protocol_of(a);
   e->first = first_time(a, begin, sizeof(begin) / sizeof(begin[0]));
   e->last = first_time(a, end, sizeof(end) / sizeof(end[0]));
   e->flows = alert_number(a, "FlowCount");
   e->packets = alert_number(a, "PacketCount");
   e->bytes = alert_number(a, "ByteCount");
   e->amount = 1;
   e->evidence = sure > 0 && sure <= 1 ? (uint64_t) (sure * 100 + 0.5) : 0;
   alert_text(a, "Node.Name", e->detail, sizeof(e->detail));
   size_t n = strlen(e->detail);
   if (n + 3 < sizeof(e->detail)) {
      strcpy(e->detail + n, ": ");
      alert_text(a, alert_has(a, "Description") ? "Description" : "Category", e->detail + n + 2,
                 sizeof(e->detail) - n - 2);
   }
}

static enum event_confidence confidence(const struct event *e)
{
   return e->evidence >= SURE                         ? EVENT_HIGH
          : e->evidence == 0 || e->evidence >= UNSURE ? EVENT_MEDIUM
                                                      : EVENT_LOW;
}

static void reason(const struct event *e, char *to, size_t size)
{
   char source[64], target[256];
   bool has_target = e->n_samples > 0 || e->targets > 0;
   snprintf(to, size, "%s; from %s%s%s, as the sender of the alert says", e->detail,
            event_source(e, source, sizeof(source)), has_target ? " against " : "",
            has_target ? event_target(e, target, sizeof(target)) : "");
}

EVENT_DESCRIPTION(
    idea2idea, .json = "IDEA", .kind = "other",
    .kinds = "horizontal-scan password-guessing intrusion flood botnet malware spam phishing mining",
    .title = "alert of another system", .unit = "alerts", .show_amount = true, .first = "EventTime",
    .last = "CeaseTime", .key = EVENT_BY_SOURCE | EVENT_BY_TARGET | EVENT_BY_PORT, .gap = 3600,
    .read = read_alert, .confidence = confidence, .reason = reason);
