/* SPDX-License-Identifier: BSD-3-Clause */
/** Crypto-PAn. The block for bit p is the pad with its first p bits replaced by those of the address. */
#include "cryptopan.h"
#include "aes.h"

#include <endian.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>

#define TABLE_BITS 16 /* the first bits, the same for both families, are in a table */
#define CACHE_V4_BITS \
   17 /* entries of the caches: 1 MiB each, so that both stay in the second cache of the processor */
#define CACHE_V6_BITS 15

struct block {
   uint64_t word[2]; /* big endian */
};

struct cryptopan {
   struct aes aes;
   struct block pad;
   struct block masks[128]; /* number p: the first p bits */
   bool murmur, reverse;
   uint16_t table[1u << TABLE_BITS];
   /* Addresses that were mapped, each at the place of its hash, whose key is random: outsiders cannot choose addresses that share one. */
   struct {
      uint32_t from, to; /* as in the record */
   } cache_v4[1u << CACHE_V4_BITS];
   struct {
      ip_addr_t from, to;
   } cache_v6[1u << CACHE_V6_BITS];
};

static uint64_t rotate(uint64_t x, unsigned n)
{
   return x << n | x >> (64 - n);
}

/* The hash of a block is chain(chain(HASH_START, scramble(first word)), scramble(second word)); its bit is that of hash_bit(). */
#define HASH_START 42

static uint64_t scramble(uint64_t word)
{
   return rotate(le64toh(word) * 5333, 19) * 7177;
}

static uint64_t chain(uint64_t h, uint64_t scrambled)
{
   return rotate(h ^ scrambled, 19) * 11117 + 14011;
}

static unsigned hash_bit(uint64_t h)
{
   h ^= h >> 33;
   h *= UINT64_C(0xff51afd7ed558ccd);
   h ^= h >> 33;
   h *= UINT64_C(0xc4ceb9fe1a85ec53);
   h ^= h >> 33;
   return (unsigned) __builtin_parity((uint32_t) h);
}

/* The bits are within the word w of the address: the other word is the same in all blocks. */
static uint64_t hash_bits(const struct cryptopan *c, const struct block *address, unsigned w, unsigned from,
                          unsigned to)
{
   const uint64_t pad = c->pad.word[w], other = address->word[w] ^ pad;
   const uint64_t tail = scramble(c->pad.word[1]), head = chain(HASH_START, scramble(address->word[0]));
   uint64_t bits = 0;
   for (unsigned p = from; p < to; p++) {
      uint64_t scrambled = scramble(pad ^ (other & c->masks[p].word[w]));
      bits =
          bits << 1 | hash_bit(w == 0 ? chain(chain(HASH_START, scrambled), tail) : chain(head, scrambled));
   }
   return bits;
}

static uint64_t aes_bits(const struct cryptopan *c, const struct block *address, unsigned from, unsigned to)
{
   struct block blocks[64];
   const struct block pad = c->pad;
   const struct block other = {{address->word[0] ^ pad.word[0], address->word[1] ^ pad.word[1]}};
   uint8_t *bytes = (uint8_t *) blocks;
   uint64_t bits = 0;
   unsigned n = 0;
   do {
      const struct block *mask = &c->masks[from + n];
      blocks[n].word[0] = pad.word[0] ^ (other.word[0] & mask->word[0]);
      blocks[n].word[1] = pad.word[1] ^ (other.word[1] & mask->word[1]);
   } while (++n < to - from);
   aes_encrypt(&c->aes, bytes, bytes, n);
   for (unsigned i = 0; i < n; i++) {
      bits = bits << 1 | bytes[(size_t) AES_BLOCK * i] >> 7;
   }
   return bits;
}

/* The pseudorandom bits number from .. to - 1 for an address, the last one lowest; from < to, both within one word. */
static uint64_t random_bits(const struct cryptopan *c, const struct block *address, unsigned from,
                            unsigned to)
{
   return c->murmur ? hash_bits(c, address, from / 64, from, to) : aes_bits(c, address, from, to);
}

static struct block to_block(const uint64_t words[2])
{
   return (struct block){{htobe64(words[0]), htobe64(words[1])}};
}

/* Inverts bits from .. to - 1 of the address where the bits of the original say so. */
static void map_bits(const struct cryptopan *c, const uint64_t original[2], uint64_t mapped[2], unsigned from,
                     unsigned to)
{
   struct block address = to_block(original);
   while (from < to) {
      unsigned last = from / 64 * 64 + 64 < to ? from / 64 * 64 + 64 : to;
      mapped[from / 64] ^= random_bits(c, &address, from, last) << (63 - (last - 1) % 64);
      from = last;
   }
}

