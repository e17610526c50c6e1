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

static __int128 to_nanoseconds(const struct capture_interface *i, uint64_t t)
{
   uint64_t seconds = t / i->units, rest = t % i->units;
   unsigned __int128 fraction = (unsigned __int128) rest * 1000000000u / i->units;
   return ((__int128) seconds + i->offset) * 1000000000 + (__int128) fraction;
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
   raw->time = f->last_time = capture_time(f, to_nanoseconds(i, t));
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

static bool is_read(uint32_t type)
{
   return type == BLOCK_SECTION || type == BLOCK_INTERFACE || type == BLOCK_PACKET ||
          type == BLOCK_PACKET_OLD || type == BLOCK_SIMPLE;
}

static int64_t check_end(struct capture_format *f, const uint8_t *p, uint32_t length)
{
   uint32_t end = file32(f, p);
   return end == length ? 4 : malformed(f, "block with two different lengths", end);
}

/* On through a block that is not read: as far as its bytes are there. */
static int64_t skip(struct capture_format *f, const uint8_t *p, size_t size)
{
   if (f->skip > 4) {
      uint32_t n = f->skip - 4 < size ? f->skip - 4 : (uint32_t) size;
      f->skip -= n;
      return n;
   }
   if (size < 4) {
      return 0;
   }
   f->skip = 0;
   return check_end(f, p, f->skipped_length);
}

/* \return as pcapng_next() */
static int64_t read_block(struct capture_format *f, uint32_t type, const uint8_t *body, size_t size,
                          struct raw_packet *raw)
{
   switch (type) {
   case BLOCK_INTERFACE: return interface_block(f, body, size);
   case BLOCK_PACKET: return packet_block(f, body, size, size >= 4 ? file32(f, body) : 0, raw);
   case BLOCK_PACKET_OLD: return packet_block(f, body, size, size >= 2 ? file16(f, body) : 0, raw);
   case BLOCK_SIMPLE: return simple_block(f, body, size, raw);
   default: return 0;
   }
}

int64_t pcapng_next(struct capture_format *f, const uint8_t *p, size_t size, struct raw_packet *raw,
                    bool *found)
{
   *found = false;
   if (f->skip > 0) {
      return skip(f, p, size);
   }
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
   if (length < 12 || length % 4 != 0) {
      return malformed(f, "invalid block length (expected a multiple of 4 from 12)", length);
   }
   if (!is_read(type)) { /* of any size: it needs no buffer */
      f->skip = length - 8;
      f->skipped_length = length;
      return 8;
   }
   if (length > CAPTURE_MAX_BLOCK) {
      return malformed(f, "block of packets or of a section longer than 16 MiB", length);
   }
   if (size < length) {
      return 0;
   }
   int64_t rc = check_end(f, p + length - 4, length);
   rc = rc > 0 ? read_block(f, type, p + 8, length - 12, raw) : rc;
   *found = rc > 0;
   return rc < 0 ? rc : length;
}
