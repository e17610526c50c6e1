/* SPDX-License-Identifier: BSD-3-Clause */
/** Formats of capture files: from bytes to packets. Does no I/O; callers pass the bytes. */
#ifndef FLOW_CAPTURE_FILE_H
#define FLOW_CAPTURE_FILE_H

#include "parse/packet.h"

#include <stddef.h>

#define CAPTURE_MAX_PACKET     (256u * 1024) /* the largest snapshot length that tools use */
#define CAPTURE_MAX_BLOCK      (16u * 1024 * 1024)
#define CAPTURE_MAX_INTERFACES 1024
#define CAPTURE_ERROR_SIZE     256
#define CAPTURE_NO_HEADER      INT64_MAX /* nothing to skip: the first block is the header */

struct capture_interface {
   uint16_t link;
   uint32_t snaplen;
   uint64_t units; /* of time in a second */
   int64_t offset; /* seconds added to times */
};

struct capture_format {
   /** Takes one item off the bytes [p, p + size). \return bytes taken, 0: not all of it is there, -1: makes no sense
    * (message in error). *found tells whether *raw holds a packet. */
   int64_t (*next)(struct capture_format *f, const uint8_t *p, size_t size, struct raw_packet *raw,
                   bool *found);
   bool swapped;     /* the file's byte order is not this machine's */
   bool nanoseconds; /* pcap */
   struct capture_interface interfaces[CAPTURE_MAX_INTERFACES]; /* pcap: one */
   uint32_t n_interfaces;
   uint64_t last_time; /* pcapng packets without a time have that of the one before */
   uint64_t
       clamped; /* packets with a time before 1970 or after 2106, which got the nearest that records can hold */
   uint32_t skip;           /* pcapng: bytes of a block without packets that are still to be passed over */
   uint32_t skipped_length; /* what that block must end with */
   char error[CAPTURE_ERROR_SIZE];
};

/** Recognises a file by its first bytes (at least 24, or all there are) and sets up f.
 * \return bytes of the header to skip, CAPTURE_NO_HEADER, 0: more bytes are needed, -1: no capture file */
int64_t capture_format_detect(struct capture_format *f, const uint8_t *p, size_t size);

/** Nanoseconds since 1970 of a time; counts those that UniRec's times cannot hold. */
uint64_t capture_time(struct capture_format *f, __int128 nanoseconds);

/* pcapng.c */
int64_t pcapng_next(struct capture_format *f, const uint8_t *p, size_t size, struct raw_packet *raw,
                    bool *found);

static inline uint16_t file16(const struct capture_format *f, const uint8_t *p)
{
   uint16_t v;
   __builtin_memcpy(&v, p, 2);
   return f->swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t file32(const struct capture_format *f, const uint8_t *p)
{
   uint32_t v;
   __builtin_memcpy(&v, p, 4);
   return f->swapped ? __builtin_bswap32(v) : v;
}

static inline uint64_t file64(const struct capture_format *f, const uint8_t *p)
{
   uint64_t v;
   __builtin_memcpy(&v, p, 8);
   return f->swapped ? __builtin_bswap64(v) : v;
}

#endif
