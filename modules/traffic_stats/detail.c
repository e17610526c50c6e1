/* SPDX-License-Identifier: BSD-3-Clause */
#include "detail.h"

#include <string.h>

/* The place for a key that is not there: a free one, or that of the lowest rank, which is kept. */
static unsigned take_place(const uint64_t ranks[DETAIL_ENTRIES])
{
   unsigned least = 0;
   for (unsigned i = 0; i < DETAIL_ENTRIES; i++) {
      if (ranks[i] == 0) {
         return i;
      }
      least = ranks[i] < ranks[least] ? i : least;
   }
   return least;
}

/* A rank is never 0 where something was counted. */
static void count(uint64_t *rank, struct amount *amount, const struct amount *a)
{
   *rank = amount_sum(*rank, a->bytes + (a->bytes == 0));
   amount_add(amount, a);
}

static bool same_address(const ip_addr_t *a, const ip_addr_t *b)
{
   return memcmp(a, b, sizeof(*a)) == 0;
}

void detail_add_peer(struct detail *d, const ip_addr_t *peer, const struct amount *a)
{
   unsigned i = 0;
   while (i < DETAIL_ENTRIES && (d->peer_ranks[i] == 0 || !same_address(&d->peers[i], peer))) {
      i++;
   }
   if (i == DETAIL_ENTRIES) {
      i = take_place(d->peer_ranks);
      d->peers[i] = *peer;
      d->peer_amounts[i] = (struct amount){.flows = 0};
   }
   count(&d->peer_ranks[i], &d->peer_amounts[i], a);
}

void detail_add_port(struct detail *d, uint32_t port, const struct amount *a)
{
   unsigned i = 0;
   while (i < DETAIL_ENTRIES && (d->port_ranks[i] == 0 || d->ports[i] != port)) {
      i++;
   }
   if (i == DETAIL_ENTRIES) {
      i = take_place(d->port_ranks);
      d->ports[i] = port;
      d->port_amounts[i] = (struct amount){.flows = 0};
   }
   count(&d->port_ranks[i], &d->port_amounts[i], a);
}

void detail_merge(struct detail *to, const struct detail *from)
{
   for (unsigned i = 0; i < DETAIL_ENTRIES; i++) {
      if (from->peer_ranks[i] != 0) {
         detail_add_peer(to, &from->peers[i], &from->peer_amounts[i]);
      }
      if (from->port_ranks[i] != 0) {
         detail_add_port(to, from->ports[i], &from->port_amounts[i]);
      }
   }
}

/* -------------------------------------------------------------------- encoding */

/* peers, then ports: each list its number of entries, then the entries. Numbers are LEB128: seven bits a byte, the lowest first. */

static uint8_t *put_number(uint8_t *to, uint64_t n)
{
   for (; n >= 0x80; n >>= 7) {
      *to++ = (uint8_t) (n | 0x80);
   }
   *to++ = (uint8_t) n;
   return to;
}

static uint8_t *put_amount(uint8_t *to, const struct amount *a)
{
   return put_number(put_number(put_number(to, a->flows), a->packets), a->bytes);
}

static unsigned entries(const uint64_t ranks[DETAIL_ENTRIES])
{
   unsigned n = 0;
   while (n < DETAIL_ENTRIES && ranks[n] != 0) {
      n++;
   }
   return n;
}

size_t detail_write(const struct detail *d, uint8_t to[DETAIL_MAX])
{
   uint8_t *at = to;
   unsigned peers = entries(d->peer_ranks), ports = entries(d->port_ranks);
   *at++ = (uint8_t) peers;
   for (unsigned i = 0; i < peers; i++) {
      bool four = ip_is4(&d->peers[i]);
      size_t size = four ? 4 : 16;
      *at++ = (uint8_t) size;
      memcpy(at, (const uint8_t *) &d->peers[i] + (four ? 8 : 0), size);
      at = put_amount(at + size, &d->peer_amounts[i]);
   }
   *at++ = (uint8_t) ports;
   for (unsigned i = 0; i < ports; i++) {
      at = put_amount(put_number(at, d->ports[i]), &d->port_amounts[i]);
   }
   return (size_t) (at - to);
}

struct reader {
   const uint8_t *at, *end;
   bool good;
};

static uint64_t get_number(struct reader *r)
{
   uint64_t n = 0;
   for (unsigned shift = 0; r->good && shift < 64; shift += 7) {
      if (r->at == r->end) {
         break;
      }
      uint8_t byte = *r->at++;
      n |= (uint64_t) (byte & 0x7f) << shift;
      if ((byte & 0x80) == 0 && n <= INT64_MAX) {
         return n;
      }
      if ((byte & 0x80) == 0) {
         break;
      }
   }
   r->good = false;
   return 0;
}

static struct amount get_amount(struct reader *r)
{
   struct amount a;
   a.flows = get_number(r);
   a.packets = get_number(r);
   a.bytes = get_number(r);
   return a;
}

static ip_addr_t get_address(struct reader *r)
{
   ip_addr_t ip;
   uint64_t size = get_number(r);
   memset(&ip, 0, sizeof(ip));
   if ((size != 4 && size != 16) || (size_t) (r->end - r->at) < size) {
      r->good = false;
      return ip;
   }
   ip = size == 4 ? ip_from_4_bytes_be((const char *) r->at) : ip_from_16_bytes_be((const char *) r->at);
   r->at += size;
   return ip;
}

bool detail_read(struct detail *d, const uint8_t *from, size_t size)
{
   struct reader r = {.at = from, .end = from + size, .good = true};
   memset(d, 0, sizeof(*d));
   uint64_t peers = get_number(&r);
   for (uint64_t i = 0; r.good && i < peers; i++) {
      ip_addr_t peer = get_address(&r);
      struct amount a = get_amount(&r);
      if (r.good && i < DETAIL_ENTRIES) {
         detail_add_peer(d, &peer, &a);
      }
   }
   uint64_t ports = get_number(&r);
   for (uint64_t i = 0; r.good && i < ports; i++) {
      uint64_t port = get_number(&r);
      struct amount a = get_amount(&r);
      if (r.good && i < DETAIL_ENTRIES) {
         detail_add_port(d, (uint32_t) (port & 0xffffff), &a);
      }
   }
   return r.good && peers <= DETAIL_ENTRIES && ports <= DETAIL_ENTRIES && r.at == r.end;
}
