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

#define P1     UINT64_C(0x9e3779b185ebca87)
#define P2     UINT64_C(0xc2b2ae3d27d4eb4f)
#define P3     UINT64_C(0x165667b19e3779f9)
#define P4     UINT64_C(0x85ebca77c2b2ae63)
#define P5     UINT64_C(0x27d4eb2f165667c5)
#define STRIPE 4 /* words */

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

static uint64_t load32(const uint8_t *p)
{
   uint32_t v;
   memcpy(&v, p, sizeof(v));
   return le32toh(v);
}

static uint64_t mix(uint64_t lane, uint64_t input)
{
   return rotate(lane + input * P2, 31) * P1;
}

/* Of n words, less than 8, as they are read from little endian bytes. */
static uint64_t xxh64(const uint64_t *words, size_t n)
{
   const uint64_t *end = words + n;
   uint64_t h = P5;
   if (n >= STRIPE) {
      const uint64_t lane[4] = {mix(P1 + P2, words[0]), mix(P2, words[1]), mix(0, words[2]),
                                mix(0 - P1, words[3])};
      h = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
      for (unsigned i = 0; i < 4; i++) {
         h = (h ^ mix(0, lane[i])) * P1 + P4;
      }
      words += STRIPE;
   }
   h += n * sizeof(*words);
   for (; words < end; words++) {
      h = rotate(h ^ mix(0, *words), 27) * P1 + P4;
   }
   h = (h ^ h >> 33) * P2;
   h = (h ^ h >> 29) * P3;
   return h ^ h >> 32;
}

/* The key is put together in words: bytes that were just written take long to be read as words. */
static unsigned create(void *ext, const struct flow *f, const struct packet *packet, bool reverse)
{
   (void) reverse;
   uint64_t ports = f->src_port | (uint64_t) f->dst_port << 16, vlan = (uint64_t) f->vlan << 48,
            begin = ports | (uint64_t) f->protocol << 32 | (uint64_t) f->ip_version << 40, hash;
   if (packet->ip_version == 4) {
      uint64_t src = load32(f->src_ip + 8), dst = load32(f->dst_ip + 8);
      const uint64_t words[] = {begin | src << 48, src >> 16 | dst << 16 | vlan};
      hash = xxh64(words, 2);
   } else {
      uint64_t src[2] = {load(f->src_ip), load(f->src_ip + 8)},
               dst[2] = {load(f->dst_ip), load(f->dst_ip + 8)};
      const uint64_t words[] = {begin | src[0] << 48, src[0] >> 16 | src[1] << 48,
                                src[1] >> 16 | dst[0] << 48, dst[0] >> 16 | dst[1] << 48,
                                dst[1] >> 16 | vlan};
      hash = xxh64(words, 5);
   }
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
