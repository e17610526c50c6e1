/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin phists: histograms of payload lengths and of the time between packets, by direction. */
#include "cache/flow.h"

#include "fields.h"

UR_FIELDS(uint32 *S_PHISTS_SIZES, uint32 *S_PHISTS_IPT, uint32 *D_PHISTS_SIZES, uint32 *D_PHISTS_IPT)

#define BINS      8 /* up to 15, 31, 63, ... 1023, and more: bytes or milliseconds */
#define FIRST_BIN 4 /* bits of a number in the first one */
#define MS        UINT64_C(1000000)

struct phists {
   uint32_t sizes[2][BINS], gaps[2][BINS];
   uint64_t last[2]; /* milliseconds; 0: no packet yet */
};

static uint32_t include_zeroes;
static const struct flow_plugin_option options[] = {
    {"includezeroes", &include_zeroes, 1, "packets without payload too"}, {NULL, NULL, 0, NULL}};

static void add(uint32_t bins[BINS], uint64_t value)
{
   unsigned bits = value > 0 ? 64u - (unsigned) __builtin_clzll(value) : 0;
   unsigned bin = bits <= FIRST_BIN ? 0 : bits - FIRST_BIN < BINS ? bits - FIRST_BIN : BINS - 1;
   bins[bin] += bins[bin] < UINT32_MAX;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct phists *h = ext;
   uint64_t now = packet->time / MS;
   (void) flow;
   if (packet->payload_wire == 0 && !include_zeroes) {
      return PLUGIN_HAS_DATA;
   }
   add(h->sizes[reverse], packet->payload_wire);
   if (h->last[reverse] != 0) {
      add(h->gaps[reverse], now > h->last[reverse] ? now - h->last[reverse] : 0);
   }
   h->last[reverse] = now;
   return PLUGIN_HAS_DATA;
}

static void turn(void *ext)
{
   struct phists *h = ext;
   PLUGIN_TURN(h->sizes);
   PLUGIN_TURN(h->gaps);
   PLUGIN_TURN(h->last);
}

static bool finish(void *ext, const struct flow *flow)
{
   (void) ext;
   return flow->packets + flow->packets_rev != 1 || (flow->tcp_flags & PLUGIN_SYN) == 0;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct phists *h = ext;
   (void) index;
   plugin_set_var(t, rec, F_D_PHISTS_IPT, h->gaps[1], sizeof(h->gaps[1]));
   plugin_set_var(t, rec, F_D_PHISTS_SIZES, h->sizes[1], sizeof(h->sizes[1]));
   plugin_set_var(t, rec, F_S_PHISTS_IPT, h->gaps[0], sizeof(h->gaps[0]));
   plugin_set_var(t, rec, F_S_PHISTS_SIZES, h->sizes[0], sizeof(h->sizes[0]));
}

const struct flow_plugin plugin_phists = {
    .name = "phists",
    .help = "histograms of payload lengths and of times between packets",
    .fields = "uint32* S_PHISTS_SIZES,uint32* S_PHISTS_IPT,uint32* D_PHISTS_SIZES,uint32* D_PHISTS_IPT",
    .ext_size = sizeof(struct phists),
    .options = options,
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .finish = finish,
    .fill = fill,
};
