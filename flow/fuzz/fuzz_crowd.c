/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: a flow cache with early exports, and flows of many addresses. First byte: bit 0 another thing decides who began, bit 1 a
 * small cache. Then packets of four bytes: bit 0 UDP or ICMP, bit 1 the other direction, bits 2 to 7 milliseconds since the one before, times
 * 20; the low bytes of the two addresses; how many more packets of the same kind, each to the next address (bit 7: from the next one).
 */
#include "cache/cache.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t exported;

static void export(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   (void) context;
   (void) ext;
   (void) reason;
   if (flow->packets + flow->packets_rev == 0 || flow->first > flow->last) {
      abort();
   }
   exported += flow->packets + flow->packets_rev;
}

static void pass(struct flow_cache *cache, unsigned how, uint8_t from, uint8_t to, uint64_t time)
{
   bool udp = (how & 1) != 0, back = (how & 2) != 0;
   uint8_t frame[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, udp ? 17 : 1};
   frame[12] = frame[16] = to == 255 ? 239 : 10;
   frame[15] = back ? to : from;
   frame[19] = back ? from : to;
   frame[20] = udp ? 0 : (uint8_t) (back ? 0 : 8);
   frame[21] = frame[23] = udp ? 161 : 0;
   frame[25] = udp ? 8 : 0;
   struct raw_packet raw = {.data = frame, .time = time, .captured = 28, .wire = 28, .link = LINK_RAW};
   struct packet packet;
   if (packet_parse(&raw, PARSE_OUTER, &packet) != PARSE_OK) {
      abort();
   }
   flow_cache_packets(cache, &packet, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size == 0) {
      return 0;
   }
   struct flow_cache_config config = {.capacity = (data[0] & 2) != 0 ? 16 : 1024,
                                      .active_ms = 60000,
                                      .inactive_ms = 10000,
                                      .early = true,
                                      .tcp_direction = data[0] & 1,
                                      .export = export};
   struct flow_cache *cache = flow_cache_new(&config);
   if (cache == NULL) {
      return 0;
   }
   uint64_t time = 1000 * NS, packets = 0;
   exported = 0;
   for (data++, size--; size >= 4; data += 4, size -= 4) {
      time += (data[0] >> 2) * 20 * (NS / 1000);
      for (unsigned i = 0; i <= (data[3] & 0x7fu); i++, packets++) {
         bool from_next = (data[3] & 0x80) != 0;
         pass(cache, data[0], (uint8_t) (data[1] + (from_next ? i : 0)),
              (uint8_t) (data[2] + (from_next ? 0 : i)), time);
      }
   }
   const struct crowd_stats stats = flow_cache_crowds(cache);
   flow_cache_flush(cache);
   if (exported != packets || stats.split > stats.ended) {
      abort();
   }
   flow_cache_free(cache);
   return 0;
}
