/* SPDX-License-Identifier: BSD-3-Clause */
/** Classic pcap files, in either byte order, with microseconds or nanoseconds (draft-ietf-opsawg-pcap). */
#include "capture_file.h"

#include <stdio.h>
#include <string.h>

#define MAGIC_US     0xa1b2c3d4u
#define MAGIC_NS     0xa1b23c4du
#define MAGIC_PCAPNG 0x0a0d0d0au
#define FILE_HEADER  24
#define HEADER       16

uint64_t capture_time(struct capture_format *f, __int128 nanoseconds)
{
   const __int128 last = (__int128) UINT32_MAX * 1000000000u + 999999999u;
   if (nanoseconds >= 0 && nanoseconds <= last) {
      return (uint64_t) nanoseconds;
   }
   f->clamped++;
   return nanoseconds < 0 ? 0 : (uint64_t) last;
}

static int64_t pcap_next(struct capture_format *f, const uint8_t *p, size_t size, struct raw_packet *raw,
                         bool *found)
{
   *found = false;
   if (size < HEADER) {
      return 0;
   }
   uint32_t seconds = file32(f, p), fraction = file32(f, p + 4), captured = file32(f, p + 8);
   if (captured > CAPTURE_MAX_PACKET) {
      snprintf(f->error, sizeof(f->error), "packet of %u captured bytes (expected at most %u)", captured,
               CAPTURE_MAX_PACKET);
      return -1;
   }
   if (size - HEADER < captured) {
      return 0;
   }
   raw->data = p + HEADER;
   raw->time = capture_time(f, (__int128) seconds * 1000000000u +
                                   (f->nanoseconds ? fraction : (uint64_t) fraction * 1000));
   raw->captured = captured;
   raw->wire = file32(f, p + 12);
   raw->link = f->interfaces[0].link;
   *found = true;
   return HEADER + (int64_t) captured;
}

int64_t capture_format_detect(struct capture_format *f, const uint8_t *p, size_t size)
{
   uint32_t magic;
   if (size < 4) {
      return 0;
   }
   memset(f, 0, offsetof(struct capture_format, interfaces));
   f->n_interfaces = 0;
   f->last_time = f->clamped = 0;
   f->skip = 0;
   f->error[0] = 0;
   memcpy(&magic, p, 4);
   if (magic == MAGIC_PCAPNG) {
      f->next = pcapng_next;
      return CAPTURE_NO_HEADER;
   }
   f->swapped = magic == __builtin_bswap32(MAGIC_US) || magic == __builtin_bswap32(MAGIC_NS);
   magic = f->swapped ? __builtin_bswap32(magic) : magic;
   if (magic != MAGIC_US && magic != MAGIC_NS) {
      snprintf(f->error, sizeof(f->error), "not a capture file (magic 0x%08x, expected pcap or pcapng)",
               magic);
      return -1;
   }
   if (size < FILE_HEADER) {
      return 0;
   }
   uint32_t link = file32(f, p + 20) & 0xffff; /* above it: length of a frame check sequence */
   if (!packet_link_known(link)) {
      snprintf(f->error, sizeof(f->error), "link type %u (%s) is not supported", link,
               packet_link_name(link));
      return -1;
   }
   f->next = pcap_next;
   f->nanoseconds = magic == MAGIC_NS;
   f->interfaces[0] = (struct capture_interface){.link = (uint16_t) link};
   f->n_interfaces = 1;
   return FILE_HEADER;
}
