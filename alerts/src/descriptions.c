/* SPDX-License-Identifier: BSD-3-Clause */
/** Descriptions are found by name; kinds of events; what read() of a description calls. */
#include <nemea/event.h>
#include <stdio.h>
#include <string.h>

/* Also in docs/event.schema.json. */
const char *const event_kinds[] = {"amplification",
                                   "backscatter",
                                   "blacklisted-address",
                                   "blacklisted-name",
                                   "blacklisted-url",
                                   "block-scan",
                                   "botnet",
                                   "dial-plan-guessing",
                                   "dns-anomaly",
                                   "dns-tunnel",
                                   "flood",
                                   "horizontal-scan",
                                   "intrusion",
                                   "malware",
                                   "mining",
                                   "other",
                                   "password-guessing",
                                   "phishing",
                                   "spam",
                                   "toll-fraud",
                                   "user-scan",
                                   "vertical-scan",
                                   "web-attack",
                                   NULL};

static const struct event_description *find(const struct event_description *const list[], const char *program)
{
   for (; *list != NULL; list++) {
      if (strcmp((*list)->program, program) == 0) {
         return *list;
      }
   }
   return NULL;
}

const struct event_description *event_description_find(const char *program)
{
   const struct event_description *d = find(event_descriptions, program);
   return d != NULL ? d : find(event_foreign_descriptions, program);
}

const struct event_description *event_description_aggregated_by(const char *program)
{
   for (const struct event_description *const *d = event_descriptions; *d != NULL; d++) {
      if ((*d)->aggregator != NULL && strcmp((*d)->aggregator, program) == 0) {
         return *d;
      }
   }
   return NULL;
}

/* \return false: there was no room */
static bool add_ip(ip_addr_t *list, unsigned *n, const ip_addr_t *ip)
{
   if (!event_ip_is_set(ip)) {
      return true;
   }
   for (unsigned i = 0; i < *n; i++) {
      if (memcmp(&list[i], ip, sizeof(*ip)) == 0) {
         return true;
      }
   }
   if (*n == EVENT_SAMPLES) {
      return false;
   }
   list[(*n)++] = *ip;
   return true;
}

void event_add_source(struct event *e, const ip_addr_t *ip)
{
   e->more_sources |= !add_ip(e->source_samples, &e->n_source_samples, ip);
}

void event_add_target(struct event *e, const ip_addr_t *ip)
{
   e->more_targets |= !add_ip(e->samples, &e->n_samples, ip);
}

void event_add_port(struct event *e, uint64_t port)
{
   unsigned i = 0;
   if (port == 0 || port > UINT16_MAX) {
      return;
   }
   while (i < e->n_ports && e->ports[i] != port) {
      i++;
   }
   if (i == EVENT_PORTS) {
      e->more_ports = true;
   } else if (i == e->n_ports) {
      e->ports[e->n_ports++] = (uint16_t) port;
   }
}

/* The row that counts. */
static const struct event_rule *rule_of(const struct event *e)
{
   const struct event_rule *rule = e->description->rules;
   while (rule != NULL && rule->holds != NULL && !rule->holds(e)) {
      rule++;
   }
   return rule;
}

enum event_confidence event_confidence_by_rules(const struct event *e)
{
   const struct event_rule *rule = rule_of(e);
   return rule != NULL ? rule->confidence : EVENT_MEDIUM;
}

/* The surest part of a run. */
static const struct event *surest(const struct event *e)
{
   const struct event *best = e->n_parts > 0 ? &e->parts[0] : e;
   for (uint32_t i = 1; i < e->n_parts; i++) {
      const struct event *part = &e->parts[i];
      best = part->description->confidence(part) > best->description->confidence(best) ? part : best;
   }
   return best;
}

enum event_confidence event_confidence(const struct event *e)
{
   const struct event *best = surest(e);
   enum event_confidence sure = best->description->confidence(best);
   return best->unseen > 0 && sure > EVENT_LOW ? (enum event_confidence)(sure - 1) : sure;
}

char *event_why(const struct event *e, char *to, size_t size)
{
   const struct event *best = surest(e);
   const struct event_rule *rule = rule_of(best);
   int n = snprintf(to, size, "%s", rule != NULL ? rule->why : "");
   if (best->unseen > 0 && n >= 0 && (size_t) n < size) {
      snprintf(to + n, size - (size_t) n,
               "%sone step less sure, since %u %% of the packets were not seen: answers may be among them",
               n > 0 ? "; " : "", best->unseen);
   }
   return to;
}
