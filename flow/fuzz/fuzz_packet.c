/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: the packet parser and the flow cache behind it. First byte: link type and depth; the rest: packets of 1..255 bytes. */
#include "cache/cache.h"
#include "plugins/registry.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(void *context, const struct flow *flow, void *const ext[MAX_PLUGINS], enum flow_end reason)
{
   (void) context;
   (void) ext;
   (void) reason;
   if (flow->packets + flow->packets_rev == 0) {
      abort();
   }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   static const uint16_t links[] = {
       LINK_ETHERNET, LINK_RAW,      LINK_SLL,      LINK_SLL2,         LINK_NULL,   LINK_IPV4,
       LINK_IPV6,     LINK_PPP,      LINK_PPP_HDLC, LINK_PPP_ETHER,    LINK_C_HDLC, LINK_80211,
       LINK_FRELAY,   LINK_LOOP,     LINK_ENC,      LINK_PFLOG,        LINK_NFLOG,  LINK_MPLS,
       LINK_RADIOTAP, LINK_PPP_PPPD, LINK_RAW_BSD,  LINK_PPP_WITH_DIR, 220};
   struct flow_cache_config config = {.capacity = 16,
                                      .active_ms = 300000,
                                      .inactive_ms = 30000,
                                      .fragments = 16,
                                      .fragment_s = 3,
                                      .export = drop};
   struct packet packets[1];
   config.plugins[config.n_plugins++] = flow_plugin_find("dns");
   if (size < 1) {
      return 0;
   }
   struct flow_cache *cache = flow_cache_new(&config);
   if (cache == NULL) {
      abort();
   }
   enum parse_depth depth = (*data & 0x80) != 0 ? PARSE_INNER : PARSE_OUTER;
   uint16_t link = links[(*data++ & 0x7f) % (sizeof(links) / sizeof(links[0]))];
   uint64_t time = 1000 * NS;
   for (size--; size > 1;) {
      size_t length = *data++;
      size--;
      length = length < size ? length : size;
      /* A copy of exact size, so that sanitizers detect reads past its end. */
      uint8_t *copy = malloc(length > 0 ? length : 1);
      memcpy(copy, data, length);
      struct raw_packet raw = {.data = copy,
                               .time = time,
                               .captured = (uint32_t) length,
                               .wire = (uint32_t) length + 20,
                               .link = link};
      if (packet_parse(&raw, depth, &packets[0]) == PARSE_OK) {
         flow_cache_packets(cache, packets, 1);
      }
      free(copy);
      time += (uint64_t) length * NS / 4;
      data += length;
      size -= length;
   }
   flow_cache_flush(cache);
   flow_cache_free(cache);
   return 0;
}
