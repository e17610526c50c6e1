/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin ssadetector: TCP handshakes inside of an encrypted tunnel, by the sizes of its packets: SYN, SYN-ACK and ACK are
 * three packets of like size in turns, and the same sizes come again for each connection.
 */
#include "cache/flow.h"

#include "fields.h"

UR_FIELDS(uint8 SSA_CONF_LEVEL)

#define IGNORED     30 /* packets at the flow's beginning: the tunnel's own handshake */
#define LEAST_SIZE  60 /* bytes of payload of such packets */
#define MOST_SIZE   150
#define SIZES       (MOST_SIZE - LEAST_SIZE + 1)
#define SMALLER     12       /* bytes by which the packet before may be smaller */
#define MAX_GAP     (3 * NS) /* between packets of a handshake */
#define REMEMBERED  100      /* sizes of suspected handshakes */
#define LEAST_FOUND 3
#define MOST_APART  2500 /* packets for each suspected handshake */

struct ssadetector {
   uint64_t time[2][SIZES]; /* of the last packet of a size, by direction; 0: none */
   uint32_t suspects;
   uint8_t size[REMEMBERED]; /* less LEAST_SIZE */
   uint8_t remembered, level;
};

/* Is there a packet of the other direction that this one may answer? */
static bool answers(const uint64_t time[SIZES], unsigned index, uint64_t now)
{
   for (unsigned i = index > SMALLER ? index - SMALLER : 0; i <= index; i++) {
      if (time[i] != 0 && (now < time[i] || now - time[i] <= MAX_GAP)) {
         return true;
      }
   }
   return false;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct ssadetector *s = ext;
   uint64_t packets = (uint64_t) flow->packets + flow->packets_rev;
   if (packets < IGNORED) {
      return PLUGIN_NOTHING;
   }
   if (packet->payload_wire < LEAST_SIZE || packet->payload_wire > MOST_SIZE) {
      return PLUGIN_HAS_DATA;
   }
   unsigned index = packet->payload_wire - LEAST_SIZE;
   if (answers(s->time[!reverse], index, packet->time)) {
      s->suspects++;
      if (s->remembered < REMEMBERED) {
         s->size[s->remembered++] = (uint8_t) index;
      }
      for (unsigned i = 0; i < SIZES; i++) {
         s->time[0][i] = s->time[1][i] = 0;
      }
   } else {
      s->time[reverse][index] = packet->time;
   }
   return PLUGIN_HAS_DATA;
}

static void turn(void *ext)
{
   struct ssadetector *s = ext;
   PLUGIN_TURN(s->time);
}

static bool finish(void *ext, const struct flow *flow)
{
   struct ssadetector *s = ext;
   uint64_t packets = (uint64_t) flow->packets + flow->packets_rev;
   bool seen[SIZES] = {false};
   unsigned distinct = 0;
   for (unsigned i = 0; i < s->remembered; i++) {
      distinct += !seen[s->size[i]];
      seen[s->size[i]] = true;
   }
   double most = s->suspects < 15 ? 0.6 : s->suspects < 40 ? 0.4 : 0.2;
   s->level = s->suspects >= LEAST_FOUND && packets / s->suspects <= MOST_APART &&
              (double) distinct / s->remembered <= most;
   return packets > IGNORED;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   (void) index;
   ur_set(t, rec, F_SSA_CONF_LEVEL, ((const struct ssadetector *) ext)->level);
}

const struct flow_plugin plugin_ssadetector = {
    .name = "ssadetector",
    .help = "TCP handshakes inside a tunnel: 1 if detected",
    .fields = "uint8 SSA_CONF_LEVEL",
    .ext_size = sizeof(struct ssadetector),
    .lazy = true,
    .skipped = IGNORED - 1,
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .finish = finish,
    .fill = fill,
};
