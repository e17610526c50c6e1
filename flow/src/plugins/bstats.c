/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin bstats: bursts, by direction: three or more packets with payload, each less than a second after the last. */
#include "cache/flow.h"

#include "fields.h"

UR_FIELDS(uint32 *SBI_BRST_PACKETS, uint32 *SBI_BRST_BYTES, time *SBI_BRST_TIME_START,
          time *SBI_BRST_TIME_STOP, uint32 *DBI_BRST_PACKETS, uint32 *DBI_BRST_BYTES,
          time *DBI_BRST_TIME_START, time *DBI_BRST_TIME_STOP)

#define MAX_BURSTS     15
#define LEAST_PACKETS  3
#define LEAST_OF_FLOWS 4 /* packets; smaller flows give nothing */

struct burst {
   uint64_t start, stop; /* nanoseconds */
   uint32_t packets, bytes;
};

struct bstats {
   struct plugin_more more; /* MAX_BURSTS of each direction that are over; most flows have none */
   uint8_t count[2];        /* of these */
   bool begun[2];           /* now[] may become a burst */
   /* Not cleared. */
   struct burst now[2];
};

/* The burst that a direction is in is over. \return false: there is no room for it */
static bool keep(struct bstats *s, unsigned way)
{
   struct burst *over = plugin_grow(&s->more);
   if (over == NULL) {
      return false;
   }
   over[way * MAX_BURSTS + s->count[way]++] = s->now[way];
   return true;
}

static unsigned on_packet(void *ext, const struct flow *flow, const struct packet *packet, bool reverse)
{
   struct bstats *s = ext;
   struct burst *b = &s->now[reverse];
   (void) flow;
   if (packet->payload_wire == 0 || s->count[reverse] == MAX_BURSTS) {
      return PLUGIN_HAS_DATA;
   }
   if (s->begun[reverse] && packet->time >= b->stop + NS) {
      s->begun[reverse] = false;
      if (b->packets >= LEAST_PACKETS && keep(s, reverse) && s->count[reverse] == MAX_BURSTS) {
         return PLUGIN_HAS_DATA;
      }
   }
   if (!s->begun[reverse]) {
      *b = (struct burst){
          .start = packet->time, .stop = packet->time, .packets = 1, .bytes = packet->payload_wire};
      s->begun[reverse] = true;
      return PLUGIN_HAS_DATA;
   }
   b->packets++;
   b->bytes += packet->payload_wire;
   b->stop = packet->time > b->stop ? packet->time : b->stop;
   return PLUGIN_HAS_DATA;
}

static void turn(void *ext)
{
   struct bstats *s = ext;
   PLUGIN_TURN(s->count);
   PLUGIN_TURN(s->begun);
   PLUGIN_TURN(s->now);
   struct burst *over = s->more.slot != 0 ? plugin_grow(&s->more) : NULL;
   for (unsigned i = 0; over != NULL && i < MAX_BURSTS; i++) {
      struct burst first = over[i];
      over[i] = over[MAX_BURSTS + i];
      over[MAX_BURSTS + i] = first;
   }
}

static bool finish(void *ext, const struct flow *flow)
{
   (void) ext;
   return flow->packets + flow->packets_rev >= LEAST_OF_FLOWS;
}

/* The bursts of a direction, as they are in records. */
struct bursts {
   uint32_t packets[MAX_BURSTS], bytes[MAX_BURSTS];
   ur_time_t start[MAX_BURSTS], stop[MAX_BURSTS];
};

/* \return how many there are */
static uint32_t collect(const struct bstats *s, unsigned way, struct bursts *to)
{
   const struct burst *over = plugin_grown(&s->more);
   bool last = s->begun[way] && s->now[way].packets >= LEAST_PACKETS;
   uint32_t n = s->count[way] + (uint32_t) last;
   for (uint32_t i = 0; i < n; i++) {
      const struct burst *b = i < s->count[way] ? &over[way * MAX_BURSTS + i] : &s->now[way];
      to->packets[i] = b->packets;
      to->bytes[i] = b->bytes;
      to->start[i] = plugin_time(b->start);
      to->stop[i] = plugin_time(b->stop);
   }
   return n;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   struct bursts source, destination;
   uint32_t n_source = collect(ext, 0, &source), n_destination = collect(ext, 1, &destination);
   (void) index;
   plugin_set_var(t, rec, F_DBI_BRST_BYTES, destination.bytes, n_destination * sizeof(uint32_t));
   plugin_set_var(t, rec, F_DBI_BRST_PACKETS, destination.packets, n_destination * sizeof(uint32_t));
   plugin_set_var(t, rec, F_SBI_BRST_BYTES, source.bytes, n_source * sizeof(uint32_t));
   plugin_set_var(t, rec, F_SBI_BRST_PACKETS, source.packets, n_source * sizeof(uint32_t));
   plugin_set_var(t, rec, F_DBI_BRST_TIME_START, destination.start, n_destination * sizeof(ur_time_t));
   plugin_set_var(t, rec, F_DBI_BRST_TIME_STOP, destination.stop, n_destination * sizeof(ur_time_t));
   plugin_set_var(t, rec, F_SBI_BRST_TIME_START, source.start, n_source * sizeof(ur_time_t));
   plugin_set_var(t, rec, F_SBI_BRST_TIME_STOP, source.stop, n_source * sizeof(ur_time_t));
}

const struct flow_plugin plugin_bstats = {
    .name = "bstats",
    .help = "packets, bytes and times of bursts of packets with payload",
    .fields =
        "uint32* SBI_BRST_PACKETS,uint32* SBI_BRST_BYTES,time* SBI_BRST_TIME_START,time* SBI_BRST_TIME_STOP,"
        "uint32* DBI_BRST_PACKETS,uint32* DBI_BRST_BYTES,time* DBI_BRST_TIME_START,time* DBI_BRST_TIME_STOP",
    .ext_size = sizeof(struct bstats),
    .clear_size = offsetof(struct bstats, now),
    .more_size = 2 * MAX_BURSTS * sizeof(struct burst),
    .turn = turn,
    .create = on_packet,
    .update = on_packet,
    .finish = finish,
    .fill = fill,
};
