/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: one plugin (PLUGIN, a string), or all that read TCP connections in order (PLUGIN is empty), behind the parser and the
 * cache. First byte: ports (from the table below, or its number); second: bit 0 UDP, bit 1 IPv6, bit 2 ports swapped, bit 3 the packets are cut
 * by the capture. Then packets: a byte (bit 0 direction, bits 1 to 3 which TCP flags, bits 4 to 6 delay, bit 7 out of order: by how much is in the
 * payload's first byte), two of the payload's length (little endian), the payload.
 */
#include "cache/cache.h"
#include "plugins/registry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct flow_plugin *plugins[MAX_PLUGINS];
static unsigned n_plugins;
static ur_template_t *tmplts[MAX_PLUGINS];
static struct plugin_record *record;
static uint32_t seq[2];

static void export(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   (void) context;
   (void) reason;
   if (flow->packets + flow->packets_rev == 0) {
      abort();
   }
   for (unsigned p = 0; p < n_plugins; p++) {
      if ((flow->plugins >> p & 1) == 0) {
         continue;
      }
      unsigned n = plugins[p]->records != NULL ? plugins[p]->records(ext[p]) : 1;
      for (unsigned i = 0; i < n; i++) {
         void *rec = plugin_record_begin(tmplts[p], record);
         plugins[p]->fill(ext[p], i, tmplts[p], rec);
         uint16_t size = plugin_record_end(tmplts[p], record);
         if (size != ur_rec_size(tmplts[p], rec) || !ur_rec_check(tmplts[p], rec, size)) {
            abort();
         }
      }
   }
}

struct peer {
   bool udp, ipv6;
   unsigned port[2]; /* of the first sender and of the other */
};

/* Allocates a frame of the exact size of its headers and payload. */
static uint8_t *make_frame(const struct peer *p, unsigned how, const uint8_t *payload, size_t size,
                           size_t *total)
{
   static const uint8_t flags[] = {0x18, 0x10, 0x02, 0x12, 0x11, 0x04, 0x19, 0x00};
   size_t ip = p->ipv6 ? 40 : 20, l4 = p->udp ? 8 : 20, length = l4 + size;
   uint8_t *f = calloc(1, 14 + ip + length), *t = f + 14 + ip;
   unsigned way = how & 1;
   f[12] = p->ipv6 ? 0x86 : 0x08;
   f[13] = p->ipv6 ? 0xdd : 0;
   if (p->ipv6) {
      f[14] = 0x60;
      f[18] = (uint8_t) (length >> 8);
      f[19] = (uint8_t) length;
      f[20] = p->udp ? 17 : 6;
      f[14 + 23] = (uint8_t) way;
      f[14 + 39] = (uint8_t) !way;
   } else {
      f[14] = 0x45;
      f[16] = (uint8_t) ((length + ip) >> 8);
      f[17] = (uint8_t) (length + ip);
      f[23] = p->udp ? 17 : 6;
      f[14 + 15] = (uint8_t) way;
      f[14 + 19] = (uint8_t) !way;
   }
   t[0] = (uint8_t) (p->port[way] >> 8);
   t[1] = (uint8_t) p->port[way];
   t[2] = (uint8_t) (p->port[!way] >> 8);
   t[3] = (uint8_t) p->port[!way];
   if (!p->udp) {
      int shift = (how & 0x80) != 0 && size > 0 ? ((int) payload[0] - 128) * 40 : 0;
      uint32_t number = seq[way] + (uint32_t) shift;
      for (unsigned i = 0; i < 4; i++) {
         t[4 + i] = (uint8_t) (number >> (24 - 8 * i));
      }
      seq[way] += shift == 0 ? (uint32_t) size : 0;
      t[12] = 0x50;
      t[13] = flags[how >> 1 & 7];
   }
   if (size > 0) {
      memcpy(t + l4, payload, size);
   }
   *total = 14 + ip + length;
   return f;
}

/* how: options of the cache in bits 4 to 6. */
static struct flow_cache *make_cache(unsigned how)
{
   struct flow_cache_config config = {.capacity = 16,
                                      .active_ms = 300000,
                                      .inactive_ms = 30000,
                                      .export = export,
                                      .tcp_direction = how >> 4 & 1,
                                      .early = how >> 5 & 1,
                                      .join_vlans = how >> 6 & 1};
   for (size_t i = 0; record == NULL && flow_plugin_at(i) != NULL; i++) {
      const struct flow_plugin *plugin = flow_plugin_at(i);
      if (PLUGIN[0] != 0 ? strcmp(plugin->name, PLUGIN) == 0 : plugin->stream) {
         ur_define_set_of_fields(plugin->fields);
         tmplts[n_plugins] = ur_create_template_from_ifc_spec(plugin->fields);
         plugins[n_plugins++] = plugin;
      }
   }
   if (n_plugins == 0) {
      abort();
   }
   record = record != NULL ? record : malloc(sizeof(*record));
   memcpy(config.plugins, plugins, sizeof(plugins));
   config.n_plugins = n_plugins;
   seq[0] = seq[1] = 1;
   return flow_cache_new(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const uint16_t ports[] = {80,   443,  53,   25,  123,  137,   1900, 5353,
                                    5060, 8554, 1883, 587, 1194, 51820, 554,  4433};
   struct flow_cache *cache = size >= 2 ? make_cache(data[1]) : NULL;
   if (cache == NULL) {
      return 0;
   }
   struct peer peer = {.udp = data[1] & 1, .ipv6 = data[1] >> 1 & 1, .port = {40000, 0}};
   peer.port[1] = data[0] < 16 ? ports[data[0]] : data[0];
   if ((data[1] & 4) != 0) {
      peer.port[0] = peer.port[1];
      peer.port[1] = 40000;
   }
   bool cut = (data[1] & 8) != 0;
   uint64_t time = 1000 * NS;
   for (data += 2, size -= 2; size >= 3;) {
      size_t length = data[1] | (size_t) data[2] << 8, total = 0;
      unsigned how = data[0];
      data += 3;
      size -= 3;
      length = length < size ? length : size;
      length = length < 9000 ? length : 9000;
      uint8_t *frame = make_frame(&peer, how, data, length, &total);
      struct raw_packet raw = {.data = frame,
                               .time = time,
                               .captured = (uint32_t) total,
                               .wire = (uint32_t) total + (cut ? 100 : 0),
                               .link = LINK_ETHERNET};
      struct packet packet;
      if (packet_parse(&raw, PARSE_OUTER, &packet) == PARSE_OK) {
         flow_cache_packets(cache, &packet, 1);
      }
      free(frame);
      time += (uint64_t) (how >> 4 & 7) * NS / 4;
      data += length;
      size -= length;
   }
   flow_cache_flush(cache);
   flow_cache_free(cache);
   return 0;
}
