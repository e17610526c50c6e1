/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin ssdp: what devices announce and look for with SSDP (UPnP Device Architecture 1.1, 1), UDP port 1900. */
#include "cache/plugin.h"
#include "text.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(uint16 SSDP_LOCATION_PORT, string SSDP_NT, string SSDP_SERVER, string SSDP_ST,
          string SSDP_USER_AGENT)

#define PORT 1900
#define URN  "urn:"

struct ssdp {
   uint16_t location_port, nt_length, st_length, server_length, agent_length;
   /* Not cleared. */
   char nt[510], st[510], server[254], agent[254];
};

/* Appends a value and ";" unless it is there already. A value has kept its CR, as users of these fields know it. */
static void add(char *list, uint16_t *length, size_t size, struct span value)
{
   struct span seen = span_of(list, *length), item;
   while (span_cut(seen, ';', &item, &seen)) {
      if (item.n == value.n && memcmp(item.p, value.p, value.n) == 0) {
         return;
      }
   }
   if (value.n > 0 && value.n + 1 <= size - *length) {
      memcpy(list + *length, value.p, value.n);
      list[*length + value.n] = ';';
      *length += (uint16_t) (value.n + 1);
   }
}

/* Of "http://192.0.2.1:80/" or "http://[2001:db8::1]:80/": the number after the address. */
static uint16_t port_of(struct span s)
{
   struct span before, rest, number;
   bool six = span_cut(s, ']', &before, &rest);
   if (!six && !span_cut(s, '.', &before, &rest)) {
      return 0;
   }
   unsigned port = span_cut(rest, ':', &before, &number) ? (unsigned) span_number(number, UINT16_MAX + 1) : 0;
   return port <= UINT16_MAX ? (uint16_t) port : 0;
}

static void add_urn(char *list, uint16_t *length, size_t size, struct span value)
{
   if (span_begins(value, URN)) {
      add(list, length, size, span_of(value.p + strlen(URN), value.n - strlen(URN)));
   }
}

static void take_header(struct ssdp *d, bool notify, struct span name, struct span value)
{
   if (notify && span_is_any_case(name, "nt")) {
      add_urn(d->nt, &d->nt_length, sizeof(d->nt), value);
   } else if (notify && span_is_any_case(name, "location")) {
      uint16_t port = port_of(value);
      d->location_port = port != 0 ? port : d->location_port;
   } else if (notify && span_is_any_case(name, "server")) {
      add(d->server, &d->server_length, sizeof(d->server), value);
   } else if (!notify && span_is_any_case(name, "st")) {
      add_urn(d->st, &d->st_length, sizeof(d->st), value);
   } else if (!notify && span_is_any_case(name, "user-agent")) {
      add(d->agent, &d->agent_length, sizeof(d->agent), value);
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct span s = span_of(packet->payload, packet->payload_captured), line, name, value;
   (void) flow;
   (void) reverse;
   if (packet->dst_port != PORT || packet->protocol != IPPROTO_UDP) {
      return PLUGIN_NOTHING;
   }
   if (s.n > 0 && (s.p[0] == 'N' || s.p[0] == 'M')) {
      bool notify = s.p[0] == 'N';
      while (span_cut(s, '\n', &line, &s)) {
         if (span_cut(line, ':', &name, &value)) {
            while (value.n > 0 && value.p[0] == ' ') {
               value = span_of(value.p + 1, value.n - 1);
            }
            take_header(ext, notify, span_trim(name), value);
         }
      }
   }
   return PLUGIN_HAS_DATA;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct ssdp *d = ext;
   (void) index;
   ur_set(t, rec, F_SSDP_LOCATION_PORT, d->location_port);
   plugin_set_var(t, rec, F_SSDP_NT, d->nt, d->nt_length);
   plugin_set_var(t, rec, F_SSDP_SERVER, d->server, d->server_length);
   plugin_set_var(t, rec, F_SSDP_ST, d->st, d->st_length);
   plugin_set_var(t, rec, F_SSDP_USER_AGENT, d->agent, d->agent_length);
}

const struct flow_plugin plugin_ssdp = {
    .name = "ssdp",
    .help = "services announced and searched for, UDP port 1900",
    .fields =
        "uint16 SSDP_LOCATION_PORT,string SSDP_NT,string SSDP_SERVER,string SSDP_ST,string SSDP_USER_AGENT",
    .protocols = PLUGIN_UDP,
    .port = PORT,
    .payload_only = true,
    .ext_size = sizeof(struct ssdp),
    .clear_size = offsetof(struct ssdp, nt),
    .lazy = true,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
