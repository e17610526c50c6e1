/* SPDX-License-Identifier: BSD-3-Clause */
/** Records of version 1 files: fixed members, addresses, counters, then the extensions that a map lists. */
#include <endian.h>

#include "record.h"

enum type { FLOW_0 = 1, MAP = 2, LAST_KNOWN = 9, FLOW = 10 };

#define FLOW_0_SIZE  28 /* fixed members */
#define FLOW_SIZE    32 /* the same and what was added */
#define FLAG_IPV6    0x1u
#define FLAG_PACKETS 0x2u /* the counter has 64 bits */
#define FLAG_BYTES   0x4u
#define MAP_SIZE     8 /* of a map without extensions */

/* Sizes of extensions, by their number; 0: unknown. Those before 4 are the addresses and counters, and are in no map. */
static const uint8_t sizes[] = {0, 0, 0, 0, 4, 8, 4,  8,  4,  4, 16, 4, 16, 4,
                                4, 8, 4, 8, 4, 8, 16, 16, 40, 4, 16, 4, 8,  8};

/* Extensions that are read. */
enum { INTERFACES_16 = 4, INTERFACES_32, PACKETS_32 = 14, PACKETS_64, BYTES_32, BYTES_64 };

static enum nf_record bad(const char **reason, const char *text)
{
   *reason = text;
   return NF_IS_BAD;
}

/* Keeps the place of an extension that is read. \return false: it ends after the end of the extensions */
static bool take_place(struct nf1_map *map, unsigned id, unsigned offset)
{
   struct nf1_place *place = id == INTERFACES_16 || id == INTERFACES_32 ? &map->input
                             : id == PACKETS_32 || id == PACKETS_64     ? &map->packets
                             : id == BYTES_32 || id == BYTES_64         ? &map->bytes
                                                                        : NULL;
   if (place == NULL) {
      return true;
   }
   place->offset = (uint16_t) offset;
   place->size = place == &map->input ? sizes[id] / 2 : sizes[id];
   return offset + sizes[id] <= map->total;
}

static enum nf_record read_map(const uint8_t *record, size_t size, struct nf1_map *maps, const char **reason)
{
   if (size < MAP_SIZE) {
      return bad(reason, "it is shorter than an extension map, 8 bytes");
   }
   struct nf1_map map = {.known = true, .total = nf_get16(record + 6)};
   unsigned offset = 0;
   for (size_t at = MAP_SIZE; at + 2 <= size; at += 2) {
      unsigned id = nf_get16(record + at);
      if (id == 0 || id >= sizeof(sizes) || sizes[id] == 0) {
         break; /* the end, or one behind which the places are unknown */
      }
      if (!take_place(&map, id, offset)) {
         return bad(reason, "the extensions of the map are longer than it says");
      }
      offset += sizes[id];
   }
   maps[nf_get16(record + 4)] = map;
   return NF_IS_OTHER;
}

static ip_addr_t ipv6(const uint8_t *p)
{
   ip_addr_t ip;
   ip.ui64[0] = htobe64(nf_get64(p));
   ip.ui64[1] = htobe64(nf_get64(p + 8));
   return ip;
}

/* A number of the extensions, which begin at p. */
static uint64_t extension(const uint8_t *p, const struct nf1_place *place, unsigned behind)
{
   p += place->offset + behind;
   return place->size == 8   ? nf_get64(p)
          : place->size == 4 ? nf_get32(p)
          : place->size == 2 ? nf_get16(p)
                             : 0;
}

/* Addresses, counters and extensions, which follow the fixed members. */
static enum nf_record read_data(const uint8_t *p, size_t left, unsigned flags, const struct nf1_map *map,
                                struct nf_flow *flow, const char **reason)
{
   size_t address = flags & FLAG_IPV6 ? 16 : 4, packets = flags & FLAG_PACKETS ? 8 : 4,
          bytes = flags & FLAG_BYTES ? 8 : 4;
   size_t needed = 2 * address + packets + bytes;
   if (left < needed || (map->known && left - needed < map->total)) {
      return bad(reason, "it is shorter than its flags and its extension map say");
   }
   flow->src = address == 16 ? ipv6(p) : ip_from_int(nf_get32(p));
   flow->dst = address == 16 ? ipv6(p + 16) : ip_from_int(nf_get32(p + 4));
   p += 2 * address;
   flow->packets = packets == 8 ? nf_get64(p) : nf_get32(p);
   p += packets;
   flow->bytes = bytes == 8 ? nf_get64(p) : nf_get32(p);
   p += bytes;
   flow->input = (uint32_t) extension(p, &map->input, 0);
   flow->output = (uint32_t) extension(p, &map->input, map->input.size);
   flow->packets_rev = extension(p, &map->packets, 0);
   flow->bytes_rev = extension(p, &map->bytes, 0);
   return NF_IS_FLOW;
}

enum nf_record nf1_record_read(const uint8_t *record, size_t size, struct nf1_map *maps, struct nf_flow *flow,
                               const char **reason)
{
   unsigned type = nf_get16(record);
   if (type == MAP) {
      return read_map(record, size, maps, reason);
   }
   if (type != FLOW_0 && type != FLOW) {
      return type > 0 && type <= LAST_KNOWN ? NF_IS_OTHER : NF_IS_UNKNOWN;
   }
   size_t fixed = type == FLOW_0 ? FLOW_0_SIZE : FLOW_SIZE;
   if (size < fixed) {
      return bad(reason, "it is shorter than the fixed members of a flow");
   }
   unsigned flags = type == FLOW_0 ? record[4] : nf_get16(record + 4);
   memset(flow, 0, sizeof(*flow));
   flow->first = nf_get32(record + 12) * 1000ull + nf_get16(record + 8);
   flow->last = nf_get32(record + 16) * 1000ull + nf_get16(record + 10);
   flow->tcp_flags = record[21];
   flow->protocol = record[22];
   flow->tos = record[23];
   flow->src_port = nf_get16(record + 24);
   flow->dst_port = nf_get16(record + 26);
   return read_data(record + fixed, size - fixed, flags, &maps[nf_get16(record + 6)], flow, reason);
}
