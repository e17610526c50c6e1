/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin icmp: type and code of the flow's first ICMP or ICMPv6 message (RFC 792, 4443). */
#include "cache/flow.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(uint16 L4_ICMP_TYPE_CODE)

static unsigned create(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) flow;
   (void) reverse;
   if ((packet->protocol != IPPROTO_ICMP && packet->protocol != IPPROTO_ICMPV6) || packet->l4 == NULL ||
       packet->payload_captured < 2) {
      return PLUGIN_NOTHING;
   }
   *(uint16_t *) ext = load_be16(packet->payload);
   return PLUGIN_HAS_DATA;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   (void) index;
   ur_set(t, rec, F_L4_ICMP_TYPE_CODE, *(const uint16_t *) ext);
}

const struct flow_plugin plugin_icmp = {
    .name = "icmp",
    .help = "type * 256 + code of the first ICMP message",
    .fields = "uint16 L4_ICMP_TYPE_CODE",
    .protocols = PLUGIN_OTHER,
    .ext_size = sizeof(uint16_t),
    .create = create,
    .fill = fill,
};
