/* SPDX-License-Identifier: BSD-3-Clause */
/** pcapng files (draft-ietf-opsawg-pcapng): sections, interfaces, packets; all other blocks are skipped. */
#include "capture_file.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_INTERFACE = 1, BLOCK_PACKET_OLD = 2, BLOCK_SIMPLE = 3, BLOCK_PACKET = 6 };
#define BLOCK_SECTION  0x0a0d0d0au
#define BYTE_ORDER_OUR 0x1a2b3c4du
#define OPTION_TSRESOL 9
#define OPTION_OFFSET  14

static int64_t malformed(struct capture_format *f, const char *what, uint64_t value)
{
   snprintf(f->error, sizeof(f->error), "%s: %llu", what, (unsigned long long) value);
   return -1;
}

static uint64_t power(uint64_t base, unsigned exponent)
{
   uint64_t v = 1;
   while (exponent-- > 0) {
      v *= base;
   }
   return v;
}

/* if_tsresol: a power of ten, or of two with the high bit. \return 0 for what does not fit 64 bits */
static uint64_t time_units(uint8_t resolution)
{
   unsigned exponent = resolution & 0x7f;
   if (resolution & 0x80) {
      return exponent < 64 ? (uint64_t) 1 << exponent : 0;
   }
   return exponent < 20 ? power(10, exponent) : 0;
}

static int64_t interface_block(struct capture_format *f, const uint8_t *body, size_t size)
{
   if (size < 8) {
      return malformed(f, "interface block too short", size);
   }
   if (f->n_interfaces == CAPTURE_MAX_INTERFACES) {
      return malformed(f, "more interfaces in a section than the limit", CAPTURE_MAX_INTERFACES);
   }
   struct capture_interface *i = &f->interfaces[f->n_interfaces++];
   *i = (struct capture_interface){.link = file16(f, body), .snaplen = file32(f, body + 4), .units = 1000000};
   for (size_t at = 8; size - at >= 4;) {
      unsigned code = file16(f, body + at), length = file16(f, body + at + 2);
      const uint8_t *value = body + at + 4;
      if (code == 0 || length > size - at - 4) {
         break;
      }
      if (code == OPTION_TSRESOL && length >= 1) {
         i->units = time_units(value[0]);
      } else if (code == OPTION_OFFSET && length >= 8) {
         i->offset = (int64_t) file64(f, value);
      }
      size_t step = 4 + ((size_t) length + 3) / 4 * 4;
      if (step > size - at) {
         break;
      }
      at += step;
   }
   return i->units != 0 ? 0 : malformed(f, "unsupported time resolution of interface", f->n_interfaces - 1);
}

static uint64_t to_nanoseconds(const struct capture_interface *i, uint64_t t)
{
   uint64_t seconds = t / i->units, rest = t % i->units;
   unsigned __int128 fraction = (unsigned __int128) rest * 1000000000u / i->units;
   return (seconds + (uint64_t) i->offset) * 1000000000u + (uint64_t) fraction;
}

/* Enhanced packet blocks and their predecessor. */
static int64_t packet_block(struct capture_format *f, const uint8_t *body, size_t size, uint32_t id,
                            struct raw_packet *raw)
{
   if (size < 20) {
      return malformed(f, "packet block too short", size);
   }
   uint32_t captured = file32(f, body + 12);
   if (captured > size - 20 || captured > CAPTURE_MAX_PACKET) {
      return malformed(f, "invalid packet length", captured);
   }
   if (id >= f->n_interfaces) {
      return malformed(f, "packet of an unknown interface", id);
   }
   const struct capture_interface *i = &f->interfaces[id];
   uint64_t t = (uint64_t) file32(f, body + 4) << 32 | file32(f, body + 8);
   raw->time = f->last_time = to_nanoseconds(i, t);
   raw->data = body + 20;
   raw->captured = captured;
   raw->wire = file32(f, body + 16);
   raw->link = i->link;
   return 1;
}

static int64_t simple_block(struct capture_format *f, const uint8_t *body, size_t size,
                            struct raw_packet *raw)
{
   if (size < 4 || f->n_interfaces == 0) {
      return malformed(f, "simple packet block too short or without an interface", size);
   }
   uint32_t wire = file32(f, body), captured = wire, snaplen = f->interfaces[0].snaplen;
   if (snaplen != 0 && captured > snaplen) {
      captured = snaplen;
   }
   if (captured > size - 4 || captured > CAPTURE_MAX_PACKET) {
      return malformed(f, "invalid packet length", captured);
   }
   raw->time = f->last_time;
   raw->data = body + 4;
   raw->captured = captured;
   raw->wire = wire;
   raw->link = f->interfaces[0].link;
   return 1;
}

/* A section has a byte order of its own. \return as pcapng_next() */
static int64_t begin_section(struct capture_format *f, const uint8_t *p, size_t size)
{
   uint32_t magic;
   if (size < 12) {
      return 0;
   }
   memcpy(&magic, p + 8, 4);
   if (magic != BYTE_ORDER_OUR && magic != __builtin_bswap32(BYTE_ORDER_OUR)) {
      return malformed(f, "invalid byte-order magic in section header", magic);
   }
   f->swapped = magic != BYTE_ORDER_OUR;
   f->n_interfaces = 0;
   return 1;
}

int64_t pcapng_next(struct capture_format *f, const uint8_t *p, size_t size, struct raw_packet *raw,
                    bool *found)
{
   *found = false;
   if (size < 8) {
      return 0;
   }
   uint32_t type = file32(f, p);
   if (type == BLOCK_SECTION) {
      int64_t rc = begin_section(f, p, size);
      if (rc <= 0) {
         return rc;
      }
   }
   uint32_t length = file32(f, p + 4);
   if (length < 12 || length % 4 != 0 || length > CAPTURE_MAX_BLOCK) {
      return malformed(f, "invalid block length (expected a multiple of 4 from 12 to 16 MiB)", length);
   }
   if (size < length) {
      return 0;
   }
   if (file32(f, p + length - 4) != length) {
      return malformed(f, "block with two different lengths", file32(f, p + length - 4));
   }
   const uint8_t *body = p + 8;
   size_t body_size = length - 12;
   int64_t rc = 0;
   switch (type) {
   case BLOCK_INTERFACE: rc = interface_block(f, body, body_size); break;
   case BLOCK_PACKET: rc = packet_block(f, body, body_size, body_size >= 4 ? file32(f, body) : 0, raw); break;
   case BLOCK_PACKET_OLD:
      rc = packet_block(f, body, body_size, body_size >= 2 ? file16(f, body) : 0, raw);
      break;
   case BLOCK_SIMPLE: rc = simple_block(f, body, body_size, raw); break;
   default: break;
   }
   /* Packets of unsupported link types are not damage. */
   *found = rc > 0 && packet_link_known(raw->link);
   return rc < 0 ? rc : length;
}
