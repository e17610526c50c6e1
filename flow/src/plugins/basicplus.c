/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin basicplus: what the IP and TCP headers say beyond the flow key (RFC 791, 8200, 9293), by direction. */
#include "cache/plugin.h"

#include <netinet/in.h>

#include "fields.h"

UR_FIELDS(uint8 IP_TTL, uint8 IP_TTL_REV, uint8 IP_FLG, uint8 IP_FLG_REV, uint16 TCP_WIN, uint16 TCP_WIN_REV,
          uint64 TCP_OPT, uint64 TCP_OPT_REV, uint32 TCP_MSS, uint32 TCP_MSS_REV, uint16 TCP_SYN_SIZE)

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define KINDS      64 /* of options that the bitmap has room for */

struct basicplus {
   uint64_t options[2]; /* by direction */
   uint32_t mss[2];
   uint16_t window[2], syn_size;
   uint8_t ttl[2], ip_flags[2];
   bool seen[2];
};

static uint32_t exact_mss;
static const struct flow_plugin_option options[] = {
    {"exactmss", &exact_mss, 1,
     "TCP_MSS is the option's 16 bits, not those with the 16 bits after them as of old"},
    {NULL, NULL, 0, NULL}};

static uint32_t get_mss(const uint8_t *value, const uint8_t *end)
{
   uint32_t mss = load_be16(value), following = 0;
   if (exact_mss) {
      return mss;
   }
   for (unsigned i = 2; i < 4; i++) {
      following = following << 8 | (value + i < end ? value[i] : 0);
   }
   return mss << 16 | following;
}

/* The bitmap has its bits reversed within each byte, as IPFIX's tcpOptions. */
static void look_at_options(struct basicplus *b, unsigned way, bool first, const uint8_t *p,
                            const uint8_t *end)
{
   while (p < end) {
      unsigned kind = p[0], length = 1;
      if (kind > OPTION_NOP) {
         length = end - p >= 2 ? p[1] : 0;
         if (length < 2 || length > (size_t) (end - p)) {
            return;
         }
      }
      if (kind < KINDS) {
         b->options[way] |= UINT64_C(1) << ((kind & 0xf8) + 7 - (kind & 7));
      }
      if (kind == OPTION_MSS && length == 4 && first) {
         b->mss[way] = get_mss(p + 2, end);
      }
      if (kind == OPTION_END) {
         return;
      }
      p += length;
   }
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct basicplus *b = ext;
   unsigned way = reverse;
   bool first = !b->seen[way];
   uint8_t ttl = packet->ip_version == 4 ? packet->l3[8] : packet->l3[7];
   (void) flow;
   if (ttl > b->ttl[way]) {
      b->ttl[way] = ttl;
   }
   if (first) {
      b->seen[way] = true;
      b->ip_flags[way] = packet->ip_version == 4 ? packet->l3[6] >> 5 : 0;
   }
   if (packet->protocol == IPPROTO_TCP) {
      size_t header = plugin_l4_captured(packet);
      if (first && header >= 16) {
         b->window[way] = load_be16(packet->l4 + 14);
      }
      if (header > 20) {
         look_at_options(b, way, first, packet->l4 + 20, packet->l4 + header);
      }
   }
   return PLUGIN_HAS_DATA;
}

static unsigned create(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct basicplus *b = ext;
   b->syn_size = packet->tcp_flags == PLUGIN_SYN ? (uint16_t) packet->ip_bytes : 0;
   return on_packet(ext, flow, packet, reverse);
}

static void turn(void *ext)
{
   struct basicplus *b = ext;
   PLUGIN_TURN(b->options);
   PLUGIN_TURN(b->mss);
   PLUGIN_TURN(b->window);
   PLUGIN_TURN(b->ttl);
   PLUGIN_TURN(b->ip_flags);
   PLUGIN_TURN(b->seen);
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct basicplus *b = ext;
   (void) index;
   ur_set(t, rec, F_IP_TTL, b->ttl[0]);
   ur_set(t, rec, F_IP_TTL_REV, b->ttl[1]);
   ur_set(t, rec, F_IP_FLG, b->ip_flags[0]);
   ur_set(t, rec, F_IP_FLG_REV, b->ip_flags[1]);
   ur_set(t, rec, F_TCP_WIN, b->window[0]);
   ur_set(t, rec, F_TCP_WIN_REV, b->window[1]);
   ur_set(t, rec, F_TCP_OPT, b->options[0]);
   ur_set(t, rec, F_TCP_OPT_REV, b->options[1]);
   ur_set(t, rec, F_TCP_MSS, b->mss[0]);
   ur_set(t, rec, F_TCP_MSS_REV, b->mss[1]);
   ur_set(t, rec, F_TCP_SYN_SIZE, b->syn_size);
}

const struct flow_plugin plugin_basicplus = {
    .name = "basicplus",
    .help = "TTL, IP flags, TCP window, options, segment size, size of the SYN",
    .fields = "uint8 IP_TTL,uint8 IP_TTL_REV,uint8 IP_FLG,uint8 IP_FLG_REV,uint16 TCP_WIN,uint16 TCP_WIN_REV,"
              "uint64 TCP_OPT,uint64 TCP_OPT_REV,uint32 TCP_MSS,uint32 TCP_MSS_REV,uint16 TCP_SYN_SIZE",
    .ext_size = sizeof(struct basicplus),
    .options = options,
    .turn = turn,
    .create = create,
    .update = on_packet,
    .fill = fill,
};
