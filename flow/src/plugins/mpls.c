/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin mpls: label, traffic class and bottom bit of the top of the label stack (RFC 3032), 3 bytes. */
#include "cache/flow.h"

#include <string.h>

#include "fields.h"

UR_FIELDS(bytes MPLS_TOP_LABEL_STACK_SECTION)

#define SECTION 3

static unsigned create(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   (void) flow;
   (void) reverse;
   if (packet->mpls == 0) {
      return PLUGIN_NOTHING;
   }
   const uint8_t section[SECTION] = {(uint8_t) (packet->mpls >> 24), (uint8_t) (packet->mpls >> 16),
                                     (uint8_t) (packet->mpls >> 8)};
   memcpy(ext, section, SECTION);
   return PLUGIN_HAS_DATA;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   (void) index;
   plugin_set_var(t, rec, F_MPLS_TOP_LABEL_STACK_SECTION, ext, SECTION);
}

const struct flow_plugin plugin_mpls = {
    .name = "mpls",
    .help = "top label of the MPLS stack",
    .fields = "bytes MPLS_TOP_LABEL_STACK_SECTION",
    .ext_size = SECTION,
    .create = create,
    .fill = fill,
};