/* The same backwards: a bit is needed before the next one can be found. */
static void unmap_bits(const struct cryptopan *c, uint64_t address[2], unsigned from, unsigned to)
{
   for (unsigned p = from; p < to; p++) {
      struct block block = to_block(address);
      address[p / 64] ^= random_bits(c, &block, p, p + 1) << (63 - p % 64);
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

/* Replaces the first length bits of an address. */
static void map_words(const struct cryptopan *c, uint64_t words[2], unsigned length)
{
   const uint64_t original[2] = {words[0], words[1]};
   words[0] = (words[0] & UINT64_MAX >> TABLE_BITS) | (uint64_t) c->table[words[0] >> (64 - TABLE_BITS)]
                                                          << (64 - TABLE_BITS);
   if (c->reverse) {
      unmap_bits(c, words, TABLE_BITS, length);
   } else {
      map_bits(c, original, words, TABLE_BITS, length);
   }
}

/* \param v4, result: in the byte order of records */
static uint32_t map_v4(const struct cryptopan *c, uint32_t v4)
{
   uint64_t words[2] = {(uint64_t) be32toh(v4) << 32, 0};
   map_words(c, words, 32);
   return htobe32((uint32_t) (words[0] >> 32));
}

static ip_addr_t map_v6(const struct cryptopan *c, const ip_addr_t *ip)
{
   uint64_t words[2] = {be64toh(ip->ui64[0]), be64toh(ip->ui64[1])};
   map_words(c, words, 128);
   return (ip_addr_t){.ui64 = {htobe64(words[0]), htobe64(words[1])}};
}

static size_t place_v4(uint32_t v4)
{
   uint64_t word = v4;
   return nc_hash_words(&word, 1) >> (64 - CACHE_V4_BITS);
}

static size_t place_v6(const ip_addr_t *ip)
{
   return nc_hash_words(ip->ui64, 2) >> (64 - CACHE_V6_BITS);
}

void cryptopan_prefetch(const struct cryptopan *c, const ip_addr_t *ip)
{
   ip_addr_t key;
   memcpy(&key, ip, sizeof(key));
   if (ip_is4(&key)) {
      __builtin_prefetch(&c->cache_v4[place_v4(key.ui32[2])], 1);
   } else {
      __builtin_prefetch(&c->cache_v6[place_v6(&key)], 1);
   }
}

ip_addr_t cryptopan_map(struct cryptopan *c, const ip_addr_t *ip)
{
   ip_addr_t key;
   memcpy(&key, ip, sizeof(key)); /* may be unaligned in a record */
   if (ip_is4(&key)) {
      size_t i = place_v4(key.ui32[2]);
      if (c->cache_v4[i].from != key.ui32[2]) {
         c->cache_v4[i].to = map_v4(c, key.ui32[2]);
         c->cache_v4[i].from = key.ui32[2];
      }
      key.ui32[2] = c->cache_v4[i].to;
      return key;
   }
   size_t i = place_v6(&key);
   if (memcmp(&c->cache_v6[i].from, &key, sizeof(key)) != 0) {
      c->cache_v6[i].to = map_v6(c, &key);
      c->cache_v6[i].from = key;
   }
   return c->cache_v6[i].to;
}

/* An empty entry is one of 0.0.0.0 or ::. */
static void clear_caches(struct cryptopan *c)
{
   const ip_addr_t none = {.ui64 = {0, 0}}, v6 = map_v6(c, &none);
   const uint32_t v4 = map_v4(c, 0);
   for (size_t i = 0; i < 1u << CACHE_V4_BITS; i++) {
      c->cache_v4[i].to = v4;
   }
   for (size_t i = 0; i < 1u << CACHE_V6_BITS; i++) {
      c->cache_v6[i].to = v6;
   }
}

struct cryptopan *cryptopan_new(const uint8_t key[CRYPTOPAN_KEY], unsigned flags)
{
   struct cryptopan *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      return NULL;
   }
   c->murmur = flags & CRYPTOPAN_MURMUR;
   c->reverse = flags & CRYPTOPAN_REVERSE;
   for (unsigned p = 1; p < 128; p++) {
      c->masks[p] = to_block(p <= 64 ? (uint64_t[]){UINT64_MAX << (64 - p), 0}
                                     : (uint64_t[]){UINT64_MAX, UINT64_MAX << (128 - p)});
   }
   aes_init(&c->aes, key, flags & CRYPTOPAN_PORTABLE);
   aes_encrypt(&c->aes, key + AES_BLOCK, (uint8_t *) &c->pad, 1);
   make_table(c);
   clear_caches(c);
   return c;
}

void cryptopan_free(struct cryptopan *c)
{
   if (c != NULL) {
      explicit_bzero(c, sizeof(*c));
   }
   free(c);
}
