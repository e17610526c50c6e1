/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Sources of packets: capture files (pcap, pcapng, either compressed with zstd, from a path or standard input) and
 * interfaces. A source belongs to one thread.
 */
#ifndef FLOW_SOURCE_H
#define FLOW_SOURCE_H

#include "parse/packet.h"

#include <stddef.h>

#define SOURCE_ERROR_SIZE 512

enum source_state {
   SOURCE_PACKETS, /**< packets were read */
   SOURCE_IDLE,    /**< nothing came on the interface for a while */
   SOURCE_INTERRUPTED, /**< no packet yet: a signal was handled, or a lot that holds no packet was read; read again to go on */
   SOURCE_END,     /**< the end of the file */
   SOURCE_DAMAGED, /**< a file ends or makes no sense here: see error; what came before it is good */
   SOURCE_FAILED   /**< cannot be read: see error */
};

struct source {
   /** Reads up to max packets. */
   enum source_state (*read)(struct source *s, struct raw_packet *packets, unsigned max, unsigned *count);
   void (*close)(struct source *s);
   uint64_t bytes_done;  /**< of the file */
   uint64_t bytes_total; /**< 0: not known */
   uint64_t dropped;     /**< by the kernel, on an interface */
   uint64_t clamped;     /**< packets whose times records cannot hold: before 1970 or after 2106 */
   uint64_t
       now; /**< when it is idle: the time of its packets, nanoseconds since 1970; 0: that of the clock */
   char error[SOURCE_ERROR_SIZE];
};

/** Memory that the buffers and zstd windows of all open capture files may take together. Call it before the first one is opened. */
void source_set_memory(uint64_t bytes);
#define SOURCE_MEMORY (UINT64_C(512) << 20) /* by default */

/** Opens a capture file; "-" is standard input. \return NULL with a message in error */
struct source *source_open_file(const char *path, char error[SOURCE_ERROR_SIZE]);
/**
 * Opens several capture files as one: their packets in the order of time, whatever the order of the files and however
 * much they overlap. All are looked into now. A read that gives SOURCE_DAMAGED is about one of them, damaged or not
 * readable at all; reading again goes on with the others, to SOURCE_END. The paths must outlive the source. \return NULL with a message in error
 */
struct source *source_open_files(const char *const *paths, unsigned n, char error[SOURCE_ERROR_SIZE]);
/**
 * Hands out the packets of a source at the pace of their times, speed times as fast; it is idle between them. A gap of more than a minute
 * in either direction is shortened to a minute, so that neither a pause nor a wrong time stops it for long. The source belongs to it, also when
 * it fails. \return NULL without memory
 */
struct source *source_paced(struct source *source, double speed);
/** Opens an interface. snaplen: bytes kept of a packet. filter: BPF text or NULL. */
struct source *source_open_live(const char *interface, unsigned snaplen, const char *filter,
                                char error[SOURCE_ERROR_SIZE]);

/**
 * Opens an interface through AF_PACKET: a ring of a number of blocks of a number of pages, filled by the kernel (TPACKET_V3); packets are read
 * in place. fanout: number of the group of sockets that share the interface's packets, all of a flow to the same one;
 * -1: none.
 */
struct source *source_open_raw(const char *interface, unsigned blocks, unsigned block_pages, int fanout,
                               char error[SOURCE_ERROR_SIZE]);
/** The message that says what to do about a missing right to capture. */
void capture_not_permitted(const char *interface, char error[SOURCE_ERROR_SIZE]);
#define RAW_BLOCKS      256
#define RAW_BLOCK_PAGES 64

/** Prints the interfaces on standard output. \return false: they cannot be listed, with a message on standard error */
bool source_list_interfaces(void);

/** A BPF filter for packets. */
struct packet_filter;
struct packet_filter *packet_filter_new(const char *text, unsigned snaplen, char error[SOURCE_ERROR_SIZE]);
/** \return true when the packet passes. Programs are compiled for each link type when it is first seen. */
bool packet_filter_match(struct packet_filter *f, const struct raw_packet *raw);
void packet_filter_free(struct packet_filter *f);

#endif
