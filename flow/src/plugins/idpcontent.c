/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin idpcontent: the first 100 bytes of each direction's first payload. */
#include "cache/flow.h"

#include <string.h>

#include "fields.h"

UR_FIELDS(bytes IDP_CONTENT, bytes IDP_CONTENT_REV)

#define KEPT 100

struct idpcontent {
   uint8_t size[2];
   /* Not cleared. */
   uint8_t bytes[2][KEPT];
};

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct idpcontent *c = ext;
   (void) flow;
   if (c->size[reverse] == 0) {
      c->size[reverse] = (uint8_t) (packet->payload_captured < KEPT ? packet->payload_captured : KEPT);
      memcpy(c->bytes[reverse], packet->payload, c->size[reverse]);
   }
   return PLUGIN_HAS_DATA;
}

static void turn(void *ext)
{
   struct idpcontent *c = ext;
   PLUGIN_TURN(c->size);
   PLUGIN_TURN(c->bytes);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct idpcontent *c = ext;
   (void) index;
   plugin_set_var(t, rec, F_IDP_CONTENT, c->bytes[0], c->size[0]);
   plugin_set_var(t, rec, F_IDP_CONTENT_REV, c->bytes[1], c->size[1]);
}

const struct flow_plugin plugin_idpcontent = {
    .name = "idpcontent",
    .help = "first 100 bytes of each direction's payload",
    .fields = "bytes IDP_CONTENT,bytes IDP_CONTENT_REV",
    .ext_size = sizeof(struct idpcontent),
    .clear_size = offsetof(struct idpcontent, bytes),
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .fill = fill,
};
