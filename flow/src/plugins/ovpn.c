/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin ovpn: OpenVPN by the order of its handshake's messages and the share of its data messages (the opcodes are in the
 * first byte of a message; over TCP a length of two bytes comes first).
 */
#include "cache/flow.h"

#include <netinet/in.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(uint8 OVPN_CONF_LEVEL)

enum opcode {
   CLIENT_RESET_1 = 1,
   SERVER_RESET_1 = 2,
   CONTROL = 4,
   ACK = 5,
   DATA_1 = 6,
   CLIENT_RESET_2 = 7,
   SERVER_RESET_2 = 8,
   DATA_2 = 9,
   CLIENT_RESET_3 = 10
};

enum state { NOTHING, CLIENT_RESET, SERVER_RESET, ACKED, CLIENT_HELLO, SERVER_HELLO, CONTROL_ACKED, DATA };

#define MAX_WRONG     4   /* packets that do not fit the state before it is reset */
#define LARGE         500 /* bytes of payload */
#define LEAST_LARGE   20
#define LEAST_PACKETS 20
#define FEW_PACKETS   5 /* smaller flows give nothing */
#define LEAST_SHARE   0.6
#define SURE          100
#define LIKELY        80

struct ovpn {
   uint32_t large, data;
   uint8_t state, wrong, level;
   bool client_is_destination;
};

/* RTP has large packets too. */
static bool like_rtp(const struct packet *packet)
{
   const uint8_t *p = packet->payload;
   return packet->protocol == IPPROTO_UDP && packet->payload_captured >= 12 && p[0] >> 6 == 2 &&
          !((p[1] & 0x7f) >= 72 && (p[1] & 0x7f) <= 95);
}

/* TLS handshake messages in a control message: without and with an HMAC before them. */
static bool has_hello(const uint8_t *p, size_t size, size_t record, size_t message, uint8_t type)
{
   return size > message && p[record] == 0x16 && p[message] == type;
}

/* The state after a message, or the same when the message does not fit. */
static enum state step(struct ovpn *o, unsigned opcode, const uint8_t *p, size_t size, bool reverse)
{
   bool by_client = reverse == o->client_is_destination;
   switch (opcode) {
   case CLIENT_RESET_1:
   case CLIENT_RESET_2:
   case CLIENT_RESET_3: o->client_is_destination = reverse; return CLIENT_RESET;
   case SERVER_RESET_1:
   case SERVER_RESET_2: return o->state == CLIENT_RESET && !by_client ? SERVER_RESET : o->state;
   case ACK:
      if (o->state == SERVER_RESET && by_client) {
         return ACKED;
      }
      return o->state == SERVER_HELLO ? CONTROL_ACKED : o->state;
   case CONTROL:
      if (o->state == ACKED && by_client &&
          (has_hello(p, size, 14, 19, 1) || has_hello(p, size, 42, 47, 1))) {
         return CLIENT_HELLO;
      }
      if (o->state == CLIENT_HELLO && !by_client &&
          (has_hello(p, size, 26, 31, 2) || has_hello(p, size, 54, 59, 2))) {
         return SERVER_HELLO;
      }
      return o->state == SERVER_HELLO ? CONTROL_ACKED : o->state;
   case DATA_1:
   case DATA_2: return o->state == CONTROL_ACKED ? DATA : o->state;
   default: return o->state;
   }
}

/* Messages that are valid although the state does not change. */
static bool fits(const struct ovpn *o, unsigned opcode)
{
   switch (opcode) {
   case DATA_1:
   case DATA_2: return o->state == DATA;
   case ACK:
   case CONTROL: return o->state == CONTROL_ACKED;
   default: return false;
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct ovpn *o = ext;
   const uint8_t *p = packet->payload;
   size_t size = packet->payload_captured, skip = packet->protocol == IPPROTO_TCP ? 2 : 0;
   (void) flow;
   if ((packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) || size <= skip) {
      return PLUGIN_HAS_DATA;
   }
   unsigned opcode = p[skip] >> 3;
   enum state next = step(o, opcode, p + skip, size - skip, reverse);
   if (next != o->state || fits(o, opcode) || next == CLIENT_RESET) {
      o->state = (uint8_t) next;
      o->wrong = 0;
   } else if (++o->wrong == MAX_WRONG) {
      o->state = NOTHING;
      o->wrong = 0;
   }
   if (packet->payload_wire > LARGE && !like_rtp(packet)) {
      o->large++;
      o->data += opcode == DATA_1 || opcode == DATA_2;
   }
   return PLUGIN_HAS_DATA;
}

static void turn(void *ext)
{
   struct ovpn *o = ext;
   o->client_is_destination = !o->client_is_destination;
}

static bool finish(void *ext, const struct flow *flow)
{
   struct ovpn *o = ext;
   uint64_t packets = (uint64_t) flow->packets + flow->packets_rev;
   double share = o->large > 0 ? (double) o->data / o->large : 0;
   if (packets > LEAST_PACKETS && o->state == DATA) {
      o->level = SURE;
   } else if (o->large > LEAST_LARGE && share >= LEAST_SHARE) {
      o->level = (uint8_t) (LIKELY * share);
   }
   return packets > FEW_PACKETS;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   (void) index;
   ur_set(t, rec, F_OVPN_CONF_LEVEL, ((const struct ovpn *) ext)->level);
}

const struct flow_plugin plugin_ovpn = {
    .name = "ovpn",
    .help = "OpenVPN: confidence, 0 to 100",
    .fields = "uint8 OVPN_CONF_LEVEL",
    .ext_size = sizeof(struct ovpn),
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .finish = finish,
    .fill = fill,
};
