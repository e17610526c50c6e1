/* SPDX-License-Identifier: BSD-3-Clause */
/** Crypto-PAn. The block for bit p is the pad with its first p bits replaced by those of the address. */
#include "cryptopan.h"
#include "aes.h"

#include <endian.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>

#define TABLE_BITS 16 /* the first bits, the same for both families, are in a table */
#define CACHE_BITS 16 /* entries of the cache: 2 MiB */

struct cryptopan {
   struct aes aes;
   uint64_t pad[2]; /* first bit on top */
   bool murmur, reverse;
   uint16_t table[1u << TABLE_BITS];
   /* Addresses that were mapped, each at the place of its hash, whose key is random: nobody can make two hosts share one. */
   struct {
      ip_addr_t from, to;
   } cache[1u << CACHE_BITS];
};

struct block {
   uint64_t word[2]; /* big endian */
};

static struct block make_block(const struct cryptopan *c, const uint64_t address[2], unsigned p)
{
   uint64_t high = p >= 64 ? UINT64_MAX : p == 0 ? 0 : UINT64_MAX << (64 - p);
   uint64_t low = p <= 64 ? 0 : UINT64_MAX << (128 - p);
   return (struct block){{htobe64((address[0] & high) | (c->pad[0] & ~high)),
                          htobe64((address[1] & low) | (c->pad[1] & ~low))}};
}

static uint64_t rotate(uint64_t x, unsigned n)
{
   return x << n | x >> (64 - n);
}

static unsigned hash_bit(const struct block *block)
{
   uint64_t h = 42;
   for (int i = 0; i < 2; i++) {
      h ^= rotate(le64toh(block->word[i]) * 5333, 19) * 7177;
      h = rotate(h, 19) * 11117 + 14011;
   }
   h ^= h >> 33;
   h *= UINT64_C(0xff51afd7ed558ccd);
   h ^= h >> 33;
   h *= UINT64_C(0xc4ceb9fe1a85ec53);
   h ^= h >> 33;
   return (unsigned) __builtin_parity((uint32_t) h);
}

/* The pseudorandom bit of each of n blocks; the blocks are lost. */
static void random_bits(const struct cryptopan *c, struct block *blocks, unsigned n, uint8_t *bits)
{
   if (c->murmur) {
      for (unsigned i = 0; i < n; i++) {
         bits[i] = (uint8_t) hash_bit(&blocks[i]);
      }
      return;
   }
   uint8_t *bytes = (uint8_t *) blocks;
   aes_encrypt(&c->aes, bytes, bytes, n);
   for (unsigned i = 0; i < n; i++) {
      bits[i] = bytes[AES_BLOCK * i] >> 7;
   }
}

/* Inverts bits from .. to - 1 of the address where the bits of the original say so. */
static void map_bits(const struct cryptopan *c, const uint64_t original[2], uint64_t mapped[2], unsigned from,
                     unsigned to)
{
   struct block blocks[128];
   uint8_t bits[128];
   if (from >= to) {
      return;
   }
   unsigned n = 0;
   do {
      blocks[n] = make_block(c, original, from + n);
   } while (++n < to - from);
   random_bits(c, blocks, n, bits);
   for (unsigned p = from; p < to; p++) {
      mapped[p / 64] ^= (uint64_t) bits[p - from] << (63 - p % 64);
   }
}

/* The same backwards: a bit is needed before the next one can be found. */
static void unmap_bits(const struct cryptopan *c, uint64_t address[2], unsigned from, unsigned to)
{
   for (unsigned p = from; p < to; p++) {
      struct block block = make_block(c, address, p);
      uint8_t bit;
      random_bits(c, &block, 1, &bit);
      address[p / 64] ^= (uint64_t) bit << (63 - p % 64);
   }
}

static void make_table(struct cryptopan *c)
{
   uint16_t forward[1u << TABLE_BITS];
   for (unsigned x = 0; x < 1u << TABLE_BITS; x++) {
      uint64_t original[2] = {(uint64_t) x << (64 - TABLE_BITS), 0}, mapped[2] = {original[0], 0};
      /* What depends on fewer bits than all is known from the address below. */
      unsigned known = x == 0 ? 0 : TABLE_BITS - (unsigned) __builtin_ctz(x);
      if (x > 0) {
         unsigned kept = (unsigned) (0xffff0000u >> known) & 0xffffu;
         mapped[0] ^= (uint64_t) ((forward[x - 1] ^ (x - 1)) & kept) << (64 - TABLE_BITS);
      }
      map_bits(c, original, mapped, known, TABLE_BITS);
      forward[x] = (uint16_t) (mapped[0] >> (64 - TABLE_BITS));
   }
   for (unsigned x = 0; x < 1u << TABLE_BITS; x++) {
      if (c->reverse) {
         c->table[forward[x]] = (uint16_t) x;
      } else {
         c->table[x] = forward[x];
      }
   }
}

static ip_addr_t map_address(const struct cryptopan *c, const ip_addr_t *ip)
{
   bool v4 = ip_is4(ip);
   unsigned length = v4 ? 32 : 128;
   uint64_t original[2] = {be64toh(ip->ui64[0]), be64toh(ip->ui64[1])};
   if (v4) {
      original[0] = (uint64_t) ip_get_v4_as_int(ip) << 32;
      original[1] = 0;
   }
   uint64_t mapped[2] = {original[0], original[1]};
   mapped[0] = (mapped[0] & UINT64_MAX >> TABLE_BITS) | (uint64_t) c->table[mapped[0] >> (64 - TABLE_BITS)]
                                                            << (64 - TABLE_BITS);
   if (c->reverse) {
      unmap_bits(c, mapped, TABLE_BITS, length);
   } else {
      map_bits(c, original, mapped, TABLE_BITS, length);
   }
   ip_addr_t result = {.ui64 = {htobe64(mapped[0]), htobe64(mapped[1])}};
   return v4 ? ip_from_int((uint32_t) (mapped[0] >> 32)) : result;
}

ip_addr_t cryptopan_map(struct cryptopan *c, const ip_addr_t *ip)
{
   ip_addr_t key;
   memcpy(&key, ip, sizeof(key)); /* may stand anywhere in a record */
   size_t i = nc_hash_words(key.ui64, 2) >> (64 - CACHE_BITS);
   if (memcmp(&c->cache[i].from, &key, sizeof(key)) != 0) {
      c->cache[i].to = map_address(c, &key);
      c->cache[i].from = key;
   }
   return c->cache[i].to;
}

struct cryptopan *cryptopan_new(const uint8_t key[CRYPTOPAN_KEY], unsigned flags)
{
   struct cryptopan *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   uint8_t pad[AES_BLOCK];
   c->murmur = flags & CRYPTOPAN_MURMUR;
   c->reverse = flags & CRYPTOPAN_REVERSE;
   aes_init(&c->aes, key, flags & CRYPTOPAN_PORTABLE);
   aes_encrypt(&c->aes, key + AES_BLOCK, pad, 1);
   memcpy(c->pad, pad, sizeof(c->pad));
   c->pad[0] = be64toh(c->pad[0]);
   c->pad[1] = be64toh(c->pad[1]);
   make_table(c);
   ip_addr_t none = {.ui64 = {0, 0}}, mapped = map_address(c, &none);
   for (size_t i = 0; i < 1u << CACHE_BITS; i++) { /* an empty entry is one of :: */
      c->cache[i].to = mapped;
   }
   return c;
}

void cryptopan_free(struct cryptopan *c)
{
   if (c != NULL) {
      explicit_bzero(c, sizeof(*c));
   }
   free(c);
}
