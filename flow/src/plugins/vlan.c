/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin vlan: the id of the outermost VLAN tag (IEEE 802.1Q), 0 without one. */
#include "cache/flow.h"

#include "fields.h"

UR_FIELDS(uint16 VLAN_ID)

static unsigned create(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) flow;
   (void) reverse;
   *(uint16_t *) ext = packet->vlan;
   return PLUGIN_HAS_DATA;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   (void) index;
   ur_set(t, rec, F_VLAN_ID, *(const uint16_t *) ext);
}

const struct flow_plugin plugin_vlan = {
    .name = "vlan",
    .help = "VLAN id",
    .fields = "uint16 VLAN_ID",
    .ext_size = sizeof(uint16_t),
    .create = create,
    .fill = fill,
};
