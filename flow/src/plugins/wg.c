/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin wg: WireGuard by the form of its messages (Donenfeld: WireGuard, 2017, section 5.4), which are of four types with fixed
 * sizes, and little endian.
 */
#include "cache/flow.h"

#include <netinet/in.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(uint8 WG_CONF_LEVEL, uint32 WG_SRC_PEER, uint32 WG_DST_PEER)

enum { INITIATION = 1, RESPONSE = 2, COOKIE = 3, DATA = 4 };

#define LEAST      32
#define SURE       100
#define MAY_BE_DNS 1

struct wg {
   uint32_t peer[2]; /* index that the source and the destination chose */
   uint8_t level;
   bool found;
};

static uint32_t little(const uint8_t *p)
{
   return (uint32_t) p[3] << 24 | (uint32_t) p[2] << 16 | (uint32_t) p[1] << 8 | p[0];
}

static bool is_message(const struct packet *packet)
{
   static const uint16_t sizes[] = {[INITIATION] = 148, [RESPONSE] = 92, [COOKIE] = 64};
   const uint8_t *p = packet->payload;
   if (packet->protocol != IPPROTO_UDP || packet->payload_captured < LEAST || p[0] < INITIATION ||
       p[0] > DATA || (p[1] | p[2] | p[3]) != 0) {
      return false;
   }
   return p[0] == DATA || packet->payload_captured == sizes[p[0]];
}

/* A flow that goes on with another handshake gives a record for each. */
static unsigned before(void *ext, const struct flow *flow, const struct packet *packet)
{
   const struct wg *w = ext;
   if (w->found && is_message(packet) && packet->payload[0] == INITIATION) {
      unsigned way = memcmp(flow->src_ip, packet->src_ip, 16) != 0 || flow->src_port != packet->src_port;
      return w->peer[way] != 0 && w->peer[way] != little(packet->payload + 4) ? PLUGIN_FLUSH_FIRST
                                                                              : PLUGIN_NOTHING;
   }
   return PLUGIN_NOTHING;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct wg *w = ext;
   const uint8_t *p = packet->payload;
   (void) flow;
   if (!is_message(packet)) {
      w->level = 0; /* a flow that was taken for WireGuard was not */
      return PLUGIN_NOTHING;
   }
   if (p[0] == INITIATION) {
      w->peer[reverse] = little(p + 4);
   } else if (p[0] == RESPONSE) {
      w->peer[reverse] = little(p + 4);
      w->peer[!reverse] = little(p + 8);
   } else {
      w->peer[!reverse] = little(p + 4);
   }
   w->level = memcmp(p + 4, "\0\1\0\0", 4) == 0 ? MAY_BE_DNS : SURE;
   w->found = true;
   return PLUGIN_HAS_DATA;
}

static unsigned update(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct wg *w = ext;
   return w->found && w->level == 0 ? PLUGIN_NOTHING : on_packet(ext, flow, packet, reverse);
}

static void turn(void *ext)
{
   struct wg *w = ext;
   PLUGIN_TURN(w->peer);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct wg *w = ext;
   (void) index;
   ur_set(t, rec, F_WG_CONF_LEVEL, w->level);
   ur_set(t, rec, F_WG_SRC_PEER, w->peer[0]);
   ur_set(t, rec, F_WG_DST_PEER, w->peer[1]);
}

const struct flow_plugin plugin_wg = {
    .name = "wg",
    .help = "WireGuard: confidence, 0 to 100, and the peers' indices",
    .fields = "uint8 WG_CONF_LEVEL,uint32 WG_SRC_PEER,uint32 WG_DST_PEER",
    .protocols = PLUGIN_UDP,
    .ext_size = sizeof(struct wg),
    .turn = turn,
    .create = on_packet,
    .before = before,
    .update = update,
    .fill = fill,
};
