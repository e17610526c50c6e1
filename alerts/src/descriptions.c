/* SPDX-License-Identifier: BSD-3-Clause */
/** Descriptions are found by name; kinds of events; what read() of a description calls. */
#include <nemea/event.h>
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
