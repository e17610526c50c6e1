/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file
 * What a file of the archive of flows looks like: its name, and its trailer. Shared by flow_archive, which writes such files, and by the
 * command nemea, which reads them.
 *
 * DIR/2026-11-24/20261124T131500Z-300s-0.trapcap.zst holds what was received while the stream clock was in the 300 seconds from
 * 13:15 UTC on. The clock is the newest TIME_LAST, so no flow of the file ended after that interval. It is a .trapcap file of zstd
 * frames, one for each block, then the trailer in a skippable frame (RFC 8878), which every reader of such files passes over:
 *
 *    0x184D2A5E, bytes that follow          u32 each; all numbers are little-endian
 *    filter: blocks * 64 bytes              nc_bloom.h
 *    footer: 64 bytes                       first, last (ur_time_t), records, key[2], u32 blocks, u32 flags, checksum, "NFARCH1\n"
 *
 * While a file is written, ".part" is appended to its name; a file without a trailer is read like one whose filter says "perhaps".
 */
#ifndef ARCHIVE_FILE_H
#define ARCHIVE_FILE_H

#include <nemea-common/nc_bloom.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unirec/unirec.h>

#define ARCHIVE_NAME        80 /* "2026-11-24/20261124T131500Z-300s-0.trapcap.zst.part" and room */
#define ARCHIVE_FOOTER      64
#define ARCHIVE_FRAME       8 /* magic and length of the skippable frame */
#define ARCHIVE_PART        ".part"
#define ARCHIVE_DAMAGED     ".damaged"
#define ARCHIVE_REASON      160
#define ARCHIVE_DEFAULT_DIR "/var/lib/nemea/flows"

/** What a name says. */
struct archive_name {
   uint32_t begin, seconds, number; /* seconds since 1970; length of the interval */
   bool part, damaged;
};

/** Writes the path below the directory of the archive, with the directory of the day. */
void archive_name_write(const struct archive_name *n, char to[ARCHIVE_NAME]);
/** Reads the name of a file, without directories. \return false: a file of the archive has no such name */
bool archive_name_read(const char *name, struct archive_name *n);
/** Begin of the day of a directory "2026-11-24", seconds since 1970. \return false: it is none */
bool archive_day_read(const char *name, uint32_t *begin);

enum archive_flags {
   ARCHIVE_TIMED = 1,   /* first and last are those of all records */
   ARCHIVE_FILTERED = 2 /* the filter has all addresses */
};

/** The trailer, without the words of its filter. */
struct archive_footer {
   uint64_t first, last; /* least TIME_FIRST, greatest TIME_LAST */
   uint64_t records, key[2], checksum;
   uint32_t blocks, flags;
};

/** Makes a trailer. \param filter folded \return to free(), NULL without memory */
uint8_t *archive_trailer_make(const struct archive_footer *f, const nc_bloom_t *filter, size_t *size);
/** Checks the last ARCHIVE_FOOTER bytes of a file of size bytes. \return false: there is no trailer, or with a reason in why it is
 *  damaged; why is "" when there is none */
bool archive_footer_read(const uint8_t *end, uint64_t size, struct archive_footer *f,
                         char why[ARCHIVE_REASON]);
/** Checks the words of the filter, as they stand before the footer. \param filter to nc_bloom_free() \return false with a reason */
bool archive_filter_read(const uint8_t *words, const struct archive_footer *f, nc_bloom_t *filter,
                         char why[ARCHIVE_REASON]);

/** Adds an address: itself, and the networks by which look-ups of networks are answered. */
void archive_filter_add(nc_bloom_t *filter, const ip_addr_t *ip);
/** \return false: no flow of the file has an address of this network. Networks larger than IPv4 /16 and IPv6 /32 may always be there */
bool archive_filter_may_have(const nc_bloom_t *filter, const ip_addr_t *ip, unsigned prefix);

/** Is ip in the network? \param prefix 0 to 32 for IPv4, to 128 for IPv6 */
bool archive_in_network(const ip_addr_t *ip, const ip_addr_t *network, unsigned prefix);

#endif
