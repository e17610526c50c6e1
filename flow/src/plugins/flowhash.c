/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Plugin flowhash: a number for the flow's key that other tools compute alike: XXH64 with seed 0 (the xxHash specification)
 * of source port, destination port (both little endian), protocol, IP version, source and destination address, VLAN id
 * (little endian): 16 bytes for IPv4, 40 for IPv6.
 */
#include "cache/flow.h"

#include <endian.h>
#include <string.h>

#include "fields.h"

UR_FIELDS(uint64 FLOW_ID)

#define P1       UINT64_C(0x9e3779b185ebca87)
#define P2       UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3       UINT64_C(0x165667b19e3779f9)
#define P4       UINT64_C(0x85ebca77c2b2ae63)
#define P5       UINT64_C(0x27d4eb2f165667c5)
#define MAX_SIZE 40
#define STRIPE   32

static uint64_t rotate(uint64_t v, unsigned n)
{
   return v << n | v >> (64 - n);
}

static uint64_t load(const uint8_t *p)
{
   uint64_t v;
   memcpy(&v, p, sizeof(v));
   return le64toh(v);
}

static uint64_t mix(uint64_t lane, uint64_t input)
{
   return rotate(lane + input * P2, 31) * P1;
}

/* For sizes that are multiples of 8, below 64. */
static uint64_t xxh64(const uint8_t *p, size_t size)
{
   const uint8_t *end = p + size;
   uint64_t h = P5;
   if (size >= STRIPE) {
      const uint64_t lane[4] = {mix(P1 + P2, load(p)), mix(P2, load(p + 8)), mix(0, load(p + 16)),
                                mix(0 - P1, load(p + 24))};
      h = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
      for (unsigned i = 0; i < 4; i++) {
         h = (h ^ mix(0, lane[i])) * P1 + P4;
      }
      p += STRIPE;
   }
   h += size;
   for (; p < end; p += 8) {
      h = rotate(h ^ mix(0, load(p)), 27) * P1 + P4;
   }
   h = (h ^ h >> 33) * P2;
   h = (h ^ h >> 29) * P3;
   return h ^ h >> 32;
}

static unsigned create(void *ext, const struct flow *f, const struct packet *packet, bool reverse)
{
   uint8_t key[MAX_SIZE];
   size_t address = packet->ip_version == 4 ? 4 : 16, from = packet->ip_version == 4 ? 8 : 0;
   (void) reverse;
   const uint16_t src_port = htole16(f->src_port), dst_port = htole16(f->dst_port), vlan = htole16(f->vlan);
   memcpy(key, &src_port, 2);
   memcpy(key + 2, &dst_port, 2);
   key[4] = f->protocol;
   key[5] = f->ip_version;
   memcpy(key + 6, f->src_ip + from, address);
   memcpy(key + 6 + address, f->dst_ip + from, address);
   memcpy(key + 6 + 2 * address, &vlan, 2);
   uint64_t hash = xxh64(key, 8 + 2 * address);
   memcpy(ext, &hash, sizeof(hash));
   return PLUGIN_HAS_DATA;
}

static void fill(const void *ext, unsigned index, const ur_template_t *t, void *rec)
{
   (void) index;
   ur_set(t, rec, F_FLOW_ID, *(const uint64_t *) ext);
}

const struct flow_plugin plugin_flowhash = {
    .name = "flowhash",
    .help = "XXH64 of the flow's key",
    .fields = "uint64 FLOW_ID",
    .ext_size = sizeof(uint64_t),
    .create = create,
    .fill = fill,
};
