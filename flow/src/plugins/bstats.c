/* SPDX-License-Identifier: BSD-3-Clause */
/** Plugin bstats: bursts, by direction: three or more packets with payload, each less than a second behind the last. */
#include "../cache.h"

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
   struct {
      struct burst bursts[MAX_BURSTS]; /* bursts[count] is the one that may become a burst */
      uint32_t count;
   } way[2];
};

static unsigned look(void *ext, const struct flow *flow, const struct packet *k, bool reverse)
{
   struct bstats *s = ext;
   uint32_t *count = &s->way[reverse].count;
   (void) flow;
   if (k->payload_wire == 0 || *count == MAX_BURSTS) {
      return PLUGIN_HAS_DATA;
   }
   struct burst *b = &s->way[reverse].bursts[*count];
   if (b->packets > 0 && k->time >= b->stop + NS && b->packets >= LEAST_PACKETS) {
      b = ++*count < MAX_BURSTS ? b + 1 : NULL;
   }
   if (b == NULL) {
      return PLUGIN_HAS_DATA;
   }
   if (b->packets == 0 || k->time >= b->stop + NS) {
      *b = (struct burst){.start = k->time, .stop = k->time, .packets = 1, .bytes = k->payload_wire};
      return PLUGIN_HAS_DATA;
   }
   b->packets++;
   b->bytes += k->payload_wire;
   b->stop = k->time > b->stop ? k->time : b->stop;
   return PLUGIN_HAS_DATA;
}

static bool finish(void *ext, const struct flow *flow)
{
   struct bstats *s = ext;
   for (unsigned way = 0; way < 2; way++) {
      uint32_t n = s->way[way].count;
      s->way[way].count += n < MAX_BURSTS && s->way[way].bursts[n].packets >= LEAST_PACKETS;
   }
   return flow->packets + flow->packets_rev >= LEAST_OF_FLOWS;
}

static void fill_way(const struct burst *b, uint32_t n, const ur_template_t *t, void *rec, const int field[4])
{
   uint32_t packets[MAX_BURSTS], bytes[MAX_BURSTS];
   ur_time_t start[MAX_BURSTS], stop[MAX_BURSTS];
   for (uint32_t i = 0; i < n; i++) {
      packets[i] = b[i].packets;
      bytes[i] = b[i].bytes;
      start[i] = plugin_time(b[i].start);
      stop[i] = plugin_time(b[i].stop);
   }
   ur_set_var(t, rec, field[0], packets, (int) (n * sizeof(packets[0])));
   ur_set_var(t, rec, field[1], bytes, (int) (n * sizeof(bytes[0])));
   ur_set_var(t, rec, field[2], start, (int) (n * sizeof(start[0])));
   ur_set_var(t, rec, field[3], stop, (int) (n * sizeof(stop[0])));
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   const struct bstats *s = ext;
   const int source[4] = {F_SBI_BRST_PACKETS, F_SBI_BRST_BYTES, F_SBI_BRST_TIME_START, F_SBI_BRST_TIME_STOP};
   const int destination[4] = {F_DBI_BRST_PACKETS, F_DBI_BRST_BYTES, F_DBI_BRST_TIME_START,
                               F_DBI_BRST_TIME_STOP};
   (void) index;
   fill_way(s->way[0].bursts, s->way[0].count, t, rec, source);
   fill_way(s->way[1].bursts, s->way[1].count, t, rec, destination);
}

const struct flow_plugin plugin_bstats = {
    .name = "bstats",
    .help = "packets, bytes and times of bursts of packets with payload",
    .fields =
        "uint32* SBI_BRST_PACKETS,uint32* SBI_BRST_BYTES,time* SBI_BRST_TIME_START,time* SBI_BRST_TIME_STOP,"
        "uint32* DBI_BRST_PACKETS,uint32* DBI_BRST_BYTES,time* DBI_BRST_TIME_START,time* DBI_BRST_TIME_STOP",
    .ext_size = sizeof(struct bstats),
    .create = look,
    .update = look,
    .finish = finish,
    .fill = fill,
};
