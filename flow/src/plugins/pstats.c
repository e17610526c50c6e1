/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin pstats: payload length, time, TCP flags and direction of the flow's first 30 packets that carry payload. */
#include "cache/flow.h"

#include <netinet/in.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(uint16 *PPI_PKT_LENGTHS, time *PPI_PKT_TIMES, uint8 *PPI_PKT_FLAGS, int8 *PPI_PKT_DIRECTIONS)

#define MAX_PACKETS 30
#define FIRST       8                    /* packets that every flow has room for: most have no more */
#define WRAPPED     INT64_C(-4252017623) /* a sequence number this much smaller went once around */

/* A packet. Its time is in nanoseconds; in two halves, so that it takes 12 bytes. */
struct seen {
   uint32_t time[2];
   uint16_t length;
   uint8_t flags;
   int8_t direction;
};

struct pstats {
   struct plugin_more more;                 /* packets after the first ones */
   uint32_t seq[2], ack[2], last_length[2]; /* of each direction's last packet */
   uint8_t last_flags[2];
   uint8_t count;
   /* Not cleared. */
   struct seen first[FIRST];
};

static uint32_t include_zeroes, skip_duplicates;
static const struct flow_plugin_option options[] = {
    {"includezeroes", &include_zeroes, 1, "packets without payload too"},
    {"skipdup", &skip_duplicates, 1, "not those TCP segments that were sent again"},
    {NULL, NULL, 0, NULL}};

static bool wrapped(uint32_t now, uint32_t before)
{
   return (int64_t) now - (int64_t) before < WRAPPED;
}

static bool not_newer(uint32_t now, uint32_t before)
{
   return now <= before ? !wrapped(now, before) : wrapped(before, now);
}

static bool duplicate(struct pstats *s, const struct packet *packet, unsigned way)
{
   if (packet->protocol != IPPROTO_TCP || plugin_l4_captured(packet) < 12) {
      return false;
   }
   uint32_t seq = load_be32(packet->l4 + 4), ack = load_be32(packet->l4 + 8);
   bool again = s->count > 0 && not_newer(seq, s->seq[way]) && not_newer(ack, s->ack[way]) &&
                packet->payload_wire == s->last_length[way] && packet->tcp_flags == s->last_flags[way];
   s->seq[way] = seq;
   s->ack[way] = ack;
   s->last_length[way] = packet->payload_wire;
   s->last_flags[way] = packet->tcp_flags;
   return again;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct pstats *s = ext;
   (void) flow;
   if (s->count == MAX_PACKETS) {
      return PLUGIN_HAS_DATA | PLUGIN_DONE;
   }
   if ((skip_duplicates && duplicate(s, packet, reverse)) || (packet->payload_wire == 0 && !include_zeroes)) {
      return PLUGIN_HAS_DATA;
   }
   struct seen *later = s->count >= FIRST ? plugin_grow(&s->more) : NULL;
   if (s->count >= FIRST && later == NULL) {
      return PLUGIN_HAS_DATA;
   }
   struct seen *seen = s->count < FIRST ? &s->first[s->count] : &later[s->count - FIRST];
   s->count++;
   memcpy(seen->time, &packet->time, sizeof(seen->time));
   seen->length = packet->payload_wire < UINT16_MAX ? (uint16_t) packet->payload_wire : UINT16_MAX;
   seen->flags = packet->tcp_flags;
   seen->direction = reverse ? -1 : 1;
   return PLUGIN_HAS_DATA;
}

static void turn(void *ext)
{
   struct pstats *s = ext;
   PLUGIN_TURN(s->seq);
   PLUGIN_TURN(s->ack);
   PLUGIN_TURN(s->last_length);
   PLUGIN_TURN(s->last_flags);
   struct seen *later = s->more.slot != 0 ? plugin_grow(&s->more) : NULL;
   for (unsigned i = 0; i < s->count; i++) {
      struct seen *seen = i < FIRST ? &s->first[i] : &later[i - FIRST];
      seen->direction = (int8_t) -seen->direction;
   }
}

static bool finish(void *ext, const struct flow *flow)
{
   (void) ext;
   return flow->packets + flow->packets_rev != 1 || (flow->tcp_flags & PLUGIN_SYN) == 0;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct pstats *s = ext;
   const struct seen *later = plugin_grown(&s->more);
   ur_time_t times[MAX_PACKETS];
   uint16_t lengths[MAX_PACKETS];
   uint8_t flags[MAX_PACKETS];
   int8_t directions[MAX_PACKETS];
   (void) index;
   for (unsigned i = 0; i < s->count; i++) {
      const struct seen *seen = i < FIRST ? &s->first[i] : &later[i - FIRST];
      uint64_t time;
      memcpy(&time, seen->time, sizeof(time));
      times[i] = plugin_time(time);
      lengths[i] = seen->length;
      flags[i] = seen->flags;
      directions[i] = seen->direction;
   }
   plugin_set_var(t, rec, F_PPI_PKT_DIRECTIONS, directions, s->count);
   plugin_set_var(t, rec, F_PPI_PKT_FLAGS, flags, s->count);
   plugin_set_var(t, rec, F_PPI_PKT_LENGTHS, lengths, s->count * sizeof(lengths[0]));
   plugin_set_var(t, rec, F_PPI_PKT_TIMES, times, s->count * sizeof(times[0]));
}

const struct flow_plugin plugin_pstats = {
    .name = "pstats",
    .help = "length, time, flags and direction of the first 30 packets with payload",
    .fields = "uint16* PPI_PKT_LENGTHS,time* PPI_PKT_TIMES,uint8* PPI_PKT_FLAGS,int8* PPI_PKT_DIRECTIONS",
    .ext_size = sizeof(struct pstats),
    .clear_size = offsetof(struct pstats, first),
    .more_size = (MAX_PACKETS - FIRST) * sizeof(struct seen),
    .options = options,
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .finish = finish,
    .fill = fill,
};
